import ClaimModel
import RulePacks

extension Expr {
  /// The expressions directly inside.
  var parts: [Expr] {
    switch self {
    case .claim, .registry, .integer, .text, .day, .boolean, .parameter, .found, .countHits: []
    case .add(let a, let b), .subtract(let a, let b), .multiply(let a, let b), .compare(_, let a, let b),
      .isSame(let a, let b):
      [a, b]
    case .least(let all), .greatest(let all), .coalesce(let all), .and(let all), .or(let all): all
    case .dayOf(let a), .number(let a), .isNull(let a), .isTrue(let a), .startsWith(let a, _), .not(let a),
      .setContains(_, _, let a), .setLeast(_, let a), .setGreatest(_, let a), .allHits(let a), .anyHit(let a),
      .leastOfHits(let a), .greatestOfHits(let a), .sumOfHits(let a):
      [a]
    case .inList(let a, let list): [a] + list
    case .children(let aggregate): [aggregate.condition] + (aggregate.value.map { [$0] } ?? [])
    }
  }

  /// Calls the body with this expression and all inside it.
  func visit(_ body: (Expr) -> Void) {
    body(self)
    for part in parts { part.visit(body) }
  }

  /// The top-level parts joined by AND.
  var conjuncts: [Expr] {
    switch self {
    case .and(let all): all.flatMap(\.conjuncts)
    case .boolean(true): []
    default: [self]
    }
  }

  /// Names of the lookups it consults.
  var lookupNames: Set<String> {
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

  /// Bindings it reads, those of its own aggregates left out.
  var bindingNames: Set<String> {
    switch self {
    case .claim(let binding, _, _, _): return [binding]
    case .children(let a):
      var inner = a.condition.bindingNames.union(a.value?.bindingNames ?? [])
      inner.remove(a.variable)
      return inner.union([a.binding])
    default: return parts.reduce(into: Set<String>()) { $0.formUnion($1.bindingNames) }
    }
  }

  /// It reads a dated parameter.
  var readsParameter: Bool {
    var found = false
    visit { if case .parameter = $0 { found = true } }
    return found
  }

  /// How its value is written; nil for conditions.
  func kind(in rule: Rule) -> ValueKind? {
    switch self {
    case .claim(_, _, _, let kind), .registry(_, _, let kind): kind
    case .text: .text
    case .day, .dayOf: .day
    case .integer, .parameter, .number, .countHits: .integer
    // The days between two days are a number.
    case .subtract(let a, let b) where a.kind(in: rule) == .day && b.kind(in: rule) == .day: .integer
    // A number times or plus a day or an amount has the other's kind.
    case .add(let a, let b), .multiply(let a, let b):
      a.kind(in: rule) == .integer ? b.kind(in: rule) : a.kind(in: rule)
    case .subtract(let a, _), .setLeast(_, let a), .setGreatest(_, let a), .leastOfHits(let a),
      .greatestOfHits(let a), .sumOfHits(let a):
      a.kind(in: rule)
    case .least(let all), .greatest(let all), .coalesce(let all): all.first?.kind(in: rule)
    case .children(let a): a.function == .count ? .integer : a.value?.kind(in: rule)
    default: nil
    }
  }
}

extension Rule {
  /// Every expression of the rule, wherever it stands.
  var expressions: [Expr] {
    var all: [Expr] = [scope, condition, subject] + fill + unless + key
    if case .pair(_, _, let match, _) = shape { all += match.flatMap { [$0.a, $0.b] } }
    for lookup in lookups {
      all += lookup.keys.flatMap(\.alternatives) + [lookup.region, lookup.day, lookup.within].compactMap { $0 }
    }
    all += unevaluable.map(\.when) + exemptions.map(\.when) + cases.map(\.when)
    all += [parameterDay, psnNo, fixmedinsCode, from, to, measure, threshold].compactMap { $0 }
    if case .children(_, _, let condition) = lines { all.append(condition) }
    for part in explain { if case .value(let value, _) = part { all.append(value) } }
    return all
  }
}
