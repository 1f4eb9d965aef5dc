import ClaimModel
import ClaimStore
import Intake
import Normalize

/// Takes the records of one file: checks them and writes the good ones into one segment a member.
final class SegmentConsumer: RecordConsumer {
  private let ledger: Ledger
  private let digest: String
  private let reading: String
  private var writers: [SegmentWriter] = []
  private var members: [String?] = []
  private var normalizer: FileNormalizer?
  /// The first error of the store; reading stops with it.
  private(set) var failure: (any Error)?

  init(ledger: Ledger, digest: String, reading: String, fileName: String, latestSettlementTime: Int64) {
    self.ledger = ledger
    self.digest = digest
    self.reading = reading
    // The closures must not keep the consumer alive, and run only while it is.
    normalizer = FileNormalizer(
      fileName: fileName, latestSettlementTime: latestSettlementTime,
      onBegin: { [unowned self] layout, member in try self.open(layout, member) },
      onRestart: { [unowned self] in self.forget() },
      accept: { [unowned self] line, offset, fields in
        try self.writers.last?.append(line: line, byteOffset: offset, fields: fields)
      })
  }

  func begin(_ layout: FileLayout, member: String?) throws {
    try guarded { try normalizer?.begin(layout, member: member) }
  }

  func consume(_ block: borrowing RecordBlock) throws {
    do { try normalizer?.consume(block) } catch {
      failure = failure ?? error
      throw error
    }
  }

  func restart() { normalizer?.restart() }

  /// Closes the segments; they belong to the store once the file is committed.
  func finish() throws -> [SegmentRecord] {
    let reports = summaries
    var records: [SegmentRecord] = []
    for (i, writer) in writers.enumerated() {
      try writer.finish()
      let report = i < reports.count ? try reports[i].encoded() : "{}"
      records.append(SegmentRecord(key: writer.key, memberName: members[i], rows: writer.rowCount, report: report))
    }
    return records
  }

  func discard() {
    for writer in writers { writer.discard() }
    writers = []
  }

  /// Rejected and nulled values, in file order.
  var rejects: [Reject] { normalizer?.report.rejects ?? [] }
  /// One a member.
  var summaries: [ValueSummary] { (normalizer?.report.members ?? []).map(ValueSummary.init) }

  private func open(_ layout: FileLayout, _ member: String?) throws {
    let columns = layout.columnOfField.compactMap { $0 }.sorted().map { layout.table.columns[$0].name }
    let key = SegmentKey(digest: digest, reading: reading, member: writers.count, table: layout.table)
    writers.append(
      try ledger.segmentWriter(key, header: SegmentHeader(columns: columns, unknownColumns: layout.unknownColumns)))
    members.append(member)
  }

  /// The member begins anew, with `begin`: in another charset its header may say something else.
  private func forget() {
    writers.popLast()?.discard()
    _ = members.popLast()
  }

  private func guarded(_ body: () throws -> Void) throws {
    do { try body() } catch {
      failure = failure ?? error
      throw error
    }
  }
}
