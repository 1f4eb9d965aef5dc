import ClaimModel

/// The CSV files that other programs read (Documentation/outputs.md). Columns and their order change only with a note
/// in CHANGELOG.
public enum MachineFiles {
  /// findings.csv: a snapshot of all findings that hold, and those that fell in this run; by finding_id.
  public static func findings(_ records: [FindingRecord]) -> String {
    var csv = CSVLines([
      "finding_id", "rule", "rule_version", "verdict", "severity", "subject_type", "subject", "psn_no",
      "fixmedins_code", "setl_ids", "line_ids", "from_date", "to_date", "measure", "threshold", "amount_fen",
      "fund_fen", "counted_fen", "case_id", "state", "first_batch", "explanation",
    ])
    for record in records.sortedByBytes(\.finding.id) {
      let f = record.finding
      csv.add([
        f.id, f.rule, String(f.ruleVersion), f.verdict.rawValue, f.severity.rawValue, f.subjectType.rawValue,
        f.subject, f.psnNo, f.fixmedinsCode, f.setlIDs.joined(separator: "|"), f.lineIDs.joined(separator: "|"),
        day(f.from), day(f.to), number(f.measure), number(f.threshold), String(f.amountFen), String(f.fundFen),
        String(record.countedFen), record.caseID, record.state.rawValue, record.firstBatch, f.explanation,
      ])
    }
    return csv.text
  }

  /// rejects.csv: all rejected rows, and the first 1,000 nulled or set aside of a file, column and code; by file,
  /// table, line (as a number), byte offset, column, code.
  ///
  /// - Parameter write: takes the bytes, a part after the other: of a file without one whole row there are a hundred
  ///   times as many as of what was read.
  public static func rejects(_ rejects: Rejects, to write: ([UInt8]) throws -> Void) rethrows {
    var csv = CSVLines(["file", "table", "line", "byte_offset", "column", "code", "reason", "action"])
    struct Group: Hashable {
      let file: String
      let column: String?
      let code: String
    }
    var listed: [Group: Int] = [:]
    try rejects.inFileOrder { r in
      if r.action != .rejected {
        let group = Group(file: r.file, column: r.column, code: r.code)
        let n = listed[group, default: 0]
        if n >= Rejects.listedPerCode { return }
        listed[group] = n + 1
      }
      csv.add([
        r.file, r.table, String(r.line), String(r.byteOffset), r.column ?? "", r.code, r.reason, r.action.rawValue,
      ])
      guard csv.bytes.count >= 1 << 20 else { return }
      try write(csv.bytes)
      csv.removeAll()
    }
    try write(csv.bytes)
  }

  /// coverage.csv: one row a rule, every rule; by rule.
  public static func coverage(_ rules: [RuleCoverage]) -> String {
    var csv = CSVLines([
      "rule", "rule_version", "status", "reason", "rows_in_scope", "rows_evaluated", "rows_unevaluable", "findings",
      "suppressed", "amount_fen", "fund_fen",
    ])
    for c in rules.sortedByBytes(\.rule) {
      csv.add([
        c.rule, String(c.ruleVersion), c.status.rawValue, c.obstacle?.text ?? "", String(c.rowsInScope),
        String(c.rowsEvaluated), String(c.rowsUnevaluable), String(c.findings), String(c.suppressed),
        String(c.amountFen), String(c.fundFen),
      ])
    }
    return csv.text
  }

  /// suppressed.csv: one row for each exemption that applies to a finding that would stand; by finding_id, rule,
  /// exemption.
  public static func suppressed(_ suppressions: [Suppression]) -> String {
    var csv = CSVLines(["finding_id", "rule", "exemption", "subject_type", "subject", "evidence"])
    let rows = suppressions.map {
      [$0.findingID, $0.rule, $0.exemption, $0.subjectType.rawValue, $0.subject, $0.evidence]
    }
    for row in rows.sorted(by: { $0.lexicographicallyPrecedes($1, by: bytesPrecede) }) { csv.add(row) }
    return csv.text
  }

  private static func day(_ day: Int64?) -> String { day.map(CivilTime.text(day:)) ?? "" }
  private static func number(_ value: Int64?) -> String { value.map { String($0) } ?? "" }
}
