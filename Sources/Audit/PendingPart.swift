import ClaimModel
import Registries
import RulePacks

/// What is left to do in a part of the claims for rules whose reach is `personWithFacts` when the facts are not known
/// yet: all that needs no fact is done, and of the claims only what the rest reads is kept. It outlives the part's code
/// table.
///
/// `audit` gives what `auditPart` with the facts gives over the part itself.
public struct PendingPart: Sendable {
  /// Rules that are cut in two.
  private var rules: [PendingRule] = []
  /// What the other rules can come to; nil if there is none.
  private var whole: ThinClaims?
  private var wholeIDs: Set<String> = []

  /// About the memory that is taken, in bytes.
  public var bytes: Int { rules.reduce(whole?.bytes ?? 0) { $0 + $1.bytes } }

  /// Does what needs no fact.
  ///
  /// - Parameters:
  ///   - rules: of reach `personWithFacts`.
  ///   - input: the part; its facts are not asked for.
  ///   - also: as in `ThinClaims`.
  public init(
    rules: [Rule], _ input: AuditInput, shelf: RegistryShelf, also: [Entity: Set<String>] = [:]
  ) {
    let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf)
    var others: [Rule] = []
    for rule in rules where rule.status.coverage != .off {
      if obstacle(rule, input.registries, input.incompleteTables) != nil { continue }
      if let pending = PendingRule(rule, input, indexes, also: also) {
        self.rules.append(pending)
      } else {
        others.append(rule)
      }
    }
    if others.isEmpty { return }
    var claims = ThinClaims(for: others, also: also)
    claims.appendReachable(input.claims)
    whole = claims
    wholeIDs = Set(others.map(\.id))
  }

  /// Does the rest.
  ///
  /// - Parameters:
  ///   - rules: those that it was made for.
  ///   - input: makes what rules are run over of claims that were kept, with the facts.
  ///   - codes: a copy of the table that the shelf was made with.
  ///   - found: is called with findings and the claims that they are about.
  public func audit(
    rules: [Rule], shelf: RegistryShelf, codes: CodeTable, input: (EffectiveClaims) -> AuditInput,
    found: (AuditPart, EffectiveClaims) -> Void
  ) {
    let byID = Dictionary(rules.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    if let whole {
      let claims = whole.claims(codes: codes)
      found(auditPart(rules: rules.filter { wholeIDs.contains($0.id) }, input(claims), shelf: shelf), claims)
    }
    for pending in self.rules {
      guard let rule = byID[pending.rule] else { continue }
      let claims = pending.candidates.claims(codes: codes)
      var part = AuditPart()
      part.rules[rule.id] = pending.finish(rule, claims, codes, shelf, input)
      found(part, claims)
    }
  }
}

/// The same of one rule that asks facts only in `unevaluable` and of its findings, and decides about each base row by
/// itself. Without facts it finds all hits, and some of rows about which the facts let nothing be said.
private struct PendingRule: Sendable {
  let rule: String
  /// What the part comes to but for the unevaluable rows that only facts tell.
  private let part: RulePart
  /// Rows about which something can be said as far as is known without facts.
  private let open: ThinClaims
  /// The other rows in scope: an expression with facts that overflows at one of them stops the rule as well.
  private let closed: ThinClaims
  /// Rows with hits, and whatever the rule can come to from them.
  let candidates: ThinClaims

  var bytes: Int { open.bytes + closed.bytes + candidates.bytes }

  /// nil if the rule can't be cut in two, or is stopped before any fact is asked for.
  init?(_ rule: Rule, _ input: AuditInput, _ indexes: IndexShelf, also: [Entity: Set<String>]) {
    guard rule.asksFactsOnlyOfBaseRows, let base = rule.shape.bindings.first else { return nil }
    let run = RuleRun(rule, input, indexes, asking: .withoutFacts)
    if run.asksFormedRowsWhetherEvaluable { return nil }
    run.looked = RowsLookedAt()
    guard let hits = try? run.scan(), let looked = run.looked else { return nil }
    part = RulePart(countsOf: run)
    self.rule = rule.id
    var open = ThinClaims(for: [rule.onlyUnevaluable(base).withoutMembers])
    var closed = open
    // Without a question about facts there is nothing to ask.
    if rule.unevaluable.contains(where: \.when.asksFact) {
      open.appendReachable(input.claims, from: looked.evaluable)
      closed.appendReachable(input.claims, from: looked.unevaluable)
    }
    self.open = open
    self.closed = closed
    var candidates = ThinClaims(for: [rule], also: also)
    candidates.appendReachable(input.claims, from: hits.rows[base.name]?.rows ?? [])
    self.candidates = candidates
  }

