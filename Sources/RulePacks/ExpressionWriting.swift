import ClaimModel

/// Writes expressions of the typed form back in the rule language, names under `let` resolved: what a reader is shown
/// of a condition that was judged. The text reads back as the same expression wherever the language can say it.
public struct ExpressionWriter {
  private let rule: Rule

  public init(_ rule: Rule) { self.rule = rule }

  public func text(_ e: Expr) -> String { write(e, nil).text }

  /// How tightly the outermost operator binds; an operand that binds less is put in brackets.
  private enum Binding: Int { case or = 1, and, not, predicate, sum, product, atom }

  private func write(_ e: Expr, _ kind: ValueKind?) -> (text: String, binding: Binding) {
    func inner(_ e: Expr, _ least: Binding, _ kind: ValueKind? = nil) -> String {
      let (text, binding) = write(e, kind)
      return binding.rawValue < least.rawValue ? "(\(text))" : text
    }
    func list(_ all: [Expr], _ kind: ValueKind? = nil) -> String {
      all.map { inner($0, .sum, kind) }.joined(separator: ", ")
    }
    func both(_ a: Expr, _ symbol: String, _ b: Expr, _ least: Binding, _ binding: Binding) -> (String, Binding) {
      let common = kindOfLiterals(a, b) ?? kind
      let right: Binding = least == .predicate ? .sum : Binding(rawValue: least.rawValue + 1) ?? .atom
      return ("\(inner(a, least == .predicate ? .sum : least, common)) \(symbol) \(inner(b, right, common))", binding)
    }
    switch e {
    case .claim(let binding, let path, let column, _):
      return (([binding] + path.map(\.rawValue) + [column]).joined(separator: "."), .atom)
    case .registry(let lookup, let column, _): return ("\(lookup).\(column)", .atom)
    case .formed(let column, _): return ("\(rule.shape.formed?.name ?? "row").\(column)", .atom)
    case .fact(let population, let value, _): return ("\(population).\(value)", .atom)
    case .integer(let v): return (FixedPoint.text(v, scale: kind?.scale ?? 0), .atom)
    case .text(let v): return (quoted(v), .atom)
    case .day(let v): return ("DATE '\(CivilTime.text(day: v))'", .atom)
    case .boolean(let v): return (v ? "TRUE" : "FALSE", .atom)
    case .parameter(let name): return ("$\(name)", .atom)
    case .add(let a, let b): return both(a, "+", b, .sum, .sum)
    case .subtract(let a, let b): return both(a, "-", b, .sum, .sum)
    // One side is a whole number; it never has the other's kind.
    case .multiply(let a, let b): return ("\(inner(a, .product)) * \(inner(b, .atom))", .product)
    case .least(let all): return ("LEAST(\(list(all, kindOfLiterals(all) ?? kind)))", .atom)
    case .greatest(let all): return ("GREATEST(\(list(all, kindOfLiterals(all) ?? kind)))", .atom)
    case .coalesce(let all): return ("COALESCE(\(list(all, kindOfLiterals(all) ?? kind)))", .atom)
    case .dayOf(let a): return ("DATE(\(inner(a, .sum)))", .atom)
    case .number(let a): return ("NUMBER(\(inner(a, .sum)))", .atom)
    case .prefix(let a, let n): return ("PREFIX(\(inner(a, .sum)), \(n))", .atom)
    case .percent(let a, let p): return ("PERCENT(\(inner(a, .sum)), \(inner(p, .sum)))", .atom)
    case .compare(let op, let a, let b): return both(a, op.rawValue, b, .predicate, .predicate)
    case .isSame(let a, let b): return both(a, "IS", b, .predicate, .predicate)
    case .isNull(let a): return ("\(inner(a, .sum)) IS NULL", .predicate)
    case .isTrue(let a): return ("(\(inner(a, .or))) IS TRUE", .predicate)
    case .inList(let a, let all):
      return ("\(inner(a, .sum)) IN (\(list(all, a.kind(in: rule))))", .predicate)
    case .startsWith(let a, let prefixes):
      let texts = prefixes.map(quoted).joined(separator: ", ")
      return ("\(inner(a, .sum)) STARTS WITH \(prefixes.count == 1 ? texts : "(\(texts))")", .predicate)
    case .and(let all): return (all.map { inner($0, .not) }.joined(separator: " AND "), .and)
    case .or(let all): return (all.map { inner($0, .and) }.joined(separator: " OR "), .or)
    case .not(let a): return negated(a)
    case .found(let lookup): return ("\(lookup) IS FOUND", .predicate)
    case .setContains(let lookup, let column, let value):
      return ("\(lookup) CONTAINS \(column) = \(inner(value, .sum))", .predicate)
    case .setLeast(let lookup, let value): return ("\(lookup).MIN(\(ofGroup(lookup, value)))", .atom)
    case .setGreatest(let lookup, let value): return ("\(lookup).MAX(\(ofGroup(lookup, value)))", .atom)
    case .children(let a): return (children(a), .atom)
    case .allHits(let a): return ("ALL(\(inner(a, .or)))", .atom)
    case .anyHit(let a): return ("ANY(\(inner(a, .or)))", .atom)
    case .countHits: return ("COUNT(*)", .atom)
    case .leastOfHits(let a): return ("MIN(\(inner(a, .sum)))", .atom)
    case .greatestOfHits(let a): return ("MAX(\(inner(a, .sum)))", .atom)
    case .sumOfHits(let a): return ("SUM(\(inner(a, .sum)))", .atom)
    case .atGreatestOfHits(let a, let by): return ("AT_MAX(\(inner(a, .sum)), \(inner(by, .sum)))", .atom)
    }
  }

