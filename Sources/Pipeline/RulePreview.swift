import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Normalize
import RulePacks

/// The command line of `yijian preview`.
public struct PreviewOptions: Sendable {
  public var rule: String
  /// Output folder of a run, or a store.
  public var against: String
  public var previous: String?
  public var pipeline: String
  public var store: String?
  public var registries: String?
  public var all: Bool
  public var showPersons: Bool

  public init(
    rule: String, against: String, previous: String?, pipeline: String, store: String?, registries: String?,
    all: Bool, showPersons: Bool
  ) {
    self.rule = rule
    self.against = against
    self.previous = previous
    self.pipeline = pipeline
    self.store = store
    self.registries = registries
    self.all = all
    self.showPersons = showPersons
  }
}

/// `yijian preview`: what a rule file finds on the claims of the store, beside what was found before. Nothing is
/// written; 0 also where it finds nothing or can't run.
public func previewRule(_ options: PreviewOptions) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    print(try RulePreview(options, printer).text(), terminator: "")
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}

/// What is compared: a finding of the last run, or one that a rule file gives now.
private struct Held {
  var id: String
  /// Parts of the key; empty where only findings.csv is known.
  var key: [String]
  var verdict: String
  var amountFen: Int64
  var fundFen: Int64
  var setlIDs: String
  var lineIDs: String

  init(_ finding: Finding) {
    id = finding.id
    key = finding.key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    verdict = finding.verdict.rawValue
    amountFen = finding.amountFen
    fundFen = finding.fundFen
    setlIDs = finding.setlIDs.joined(separator: "|")
    lineIDs = finding.lineIDs.joined(separator: "|")
  }

  /// A row of findings.csv.
  init(_ row: [String: String]) {
    id = row["finding_id"] ?? ""
    key = []
    verdict = row["verdict"] ?? ""
    amountFen = Int64(row["amount_fen"] ?? "") ?? 0
    fundFen = Int64(row["fund_fen"] ?? "") ?? 0
    setlIDs = row["setl_ids"] ?? ""
    lineIDs = row["line_ids"] ?? ""
  }

  /// What `FindingHistory` calls unchanged.
  func isSame(_ other: Held) -> Bool {
    verdict == other.verdict && amountFen == other.amountFen && fundFen == other.fundFen && setlIDs == other.setlIDs
      && lineIDs == other.lineIDs
  }
}

private struct RulePreview {
  let options: PreviewOptions
  let rule: Rule
  let now: AuditResult
  let before: [Held]
  let beforeName: String
  let remarks: [String]

  init(_ options: PreviewOptions, _ printer: EventPrinter) throws {
    self.options = options
    let file = try PipelineFile.read(options.pipeline)
    let (jurisdiction, pack) = try loadRules(file)
    rule = try Self.read(options.rule, jurisdiction, printer)
    let previous = try options.previous.map { try Self.read($0, jurisdiction, printer) }
    if let previous, previous.id != rule.id {
      throw Diagnostic(
        .error, "usage.other-rule", "\(rule.id) and \(previous.id) are two rules", at: Place(file: options.previous),
        remedy: "give --previous a version of the same rule")
    }
    let isRunFolder = FileManager.default.fileExists(atPath: options.against + "/findings.csv")
    if !isRunFolder, try Ledger.inspect(folder: RunSetup.absolute(options.against)) == nil {
      throw Diagnostic(
        .error, "usage.against", "that is neither a run's output folder nor a store", at: Place(file: options.against),
        remedy: "give the folder in which findings.csv stands, or the folder of the store")
    }
    let store = options.store ?? (isRunFolder ? nil : options.against)
    let stored = try StoredClaims(
      file: file, jurisdiction: jurisdiction, pack: pack, store: store, registries: options.registries,
      rules: [rule] + (previous.map { [$0] } ?? []))
    let lacking = incompleteTables(try stored.ledger.incompleteBatches())
    func found(_ rule: Rule) throws -> AuditResult {
      var active = rule
      active.status = .active
      let result = try stored.ledger.reading {
        try stored.evaluate([active], fillFloor: file.fillFloor, incompleteTables: lacking).result
      }
      for problem in result.diagnostics { printer.send(.diagnostic(problem)) }
      return result
    }
    now = try found(rule)
    var remarks: [String] = []
    if let previous {
      let result = try found(previous)
      before = result.findings.map(Held.init)
      beforeName = "\(previous.id) v\(previous.version) of \(shown(previous.path))"
      if let reason = result.coverage.first?.obstacle?.text {
        remarks.append("the previous version is not runnable: \(reason)")
      }
    } else if isRunFolder {
      let own = rule.id
      let table = try CSVTable(path: options.against + "/findings.csv")
      let rows = table.rows.map { Dictionary(zip(table.header, $0), uniquingKeysWith: { first, _ in first }) }
        .filter { $0["rule"] == own && $0["state"] != FindingState.withdrawn.rawValue }
      before = rows.map(Held.init)
      beforeName = "run folder \(options.against)"
      if let last = stored.lastRun.run, RunSetup.absolute(options.against) != last.outputFolder {
        remarks.append(
          "the folder is not that of the store's last run (\(last.label)); the store may hold later batches")
      }
    } else {
      before = stored.lastRun.findings.filter { [id = rule.id] in $0.finding.rule == id && $0.state != .withdrawn }
        .map { Held($0.finding) }
      beforeName = "last run \(stored.lastRun.run?.label ?? "") of the store"
    }
    let changed = stored.changedRegistries
    if !changed.isEmpty {
      remarks.append("registries differ from those of the last run: \(changed.joined(separator: ", "))")
    }
    self.remarks = remarks
  }

