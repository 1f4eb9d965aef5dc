import ClaimModel
import RulePacks

/// Rows under evaluation: for each of `count` positions the claim row that every binding stands for.
///
/// Frames nest: inside an aggregate over children the inner frame has one position for each child, `owner` says to
/// which outer position it belongs, and what the inner one does not bind is read through the outer one.
final class Frame {
  let count: Int
  let outer: Frame?
  let owner: [Int32]
  /// Claim rows by binding; −1 = none.
  var rows: [String: (entity: Entity, rows: [Int32])] = [:]
  /// The rows of each position's group, for lookups with `take: groups`.
  var groups: [String: GroupedRows] = [:]
  /// The formed rows that the positions stand for; nil over base rows.
  var formed: FormedRows?
  /// The registry row in hand, inside `setLeast` and `setGreatest`.
  var members: [String: [Int32]] = [:]
  /// For frames of hits: the finding that each position belongs to, and how many there are.
  var finding: (of: [Int32], count: Int)?
  // What was worked out on the way and may be asked again.
  var outcomes: [String: LookupOutcome] = [:]
  var paths: [String: [Int32]] = [:]
  var memo: [Expr: Vector] = [:]
  /// The rows are a stretch of an entity's table, one after the other; what rules have in common is kept there.
  let block: Block?

  /// All rows of a block, for one rule; `binding` is its name for them.
  init(_ block: Block, _ binding: String) {
    count = block.rows.count
    outer = nil
    owner = []
    self.block = block
    rows[binding] = (block.entity, block.rows)
  }

  init(count: Int, outer: Frame? = nil, owner: [Int32] = []) {
    self.count = count
    self.outer = outer
    self.owner = owner
    block = nil
  }

  /// The frame of some positions of this one, in the order given; a position may be named more than once.
  func selecting(_ positions: [Int32]) -> Frame {
    let result = Frame(count: positions.count)
    for (name, bound) in rows { result.rows[name] = (bound.entity, gathered(bound.rows, positions, null: -1)) }
    for (name, group) in groups { result.groups[name] = group.selecting(positions) }
    result.formed = formed?.selecting(positions)
    for (name, outcome) in outcomes { result.outcomes[name] = outcome.selecting(positions) }
    return result
  }

  /// `selecting` keeps all that its positions stand for.
  var canBeSelected: Bool { outer == nil && members.isEmpty && finding == nil }

  /// The positions where the truth is TRUE; the frame itself if that is everywhere.
  func keeping(_ truths: [UInt8]) -> Frame {
    let positions = trueRows(truths)
    return positions.count == count ? self : selecting(positions)
  }

  /// Its positions, or those of a frame further out, are formed rows.
  var isOfFormedRows: Bool { formed != nil || outer?.isOfFormedRows == true }

  /// The claim rows of a binding, here or further out.
  func bound(_ name: String) -> (entity: Entity, rows: [Int32])? {
    if let own = rows[name] { return own }
    guard let outer, let found = outer.bound(name) else { return nil }
    let mine = (found.entity, gathered(found.rows, owner, null: -1))
    rows[name] = mine
    return mine
  }
}

/// A stretch of an entity's table, and what was worked out of it that means the same to every rule of the pass.
final class Block {
  let entity: Entity
  let range: Range<Int>
  let rows: [Int32]
  /// Columns of the stretch by name.
  var columns: [String: Vector] = [:]
  /// Rows of the parents, by path.
  var paths: [String: [Int32]] = [:]
  /// Truths of conditions that several rules have, by number.
  var truths: [[UInt8]?]

  init(_ entity: Entity, _ range: Range<Int>, sharedConditions: Int = 0) {
    truths = [[UInt8]?](repeating: nil, count: sharedConditions)
    self.entity = entity
    self.range = range
    rows = filled(range.count) { Int32(range.lowerBound + $0) }
  }
}

/// A set of rows for each position, registry rows or members of a formed row: `rows[start[i]..<end[i]]`.
struct GroupedRows {
  var start: [Int32]
  var end: [Int32]
  var rows: [Int32]

  func selecting(_ positions: [Int32]) -> GroupedRows {
    GroupedRows(start: gathered(start, positions, null: 0), end: gathered(end, positions, null: 0), rows: rows)
  }

  /// The rows of a position.
  func of(_ i: Int) -> ArraySlice<Int32> { rows[Int(start[i])..<Int(end[i])] }

  mutating func append(_ other: GroupedRows) {
    for i in other.start.indices {
      start.append(Int32(rows.count))
      rows += other.of(i)
      end.append(Int32(rows.count))
    }
  }
}

/// What a lookup gave, position by position.
struct LookupOutcome {
  /// TRUE found, FALSE missing, NULL when a key or the day is null or rows of the key overlap.
  var found: [UInt8]
  /// The row found, below 0 otherwise; −1 for `take: any`, and `ambiguous` where rows of the key overlap on the day.
  var row: [Int32]

  static let ambiguous: Int32 = -2

  func selecting(_ positions: [Int32]) -> LookupOutcome {
    LookupOutcome(found: gathered(found, positions, null: Kleene.null), row: gathered(row, positions, null: -1))
  }
}
