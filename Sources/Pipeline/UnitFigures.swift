import ClaimModel
import Normalize
import Reporting

/// What the report says about rows and fen, worked out over one unit of the claims and added up over all of them:
/// rows by disposition, sums before and after, settlements against their lines, set-aside rows with their places.
///
/// An amount fits 64 bits; sums of them have 128, which no number of rows exceeds.
struct UnitFigures: Sendable {
  /// Rows by segment and disposition: `[segment * Disposition.allCases.count + disposition]`.
  private var counts: [Int]
  /// By table and column, in the order of `amounts`; only rows of the batch.
  private var allSums: [RunReportModel.SumRow]
  private var hasRows: [Bool]
  /// Σ P of the batch's counting settlements, fen.
  private(set) var fundPaidFen: Int128 = 0
  private var settlementLines = RunReportModel.ReconciliationCheck(kind: .settlementLines, checked: 0)
  private var listed: [SetAsideKey: SetAsideRows] = [:]
  private var unknown: [String: UnknownMedType] = [:]
  /// Newest setl_time of the batch and of all rows, seconds; `Int64.min` where there is none.
  private(set) var newestOfBatch = Int64.min
  private(set) var newestOfStore = Int64.min
  /// Raw rows of all tables, and counting lines.
  private(set) var rowsRead = 0
  private(set) var countingLines = 0

  private struct SetAsideKey: Hashable {
    var table: ClaimTable
    var segment: Int32
    var disposition: Disposition
  }

  /// The first rows by line; more than twice the limit are cut back to it.
  private struct SetAsideRows {
    var places: [(line: Int32, byteOffset: Int64)] = []

    mutating func add(_ line: Int32, _ byteOffset: Int64) {
      places.append((line, byteOffset))
      if places.count >= 2 * Rejects.listedPerCode { cut() }
    }

    mutating func cut() {
      places.sort { $0.line < $1.line }
      if places.count > Rejects.listedPerCode { places.removeLast(places.count - Rejects.listedPerCode) }
    }
  }

  /// Amount columns that reconciliation follows.
  private static let amounts: [(table: ClaimTable, entity: Entity, column: String)] = [
    (.settlements, .settlement, "medfee_sumamt"), (.settlements, .settlement, "inscp_amt"),
    (.settlements, .settlement, "fund_pay_sumamt"), (.feeLines, .line, "det_item_fee_sumamt"),
    (.feeLines, .line, "inscp_amt"),
  ]
  /// What is read of a table's entity.
  static func columns(_ table: ClaimTable) -> Set<String> {
    Set(amounts.filter { $0.table == table }.map(\.column))
      .union(table == .settlements ? ["setl_id", "psn_no", "mdtrt_id"] : [])
  }

  private static let dispositionCount = Disposition.allCases.count

  init(segments: Int) {
    counts = [Int](repeating: 0, count: segments * Self.dispositionCount)
    hasRows = [Bool](repeating: false, count: Self.amounts.count)
    allSums = Self.amounts.map { .init(table: $0.table.name, column: $0.column, beforeFen: 0, afterFen: 0) }
  }

  /// Counts the fee lines of a unit that count, and nothing else.
  mutating func addLines(_ claims: EffectiveClaims) { countingLines += claims[.line].count }

