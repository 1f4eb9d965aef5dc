import ClaimModel
import Diagnostics

/// From all accepted rows of the store to the claims that count, with their amounts (Documentation/claims.md).
///
/// The result does not depend on the order of rows or files: entity tables are sorted by the bytes of their ids.
///
/// - Throws: a `Diagnostic` `normalize.overflow` with the settlement's file and line where a sum does not fit 63 bits.
public func effectiveClaims(_ input: NormalizationInput) throws -> Normalized {
  let codes = input.codes
  let settlementRows = Source(input, .settlements)
  let lineRows = Source(input, .feeLines)
  let visitRows = Source(input, .visits)
  let diagnosisRows = Source(input, .diagnoses)
  let operationRows = Source(input, .operations)

  // claims.md 1.1 One row a key. Keys are numbered, so that only two arrays have room for every code.
  var visitKeys = KeyNumbers(codeCount: codes.count)
  var otherKeys = KeyNumbers(codeCount: codes.count)
  let diagnosisNumbers = otherKeys.number(diagnosisRows.codes("setl_list_diag_id"))
  let diagnoses = Versions(diagnosisRows, diagnosisNumbers, keys: otherKeys.count)
  let validDiagnoses = textOrder(otherKeys.codes, codes).compactMap { diagnoses.valid(Int($0)).map(Int32.init) }
  otherKeys.clear()
  let operationNumbers = otherKeys.number(operationRows.codes("setl_list_oprn_id"))
  let operations = Versions(operationRows, operationNumbers, keys: otherKeys.count)
  otherKeys.clear()

  let visitNumbers = visitKeys.number(visitRows.codes("mdtrt_id"))
  let lineVisits = visitKeys.number(lineRows.codes("mdtrt_id"))
  let visits = Versions(visitRows, visitNumbers, keys: visitKeys.count)
  let visitOrder = textOrder(visitKeys.codes, codes)
  let validVisits = visitOrder.compactMap { visits.valid(Int($0)).map(Int32.init) }

  let settlementNumbers = otherKeys.number(settlementRows.codes("setl_id"))
  var settlements = Versions(settlementRows, settlementNumbers, keys: otherKeys.count)
  let settlementOrder = textOrder(otherKeys.codes, codes)

  let lineOrder = LineOrder(visits: lineVisits, serials: lineRows.codes("bkkp_sn"), visitOrder: visitOrder, codes)
  var lineIsValid = saysValid(lineRows)
  var lineDispositions = lineIsValid.map { $0 ? Disposition.counts : .cancelled }
  if lineOrder.hasVersions {
    lineOrder.supersede(lineRows.codes("bkkp_sn"), VersionOrder(lineRows), &lineDispositions, &lineIsValid)
  }

  // 1.2-1.6 Settlements and lines that count.
  let settlementVisits = visitKeys.find(settlementRows.codes("mdtrt_id"))
  setAsideSettlements(
    &settlements, settlementRows, settlementNumbers, otherKeys, settlementVisits, visits, visitRows, input)
  let lines = try NetLines(
    lineRows, lineOrder, lineDispositions, visits: lineVisits, otherKeys, settlements, settlementRows)
  let countingSettlements = settlementOrder.compactMap { number in
    settlements.valid(Int(number)).flatMap { settlements.dispositions[$0] == .counts ? Int32($0) : nil }
  }

  // Rows of the entities, in byte order of their ids, and what they belong to.
  let visitOf = rows(validVisits, byNumber: visitNumbers, visitKeys.count)
  let settlementOf = rows(countingSettlements, byNumber: settlementNumbers, otherKeys.count)
  let links = ClaimLinks(
    lineSettlement: ofParents(settlementOf, gathered(lines.settlementNumbers, lines.counting)),
    lineVisit: ofParents(visitOf, gathered(lineVisits, lines.counting)),
    settlementVisit: ofParents(visitOf, gathered(settlementVisits, countingSettlements)),
    diagnosisVisit: ofParents(visitOf, gathered(visitKeys.find(diagnosisRows.codes("mdtrt_id")), validDiagnoses)))

  // 2 Amounts and 1.7, 1.8 stays and classes.
  var tables: [Entity: EntityTable] = [:]
  tables[.line] = entityTable(.line, lineRows, lines.counting, lines.net)
  tables[.settlement] = entityTable(.settlement, settlementRows, countingSettlements)
  tables[.visit] = entityTable(.visit, visitRows, validVisits)
  tables[.diagnosis] = entityTable(.diagnosis, diagnosisRows, validDiagnoses)
  let unknown = try deriveColumns(&tables, links, CountingLines(lineRows, lines), input)
  if let kept = input.keptColumns { dropColumns(&tables, except: kept) }

  return Normalized(
    claims: EffectiveClaims(codes: codes, tables: tables),
    dispositions: [
      .settlements: settlements.dispositions, .feeLines: lines.dispositions, .visits: visits.dispositions,
      .diagnoses: diagnoses.dispositions, .operations: operations.dispositions,
    ],
    isValid: [
      .settlements: settlements.isValid, .feeLines: lineIsValid, .visits: visits.isValid,
      .diagnoses: diagnoses.isValid, .operations: operations.isValid,
    ], unknownMedTypes: unknown)
}

