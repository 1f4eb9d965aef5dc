import ClaimModel
import Registries
import RulePacks

extension Rule {
  /// The rule without what its findings are made of, and without `unless`: it counts the same rows as in scope and as
  /// unevaluable, and its hits are those of the rule and perhaps more. It reads far fewer columns.
  public var sieve: Rule {
    var rule = self
    rule.unless = []
    rule.exemptions = []
    rule.cases = []
    rule.atIssue = nil
    rule.subject = .text("")
    rule.psnNo = nil
    rule.fixmedinsCode = nil
    rule.key = []
    rule.settlements = []
    rule.lines = .none
    rule.from = nil
    rule.to = nil
    rule.measure = nil
    rule.threshold = nil
    rule.amountA = .none
    rule.amountF = .none
    rule.explain = []
    return rule
  }

  /// Its rows are put in order by their ids.
  var ordersByID: Bool {
    if case .pair(_, _, _, .adjacent) = shape { true } else { false }
  }
}

extension AuditPart {
  /// What was found here, with the counts of another part of the same rules.
  public func counted(by other: AuditPart) -> AuditPart {
    var result = other
    for (id, part) in rules {
      var own = result.rules[id] ?? RulePart(columns: part.fillRows.count)
      own.findings = part.findings
      own.suppressions = part.suppressions
      own.facts = part.facts
      own.ambiguousKeys = part.ambiguousKeys
      own.overflow = own.overflow ?? part.overflow
      own.typeFault = own.typeFault ?? part.typeFault
      result.rules[id] = own
    }
    return result
  }
}

/// Runs the sieves of rules over a part of the claims: counts without findings, and the claim rows of all hits, by
/// entity. Over rows that are none of these the rules themselves find nothing.
public func sievePart(
  sieves: [Rule], _ input: AuditInput, shelf: RegistryShelf
) -> (counts: AuditPart, hits: [Entity: Set<Int32>]) {
  var result = AuditPart()
  var rows: [Entity: Set<Int32>] = [:]
  let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf, facts: input.facts)
  for rule in sieves where rule.status.coverage != .off {
    if obstacle(rule, input.registries, input.incompleteTables) != nil { continue }
    var part = RulePart(columns: rule.fill.count)
    do {
      let (run, hits) = try scan(rule, input, indexes)
      part.rowsInScope = run.rowsInScope
      part.rowsUnevaluable = run.rowsUnevaluable
      part.fillRows = run.fillRows
      part.filledRows = run.filledRows
      for (binding, entity) in rule.shape.boundAtHits {
        rows[entity, default: []].formUnion((hits.rows[binding]?.rows ?? []).filter { $0 >= 0 })
      }
      if let formed = rule.shape.formed, let own = hits.formed, hits.count > 0 {
        for hit in 0..<hits.count {
          if own.members.start.indices.contains(hit) {
            rows[formed.baseEntity, default: []].formUnion(own.members.of(hit))
          }
        }
      }
    } catch EvaluationFault.overflow {
      part.overflow = .whileScanning
    } catch EvaluationFault.type(let problem) {
      part.typeFault = problem
    } catch {
      part.typeFault = "\(error)"
    }
    result.rules[rule.id] = part
  }
  return (result, rows)
}

/// Of each entity that rules start from the rows that may be in scope: of those that conditions on one row alone leave
/// out, nothing is counted and nothing formed. Rows of populations are all in.
///
/// The part's code table must be a copy of the one the shelf was made with. `narrowed` false: all rows of those
/// entities.
public func seeds(
  rules: [Rule], _ input: AuditInput, shelf: RegistryShelf, narrowed: Bool = true
) -> [Entity: [Bool]] {
  var result: [Entity: [Bool]] = [:]
  let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf)
  func mark(_ entity: Entity, _ rows: [Int32]?) {
    var marks = result[entity] ?? [Bool](repeating: false, count: input.claims[entity].count)
    if let rows {
      for row in rows { marks[Int(row)] = true }
    } else {
      marks = [Bool](repeating: true, count: marks.count)
    }
    result[entity] = marks
  }
  for rule in rules {
    for population in rule.populations { mark(population.entity, nil) }
    if !narrowed {
      for binding in rule.shape.bindings { mark(binding.entity, nil) }
      continue
    }
    let run = RuleRun(rule, input, indexes)
    for (binding, entity) in rule.shape.bindings {
      // Neighbours are put in order before any condition is asked.
      let own =
        rule.ordersByID
        ? [] : run.plainScope.filter { $0.bindingNames.isSubset(of: [binding]) && !$0.readsParameter && !$0.readsFacts }
      // What cannot be evaluated here is met again, and reported, by the rule.
      mark(entity, try? Pairing.side(run, (binding, entity), own, [], candidates: nil).rows)
    }
  }
  return result
}

extension Expr {
  /// Whether it asks a population.
  var readsFacts: Bool {
    var found = false
    visit { if case .fact = $0 { found = true } }
    return found
  }
}
