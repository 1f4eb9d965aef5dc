import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Normalize
import Partition
import Synchronization

/// A member of a claim file whose rows are in the partition.
struct ReadSegment: Sendable {
  /// Batch id without revision.
  var batch: String
  /// Relative to the batch folder.
  var file: String
  /// Ordinal in the archive; 0 for other files.
  var member: Int
  var memberName: String?
  var table: ClaimTable
  /// National columns that it has, in documented order.
  var columns: [String]
  /// Other columns, in header order.
  var unknownColumns: [String]
  /// False: its rows never were (another charset was tried, or the file was refused).
  var isLive = true

  var identity: SegmentIdentity {
    SegmentIdentity(
      batch: batch, file: file, member: member,
      missingColumns: Set(table.columns.map(\.name)).subtracting(columns))
  }
}

/// Numbers the segments of an intake as their rows begin to come; several threads ask.
final class ReadSegments: Sendable {
  private let list = Mutex<[ReadSegment]>([])

  var all: [ReadSegment] { list.withLock { $0 } }

  func open(_ segment: ReadSegment) -> Int32 {
    list.withLock { list in
      list.append(segment)
      return Int32(list.count - 1)
    }
  }

  func void(_ number: Int32) { list.withLock { $0[Int(number)].isLive = false } }
}

/// Reads claim files into a partition, several side by side.
struct BatchIntake {
  let batch: String
  let partition: RowPartition
  let segments: ReadSegments
  let limits: IntakeLimits
  /// Seconds since 1970 as a civil time; a setl_time more than a day after it is a bad date.
  let startedAt: Int64
  let jobs: Int
  let printer: EventPrinter
  /// Names what else decides which rows bytes give; see `SegmentKey.reading`.
  let reading: String

  /// A file that was read or refused.
  struct ReadFile: Sendable {
    var content: FileContent
    var record: BatchFileRecord
    /// What `content.report` says; nil of a refused file.
    var summary: FileSummary?
    /// May be remembered by its digest: it was read to its end, or is refused for what it is.
    var isFinal: Bool
    /// What the intake calls the segments of the content, in their order.
    var segments: [Int32] = []
  }

  /// Reads the files; in byte order of names. `digests` by name; a file whose bytes have another digest changed
  /// meanwhile.
  ///
  /// nil for `digests`: nobody looked before, the digest is what reading gives.
  func read(_ files: [BatchFile], digests: [String: String]?) throws -> [ReadFile] {
    let total = files.reduce(Int64(0)) { $0 + Int64($1.size) }
    // Large files first, so that both cores stay busy to the end; what is written does not depend on the order.
    let queue = files.sorted { ($0.size, $1.name) > ($1.size, $0.name) }
    let done = Mutex((bytes: Int64(0), rows: 0))
    let read = try inParallel(queue.count, jobs: jobs, worker: {}) { i, _ in
      let file = queue[i]
      // Behind the last files there is nothing left for the other cores, unless they inflate ahead.
      let (read, rows) = try readOne(
        file, digest: digests.map { $0[file.name] ?? "" }, readsAhead: queue.count - i - 1 < jobs - 1)
      let sum = done.withLock { sum in
        sum.bytes += Int64(file.size)
        sum.rows += rows
        return sum
      }
      printer.send(.progress(stage: "intake", done: sum.bytes, total: total, rows: sum.rows))
      return read
    }
    return read.sorted { bytesPrecede($0.record.name, $1.record.name) }
  }

