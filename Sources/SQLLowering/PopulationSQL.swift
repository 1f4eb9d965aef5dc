import ClaimModel
import Diagnostics
import RulePacks

/// Where a rule's SQL takes facts about a whole population from.
public enum PopulationSource: Sendable, Hashable {
  /// Computed over all rows of the store.
  case store
  /// Read from rows of `context`, because the evidence of one case does not hold the population. A population's value
  /// is the row with what `population` and key `RULE.NAME.VALUE|` and the matched values joined by `|`. The formed
  /// rows of an occupancy are the rows with what `census` and key `RULE|`, the `by` values joined by `|`, `|` and the
  /// day; the value is the count. Of several `by` values only the last may hold a `|`.
  case context
}

/// The query that computes a population over the whole store, after `preludeSQL`: `match 1` … and each value.
public func populationSQL(_ population: Population, of rule: Rule, dialect: Dialect = .sqlite) throws(Diagnostics)
  -> String
{
  do {
    return try RuleLowering(rule, dialect, .store).populationQuery(population)
  } catch let error as Diagnostics {
    throw error
  } catch {
    throw Diagnostics([Diagnostic(.error, "sql.unsupported", "rule \(rule.id): \(error)")])
  }
}

extension RuleLowering {
  /// Facts about a population, group by group, as a table.
  func populationTable(_ population: Population) throws -> String {
    """
    -- 总体事实 \(comment(population.name))：全部数据中每组一行。
    -- Facts about the whole population, a row for each group.
    \(dialect.createTable) \(table("population " + population.name)) AS
    \(try populationQuery(population));

    """
  }

  func populationQuery(_ population: Population) throws -> String {
    let source = ClaimSource(child: population.binding, entity: population.entity, dialect: dialect)
    return try lowering.with(source, as: population.binding) {
      let matched = try population.match.map { try lowering.sql($0.a) }
      let values = try population.values.map { try $0.value.map(lowering.sql) }
      let holds =
        population.condition == .boolean(true)
        ? "" : "\n  WHERE \(dialect.isTrue(try lowering.sql(population.condition)))"
      let cases = dialect.caseColumn.map { ["m.\($0)"] } ?? []
      let groups = cases + matched.indices.map { "m.match_\($0 + 1)" }
      var columns = matched.enumerated().map { "\($0.element) AS match_\($0.offset + 1)" }
      for (value, text) in zip(population.values, values) {
        if let text { columns.append("\(text) AS \(dialect.quoted("value " + value.name))") }
      }
      if columns.isEmpty { columns = ["1 AS always"] }
      let results =
        groups
        + population.values.map { value in
          "\(aggregate(value.function, "m.\(dialect.quoted("value " + value.name))")) AS \(dialect.quoted(value.name))"
        }
      return """
        SELECT \(results.joined(separator: ",\n  "))
        FROM (
          SELECT \(dialect.caseOf(dialect.quoted(source.alias)))\(columns.joined(separator: ",\n      "))
          FROM \(source.from)\(holds)) m
        \(groups.isEmpty
          ? "HAVING count(*) > 0"
          : "WHERE \(groups.map { "\($0) IS NOT NULL" }.joined(separator: " AND "))\nGROUP BY \(groups.joined(separator: ", "))")
        """
    }
  }

  /// An aggregate over a group; nulls are passed over, but by `only`.
  func aggregate(_ function: FormedValue.Function, _ value: String) -> String {
    switch function {
    case .count: "count(*)"
    case .sum: dialect.sum(value)
    case .least: "min(\(value))"
    case .greatest: "max(\(value))"
    case .countDistinct: "count(DISTINCT \(value))"
    case .only: "CASE WHEN count(\(value)) = count(*) AND min(\(value)) = max(\(value)) THEN min(\(value)) END"
    }
  }
}
