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

/// Which visits are stays, and what is derived for them (rule-definitions 1.7, 1.8, 2).
func findStays(
  _ visit: EntityTable, _ settlement: EntityTable, _ line: EntityTable, _ diagnosis: EntityTable,
  _ settlementsOf: Children, _ linesOf: Children, _ diagnosesOf: Children, _ medTypes: MedTypeIndex,
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
  let isMain = diagnosis.codes("maindiag_flag")
  let diagnosisKind = diagnosis.codes("diag_type")
  let diagnosisCode = diagnosis.codes("diag_code")
  let lineAmount = line.numbers("A")
  let fund = settlement.numbers("P")
  let one = codes.intern("1")
  let inpatient = codes.intern("inpatient")

  var rows: [Int32] = []
  var ofVisit = [Int32](repeating: -1, count: visit.count)
  var numbers: [String: [Int64]] = [:]
  var texts: [String: [UInt32]] = [:]
  for name in ["begin_day", "end_day", "nights", "los", "stay_A", "stay_F"] { numbers[name] = [] }
  for name in ["dx", "adm_dept", "dscg_dept", "visit_class", "opsp_flag", "reg_flag"] { texts[name] = [] }

  for row in 0..<visit.count {
    if inHospital[row] == one || begin[row] == ColumnData.null || end[row] == ColumnData.null
      || settlementsOf.of(row).isEmpty
    {
      continue
    }
    let b = dayOf(begin[row])
    let e = dayOf(end[row])
    let meaning = medTypes.meaning(of: medType[row], on: b)
    if e < b || meaning.visitClass != inpatient { continue }

    ofVisit[row] = Int32(rows.count)
    rows.append(Int32(row))
    guard
      let amount = checkedSum(linesOf.of(row).map { lineAmount[Int($0)] }),
      let paid = checkedSum(settlementsOf.of(row).map { fund[Int($0)] })
    else {
      let first = settlementsOf.of(row).first.map { settlement.origin[Int($0)] } ?? visit.origin[row]
      throw overflowDiagnostic(input.segments, first, table: .settlements, "the amount of a stay")
    }
    numbers["begin_day"]?.append(b)
    numbers["end_day"]?.append(e)
    numbers["nights"]?.append(e - b)
    numbers["los"]?.append(max(1, e - b))
    numbers["stay_A"]?.append(amount)
    numbers["stay_F"]?.append(paid)

    var dx = codes.folded(mainDiagnosis[row])
    if dx == CodeTable.null {
      for diagnosisRow in diagnosesOf.of(row).map(Int.init)
      where isMain[diagnosisRow] == one
        && (diagnosisKind[diagnosisRow] == one || diagnosisKind[diagnosisRow] == CodeTable.null)
      {
        let candidate = codes.folded(diagnosisCode[diagnosisRow])
        if candidate != CodeTable.null, dx == CodeTable.null || codes.precedes(candidate, dx) { dx = candidate }
      }
    }
    texts["dx"]?.append(dx)
    let admitted = admission[row] == CodeTable.null ? discharge[row] : admission[row]
    let discharged = discharge[row] == CodeTable.null ? admission[row] : discharge[row]
    texts["adm_dept"]?.append(firstThree(admitted, codes))
    texts["dscg_dept"]?.append(firstThree(discharged, codes))
    texts["visit_class"]?.append(meaning.visitClass)
    texts["opsp_flag"]?.append(meaning.opspFlag)
    texts["reg_flag"]?.append(meaning.regFlag)
  }

  var columns = visit.columns.mapValues { pick($0, rows) }
  for (name, values) in numbers { columns[name] = .number(values) }
  for (name, values) in texts { columns[name] = .text(values) }
  let table = EntityTable(
    entity: .stay, count: rows.count, columns: columns, origin: rows.map { visit.origin[Int($0)] })
  return Stays(table: table, visits: rows, ofVisit: ofVisit)
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

private func checkedSum(_ values: [Int64]) -> Int64? {
  var sum: Int64 = 0
  for value in values {
    let (next, overflow) = sum.addingReportingOverflow(value)
    if overflow { return nil }
    sum = next
  }
  return sum
}
