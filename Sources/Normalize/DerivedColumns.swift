import ClaimModel
import Diagnostics

/// Links the entities, works out amounts, classes and stays, and adds the columns of `Entity.derived`.
///
/// - Returns: medical categories that the table does not know.
func deriveColumns(_ tables: inout [Entity: EntityTable], _ input: NormalizationInput) throws -> [UnknownMedType] {
  let codes = input.codes
  let medTypes = MedTypeIndex(input.medTypes ?? MedTypeRow.shipped, codes: codes)
  var line = tables[.line] ?? EntityTable(entity: .line)
  var settlement = tables[.settlement] ?? EntityTable(entity: .settlement)
  var visit = tables[.visit] ?? EntityTable(entity: .visit)
  var diagnosis = tables[.diagnosis] ?? EntityTable(entity: .diagnosis)

  // Links by setl_id and by each row's own mdtrt_id.
  let settlementOf = RowOfKey(settlement.codes("setl_id"), codes: codes)
  let visitOf = RowOfKey(visit.codes("mdtrt_id"), codes: codes)
  let lineSettlement = line.codes("setl_id").map { settlementOf[$0] }
  let lineVisit = line.codes("mdtrt_id").map { visitOf[$0] }
  let settlementVisit = settlement.codes("mdtrt_id").map { visitOf[$0] }
  let diagnosisVisit = diagnosis.codes("mdtrt_id").map { visitOf[$0] }
  let linesOfSettlement = Children(parent: lineSettlement, parents: settlement.count)
  let settlementsOfVisit = Children(parent: settlementVisit, parents: visit.count)
  let linesOfVisit = Children(parent: lineVisit, parents: visit.count)
  let diagnosesOfVisit = Children(parent: diagnosisVisit, parents: visit.count)

  // Every counting line has a counting settlement.
  let settlementOrigin = settlement.origin
  try deriveLines(&line, codes: codes) { row in
    overflowDiagnostic(
      input.segments, settlementOrigin[Int(lineSettlement[row])], table: .settlements, "the amount of a line")
  }
  try shareFund(&settlement, &line, linesOfSettlement, input)
  let unknown = classify(&settlement, visit, settlementVisit, medTypes, codes: codes)
  let stays = try findStays(
    visit, settlement, line, diagnosis, settlementsOfVisit, linesOfVisit, diagnosesOfVisit, medTypes, input)
  var stay = stays.table

  line.parent = [
    .settlement: lineSettlement, .visit: lineVisit, .stay: lineVisit.map { $0 < 0 ? -1 : stays.ofVisit[Int($0)] },
  ]
  settlement.parent = [
    .visit: settlementVisit, .stay: settlementVisit.map { $0 < 0 ? -1 : stays.ofVisit[Int($0)] },
  ]
  diagnosis.parent = [
    .visit: diagnosisVisit, .stay: diagnosisVisit.map { $0 < 0 ? -1 : stays.ofVisit[Int($0)] },
  ]
  visit.parent = [.stay: stays.ofVisit]
  stay.parent = [.visit: stays.visits]
  settlement.children = [.line: linesOfSettlement]
  visit.children = [.line: linesOfVisit, .settlement: settlementsOfVisit, .diagnosis: diagnosesOfVisit]
  for (entity, child) in [(Entity.line, line), (.settlement, settlement), (.diagnosis, diagnosis)] {
    stay.children[entity] = Children(parent: child.parent[.stay] ?? [], parents: stay.count)
  }
  tables = [.line: line, .settlement: settlement, .visit: visit, .stay: stay, .diagnosis: diagnosis]
  if input.linksPersons { linkPersons(&tables, codes: codes) }
  return unknown
}

/// id, day and A of each line.
private func deriveLines(
  _ line: inout EntityTable, codes: CodeTable, overflow: (Int) -> Diagnostic
) throws {
  let visit = line.codes("mdtrt_id")
  let serial = line.codes("bkkp_sn")
  let time = line.numbers("fee_ocur_time")
  let inScope = line.numbers("inscp_amt")
  let total = line.numbers("det_item_fee_sumamt")
  let own = line.numbers("fulamt_ownpay_amt")
  let over = line.numbers("overlmt_selfpay")
  let before = line.numbers("preselfpay_amt")
  var ids = [UInt32](repeating: 0, count: line.count)
  var days = [Int64](repeating: ColumnData.null, count: line.count)
  var amounts = [Int64](repeating: 0, count: line.count)
  var id: [UInt8] = []
  for row in 0..<line.count {
    id.removeAll(keepingCapacity: true)
    codes.withBytes(visit[row]) { $0.withMemoryRebound(to: UInt8.self) { id.append(contentsOf: $0) } }
    id.append(0x3A)
    codes.withBytes(serial[row]) { $0.withMemoryRebound(to: UInt8.self) { id.append(contentsOf: $0) } }
    ids[row] = id.withUnsafeBytes { codes.intern($0) }
    days[row] = dayOf(time[row])
    guard
      let amount = amountInScope(
        inScope: inScope[row], total: total[row], deductions: (own[row], over[row], before[row]))
    else { throw overflow(row) }
    amounts[row] = amount
  }
  line.columns["id"] = .text(ids)
  line.columns["day"] = .number(days)
  line.columns["A"] = .number(amounts)
}

