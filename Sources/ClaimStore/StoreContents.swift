import ClaimModel
import Diagnostics
import Foundation
internal import GRDB

/// The parts that lie under one batch's name.
public struct StoredBatch: Sendable, Hashable {
  public var name: String
  /// Latest revision; nil: no run over the batch has finished, or it was removed and another batch still has its files.
  public var revision: Int?
  public var parts = 0
  public var bytes = 0
  public var rows = 0
  /// Rows of segments that the latest revisions have.
  public var liveRows = 0
  /// Rows of files that were read by a run that has not finished.
  public var pendingRows = 0
  /// Least and greatest time of a row, in seconds.
  public var minTime: Int64?
  public var maxTime: Int64?

  /// Rows that nobody reads: of replaced files.
  public var deadRows: Int { rows - liveRows - pendingRows }
}

extension Ledger {
  /// What lies in `parts`, by batch in byte order; batches without a part are there too.
  public func storedBatches() throws -> [StoredBatch] {
    let state = try segmentStates()
    var result: [String: StoredBatch] = [:]
    for revision in try latestRevisions() {
      result[revision.name] = StoredBatch(name: revision.name, revision: revision.revision)
    }
    for part in try parts() {
      var batch = result[part.batch] ?? StoredBatch(name: part.batch)
      batch.parts += 1
      batch.bytes += part.bytes
      batch.rows += part.rows
      for (segment, rows) in part.segments {
        if state.live.contains(segment) {
          batch.liveRows += rows
        } else if state.pending.contains(segment) {
          batch.pendingRows += rows
        }
      }
      if let time = part.minTime { batch.minTime = min(batch.minTime ?? time, time) }
      if let time = part.maxTime { batch.maxTime = max(batch.maxTime ?? time, time) }
      result[part.batch] = batch
    }
    return result.values.sorted { bytesPrecede($0.name, $1.name) }
  }

  struct SegmentStates {
    /// Of the latest revisions.
    var live: Set<Int32> = []
    /// Of files that no revision has: a run that was killed goes on with them.
    var pending: Set<Int32> = []
  }

  /// Which segment numbers count; all others are dead.
  func segmentStates() throws -> SegmentStates {
    let live = Set(try liveSegments().map(\.record.number))
    return try read { db in
      let pending = try Int32.fetchAll(
        db,
        sql: """
          SELECT number FROM claim_segment s
          WHERE NOT EXISTS (SELECT 1 FROM file f WHERE f.digest = s.digest AND f.reading = s.reading)
          """)
      return SegmentStates(live: live, pending: Set(pending))
    }
  }

  /// Reads every byte of every part and holds it against the catalogue; one diagnostic for each that is not as it was
  /// written, in the order of `parts`.
  ///
  /// - Parameter progress: called after each part with the bytes so far and in all.
  public func verifyParts(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws -> [Diagnostic] {
    try checkFiles()
    let parts = try parts()
    let total = parts.reduce(0) { $0 + $1.bytes }
    var done = 0
    var problems: [Diagnostic] = []
    for part in parts {
      do {
        if let problem = try verify(part) { problems.append(problem) }
      } catch let problem as Diagnostic {
        if try isReplaced(problem) { throw StoreError.rewritten(folder) }
        problems.append(problem)
      }
      done += part.bytes
      progress(done, total)
    }
    return problems
  }

  /// What is wrong with a part's bytes; nil: they are as they were written.
  func verify(_ part: PartRecord) throws -> Diagnostic? {
    let path = partsFolder + "/" + part.path
    let (sha256, bytes) = try Self.digest(path)
    if bytes != part.bytes {
      return StoreError.partDamaged(path, "it has \(bytes) bytes instead of \(part.bytes)")
    }
    return sha256 == part.sha256 ? nil : StoreError.partDamaged(path, "its SHA-256 is not the catalogue's")
  }

  private static func digest(_ path: String) throws -> (sha256: String, bytes: Int) {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      throw errno == ENOENT
        ? StoreError.partMissing(path) : StoreError.system(path, "The part can't be opened", errno: errno)
    }
    defer { close(file) }
    let hasher = SHA256Hasher()
    var bytes = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let n = buffer.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
      if n < 0 {
        if errno == EINTR { continue }
        throw StoreError.system(path, "The part can't be read", errno: errno)
      }
      if n == 0 { return (hasher.finalHex(), bytes) }
      buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[0..<n])) }
      bytes += n
    }
  }
}
