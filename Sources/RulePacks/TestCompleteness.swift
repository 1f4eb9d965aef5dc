import Diagnostics

/// What the tests of a rule leave out. Whether both sides of each threshold are tested is shown by `mutations`.
///
/// - Returns: errors, or warnings where the rule is a draft.
public func missingTests(of rule: Rule, in file: RuleTestFile) -> [Diagnostic] {
  var result: [Diagnostic] = []
  let severity: Severity = rule.status == .draft ? .warning : .error
  func lacks(_ code: String, _ message: String, _ remedy: String) {
    result.append(Diagnostic(severity, code, message, at: file.testsPlace, remedy: remedy))
  }
  if file.rule != rule.id {
    result.append(
      Diagnostic(
        .error, "test.rule", "the tests are of \(file.rule), the rule beside them is \(rule.id)",
        at: Place(file: file.path, line: 1, column: 1)))
  }
  let fires = file.tests.reduce(0) { $0 + $1.fires.count }
  if fires < 3 {
    lacks("test.few-fires", "the tests name \(fires) findings that must come, at least 3", "add rows that must fire")
  }
  let silent = file.tests.reduce(0) { $0 + $1.silent.count }
  if silent < 3 {
    lacks(
      "test.few-silent", "the tests name \(silent) rows that must stay silent, at least 3",
      "add rows that look like a hit and are none")
  }
  if !file.tests.contains(where: \.hasReversal) {
    lacks(
      "test.no-reversal", "no test has a reversal",
      "add a line with a negative cnt, or a settlement with refd_setl_flag 1 or init_setl_id")
  }
  let canLackInputs =
    !rule.needs.isEmpty || !rule.absence.isEmpty || !rule.unevaluable.isEmpty || !rule.lookups.isEmpty
  let lacking = file.tests.contains { test in
    test.notRunnable != nil || test.unevaluable.map { $0 > 0 || !canLackInputs } == true
  }
  if !lacking {
    lacks(
      "test.no-missing-input", "no test lacks an input",
      canLackInputs
        ? "expect not_runnable without a table, or unevaluable rows"
        : "leave columns empty and expect unevaluable: 0, for the rule judges every row")
  }
  return result
}

extension RuleTest {
  /// Whether a line or settlement is taken back.
  var hasReversal: Bool {
    func column(_ table: String, _ name: String) -> [String] {
      guard let table = tables[table], let i = table.header.firstIndex(of: name) else { return [] }
      return table.rows.map { $0[i] }
    }
    return column("fee_list_d", "cnt").contains { $0.hasPrefix("-") }
      || column("setl_d", "refd_setl_flag").contains("1") || column("setl_d", "init_setl_id").contains { !$0.isEmpty }
  }
}
