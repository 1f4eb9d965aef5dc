import ClaimModel

/// Compares the findings of a run with those of the last one: `state` of findings.csv (Documentation/outputs.md).
enum FindingHistory {
  /// States of all findings: those that hold now, and those that fell since the last run.
  ///
  /// - Parameters:
  ///   - current: what the rules found on the whole store.
  ///   - last: records of the last run that were not withdrawn in it.
  ///   - silentRules: rules that could not run; their earlier findings stand, because nothing speaks against them.
  ///   - cutoff: findings whose `to` lies before this day keep what was last known and are never withdrawn by age.
  ///   - batchLabel: first batch of new findings.
  ///   - torn: rules about everybody whose rows before this day were partly removed: what they find there now, and did
  ///     not before, is of too few rows.
  static func compare(
    current: [Finding], last: [FindingRecord], silentRules: Set<String>, cutoff: Int64, batchLabel: String,
    torn: (rules: Set<String>, before: Int64)? = nil
  ) -> [FindingRecord] {
    var before: [String: FindingRecord] = [:]
    for record in last where record.state != .withdrawn { before[record.finding.id] = record }
    var records: [FindingRecord] = []
    for finding in current {
      guard let old = before.removeValue(forKey: finding.id) else {
        if let torn, let to = finding.to, to < torn.before, torn.rules.contains(finding.rule) { continue }
        records.append(FindingRecord(finding: finding, state: .new, firstBatch: batchLabel))
        continue
      }
      if let to = old.finding.to, to < cutoff {
        records.append(FindingRecord(finding: old.finding, state: .standing, firstBatch: old.firstBatch))
      } else {
        let state: FindingState = isSame(old.finding, finding) ? .standing : .changed
        records.append(FindingRecord(finding: finding, state: state, firstBatch: old.firstBatch))
      }
    }
    for old in before.values {
      let isOld = old.finding.to.map { $0 < cutoff } ?? false
      let stands = isOld || silentRules.contains(old.finding.rule)
      records.append(
        FindingRecord(
          finding: old.finding, state: stands ? .standing : .withdrawn, firstBatch: old.firstBatch, countedFen: 0,
          caseID: stands ? "" : old.caseID))
    }
    return records.sorted { bytesPrecede($0.finding.id, $1.finding.id) }
  }

  /// Ids of the records that hold and that the run's own findings are not: they can't be derived from today's rows.
  static func standsOnly(_ records: [FindingRecord], current: [Finding]) -> Set<String> {
    let current = Dictionary(uniqueKeysWithValues: current.map { ($0.id, $0) })
    return Set(
      records.filter { record in
        record.state != .withdrawn && current[record.finding.id].map { isSame($0, record.finding) } != true
      }.map(\.finding.id))
  }

  /// Same amounts, lines and verdict.
  static func isSame(_ a: Finding, _ b: Finding) -> Bool {
    a.verdict == b.verdict && a.amountFen == b.amountFen && a.fundFen == b.fundFen && a.lineIDs == b.lineIDs
      && a.setlIDs == b.setlIDs
  }
}
