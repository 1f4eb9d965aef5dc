import ClaimModel
import Registries
import RulePacks

/// One rule over all rows: from candidate rows to hits. `RuleRun+Findings` makes findings of the hits.
final class RuleRun {
  /// Rows that are evaluated together: large enough to amortise the walk over the expression, small enough for the
  /// cache.
  static let blockRows = 4096

  let rule: Rule
  let input: AuditInput
  let evaluator: Evaluator
  var rowsInScope = 0
  var rowsUnevaluable = 0
  private let fillFloor: Int
  /// For each column under the floor the rows that were looked at and those that have it.
  private(set) var fillRows: [Int]
  private(set) var filledRows: [Int]
  /// Scope conditions that consult no lookup: they thin out rows before any lookup is made.
  let plainScope: [Expr]
  private let plain: Conjuncts
  private let lookupScope: Conjuncts
  private let condition: Conjuncts
  private let ambiguousLookups: [String]
  private let unevaluable: [Unevaluable]
  /// The same of formed rows; empty for other shapes.
  private let formedAmbiguousLookups: [String]
  private let formedUnevaluable: [Unevaluable]
  /// Whether a row is unevaluable is also decided by the rows formed of it.
  let asksFormedRowsWhetherEvaluable: Bool
  /// Lookups that are asked about formed rows.
  let formedLookups: Set<String>
  var hits = HitList()

  /// Base rows that were looked at; nil: nobody asks for them. Not for pairs, nor for lookups that take groups.
  var looked: RowsLookedAt?

  init(_ rule: Rule, _ input: AuditInput, _ shelf: IndexShelf, asking: UnevaluableAsked = .all) {
    self.rule = rule
    self.input = input
    evaluator = Evaluator(rule, claims: input.claims, registries: input.registries, indexes: shelf)
    fillFloor = input.fillFloorPercent
    fillRows = [Int](repeating: 0, count: rule.fill.count)
    filledRows = fillRows
    plainScope = rule.scope.conjuncts.filter { $0.lookupNames.isEmpty }
    plain = Conjuncts(plainScope, rule)
    lookupScope = Conjuncts(rule.scope.conjuncts.filter { !$0.lookupNames.isEmpty }, rule)
    condition = Conjuncts(rule.condition.conjuncts, rule)
    let silent = rule.silentLookups(input.registries)
    let ofFormed = rule.shape.formed == nil ? [] : rule.formedLookups
    formedLookups = ofFormed
    ambiguousLookups = asking == .onlyFacts ? [] : silent.filter { !ofFormed.contains($0) }
    formedAmbiguousLookups = asking == .onlyFacts ? [] : silent.filter { ofFormed.contains($0) }
    let asked = rule.unevaluable.filter(asking.contains)
    unevaluable = asked.filter { !$0.when.readsFormed(lookups: ofFormed) }
    formedUnevaluable = asked.filter { $0.when.readsFormed(lookups: ofFormed) }
    asksFormedRowsWhetherEvaluable = asking != .onlyFacts && rule.asksFormedRowsWhetherEvaluable(input.registries)
  }

  /// Goes through all candidate rows; the hits as one frame.
  func scan() throws -> Frame {
    switch rule.shape {
    case .each(_, let entity):
      if let fault = SharedPass(entity, [self], input.claims[entity].count).scan()[0] { throw fault }
    case .formed(let formed): return try scan(formed)
    case .pair(let a, let b, let match, let order):
      let pairing = try Pairing(self, a, b, match: match, order: order)
      try pairing.eachBlock { try look($0, pairing.remainingScope) }
    }
    return hits.frame(rule)
  }

  /// The fill column that is emptier than the floor; nil if none is.
  func hardlyFilled() -> RuleObstacle? {
    rule.hardlyFilled(floor: fillFloor, fillRows: fillRows, filledRows: filledRows)
  }

  /// Conditions that may be asked of rows that the conditions before them leave out, and mean the same in every rule.
  var shareableConditions: Set<Expr> { Set((plain.shareable + condition.shareable).filter(\.isTheSameInEveryRule)) }

  /// Numbers the conditions that other rules of the same pass have too.
  func share(_ numbers: [Expr: Int]) {
    plain.share(numbers)
    condition.share(numbers)
  }

  /// Scope, unevaluable rows, condition: what is left is a hit. `plain`: the conditions without lookups that are still
  /// to be asked; nil: all.
  func look(_ frame: Frame, _ plain: [Expr]? = nil) throws {
    var frame = try inScope(frame, plain)
    rowsInScope += frame.count
    if frame.count == 0 { return }
    let before = frame.count
    let isEvaluable = try evaluable(frame)
    if let base = rule.shape.bindings.first { looked?.add(frame.rows[base.name]?.rows ?? [], isEvaluable) }
    frame = frame.keeping(isEvaluable)
    rowsUnevaluable += before - frame.count
    frame = try satisfying(frame)
    if frame.count > 0 { hits.append(frame, rule) }
  }

