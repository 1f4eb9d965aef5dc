import ClaimModel
import Registries
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

  /// It reads nothing but these columns of the formed row, literals and parameters.
  func readsOnlyFormed(_ names: Set<String>) -> Bool {
    var isOnly = false
    visit { part in if case .formed = part { isOnly = true } }
    visit { part in
      switch part {
      case .formed(let name, _): if !names.contains(name) { isOnly = false }
      case .claim, .registry, .fact, .found, .setContains, .setLeast, .setGreatest, .children: isOnly = false
      default: break
      }
    }
    return isOnly
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

  /// A column of claim rows.
  var isColumn: Bool { if case .claim = self { true } else { false } }
}

extension Expr {
  /// No value of any row can make it overflow; where it is not certain, false. What cannot may be asked in any order
  /// and of any rows.
  func neverOverflows(_ rule: Rule) -> Bool {
    switch self {
    case .claim, .integer, .text, .day, .boolean, .countHits, .formed: true
    case .registry(let name, _, _), .found(let name), .setContains(let name, _, _):
      lookupsNeverOverflow([name], rule) && parts.allSatisfy { $0.neverOverflows(rule) }
    case .parameter(let name): rule.parameters.first { $0.name == name }.map { $0.values.count <= 1 } ?? false
    case .fact, .add, .subtract, .multiply, .percent, .sumOfHits: false
    case .children(let aggregate): aggregate.function != .sum && parts.allSatisfy { $0.neverOverflows(rule) }
    default: parts.allSatisfy { $0.neverOverflows(rule) }
    }
  }

  private func lookupsNeverOverflow(_ names: Set<String>, _ rule: Rule) -> Bool {
    rule.lookups.allSatisfy { !names.contains($0.name) || $0.neverOverflows(rule) }
  }
}

extension Lookup {
  /// Nor can asking it, or those that it asks.
  func neverOverflows(_ rule: Rule) -> Bool {
    within == nil && expressions.allSatisfy { $0.neverOverflows(rule) }
      // Lookups ask only those declared before them.
      && rule.lookups.prefix { $0.name != name }.allSatisfy {
        !lookupsNamed.contains($0.name) || $0.neverOverflows(rule)
      }
  }

  /// It never finds rows of which it can't say which one is meant, and finding that out overflows nowhere.
  func isNeverAmbiguous(_ rule: Rule, _ registries: Registries) -> Bool {
    guard take == .any, neverOverflows(rule) else { return false }
    return !isMatchedByEquality || registries[table]?.isAmbiguous.contains(true) != true
  }
}
