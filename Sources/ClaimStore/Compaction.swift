import ClaimModel
import Diagnostics
import Foundation
internal import GRDB

/// What a compaction or a removal has done.
public struct RewriteResult: Sendable, Hashable {
  public var partsBefore = 0
  public var partsAfter = 0
  public var bytesBefore = 0
  public var bytesAfter = 0
  /// Rows that are not in the store any more.
  public var rowsRemoved = 0
  /// Parts that were written, and parts that were removed.
  public var written = 0
  public var removed = 0
}

extension Ledger {
  /// Merges the parts of each batch and table, and leaves out dead rows: rows of files that a later revision has
  /// replaced. What readers get is the same before and after.
  ///
  /// New parts are written beside the old ones, one transaction puts them in their place, then the old files are
  /// removed; a kill at any instant leaves the store as before or as after.
  /// - Parameters:
  ///   - batches: whose parts are looked at; nil: all.
  ///   - rowsPerPart: a part ends with the top byte of the slice that makes it so large; this many rows are in memory.
  public func compact(
    batches: Set<String>? = nil, toolVersion: String, rowsPerPart: Int = 512 << 10
  ) throws -> RewriteResult {
    let states = try segmentStates()
    let kept = states.live.union(states.pending)
    // Files that no latest revision has are forgotten with their rows: a revision that brings one back has it read
    // again.
    let replaced = try read { db in
      try Row.fetchAll(db, sql: "SELECT digest, reading, number FROM claim_segment").reduce(
        into: [[String]: Set<Int32>]()
      ) { found, row in
        let number: Int32 = row["number"]
        if !kept.contains(number) { found[[row["digest"], row["reading"]], default: []].insert(number) }
      }
    }
    return try rewrite(
      groups: { batches?.contains($0) ?? true }, keeping: kept, merging: true, rowsPerPart: rowsPerPart,
      toolVersion: toolVersion
    ) { db, stillThere in
      // In one order: what the same work leaves is the same file, byte for byte.
      for (content, numbers) in replaced.sorted(by: { bytesPrecede($0.key.joined(), $1.key.joined()) })
      where stillThere.isDisjoint(with: numbers) {
        try db.execute(
          sql: "DELETE FROM content WHERE digest = ? AND reading = ?", arguments: StatementArguments(content))
      }
    }
  }

  /// Writes parts anew and changes the catalogue in one transaction.
  ///
  /// - Parameters:
  ///   - groups: which batches' parts are looked at.
  ///   - kept: segments whose rows stay.
  ///   - thinned: segments of which only these lines stay.
  ///   - merging: also parts without a row to remove, if that makes them fewer.
  ///   - change: what else belongs to the transaction; it is given the segments that parts still have rows of.
  func rewrite(
    groups isLookedAt: (String) -> Bool, keeping kept: Set<Int32>, thinned: [Int32: LineSet] = [:], merging: Bool,
    rowsPerPart: Int, toolVersion: String,
    change: (Database, _ stillThere: Set<Int32>) throws -> Void
  ) throws -> RewriteResult {
    let all = try parts()
    var result = RewriteResult(
      partsBefore: all.count, bytesBefore: all.reduce(0) { $0 + $1.bytes })
    var old: [PartRecord] = []
    var new: [PartRecord] = []
    var sets: [PartSet] = []
    do {
      for (key, group) in Self.grouped(all).sorted(by: { $0.key < $1.key }) where isLookedAt(key.batch) {
        let hasDead = { (part: PartRecord) in part.segments.keys.contains { !kept.contains($0) } }
        let dead = group.filter(hasDead)
        let chosen = merging ? group : dead
        let ranges = Self.ranges(chosen, rowsPerPart: rowsPerPart)
        if dead.isEmpty, !merging || ranges.count >= group.count { continue }
        let set = newParts(batch: key.batch, toolVersion: toolVersion)
        sets.append(set)
        old += chosen
        new += try rewritten(chosen, keeping: kept, thinned: thinned, ranges: ranges, into: set)
      }
      result.rowsRemoved = old.reduce(0) { $0 + $1.rows } - new.reduce(0) { $0 + $1.rows }
      let removed = Set(old.map(\.id))
      var stillThere = Set<Int32>()
      for part in all where !removed.contains(part.id) { stillThere.formUnion(part.segments.keys) }
      for part in new { stillThere.formUnion(part.segments.keys) }
      try write { db in
        for part in old { try db.execute(sql: "DELETE FROM part WHERE number = ?", arguments: [part.id]) }
        for part in new { try Self.insert(part, db) }
        try change(db, stillThere)
        try noteNumbers(db)
      }
    } catch {
      for set in sets { set.discard() }
      throw error
    }
    // They are orphans now; a kill here leaves them to the next open.
    for part in old { unlink(partsFolder + "/" + part.path) }
    try removeOrphanParts()
    let after = try parts()
    result.partsAfter = after.count
    result.bytesAfter = after.reduce(0) { $0 + $1.bytes }
    result.written = new.count
    result.removed = old.count
    return result
  }

