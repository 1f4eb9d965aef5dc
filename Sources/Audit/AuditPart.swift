import ClaimModel
import Diagnostics
import Registries
import RulePacks

/// What rules found in a part of the claims: texts and numbers, no codes, so that it outlives the part's code table.
public struct AuditPart: Sendable {
  var rules: [String: RulePart] = [:]

  /// Nothing looked at.
  public init() {}

  /// Findings so far, of all rules.
  public var findings: Int { rules.values.reduce(0) { $0 + $1.findings.count } }

  /// The findings so far, of all rules, in no order.
  public var allFindings: [Finding] { rules.values.flatMap(\.findings) }

  /// All but what some rules found.
  public func without(_ ids: Set<String>) -> AuditPart {
    var rest = self
    for id in ids { rest.rules[id] = nil }
    return rest
  }

  /// Adds what was found in another part.
  public mutating func append(_ other: AuditPart) {
    for (id, part) in other.rules { rules[id, default: RulePart(columns: part.fillRows.count)].append(part) }
  }

  /// Counts, findings and suppressions are all there is to it: nothing stopped a rule, no key is ambiguous, and no fact
  /// of a population was used. Only such parts can be kept, and taken out of a whole again.
  public var isPlain: Bool {
    rules.values.allSatisfy {
      $0.overflow == nil && $0.typeFault == nil && $0.ambiguousKeys.isEmpty && $0.facts.isEmpty
    }
  }

  /// Takes out what was found in another part that had been added; both are plain.
  ///
  /// - Returns: false if the other part was never in this one. Then nothing must be made of the rest.
  public mutating func remove(_ other: AuditPart) -> Bool {
    for (id, part) in other.rules {
      guard var own = rules.removeValue(forKey: id), own.remove(part) else { return false }
      rules[id] = own
    }
    return true
  }
}

extension AuditPart: Codable {
  private enum CodingKeys: String, CodingKey { case rules }
}

extension RulePart: Codable {
  // Of plain parts there is nothing else.
  private enum CodingKeys: String, CodingKey {
    case rowsInScope, rowsUnevaluable, fillRows, filledRows, findings, suppressions
  }
}

/// The share of one rule.
struct RulePart: Sendable {
  /// What stopped the rule in this part, in the order in which the whole would meet it.
  enum Fault: Sendable {
    case whileScanning
    case whileAssembling
  }

  var rowsInScope = 0
  var rowsUnevaluable = 0
  /// By fill column: whether it is filled enough is decided over all parts.
  var fillRows: [Int]
  var filledRows: [Int]
  var findings: [Finding] = []
  var suppressions: [Suppression] = []
  var facts: [PopulationFact] = []
  var overflow: Fault?
  /// Why an expression could not be evaluated at all.
  var typeFault: String?
  /// Keys of hits of which some part holds the separator: only these can be one text for two persons.
  var ambiguousKeys: [String] = []

  init(columns: Int) {
    fillRows = [Int](repeating: 0, count: columns)
    filledRows = fillRows
  }

  /// What a run has counted so far, without findings.
  init(countsOf run: RuleRun) {
    rowsInScope = run.rowsInScope
    rowsUnevaluable = run.rowsUnevaluable
    fillRows = run.fillRows
    filledRows = run.filledRows
  }

  /// Takes what comes of the hits.
  mutating func take(_ run: RuleRun, _ hits: Frame) {
    do {
      if hits.count > 0, run.rule.key.count > 1 { ambiguousKeys = try run.ambiguousKeys(hits) }
      (findings, suppressions, facts) = try run.assemble(hits)
    } catch EvaluationFault.overflow {
      overflow = .whileAssembling
    } catch {
      take(error)
    }
  }

  /// Takes what stopped the rule before there were hits, or let an expression not be evaluated at all.
  mutating func take(_ fault: any Error) {
    switch fault {
    case EvaluationFault.overflow: overflow = .whileScanning
    case EvaluationFault.type(let problem): typeFault = problem
    default: typeFault = "\(fault)"
    }
  }

  mutating func append(_ other: RulePart) {
    rowsInScope += other.rowsInScope
    rowsUnevaluable += other.rowsUnevaluable
    for i in fillRows.indices {
      fillRows[i] += other.fillRows[i]
      filledRows[i] += other.filledRows[i]
    }
    findings += other.findings
    suppressions += other.suppressions
    facts += other.facts
    ambiguousKeys += other.ambiguousKeys
    if overflow != .whileScanning, let fault = other.overflow { overflow = fault }
    if typeFault == nil { typeFault = other.typeFault }
  }

  /// False if the other part was not in this one.
  mutating func remove(_ other: RulePart) -> Bool {
    guard fillRows.count == other.fillRows.count, filledRows.count == other.filledRows.count else { return false }
    rowsInScope -= other.rowsInScope
    rowsUnevaluable -= other.rowsUnevaluable
    for i in fillRows.indices {
      fillRows[i] -= other.fillRows[i]
      filledRows[i] -= other.filledRows[i]
      if fillRows[i] < 0 || filledRows[i] < 0 { return false }
    }
    if rowsInScope < 0 || rowsUnevaluable < 0 { return false }
    if !other.findings.isEmpty {
      let ids = Set(other.findings.map(\.id))
      let before = findings.count
      findings.removeAll { ids.contains($0.id) }
      if before - findings.count != other.findings.count { return false }
    }
    if !other.suppressions.isEmpty {
      var times: [Suppression: Int] = [:]
      for one in other.suppressions { times[one, default: 0] += 1 }
      let before = suppressions.count
      suppressions.removeAll { one in
        guard let left = times[one], left > 0 else { return false }
        times[one] = left - 1
        return true
      }
      if before - suppressions.count != other.suppressions.count { return false }
    }
    return true
  }
}

