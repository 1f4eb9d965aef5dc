import ClaimModel
import Diagnostics

/// Fee lines after reversals: which count, and their net quantities and amounts (rule-definitions 1.3-1.6).
struct NetLines {
  private(set) var dispositions: [Disposition]
  /// Rows that count, in raw order.
  private(set) var counting: [Int32] = []
  /// Net quantity and every loaded money column, by name; parallel to the raw rows, meaningful where a row counts.
  private(set) var net: [String: [Int64]] = [:]

  private let source: Source
  private let cnt: [Int64]
  private var isTouched: [Bool]

  init(_ source: Source, _ versions: LineVersions, _ settlements: Versions, _ settlementSource: Source) throws {
    self.source = source
    dispositions = versions.dispositions
    cnt = source.numbers("cnt")
    isTouched = [Bool](repeating: false, count: source.count)
    setAsideLines(settlements)
    let unlinked = try addLinkedReversals(versions, settlements, settlementSource)
    removePairs(unlinked)
    keepCounting()
  }

  /// 1.3 Lines of settlements that do not count, or without a known settlement.
  private mutating func setAsideLines(_ settlements: Versions) {
    let setl = source.codes("setl_id")
    for row in dispositions.indices where dispositions[row] == .counts {
      if setl[row] == CodeTable.null {
        dispositions[row] = .unsettled
      } else if let settlement = settlements.valid(setl[row]) {
        if settlements.dispositions[settlement] != .counts { dispositions[row] = .settlementSetAside }
      } else {
        dispositions[row] = .unknownSettlement
      }
    }
  }

  /// 1.4 Adds negative lines to the originals they name; returns the negative lines that name none.
  private mutating func addLinkedReversals(
    _ versions: LineVersions, _ settlements: Versions, _ settlementSource: Source
  ) throws -> [Int] {
    let visit = source.codes("mdtrt_id")
    let initial = source.codes("init_feedetl_sn")
    var links: [(reversal: Int, original: Int)] = []
    var unlinked: [Int] = []
    for row in dispositions.indices where dispositions[row] == .counts && cnt[row] < 0 && cnt[row] != ColumnData.null {
      if initial[row] != CodeTable.null, let original = versions.newest(visit: visit[row], serial: initial[row]),
        dispositions[original] == .counts, cnt[original] > 0
      {
        links.append((row, original))
      } else {
        unlinked.append(row)
      }
    }
    for link in links {
      dispositions[link.reversal] = .linkedReversal
      isTouched[link.original] = true
    }
    let amounts = source.table.columns.filter { $0.kind == .money && source.rows.columns[$0.name] != nil }
    for name in ["cnt"] + amounts.map(\.name) {
      var values = source.numbers(name)
      for link in links {
        let add = values[link.reversal]
        if values[link.original] == ColumnData.null || add == ColumnData.null { continue }
        let (sum, isOver) = values[link.original].addingReportingOverflow(add)
        if isOver || sum == ColumnData.null {
          throw overflow(link.original, settlements, settlementSource, "the net \(name) of a line")
        }
        values[link.original] = sum
      }
      net[name] = values
    }
    return unlinked
  }

  private func overflow(_ line: Int, _ settlements: Versions, _ settlementSource: Source, _ what: String) -> Diagnostic
  {
    let row = settlements.valid(source.codes("setl_id")[line])
    let origin = row.map { settlementSource.rows.origin[$0] } ?? source.rows.origin[line]
    return overflowDiagnostic(source.segments, origin, table: row == nil ? .feeLines : .settlements, what)
  }

  private struct Group: Hashable {
    var visit: UInt32
    var item: UInt32
    var price: Int64
    var quantity: Int64
  }

  /// 1.5 In each group as many of the latest positive lines go as there are negative ones.
  private mutating func removePairs(_ negatives: [Int]) {
    if negatives.isEmpty { return }
    let visit = source.codes("mdtrt_id")
    let item = source.codes("med_list_codg")
    let serial = source.codes("bkkp_sn")
    let price = source.numbers("pric")
    let time = source.numbers("fee_ocur_time")
    let codes = source.codeTable
    var groupOf: [Group: Int] = [:]
    var negativesOf: [[Int]] = []
    var hasGroup = [Bool](repeating: false, count: codes.count)
    for row in negatives {
      dispositions[row] = .unpairedNegative
      if item[row] == CodeTable.null || price[row] == ColumnData.null { continue }
      let key = Group(visit: visit[row], item: item[row], price: price[row], quantity: -cnt[row])
      hasGroup[Int(visit[row])] = true
      if let group = groupOf[key] {
        negativesOf[group].append(row)
      } else {
        groupOf[key] = negativesOf.count
        negativesOf.append([row])
      }
    }
    var positivesOf = [[Int]](repeating: [], count: negativesOf.count)
    for row in dispositions.indices
    where dispositions[row] == .counts && cnt[row] > 0 && !isTouched[row] && hasGroup[Int(visit[row])] {
      if item[row] == CodeTable.null || price[row] == ColumnData.null { continue }
      let key = Group(visit: visit[row], item: item[row], price: price[row], quantity: cnt[row])
      if let group = groupOf[key] { positivesOf[group].append(row) }
    }
    // Latest first, then the greater bkkp_sn first.
    let goesFirst: (Int, Int) -> Bool = { a, b in
      time[a] == time[b] ? codes.precedes(serial[b], serial[a]) : time[a] > time[b]
    }
    for group in negativesOf.indices {
      let negatives = negativesOf[group].sorted(by: goesFirst)
      let latest = time[negatives[0]]
      let positives = positivesOf[group].filter { time[$0] <= latest }.sorted(by: goesFirst)
      for (negative, positive) in zip(negatives, positives) {
        dispositions[negative] = .pairedReversal
        dispositions[positive] = .pairedReversed
      }
    }
  }

  /// 1.6 Lines with a net quantity above 0 and a net amount of at least 0.
  private mutating func keepCounting() {
    let netCnt = net["cnt"] ?? cnt
    let amount = net["det_item_fee_sumamt"] ?? source.numbers("det_item_fee_sumamt")
    for row in dispositions.indices where dispositions[row] == .counts {
      if netCnt[row] <= 0 {
        dispositions[row] = isTouched[row] ? .reversed : .zeroQuantity
      } else if amount[row] < 0 {
        dispositions[row] = .negativeAmount
      } else {
        counting.append(Int32(row))
      }
    }
  }
}
