import ClaimModel
import Diagnostics

/// A rule with one change that its tests must notice.
public struct RuleMutation: Sendable {
  /// Where the change was made.
  public var place: Place
  /// The part of the rule: `where`, `exempt.EX-01`, `lookup.cat.on`; lists without ids count from 1.
  public var part: String
  /// `before → after`, one line, single blanks; or `dropped`.
  public var change: String
  /// The changed rule, checked.
  public var rule: Rule
}

/// All changes of one rule.
public struct RuleMutations: Sendable {
  /// In the order of the file.
  public var all: [RuleMutation]
  /// Changes that are no rule any more: they show nothing about the tests and are not counted.
  public var stillborn: Int
}

/// Changes each comparison, number, connective, list element, lookup, exemption, case and parameter of a rule in turn.
///
/// The changes are made in the YAML tree, so that a changed rule goes through every check that a written one does.
///
/// - Parameters:
///   - text: the rule file, without errors.
///   - path: as it shall stand in places.
public func mutations(of text: String, path: String) -> RuleMutations {
  var result = RuleMutations(all: [], stillborn: 0)
  guard let root = readYaml(text, problems: Problems(path: path, text: text)) else { return result }
  var finder = MutationFinder(root: root)
  finder.findAll()
  let candidates = finder.candidates.enumerated().sorted { a, b in
    (a.element.line, a.element.column, a.offset) < (b.element.line, b.element.column, b.offset)
  }
  for (_, candidate) in candidates {
    var living: RuleMutation?
    for (change, root) in candidate.alternatives where living == nil {
      guard let rule = rule(from: root, path: path) else { continue }
      living = RuleMutation(
        place: Place(file: path, line: candidate.line, column: candidate.column), part: candidate.part, change: change,
        rule: rule)
    }
    if let living { result.all.append(living) } else { result.stillborn += 1 }
  }
  return result
}

private func rule(from root: YamlNode, path: String) -> Rule? {
  // Excerpts of a mutant's problems are never shown.
  let problems = Problems(path: path, text: "")
  let parsed = RuleReader.read(root: root, digest: "", problems: problems)
  return problems.hasErrors ? nil : parsed?.rule
}

/// A way through the tree.
private enum Step {
  case key(String)
  case index(Int)
}

private struct Candidate {
  var line: Int
  var column: Int
  var part: String
  /// Tried in turn until one is a rule: the unit of a number is known only to the type checker.
  var alternatives: [(change: String, root: YamlNode)]
}

/// Finds what can be changed; whether the result is a rule is seen when it is read.
private struct MutationFinder {
  let root: YamlNode
  var candidates: [Candidate] = []

  init(root: YamlNode) { self.root = root }

  mutating func findAll() {
    for key in [
      "scope", "where", "parameter_day", "measure", "threshold", "from", "to", "psn_no", "fixmedins_code", "subject_id",
    ] {
      expression([.key(key)], key)
    }
    for key in ["psn_no", "fixmedins_code"] { replaceScalar([.key(key)], key, with: "none") }
    findShape()
    findParameters()
    findLookups()
    for (key, _) in entries([.key("let")]) {
      expression([.key("let"), .key(key.text)], "let.\(key.text)")
    }
    if case .sequence = node([.key("unless")])?.kind {
      for i in items([.key("unless")]).indices {
        expression([.key("unless"), .index(i)], "unless.\(i + 1)")
        drop([.key("unless"), .index(i)], "unless.\(i + 1)")
      }
    } else {
      expression([.key("unless")], "unless")
      drop([.key("unless")], "unless")
    }
    for i in items([.key("unevaluable")]).indices {
      expression([.key("unevaluable"), .index(i), .key("when")], "unevaluable.\(i + 1)")
      drop([.key("unevaluable"), .index(i)], "unevaluable.\(i + 1)")
    }
    for (i, item) in items([.key("exempt")]).enumerated() {
      let part = "exempt.\(scalar("id", of: item)?.text ?? String(i + 1))"
      expression([.key("exempt"), .index(i), .key("when")], part)
      drop([.key("exempt"), .index(i)], part)
    }
    for i in items([.key("absence")]).indices { drop([.key("absence"), .index(i)], "absence.\(i + 1)") }
    if items([.key("settlements")]).count > 1 {
      for i in items([.key("settlements")]).indices { drop([.key("settlements"), .index(i)], "settlements.\(i + 1)") }
    }
    expression([.key("lines"), .key("where")], "lines")
    drop([.key("lines"), .key("where")], "lines")
    findCases()
    for (i, item) in items([.key("at_issue"), .key("order")]).enumerated() {
      let path: [Step] = [.key("at_issue"), .key("order"), .index(i)]
      let part = "at_issue.\(i + 1)"
      if let text = item.scalar?.text {
        let turned = text.hasSuffix(" asc") ? text.dropLast(3) + "desc" : text.dropLast(4) + "asc"
        replaceScalar(path, part, with: String(turned))
      }
      if items([.key("at_issue"), .key("order")]).count > 1 { drop(path, part) }
    }
    for key in ["A", "F"] { replaceScalar([.key("amount"), .key(key)], "amount.\(key)", with: "none") }
    for key in ["part", "of", "over_price"] { expression([.key("amount"), .key(key)], "amount.\(key)") }
    if case .mapping(let fields)? = node([.key("amount")])?.kind, var whole = node([.key("amount")]),
      let part = scalar("part", of: whole)
    {
      whole.kind = .mapping(fields.filter { $0.key.text != "part" && $0.key.text != "of" })
      add(line: part.line, column: part.column, "amount.part", [("dropped", replacing([.key("amount")], with: whole))])
    }
  }