  /// One file: bytes → records → checked rows → row records of the partition.
  private func readOne(_ file: BatchFile, digest: String?, readsAhead: Bool) throws -> (ReadFile, Int) {
    let consumer = FileConsumer(file, self)
    var limits = limits
    limits.readsAhead = readsAhead
    limits.inflater = .ofEnvironment
    let report = try readClaimFile(file, limits: limits, consumer: consumer)
    if let failure = consumer.failure { throw failure }
    let known = digest ?? report.digest
    func refused(_ refusal: Diagnostic, _ content: FileContent, isFinal: Bool) -> (ReadFile, Int) {
      consumer.discard()
      printer.send(.diagnostic(refusal))
      return (ReadFile(content: content, record: record(file, content), isFinal: isFinal), 0)
    }
    // A file that is still being written may look damaged; that it changed is the cause that helps.
    if report.digest != known, report.refusal == nil || !known.isEmpty && !report.digest.isEmpty {
      let refusal = Diagnostic(
        .error, "intake.changed", "the file changed between two readings", at: Place(file: file.name),
        remedy: "deliver the file again when its writer has finished, then give the same command")
      let content = FileContent(
        digest: known, reading: fileReading(file), size: file.size, inflatedBytes: 0,
        refusal: Refusal(code: refusal.code, message: refusal.message),
        report: try FileSummary.refused(report, refusal).encoded())
      return refused(refusal, content, isFinal: false)
    }
    if let refusal = report.refusal {
      let content = FileContent(
        digest: known, reading: fileReading(file), size: file.size, inflatedBytes: report.reachedBytes,
        refusal: Refusal(code: refusal.code, message: refusal.message),
        report: try FileSummary.refused(report, refusal).encoded())
      // What changed while it was read, or could not be read at all, may be whole next time: not remembered. Without a
      // digest there is nothing to remember it by.
      return refused(refusal, content, isFinal: !known.isEmpty && report.digest == known)
    }
    for member in report.members {
      if let line = member.cutOffLine { printer.send(.diagnostic(mayBeCutOff(file, member.name, line))) }
    }
    try consumer.finish()
    let normalization = consumer.report
    let summaries = normalization.members.map(ValueSummary.init)
    var records: [SegmentRecord] = []
    for (member, opened) in consumer.opened.enumerated() {
      let values = member < summaries.count ? summaries[member] : nil
      records.append(
        SegmentRecord(
          key: SegmentKey(digest: known, reading: fileReading(file), member: member, table: opened.segment.table),
          memberName: opened.segment.memberName, rows: values?.accepted ?? 0))
    }
    let summary = FileSummary.read(report, summaries)
    var rejects = report.rejects
    rejects.append(contentsOf: normalization.rejects)
    let content = FileContent(
      digest: known, reading: fileReading(file), size: file.size, inflatedBytes: report.inflatedBytes,
      charset: report.members.first?.charset.rawValue,
      segments: records, rejects: rejects,
      report: try summary.encoded())
    return (
      ReadFile(
        content: content, record: record(file, content), summary: summary, isFinal: true,
        segments: consumer.opened.map(\.number)),
      report.rowsRead
    )
  }

  /// One damaged row costs only itself, but this one may stand for many that are not there.
  private func mayBeCutOff(_ file: BatchFile, _ member: String?, _ line: Int) -> Diagnostic {
    Diagnostic(
      .warning, "intake.cut-off",
      "the last row is damaged and has no line feed behind it: the file may be cut off, and with it reversals",
      at: Place(file: member.map { file.name + "!" + $0 } ?? file.name, line: line),
      remedy: "compare it with the exporter's; a delivery.csv with the number of rows would tell")
  }

  /// The table that a name decides is part of what decides the rows of equal bytes.
  func fileReading(_ file: BatchFile) -> String {
    let hint = String(
      (file.name.split(separator: "/").last ?? "").prefix { $0.isLetter || $0 == "_" })
    return reading + SHA256Hasher.hex(of: hint).prefix(8)
  }

  func record(_ file: BatchFile, _ content: FileContent) -> BatchFileRecord {
    BatchFileRecord(
      name: file.name, digest: content.digest, reading: content.reading, size: file.size,
      state: content.refusal == nil ? .read : .refused, refusal: content.refusal, report: content.report)
  }
}

/// Takes the records of one file to the partition and knows which of its segments count.
private final class FileConsumer: RecordConsumer {
  private(set) var opened: [(number: Int32, segment: ReadSegment)] = []
  /// The first error that is not the file's; reading stops with it.
  private(set) var failure: (any Error)?
  private let intake: BatchIntake
  private let file: BatchFile
  private var consumer: PartitionConsumer?

  init(_ file: BatchFile, _ intake: BatchIntake) {
    self.file = file
    self.intake = intake
    // The closure must not keep the consumer alive, and runs only while it is.
    consumer = intake.partition.consumer(
      fileName: file.name, latestSettlementTime: intake.startedAt + 86_400,
      openSegment: { [unowned self] layout, member in self.open(layout, member) })
  }

  var report: NormalizationReport { consumer?.report ?? NormalizationReport() }

  func begin(_ layout: FileLayout, member: String?) throws {
    try guarded { try consumer?.begin(layout, member: member) }
  }

  func consume(_ block: borrowing RecordBlock) throws {
    do { try consumer?.consume(block) } catch {
      failure = failure ?? error
      throw error
    }
  }

  /// The member begins anew, with `begin`: in another charset its header may say something else.
  func restart() {
    consumer?.restart()
    if let last = opened.popLast() { void(last.number) }
  }

  /// What the consumer still holds goes to the partition.
  func finish() throws { try consumer?.finish() }

  /// None of the file's rows counts.
  func discard() {
    consumer?.discard()
    for one in opened { void(one.number) }
    opened = []
  }

  private func void(_ number: Int32) {
    intake.partition.void(segment: number)
    intake.segments.void(number)
  }

  private func open(_ layout: FileLayout, _ member: String?) -> Int32 {
    let columns = layout.columnOfField.compactMap { $0 }.sorted().map { layout.table.columns[$0].name }
    let segment = ReadSegment(
      batch: intake.batch, file: file.name, member: opened.count, memberName: member, table: layout.table,
      columns: columns, unknownColumns: layout.unknownColumns)
    let number = intake.segments.open(segment)
    opened.append((number, segment))
    return number
  }

  private func guarded(_ body: () throws -> Void) throws {
    do { try body() } catch {
      failure = failure ?? error
      throw error
    }
  }
}