  func finish(
    _ rule: Rule, _ claims: EffectiveClaims, _ codes: CodeTable, _ shelf: RegistryShelf,
    _ input: (EffectiveClaims) -> AuditInput
  ) -> RulePart {
    var result = RulePart(columns: rule.fill.count)
    do {
      let more = try unevaluable(open, rule, codes, shelf, input)
      _ = try unevaluable(closed, rule, codes, shelf, input)
      let own = input(claims)
      let indexes = IndexShelf(shelf.registries, codes, shared: shelf, facts: own.facts)
      let (run, hits) = try scan(rule, own, indexes)
      result = part
      result.rowsUnevaluable += more
      result.take(run, hits)
    } catch {
      result.take(error)
    }
    return result
  }

  /// How many rows are unevaluable by what facts say.
  private func unevaluable(
    _ thin: ThinClaims, _ rule: Rule, _ codes: CodeTable, _ shelf: RegistryShelf,
    _ input: (EffectiveClaims) -> AuditInput
  ) throws -> Int {
    guard thin.count > 0, let base = rule.shape.bindings.first else { return 0 }
    let own = input(thin.claims(codes: codes))
    let indexes = IndexShelf(shelf.registries, codes, shared: shelf, facts: own.facts)
    let run = RuleRun(rule.onlyUnevaluable(base), own, indexes, asking: .onlyFacts)
    _ = try run.scan()
    return run.rowsUnevaluable
  }
}

extension Rule {
  /// Facts decide nothing but which base rows are evaluable, and about each base row it decides by itself.
  var asksFactsOnlyOfBaseRows: Bool {
    switch shape {
    case .each: break
    case .formed(let formed):
      guard formed.keepsBaseRow else { return false }
      if (formed.baseExpressions + [formed.atLeast].compactMap { $0 }).contains(where: \.asksFact) { return false }
    case .pair: return false
    }
    for lookup in lookups {
      if case .groups = lookup.take { return false }
      if lookup.expressions.contains(where: \.asksFact) { return false }
    }
    let asked = [scope, condition] + unless + fill + [parameterDay, formedParameterDay].compactMap { $0 }
    return !asked.contains(where: \.asksFact)
  }

  /// The rule as far as it asks facts of its base rows: every row given is in scope, and none is a hit.
  func onlyUnevaluable(_ base: (name: String, entity: Entity)) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.version = version
    rule.status = status
    rule.shape = .each(binding: base.name, entity: base.entity)
    rule.parameters = parameters
    rule.parameterDay = parameterDay
    rule.lookups = lookups
    rule.populations = populations
    rule.unevaluable = unevaluable.filter(\.when.asksFact)
    rule.condition = .boolean(false)
    return rule
  }

  /// The rule with populations as they are read where their facts are given: of their own rows nothing.
  var withoutMembers: Rule {
    var rule = self
    rule.populations = populations.map { population in
      var population = population
      population.condition = .boolean(true)
      population.match = population.match.map { PairMatch(a: $0.b, b: $0.b) }
      population.values = []
      return population
    }
    return rule
  }
}

extension Expr {
  /// It reads a fact of a population.
  var asksFact: Bool {
    var found = false
    visit { if case .fact = $0 { found = true } }
    return found
  }
}

/// Base rows in scope, ascending.
struct RowsLookedAt {
  var evaluable: [Int32] = []
  var unevaluable: [Int32] = []

  /// Adds the rows of a frame by their truths.
  mutating func add(_ rows: [Int32], _ truths: [UInt8]) {
    for (row, truth) in zip(rows, truths) {
      if truth == Kleene.yes { evaluable.append(row) } else { unevaluable.append(row) }
    }
  }
}

/// Which of a rule's `unevaluable` are asked.
enum UnevaluableAsked {
  case all
  case withoutFacts
  /// And no lookup whether it is ambiguous.
  case onlyFacts

  func contains(_ one: Unevaluable) -> Bool {
    switch self {
    case .all: true
    case .withoutFacts: !one.when.asksFact
    case .onlyFacts: one.when.asksFact
    }
  }
}
