import ClaimModel
import Diagnostics
import Registries
import RulePacks

/// What the rules are run over.
public struct AuditInput: Sendable {
  public var claims: EffectiveClaims
  public var registries: Registries
  /// Least share, in percent, in which a rule's `fill` columns must be filled over its rows in scope; 0 turns it off.
  public var fillFloorPercent: Int
  /// Claim tables that lack rows, each with the label of a batch whose files are refused or missing: rules that argue
  /// from their absence don't run.
  public var incompleteTables: [ClaimTable: String]
  /// Facts about populations of all claims, where `claims` are a part of them; nil: they are worked out over `claims`.
  public var facts: PopulationFacts?

  public init(
    claims: EffectiveClaims, registries: Registries, fillFloorPercent: Int = 0,
    incompleteTables: [ClaimTable: String] = [:], facts: PopulationFacts? = nil
  ) {
    self.facts = facts
    self.claims = claims
    self.registries = registries
    self.fillFloorPercent = fillFloorPercent
    self.incompleteTables = incompleteTables
  }
}

/// What the rules found.
public struct AuditResult: Sendable {
  /// Ascending by id (bytes). Those of shadow rules are among them, without claims on money and last in precedence.
  public var findings: [Finding]
  /// Ascending by finding id, then exemption.
  public var suppressions: [Suppression]
  /// One for each rule given, ascending by rule id.
  public var coverage: [RuleCoverage]
  /// Facts about populations that findings rest on, ascending by rule, population, group and name (bytes).
  public var facts: [PopulationFact]
  /// Errors that stopped a rule (arithmetic overflow); its coverage says not_runnable.
  public var diagnostics: [Diagnostic]

  public init(
    findings: [Finding] = [], suppressions: [Suppression] = [], coverage: [RuleCoverage] = [],
    facts: [PopulationFact] = [], diagnostics: [Diagnostic] = []
  ) {
    self.findings = findings
    self.suppressions = suppressions
    self.coverage = coverage
    self.facts = facts
    self.diagnostics = diagnostics
  }
}

/// Runs every rule over the claims that count. The result does not depend on the order of rows or rules.
///
/// A rule that can't run is in the coverage with its reason; only a rule that the parser should not have let through
/// (an expression of the wrong type) throws.
public func audit(rules: [Rule], _ input: AuditInput) throws(Diagnostics) -> AuditResult {
  var result = AuditResult()
  let shelf = IndexShelf(input.registries, input.claims.codes, facts: input.facts)
  let rules = rules.sorted { bytesPrecede($0.id, $1.id) }
  var scanned = scanTogether(rules, input, shelf)
  for rule in rules {
    var coverage = RuleCoverage(rule: rule.id, ruleVersion: rule.version, status: rule.status.coverage)
    if coverage.status == .off {
      coverage.obstacle = .off(status: rule.status.rawValue)
      result.coverage.append(coverage)
      continue
    }
    if let obstacle = obstacle(rule, input.registries, input.incompleteTables) {
      coverage.status = .notRunnable
      coverage.obstacle = obstacle
      result.coverage.append(coverage)
      continue
    }
    do {
      let (run, hits) = try scanned.removeValue(forKey: rule.id)?.get() ?? scan(rule, input, shelf)
      coverage.rowsInScope = run.rowsInScope
      coverage.rowsUnevaluable = run.rowsUnevaluable
      coverage.rowsEvaluated = run.rowsInScope - run.rowsUnevaluable
      if let obstacle = run.hardlyFilled() {
        coverage.status = .notRunnable
        coverage.obstacle = obstacle
        coverage.rowsEvaluated = 0
      } else {
        let (findings, suppressions, facts) = try run.assemble(hits)
        coverage.add(findings, suppressions)
        result.findings += findings
        result.suppressions += suppressions
        result.facts += facts
      }
    } catch EvaluationFault.overflow {
      coverage = RuleCoverage(rule: rule.id, ruleVersion: rule.version, status: .notRunnable, obstacle: .overflow)
      result.diagnostics.append(overflowDiagnostic(rule))
    } catch EvaluationFault.type(let problem) {
      throw Diagnostics([typeDiagnostic(rule, problem)])
    } catch {
      throw Diagnostics([Diagnostic(.error, "audit.failed", "Rule \(rule.id) failed: \(error).")])
    }
    result.coverage.append(coverage)
  }
  result.sort()
  return result
}

