import ClaimModel
import RulePacks

/// Conditions of which all must be TRUE, in the order in which they are asked.
///
/// What comes before the first condition that can overflow may be asked in any order: the rows that all of it leaves
/// are the same. Of it, conditions that only read columns are asked first, and are put in order, again and again, by
/// what each costs for the rows it drops. From the first condition that can overflow on the written order stands, and
/// each is asked of the rows that those before it leave, whatever other rules there are.
final class Conjuncts {
  private struct Part {
    let condition: Expr
    /// Among the conditions that several rules of a pass have; nil: it is this rule's alone.
    var number: Int?
    let cost: Double
    var asked = 0
    var kept = 0

    /// What a dropped row costs.
    var rank: Double { cost * Double(asked + 1) / Double(asked - kept + 1) }
  }

  /// All conditions, as written.
  let conditions: [Expr]
  private var movable: [Part] = []
  private var dear: [Part] = []
  private var fixed: [Part] = []
  private var isShared = false
  private var frames = 0
  /// Frames between two looks at the order.
  private static let interval = 8

  init(_ conditions: [Expr], _ rule: Rule) {
    self.conditions = conditions
    for condition in conditions {
      let cost = condition.costOfColumns
      let part = Part(condition: condition, cost: cost ?? 1)
      if !fixed.isEmpty || !condition.neverOverflows(rule) {
        fixed.append(part)
      } else if cost != nil {
        movable.append(part)
      } else {
        dear.append(part)
      }
    }
  }

  /// Those that may be asked of any row, and need be asked of all: others only of what cheaper ones leave.
  var shareable: [Expr] { (movable.isEmpty ? dear : movable).map(\.condition) }

  /// Numbers the conditions that other rules of the same pass have too.
  func share(_ numbers: [Expr: Int]) {
    for i in movable.indices { movable[i].number = numbers[movable[i].condition] }
    if movable.isEmpty { for i in dear.indices { dear[i].number = numbers[dear[i].condition] } }
    isShared = (movable + dear).contains { $0.number != nil }
  }

  /// The rows for which all are TRUE.
  ///
  /// Over a whole block, conditions that other rules have too come first: their truths are kept with the block.
  func keeping(_ frame: Frame, _ evaluator: Evaluator) throws -> Frame {
    var frame = frame
    var areSharedDone = false
    if isShared, let block = frame.block {
      areSharedDone = true
      var mask: [UInt8]?
      for part in movable + dear {
        guard let number = part.number else { continue }
        let holds = try block.truths[number] ?? evaluator.truths(part.condition, frame)
        block.truths[number] = holds
        mask = mask.map { zipped($0, holds) { min($0, $1) } } ?? holds
      }
      if let mask { frame = frame.keeping(mask) }
    }
    for i in movable.indices where frame.count > 0 {
      if areSharedDone, movable[i].number != nil { continue }
      let asked = frame.count
      frame = frame.keeping(try evaluator.truths(movable[i].condition, frame))
      movable[i].asked += asked
      movable[i].kept += frame.count
    }
    for part in dear where frame.count > 0 {
      if areSharedDone, part.number != nil { continue }
      frame = frame.keeping(try evaluator.truths(part.condition, frame))
    }
    for part in fixed where frame.count > 0 {
      frame = frame.keeping(try evaluator.truths(part.condition, frame))
    }
    frames += 1
    if movable.count > 1, frames % Self.interval == 0 { movable.sort { $0.rank < $1.rank } }
    return frame
  }
}

extension Expr {
  /// About what asking it of a row costs, if it only compares columns and constants; nil for anything else.
  var costOfColumns: Double? {
    var cost = 0.0
    var isOfColumns = true
    visit { part in
      switch part {
      case .claim(_, let path, _, _): cost += path.isEmpty ? 1 : 3
      case .integer, .text, .day, .boolean: break
      case .compare, .isSame, .isNull, .isTrue, .and, .or, .not: cost += 0.5
      case .inList(_, let list): cost += 0.5 * Double(list.count)
      case .startsWith, .prefix: cost += 2
      case .coalesce, .dayOf, .least, .greatest, .parameter: cost += 1
      default: isOfColumns = false
      }
    }
    return isOfColumns ? cost : nil
  }
}
