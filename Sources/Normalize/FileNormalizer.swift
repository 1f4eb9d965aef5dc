import ClaimModel
import Intake

/// Validates the values of one claim file and hands on its good rows, typed (Documentation/inputs.md).
///
/// Where a column rejects the row, a bad value (or a null one where the column is required) rejects it, with the first
/// such column in documented order; in every other column a bad value is null from here on and counted.
public final class FileNormalizer: RecordConsumer {
  private let fileName: String
  private let latestSettlementTime: Int64?
  private let profiles: Bool
  private let sink: any CheckedRowSink

  private var finished: [RowChecks] = []
  private var current: RowChecks?
  private var layout: (layout: FileLayout, member: String?)?

  /// - Parameters:
  ///   - fileName: relative to the batch folder.
  ///   - latestSettlementTime: a setl_d.setl_time after this (seconds) is a bad date; nil takes any.
  ///   - accept: each good row in file order; the bytes are reused after the call.
  ///   - onBegin: each member before its rows.
  ///   - onRestart: the rows since the last `onBegin` do not count; they come again.
  public init(
    fileName: String, latestSettlementTime: Int64?,
    onBegin: @escaping (_ layout: FileLayout, _ member: String?) throws -> Void = { _, _ in },
    onRestart: @escaping () -> Void = {},
    accept: @escaping (_ line: Int32, _ byteOffset: Int64, _ fields: UnsafeRawBufferPointer) throws -> Void
  ) {
    self.fileName = fileName
    self.latestSettlementTime = latestSettlementTime
    profiles = true
    sink = BlobSink(onBegin: onBegin, onRestart: onRestart, accept: accept)
  }

  /// As above, with typed rows instead of blobs.
  ///
  /// - Parameters:
  ///   - profiles: also makes what the report says of a table (`TableProfile`); else it has only its rows.
  ///   - sink: is told of each member and given its good rows.
  public init(fileName: String, latestSettlementTime: Int64?, profiles: Bool = true, sink: any CheckedRowSink) {
    self.fileName = fileName
    self.latestSettlementTime = latestSettlementTime
    self.profiles = profiles
    self.sink = sink
  }

  /// A member (or the file) begins.
  public func begin(_ layout: FileLayout, member: String?) throws {
    if let current { finished.append(current) }
    self.layout = (layout, member)
    current = makePass()
    try sink.begin(layout, member: member)
  }

  /// Forgets everything since the last `begin`.
  public func restart() {
    current = nil
    sink.restart()
  }

  /// Validates the records of a block and hands on the good ones.
  public func consume(_ block: borrowing RecordBlock) throws {
    // After a restart the rows may come again without a new `begin`.
    guard let pass = current ?? makePass() else { return }
    current = pass
    try pass.consume(block, into: sink)
  }

  /// What was found so far. A file that Intake refuses at its end gives no row, whatever stands here.
  public var report: NormalizationReport {
    NormalizationReport(members: (finished + (current.map { [$0] } ?? [])).map { $0.report() })
  }

  /// psn_no and certno pairs of the accepted rows, for finding duplicates across files.
  public var identities: IdentityIndex {
    var all = IdentityIndex()
    for pass in finished + (current.map { [$0] } ?? []) { all.merge(pass.identities) }
    return all
  }

  private func makePass() -> RowChecks? {
    guard let (layout, member) = layout else { return nil }
    let name = member.map { "\(fileName)!\($0)" } ?? fileName
    return RowChecks(
      file: name, member: member, layout: layout, latestSettlementTime: latestSettlementTime, profiles: profiles)
  }
}
