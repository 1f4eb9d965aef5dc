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

  /// It reads this column of the formed row, or may do so through a lookup, a parameter's day or a fact's match.
  func readsFormedColumn(_ name: String) -> Bool {
    var found = !lookupNames.isEmpty
    visit { part in
      switch part {
      case .formed(name, _), .parameter, .fact: found = true
      default: break
      }
    }
    return found
  }

  /// It reads a dated parameter.
  var readsParameter: Bool {
    var found = false
    visit { if case .parameter = $0 { found = true } }
    return found
  }

  /// Computing it again costs more than looking it up: aggregates and arithmetic, no leaf and no condition.
  var isWorthKeeping: Bool {
    switch self {
    case .children, .add, .subtract, .multiply, .least, .greatest, .coalesce, .prefix, .percent, .number: true
    default: false
    }
  }
}