  private mutating func findShape() {
    let pair: [Step] = [.key("pair")]
    let matches = items(pair + [.key("match")])
    for (i, match) in matches.enumerated() {
      if matches.count > 1 { drop(pair + [.key("match"), .index(i)], "pair.match.\(i + 1)") }
      if case .sequence(let sides) = match.kind {
        for j in sides.indices { expression(pair + [.key("match"), .index(i), .index(j)], "pair.match.\(i + 1)") }
      }
    }
    drop(pair + [.key("unordered")], "pair.unordered")
    drop(pair + [.key("adjacent")], "pair.adjacent")
    if items(pair + [.key("adjacent")]).count > 1 {
      for i in items(pair + [.key("adjacent")]).indices {
        drop(pair + [.key("adjacent"), .index(i)], "pair.adjacent", naming: true)
      }
    }
    for shape in ["group", "window", "stock", "runs", "occupancy"] where node([.key(shape)]) != nil {
      findFormed([.key(shape)], shape)
    }
    for (name, value) in entries([.key("population")]) {
      let path: [Step] = [.key("population"), .key(name.text)]
      let part = "population.\(name.text)"
      expression(path + [.key("where")], part)
      drop(path + [.key("where")], part)
      if case .mapping = value.kind {
        for (i, match) in items(path + [.key("match")]).enumerated() {
          drop(path + [.key("match"), .index(i)], "\(part).match.\(i + 1)")
          if case .sequence(let sides) = match.kind {
            for j in sides.indices {
              expression(path + [.key("match"), .index(i), .index(j)], "\(part).match.\(i + 1)")
            }
          }
        }
      }
      findValues(path + [.key("values")], part)
    }
  }

  private mutating func findFormed(_ path: [Step], _ part: String) {
    let by = entries(path + [.key("by")])
    for (name, _) in by {
      expression(path + [.key("by"), .key(name.text)], "\(part).by.\(name.text)")
      if by.count > 1 { drop(path + [.key("by"), .key(name.text)], "\(part).by.\(name.text)") }
    }
    for key in ["day", "days", "count", "at_least"] { expression(path + [.key(key)], "\(part).\(key)") }
    for (key, isDay) in [("days", true), ("supply", false)] {
      for (i, item) in items(path + [.key(key)]).enumerated() {
        let itemPath = path + [.key(key), .index(i)]
        expression(itemPath, "\(part).\(key).\(i + 1)")
        if isDay, let text = item.scalar?.text {
          for sign in ["+", "-"] { replaceScalar(itemPath, "\(part).\(key).\(i + 1)", with: "\(text) \(sign) 1") }
        }
      }
    }
    if let day = node(path + [.key("day")])?.scalar {
      for sign in ["+", "-"] { replaceScalar(path + [.key("day")], "\(part).day", with: "\(day.text) \(sign) 1") }
    }
    findValues(path + [.key("values")], part)
  }

