import ClaimModel

// Walks over an expression; both consumers of the form use them.
extension Expr {
  /// The expressions directly inside.
  public var parts: [Expr] {
    switch self {
    case .claim, .registry, .formed, .fact, .integer, .text, .day, .boolean, .parameter, .found, .countHits: []
    case .add(let a, let b), .subtract(let a, let b), .multiply(let a, let b), .compare(_, let a, let b),
      .isSame(let a, let b), .percent(let a, let b), .atGreatestOfHits(let a, let b):
      [a, b]
    case .least(let all), .greatest(let all), .coalesce(let all), .and(let all), .or(let all): all
    case .dayOf(let a), .number(let a), .prefix(let a, _), .isNull(let a), .isTrue(let a), .startsWith(let a, _),
      .not(let a),
      .setContains(_, _, let a), .setLeast(_, let a), .setGreatest(_, let a), .allHits(let a), .anyHit(let a),
      .leastOfHits(let a), .greatestOfHits(let a), .sumOfHits(let a):
      [a]
    case .inList(let a, let list): [a] + list
    case .children(let aggregate): [aggregate.condition] + (aggregate.value.map { [$0] } ?? [])
    }
  }

  /// Calls the body with this expression and all inside it.
  public func visit(_ body: (Expr) -> Void) {
    body(self)
    for part in parts { part.visit(body) }
  }

  /// Whether it is more than a constant.
  public var readsAnything: Bool {
    var found = false
    visit { part in
      switch part {
      case .claim, .registry, .formed, .fact, .parameter, .found, .setContains, .setLeast, .setGreatest, .countHits,
        .children:
        found = true
      default: break
      }
    }
    return found
  }

  /// Whether it reads the row of that name, or rows that belong to it.
  public func reads(_ binding: String) -> Bool {
    var found = false
    visit { part in
      switch part {
      case .claim(binding, _, _, _): found = true
      case .children(let aggregate) where aggregate.binding == binding: found = true
      default: break
      }
    }
    return found
  }

  /// Names of the lookups it consults.
  public var lookupNames: Set<String> {
    var names = Set<String>()
    visit { part in
      switch part {
      case .registry(let name, _, _), .found(let name), .setContains(let name, _, _), .setLeast(let name, _),
        .setGreatest(let name, _):
        names.insert(name)
      default: break
      }
    }
    return names
  }
}

extension Rule {
  /// The lookups that are asked about formed rows: those that speak of them, or of a lookup that does.
  public var formedLookups: Set<String> {
    var result: Set<String> = []
    for lookup in lookups
    where !lookup.lookupsNamed.isDisjoint(with: result)
      || lookup.expressions.contains(where: { $0.readsFormed(lookups: result) })
    {
      result.insert(lookup.name)
    }
    return result
  }
}

extension Lookup {
  /// Keys, region, day, within; what other lookups a key names is in `lookupsNamed`.
  public var expressions: [Expr] { keys.flatMap(\.alternatives) + [region, day, within].compactMap { $0 } }

  /// Every key is matched by `equal`.
  public var isMatchedByEquality: Bool { keys.allSatisfy { $0.match == .equal } }

  /// Lookups whose rows a key is compared with.
  public var lookupsNamed: Set<String> {
    Set(
      keys.compactMap { key in
        if case .anyOf(let lookup, _) = key.match { lookup } else { nil }
      })
  }
}

extension Expr {
  /// Whether it speaks of the formed row, itself or through one of the lookups.
  public func readsFormed(lookups: Set<String>) -> Bool {
    var found = false
    visit { part in
      if case .formed = part { found = true }
    }
    return found || !lookupNames.isDisjoint(with: lookups)
  }
}

extension Rule {
  /// Every expression of the rule, wherever it stands; those of children's conditions are inside them.
  public var expressions: [Expr] {
    var all: [Expr] = [scope, condition, subject] + fill + unless + key
    switch shape {
    case .each: break
    case .pair(_, _, let match, _): all += match.flatMap { [$0.a, $0.b] }
    case .formed(let formed): all += formed.baseExpressions + [formed.atLeast].compactMap { $0 }
    }
    for lookup in lookups { all += lookup.expressions }
    for population in populations { all += population.match.map(\.b) }
    all +=
      unevaluable.map(\.when) + exemptions.map(\.when) + cases.map(\.when)
      + cases.compactMap(\.threshold)
    all += [parameterDay, formedParameterDay, psnNo, fixmedinsCode, from, to, measure, threshold].compactMap { $0 }
    if case .children(_, _, let condition) = lines { all.append(condition) }
    for amount in [amountA, amountF] { all += amount.expressions }
    for part in explain {
      switch part {
      case .value(let value, _), .word(let value, _): all.append(value)
      case .text, .texts, .amountA, .amountF: break
      }
    }
    return all
  }
}

extension Rule {
  /// It looks at persons: at each of them, or on the way from a row to what else its person has.
  public var readsPersons: Bool {
    if shape.bindings.contains(where: { $0.entity == .person }) { return true }
    var found = false
    for expression in expressions + populations.flatMap(\.memberExpressions) {
      expression.visit { part in
        switch part {
        case .claim(_, let path, _, _): found = found || path.contains(.person)
        case .children(let aggregate): found = found || aggregate.path.contains(.person)
        default: break
        }
      }
    }
    return found
  }
}

extension Population {
  /// Expressions over the rows of the population.
  public var memberExpressions: [Expr] { [condition] + match.map(\.a) + values.compactMap(\.value) }
}

extension AmountTerm {
  /// What it is computed from beside amounts.
  public var expressions: [Expr] {
    switch self {
    case .none, .sumA, .sumF, .settlementA, .settlementP, .stayA, .stayF: []
    case .partA(let k, let n), .partF(let k, let n): [k, n]
    case .overPriceA(let price), .overPriceF(let price): [price]
    }
  }
}

extension Expr {
  /// The kind of a value; nil for conditions.
  public func kind(in rule: Rule) -> ValueKind? {
    switch self {
    case .claim(_, _, _, let kind), .registry(_, _, let kind), .formed(_, let kind), .fact(_, _, let kind): kind
    case .integer, .number, .countHits: .integer
    case .parameter(let name): rule.parameters.first { $0.name == name }?.kind ?? .integer
    case .text, .prefix: .text
    case .day, .dayOf: .day
    // The days between two days are a number.
    case .subtract(let a, let b) where a.kind(in: rule) == .day && b.kind(in: rule) == .day: .integer
    // A number times or plus a day or an amount has the other's kind.
    case .add(let a, let b), .multiply(let a, let b):
      a.kind(in: rule) == .integer ? b.kind(in: rule) : a.kind(in: rule)
    case .subtract(let a, _), .percent(let a, _), .setLeast(_, let a), .setGreatest(_, let a), .leastOfHits(let a),
      .greatestOfHits(let a), .sumOfHits(let a), .atGreatestOfHits(let a, _):
      a.kind(in: rule)
    case .least(let all), .greatest(let all), .coalesce(let all): all.first?.kind(in: rule)
    case .children(let aggregate):
      switch aggregate.function {
      case .exists: nil
      case .count, .countDistinct: .integer
      case .sum, .least, .greatest: aggregate.value?.kind(in: rule)
      }
    case .boolean, .compare, .isSame, .isNull, .isTrue, .inList, .startsWith, .and, .or, .not, .found, .setContains,
      .allHits, .anyHit:
      nil
    }
  }
}
