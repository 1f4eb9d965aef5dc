import ClaimModel

// Shapes that form rows of claim rows (group, window, stock, runs, occupancy), and population facts.
extension RuleReader {
  var isRuns: Bool {
    if case .formed(let formed) = rule.shape, case .runs = formed.kind { true } else { false }
  }

  /// Binds the base row; the rest waits until the lookups it may use are read.
  mutating func openFormed(_ key: YamlScalar, _ node: YamlNode) {
    guard let one = YamlFields(node, what: key.text, known: Self.formedKeys[key.text] ?? [], problems: problems),
      let of = one.required("of", remedy: "the kind of claim row: of: line"),
      let entity = rowKind(of)
    else { return }
    scope.bindings = [NameScope.Binding(name: entity.rawValue, entity: entity)]
    guard let name = one.required("as", remedy: "what expressions call the row: as: purchase"), isName(name) else {
      return
    }
    if name.text == entity.rawValue {
      problems.error("rule.name", "\(name.text) names the claim row already", name, remedy: "take another name")
      return
    }
    // Until it is read, so that the shape is known.
    rule.shape = .formed(
      Formed(
        baseBinding: entity.rawValue, baseEntity: entity, name: name.text, by: [], values: [],
        kind: key.text == "runs"
          ? .runs(first: .day(0), last: .day(0), atLeast: .integer(1)) : .group))
    waiting = (key, one, name.text)
  }

  static let formedKeys: [String: [String]] = [
    "group": ["of", "as", "by", "values"],
    "window": ["of", "as", "by", "day", "days", "values"],
    "stock": ["of", "as", "by", "day", "supply", "values"],
    "runs": ["of", "as", "days", "at_least"],
    "occupancy": ["of", "as", "by", "days", "count", "at_least"],
  ]

  /// Reads the waiting shape if something below speaks of its row.
  mutating func readFormed(before node: YamlNode) {
    guard let waiting, node.mentions(waiting.name + ".") else { return }
    readFormed()
  }

  mutating func readFormed() {
    guard let (key, one, name) = waiting, let base = scope.bindings.first else { return }
    waiting = nil
    var by: [NamedExpr] = []
    if let node = one["by"], let all = YamlFields(node, what: "by", known: nil, problems: problems) {
      for (column, node) in all.all where isName(column) {
        guard let scalar = problems.scalar(node, "by") else { continue }
        let typed = value(scalar, in: scope)
        if let kind = typed.type.kind { by.append(NamedExpr(name: column.text, value: typed.expr, kind: kind)) }
      }
    }
    if by.isEmpty, key.text != "runs" {
      problems.error(
        "rule.missing-key", "\(key.text) needs what its rows have in common", one.node,
        remedy: "by: {psn_no: \(base.name).psn_no}")
    }
    let values = readValues(one["values"], in: scope)
    func day(_ key: String) -> Expr {
      guard let scalar = one.required(key) else { return .day(0) }
      return value(scalar, in: scope, expected: .day).expr
    }
    func days() -> (Expr, Expr) {
      guard let node = one["days"], case .sequence(let items) = node.kind, items.count == 2 else {
        problems.error(
          "rule.shape", "\(key.text) needs its first and last day", one["days"] ?? one.node,
          remedy: "days: [stay.begin_day + 1, stay.end_day - 1]")
        return (.day(0), .day(0))
      }
      let both = items.map { item -> Expr in
        guard let scalar = problems.scalar(item, "days") else { return .day(0) }
        return value(scalar, in: scope, expected: .day).expr
      }
      return (both[0], both[1])
    }
    let kind: Formed.Kind
    switch key.text {
    case "group": kind = .group
    case "window":
      let length = one.required("days").map { value($0, in: scope, expected: .integer).expr } ?? .integer(1)
      kind = .window(day: day("day"), days: length)
    case "stock": kind = .stock(day: day("day"), supply: readSupply(one))
    case "runs":
      let (first, last) = days()
      kind = .runs(first: first, last: last, atLeast: .integer(1))
    default:
      let (first, last) = days()
      let counted = one.required("count", remedy: "what is counted: count: stay.psn_no").map {
        value($0, in: scope).expr
      }
      kind = .occupancy(first: first, last: last, counted: counted ?? .text(""), atLeast: .integer(1))
    }
    var formed = Formed(
      baseBinding: base.name, baseEntity: base.entity, name: name, by: by, values: values, kind: kind)
    var seen: Set<String> = []
    for column in formed.columns where !seen.insert(column.name).inserted {
      problems.error("rule.name", "\(name) has two columns \(column.name)", one.node, remedy: "rename one of them")
    }
    scope.formed = (name, formed.columns)
    if formed.atLeast != nil {
      let atLeast = one.scalar("at_least").map { scalar in
        let expr = value(scalar, in: scope, expected: .integer).expr
        mustSpeakOfFormed(expr, scalar, beforeRuns: true)
        return expr
      }
      formed.kind = formed.kind.with(atLeast: atLeast ?? .integer(1))
    }
    rule.shape = .formed(formed)
  }

  /// `supply: [pieces, days each]`.
  private func readSupply(_ one: YamlFields) -> StockSupply {
    guard let node = one["supply"], case .sequence(let items) = node.kind, items.count == 2 else {
      problems.error(
        "rule.shape", "stock needs its supply: the pieces and the days each lasts", one["supply"] ?? one.node,
        remedy: "supply: [line.cnt, sup.sup_days]")
      return StockSupply(quantity: .integer(0), daysEach: .integer(0))
    }
    let both = items.map { item -> Expr in
      guard let scalar = problems.scalar(item, "supply") else { return .integer(0) }
      return value(scalar, in: scope, expected: .quantity).expr
    }
    return StockSupply(quantity: both[0], daysEach: both[1])
  }

