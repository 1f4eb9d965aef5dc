import ClaimModel
import Intake
import Normalize

/// Where the rows of units come from: the records of an intake, or the store.
protocol ClaimRowSource: Sendable {
  /// What `RowOrigin.segment` points into.
  var identities: [SegmentIdentity] { get }
  /// Rows of a table by slice group, in the order of slices; an upper bound will do. There are as many groups for each
  /// table: 256, one for each top byte of the slice, or a power of two more.
  func rows(_ table: ClaimTable) -> [Int]
  /// The rows of a range of slices, with the slice of each row. Called by several threads at once.
  func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows]
}

/// The claims cut into ranges of person slices, each small enough to be evaluated in memory.
struct ClaimUnits {
  /// Rows of all tables up to which groups of slices are put together. More take no less time and more memory. Fewer
  /// would save little where it counts: of a large delivery a group alone holds as many.
  static let wantedRows = 250_000

  /// Rows of all tables that a unit should hold at most. What one group holds is cut only beyond it, because each piece
  /// reads all records of the group.
  static let mostRows = 400_000

  /// What a row takes while it is loaded, normalised and evaluated, or written to the store in all its columns; measured
  /// (the latter 330 in the narrow layout, 570 in the wide one), and rounded up.
  static let bytesPerRow = 600

  /// Rows that a unit may hold so that as many units as there are jobs stay within half of the memory.
  static func rows(within memory: Int, jobs: Int) -> Int {
    max(20_000, min(mostRows, memory / 2 / max(1, jobs) / bytesPerRow))
  }

  /// Into how many groups an intake should part slices, so that one seldom holds more rows than a unit may. By a guess
  /// from what was measured: a row of the narrow layout takes 28 bytes in gzip's quickest form, and some 200 as text.
  static func groups(for files: [BatchFile]) -> Int {
    let rows = files.reduce(0) { $0 + $1.size / ($1.isCompressed ? 28 : 200) }
    var groups = 256
    while groups < 1024, rows / groups > 300_000 { groups *= 2 }
    return groups
  }

  /// Ascending, without gaps, from the first slice to the last.
  let ranges: [ClosedRange<UInt16>]

  /// - Parameters:
  ///   - rows: rows of all tables by slice group.
  ///   - most: rows that a unit should hold at most; `Int.max` makes one unit of everything.
  ///   - jobs: threads that work on them. Where one unit is not enough, all threads get as many of one size, so that
  ///     none ends with a unit while the others have nothing to do.
  init(rows: [Int], most: Int = Self.mostRows, jobs: Int = 1) {
    let width = PersonSlice.count / rows.count
    let wanted = most == .max ? most : min(most, Self.wantedRows)
    let total = rows.reduce(0, +)
    let least = total / wanted + 1
    let threads = max(1, jobs)
    let count = least == 1 ? 1 : (least + threads - 1) / threads * threads
    var ranges: [ClosedRange<UInt16>] = []
    var first = 0
    var held = 0
    var done = 0
    for group in rows.indices {
      // The cut is where it is nearest to an equal part.
      let share = total / count * (ranges.count + 1)
      let isFull = ranges.count + 1 < count && done + rows[group] / 2 >= share
      if held > 0, isFull || held + rows[group] > wanted {
        ranges.append(UInt16(first * width)...UInt16(group * width - 1))
        first = group
        held = 0
      }
      held += rows[group]
      done += rows[group]
    }
    ranges.append(UInt16(first * width)...UInt16.max)
    // One person's rows can't be parted, but many slices share a group: a large one is cut further.
    self.ranges = ranges.flatMap { range in
      let group = Int(range.lowerBound) / width
      guard range.count == width, rows[group] > most else { return [range] }
      var pieces = 2
      while pieces < width, rows[group] / pieces > most { pieces *= 2 }
      let pieceWidth = width / pieces
      return (0..<pieces).map { piece in
        let low = Int(range.lowerBound) + piece * pieceWidth
        return UInt16(low)...UInt16(low + pieceWidth - 1)
      }
    }
  }
}

/// Slices whose rows are evaluated together, because a key stands in more than one of them.
struct StraddlingSlices: Sendable {
  private var isIn: [Bool]
  private(set) var slices: [UInt16]
  var isEmpty: Bool { slices.isEmpty }

  init(_ slices: some Sequence<UInt16>) {
    isIn = [Bool](repeating: false, count: PersonSlice.count)
    for slice in slices { isIn[Int(slice)] = true }
    self.slices = isIn.indices.filter { [isIn] in isIn[$0] }.map { UInt16($0) }
  }

  func contains(_ slice: UInt16) -> Bool { isIn[Int(slice)] }
  func touches(_ range: ClosedRange<UInt16>) -> Bool { slices.contains(where: range.contains) }
}

extension RawRows {
  /// Only the rows whose slice is not among the given ones.
  func without(_ straddling: StraddlingSlices) -> RawRows {
    let kept = slice.indices.filter { !straddling.contains(slice[$0]) }
    return kept.count == count ? self : selecting(kept)
  }

  /// Adds the rows of the same table, which have the same columns.
  mutating func append(_ more: RawRows) {
    if count == 0 {
      self = more
      return
    }
    if more.count == 0 { return }
    origin += more.origin
    for (name, column) in more.columns {
      switch (columns[name], column) {
      case (.text(let a), .text(let b)): columns[name] = .text(a + b)
      case (.number(let a), .number(let b)): columns[name] = .number(a + b)
      default: break
      }
    }
    slice += more.slice
    byteOffset += more.byteOffset
    forms += more.forms
    other += more.other
  }
}
