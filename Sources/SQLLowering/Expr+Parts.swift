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
    case .least(let list), .greatest(let list), .coalesce(let list), .and(let list), .or(let list): list
    case .dayOf(let a), .number(let a), .isNull(let a), .isTrue(let a), .startsWith(let a, _), .not(let a),
      .setContains(_, _, let a), .setLeast(_, let a), .setGreatest(_, let a), .allHits(let a), .anyHit(let a),
      .leastOfHits(let a), .greatestOfHits(let a), .sumOfHits(let a):
      [a]
    case .inList(let a, let list): [a] + list
    case .children(let aggregate): [aggregate.condition] + (aggregate.value.map { [$0] } ?? [])
    }
  }

  /// Speaks of a lookup somewhere.
  var usesRegistry: Bool {
    switch self {
    case .registry, .found, .setContains, .setLeast, .setGreatest: true
    case .claim, .integer, .text, .day, .boolean, .parameter, .add, .subtract, .multiply, .least, .greatest,
      .coalesce, .dayOf, .number, .compare, .isSame, .isNull, .isTrue, .inList, .startsWith, .and, .or, .not,
      .children, .allHits, .anyHit, .countHits, .leastOfHits, .greatestOfHits, .sumOfHits:
      parts.contains { $0.usesRegistry }
    }
  }

  /// Names of the lookups it speaks of.
  var lookups: Set<String> {
    var names = parts.reduce(into: Set<String>()) { $0.formUnion($1.lookups) }
    switch self {
    case .registry(let name, _, _), .found(let name), .setContains(let name, _, _), .setLeast(let name, _),
      .setGreatest(let name, _):
      names.insert(name)
    default: break
    }
    return names
  }

  /// How the value is printed; nil for conditions.
  func kind(in rule: Rule) -> ValueKind? {
    switch self {
    case .claim(_, _, _, let kind), .registry(_, _, let kind): return kind
    case .integer, .parameter, .number, .countHits: return .integer
    case .text: return .text
    case .day, .dayOf: return .day
    case .add(let a, let b):
      // A day and a number of days make a day.
      let kind = a.kind(in: rule)
      return kind == .integer ? b.kind(in: rule) : kind
    case .subtract(let a, let b):
      let kind = a.kind(in: rule)
      return kind == .day && b.kind(in: rule) == .day ? .integer : kind
    case .multiply(let a, let b):
      let kind = a.kind(in: rule)
      return kind == .integer ? b.kind(in: rule) : kind
    case .least(let list), .greatest(let list), .coalesce(let list): return list.first?.kind(in: rule)
    case .setLeast(_, let a), .setGreatest(_, let a), .leastOfHits(let a), .greatestOfHits(let a), .sumOfHits(let a):
      return a.kind(in: rule)
    case .children(let aggregate):
      switch aggregate.function {
      case .exists: return nil
      case .count: return .integer
      case .sum, .least, .greatest: return aggregate.value?.kind(in: rule)
      }
    case .boolean, .compare, .isSame, .isNull, .isTrue, .inList, .startsWith, .and, .or, .not, .found, .setContains,
      .allHits, .anyHit:
      return nil
    }
  }
}
