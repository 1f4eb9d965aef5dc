import ClaimModel

/// Finds the valid rows that hang together by setl_id and mdtrt_id. Made once a run; read by all packets.
public struct EvidenceIndex: Sendable {
  let codes: CodeTable
  private let origins: [ClaimTable: [RowOrigin]]
  private let settlementIDs: [UInt32]
  private let settlementVisits: [UInt32]
  private let settlementOriginals: [UInt32]
  private let lineVisits: [UInt32]
  private let lineSettlements: [UInt32]
  private let settlementsByID: RowsByCode
  private let settlementsByVisit: RowsByCode
  private let settlementsByOriginal: RowsByCode
  private let linesByVisit: RowsByCode
  private let linesBySettlement: RowsByCode
  private let visitsByID: RowsByCode
  private let diagnosesByVisit: RowsByCode
  private let rowsOfOrigin: [Entity: [UInt64: Int32]]
  private let personOfSettlement: [Int32]

  /// - Parameters:
  ///   - raw: all accepted rows. Needed of settlements setl_id, mdtrt_id, init_setl_id; of lines mdtrt_id, setl_id; of
  ///     visits and diagnoses mdtrt_id. A column that was not loaded counts as null throughout.
  ///   - isValid: for each raw row whether it is the valid newest version of its key (claims.md 1.1).
  ///   - claims: rows that count; their origins lead back to raw rows.
  public init(raw: [ClaimTable: RawRows], isValid: [ClaimTable: [Bool]], claims: EffectiveClaims) {
    codes = claims.codes
    func column(_ table: ClaimTable, _ name: String) -> [UInt32] {
      raw[table]?.columns[name]?.codes ?? [UInt32](repeating: 0, count: raw[table]?.count ?? 0)
    }
    func rows(_ table: ClaimTable, _ column: [UInt32]) -> RowsByCode {
      RowsByCode(column, where: isValid[table] ?? [])
    }
    origins = raw.mapValues(\.origin)
    settlementIDs = column(.settlements, "setl_id")
    settlementVisits = column(.settlements, "mdtrt_id")
    settlementOriginals = column(.settlements, "init_setl_id")
    lineVisits = column(.feeLines, "mdtrt_id")
    lineSettlements = column(.feeLines, "setl_id")
    settlementsByID = rows(.settlements, settlementIDs)
    settlementsByVisit = rows(.settlements, settlementVisits)
    settlementsByOriginal = rows(.settlements, settlementOriginals)
    linesByVisit = rows(.feeLines, lineVisits)
    linesBySettlement = rows(.feeLines, lineSettlements)
    visitsByID = rows(.visits, column(.visits, "mdtrt_id"))
    diagnosesByVisit = rows(.diagnoses, column(.diagnoses, "mdtrt_id"))
    personOfSettlement = claims[.settlement].parent[.person] ?? []
    rowsOfOrigin = claims.tables.mapValues { table in
      var result: [UInt64: Int32] = [:]
      result.reserveCapacity(table.count)
      for (row, origin) in table.origin.enumerated() { result[Self.pack(origin)] = Int32(row) }
      return result
    }
  }

  /// All valid rows that hang together with the settlements: their visits, every settlement and line of these visits,
  /// refunds and what they refund, and so on until nothing is added. A rule sees of them in the packet what it saw of
  /// them in the store.
  func rows(of setlIDs: some Sequence<String>) -> EvidenceRows {
    var settlementQueue = setlIDs.compactMap(codes.find).filter { $0 != 0 }
    var visitQueue: [UInt32] = []
    var seenSettlements = Set(settlementQueue)
    var seenVisits: Set<UInt32> = []
    var settlements: Set<Int32> = []
    var lines: Set<Int32> = []
    func reach(settlement code: UInt32) {
      if code != 0, seenSettlements.insert(code).inserted { settlementQueue.append(code) }
    }
    func reach(visit code: UInt32) {
      if code != 0, seenVisits.insert(code).inserted { visitQueue.append(code) }
    }
    func take(settlement row: Int32) {
      guard settlements.insert(row).inserted else { return }
      reach(settlement: settlementIDs[Int(row)])
      reach(settlement: settlementOriginals[Int(row)])
      reach(visit: settlementVisits[Int(row)])
    }
    func take(line row: Int32) {
      guard lines.insert(row).inserted else { return }
      reach(settlement: lineSettlements[Int(row)])
      reach(visit: lineVisits[Int(row)])
    }
    while !settlementQueue.isEmpty || !visitQueue.isEmpty {
      if let code = settlementQueue.popLast() {
        settlementsByID.forEach(code, take(settlement:))
        settlementsByOriginal.forEach(code, take(settlement:))
        linesBySettlement.forEach(code, take(line:))
      }
      if let code = visitQueue.popLast() {
        settlementsByVisit.forEach(code, take(settlement:))
        linesByVisit.forEach(code, take(line:))
      }
    }
    var visits: Set<Int32> = []
    var diagnoses: Set<Int32> = []
    for code in seenVisits {
      visitsByID.forEach(code) { visits.insert($0) }
      diagnosesByVisit.forEach(code) { diagnoses.insert($0) }
    }

    var result = EvidenceRows()
    for (table, rows) in [
      (ClaimTable.settlements, settlements), (.feeLines, lines), (.visits, visits), (.diagnoses, diagnoses),
    ] {
      let origin = origins[table] ?? []
      result.raw[table] = rows.map { origin[Int($0)] }
      let entities = Entity.allCases.filter { $0.table == table }
      for entity in entities {
        let known = rowsOfOrigin[entity] ?? [:]
        result.effective[entity] = rows.compactMap { known[Self.pack(origin[Int($0)])].map(Int.init) }.sorted()
      }
    }
    if !personOfSettlement.isEmpty {
      let persons = (result.effective[.settlement] ?? []).map { Int(personOfSettlement[$0]) }.filter { $0 >= 0 }
      result.effective[.person] = Set(persons).sorted()
    }
    return result
  }

  private static func pack(_ origin: RowOrigin) -> UInt64 {
    UInt64(UInt32(bitPattern: origin.segment)) << 32 | UInt64(UInt32(bitPattern: origin.line))
  }
}

/// The rows of a packet.
struct EvidenceRows {
  /// Where the valid raw rows stand, unordered.
  var raw: [ClaimTable: [RowOrigin]] = [:]
  /// The rows of each entity that count, ascending.
  var effective: [Entity: [Int]] = [:]
}

/// Rows by the code in one of their columns; null is not listed.
private struct RowsByCode: Sendable {
  private var entries: [UInt64]

  init(_ column: [UInt32], where isValid: [Bool]) {
    entries = []
    for (row, code) in column.enumerated() where code != 0 && row < isValid.count && isValid[row] {
      entries.append(UInt64(code) << 32 | UInt64(row))
    }
    entries.sort()
  }

  func forEach(_ code: UInt32, _ body: (Int32) -> Void) {
    let first = UInt64(code) << 32
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle] < first { low = middle + 1 } else { high = middle }
    }
    while low < entries.count, entries[low] >> 32 == UInt64(code) {
      body(Int32(truncatingIfNeeded: entries[low]))
      low += 1
    }
  }
}
