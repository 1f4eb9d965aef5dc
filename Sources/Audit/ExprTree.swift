import ClaimModel
import RulePacks

extension Expr {
  /// The top-level parts joined by AND.
  var conjuncts: [Expr] {
    switch self {
    case .and(let all): all.flatMap(\.conjuncts)
    case .boolean(true): []
    default: [self]
    }
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
