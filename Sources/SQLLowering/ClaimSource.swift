import ClaimModel

/// A claim row in a FROM clause and the rows it belongs to, joined when a column of them is asked for.
final class ClaimSource {
  let dialect: Dialect
  let alias: String
  let entity: Entity
  private(set) var joins: [String] = []
  private var known: Set<String> = []

  init(alias: String, entity: Entity, dialect: Dialect) {
    self.dialect = dialect
    self.alias = alias
    self.entity = entity
  }

  /// A row bound inside an aggregate; single letters stand for the lowering's own rows and are evaded.
  convenience init(child variable: String, entity: Entity, dialect: Dialect) {
    self.init(alias: variable.utf8.count == 1 ? "each_" + variable : variable, entity: entity, dialect: dialect)
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
  var table: String { "\(Self.table(of: entity)) \(dialect.quoted(alias))" }

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
          "LEFT JOIN \(Self.table(of: parent)) \(dialect.quoted(next))"
            + " ON \(dialect.quoted(next)).\(key) = \(dialect.quoted(here)).\(key)"
            + dialect.sameCase(dialect.quoted(next), dialect.quoted(here)))
      }
      here = next
    }
    return "\(dialect.quoted(here)).\(column)"
  }
}