  private mutating func findValues(_ path: [Step], _ part: String) {
    for (name, _) in entries(path) { expression(path + [.key(name.text)], "\(part).values.\(name.text)") }
  }

  private mutating func findParameters() {
    for (name, value) in entries([.key("parameters")]) {
      let base: [Step] = [.key("parameters"), .key(name.text)]
      let part = "parameters.\(name.text)"
      var places: [[Step]] = [base]
      if case .sequence(let values) = value.kind { places = values.indices.map { base + [.index($0)] } }
      for (i, place) in places.enumerated() {
        guard let one = node(place), let number = scalar("value", of: one) else { continue }
        let kind = scalar("kind", of: one).flatMap { ValueKind(rawValue: $0.text) } ?? .integer
        for step: Int64 in [1, -1] {
          guard let moved = moved(number.text, kind: kind, by: step) else { continue }
          replaceScalar(place + [.key("value")], part, with: moved)
        }
        // With one value its first day does not matter.
        if i > 0, let from = scalar("from", of: one), let day = CivilTime.parseDay(from.text) {
          for step: Int64 in [1, -1] {
            replaceScalar(place + [.key("from")], part, with: CivilTime.text(day: day + step))
          }
        }
      }
    }
  }

  private func moved(_ text: String, kind: ValueKind, by step: Int64) -> String? {
    if kind == .day { return CivilTime.parseDay(text).map { CivilTime.text(day: $0 + step) } }
    let scale = kind.scale ?? 0
    return FixedPoint.parse(text, scale: scale).map { FixedPoint.text($0 + step, scale: scale) }
  }

  private mutating func findLookups() {
    for (name, _) in entries([.key("lookup")]) {
      let base: [Step] = [.key("lookup"), .key(name.text)]
      let part = "lookup.\(name.text)"
      let keys = entries(base + [.key("key")])
      for (column, value) in keys {
        let path = base + [.key("key"), .key(column.text)]
        let keyPart = "\(part).key.\(column.text)"
        if keys.count > 1 { drop(path, keyPart) }
        switch value.kind {
        case .scalar: expression(path, keyPart)
        case .mapping:
          expression(path + [.key("value")], keyPart)
          if let text = scalar("at_least", of: value)?.text {
            for step: Int64 in [1, -1] {
              if let moved = moved(text, kind: .integer, by: step) {
                replaceScalar(path + [.key("at_least")], keyPart, with: moved)
              }
            }
          }
          expression(path + [.key("prefix_of")], keyPart)
          if let prefix = scalar("prefix_of", of: value) {
            let equal = YamlNode(
              kind: .mapping([(prefix.with("value"), prefix.node)]), line: prefix.line, column: prefix.column)
            add(
              line: prefix.line, column: prefix.column, keyPart,
              [("prefix_of \(prefix.text) → value \(prefix.text)", replacing(path, with: equal))])
          }
          if scalar("any_when_null", of: value)?.text == "true" {
            replaceScalar(path + [.key("any_when_null")], keyPart, with: "false")
          }
        case .sequence(let alternatives):
          for i in alternatives.indices {
            expression(path + [.index(i)], keyPart)
            if alternatives.count > 1 { drop(path + [.index(i)], keyPart, naming: true) }
            if i > 0 {
              let first = alternatives[i - 1].scalar?.text ?? ""
              let second = alternatives[i].scalar?.text ?? ""
              var turned = alternatives
              turned.swapAt(i - 1, i)
              var node = value
              node.kind = .sequence(turned)
              add(
                line: alternatives[i - 1].line, column: alternatives[i - 1].column, keyPart,
                [("\(first), \(second) → \(second), \(first)", replacing(path, with: node))])
            }
          }
        }
      }
      // The nation's rows only; a table read in region order can't do without a region.
      replaceScalar(base + [.key("region")], "\(part).region", with: "'000000'")
      // Joined levels change which rows are found, not whether one is: only a chained key can tell.
      if isChained(name.text) { drop(base + [.key("levels")], "\(part).levels") }
      if let day = node(base + [.key("on")])?.scalar {
        expression(base + [.key("on")], "\(part).on")
        replaceScalar(base + [.key("on")], "\(part).on", with: "\(day.text) + 1")
        replaceScalar(base + [.key("on")], "\(part).on", with: "\(day.text) - 1")
        drop(base + [.key("on")], "\(part).on")
        // What holds at present instead of on the day.
        replaceScalar(base + [.key("on")], "\(part).on", with: "DATE '2999-12-31'")
      }
      expression(base + [.key("within")], "\(part).within")
      drop(base + [.key("within")], "\(part).within")
    }
  }