extension RuleCoverage {
  /// Counts and amounts of what was found. Each finding's amount fits 64 bits; no number of findings is beyond 128.
  mutating func add(_ found: [Finding], _ suppressions: [Suppression]) {
    findings += found.count
    suppressed += suppressions.count
    for finding in found {
      amountFen += Int128(finding.amountFen)
      fundFen += Int128(finding.fundFen)
    }
  }
}

extension AuditResult {
  /// Findings by id, suppressions by finding and exemption.
  mutating func sort() {
    // By their ids beside them: a finding has dozens of references, which each step of a sort of findings would count.
    let ids = findings.map(\.id)
    findings = ids.indices.sorted { bytesPrecede(ids[$0], ids[$1]) }.map { findings[$0] }
    suppressions.sort {
      $0.findingID == $1.findingID
        ? bytesPrecede($0.exemption, $1.exemption) : bytesPrecede($0.findingID, $1.findingID)
    }
  }
}

func overflowDiagnostic(_ rule: Rule) -> Diagnostic {
  Diagnostic(
    .error, "audit.overflow", "Rule \(rule.id) computes a number beyond 64 bits; the rule was stopped.",
    at: Place(file: rule.path.isEmpty ? nil : rule.path),
    remedy: "Look for amounts or counts out of all proportion in the report's rejects and profile.")
}

func typeDiagnostic(_ rule: Rule, _ problem: String) -> Diagnostic {
  Diagnostic(
    .error, "audit.type", "Rule \(rule.id) can't be evaluated: \(problem).",
    at: Place(file: rule.path.isEmpty ? nil : rule.path), remedy: "Run `yijian check` on the rule.")
}

func scan(_ rule: Rule, _ input: AuditInput, _ shelf: IndexShelf) throws -> (RuleRun, Frame) {
  let run = RuleRun(rule, input, shelf)
  return (run, try run.scan())
}

/// Rules over each row of one entity, in one pass an entity. Rules of other shapes, and those that can't run, are not
/// in the result.
func scanTogether(_ rules: [Rule], _ input: AuditInput, _ shelf: IndexShelf)
  -> [String: Result<(RuleRun, Frame), any Error>]
{
  var result: [String: Result<(RuleRun, Frame), any Error>] = [:]
  for entity in Entity.allCases {
    let runs = rules.compactMap { rule -> RuleRun? in
      guard case .each(_, entity) = rule.shape, rule.status.coverage != .off,
        obstacle(rule, input.registries, input.incompleteTables) == nil
      else { return nil }
      return RuleRun(rule, input, shelf)
    }
    if runs.isEmpty { continue }
    let faults = SharedPass(entity, runs, input.claims[entity].count).scan()
    for (run, fault) in zip(runs, faults) {
      result[run.rule.id] = fault.map { .failure($0) } ?? .success((run, run.hits.frame(run.rule)))
    }
  }
  return result
}

extension Rule.Status {
  /// What the coverage says of a rule that runs with this status.
  var coverage: RuleCoverage.Status {
    switch self {
    case .active: .run
    case .shadow: .shadow
    case .draft, .retired: .off
    }
  }
}

/// Why a rule can't run, before any row is looked at; nil if nothing stands in its way.
func obstacle(_ rule: Rule, _ registries: Registries, _ incompleteTables: [ClaimTable: String]) -> RuleObstacle? {
  var needed = rule.needs
  for lookup in rule.lookups where !lookup.isOptional && !needed.contains(lookup.table) { needed.append(lookup.table) }
  for table in needed {
    guard let registry = registries[table] else { return .missingRegistry(table) }
    if registry.count == 0 { return .emptyRegistry(table) }
  }
  for table in rule.absence {
    if let batch = incompleteTables[table] { return .incompleteTable(table, batch: batch) }
  }
  return nil
}
