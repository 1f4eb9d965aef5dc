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

  /// Yields a calendar day.
  var isDay: Bool {
    switch self {
    case .day, .dayOf: true
    case .claim(_, _, _, let kind), .registry(_, _, let kind): kind == .day
    case .least(let list), .greatest(let list), .coalesce(let list): list.first?.isDay ?? false
    case .add(let a, _), .subtract(let a, _), .leastOfHits(let a), .greatestOfHits(let a): a.isDay
    case .integer, .text, .boolean, .parameter, .multiply, .number, .compare, .isSame, .isNull, .isTrue, .inList,
      .startsWith, .and, .or, .not, .found, .setContains, .setLeast, .setGreatest, .children, .allHits, .anyHit,
      .countHits, .sumOfHits:
      false
    }
  }
}