  /// Whether a further lookup asks for the values of this one's rows.
  private func isChained(_ name: String) -> Bool {
    entries([.key("lookup")]).contains { other, _ in
      entries([.key("lookup"), .key(other.text), .key("key")]).contains { _, value in
        scalar("any_of", of: value)?.text.hasPrefix(name + ".") == true
      }
    }
  }

  private mutating func findCases() {
    let severities = ["high": "medium", "medium": "low", "low": "high"]
    let cases = items([.key("cases")])
    for (i, item) in cases.enumerated() {
      let path: [Step] = [.key("cases"), .index(i)]
      let part = "cases.\(i + 1)"
      expression(path + [.key("when")], part)
      if cases.count > 1 { drop(path, part) }
      expression(path + [.key("threshold")], "\(part).threshold")
      drop(path + [.key("threshold")], "\(part).threshold")
      if let verdict = scalar("verdict", of: item), case .mapping(let fields) = item.kind {
        let other = verdict.text == "可疑" ? "线索" : "可疑"
        var changed = fields.filter { $0.key.text != "verdict" && $0.key.text != "precedence" }
        func entry(_ key: String, _ text: String) -> (key: YamlScalar, value: YamlNode) {
          (verdict.with(key), verdict.with(text).node)
        }
        changed.append(entry("verdict", other))
        if other != "线索" { changed.append(entry("precedence", scalar("precedence", of: item)?.text ?? "1")) }
        var node = item
        node.kind = .mapping(changed)
        add(
          line: verdict.line, column: verdict.column, part,
          [("\(verdict.text) → \(other)", replacing(path, with: node))])
      }
      if let severity = scalar("severity", of: item), let other = severities[severity.text] {
        replaceScalar(path + [.key("severity")], part, with: other)
      }
    }
    if cases.contains(where: { scalar("severity", of: $0) == nil }),
      let severity = node([.key("severity")])?.scalar, let other = severities[severity.text]
    {
      replaceScalar([.key("severity")], "severity", with: other)
    }
  }

  // MARK: - Expressions

  private mutating func expression(_ path: [Step], _ part: String) {
    guard let scalar = node(path)?.scalar, let syntax = try? ExpressionParser.parse(scalar.text),
      let tokens = try? tokens(of: scalar.text)
    else { return }
    let source = Array(scalar.text.unicodeScalars)
    var walk = ExpressionEdits(source: source, tokens: tokens)
    walk.visit(syntax, in: nil)
    for edit in walk.all {
      let context = Array(source[edit.context])
      let start = edit.context.lowerBound
      let inner = edit.range.lowerBound - start..<edit.range.upperBound - start
      let place = scalar.place(edit.place)
      add(
        line: place.line, column: place.column, part,
        edit.alternatives.map { new in
          let after = text(context, replacing: inner, with: new)
          let root = replacing(path, with: scalar.with(text(source, replacing: edit.range, with: new)).node)
          return ("\(folded(text(context))) → \(folded(after))", root)
        })
    }
  }

  private func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  private func text(_ source: [Unicode.Scalar], replacing range: Range<Int>, with new: String) -> String {
    text(source[..<range.lowerBound]) + new + text(source[range.upperBound...])
  }

  // MARK: - The tree

  private mutating func add(line: Int, column: Int, _ part: String, _ alternatives: [(String, YamlNode?)]) {
    candidates.append(
      Candidate(
        line: line, column: column, part: part,
        alternatives: alternatives.compactMap { change, root in root.map { (change, $0) } }))
  }

