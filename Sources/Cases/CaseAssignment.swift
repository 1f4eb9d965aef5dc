import ClaimModel

/// Findings with their counted amounts, and the cases they belong to.
public struct CaseAssignment: Sendable {
  /// As given, in the given order, with `countedFen` and `caseID` set.
  public var records: [FindingRecord]
  /// The open cases given and those opened now, in byte order of their ids.
  public var cases: [CaseFile]
  /// Fen that count over all cases, each unit of money once; at most the sum of the cases' amounts.
  public var totalCountedFen: Int128

  public init(records: [FindingRecord], cases: [CaseFile], totalCountedFen: Int128) {
    self.records = records
    self.cases = cases
    self.totalCountedFen = totalCountedFen
  }
}

/// Gathers the findings of each subject in a case and counts each fen of the case once (Documentation/claims.md).
///
/// A subject's open case takes its findings; else a case is opened if a finding of the subject counts. Findings whose
/// subject is empty are about nobody: they count nothing, and no case is opened for them. Withdrawn
/// findings count nothing and stand in no case's list, but carry the id of their subject's case. The order of the
/// input changes nothing.
///
/// - Parameters:
///   - records: every finding that holds on the store, and those that fell in this run.
///   - open: cases under review that still take findings; of two with one subject the one with the smaller id does.
///   - batchLabel: batch of this run with its `~revision` from 2 on; new case ids are made from it.
///   - shadowRules: rules whose findings never count and reach no case.
///   - standsOnly: ids of findings that hold from earlier runs and that this one can't derive anew (rule not runnable,
///     rows older than look-back and changed since): they are counted after the others.
///   - groupMembers: psn_no of the members of each group that is a subject.
public func assignCases(
  records: [FindingRecord], open: [CaseFile], batchLabel: String, shadowRules: Set<String> = [],
  groupMembers: [String: Set<String>] = [:], standsOnly: Set<String> = []
) -> CaseAssignment {
  var cases = open.sorted { bytesPrecede($0.id, $1.id) }
  var caseOfSubject: [CaseSubject: Int] = [:]
  for (index, file) in cases.enumerated() {
    let subject = CaseSubject(type: file.subjectType, id: file.subject)
    if caseOfSubject[subject] == nil { caseOfSubject[subject] = index }
    cases[index].findingIDs = []
    cases[index].countedFen = 0
  }

  var rowsOfSubject: [CaseSubject: [Int]] = [:]
  for (row, record) in records.enumerated() {
    rowsOfSubject[CaseSubject(type: record.finding.subjectType, id: record.finding.subject), default: []].append(row)
  }

  var result = records
  var greatestTaking: [String: Int128] = [:]
  for subject in rowsOfSubject.keys.sorted(by: CaseSubject.precedes) {
    let rows = rowsOfSubject[subject] ?? []
    let counting = rows.filter { records[$0].state != .withdrawn && !shadowRules.contains(records[$0].finding.rule) }
    let takings = takeUnits(
      counting.map { records[$0].finding }, subjectType: subject.type, subject: subject.id,
      members: groupMembers[subject.id] ?? [], standsOnly: standsOnly)

    // A finding is given no more than its F, which fits 64 bits; what many are given need not.
    var amount: Int128 = 0
    var unitsOfCase: [String: Int128] = [:]
    for row in rows { result[row].countedFen = 0 }
    for (row, taken) in zip(counting, takings) {
      result[row].countedFen = taken.reduce(0) { $0 + $1.fen }
      amount += Int128(result[row].countedFen)
      for taking in taken { unitsOfCase[taking.unit, default: 0] += Int128(taking.fen) }
    }
    // Two cases may hold parts of one unit; which fen of it is meant is unknowable, so the greater part stands for
    // both.
    for (unit, fen) in unitsOfCase { greatestTaking[unit] = max(greatestTaking[unit] ?? 0, fen) }

    if caseOfSubject[subject] == nil, amount > 0 {
      caseOfSubject[subject] = cases.count
      cases.append(
        CaseFile(
          id: StableID.caseFile(subjectType: subject.type, subject: subject.id, batchLabel: batchLabel),
          subjectType: subject.type, subject: subject.id, openedIn: batchLabel, findingIDs: [], countedFen: 0))
    }
    guard let index = caseOfSubject[subject] else {
      for row in rows { result[row].caseID = "" }
      continue
    }
    for row in rows {
      result[row].caseID = shadowRules.contains(records[row].finding.rule) ? "" : cases[index].id
    }
    cases[index].findingIDs = counting.map { records[$0].finding.id }.sorted(by: bytesPrecede)
    cases[index].countedFen = amount
  }

  cases.sort { bytesPrecede($0.id, $1.id) }
  return CaseAssignment(
    records: result, cases: cases, totalCountedFen: greatestTaking.values.reduce(0) { $0 + $1 })
}

/// Whom a case is about.
private struct CaseSubject: Hashable {
  var type: SubjectType
  var id: String

  static func precedes(_ a: CaseSubject, _ b: CaseSubject) -> Bool {
    a.type == b.type ? bytesPrecede(a.id, b.id) : bytesPrecede(a.type.rawValue, b.type.rawValue)
  }
}