  /// Adds the rows of a unit. `ofBatch` says of each segment whether it is the batch's.
  mutating func add(raw: [ClaimTable: RawRows], _ normalized: Normalized, ofBatch: [Bool]) {
    let claims = normalized.claims
    for table in ClaimTable.allCases {
      guard let rows = raw[table], let dispositions = normalized.dispositions[table] else { continue }
      rowsRead += rows.count
      addDispositions(table, rows, dispositions, ofBatch)
    }
    for (i, (table, entity, column)) in Self.amounts.enumerated() {
      guard let rows = raw[table], let dispositions = normalized.dispositions[table],
        let values = rows.columns[column]?.numbers, !values.isEmpty
      else { continue }
      var row = allSums[i]
      hasRows[i] = true
      // By disposition; texts are looked up once for each, not for each row.
      var sums = [Int128](repeating: 0, count: Self.dispositionCount)
      var isSeen = [Bool](repeating: false, count: Self.dispositionCount)
      precondition(values.count == dispositions.count, "rows without a disposition")
      dispositions.withUnsafeBufferPointer { dispositions in
        sums.withUnsafeMutableBufferPointer { sums in
          isSeen.withUnsafeMutableBufferPointer { isSeen in
            Self.eachOfBatch(values, rows.origin, ofBatch) { k, value in
              let disposition = Int(dispositions[k].rawValue)
              sums[disposition] += Int128(value)
              isSeen[disposition] = true
            }
          }
        }
      }
      for disposition in Disposition.allCases where isSeen[Int(disposition.rawValue)] {
        let sum = sums[Int(disposition.rawValue)]
        row.beforeFen += sum
        if disposition != .counts { row.setAsideFen[disposition.reason, default: 0] += sum }
      }
      let kept = sums[Int(Disposition.counts.rawValue)]
      let counted = claims[entity]
      var after: Int128 = 0
      Self.eachOfBatch(counted.columns[column]?.numbers ?? [], counted.origin, ofBatch) { after += Int128($1) }
      row.afterFen += after
      row.nettedFen += after - kept
      allSums[i] = row
    }
    addSettlements(claims, ofBatch)
    if let rows = raw[.settlements], let times = rows.columns["setl_time"]?.numbers {
      // The null is the least of all numbers.
      for time in times { newestOfStore = max(newestOfStore, time) }
      Self.eachOfBatch(times, rows.origin, ofBatch) { newestOfBatch = max(newestOfBatch, $1) }
    }
    addLines(claims)
    for one in normalized.unknownMedTypes { add(one) }
  }

  /// Calls the body with the place and the value of each row of the batch that has one.
  @inline(__always)
  private static func eachOfBatch(
    _ values: [Int64], _ origin: [RowOrigin], _ ofBatch: [Bool], _ body: (Int, Int64) -> Void
  ) {
    precondition(values.count <= origin.count, "values of rows that are not there")
    let areAll = !ofBatch.contains(false)
    values.withUnsafeBufferPointer { values in
      if areAll {
        for k in 0..<values.count where values[k] != ColumnData.null { body(k, values[k]) }
        return
      }
      origin.withUnsafeBufferPointer { origin in
        // Rows of a segment mostly stand together.
        var segment: Int32 = -1
        var isOfBatch = false
        for k in 0..<values.count {
          if origin[k].segment != segment {
            segment = origin[k].segment
            isOfBatch = ofBatch[Int(segment)]
          }
          if isOfBatch, values[k] != ColumnData.null { body(k, values[k]) }
        }
      }
    }
  }

  private mutating func addDispositions(
    _ table: ClaimTable, _ rows: RawRows, _ dispositions: [Disposition], _ ofBatch: [Bool]
  ) {
    // Rows of a segment stand together: one look-up a run of equal rows, not two for each of a million.
    var start = 0
    while start < dispositions.count {
      let segment = rows.origin[start].segment
      let disposition = dispositions[start]
      let end = dispositions.withUnsafeBufferPointer { dispositions in
        rows.origin.withUnsafeBufferPointer { origin in
          var end = start &+ 1
          while end < dispositions.count, dispositions[end] == disposition, origin[end].segment == segment { end &+= 1 }
          return end
        }
      }
      counts[Int(segment) * Self.dispositionCount + Int(disposition.rawValue)] += end - start
      if disposition != .counts, ofBatch[Int(segment)], !rows.byteOffset.isEmpty {
        let key = SetAsideKey(table: table, segment: segment, disposition: disposition)
        for k in start..<end { listed[key, default: .init()].add(rows.origin[k].line, rows.byteOffset[k]) }
      }
      start = end
    }
  }

  private mutating func addSettlements(_ claims: EffectiveClaims, _ ofBatch: [Bool]) {
    let settlements = claims[.settlement]
    let lines = claims[.line]
    let paid = settlements.columns["P"]?.numbers ?? []
    let total = settlements.columns["medfee_sumamt"]?.numbers ?? []
    let ids = settlements.columns["setl_id"]?.codes ?? []
    let detail = lines.columns["det_item_fee_sumamt"]?.numbers ?? []
    let children = settlements.children[.line]
    for i in 0..<settlements.count where ofBatch[Int(settlements.origin[i].segment)] {
      if i < paid.count, paid[i] != ColumnData.null { fundPaidFen += Int128(paid[i]) }
      guard let children else { continue }
      guard i < total.count, total[i] != ColumnData.null else {
        settlementLines.notComparable += 1
        continue
      }
      var sum: Int128 = 0
      for place in Int(children.offsets[i])..<Int(children.offsets[i + 1]) {
        let amount = detail[Int(children.rows[place])]
        if amount != ColumnData.null { sum += Int128(amount) }
      }
      settlementLines.checked += 1
      if sum != Int128(total[i]) {
        settlementLines.differences.append(
          .init(subject: claims.codes.text(ids[i]), unit: .fen, expected: Int128(total[i]), found: sum))
      }
    }
  }