/// F of each line; day, P, T, A and U of each settlement.
private func shareFund(
  _ settlement: inout EntityTable, _ line: inout EntityTable, _ linesOf: Children, _ input: NormalizationInput
) throws {
  let codes = input.codes
  let lineAmounts = line.numbers("A")
  let time = line.numbers("fee_ocur_time")
  let serial = line.codes("bkkp_sn")
  let visit = line.codes("mdtrt_id")
  let fund = settlement.numbers("fund_pay_sumamt")
  let inScope = settlement.numbers("inscp_amt")
  let begin = settlement.numbers("begndate")
  let settled = settlement.numbers("setl_time")
  var lineShares = [Int64](repeating: 0, count: line.count)
  var days = [Int64](repeating: ColumnData.null, count: settlement.count)
  var paid = [Int64](repeating: 0, count: settlement.count)
  var base = paid
  var amount = paid
  var unexplained = paid
  for row in 0..<settlement.count {
    let lines = linesOf.of(row)
    let first = lines.startIndex
    let share = FundShare(fund: fund[row], inScope: inScope[row], amounts: lines.map { lineAmounts[Int($0)] }) {
      let a = Int(lines[first + $0])
      let b = Int(lines[first + $1])
      if time[a] != time[b] { return time[a] < time[b] }
      if serial[a] != serial[b] { return codes.precedes(serial[a], serial[b]) }
      return codes.precedes(visit[a], visit[b])
    }
    guard let share else {
      throw overflowDiagnostic(input.segments, settlement.origin[row], table: .settlements, "the sum of A")
    }
    for (line, fen) in zip(lines, share.shares) { lineShares[Int(line)] = fen }
    days[row] = begin[row] != ColumnData.null ? begin[row] : dayOf(settled[row])
    paid[row] = share.paid
    base[row] = share.base
    amount[row] = share.amount
    unexplained[row] = share.unexplained
  }
  line.columns["F"] = .number(lineShares)
  settlement.columns["day"] = .number(days)
  settlement.columns["P"] = .number(paid)
  settlement.columns["T"] = .number(base)
  settlement.columns["A"] = .number(amount)
  settlement.columns["U"] = .number(unexplained)
}

/// visit_med_type (the visit's med_type, else the settlement's) and what it means on the settlement's day (1.8).
private func classify(
  _ settlement: inout EntityTable, _ visit: EntityTable, _ visitOf: [Int32], _ medTypes: MedTypeIndex,
  codes: CodeTable
) -> [UnknownMedType] {
  let own = settlement.codes("med_type")
  let visits = visit.codes("med_type")
  let days = settlement.numbers("day")
  let total = settlement.numbers("medfee_sumamt")
  let paid = settlement.numbers("P")
  var medType = own
  var visitClass = [UInt32](repeating: CodeTable.null, count: settlement.count)
  var opsp = visitClass
  var reg = visitClass
  var unknown: [UInt32: (rows: Int, fen: Int128, fund: Int128)] = [:]
  for row in 0..<settlement.count {
    if visitOf[row] >= 0, visits[Int(visitOf[row])] != CodeTable.null { medType[row] = visits[Int(visitOf[row])] }
    let meaning = medTypes.meaning(of: medType[row], on: days[row])
    visitClass[row] = meaning.visitClass
    opsp[row] = meaning.opspFlag
    reg[row] = meaning.regFlag
    if meaning.isUnknown {
      var sum = unknown[medType[row]] ?? (0, 0, 0)
      sum.rows += 1
      if total[row] != ColumnData.null { sum.fen += Int128(total[row]) }
      sum.fund += Int128(paid[row])
      unknown[medType[row]] = sum
    }
  }
  settlement.columns["visit_med_type"] = .text(medType)
  settlement.columns["visit_class"] = .text(visitClass)
  settlement.columns["opsp_flag"] = .text(opsp)
  settlement.columns["reg_flag"] = .text(reg)
  return unknown.sorted { codes.precedes($0.key, $1.key) }.map { code, sum in
    UnknownMedType(
      code: codes.text(code), rows: sum.rows, fen: Int64(exactly: sum.fen), fundFen: Int64(exactly: sum.fund))
  }
}

/// The calendar day of a time, null staying null.
func dayOf(_ time: Int64) -> Int64 { time == ColumnData.null ? time : CivilTime.dayOf(time: time) }