  private func negated(_ e: Expr) -> (text: String, binding: Binding) {
    func value(_ e: Expr) -> String {
      let (text, binding) = write(e, nil)
      return binding.rawValue < Binding.sum.rawValue ? "(\(text))" : text
    }
    switch e {
    case .isNull(let a): return ("\(value(a)) IS NOT NULL", .predicate)
    case .isTrue(let a): return ("(\(text(a))) IS NOT TRUE", .predicate)
    case .found(let lookup): return ("\(lookup) IS MISSING", .predicate)
    case .isSame(let a, let b): return ("\(value(a)) IS NOT \(value(b))", .predicate)
    case .inList(let a, let all): return ("\(value(a)) NOT IN (\(all.map(value).joined(separator: ", ")))", .predicate)
    default:
      let (text, binding) = write(e, nil)
      return ("NOT \(binding.rawValue < Binding.not.rawValue ? "(\(text))" : text)", .not)
    }
  }

  private func children(_ a: ChildAggregate) -> String {
    let path =
      ([a.binding] + a.path.map(\.rawValue) + ["\(a.of.rawValue == "diagnosis" ? "diagnose" : a.of.rawValue)s"])
      .joined(separator: ".")
    let (name, distinct) =
      switch a.function {
      case .exists: ("EXISTS", "")
      case .count: ("COUNT", "")
      case .sum: ("SUM", "")
      case .least: ("MIN", "")
      case .greatest: ("MAX", "")
      case .countDistinct: ("COUNT", "DISTINCT ")
      }
    let condition = a.condition == .boolean(true) ? "" : " WHERE \(text(a.condition))"
    let value = a.value.map { ": \(text($0))" } ?? ""
    return "\(name)(\(distinct)\(a.variable) IN \(path)\(condition)\(value))"
  }

  /// Inside `alias.MIN(…)` the row's columns stand alone.
  private func ofGroup(_ lookup: String, _ e: Expr) -> String {
    switch e {
    case .registry(lookup, let column, _): column
    case .number(.registry(lookup, let column, _)): "NUMBER(\(column))"
    default: text(e)
    }
  }

  /// The kind in which a literal beside these was written.
  private func kindOfLiterals(_ all: Expr...) -> ValueKind? { kindOfLiterals(all) }
  private func kindOfLiterals(_ all: [Expr]) -> ValueKind? {
    for e in all {
      if case .integer = e { continue }
      if let kind = e.kind(in: rule), kind.scale != nil { return kind }
    }
    return nil
  }

  private func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }
}
