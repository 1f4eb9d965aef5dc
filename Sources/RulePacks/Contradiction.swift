/// What conditions that must all be TRUE leave of one expression.
private struct Bounds {
  var low = Int64.min
  var high = Int64.max
  var texts: Set<String>?
  var without: Set<String> = []
  var mustBeNull = false
  var mustNotBeNull = false

  var isEmpty: Bool {
    low > high || texts.map { $0.subtracting(without).isEmpty } == true || (mustBeNull && mustNotBeNull)
  }
}

/// The place of the first condition that can't be TRUE together with those before it; nil if none is seen. Only what
/// compares one expression with literals is looked at: a finding is certain, its absence says nothing.
func firstContradiction(_ conditions: [Expr]) -> Int? {
  var bounds: [Expr: Bounds] = [:]
  for (i, condition) in conditions.enumerated() {
    guard let (key, change) = restriction(condition), key.isReadable else { continue }
    var b = bounds[key] ?? Bounds()
    change(&b)
    if b.isEmpty { return i }
    bounds[key] = b
  }
  return nil
}

private func restriction(_ condition: Expr) -> (Expr, (inout Bounds) -> Void)? {
  switch condition {
  case .compare(let comparison, let left, .integer(let v)), .compare(let comparison, let left, .day(let v)):
    return (
      left,
      { b in
        b.mustNotBeNull = true
        switch comparison {
        case .equal:
          b.low = max(b.low, v)
          b.high = min(b.high, v)
        case .less: b.high = min(b.high, v == Int64.min ? v : v - 1)
        case .lessOrEqual: b.high = min(b.high, v)
        case .greater: b.low = max(b.low, v == Int64.max ? v : v + 1)
        case .greaterOrEqual: b.low = max(b.low, v)
        case .notEqual: break
        }
      }
    )
  case .compare(.equal, let left, .text(let v)), .isSame(let left, .text(let v)):
    return (
      left,
      { b in
        b.mustNotBeNull = true
        b.texts = b.texts?.intersection([v]) ?? [v]
      }
    )
  case .compare(.notEqual, let left, .text(let v)):
    return (
      left,
      { b in
        b.mustNotBeNull = true
        b.without.insert(v)
      }
    )
  case .not(.isSame(let left, .text(let v))):
    return (left, { $0.without.insert(v) })
  case .compare(_, let left, _):
    return (left, { $0.mustNotBeNull = true })
  case .inList(let left, let values):
    let texts = values.compactMap { if case .text(let t) = $0 { t } else { nil } }
    guard texts.count == values.count else { return (left, { $0.mustNotBeNull = true }) }
    return (
      left,
      { b in
        b.mustNotBeNull = true
        b.texts = b.texts?.intersection(texts) ?? Set(texts)
      }
    )
  case .isNull(let left): return (left, { $0.mustBeNull = true })
  case .not(.isNull(let left)): return (left, { $0.mustNotBeNull = true })
  default: return nil
  }
}

extension Expr {
  /// Whether it may be TRUE where the others are; FALSE only if that is certain.
  func canHold(with others: [Expr]) -> Bool {
    if case .or(let parts) = self { return parts.contains { $0.canHold(with: others) } }
    return firstContradiction(others.flatMap(\.joined) + joined) == nil
  }

  /// The parts of nested ANDs.
  private var joined: [Expr] {
    if case .and(let parts) = self { parts.flatMap(\.joined) } else { [self] }
  }

  /// It reads something of a row; a literal does not.
  fileprivate var isReadable: Bool {
    switch self {
    case .integer, .text, .day, .boolean: false
    default: true
    }
  }
}
