import ClaimModel

// Walks over an expression; both consumers of the form use them.
extension Expr {
  /// The expressions directly inside.
  public var parts: [Expr] {
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
  public func visit(_ body: (Expr) -> Void) {
    body(self)
    for part in parts { part.visit(body) }
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
