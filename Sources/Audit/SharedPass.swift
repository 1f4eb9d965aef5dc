import ClaimModel
import RulePacks

/// Rules over the rows of one entity share one pass: a block's columns are read once, and a condition that several rules
/// have is evaluated once, for all of them.
struct SharedPass {
  private let entity: Entity
  private let runs: [RuleRun]
  private let count: Int

  /// `runs` are of shape `each` over the entity, which has so many rows.
  init(_ entity: Entity, _ runs: [RuleRun], _ count: Int) {
    self.entity = entity
    self.runs = runs
    self.count = count
    var rulesWith: [Expr: Int] = [:]
    for run in runs {
      // One that can overflow must not be asked of rows that the conditions before it leave out.
      for condition in Set(run.plainScope + run.rule.condition.conjuncts)
      where condition.isTheSameInEveryRule && condition.neverOverflows(run.rule) {
        rulesWith[condition, default: 0] += 1
      }
    }
    let shared = Set(rulesWith.filter { $0.value > 1 }.keys)
    for run in runs { run.sharedConditions = shared }
  }

  /// Hands every block to every rule. A rule that fails sees no further block; its fault is at its place in the result.
  func scan() -> [(any Error)?] {
    // What each rule calls the rows.
    let names = runs.map { $0.rule.shape.bindings.first?.name ?? entity.rawValue }
    var faults = [(any Error)?](repeating: nil, count: runs.count)
    var start = 0
    while start < count {
      let end = min(count, start + RuleRun.blockRows)
      let block = Block(entity, start..<end)
      for (i, run) in runs.enumerated() where faults[i] == nil {
        do { try run.look(Frame(block, names[i]), run.plainScope) } catch { faults[i] = error }
      }
      start = end
    }
    return faults
  }
}

extension Expr {
  /// It means the same whichever rule asks: it reads claim rows and literals alone, no lookup, fact or parameter of a rule.
  fileprivate var isTheSameInEveryRule: Bool {
    var same = true
    visit { part in
      switch part {
      case .parameter, .fact, .registry, .found, .setContains, .setLeast, .setGreatest, .formed: same = false
      default: break
      }
    }
    return same
  }
}
