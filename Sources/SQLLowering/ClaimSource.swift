import ClaimModel

/// A claim row in a FROM clause and the rows it belongs to, joined when a column of them is asked for.
final class ClaimSource {
  let dialect: Dialect
  let alias: String
  let entity: Entity
  /// The row that belongs to this one, and through which its columns are reached.
  private let child: ClaimSource?
  private(set) var joins: [String] = []
  private var known: Set<String> = []

  init(alias: String, entity: Entity, dialect: Dialect) {
    self.dialect = dialect
    self.alias = alias
    self.entity = entity
    child = nil
  }

  /// The row of an entity to which a row of a FROM clause belongs: it is joined there.
  init(_ parent: Entity, of child: ClaimSource) {
    dialect = child.dialect
    alias = child.alias
    entity = parent
    self.child = child
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
    case .person: "person"
    }
  }

  /// The column by which rows belong to one row of an entity: lines to a settlement by setl_id, what is a person's by
  /// psn_no, all else by mdtrt_id.
  static func key(of parent: Entity) -> String {
    switch parent {
    case .settlement: "setl_id"
    case .person: "psn_no"
    default: "mdtrt_id"
    }
  }

  /// The rows on the way from a row to the key it has in common with its parent: lines are of the person of their
  /// settlement, whatever their own psn_no.
  static func way(from entity: Entity, to parent: Entity) -> [Entity] {
    entity == .line && parent == .person ? [.settlement] : []
  }

  /// The column that says to which row of the parent this one belongs.
  func column(childOf parent: Entity) -> String { column(Self.way(from: entity, to: parent), Self.key(of: parent)) }

  /// `table alias`.
  var table: String { "\(Self.table(of: entity)) \(dialect.quoted(alias))" }

  /// `table alias`, then the joins asked for so far.
  var from: String { ([table] + joins).joined(separator: "\n  ") }

  /// A column of the row at the end of the path; null where a row belongs to none.
  func column(_ path: [Entity], _ column: String) -> String {
    if let child { return child.column([entity] + path, column) }
    var here = alias
    var last = entity
    for parent in path {
      // Where the key stands: in the row itself but for a line's person.
      let way = Self.way(from: last, to: parent)
      if !way.isEmpty {
        _ = self.column(Array(path.prefix(while: { $0 != parent })) + way, Self.key(of: parent))
      }
      let keyed = way.reduce(here) { $0 + "." + $1.rawValue }
      last = parent
      let next = here + "." + parent.rawValue
      if known.insert(next).inserted {
        let key = Self.key(of: parent)
        joins.append(
          "LEFT JOIN \(Self.table(of: parent)) \(dialect.quoted(next))"
            + " ON \(dialect.quoted(next)).\(key) = \(dialect.quoted(keyed)).\(key)"
            + dialect.sameCase(dialect.quoted(next), dialect.quoted(keyed)))
      }
      here = next
    }
    return "\(dialect.quoted(here)).\(column)"
  }
}
