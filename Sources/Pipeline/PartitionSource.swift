import ClaimModel
import Normalize
import Partition

/// The rows of one intake, without a store.
struct PartitionSource: ClaimRowSource {
  let partition: RowPartition
  /// Worked out once: every unit asks for them.
  let identities: [SegmentIdentity]

  init(partition: RowPartition, segments: [ReadSegment]) {
    self.partition = partition
    identities = segments.map(\.identity)
  }

  func rows(_ table: ClaimTable) -> [Int] { partition.rows(table) }

  func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    try partition.load(slices: slices, codes: codes)
  }
}