  /// Nothing where there is no such scalar.
  private mutating func replaceScalar(_ path: [Step], _ part: String, with text: String) {
    guard let scalar = node(path)?.scalar, scalar.text != text else { return }
    let root = replacing(path, with: scalar.with(text).node)
    add(line: scalar.line, column: scalar.column, part, [("\(folded(scalar.text)) → \(text)", root)])
  }

  private mutating func drop(_ path: [Step], _ part: String, naming: Bool = false) {
    guard let node = node(path) else { return }
    let name = naming ? (node.scalar.map { folded($0.text) + " " } ?? "") : ""
    add(line: node.line, column: node.column, part, [(name + "dropped", replacing(path, with: nil))])
  }

  private func node(_ path: [Step]) -> YamlNode? {
    var at = root
    for step in path {
      switch (step, at.kind) {
      case (.key(let key), .mapping(let entries)):
        guard let found = entries.first(where: { $0.key.text == key }) else { return nil }
        at = found.value
      case (.index(let i), .sequence(let items)) where items.indices.contains(i): at = items[i]
      default: return nil
      }
    }
    return at
  }

  private func entries(_ path: [Step]) -> [(key: YamlScalar, value: YamlNode)] {
    if case .mapping(let entries)? = node(path)?.kind { entries } else { [] }
  }

  private func items(_ path: [Step]) -> [YamlNode] {
    if case .sequence(let items)? = node(path)?.kind { items } else { [] }
  }

  private func scalar(_ key: String, of node: YamlNode) -> YamlScalar? {
    guard case .mapping(let entries) = node.kind else { return nil }
    return entries.first { $0.key.text == key }?.value.scalar
  }

  /// The whole tree with the node at `path` replaced; nil removes it.
  private func replacing(_ path: [Step], with new: YamlNode?) -> YamlNode? {
    replacing(root, path[...], with: new)
  }

  private func replacing(_ node: YamlNode, _ path: ArraySlice<Step>, with new: YamlNode?) -> YamlNode? {
    guard let step = path.first else { return new }
    var node = node
    switch (step, node.kind) {
    case (.key(let key), .mapping(var entries)):
      guard let i = entries.firstIndex(where: { $0.key.text == key }) else { return node }
      if let inner = replacing(entries[i].value, path.dropFirst(), with: new) {
        entries[i].value = inner
      } else {
        entries.remove(at: i)
      }
      node.kind = .mapping(entries)
    case (.index(let i), .sequence(var items)) where items.indices.contains(i):
      if let inner = replacing(items[i], path.dropFirst(), with: new) {
        items[i] = inner
      } else {
        items.remove(at: i)
      }
      node.kind = .sequence(items)
    default: break
    }
    return node
  }
}

extension YamlScalar {
  /// The same place with another text.
  fileprivate func with(_ text: String) -> YamlScalar {
    YamlScalar(
      text: text, line: line, column: column,
      places: Array(repeating: (line, column), count: text.unicodeScalars.count + 1))
  }

  fileprivate var node: YamlNode { YamlNode(kind: .scalar(self), line: line, column: column) }
}

private func folded(_ text: String) -> String {
  text.split { $0 == " " || $0 == "\n" || $0 == "\t" }.joined(separator: " ")
}

/// The changes of one expression's text.
private struct ExpressionEdits {
  struct Edit {
    var range: Range<Int>
    /// Tried in turn.
    var alternatives: [String]
    /// The stretch that is printed before and after.
    var context: Range<Int>
    /// What the eye should look at.
    var place: Range<Int>
  }

  let source: [Unicode.Scalar]
  let tokens: [Token]
  private(set) var all: [Edit] = []

  init(source: [Unicode.Scalar], tokens: [Token]) {
    self.source = source
    self.tokens = tokens
  }

  private mutating func edit(
    _ range: Range<Int>, _ alternatives: [String], _ context: Range<Int>, at place: Range<Int>? = nil
  ) {
    all.append(
      Edit(
        range: range, alternatives: alternatives, context: context, place: place ?? (range.isEmpty ? context : range)))
  }

  private func token(from start: Int, _ words: String...) -> Token? {
    tokens.first { $0.range.lowerBound >= start && words.contains($0.text.uppercased()) }
  }