  /// The rows of a frame that are in scope; `plain` are the conditions without lookups still to be asked, nil: all.
  func inScope(_ frame: Frame, _ plain: [Expr]? = nil) throws -> Frame {
    var frame = try plain.map { try keeping(frame, $0) } ?? self.plain.keeping(frame, evaluator)
    if fillFloor > 0, !rule.fill.isEmpty {
      // Before lookups: a limit found by a code says nothing about the rows that lack the code.
      for (i, column) in rule.fill.enumerated() {
        if case .children(let a) = column, let value = a.value {
          try evaluator.eachChildFrame(a.of, a.binding, a.path, a.variable, where: a.condition, frame) { inner, left in
            fillRows[i] += left.count
            let isNull = evaluator.nulls(try evaluator.vector(value, inner))
            for child in left where !isNull[Int(child)] { filledRows[i] += 1 }
          }
          continue
        }
        fillRows[i] += frame.count
        filledRows[i] += try evaluator.vector(column, frame).filledCount
      }
    }
    for lookup in rule.lookups {
      if case .groups(let column) = lookup.take, frame.count > 0 {
        frame = try evaluator.expanding(lookup, by: column, frame)
      }
    }
    return try lookupScope.keeping(frame, evaluator)
  }

  /// TRUE for the rows about which lookups and `unevaluable` let anything be said. Of formed rows it asks what speaks
  /// of them, of others the rest.
  func evaluable(_ frame: Frame) throws -> [UInt8] {
    let isFormed = frame.formed != nil
    var isEvaluable = [UInt8](repeating: Kleene.yes, count: frame.count)
    for name in isFormed ? formedAmbiguousLookups : ambiguousLookups {
      let outcome = try evaluator.outcome(name, frame)
      isEvaluable = zipped(isEvaluable, outcome.row) { $1 == LookupOutcome.ambiguous ? Kleene.no : $0 }
    }
    for unevaluable in isFormed ? formedUnevaluable : unevaluable {
      let holds = try evaluator.truths(unevaluable.when, frame)
      isEvaluable = zipped(isEvaluable, holds) { $1 == Kleene.yes ? Kleene.no : $0 }
    }
    return isEvaluable
  }

  /// The rows of which the condition is TRUE and that nothing under `unless` excuses.
  func satisfying(_ frame: Frame) throws -> Frame {
    var frame = try condition.keeping(frame, evaluator)
    for excuse in rule.unless where frame.count > 0 {
      frame = frame.keeping(try evaluator.truths(excuse, frame).map { $0 == Kleene.yes ? Kleene.no : Kleene.yes })
    }
    return frame
  }

  /// The rows for which all conditions are TRUE.
  func keeping(_ frame: Frame, _ conditions: [Expr]) throws -> Frame {
    var frame = frame
    for condition in conditions where frame.count > 0 {
      frame = frame.keeping(try evaluator.truths(condition, frame))
    }
    return frame
  }
}

extension Rule {
  /// Lookups about whose overlapping rows the rule says nothing: where one is ambiguous, a row is unevaluable.
  fileprivate func silentLookups(_ registries: Registries) -> [String] {
    // A rule that says itself when a lookup's overlapping rows matter is taken at its word.
    let spoken = unevaluable.reduce(into: Set<String>()) { $0.formUnion($1.when.lookupNames) }
    return lookups.filter { lookup in
      if case .groups = lookup.take { return false }
      if lookup.isNeverAmbiguous(self, registries) { return false }
      return !spoken.contains(lookup.name)
    }.map(\.name)
  }

  /// Whether a row is unevaluable is also decided by the rows formed of it.
  func asksFormedRowsWhetherEvaluable(_ registries: Registries) -> Bool {
    let ofFormed = shape.formed == nil ? [] : formedLookups
    return silentLookups(registries).contains(where: ofFormed.contains)
      || unevaluable.contains { $0.when.readsFormed(lookups: ofFormed) }
  }

  /// The fill column that is filled in less than `floor` percent; nil if none is. By column the rows that were looked at
  /// and those that have it.
  func hardlyFilled(floor: Int, fillRows: [Int], filledRows: [Int]) -> RuleObstacle? {
    guard floor > 0 else { return nil }
    for (i, column) in fill.enumerated() where filledRows[i] * 100 < floor * fillRows[i] {
      var name = "a fill column"
      if case .claim(_, _, let column, _) = column { name = column }
      if case .children(let aggregate) = column, case .claim(_, _, let column, _)? = aggregate.value { name = column }
      return .hardlyFilled(
        column: name, percent: filledRows[i] * 100 / fillRows[i], rows: fillRows[i], floor: floor)
    }
    return nil
  }
}

extension Shape {
  /// The bindings that stand for a claim row at a hit: of formed rows only the base row of `runs`.
  var boundAtHits: [(name: String, entity: Entity)] { formed == nil || formed?.keepsBaseRow == true ? bindings : [] }
}

extension Formed {
  /// The base row stays in hand beside the formed row.
  var keepsBaseRow: Bool { if case .runs = kind { true } else { false } }
}

/// Hits of all blocks, put together.
struct HitList {
  private var rows: [String: [Int32]] = [:]
  private var groups: [String: GroupedRows] = [:]
  private var formed: FormedRows?
  private var count = 0

  mutating func append(_ frame: Frame, _ rule: Rule) {
    for (binding, _) in rule.shape.boundAtHits { rows[binding, default: []] += frame.rows[binding]?.rows ?? [] }
    for (name, group) in frame.groups {
      groups[name, default: GroupedRows(start: [], end: [], rows: [])].append(group)
    }
    if let own = frame.formed {
      if formed == nil { formed = FormedRows() }
      formed?.append(own)
    }
    count += frame.count
  }

  func frame(_ rule: Rule) -> Frame {
    let frame = Frame(count: count)
    for (binding, entity) in rule.shape.boundAtHits { frame.rows[binding] = (entity, rows[binding] ?? []) }
    for (name, group) in groups { frame.groups[name] = group }
    frame.formed = formed ?? rule.shape.formed.map { FormedRows($0) }
    return frame
  }
}
