import ClaimModel
import RulePacks

/// Rules over the rows of one entity share one pass: a block's columns are read once, and a condition that several
/// rules have is evaluated once, for all of them.
struct SharedPass {
  private let entity: Entity
  private let runs: [RuleRun]
  private let count: Int
  private let sharedConditions: Int

  /// `runs` start from rows of the entity, which has so many: they are of shape `each`, or form rows of it.
  init(_ entity: Entity, _ runs: [RuleRun], _ count: Int) {
    self.entity = entity
    self.runs = runs
    self.count = count
    var rulesWith: [Expr: Int] = [:]
    for run in runs { for condition in run.shareableConditions { rulesWith[condition, default: 0] += 1 } }
    var numbers: [Expr: Int] = [:]
    for condition in rulesWith.keys where rulesWith[condition, default: 0] > 1 { numbers[condition] = numbers.count }
    for run in runs { run.share(numbers) }
    sharedConditions = numbers.count
  }

  /// Hands every block to every rule. A rule that fails sees no further block; its fault is at its place in the result.
  func scan() -> [(any Error)?] { eachBlock { try runs[$0].look($1) } }

  /// Hands every block to the body for every rule, which is named by its place.
  func eachBlock(_ body: (Int, Frame) throws -> Void) -> [(any Error)?] {
    // What each rule calls the rows.
    let names = runs.map { $0.rule.shape.bindings.first?.name ?? entity.rawValue }
    var faults = [(any Error)?](repeating: nil, count: runs.count)
    var start = 0
    while start < count {
      let end = min(count, start + RuleRun.blockRows)
      let block = Block(entity, start..<end, sharedConditions: sharedConditions)
      for i in runs.indices where faults[i] == nil {
        do { try body(i, Frame(block, names[i])) } catch { faults[i] = error }
      }
      start = end
    }
    return faults
  }
}

extension Expr {
  /// It means the same whichever rule asks: it reads claim rows and literals alone, no lookup, fact or parameter of a
  /// rule.
  var isTheSameInEveryRule: Bool {
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
