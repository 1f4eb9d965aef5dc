import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Normalize
import Synchronization

/// Reads the files of a batch into segments: those whose bytes the store knows already are not read again.
struct BatchIntake {
  let ledger: Ledger
  let limits: IntakeLimits
  /// Seconds since 1970 as a civil time; a setl_time more than a day after it is a bad date.
  let startedAt: Int64
  let jobs: Int
  let printer: EventPrinter
  /// Names what else decides which rows bytes give; see `SegmentKey.reading`.
  let reading: String

  /// The batch's files as the ledger keeps them, each committed; in byte order of names.
  func read(_ files: [BatchFile], digests: [String: String]) throws -> [BatchFileRecord] {
    var known: [String: BatchFileRecord] = [:]
    var toRead: [BatchFile] = []
    for file in files {
      let digest = digests[file.name] ?? ""
      if let content = try ledger.content(digest: digest, reading: fileReading(file), fileName: file.name) {
        known[file.name] = record(file, content)
      } else {
        toRead.append(file)
      }
    }
    let total = toRead.reduce(Int64(0)) { $0 + Int64($1.size) }
    struct Shared {
      var next = 0
      var doneBytes: Int64 = 0
      var rows = 0
      var records: [BatchFileRecord] = []
      var error: (any Error)?
    }
    // Large files first, so that both cores stay busy to the end; the ledger's rows do not depend on the order.
    let queue = toRead.sorted { ($0.size, $1.name) > ($1.size, $0.name) }
    let shared = Mutex(Shared())
    @Sendable func work() {
      while true {
        let taken: (BatchFile, readsAhead: Bool)? = shared.withLock { shared in
          guard shared.error == nil, shared.next < queue.count else { return nil }
          shared.next += 1
          // Behind the last files there is nothing left for the other cores, unless they inflate ahead.
          return (queue[shared.next - 1], queue.count - shared.next < jobs - 1)
        }
        guard let (file, readsAhead) = taken else { return }
        do {
          let (record, rows) = try readOne(file, digest: digests[file.name] ?? "", readsAhead: readsAhead)
          let progress: (Int64, Int) = shared.withLock { shared in
            shared.records.append(record)
            shared.doneBytes += Int64(file.size)
            shared.rows += rows
            return (shared.doneBytes, shared.rows)
          }
          printer.send(.progress(stage: "intake", done: progress.0, total: total, rows: progress.1))
        } catch {
          shared.withLock { $0.error = $0.error ?? error }
        }
      }
    }
    let workers = max(1, min(jobs, queue.count))
    if workers == 1 {
      work()
    } else {
      DispatchQueue.concurrentPerform(iterations: workers) { _ in work() }
    }
    if let error = shared.withLock({ $0.error }) { throw error }
    let all = shared.withLock { $0.records } + known.values
    return all.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// One file: bytes → records → checked rows → segments → one committed row of the ledger.
  private func readOne(_ file: BatchFile, digest: String, readsAhead: Bool) throws -> (BatchFileRecord, Int) {
    let consumer = SegmentConsumer(
      ledger: ledger, digest: digest, reading: fileReading(file), fileName: file.name,
      latestSettlementTime: startedAt + 86_400)
    var limits = limits
    limits.readsAhead = readsAhead
    limits.inflater = .ofEnvironment
    let report = try readClaimFile(file, limits: limits, consumer: consumer)
    if let error = consumer.failure { throw error }
    if let refusal = report.refusal {
      consumer.discard()
      printer.send(.diagnostic(refusal))
      let content = FileContent(
        digest: digest, reading: fileReading(file), size: file.size, inflatedBytes: report.reachedBytes,
        refusal: Refusal(code: refusal.code, message: refusal.message),
        report: try FileSummary.refused(report, refusal).encoded())
      // What changed while it was read, or could not be read at all, may be whole next time: not remembered.
      if report.digest == digest || !report.digest.isEmpty || refusal.code == "intake.empty-file" {
        try ledger.commitFile(content)
      }
      return (record(file, content), 0)
    }
    guard report.digest == digest else {
      consumer.discard()
      let refusal = Diagnostic(
        .error, "intake.changed", "the file changed between two readings", at: Place(file: file.name),
        remedy: "deliver the file again when its writer has finished, then give the same command")
      printer.send(.diagnostic(refusal))
      let content = FileContent(
        digest: digest, reading: fileReading(file), size: file.size, inflatedBytes: 0,
        refusal: Refusal(code: refusal.code, message: refusal.message),
        report: try FileSummary.refused(report, refusal).encoded())
      return (record(file, content), 0)
    }
    let segments = try consumer.finish()
    let content = FileContent(
      digest: digest, reading: fileReading(file), size: file.size, inflatedBytes: report.inflatedBytes,
      charset: report.members.first?.charset.rawValue,
      segments: segments, rejects: report.rejects + consumer.rejects,
      report: try FileSummary.read(report, consumer.summaries).encoded())
    try ledger.commitFile(content)
    return (record(file, content), report.rowsRead)
  }

  /// The table that a name decides is part of what decides the rows of equal bytes.
  private func fileReading(_ file: BatchFile) -> String {
    let hint = String(
      (file.name.split(separator: "/").last ?? "").prefix { $0.isLetter || $0 == "_" })
    return reading + SHA256Hasher.hex(of: hint).prefix(8)
  }

  private func record(_ file: BatchFile, _ content: FileContent) -> BatchFileRecord {
    BatchFileRecord(
      name: file.name, digest: content.digest, reading: content.reading, size: file.size,
      state: content.refusal == nil ? .read : .refused, refusal: content.refusal, report: content.report)
  }
}
