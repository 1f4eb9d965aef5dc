import ClaimModel
import Diagnostics

/// From all accepted rows of the store to the claims that count, with their amounts (rule-definitions 1 and 2).
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

  // 1.1 One row a key.
  let ranks = SegmentRanks(input.segments)
  var settlements = Versions(settlementRows, ranks)
  let lineVersions = LineVersions(lineRows, ranks)
  let visits = Versions(visitRows, ranks)
  let diagnoses = Versions(diagnosisRows, ranks)
  let operations = Versions(operationRows, ranks)

  // 1.2-1.6 Settlements and lines that count.
  setAsideSettlements(&settlements, settlementRows, visits, visitRows, input)
  let lines = try NetLines(lineRows, lineVersions, settlements, settlementRows)

  // Rows of the entities in byte order of their ids.
  let settlementIDs = settlementRows.codes("setl_id")
  let order = Ordering(codes)
  let countingSettlements = order.sort(settlements.rows(.counts), by: settlementIDs)
  let validVisits = order.sort(visits.rows(.counts), by: visitRows.codes("mdtrt_id"))
  let validDiagnoses = order.sort(diagnoses.rows(.counts), by: diagnosisRows.codes("setl_list_diag_id"))
  let countingLines = order.sort(
    lines.counting, by: lineRows.codes("mdtrt_id"), then: lineRows.codes("bkkp_sn"))

  // 2 Amounts and 1.7, 1.8 stays and classes.
  var tables: [Entity: EntityTable] = [:]
  tables[.line] = lineTable(lines, lineRows, countingLines)
  tables[.settlement] = entityTable(.settlement, settlementRows, countingSettlements)
  tables[.visit] = entityTable(.visit, visitRows, validVisits)
  tables[.diagnosis] = entityTable(.diagnosis, diagnosisRows, validDiagnoses)
  let unknown = try deriveColumns(&tables, input)

  return Normalized(
    claims: EffectiveClaims(codes: codes, tables: tables),
    dispositions: [
      .settlements: settlements.dispositions, .feeLines: lines.dispositions, .visits: visits.dispositions,
      .diagnoses: diagnoses.dispositions, .operations: operations.dispositions,
    ],
    isValid: [
      .settlements: settlements.isValid, .feeLines: lineVersions.isValid, .visits: visits.isValid,
      .diagnoses: diagnoses.isValid, .operations: operations.isValid,
    ], unknownMedTypes: unknown)
}

/// The raw rows of one table with their columns at hand; a column that was not loaded is all null.
struct Source {
  let table: ClaimTable
  let rows: RawRows
  let segments: [SegmentIdentity]
  let codeTable: CodeTable
  var count: Int { rows.count }

  init(_ input: NormalizationInput, _ table: ClaimTable) {
    self.table = table
    rows = input.raw[table] ?? RawRows(table: table)
    segments = input.segments
    codeTable = input.codes
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
