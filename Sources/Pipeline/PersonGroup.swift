import Audit
import ClaimModel
import RulePacks

/// Rules of one person whose rows are kept together: what is new for one of them meets the same other rows.
struct PersonGroup: Sendable {
  let rules: [Rule]
  let sieves: [Rule]
  /// The sides of pairs; nil for rules whose rows of one entity are looked at together.
  private let sides: (a: Entity, b: Entity)?
  private let base: Entity
  /// Entities whose rows hang together.
  private let linked: [Set<Entity>]

  private init(_ rules: [Rule], sides: (a: Entity, b: Entity)?, base: Entity) {
    self.rules = rules
    sieves = rules.map(\.sieve)
    self.sides = sides
    self.base = base
    linked = ThinClaims(for: sieves, named: false).linkedEntities
  }

  /// The rules, each in one group; the groups in the same order whatever that of the rules.
  static func groups(of rules: [Rule]) -> [PersonGroup] {
    var groups: [(name: String, rules: [Rule], sides: (a: Entity, b: Entity)?, base: Entity)] = []
    for rule in rules.sorted(by: { bytesPrecede($0.id, $1.id) }) {
      guard let base = rule.shape.bindings.first?.entity else { continue }
      var sides: (a: Entity, b: Entity)?
      // Neighbours are found among all rows.
      if case .pair(let a, let b, _, let order) = rule.shape, !order.isAdjacent { sides = (a.entity, b.entity) }
      let name = sides.map { "\($0.a.rawValue) \($0.b.rawValue)" } ?? base.rawValue
      if let known = groups.firstIndex(where: { $0.name == name }) {
        groups[known].rules.append(rule)
      } else {
        groups.append((name, [rule], sides, base))
      }
    }
    return groups.sorted { bytesPrecede($0.name, $1.name) }.map {
      PersonGroup($0.rules, sides: $0.sides, base: $0.base)
    }
  }

  /// Of each entity the slices whose older rows are needed beside those that changed, by slice. A pair's counts and
  /// hits change only with a pair that has a changed row: of either side those rows are needed that the other's can
  /// meet.
  ///
  /// - Parameters:
  ///   - changed: slices with new rows, by entity.
  ///   - touched: cells whose rows are looked at anew.
  func rowsThatMeet(
    _ changed: [Entity: [Bool]], touched: Set<UInt32>, _ straddling: StraddlingSlices
  ) -> [Entity: [Bool]] {
    let none = [Bool](repeating: false, count: PersonSlice.count)
    func marks(_ entity: Entity) -> [Bool] {
      var marks = changed[entity] ?? none
      for cell in touched { marks[Int(cell & 0xFFFF)] = true }
      // Rows of one person, or of linked ones, may be in any of them.
      if straddling.slices.contains(where: { marks[Int($0)] }) {
        for slice in straddling.slices { marks[Int(slice)] = true }
      }
      return marks
    }
    var wanted: [Entity: [Bool]] = [:]
    func want(_ entity: Entity, _ marks: [Bool]) {
      let known = wanted[entity] ?? none
      wanted[entity] = marks.indices.map { known[$0] || marks[$0] }
    }
    if let sides {
      want(sides.a, marks(sides.b))
      want(sides.b, marks(sides.a))
    } else {
      want(base, marks(base))
    }
    for entities in linked {
      var marks = none
      for entity in entities {
        guard let own = wanted[entity] else { continue }
        for i in marks.indices where own[i] { marks[i] = true }
      }
      for entity in entities { wanted[entity] = marks }
    }
    return wanted
  }
}

extension PairOrder {
  fileprivate var isAdjacent: Bool { if case .adjacent = self { true } else { false } }
}
