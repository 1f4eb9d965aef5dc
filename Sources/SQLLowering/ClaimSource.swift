import ClaimModel

/// A claim row in a FROM clause and the rows it belongs to, joined when a column of them is asked for.
final class ClaimSource {
  let alias: String
  let entity: Entity
  private(set) var joins: [String] = []
  private var known: Set<String> = []

  init(alias: String, entity: Entity) {
    self.alias = alias
    self.entity = entity
  }

  /// A row bound inside an aggregate; single letters stand for the lowering's own rows and are evaded.
  convenience init(child variable: String, entity: Entity) {
    self.init(alias: variable.utf8.count == 1 ? "each_" + variable : variable, entity: entity)
  }

  /// The table an entity's counting rows stand in after `preludeSQL`.
  static func table(of entity: Entity) -> String {
    switch entity {
    case .line: "counting_line"
    case .settlement: "counting_settlement"
    case .visit: "visit"
    case .stay: "stay"
    case .diagnosis: "diagnosis"
    }
  }

  /// The column by which rows belong to one row of an entity: lines to a settlement by setl_id, all else by mdtrt_id.
  static func key(of parent: Entity) -> String { parent == .settlement ? "setl_id" : "mdtrt_id" }

  /// `table alias`.
  var table: String { "\(Self.table(of: entity)) \(Dialect.name(alias))" }

  /// `table alias`, then the joins asked for so far.
  var from: String { ([table] + joins).joined(separator: "\n  ") }

  /// A column of the row at the end of the path; null where a row belongs to none.
  func column(_ path: [Entity], _ column: String) -> String {
    var here = alias
    for parent in path {
      let next = here + "." + parent.rawValue
      if known.insert(next).inserted {
        let key = Self.key(of: parent)
        joins.append(
          "LEFT JOIN \(Self.table(of: parent)) \(Dialect.name(next))"
            + " ON \(Dialect.name(next)).\(key) = \(Dialect.name(here)).\(key)")
      }
      here = next
    }
    return "\(Dialect.name(here)).\(column)"
  }
}