  private static func read(_ path: String, _ jurisdiction: Jurisdiction, _ printer: EventPrinter) throws -> Rule {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Diagnostic(.error, "usage.no-file", "the rule file can't be read", at: Place(file: path))
    }
    let (rule, problems) = loadRule(
      text: String(decoding: data, as: UTF8.self), path: path, jurisdiction: jurisdiction)
    guard let rule else { throw Diagnostics(problems) }
    for problem in problems { printer.send(.diagnostic(problem)) }
    return rule
  }

  func text() -> String {
    var page = TextPage()
    let found = now.findings.map(Held.init)
    let old = Dictionary(before.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let current = Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let new = found.filter { old[$0.id] == nil }
    let gone = before.filter { current[$0.id] == nil }.sorted { bytesPrecede($0.id, $1.id) }
    let changed = found.filter { one in old[one.id].map { !$0.isSame(one) } ?? false }
    let same = found.filter { one in old[one.id].map { $0.isSame(one) } ?? false }

    page.table(
      [
        [
          "rule",
          "\(rule.id) v\(rule.version) of \(shown(rule.path)), status \(rule.status.rawValue), run as if active",
        ],
        ["compared", beforeName],
      ] + coverageRows() + remarks.map { ["remark", $0] }, indent: 0)
    page.line("")
    func row(_ name: String, _ all: [Held]) -> [String] {
      let amount = all.reduce(Int128(0)) { $0 + Int128($1.amountFen) }
      let fund = all.reduce(Int128(0)) { $0 + Int128($1.fundFen) }
      return [name, right(String(all.count), 8), right(String(amount), 14), right(String(fund), 14)]
    }
    page.table(
      [["", right("findings", 8), right("amount_fen", 14), right("fund_fen", 14)]]
        + [
          row("now", found), row("before", before), row("new", new), row("gone", gone), row("changed", changed),
          row("same", same),
        ], indent: 0)
    let verdicts = Verdict.allCases.map { verdict in
      [
        verdict.rawValue, "now \(found.count { $0.verdict == verdict.rawValue })",
        "before \(before.count { $0.verdict == verdict.rawValue })",
      ]
    }
    page.line("")
    page.table(verdicts, indent: 0)
    write("new", new.map { [name($0), $0.verdict, fen($0)] }, &page)
    write("gone", gone.map { [name($0), $0.verdict, fen($0)] }, &page)
    write(
      "changed",
      changed.map { one in
        let then = old[one.id]
        return [name(one), "\(then?.verdict ?? "") → \(one.verdict)", "\(then.map(fen) ?? "") → \(fen(one))"]
      }, &page)
    return page.text
  }

  private func coverageRows() -> [[String]] {
    guard let coverage = now.coverage.first else { return [] }
    if coverage.status == .notRunnable { return [["NOT RUNNABLE", coverage.obstacle?.text ?? ""]] }
    return [
      [
        "rows",
        "\(coverage.rowsInScope) in scope, \(coverage.rowsUnevaluable) unevaluable, \(coverage.suppressed) suppressed",
      ]
    ]
  }

  private func write(_ title: String, _ rows: [[String]], _ page: inout TextPage) {
    if rows.isEmpty { return }
    page.line("")
    page.line("\(title):", indent: 0)
    page.table(Array(rows.prefix(options.all ? Int.max : 20)))
    if !options.all, rows.count > 20 { page.line("… and \(rows.count - 20) more; --all lists them") }
  }

  private func fen(_ one: Held) -> String { "\(one.amountFen)/\(one.fundFen)" }

  /// Id and key; a person's number in the key is left out unless it was asked for.
  private func name(_ one: Held) -> String {
    if one.key.isEmpty { return one.id }
    let holdsPerson = Set(rule.key.indices.filter { rule.isPersonNumber(rule.key[$0]) })
    let parts = one.key.enumerated().map { i, part in
      !options.showPersons && (holdsPerson.contains(i) || (rule.key.count != one.key.count && !holdsPerson.isEmpty))
        ? "…" : part
    }
    return "\(one.id)  \(parts.joined(separator: "|"))"
  }

  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }
}

extension Rule {
  /// Whether a value is a person's number, itself or through what a formed row is grouped by.
  fileprivate func isPersonNumber(_ e: Expr) -> Bool {
    switch e {
    case .claim(_, _, let column, _), .registry(_, let column, _): column == "psn_no"
    case .formed(let column, _):
      shape.formed?.by.first { $0.name == column }.map { isPersonNumber($0.value) } ?? false
    default: e.parts.contains(where: isPersonNumber)
    }
  }
}
