import ClaimModel
import Registries
import RulePacks

/// A fact about a population that findings rest on: one value of one group, as a packet keeps and quotes it.
public struct PopulationFact: Sendable, Hashable, Codable {
  /// Id of the rule whose findings used it.
  public var rule: String
  /// Name of the population; of `occupancy` that of the formed rows, whose every day in a run is a group.
  public var population: String
  /// The matched values as printed, joined by `|`; for `occupancy` the `by` values and the day.
  public var group: String
  public var name: String
  /// Of a number the integer as evaluated (fen, days since 1970-01-01, 1/10,000); empty for null.
  public var value: String
  public var kind: ValueKind

  public init(rule: String, population: String, group: String, name: String, value: String, kind: ValueKind) {
    self.rule = rule
    self.population = population
    self.group = group
    self.name = name
    self.value = value
    self.kind = kind
  }

  /// Order by rule, population, group and name, by bytes.
  static func precedes(_ x: PopulationFact, _ y: PopulationFact) -> Bool { x.order(y) < 0 }

  /// Below 0 if this comes first, 0 if nothing tells the two apart: by bytes, since texts of different bytes can be
  /// equal to Swift.
  private func order(_ other: PopulationFact) -> Int {
    for part in [\PopulationFact.rule, \.population, \.group, \.name, \.value] {
      if bytesPrecede(self[keyPath: part], other[keyPath: part]) { return -1 }
      if bytesPrecede(other[keyPath: part], self[keyPath: part]) { return 1 }
    }
    return 0
  }

  /// In their order, each once.
  static func distinct(_ facts: [PopulationFact]) -> [PopulationFact] {
    var result: [PopulationFact] = []
    result.reserveCapacity(facts.count)
    for fact in facts.sorted(by: precedes) where result.last.map({ $0.order(fact) != 0 }) ?? true {
      result.append(fact)
    }
    return result
  }
}

/// The groups of a population with their values.
struct PopulationGroups {
  let index: KeyIndex
  /// By group, in the order of `Population.values`.
  let values: [ColumnData]
  /// The matched values of each group.
  let keys: [ColumnData]
}

extension Evaluator {
  /// A value of the group that each row matches; null where it matches none.
  func fact(_ name: String, _ value: String, _ kind: ValueKind, _ f: Frame) throws -> Vector {
    guard let population = rule.populations.first(where: { $0.name == name }),
      let k = population.values.firstIndex(where: { $0.name == value })
    else { throw EvaluationFault.type("no fact \(name).\(value)") }
    let groups = try groups(population)
    let places = try places(population, groups, f)
    switch groups.values[k].selecting(places) {
    case .text(let v): return .text(v)
    case .number(let v): return .number(v)
    }
  }

  /// The group that each row matches; −1 = none.
  func places(_ population: Population, _ groups: PopulationGroups, _ f: Frame) throws -> [Int32] {
    let keys = try population.match.map { try vector($0.b, f).column.keyValues }
    var key = [UInt64](repeating: 0, count: max(1, keys.count))
    return filled(f.count) { i in
      for k in keys.indices {
        key[k] = keys[k][i]
        if key[k] == 0 { return -1 }
      }
      return Int32(groups.index.group(key))
    }
  }

  /// The groups of a population, computed when first asked for.
  func groups(_ population: Population) throws -> PopulationGroups {
    if let known = indexes.populations[population] { return known }
    if let facts = indexes.facts {
      let groups = try facts.groups(population, codes)
      indexes.populations[population] = groups
      return groups
    }
    let (formed, base) = try members(population)
    let rows = try groupRows(formed, base)
    let keys = formed.by.compactMap { rows.columns[$0.name] }
    let groups = PopulationGroups(
      index: KeyIndex(columns: keys.map(\.keyValues), count: rows.count),
      values: population.values.compactMap { rows.columns[$0.name] }, keys: keys)
    indexes.populations[population] = groups
    return groups
  }

  /// The rows of a population among the claims, as base rows of a group shape: a population is one without a rule
  /// around it.
  func members(_ population: Population) throws -> (formed: Formed, base: BaseRows) {
    let formed = Formed(
      baseBinding: population.binding, baseEntity: population.entity, name: population.name,
      by: population.match.enumerated().map {
        NamedExpr(name: "\($0)", value: $1.a, kind: $1.a.kind(in: rule) ?? .integer)
      }, values: population.values, kind: .group)
    var base = BaseRows(formed)
    let count = claims[population.entity].count
    var start = 0
    while start < count {
      let end = min(count, start + RuleRun.blockRows)
      let frame = Frame(Block(population.entity, start..<end), population.binding)
      try base.append(frame.keeping(truths(population.condition, frame)), self)
      start = end
    }
    return (formed, base)
  }
}

extension RuleRun {
  /// The facts that the findings of these hits rest on.
  func facts(_ hits: Frame) throws -> [PopulationFact] {
    var facts: [PopulationFact] = []
    if rule.populations.isEmpty, rule.shape.formed == nil { return [] }
    for population in rule.populations {
      var frame = hits
      if let formed = rule.shape.formed, !formed.keepsBaseRow, let rows = hits.formed,
        population.match.contains(where: { $0.b.bindingNames.contains(formed.baseBinding) })
      {
        // Asked about base rows, before any row was formed.
        let members = Array(Set(hits.formed == nil ? [] : (0..<rows.count).flatMap { Array(rows.members.of($0)) }))
        frame = Frame(count: members.count)
        frame.rows[formed.baseBinding] = (formed.baseEntity, members)
      }
      let groups = try evaluator.groups(population)
      for place in Set(try evaluator.places(population, groups, frame)) where place >= 0 {
        let key = zip(groups.keys, population.match).map { printed($0, Int(place), $1.a.kind(in: rule) ?? .integer) }
        for (value, column) in zip(population.values, groups.values) {
          facts.append(
            PopulationFact(
              rule: rule.id, population: population.name, group: key.joined(separator: "|"), name: value.name,
              value: raw(column, Int(place)), kind: value.kind))
        }
      }
    }
    if let formed = rule.shape.formed, case .occupancy = formed.kind, let rows = hits.formed {
      for i in 0..<rows.count {
        var key = formed.by.map { by in rows.columns[by.name].map { printed($0, i, by.kind) } ?? "" }
        key.append(rows.columns["day"].map { printed($0, i, .day) } ?? "")
        facts.append(
          PopulationFact(
            rule: rule.id, population: formed.name, group: key.joined(separator: "|"), name: "count",
            value: rows.columns["count"].map { raw($0, i) } ?? "", kind: .integer))
      }
    }
    return PopulationFact.distinct(facts)
  }

  func printed(_ column: ColumnData, _ i: Int, _ kind: ValueKind) -> String {
    switch column {
    case .text(let v): evaluator.codes.text(v[i])
    case .number(let v): kind.text(v[i])
    }
  }

  private func raw(_ column: ColumnData, _ i: Int) -> String {
    switch column {
    case .text(let v): evaluator.codes.text(v[i])
    case .number(let v): v[i] == ColumnData.null ? "" : String(v[i])
    }
  }
}