  /// - Parameter context: the predicate around a value; nil above predicates.
  mutating func visit(_ syntax: Syntax, in context: Range<Int>?) {
    let around = context ?? syntax.range
    switch syntax.kind {
    case .name, .parameter, .text: break
    case .boolean(let value): edit(syntax.range, [value ? "FALSE" : "TRUE"], around)
    case .number(let text): visitNumber(text, syntax.range, around)
    case .date(let text):
      guard let day = CivilTime.parseDay(text) else { break }
      for step: Int64 in [1, -1] { edit(syntax.range, ["DATE '\(CivilTime.text(day: day + step))'"], around) }
    case .call(let name, let arguments):
      if arguments.count > 1, let other = ["LEAST": "GREATEST", "GREATEST": "LEAST"][name],
        let word = token(from: syntax.range.lowerBound, name)
      {
        edit(word.range, [other], around)
      }
      if name == "COALESCE" {
        if arguments.count == 2 {
          for (gone, kept) in [(0, 1), (1, 0)] {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: source[arguments[kept].range])
            edit(syntax.range, [String(text)], around, at: arguments[gone].range)
          }
        } else {
          dropEach(arguments.map(\.range), around)
        }
      }
      for argument in arguments { visit(argument, in: around) }
    case .children(let name, _, let path, let condition, let value):
      if let word = token(from: syntax.range.lowerBound, name == "COUNT DISTINCT" ? "COUNT" : name) {
        switch name {
        case "EXISTS": edit(word.range, ["NOT \(word.text)"], around)
        case "COUNT DISTINCT": visitDistinct(syntax, rows: true, before: value, around)
        case "MIN": edit(word.range, ["MAX"], around)
        case "MAX": edit(word.range, ["MIN"], around)
        default: break
        }
      }
      if let condition {
        if let last = path.last { edit(last.range.upperBound..<condition.range.upperBound, [""], around) }
        visit(condition, in: nil)
      }
      if let value { visit(value, in: around) }
    case .hits(let name, let value):
      let others = ["MIN": "MAX", "MAX": "MIN", "ALL": "ANY", "ANY": "ALL", "ONLY": "MAX"]
      if let other = others[name], let word = token(from: syntax.range.lowerBound, name) {
        edit(word.range, [other], around)
      }
      if name == "COUNT DISTINCT" { visitDistinct(syntax, rows: false, before: value, around) }
      if let value { visit(value, in: name == "ALL" || name == "ANY" ? nil : around) }
    case .ofGroup(let alias, let name, let value):
      if let word = token(from: alias.range.upperBound, name) {
        edit(word.range, [name == "MIN" ? "MAX" : "MIN"], around)
      }
      visit(value, in: around)
    case .arithmetic(let symbol, let a, let b):
      if symbol != "*", let token = token(from: a.range.upperBound, symbol) {
        edit(token.range, [symbol == "+" ? "-" : "+"], around)
      }
      visit(a, in: around)
      visit(b, in: around)
    case .compare(let symbol, let a, let b):
      if let token = token(from: a.range.upperBound, symbol) {
        let others = [
          "=": ["<>"], "<>": ["="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
        ]
        for other in others[symbol] ?? [] { edit(token.range, [other], syntax.range) }
      }
      visit(a, in: syntax.range)
      visit(b, in: syntax.range)
    case .isSame(let a, let b, let negated):
      visitIs(after: a, negated, syntax.range)
      visit(a, in: syntax.range)
      visit(b, in: syntax.range)
    case .isNull(let a, let negated), .isBoolean(let a, _, let negated):
      visitIs(after: a, negated, syntax.range)
      // NOT keeps null: to ask whether FOUND or MISSING is null is the same.
      if case .isNull = syntax.kind, case .isFound = a.kind { break }
      visit(a, in: nil)
    case .isFound(let a, let found, let negated):
      if let word = token(from: a.range.upperBound, "FOUND", "MISSING") {
        edit(word.range, [found ? "MISSING" : "FOUND"], syntax.range)
      }
      if negated { visitIs(after: a, negated, syntax.range) }
    case .inList(let a, let values, let negated):
      visitNot(before: "IN", after: a, negated, syntax.range)
      dropEach(values.map(\.range), syntax.range)
      visit(a, in: syntax.range)
      for value in values { visit(value, in: syntax.range) }
    case .startsWith(let a, let prefixes, let negated):
      visitNot(before: "STARTS", after: a, negated, syntax.range)
      dropEach(prefixes.map(\.range), syntax.range)
      visit(a, in: syntax.range)
    case .between(let a, let low, let high, let negated):
      visitNot(before: "BETWEEN", after: a, negated, syntax.range)
      visit(a, in: syntax.range)
      visit(low, in: syntax.range)
      visit(high, in: syntax.range)
    case .contains(_, _, let value):
      edit(syntax.range.lowerBound..<syntax.range.lowerBound, ["NOT "], syntax.range)
      visit(value, in: syntax.range)
    case .and(let parts): visitParts(parts, "AND", "OR")
    case .or(let parts): visitParts(parts, "OR", "AND")
    case .not(let inner):
      if let word = token(from: syntax.range.lowerBound, "NOT") {
        let next = tokens.first { $0.range.lowerBound >= word.range.upperBound }
        edit(word.range.lowerBound..<(next?.range.lowerBound ?? word.range.upperBound), [""], syntax.range)
      }
      visit(inner, in: nil)
    }
  }