  struct GroupKey: Hashable, Comparable {
    var batch: String
    var table: ClaimTable

    static func < (a: GroupKey, b: GroupKey) -> Bool {
      a.batch == b.batch ? a.table.rawValue < b.table.rawValue : bytesPrecede(a.batch, b.batch)
    }
  }

  static func grouped(_ parts: [PartRecord]) -> [GroupKey: [PartRecord]] {
    Dictionary(grouping: parts) { GroupKey(batch: $0.batch, table: $0.table) }
  }

  /// Slices of the new parts: whole top bytes, together at least so many rows, the last one apart.
  static func ranges(_ parts: [PartRecord], rowsPerPart: Int) -> [ClosedRange<UInt16>] {
    var tops = [Int](repeating: 0, count: 256)
    for part in parts { for (top, rows) in part.rowsByTopByte.enumerated() { tops[top] += rows } }
    var result: [ClosedRange<UInt16>] = []
    var first: Int?
    var last = 0
    var rows = 0
    func close() {
      guard let from = first else { return }
      result.append(UInt16(from << 8)...UInt16(last << 8 | 0xFF))
      first = nil
      rows = 0
    }
    for (top, count) in tops.enumerated() where count > 0 {
      if rows + count > rowsPerPart { close() }
      if first == nil { first = top }
      last = top
      rows += count
    }
    close()
    return result
  }

  private func rewritten(
    _ parts: [PartRecord], keeping kept: Set<Int32>, thinned: [Int32: LineSet], ranges: [ClosedRange<UInt16>],
    into set: PartSet
  ) throws -> [PartRecord] {
    guard let table = parts.first?.table else { return [] }
    var expected: [Int32: Int] = [:]
    for part in parts {
      for (segment, rows) in part.segments where kept.contains(segment) { expected[segment, default: 0] += rows }
    }
    // All rows of a segment lie under one batch's name, and each of these parts has some to remove.
    for part in parts {
      for segment in part.segments.keys { expected[segment] = thinned[segment]?.count ?? expected[segment] }
    }
    let numbers = expected.keys.sorted()
    let reader = try StoreReader(
      self, live: Self.stand(for: numbers, table: table), columns: [table: nil], delivered: true, parts: parts,
      leavesOutNulls: true)
    var result: [PartRecord] = []
    var found: [Int32: Int] = [:]
    for range in ranges {
      let codes = CodeTable()
      guard var rows = try reader.load(slices: range, codes: codes)[table] else { continue }
      if !thinned.isEmpty {
        let isKept = rows.origin.map { thinned[numbers[Int($0.segment)]]?.contains($0.line) ?? true }
        if isKept.contains(false) { rows = rows.selecting(isKept.indices.filter { isKept[$0] }) }
      }
      let part = try set.write(rows, table: table, slices: range, codes: codes, segments: numbers)
      if part.rows == 0 { continue }
      for (segment, rows) in part.segments { found[segment, default: 0] += rows }
      result.append(part)
    }
    guard found == expected else {
      throw Diagnostic(
        .error, "store.value", "Not every row came into the new parts; the store is as before", at: Place(file: folder))
    }
    return result
  }

  /// Segments as a reader wants them, known by number only.
  static func stand(for numbers: [Int32], table: ClaimTable) -> [LiveSegment] {
    numbers.map { number in
      LiveSegment(
        batch: "", revision: 0, file: "",
        record: SegmentRecord(
          key: SegmentKey(digest: "", reading: "", member: 0, table: table), rows: 0, number: number))
    }
  }
}