  private mutating func add(_ one: UnknownMedType) {
    guard var sum = unknown[one.code] else {
      unknown[one.code] = one
      return
    }
    sum.rows += one.rows
    sum.fen += one.fen
    sum.fundFen += one.fundFen
    unknown[one.code] = sum
  }

  /// Adds the figures of other rows.
  mutating func add(_ other: UnitFigures) {
    for i in other.counts.indices { counts[i] += other.counts[i] }
    for i in allSums.indices {
      hasRows[i] = hasRows[i] || other.hasRows[i]
      allSums[i].beforeFen += other.allSums[i].beforeFen
      allSums[i].afterFen += other.allSums[i].afterFen
      allSums[i].nettedFen += other.allSums[i].nettedFen
      allSums[i].setAsideFen.merge(other.allSums[i].setAsideFen, uniquingKeysWith: +)
    }
    fundPaidFen += other.fundPaidFen
    settlementLines.checked += other.settlementLines.checked
    settlementLines.notComparable += other.settlementLines.notComparable
    settlementLines.differences += other.settlementLines.differences
    for (key, rows) in other.listed {
      listed[key, default: .init()].places += rows.places
      listed[key]?.cut()
    }
    for one in other.unknown.values { add(one) }
    newestOfBatch = max(newestOfBatch, other.newestOfBatch)
    newestOfStore = max(newestOfStore, other.newestOfStore)
    rowsRead += other.rowsRead
    countingLines += other.countingLines
  }

  // MARK: What another engine has counted

  /// So many rows of a segment have a fate.
  mutating func add(rows: Int, _ table: ClaimTable, _ disposition: Disposition, segment: Int32) {
    counts[Int(segment) * Self.dispositionCount + Int(disposition.rawValue)] += rows
    rowsRead += rows
    if table == .feeLines, disposition == .counts { countingLines += rows }
    for (i, amount) in Self.amounts.enumerated() where amount.table == table && rows > 0 { hasRows[i] = true }
  }

  /// A row of the batch that was set aside; of each segment and reason the first ones.
  mutating func list(
    _ table: ClaimTable, _ disposition: Disposition, segment: Int32, line: Int32, byteOffset: Int64
  ) {
    listed[SetAsideKey(table: table, segment: segment, disposition: disposition), default: .init()]
      .add(line, byteOffset)
  }

  /// Fen of an amount column over the batch's rows of a fate; net of reversals for rows that count.
  mutating func add(fen: Int64, net: Int64, _ table: ClaimTable, column: String, _ disposition: Disposition) {
    guard let i = Self.amounts.firstIndex(where: { $0.table == table && $0.column == column }) else { return }
    allSums[i].beforeFen += Int128(fen)
    if disposition == .counts {
      allSums[i].afterFen += Int128(net)
      allSums[i].nettedFen += Int128(net) - Int128(fen)
    } else {
      allSums[i].setAsideFen[disposition.reason, default: 0] += Int128(fen)
    }
  }

  /// The batch's settlements held against their lines, and what the fund paid for them.
  mutating func setSettlements(checked: Int, notComparable: Int, paidFen: Int64) {
    settlementLines.checked = checked
    settlementLines.notComparable = notComparable
    fundPaidFen = Int128(paidFen)
  }

  mutating func addDifference(_ setlID: String, expected: Int64, found: Int64) {
    settlementLines.differences.append(
      .init(subject: setlID, unit: .fen, expected: Int128(expected), found: Int128(found)))
  }

  mutating func addUnknown(_ one: UnknownMedType) { add(one) }

  /// `Int64.min` for none.
  mutating func setNewest(ofBatch: Int64, ofStore: Int64) {
    newestOfBatch = ofBatch
    newestOfStore = ofStore
  }

  // MARK: What the report asks for

