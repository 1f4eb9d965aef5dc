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
    let ranges = Self.ranges(partition.rows(.feeLines))
    let shared = Mutex<Writing>(Writing(next: 0, records: [], error: nil))
    @Sendable func work() {
      let codes = CodeTable()
      while true {
        let range = shared.withLock { writing -> ClosedRange<UInt16>? in
          guard writing.error == nil, writing.next < ranges.count else { return nil }
          writing.next += 1
          return ranges[writing.next - 1]
        }
        guard let range else { return }
        do {
          let loaded = try partition.load(slices: range, codes: codes)
          var records: [PartRecord] = []
          for table in ClaimTable.allCases {
            guard var rows = loaded[table], rows.count > 0 else { continue }
            for i in rows.origin.indices { rows.origin[i].segment = numberOf[Int(rows.origin[i].segment)] }
            records.append(try parts.write(rows, table: table, slices: range, codes: codes))
          }
          partition.forget(slices: range)
          codes.rollBack(to: 1)
          shared.withLock { $0.records += records }
        } catch {
          shared.withLock { $0.error = $0.error ?? error }
        }
      }
    }
    let workers = max(1, min(jobs, ranges.count))
    if workers == 1 {
      work()
    } else {
      DispatchQueue.concurrentPerform(iterations: workers) { _ in work() }
    }
    let written = shared.withLock { $0 }
    if let error = written.error {
      parts.discard()
      throw error
    }
    try ledger.commitFiles(contents, parts: written.records.sorted { $0.path < $1.path })
  }

  private struct Writing: Sendable {
    var next: Int
    var records: [PartRecord]
    var error: (any Error)?
  }

  /// Ranges of slices, each of 16 top bytes or a multiple of it, so that no part has too few rows.
  static func ranges(_ rows: [Int]) -> [ClosedRange<UInt16>] {
    var buckets = 16
    while buckets > 1, rows.reduce(0, +) / buckets < rowsOfPart { buckets /= 2 }
    let width = PersonSlice.count / buckets
    return (0..<buckets).map { UInt16($0 * width)...UInt16($0 * width + width - 1) }
  }
}

extension LiveSegment {
  var identity: SegmentIdentity {
    SegmentIdentity(
      batch: batch, file: file, member: record.key.member,
      missingColumns: Set(record.key.table.columns.map(\.name)).subtracting(record.header.columns))
  }
}

/// The rows of the store.
struct StoreSource: ClaimRowSource {
  let reader: StoreReader
  let segments: [LiveSegment]

  var identities: [SegmentIdentity] { segments.map(\.identity) }
  func rows(_ table: ClaimTable) -> [Int] { reader.rows(table) }

  func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    try reader.load(slices: slices, codes: codes)
  }
}

extension StoreReader {
  /// The rows of some slices.
  func load(slices: Set<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    var all: [ClaimTable: RawRows] = [:]
    for slice in slices.sorted() {
      for (table, rows) in try load(slices: slice...slice, codes: codes) {
        all[table, default: RawRows(table: table)].append(rows)
      }
    }
    return all
  }
}
