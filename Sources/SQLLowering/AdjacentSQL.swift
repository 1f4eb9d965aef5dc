import ClaimModel
import RulePacks

/// Two neighbours in the order of their columns among the rows with equal matched values.
struct Neighbours {
  /// The table of neighbours, as ids of first and second.
  var text: String
  /// The FROM clause that joins it with the rows of both.
  var join: (_ sources: [String: ClaimSource]) -> String
}

extension RuleLowering {
  /// Rows are put in order before any condition is asked; rows equal in all columns stand in the order of their ids.
  func neighboursSQL(
    _ a: (binding: String, entity: Entity), _ b: (binding: String, entity: Entity), _ match: [PairMatch],
    _ columns: [String]
  ) throws -> Neighbours {
    let id = Self.idColumn(a.entity)
    let source = ClaimSource(child: a.binding, entity: a.entity, dialect: dialect)
    let values = try lowering.with(source, as: a.binding) { try match.map { try lowering.operand($0.a) } }
    let order = (columns.contains(id) ? columns : columns + [id]).map { dialect.ascending(source.column([], $0)) }
    let alias = dialect.quoted(source.alias)
    let groups = (dialect.caseColumn.map { ["\(alias).\($0)"] } ?? []) + values
    let among = groups.isEmpty ? "" : "PARTITION BY \(groups.joined(separator: ", ")) "
    let known = values.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
    let name = table("neighbours")
    let text = """
      -- 相邻的行：在相同取值的行中按次序排列，前一行与后一行。
      -- Neighbours: rows of equal values in their order, each with the one that follows.
      \(dialect.createTable) \(name) AS
      SELECT \(dialect.caseOf("x"))x.first_id, x.second_id FROM (
        SELECT \(dialect.caseOf(alias))\(source.column([], id)) AS first_id,
          lead(\(source.column([], id))) OVER (\(among)ORDER BY \(order.joined(separator: ", "))) AS second_id
        FROM \(source.from)\(known.isEmpty ? "" : "\n  WHERE " + known)
      ) x WHERE x.second_id IS NOT NULL;


      """
    return Neighbours(text: text) { [dialect] sources in
      guard let x = sources[a.binding], let y = sources[b.binding] else { return name }
      // The row's own table comes first, then what it belongs to.
      return """
        \(name) n
          JOIN \(x.table) ON \(x.column([], id)) = n.first_id\(dialect.sameCase(dialect.quoted(x.alias), "n"))
          JOIN \(y.table) ON \(y.column([], id)) = n.second_id\(dialect.sameCase(dialect.quoted(y.alias), "n"))\((x.joins + y.joins).map { "\n  " + $0 }.joined())
        """
    }
  }
}