/// The place among the chosen rows that each key's number has, -1 for keys without one.
private func rows(_ chosen: [Int32], byNumber numbers: [Int32], _ count: Int) -> [Int32] {
  var result = [Int32](repeating: -1, count: count)
  for (place, row) in chosen.enumerated() { result[Int(numbers[Int(row)])] = Int32(place) }
  return result
}

/// Drops what was read on the way and is not asked for.
private func dropColumns(_ tables: inout [Entity: EntityTable], except kept: [ClaimTable: Set<String>]) {
  for entity in [Entity.settlement, .visit, .stay, .diagnosis] {
    let derived = entity.derived.map(\.name)
    for name in Source.readLater(entity.table).subtracting(kept[entity.table] ?? []).subtracting(derived) {
      tables[entity]?.columns[name] = nil
    }
  }
}

/// Rows of the entities to which each row belongs, -1 where there is none.
struct ClaimLinks {
  /// Never -1: every counting line has a counting settlement.
  var lineSettlement: [Int32]
  var lineVisit: [Int32]
  var settlementVisit: [Int32]
  var diagnosisVisit: [Int32]
}

/// The raw rows of one table with their columns at hand; a column that was not loaded is all null.
struct Source {
  let table: ClaimTable
  let rows: RawRows
  let segments: [SegmentIdentity]
  let codeTable: CodeTable
  /// The columns that the entity gets; nil: all that are loaded.
  let kept: Set<String>?
  var count: Int { rows.count }

  init(_ input: NormalizationInput, _ table: ClaimTable) {
    self.table = table
    rows = input.raw[table] ?? RawRows(table: table)
    segments = input.segments
    codeTable = input.codes
    kept = input.keptColumns.map { ($0[table] ?? []).union(table == .feeLines ? [] : Self.readLater(table)) }
  }

  /// What is read from the entity itself when columns are derived.
  static func readLater(_ table: ClaimTable) -> Set<String> {
    RowLoader.neededColumns(of: table).union(["psn_no"])
  }

  func codes(_ column: String) -> [UInt32] {
    if case .text(let values)? = rows.columns[column] { return values }
    return [UInt32](repeating: CodeTable.null, count: rows.count)
  }

  func numbers(_ column: String) -> [Int64] {
    if case .number(let values)? = rows.columns[column] { return values }
    return [Int64](repeating: ColumnData.null, count: rows.count)
  }
}

/// The error of a sum that does not fit.
func overflowDiagnostic(
  _ segments: [SegmentIdentity], _ origin: RowOrigin, table: ClaimTable, _ what: String
) -> Diagnostic {
  let segment = segments[Int(origin.segment)]
  return Diagnostic(
    .error, "normalize.overflow",
    "\(what) exceeds 63 bits in fen: the amounts of this row of \(table.name) or of its lines cannot be true",
    at: Place(file: segment.file, line: Int(origin.line)), notes: ["batch \(segment.batch)"],
    remedy: "have the exporter correct the amounts of this settlement and deliver it again")
}
