import ClaimModel
import Diagnostics

/// Links the entities, works out amounts, classes and stays, and adds the columns of `Entity.derived`.
///
/// - Returns: medical categories that the table does not know.
func deriveColumns(
  _ tables: inout [Entity: EntityTable], _ links: ClaimLinks, _ counting: CountingLines, _ input: NormalizationInput
) throws -> [UnknownMedType] {
  let codes = input.codes
  var medTypes = MedTypeIndex(input.medTypes ?? MedTypeRow.shipped, codes: codes)
  // Taken out, so that adding a column copies no table.
  var line = tables.removeValue(forKey: .line) ?? EntityTable(entity: .line)
  var settlement = tables.removeValue(forKey: .settlement) ?? EntityTable(entity: .settlement)
  var visit = tables.removeValue(forKey: .visit) ?? EntityTable(entity: .visit)
  var diagnosis = tables.removeValue(forKey: .diagnosis) ?? EntityTable(entity: .diagnosis)

  // Links by setl_id and by each row's own mdtrt_id.
  let linesOfSettlement = Children(parent: links.lineSettlement, parents: settlement.count)
  let settlementsOfVisit = Children(parent: links.settlementVisit, parents: visit.count)
  let linesOfVisit = Children(parent: links.lineVisit, parents: visit.count)
  let diagnosesOfVisit = Children(parent: links.diagnosisVisit, parents: visit.count)

  // Every counting line has a counting settlement.
  let settlementOrigin = settlement.origin
  let (lineAmounts, days) = try counting.amounts { row in
    overflowDiagnostic(
      input.segments, settlementOrigin[Int(links.lineSettlement[row])], table: .settlements, "the amount of a line")
  }
  if input.namesLines { line.columns["id"] = .text(counting.ids()) }
  line.columns["day"] = .number(days)
  line.columns["A"] = .number(lineAmounts)
  line.columns["F"] = .number(try shareFund(&settlement, lineAmounts, linesOfSettlement, counting, input))
  let unknown = classify(&settlement, visit, links.settlementVisit, &medTypes, codes: codes)
  let stays = try findStays(
    visit, settlement, lineAmounts, diagnosis, settlementsOfVisit, linesOfVisit, diagnosesOfVisit, &medTypes, input)
  var stay = stays.table

  line.parent = [
    .settlement: links.lineSettlement, .visit: links.lineVisit, .stay: ofParents(stays.ofVisit, links.lineVisit),
  ]
  settlement.parent = [
    .visit: links.settlementVisit, .stay: ofParents(stays.ofVisit, links.settlementVisit),
  ]
  diagnosis.parent = [.visit: links.diagnosisVisit, .stay: ofParents(stays.ofVisit, links.diagnosisVisit)]
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

/// F of each line; adds day, P, T, A and U of each settlement.
private func shareFund(
  _ settlement: inout EntityTable, _ lineAmounts: [Int64], _ linesOf: Children, _ counting: CountingLines,
  _ input: NormalizationInput
) throws -> [Int64] {
  let fund = settlement.numbers("fund_pay_sumamt")
  let inScope = settlement.numbers("inscp_amt")
  let begin = settlement.numbers("begndate")
  let settled = settlement.numbers("setl_time")
  let precedes = counting.order()
  let offsets = linesOf.offsets
  var lineShares = [Int64](repeating: 0, count: lineAmounts.count)
  var days = [Int64](repeating: ColumnData.null, count: settlement.count)
  var paid = [Int64](repeating: 0, count: settlement.count)
  var base = paid
  var amount = paid
  var unexplained = paid
  var sharing = FundSharing()
  let bad: Int? = lineShares.withUnsafeMutableBufferPointer { shares in
    lineAmounts.withUnsafeBufferPointer { amounts in
      linesOf.rows.withUnsafeBufferPointer { rows in
        for row in 0..<fund.count {
          let lines = UnsafeBufferPointer(rebasing: rows[Int(offsets[row])..<Int(offsets[row + 1])])
          guard
            let share = sharing.share(
              fund: fund[row], inScope: inScope[row], lines: lines, amounts: amounts, into: shares, precedes: precedes)
          else { return row }
          days[row] = begin[row] != ColumnData.null ? begin[row] : dayOf(settled[row])
          paid[row] = share.paid
          base[row] = share.base
          amount[row] = share.amount
          unexplained[row] = share.unexplained
        }
        return nil
      }
    }
  }
  if let bad {
    throw overflowDiagnostic(input.segments, settlement.origin[bad], table: .settlements, "the sum of A")
  }
  settlement.columns["day"] = .number(days)
  settlement.columns["P"] = .number(paid)
  settlement.columns["T"] = .number(base)
  settlement.columns["A"] = .number(amount)
  settlement.columns["U"] = .number(unexplained)
  return lineShares
}

/// visit_med_type (the visit's med_type, else the settlement's) and what it means on the settlement's day (claims.md
/// 1.8).
private func classify(
  _ settlement: inout EntityTable, _ visit: EntityTable, _ visitOf: [Int32], _ medTypes: inout MedTypeIndex,
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
    UnknownMedType(code: codes.text(code), rows: sum.rows, fen: sum.fen, fundFen: sum.fund)
  }
}

/// The calendar day of a time, null staying null.
func dayOf(_ time: Int64) -> Int64 { time == ColumnData.null ? time : CivilTime.dayOf(time: time) }
