import ClaimModel
import Diagnostics
import Foundation
internal import GRDB

/// A batch whose claims were removed because they are older than a bureau keeps them.
public struct RemovedBatch: Sendable, Hashable {
  public var name: String
  /// The latest one at that time.
  public var revision: Int
  /// Newest settlement of it (newest row, where it has no settlement), `yyyy-MM-dd`.
  public var newestDay: String
  /// Rows that left the store with it; what another batch has too stays.
  public var rows: Int
  /// Its claim files.
  public var files: Int
  /// Batches that were newer than this day stayed, `yyyy-MM-dd`.
  public var keptSince: String
  /// When, `yyyy-MM-dd HH:mm:ss`.
  public var removedAt: String
  public var reason: String
}

extension Ledger {
  /// Batches whose newest settlement is before a day: what `removeBatches` takes away. By name in byte order. A batch
  /// without a row is kept.
  ///
  /// - Parameter day: days since 1970.
  public func batchesOlder(than day: Int64) throws -> [(revision: BatchRevision, newestDay: Int64)] {
    let parts = try parts()
    let live = try liveSegments()
    var newest: [String: (settlement: Int64, any: Int64)] = [:]
    var batchesOf: [Int32: Set<String>] = [:]
    for segment in live { batchesOf[segment.record.number, default: []].insert(segment.batch) }
    for part in parts {
      guard let time = part.maxTime else { continue }
      for batch in part.segments.keys.reduce(into: Set<String>(), { $0.formUnion(batchesOf[$1] ?? []) }) {
        var known = newest[batch] ?? (Int64.min, Int64.min)
        if part.table == .settlements { known.settlement = max(known.settlement, time) }
        known.any = max(known.any, time)
        newest[batch] = known
      }
    }
    return try latestRevisions().compactMap { revision in
      guard let times = newest[revision.name] else { return nil }
      let last = CivilTime.dayOf(time: times.settlement != Int64.min ? times.settlement : times.any)
      return last < day ? (revision, last) : nil
    }
  }

  /// Removes whole batches from the claims, in one transaction, with a record of it: their revisions, what their files
  /// gave, and the rows. Findings and runs stay as they are.
  ///
  /// - Parameters:
  ///   - day: the line, days since 1970.
  ///   - at: time of it, `yyyy-MM-dd HH:mm:ss`.
  public func removeBatches(
    olderThan day: Int64, at: String, reason: String, toolVersion: String
  ) throws -> (removed: [RemovedBatch], rewrite: RewriteResult) {
    let old = try batchesOlder(than: day)
    let names = Set(old.map(\.revision.name))
    // Contents that a removed batch has, in whatever revision, and no batch that stays.
    let gone = try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT c.digest, c.reading, f.batch FROM content c JOIN file f USING (digest, reading)
          """
      ).reduce(into: [ContentKey: Set<String>]()) { found, row in
        found[ContentKey(digest: row["digest"], reading: row["reading"]), default: []].insert(row["batch"])
      }.filter { $0.value.isSubset(of: names) }.keys
    }
    let goneContents = Set(gone)
    let (numbers, rowsOf) = try read { db in
      var numbers = Set<Int32>()
      var rowsOf: [ContentKey: Int] = [:]
      for row in try Row.fetchAll(db, sql: "SELECT number, digest, reading, row_count FROM claim_segment") {
        let key = ContentKey(digest: row["digest"], reading: row["reading"])
        if goneContents.contains(key) {
          rowsOf[key, default: 0] += row["row_count"] as Int
        } else {
          numbers.insert(row["number"])
        }
      }
      return (numbers, rowsOf)
    }
    var counted = Set<ContentKey>()
    let records = old.map { revision, newest in
      // Rows of files that two removed batches have are counted with the first.
      let keys = revision.files.compactMap { file in
        file.digest.flatMap { digest in file.reading.map { ContentKey(digest: digest, reading: $0) } }
      }
      let rows = Set(keys).subtracting(counted).reduce(0) { $0 + (rowsOf[$1] ?? 0) }
      counted.formUnion(keys)
      return RemovedBatch(
        name: revision.name, revision: revision.revision, newestDay: CivilTime.text(day: newest), rows: rows,
        files: revision.files.count, keptSince: CivilTime.text(day: day), removedAt: at, reason: reason)
    }
    if records.isEmpty { return ([], RewriteResult()) }
    let rewrite = try rewrite(
      groups: { _ in true }, keeping: numbers, merging: false, rowsPerPart: 512 << 10, toolVersion: toolVersion
    ) { db, _ in
      for record in records {
        try db.execute(
          sql: """
            INSERT INTO removed_batch
              (name, revision, newest_day, rows_removed, files, kept_since, removed_at, reason)
              VALUES (?,?,?,?,?,?,?,?)
            """,
          arguments: [
            record.name, record.revision, record.newestDay, record.rows, record.files, record.keptSince,
            record.removedAt, record.reason,
          ])
        try db.execute(sql: "DELETE FROM batch WHERE name = ?", arguments: [record.name])
      }
      for key in goneContents.sorted(by: { bytesPrecede($0.digest + $0.reading, $1.digest + $1.reading) }) {
        try db.execute(
          sql: "DELETE FROM content WHERE digest = ? AND reading = ?", arguments: [key.digest, key.reading])
      }
    }
    return (records, rewrite)
  }

  /// Batches that `removeBatches` took away, the oldest removal first. A batch that was delivered and read again after
  /// it stands here too.
  public func removedBatches() throws -> [RemovedBatch] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM removed_batch ORDER BY ordinal").map { row in
        RemovedBatch(
          name: row["name"], revision: row["revision"], newestDay: row["newest_day"] ?? "", rows: row["rows_removed"],
          files: row["files"], keptSince: row["kept_since"], removedAt: row["removed_at"], reason: row["reason"])
      }
    }
  }

  /// Why a batch is not in the store though it was; nil if it is, or never was.
  public func removal(of batch: String) throws -> RemovedBatch? {
    if try hasRevision(of: batch) { return nil }
    return try removedBatches().last { $0.name == batch }
  }

  private struct ContentKey: Hashable {
    var digest: String
    var reading: String
  }
}