  /// Counts rows instead of different values.
  private mutating func visitDistinct(_ syntax: Syntax, rows: Bool, before value: Syntax?, _ context: Range<Int>) {
    guard let value, let distinct = token(from: syntax.range.lowerBound, "DISTINCT") else { return }
    var kept = String.UnicodeScalarView()
    let colon = tokens.last { $0.text == ":" && $0.range.upperBound <= value.range.lowerBound }
    if rows, let colon {
      kept.append(contentsOf: source[distinct.range.upperBound..<colon.range.lowerBound])
    } else {
      kept.append("*")
    }
    edit(
      distinct.range.lowerBound..<value.range.upperBound, [String(String(kept).drop { $0 == " " })], context,
      at: distinct.range)
  }

  private mutating func visitParts(_ parts: [Syntax], _ word: String, _ other: String) {
    for (a, b) in zip(parts, parts.dropFirst()) {
      if let token = token(from: a.range.upperBound, word) {
        edit(token.range, [other], a.range.lowerBound..<b.range.upperBound)
      }
    }
    for part in parts { visit(part, in: nil) }
  }

  /// The finest unit that the number's kind has; only the type checker knows the kind, so each is tried.
  private mutating func visitNumber(_ text: String, _ range: Range<Int>, _ context: Range<Int>) {
    for step: Int64 in [1, -1] {
      var texts: [String] = []
      for scale in [6, 4, 2, 0] {
        if let value = FixedPoint.parse(text, scale: scale) {
          texts.append(FixedPoint.text(value + step, scale: scale))
        }
      }
      edit(range, texts, context)
    }
  }

  private mutating func visitIs(after a: Syntax, _ negated: Bool, _ context: Range<Int>) {
    guard let word = token(from: a.range.upperBound, "IS") else { return }
    if negated, let not = token(from: word.range.upperBound, "NOT") {
      edit(word.range.lowerBound..<not.range.upperBound, ["IS"], context)
    } else {
      edit(word.range, ["IS NOT"], context)
    }
  }

  private mutating func visitNot(before keyword: String, after a: Syntax, _ negated: Bool, _ context: Range<Int>) {
    guard let word = token(from: a.range.upperBound, keyword) else { return }
    if negated, let not = token(from: a.range.upperBound, "NOT") {
      edit(not.range.lowerBound..<word.range.upperBound, [word.text], context)
    } else {
      edit(word.range, ["NOT \(word.text)"], context)
    }
  }

  /// Each of a list with more than one, with the comma that goes with it.
  private mutating func dropEach(_ ranges: [Range<Int>], _ context: Range<Int>) {
    guard ranges.count > 1 else { return }
    for i in ranges.indices {
      let range =
        i == 0
        ? ranges[0].lowerBound..<ranges[1].lowerBound : ranges[i - 1].upperBound..<ranges[i].upperBound
      edit(range, [""], context, at: ranges[i])
    }
  }
}
