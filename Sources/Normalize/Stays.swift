import ClaimModel
import Diagnostics

/// Inpatient stays, in byte order of mdtrt_id.
struct Stays {
  var table: EntityTable
  /// Visit row of each stay.
  var visits: [Int32]
  /// Stay row of each visit, -1 where it is none.
  var ofVisit: [Int32]
}

/// Which visits are stays, and what is derived for them (claims.md 1.7, 1.8, 2).
func findStays(
  _ visit: EntityTable, _ settlement: EntityTable, _ lineAmounts: [Int64], _ diagnosis: EntityTable,
  _ settlementsOf: Children, _ linesOf: Children, _ diagnosesOf: Children, _ medTypes: inout MedTypeIndex,
  _ input: NormalizationInput
) throws -> Stays {
  let codes = input.codes
  let medType = visit.codes("med_type")
  let inHospital = visit.codes("inhosp_stas")
  let begin = visit.numbers("begntime")
  let end = visit.numbers("endtime")
  let mainDiagnosis = visit.codes("dscg_maindiag_code")
  let admission = visit.codes("adm_caty")
  let discharge = visit.codes("dscg_caty")
  let fund = settlement.numbers("P")
  let inpatient = codes.intern("inpatient")
  let one = codes.intern("1")
  let diagnoses = MainDiagnoses(diagnosis, diagnosesOf, codes)

  var rows: [Int32] = []
  var ofVisit = [Int32](repeating: -1, count: visit.count)
  var beginDay: [Int64] = []
  var endDay: [Int64] = []
  var amounts: [Int64] = []
  var funds: [Int64] = []
  var dx: [UInt32] = []
  var admissionDepartment: [UInt32] = []
  var dischargeDepartment: [UInt32] = []
  var visitClass: [UInt32] = []
  var opsp: [UInt32] = []
  var reg: [UInt32] = []
  for row in 0..<visit.count {
    if inHospital[row] == one || begin[row] == ColumnData.null || end[row] == ColumnData.null
      || settlementsOf.offsets[row] == settlementsOf.offsets[row + 1]
    {
      continue
    }
    let b = dayOf(begin[row])
    let e = dayOf(end[row])
    let meaning = medTypes.meaning(of: medType[row], on: b)
    if e < b || meaning.visitClass != inpatient { continue }

    ofVisit[row] = Int32(rows.count)
    rows.append(Int32(row))
    guard let amount = checkedSum(lineAmounts, linesOf.of(row)), let paid = checkedSum(fund, settlementsOf.of(row))
    else {
      let first = settlementsOf.of(row).first.map { settlement.origin[Int($0)] } ?? visit.origin[row]
      throw overflowDiagnostic(input.segments, first, table: .settlements, "the amount of a stay")
    }
    beginDay.append(b)
    endDay.append(e)
    amounts.append(amount)
    funds.append(paid)
    let ofDischarge = codes.folded(mainDiagnosis[row])
    dx.append(ofDischarge == CodeTable.null ? diagnoses.least(ofVisit: row) : ofDischarge)
    admissionDepartment.append(admission[row] == CodeTable.null ? discharge[row] : admission[row])
    dischargeDepartment.append(discharge[row] == CodeTable.null ? admission[row] : discharge[row])
    visitClass.append(meaning.visitClass)
    opsp.append(meaning.opspFlag)
    reg.append(meaning.regFlag)
  }

  var columns = visit.columns.mapValues { pick($0, rows) }
  columns["begin_day"] = .number(beginDay)
  columns["end_day"] = .number(endDay)
  columns["nights"] = .number(zip(beginDay, endDay).map { $1 - $0 })
  columns["los"] = .number(zip(beginDay, endDay).map { max(1, $1 - $0) })
  columns["stay_A"] = .number(amounts)
  columns["stay_F"] = .number(funds)
  columns["dx"] = .text(dx)
  columns["adm_dept"] = .text(firstThree(admissionDepartment, codes))
  columns["dscg_dept"] = .text(firstThree(dischargeDepartment, codes))
  columns["visit_class"] = .text(visitClass)
  columns["opsp_flag"] = .text(opsp)
  columns["reg_flag"] = .text(reg)
  let table = EntityTable(entity: .stay, count: rows.count, columns: columns, origin: gathered(visit.origin, rows))
  return Stays(table: table, visits: rows, ofVisit: ofVisit)
}

/// The main diagnosis of a visit from its diagnosis rows, for discharges that name none.
private struct MainDiagnoses {
  private let of: Children
  private let isMain: [UInt32]
  private let kind: [UInt32]
  private let code: [UInt32]
  private let one: UInt32
  private let codes: CodeTable

  init(_ diagnosis: EntityTable, _ of: Children, _ codes: CodeTable) {
    self.of = of
    self.codes = codes
    isMain = diagnosis.codes("maindiag_flag")
    kind = diagnosis.codes("diag_type")
    code = diagnosis.codes("diag_code")
    one = codes.intern("1")
  }

  /// The smallest diag_code with maindiag_flag 1 and diag_type 1 or null, in upper case; null if there is none.
  func least(ofVisit row: Int) -> UInt32 {
    var least = CodeTable.null
    for diagnosis in of.of(row).map(Int.init)
    where isMain[diagnosis] == one && (kind[diagnosis] == one || kind[diagnosis] == CodeTable.null) {
      let candidate = codes.folded(code[diagnosis])
      if candidate != CodeTable.null, least == CodeTable.null || codes.precedes(candidate, least) { least = candidate }
    }
    return least
  }
}

/// The codes of the texts' first three Unicode scalars; each distinct text is cut once.
private func firstThree(_ texts: [UInt32], _ codes: CodeTable) -> [UInt32] {
  var known: [UInt32: UInt32] = [:]
  return texts.map { text in
    if let cut = known[text] { return cut }
    let cut = firstThree(text, codes)
    known[text] = cut
    return cut
  }
}

/// The code of a text's first three Unicode scalars.
private func firstThree(_ code: UInt32, _ codes: CodeTable) -> UInt32 {
  let prefix: [UInt8]? = codes.withBytes(code) { bytes in
    var scalars = 0
    for i in 0..<bytes.count where bytes[i] & 0xC0 != 0x80 {
      scalars += 1
      if scalars == 4 { return Array(bytes[0..<i]) }
    }
    return nil
  }
  guard let prefix else { return code }
  return prefix.withUnsafeBytes { codes.intern($0) }
}

/// Σ of the values of some rows; nil if it does not fit.
private func checkedSum(_ values: [Int64], _ rows: ArraySlice<Int32>) -> Int64? {
  var sum: Int64 = 0
  for row in rows {
    let (next, overflow) = sum.addingReportingOverflow(values[Int(row)])
    if overflow { return nil }
    sum = next
  }
  return sum
}
