import ClaimModel
import RulePacks

extension Expr {
  /// Speaks of a lookup somewhere.
  var usesRegistry: Bool { !lookupNames.isEmpty }

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
