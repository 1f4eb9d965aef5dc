import ClaimModel
import Normalize
import Partition

/// The rows of one intake, without a store.
struct PartitionSource: ClaimRowSource {
  let partition: RowPartition
  let segments: [ReadSegment]

  var identities: [SegmentIdentity] { segments.map(\.identity) }
  func rows(_ table: ClaimTable) -> [Int] { partition.rows(table) }

  func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    try partition.load(slices: slices, codes: codes)
  }
}