  /// Rows of a segment by disposition; those of which there are none are left out.
  func dispositions(of segment: Int) -> [(disposition: Disposition, rows: Int)] {
    Disposition.allCases.compactMap { disposition in
      let rows = counts[segment * Self.dispositionCount + Int(disposition.rawValue)]
      return rows > 0 ? (disposition, rows) : nil
    }
  }

  /// Sums of the batch's amount columns before and after what was set aside; of tables without any row there is none.
  var sums: [RunReportModel.SumRow] { zip(allSums, hasRows).filter(\.1).map(\.0) }

  /// Σ det_item_fee_sumamt of a settlement's counting lines against its medfee_sumamt; differences by setl_id.
  var settlementCheck: RunReportModel.ReconciliationCheck {
    var check = settlementLines
    check.differences.sort { bytesPrecede($0.subject, $1.subject) }
    return check
  }

  /// By code, in byte order.
  var unknownMedTypes: [UnknownMedType] { unknown.values.sorted { bytesPrecede($0.code, $1.code) } }

  /// The batch's set-aside rows with their places: the first 1,000 a file and reason (all are counted elsewhere), in
  /// no order: they are written by `inFileOrder`.
  ///
  /// `fileOf` names a segment's file, with the archive member behind `!`.
  func setAsideRejects(fileOf: (Int32) -> String) -> Rejects {
    var rejects = Rejects()
    for (key, rows) in listed {
      var rows = rows
      rows.cut()
      for place in rows.places {
        rejects.append(
          Reject(
            file: fileOf(key.segment), table: key.table.name, line: Int(place.line), byteOffset: Int(place.byteOffset),
            column: nil, code: key.disposition.reason, reason: key.disposition.explanation, action: .setAside))
      }
    }
    return rejects
  }
}

/// What a later run needs to know of rows that it does not look at.
struct StoreFigures: Codable, Sendable {
  /// Of each segment its number in the store's catalogue, then its rows by disposition, a blank before each but the
  /// first.
  var segments: [String]
  var hasRows: [Bool]
  var unknown: [UnknownMedType]
  var newestOfStore: Int64
  var rowsRead: Int
  var countingLines: Int
}

extension UnitFigures {
  /// The figures of the whole store without those of the batch alone. `numbers`: of the segments, in their order.
  func stored(_ numbers: [Int32]) -> StoreFigures {
    let width = Self.dispositionCount
    return StoreFigures(
      segments: numbers.enumerated().map { place, number in
        ([Int(number)] + counts[place * width..<(place + 1) * width]).map { "\($0)" }.joined(separator: " ")
      }, hasRows: hasRows, unknown: unknownMedTypes, newestOfStore: newestOfStore, rowsRead: rowsRead,
      countingLines: countingLines)
  }

  /// Nothing of the batch, and all that was known of the store; nil if a segment is not among the numbers.
  init?(_ stored: StoreFigures, numbers: [Int32]) {
    self.init(segments: numbers.count)
    var placeOf: [Int32: Int] = [:]
    for (place, number) in numbers.enumerated() { placeOf[number] = place }
    guard stored.hasRows.count == hasRows.count else { return nil }
    for segment in stored.segments {
      let numbers = segment.utf8.split(separator: 0x20).map { Int(Substring($0)) ?? -1 }
      guard numbers.count == Self.dispositionCount + 1, !numbers.contains(-1),
        let place = Int32(exactly: numbers[0]).flatMap({ placeOf[$0] })
      else { return nil }
      for (i, count) in numbers.dropFirst().enumerated() { counts[place * Self.dispositionCount + i] = count }
    }
    hasRows = stored.hasRows
    for one in stored.unknown { unknown[one.code] = one }
    newestOfStore = stored.newestOfStore
    rowsRead = stored.rowsRead
    countingLines = stored.countingLines
  }

  /// Takes out the figures of rows of other batches that had been added.
  ///
  /// - Returns: false if they were never in.
  mutating func remove(_ other: UnitFigures) -> Bool {
    for i in other.counts.indices {
      counts[i] -= other.counts[i]
      if counts[i] < 0 { return false }
    }
    for one in other.unknown.values {
      guard var sum = unknown[one.code], sum.rows >= one.rows else { return false }
      sum.rows -= one.rows
      sum.fen -= one.fen
      sum.fundFen -= one.fundFen
      unknown[one.code] = sum.rows == 0 ? nil : sum
    }
    rowsRead -= other.rowsRead
    countingLines -= other.countingLines
    return rowsRead >= 0 && countingLines >= 0
  }
}
