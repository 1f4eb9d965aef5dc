import ClaimModel
import ClaimStore
import Normalize
import Reporting

/// Rows and fen of one batch, worked out from what the ledger and the normalised store say: read = accepted +
/// rejected + set aside, sums before and after, settlements against their lines.
struct BatchFigures {
  let state: StoreState
  let batch: String
  /// Indices into `state.segments` that belong to the batch.
  let segments: Set<Int32>

  init(_ state: StoreState, batch: String) {
    self.state = state
    self.batch = batch
    segments = Set(state.segments.indices.filter { state.segments[$0].batch == batch }.map(Int32.init))
  }

  /// Rows of each segment by disposition.
  func dispositions() -> [Int32: [Disposition: Int]] {
    var result: [Int32: [Disposition: Int]] = [:]
    for table in ClaimTable.allCases {
      guard let rows = state.raw[table], let all = state.normalized.dispositions[table] else { continue }
      // Rows of a segment stand together: one look-up a run of equal rows, not two for each of a million.
      var start = 0
      while start < all.count {
        let segment = rows.origin[start].segment
        var end = start + 1
        while end < all.count, all[end] == all[start], rows.origin[end].segment == segment { end += 1 }
        result[segment, default: [:]][all[start], default: 0] += end - start
        start = end
      }
    }
    return result
  }

  /// Amount columns that reconciliation follows.
  private static let amounts: [(ClaimTable, Entity, [String])] = [
    (.settlements, .settlement, ["medfee_sumamt", "inscp_amt", "fund_pay_sumamt"]),
    (.feeLines, .line, ["det_item_fee_sumamt", "inscp_amt"]),
  ]

  /// Sums of the batch's amount columns before and after what was set aside.
  func sums() -> [RunReportModel.SumRow] {
    var result: [RunReportModel.SumRow] = []
    for (table, entity, columns) in Self.amounts {
      guard let rows = state.raw[table], let dispositions = state.normalized.dispositions[table] else { continue }
      let counted = state.normalized.claims[entity]
      for column in columns {
        guard let values = rows.columns[column]?.numbers, !values.isEmpty else { continue }
        var row = RunReportModel.SumRow(table: table.name, column: column, beforeFen: 0, afterFen: 0)
        var kept: Int64 = 0
        for (i, value) in values.enumerated()
        where value != ColumnData.null && segments.contains(rows.origin[i].segment) {
          row.beforeFen &+= value
          if dispositions[i] == .counts {
            kept &+= value
          } else {
            row.setAsideFen[dispositions[i].reason, default: 0] &+= value
          }
        }
        let net = counted.columns[column]?.numbers ?? []
        for (i, value) in net.enumerated()
        where value != ColumnData.null && segments.contains(counted.origin[i].segment) {
          row.afterFen &+= value
        }
        row.nettedFen = row.afterFen &- kept
        result.append(row)
      }
    }
    return result
  }

  /// Σ P of the batch's counting settlements.
  func fundPaid() -> Int64 {
    let settlements = state.normalized.claims[.settlement]
    let paid = settlements.columns["P"]?.numbers ?? []
    var sum: Int64 = 0
    for (i, value) in paid.enumerated()
    where value != ColumnData.null && segments.contains(settlements.origin[i].segment) {
      sum &+= value
    }
    return sum
  }

  /// Σ det_item_fee_sumamt of a settlement's counting lines against its medfee_sumamt.
  func settlementLines() -> RunReportModel.ReconciliationCheck {
    let settlements = state.normalized.claims[.settlement]
    let lines = state.normalized.claims[.line]
    var check = RunReportModel.ReconciliationCheck(kind: .settlementLines, checked: 0)
    let total = settlements.columns["medfee_sumamt"]?.numbers ?? []
    let ids = settlements.columns["setl_id"]?.codes ?? []
    let detail = lines.columns["det_item_fee_sumamt"]?.numbers ?? []
    guard let children = settlements.children[.line] else { return check }
    for i in 0..<settlements.count where segments.contains(settlements.origin[i].segment) {
      guard i < total.count, total[i] != ColumnData.null else {
        check.notComparable += 1
        continue
      }
      var sum: Int64 = 0
      for line in children.of(i) where detail[Int(line)] != ColumnData.null { sum &+= detail[Int(line)] }
      check.checked += 1
      if sum != total[i] {
        check.differences.append(
          .init(subject: state.codes.text(ids[i]), unit: .fen, expected: total[i], found: sum))
      }
    }
    return check
  }

  /// The batch's set-aside rows with their places: the first 1,000 a file and reason (all are counted elsewhere).
  func setAsideRejects(ledger: Ledger) throws -> [Reject] {
    var result: [Reject] = []
    for table in ClaimTable.allCases {
      guard let rows = state.raw[table], let dispositions = state.normalized.dispositions[table] else { continue }
      var wanted: [Int32: [Int32: Disposition]] = [:]
      var listed: [Int32: [Disposition: Int]] = [:]
      for (i, disposition) in dispositions.enumerated() where disposition != .counts {
        let origin = rows.origin[i]
        guard segments.contains(origin.segment) else { continue }
        let n = listed[origin.segment, default: [:]][disposition, default: 0]
        if n >= MachineFiles.listedPerCode { continue }
        listed[origin.segment, default: [:]][disposition] = n + 1
        wanted[origin.segment, default: [:]][origin.line] = disposition
      }
      for (segment, lines) in wanted.sorted(by: { $0.key < $1.key }) {
        let live = state.segments[Int(segment)]
        let name = live.record.memberName.map { "\(live.file)!\($0)" } ?? live.file
        let reader = try ledger.segmentReader(live.record.key)
        try reader.fetch(lines: lines.keys.sorted()) { line, offset, _ in
          let disposition = lines[line] ?? .counts
          result.append(
            Reject(
              file: name, table: table.name, line: Int(line), byteOffset: Int(offset), column: nil,
              code: disposition.reason, reason: disposition.explanation, action: .setAside))
        }
      }
    }
    return result
  }
}

extension Disposition {
  /// Why the row does not count, for rejects.csv.
  var explanation: String {
    switch self {
    case .counts: "counts"
    case .superseded: "a newer version of its key exists"
    case .cancelled: "vali_flag is not 1"
    case .refunded: "refd_setl_flag is 1"
    case .refund: "init_setl_id names the settlement it refunds"
    case .refundedByOther: "another settlement refunds it"
    case .orphanRefund: "a refund whose original is not in the store"
    case .excludedSetlType: "setl_type is excluded in this jurisdiction"
    case .inHospital: "the visit is still in hospital"
    case .unsettled: "setl_id is null"
    case .unknownSettlement: "its settlement is not in the store or was cancelled"
    case .settlementSetAside: "its settlement does not count"
    case .linkedReversal: "a reversal, added to the line it names"
    case .reversed: "reversed by lines that name it"
    case .pairedReversal: "a reversal, paired with a line of equal item, price and quantity"
    case .pairedReversed: "removed by a reversal of equal item, price and quantity"
    case .unpairedNegative: "a negative line without partner"
    case .zeroQuantity: "cnt is 0"
    case .negativeAmount: "the net amount is negative"
    }
  }
}
