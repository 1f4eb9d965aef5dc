import ClaimModel
import Diagnostics
import RulePacks

/// A rule over a whole store: its tables, and what is asked of them beside its findings.
struct StoreRuleSQL {
  /// Statements that make tables, to be run behind the prelude.
  var script: String
  /// `yj_kind` (p: psn_no; v: mdtrt_id of a row without psn_no) and `yj_home` of the rows that hits rest on, those that
  /// an exemption stopped included. Empty for a rule that must see everything: it is run over `thin` rows again.
  var homes: [String]
  /// One row: in_scope, unevaluable, and by fill column fill_1, filled_1 …
  var coverage: String
}

extension RuleLowering {
  /// The rule's own tables with those that its coverage and the persons concerned are read from.
  ///
  /// - Parameter isWhole: the rule looks at more than one person; see `StoreRuleSQL.homes`.
  func storeSQL(isWhole: Bool) throws -> StoreRuleSQL {
    let title = "-- ==== \(comment(rule.id)) ====\n"
    let facts = try rule.populations.map(populationTable)
    demandKeys()
    if rule.shape.formed != nil { lowering.stage = .formed }
    let findings = try findingsSQL()
    // What they ask for must be known before the rows are selected.
    if let formed = rule.shape.formed {
      let later = try formedConditions()
      lowering.stage = .base
      let coverage = try formedCoverage(formed, later)
      let homes = isWhole ? [] : formedHomes(formed, later)
      lowering.stage = .formed
      var steps = try formedSQL(formed)
      if rule.lines != .members { steps.append(membersSQL(formed)) }
      return StoreRuleSQL(
        script: ([title] + facts + steps + [findings]).joined(separator: "\n"), homes: homes, coverage: coverage)
    }
    let coverage = try plainCoverage()
    let homes = isWhole ? [] : try plainHomes()
    return StoreRuleSQL(
      script: try ([title] + facts + plainSQL() + [findings]).joined(separator: "\n"), homes: homes, coverage: coverage)
  }

  // MARK: conditions

  /// What formed rows are asked; written while they stand for `r`.
  private struct FormedConditions {
    /// Holds for formed rows that can be judged.
    var evaluable: [String]
    /// Holds for hits, whatever exempts them; of runs it is not asked again.
    var hit: [String]
  }

  private func formedConditions() throws -> FormedConditions {
    FormedConditions(
      evaluable: try evaluable(.formed), hit: try (judging(.formed) + excluding()).map(\.text))
  }

  private var conjuncts: [Expr] {
    if case .and(let list) = rule.scope { list } else { [rule.scope] }
  }

  /// Conditions of the scope that are asked behind the lookups.
  private func lateScope(_ asked: Asked) throws -> [String] {
    try conjuncts.filter { part in
      part.usesRegistry || lowering.isFormed(part)
    }.filter { asked == .all || (asked == .formed) == lowering.isFormed($0) }.map {
      dialect.isTrue(try lowering.sql($0))
    }
  }

  /// What must hold, never null, for a row to be judged; see `judging`.
  private func evaluable(_ asked: Asked) throws -> [String] {
    let spoken = rule.unevaluable.reduce(into: Set<String>()) { $0.formUnion($1.when.lookupNames) }
    var conditions: [String] = []
    for lookup in rule.lookups where !spoken.contains(lookup.name) {
      if case .groups = lookup.take { continue }
      guard asked == .all || (asked == .formed) == lowering.formedLookups.contains(lookup.name) else { continue }
      conditions.append("r.\(dialect.quoted(lookup.name + ".unknown")) <> 2")
    }
    for row in rule.unevaluable where asked == .all || (asked == .formed) == lowering.isFormed(row.when) {
      conditions.append("NOT \(dialect.isTrue(try lowering.sql(row.when)))")
    }
    return conditions
  }

  private func all(_ conditions: [String]) -> String {
    conditions.isEmpty ? "TRUE" : conditions.map { "(\($0))" }.joined(separator: " AND ")
  }

  // MARK: coverage

  /// The table that holds the rows with their lookups.
  private var lookedUp: String {
    let base = rule.lookups.filter { rule.shape.formed == nil || !lowering.formedLookups.contains($0.name) }
    return base.last.map { table("lookup " + $0.name) } ?? table("rows")
  }

  private func plainCoverage() throws -> String {
    """
    SELECT s.in_scope, s.unevaluable\(try fillColumns())
    FROM (SELECT count(*) AS in_scope, count(CASE WHEN \(all(try evaluable(.all))) THEN NULL ELSE 1 END) AS unevaluable
      FROM \(lookedUp) r WHERE \(all(try lateScope(.all)))) s
    """
  }

