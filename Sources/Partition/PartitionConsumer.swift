import ClaimModel
import Intake
import Normalize

/// Checks the records of one file and keeps the good rows in a `RowPartition`.
///
/// They count once `finish` was called, after `readClaimFile` returned without refusal. A consumer that goes away
/// unfinished leaves nothing.
public final class PartitionConsumer: RecordConsumer {
  private let sink: PartitionSink
  private let normalizer: FileNormalizer

  init(
    _ partition: RowPartition, fileName: String, latestSettlementTime: Int64?,
    openSegment: @escaping (_ layout: FileLayout, _ member: String?) throws -> Int32
  ) {
    sink = PartitionSink(partition, openSegment: openSegment)
    normalizer = FileNormalizer(
      fileName: fileName, latestSettlementTime: latestSettlementTime, profiles: partition.profiles, sink: sink)
  }

  deinit { sink.discard() }

  /// A member (or the file) begins.
  public func begin(_ layout: FileLayout, member: String?) throws { try normalizer.begin(layout, member: member) }
  /// Checks the records of a block and keeps the good ones.
  ///
  /// - Throws: `partition.disk-full` or `partition.io`.
  public func consume(_ block: borrowing RecordBlock) throws { try normalizer.consume(block) }
  /// Forgets everything since the last `begin`.
  public func restart() { normalizer.restart() }

  /// Makes the file's rows count. Nothing may be consumed any more.
  ///
  /// - Throws: `partition.disk-full` or `partition.io`; then none counts.
  public func finish() throws { try sink.finish() }
  /// The file is refused: none of its rows counts. Nothing may be consumed any more.
  public func discard() { sink.discard() }

  /// What was found so far. A file that Intake refuses at its end gives no row, whatever stands here.
  public var report: NormalizationReport { normalizer.report }
  /// psn_no and certno pairs of the accepted rows, for finding duplicates across files.
  public var identities: IdentityIndex { normalizer.identities }
  /// The segments opened and not voided, one a member, in the order of `report.members`.
  public var segments: [Int32] { sink.segments }
}

/// The part that takes what the normalizer found good.
private final class PartitionSink: CheckedRowSink {
  private let partition: RowPartition
  private let openSegment: (_ layout: FileLayout, _ member: String?) throws -> Int32
  private var writer: RecordWriter?
  private var begun: (layout: FileLayout, member: String?)?
  private var isOpen = false
  private var isFinished = false
  private(set) var segments: [Int32] = []

  init(
    _ partition: RowPartition, openSegment: @escaping (_ layout: FileLayout, _ member: String?) throws -> Int32
  ) {
    self.partition = partition
    self.openSegment = openSegment
    writer = partition.writer()
  }

  func begin(_ layout: FileLayout, member: String?) throws {
    try writer?.flush()
    begun = (layout, member)
    try open()
  }

  private func open() throws {
    guard let writer, let (layout, member) = begun else { return }
    let segment = try openSegment(layout, member)
    segments.append(segment)
    isOpen = true
    guard let plan = partition.plans[layout.table] else { return writer.drop() }
    let shape = RecordShape(
      plan: plan, fieldOfColumn: layout.fieldOfColumn, unknownFields: layout.unknownFields,
      fieldCount: layout.columnOfField.count)
    writer.begin(shape, shapeIndex: partition.add(shape), segment: segment)
  }

  func take(_ rows: CheckedRows) throws {
    // After a restart the rows may come again without a new `begin`.
    if !isOpen { try open() }
    try writer?.take(rows)
  }

  func restart() {
    writer?.drop()
    if isOpen, let segment = segments.popLast() { partition.void(segment: segment) }
    isOpen = false
  }

  func finish() throws {
    guard let writer, !isFinished else { return }
    try writer.flush()
    isFinished = true
    self.writer = nil
    partition.giveBack(writer)
  }

  func discard() {
    if isFinished { return }
    isFinished = true
    for segment in segments { partition.void(segment: segment) }
    segments = []
    if let writer { partition.giveBack(writer) }
    writer = nil
  }
}
