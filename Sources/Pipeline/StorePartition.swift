import ClaimModel
import ClaimStore
import Foundation
import Normalize
import Partition
import Synchronization

/// The rows of an intake on their way into the store.
struct StorePartition {
  let partition: RowPartition
  let segments: [ReadSegment]
  let jobs: Int
  /// Bytes that the run may take.
  let memory: Int

  /// Rows of a table that a part should have at least, unless the batch has fewer.
  private static let rowsOfPart = 250_000

  /// Writes the partition's rows as parts and commits them with what became of the files, in one transaction.
  func commit(_ files: [BatchIntake.ReadFile], to ledger: Ledger, batch: String) throws {
    if files.isEmpty { return }
    let parts = ledger.newParts(batch: batch, toolVersion: toolVersion)
    // The store's number of each segment, by the number that the intake gave it; given in order of files and members.
    var numbers = [Int32](repeating: 0, count: segments.count)
    var contents: [FileContent] = []
    for file in files where file.isFinal {
      var content = file.content
      for (place, opened) in file.segments.enumerated() {
        let number = try parts.newSegment()
        numbers[Int(opened)] = number
        content.segments[place].number = number
        content.segments[place].header = SegmentHeader(
          columns: segments[Int(opened)].columns, unknownColumns: segments[Int(opened)].unknownColumns)
      }
      contents.append(content)
    }
    let numberOf = numbers
    var known: [ClaimTable: Set<String>] = [:]
    for segment in segments { known[segment.table, default: []].formUnion(segment.columns) }
    let columns = known
    let ranges = Self.ranges(partition.rows(.feeLines))
    do {
      let written = try inParallel(
        ranges.count, jobs: threads(for: ranges), memory: memory, worker: { CodeTable() }
      ) { i, codes in
        defer { codes.rollBack(to: 1) }
        let loaded = try partition.load(slices: ranges[i], codes: codes)
        var records: [PartRecord] = []
        for table in ClaimTable.allCases {
          guard var rows = loaded[table], rows.count > 0 else { continue }
          // The national layout has three times the columns of most exports: what no file has needs no look at its
          // nulls.
          for name in rows.columns.keys where columns[table]?.contains(name) != true { rows.columns[name] = nil }
          for k in rows.origin.indices { rows.origin[k].segment = numberOf[Int(rows.origin[k].segment)] }
          records.append(try parts.write(rows, table: table, slices: ranges[i], codes: codes))
        }
        partition.forget(slices: ranges[i])
        return records
      }
      try ledger.commitFiles(contents, parts: written.flatMap { $0 })
    } catch {
      parts.discard()
      throw error
    }
  }

  /// As many of the jobs as can write parts at a time within half of the memory, at least one.
  private func threads(for ranges: [ClosedRange<UInt16>]) -> Int {
    var rows = [Int](repeating: 0, count: ranges.count)
    for table in ClaimTable.allCases {
      let own = partition.rows(table)
      for (group, count) in own.enumerated() { rows[group * ranges.count / own.count] += count }
    }
    let most = rows.max() ?? 0
    return max(1, min(jobs, memory / 2 / max(1, most * ClaimUnits.bytesPerRow)))
  }

  /// Ranges of slices, all of as many whole top bytes, so that no part has too few rows, and none more than twice as many
  /// as that: a part's rows are in memory while it is written. What one top byte holds is not parted: 256 times
  /// `rowsOfPart` is more than a province's week.
  ///
  /// - Parameter rows: of the table that has most, by slice group.
  static func ranges(_ rows: [Int]) -> [ClosedRange<UInt16>] {
    var buckets = 256
    while buckets > 1, rows.reduce(0, +) / buckets < rowsOfPart { buckets /= 2 }
    let width = PersonSlice.count / buckets
    return (0..<buckets).map { UInt16($0 * width)...UInt16($0 * width + width - 1) }
  }
}

extension [LiveSegment] {
  var identities: [SegmentIdentity] {
    // Most files of a table have the same header.
    var missing: [ClaimTable: [[String]: Set<String>]] = [:]
    return map { segment in
      let (table, columns) = (segment.record.key.table, segment.record.header.columns)
      let own = missing[table]?[columns] ?? Set(table.columns.map(\.name)).subtracting(columns)
      missing[table, default: [:]][columns] = own
      return SegmentIdentity(
        batch: segment.batch, file: segment.file, member: segment.record.key.member, missingColumns: own)
    }
  }
}

/// The rows of the store.
struct StoreSource: ClaimRowSource {
  let reader: StoreReader
  /// Worked out once: every unit asks for them.
  let identities: [SegmentIdentity]

  init(reader: StoreReader, segments: [LiveSegment]) {
    self.reader = reader
    identities = segments.identities
  }

  func rows(_ table: ClaimTable) -> [Int] { reader.rows(table) }

  func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    try reader.load(slices: slices, codes: codes)
  }
}