/// Runs rules over a part of the claims; `finish` puts parts together. Over one part of all claims the two give what
/// `audit` gives; over several, for rules whose `reach` is within a person, if no person is in two parts.
///
/// The part's code table must be a copy of the one the shelf was made with. Rules that are not run (status, missing
/// registry) are not looked at; a rule that can't be evaluated is reported by `finish`.
public func auditPart(rules: [Rule], _ input: AuditInput, shelf: RegistryShelf) -> AuditPart {
  var result = AuditPart()
  let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf, facts: input.facts)
  var scanned = scanTogether(rules, input, indexes)
  for rule in rules where rule.status.coverage != .off {
    if obstacle(rule, input.registries, input.incompleteTables) != nil { continue }
    var part = RulePart(columns: rule.fill.count)
    do {
      let (run, hits) = try scanned.removeValue(forKey: rule.id)?.get() ?? scan(rule, input, indexes)
      part = RulePart(countsOf: run)
      part.take(run, hits)
    } catch {
      part.take(error)
    }
    result.rules[rule.id] = part
  }
  return result
}

/// Rules that found hits of one key in two parts though no hit of two persons should share one: an id that holds the
/// separator of keys can make two keys one text. These must be run again over everything. Normally none.
public func rulesWithSharedKeys(_ parts: [AuditPart]) -> Set<String> {
  var result: Set<String> = []
  for id in Set(parts.flatMap { $0.rules.keys }) {
    var seen: Set<[UInt8]> = []
    for part in parts {
      let own = Set((part.rules[id]?.ambiguousKeys ?? []).map { Array($0.utf8) })
      if !seen.isDisjoint(with: own) { result.insert(id) }
      seen.formUnion(own)
    }
  }
  return result
}

/// What the rules found in all parts: the same, byte for byte, as `audit` over the claims of all parts at once.
///
/// `parts` may be in any order, and of several `auditPart` runs with different rules over the same claims: each rule is
/// judged by the parts that it was run over. The rest is as it was for `auditPart`.
public func finish(
  _ parts: [AuditPart], rules: [Rule], registries: Registries, fillFloorPercent: Int = 0,
  incompleteTables: [ClaimTable: String] = [:]
) throws(Diagnostics) -> AuditResult {
  var result = AuditResult()
  for rule in rules.sorted(by: { bytesPrecede($0.id, $1.id) }) {
    var coverage = RuleCoverage(rule: rule.id, ruleVersion: rule.version, status: rule.status.coverage)
    defer { result.coverage.append(coverage) }
    if coverage.status == .off {
      coverage.obstacle = .off(status: rule.status.rawValue)
      continue
    }
    if let obstacle = obstacle(rule, registries, incompleteTables) {
      coverage.status = .notRunnable
      coverage.obstacle = obstacle
      continue
    }
    var whole = RulePart(columns: rule.fill.count)
    for part in parts { if let own = part.rules[rule.id] { whole.append(own) } }
    if let problem = whole.typeFault { throw Diagnostics([typeDiagnostic(rule, problem)]) }
    var isStopped = whole.overflow == .whileScanning
    if !isStopped {
      coverage.rowsInScope = whole.rowsInScope
      coverage.rowsUnevaluable = whole.rowsUnevaluable
      if let obstacle = rule.hardlyFilled(
        floor: fillFloorPercent, fillRows: whole.fillRows, filledRows: whole.filledRows)
      {
        coverage.status = .notRunnable
        coverage.obstacle = obstacle
        continue
      }
      coverage.rowsEvaluated = whole.rowsInScope - whole.rowsUnevaluable
      isStopped = whole.overflow != nil
    }
    if isStopped {
      coverage = RuleCoverage(rule: rule.id, ruleVersion: rule.version, status: .notRunnable, obstacle: .overflow)
      result.diagnostics.append(overflowDiagnostic(rule))
      continue
    }
    coverage.add(whole.findings, whole.suppressions)
    result.findings += whole.findings
    result.suppressions += whole.suppressions
    result.facts += PopulationFact.distinct(whole.facts)
  }
  result.sort()
  return result
}

extension RuleRun {
  /// The keys of hits of which a part holds the separator.
  fileprivate func ambiguousKeys(_ hits: Frame) throws -> [String] {
    var isOdd = [Bool](repeating: false, count: hits.count)
    for part in rule.key {
      guard case .text(let values) = try evaluator.vector(part, hits) else { continue }
      for (i, code) in values.enumerated() where evaluator.codes.withBytes(code, { $0.contains(0x7C) }) {
        isOdd[i] = true
      }
    }
    if !isOdd.contains(true) { return [] }
    let keys = try keyTexts(hits)
    return isOdd.indices.filter { isOdd[$0] }.map { keys[$0] }
  }
}