  private func readValues(_ node: YamlNode?, in scope: NameScope) -> [FormedValue] {
    guard let node, let all = YamlFields(node, what: "values", known: nil, problems: problems) else { return [] }
    return all.all.compactMap { name, node in
      guard isName(name), let scalar = problems.scalar(node, "a value"), let syntax = parse(scalar) else { return nil }
      return TypeChecker(scope: scope, scalar: scalar, problems: problems).formedValue(name.text, syntax)
    }
  }

  mutating func readPopulations(_ node: YamlNode) {
    guard let all = YamlFields(node, what: "population", known: nil, problems: problems) else { return }
    for (name, node) in all.all where isName(name) && isNew(name) {
      let known = ["of", "as", "where", "match", "values"]
      guard let one = YamlFields(node, what: "population \(name.text)", known: known, problems: problems),
        let of = one.required("of"), let entity = rowKind(of),
        let row = one.required("as", remedy: "what its expressions call a row: as: s"), isName(row), isNew(row)
      else { continue }
      // A population is the whole store's: nothing of the rule's own row, no lookup, no dated value.
      var inner = NameScope()
      inner.bindings = [NameScope.Binding(name: row.text, entity: entity)]
      for binding in scope.bindings {
        inner.elsewhere[binding.name] = "\(binding.name) is the rule's own row; a population knows only \(row.text)"
      }
      let condition = one.scalar("where").map { self.condition($0, in: inner) } ?? .boolean(true)
      var match: [PairMatch] = []
      for item in one.list("match") {
        guard case .sequence(let sides) = item.kind, sides.count == 2,
          let member = problems.scalar(sides[0], "a match"), let own = problems.scalar(sides[1], "a match")
        else {
          problems.error("rule.shape", "a match is a value of the population's row and one of the rule's", item)
          continue
        }
        let (a, b) = (value(member, in: inner), value(own, in: scope))
        if a.type != b.type, a.type != .unknown, b.type != .unknown {
          problems.error("rule.type", "\(a.type.described) can't be matched with \(b.type.described)", item)
        }
        match.append(PairMatch(a: a.expr, b: b.expr))
      }
      if match.isEmpty {
        problems.error(
          "rule.missing-key", "population \(name.text) needs match", one.node,
          remedy: "match: [[\(row.text).fixmedins_code, stay.fixmedins_code]]")
      }
      let values = readValues(one["values"], in: inner)
      if values.isEmpty {
        problems.error(
          "rule.missing-key", "population \(name.text) has no values", one.node, remedy: "values: {stays: COUNT(*)}")
      }
      rule.populations.append(
        Population(
          name: name.text, binding: row.text, entity: entity, condition: condition, match: match, values: values))
      scope.populations.append((name.text, values.map { ($0.name, $0.kind) }))
    }
  }

  // MARK: - What may be read where

  func speaksOfFormed(_ expr: Expr) -> Bool { expr.readsFormed(lookups: rule.formedLookups) }

  private func speaksOfBase(_ expr: Expr) -> Bool {
    guard let formed = rule.shape.formed else { return false }
    let ofFormed = rule.formedLookups
    var found = false
    expr.visit { part in
      switch part {
      case .claim(formed.baseBinding, _, _, _): found = true
      case .children(let aggregate) where aggregate.binding == formed.baseBinding: found = true
      case .fact(let name, _, _):
        // Which group of the population is asked is said by the row that it is matched with.
        let match = rule.populations.first { $0.name == name }?.match ?? []
        if match.contains(where: { speaksOfBase($0.b) }) { found = true }
      default: break
      }
    }
    return found || expr.lookupNames.contains { !ofFormed.contains($0) }
  }

  /// scope and fill thin out claim rows, before any row is formed.
  func mustSpeakOfBase(_ expr: Expr, _ scalar: YamlScalar) {
    guard let formed = rule.shape.formed, speaksOfFormed(expr) else { return }
    problems.error(
      "rule.stage", "\(formed.name) is formed later; here only \(formed.baseBinding) can be read", scalar,
      remedy: "put it under where")
  }

  /// What follows `where` is about formed rows.
  func mustSpeakOfFormed(_ expr: Expr, _ scalar: YamlScalar, beforeRuns: Bool = false) {
    guard let formed = rule.shape.formed else { return }
    if !isRuns, speaksOfBase(expr) {
      problems.error(
        "rule.stage", "\(formed.name) stands for several rows; no one \(formed.baseBinding) can be read here", scalar,
        remedy: "name what is needed under by or values, or put the condition under scope")
    }
    guard beforeRuns else { return }
    var early: String?
    expr.visit { part in
      if case .formed(let column, _) = part, column.hasPrefix("run_") { early = column }
    }
    if let early {
      problems.error(
        "rule.stage", "\(early) is known only when where and unless have left the run's days", scalar,
        remedy: "use at_least, or cases")
    }
  }
}

extension Formed.Kind {
  fileprivate func with(atLeast: Expr) -> Formed.Kind {
    switch self {
    case .runs(let first, let last, _): .runs(first: first, last: last, atLeast: atLeast)
    case .occupancy(let first, let last, let counted, _):
      .occupancy(first: first, last: last, counted: counted, atLeast: atLeast)
    case .group, .window, .stock: self
    }
  }
}

extension YamlNode {
  /// Some text inside holds the word.
  fileprivate func mentions(_ word: String) -> Bool {
    switch kind {
    case .scalar(let scalar): scalar.text.contains(word)
    case .sequence(let items): items.contains { $0.mentions(word) }
    case .mapping(let entries): entries.contains { $0.value.mentions(word) }
    }
  }
}
