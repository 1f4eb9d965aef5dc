import ClaimModel
import RulePacks

/// The national columns that the rules and their findings read, by table, beside those that the effective claims
/// themselves are made of (keys, versions, amounts: their owner loads those).
///
/// Derived columns (`day`, `A`, `visit_class` …) are not listed: no file has them.
public func neededColumns(rules: [Rule]) -> [ClaimTable: Set<String>] {
  var result: [ClaimTable: Set<String>] = [
    .feeLines: ["mdtrt_id", "bkkp_sn", "setl_id", "bilg_dr_code"],
    .settlements: ["setl_id", "mdtrt_id", "psn_no", "fixmedins_code", "med_type", "bydise_setl_payamt"],
    .visits: ["mdtrt_id", "psn_no", "fixmedins_code", "med_type"],
    .diagnoses: ["setl_list_diag_id", "mdtrt_id"],
  ]
  for rule in rules {
    var entities: [String: Entity] = [:]
    for (binding, entity) in rule.shape.bindings { entities[binding] = entity }
    if let atIssue = rule.atIssue { entities[atIssue.binding] = rule.shape.bindings.first?.entity }
    func add(_ entity: Entity, _ column: String) {
      // A column that is derived here is not read from a file, even if a file has one of that name.
      if entity.derived.contains(where: { $0.name == column }) || entity.table.index(of: column) == nil { return }
      result[entity.table, default: []].insert(column)
    }
    func add(_ expression: Expr, _ entities: [String: Entity]) {
      switch expression {
      case .claim(let binding, let path, let column, _):
        if let entity = path.last ?? entities[binding] { add(entity, column) }
      case .children(let aggregate):
        var inner = entities
        inner[aggregate.variable] = aggregate.of
        add(aggregate.condition, inner)
        if let value = aggregate.value { add(value, inner) }
      default: for part in expression.parts { add(part, entities) }
      }
    }
    if case .children(_, let variable, _) = rule.lines { entities[variable] = .line }
    for expression in rule.expressions { add(expression, entities) }
    if let atIssue = rule.atIssue, let entity = entities[atIssue.binding] {
      for step in atIssue.order { add(entity, step.column) }
    }
    if case .pair(let a, _, _, let order) = rule.shape {
      switch order {
      case .every: break
      case .unordered(let column): add(a.entity, column)
      case .adjacent(let columns): for column in columns { add(a.entity, column) }
      }
    }
    for population in rule.populations {
      let inner = entities.merging([population.binding: population.entity]) { $1 }
      for expression in population.memberExpressions { add(expression, inner) }
    }
  }
  return result
}
