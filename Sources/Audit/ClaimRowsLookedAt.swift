import ClaimModel
import Registries
import RulePacks

/// The claim rows without which a packet would form other pairs and rows than the store did: the neighbours of a stay,
/// the purchases before one, the rest of a window or group.
///
/// Made once for the rules and claims of a run and asked for each packet: the rules' keys are worked out over all rows
/// only when first asked for.
public final class ClaimRowsLookedAt {
  private let runs: [RuleRun]
  private let claims: EffectiveClaims
  private let readingPersons: Set<String>
  private var keys: [String: Keys] = [:]

  /// All rows of a rule's base entity that can be part of a pair or formed row, by what holds them together.
  private struct Keys {
    let entity: Entity
    let rows: [Int32]
    /// Where in `rows` a claim row stands; −1 = nowhere.
    let placeOf: [Int32]
    let columns: [[UInt64]]
    let index: KeyIndex
    /// Where later rows change nothing about earlier ones.
    let days: [Int64]?
  }

  public init(rules: [Rule], claims: EffectiveClaims, registries: Registries) {
    let shelf = IndexShelf(registries, claims.codes)
    let input = AuditInput(claims: claims, registries: registries)
    runs = rules.map { RuleRun($0, input, shelf) }
    self.claims = claims
    readingPersons = Set(rules.filter(\.readsPersons).map(\.id))
  }

  /// The given rows of claims, by entity, and what hangs together with them, ascending: for `adjacent` pairs all rows
  /// with the same matched values; for `group` all base rows of the same group; for `window` and `stock` the base rows
  /// of the same `by` values up to the last day among the given ones. `runs` need no other row, and what `occupancy`
  /// counted is in `AuditResult.facts`. For rules that read persons, all settlements and stays of the persons of the
  /// given rows; their lines hang together with them.
  ///
  /// `rules`: only those with these ids; nil: all.
  public func rows(with given: [Entity: [Int]], rules: Set<String>? = nil) -> [Entity: [Int]] {
    var result = given.mapValues { Set($0) }
    for run in runs where rules?.contains(run.rule.id) != false {
      // A fault can't come up here that did not stop the rule when it ran.
      guard let keys = try? keys(run) else { continue }
      // By group the last day given.
      var last: [Int: Int64] = [:]
      for row in given[keys.entity] ?? [] {
        let place = row < keys.placeOf.count ? Int(keys.placeOf[row]) : -1
        if place < 0 { continue }
        let group = keys.index.group(keys.columns.isEmpty ? [0] : keys.columns.map { $0[place] })
        if group >= 0 { last[group] = max(last[group] ?? Int64.min, keys.days?[place] ?? Int64.max) }
      }
      for (group, day) in last {
        for place in keys.index.rows(group) where (keys.days?[Int(place)] ?? Int64.min) <= day {
          result[keys.entity, default: []].insert(Int(keys.rows[Int(place)]))
        }
      }
    }
    if !(rules?.isDisjoint(with: readingPersons) ?? readingPersons.isEmpty) { addRowsOfPersons(of: given, to: &result) }
    return result.mapValues { $0.sorted() }
  }

  private func addRowsOfPersons(of given: [Entity: [Int]], to result: inout [Entity: Set<Int>]) {
    var persons = Set(given[.person] ?? [])
    for entity in Entity.person.children {
      let parent = claims[entity].parent[.person] ?? []
      for row in given[entity] ?? [] where row < parent.count && parent[row] >= 0 { persons.insert(Int(parent[row])) }
    }
    for entity in [Entity.settlement, .stay] {
      guard let children = claims[.person].children[entity] else { continue }
      for person in persons { for row in children.of(person) { result[entity, default: []].insert(Int(row)) } }
    }
  }

  /// nil for a rule whose rows need no others.
  private func keys(_ run: RuleRun) throws -> Keys? {
    if let known = keys[run.rule.id] { return known }
    let entity: Entity
    let rows: [Int32]
    let columns: [[UInt64]]
    var days: [Int64]?
    switch run.rule.shape {
    case .each, .pair(_, _, _, .every), .pair(_, _, _, .unordered): return nil
    case .pair(let a, _, let match, .adjacent):
      entity = a.entity
      (rows, columns) = try Pairing.side(run, a, [], match.map(\.a), candidates: nil)
    case .formed(let formed):
      switch formed.kind {
      case .runs, .occupancy: return nil
      case .group, .window, .stock: break
      }
      entity = formed.baseEntity
      var base = BaseRows(formed)
      try run.eachBaseBlock(formed) { frame in
        try base.append(frame.keeping(run.evaluable(frame)), run.evaluator)
      }
      rows = base.rows
      columns = base.by.map(\.keyValues)
      if formed.kind.days == 1 { days = try base.numbers(0) }
    }
    var placeOf = [Int32](repeating: -1, count: run.input.claims[entity].count)
    for (place, row) in rows.enumerated() { placeOf[Int(row)] = Int32(place) }
    let made = Keys(
      entity: entity, rows: rows, placeOf: placeOf, columns: columns,
      index: KeyIndex(columns: columns, count: rows.count), days: days)
    keys[run.rule.id] = made
    return made
  }
}
