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
  func commit(_ contents: [FileContent], to ledger: Ledger, batch: String) throws {
    if contents.isEmpty { return }
    let parts = try ledger.newParts(batch: batch)
    // The store's number of each segment, by the number that the intake gave it.
    var numbers = [Int32](repeating: -1, count: segments.count)
    let live = segments.indices.filter { segments[$0].isLive }.sorted { a, b in
      segments[a].file == segments[b].file
        ? segments[a].member < segments[b].member : bytesPrecede(segments[a].file, segments[b].file)
    }
    for (place, i) in live.enumerated() { numbers[i] = parts.firstSegment + Int32(place) }
    var work: [(table: ClaimTable, slices: ClosedRange<UInt16>)] = []
    for table in ClaimTable.allCases {
      let rows = partition.rows(table)
      if rows.reduce(0, +) == 0 { continue }
      for range in Self.ranges(rows) { work.append((table, range)) }
    }
    _ = (contents, numbers, work)
  }

  /// Ranges of slices, each of 16 top bytes or a multiple of it, so that no part has too few rows.
  static func ranges(_ rows: [Int]) -> [ClosedRange<UInt16>] {
    var buckets = 16
    while buckets > 1, rows.reduce(0, +) / buckets < rowsOfPart { buckets /= 2 }
    let width = PersonSlice.count / buckets
    return (0..<buckets).map { UInt16($0 * width)...UInt16($0 * width + width - 1) }
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