  private func formedCoverage(_ formed: Formed, _ later: FormedConditions) throws -> String {
    let formedLookups = rule.lookups.filter { lowering.formedLookups.contains($0.name) }
    let last = formedLookups.last.map { table("lookup " + $0.name) } ?? table("formed")
    if case .occupancy = formed.kind {
      return """
        SELECT s.in_scope, s.unevaluable\(try fillColumns())
        FROM (SELECT count(*) AS in_scope,
            count(CASE WHEN \(all(later.evaluable)) THEN NULL ELSE 1 END) AS unevaluable
          FROM \(last) r) s
        """
    }
    // A base row counts once, however many of its formed rows can't be judged.
    let formedToo =
      later.evaluable.isEmpty
      ? ""
      : """
       + (SELECT count(DISTINCT m.id) FROM \(table("members")) m JOIN \(last) r ON m.formed_row = r.formed_row
          WHERE NOT (\(all(later.evaluable))))
      """
    return """
      SELECT s.in_scope, s.unevaluable\(formedToo) AS unevaluable\(try fillColumns())
      FROM (SELECT count(*) AS in_scope,
          count(CASE WHEN \(all(try evaluable(.base))) THEN NULL ELSE 1 END) AS unevaluable
        FROM \(lookedUp) r WHERE \(all(try lateScope(.base)))) s
      """
  }

  /// Rows before any lookup, and those of them that have the column.
  private func fillColumns() throws -> String {
    var text = ""
    for (place, column) in rule.fill.enumerated() {
      let rows: String
      var value = ""
      if case .children(let aggregate) = column, let asked = aggregate.value {
        guard let entity = aggregate.path.last ?? lowering.entities[aggregate.binding] else {
          throw lowering.diagnostic("no row is bound to `\(aggregate.binding)`")
        }
        let owner = try lowering.sql(
          .claim(
            binding: aggregate.binding, path: aggregate.path, column: ClaimSource.key(of: entity), kind: .text))
        let source = ClaimSource(child: aggregate.variable, entity: aggregate.of, dialect: dialect)
        rows = try lowering.with(source, as: aggregate.variable) {
          let when = dialect.isTrue(try lowering.sql(aggregate.condition))
          value = try lowering.sql(asked)
          let own = source.column(childOf: entity)
          return "\(table("rows")) r, \(source.from) WHERE \(own) = \(owner) AND \(when)"
        }
      } else {
        value = try lowering.sql(column)
        rows = "\(table("rows")) r"
      }
      text += """
        ,
          (SELECT count(*) FROM \(rows)) AS fill_\(place + 1),
          (SELECT count(\(value)) FROM \(rows)) AS filled_\(place + 1)
        """
    }
    return text
  }

  // MARK: persons concerned

  private func plainHomes() throws -> [String] {
    let conditions = try (judging(.all) + excluding()).map(\.text)
    return try rule.shape.bindings.map { binding in
      let id = try lowering.sql(
        .claim(binding: binding.name, path: [], column: Self.idColumn(binding.entity), kind: .text))
      return homesSQL(
        binding.entity, ids: "SELECT \(id) AS id FROM \(lookedUp) r WHERE \(all(conditions))")
    }
  }

  private func formedHomes(_ formed: Formed, _ later: FormedConditions) -> [String] {
    let formedLookups = rule.lookups.filter { lowering.formedLookups.contains($0.name) }
    let last = formedLookups.last.map { table("lookup " + $0.name) } ?? table("formed")
    let (from, conditions) = formed.atLeast == nil ? (last, later.hit) : (table("runs"), [])
    return [
      homesSQL(
        formed.baseEntity,
        ids: """
          SELECT m.id AS id FROM \(table("members")) m
              JOIN (SELECT r.formed_row FROM \(from) r WHERE \(all(conditions))) h ON h.formed_row = m.formed_row
          """)
    ]
  }

  private func homesSQL(_ entity: Entity, ids: String) -> String {
    if entity == .person { return "SELECT 'p' AS yj_kind, i.id AS yj_home FROM (\(ids)) i" }
    return """
      SELECT CASE WHEN e.psn_no IS NULL THEN 'v' ELSE 'p' END AS yj_kind, COALESCE(e.psn_no, e.mdtrt_id, '') AS yj_home
        FROM (\(ids)) i JOIN \(ClaimSource.table(of: entity)) e ON e.\(Self.idColumn(entity)) = i.id
      """
  }
}
