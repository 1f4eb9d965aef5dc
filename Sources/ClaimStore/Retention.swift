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
  /// Its rows that stayed, because findings may still rest on them.
  public var rowsKept = 0
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

  /// Removes batches from the claims, in one transaction, with a record of it: their revisions, what their files gave,
  /// and the rows. Findings and runs stay as they are; what the last run left to go on from goes, for it holds such
  /// rows too.
  ///
  /// A batch of which lines are kept stays with its latest revision and these rows. Its files are known under another
  /// reading from then on: another batch with the same bytes is read, and has all rows.
  ///
  /// - Parameters:
  ///   - day: the line, days since 1970.
  ///   - only: of the batches that `batchesOlder` gives only these; nil: all.
  ///   - kept: lines that stay, by segment: of live segments.
  ///   - at: time of it, `yyyy-MM-dd HH:mm:ss`.
  public func removeBatches(
    olderThan day: Int64, only: Set<String>? = nil, keeping kept: [Int32: LineSet] = [:], at: String, reason: String,
    toolVersion: String
  ) throws -> (removed: [RemovedBatch], rewrite: RewriteResult) {
    let old = try batchesOlder(than: day).filter { only?.contains($0.revision.name) ?? true }
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
    var thinned: [Int32: LineSet] = [:]
    var numbers = Set<Int32>()
    var rowsOf: [ContentKey: Int] = [:]
    var keptOf: [ContentKey: Int] = [:]
    try read { db in
      for row in try Row.fetchAll(db, sql: "SELECT number, digest, reading, row_count FROM claim_segment") {
        let key = ContentKey(digest: row["digest"], reading: row["reading"])
        if goneContents.contains(key) {
          let number: Int32 = row["number"]
          rowsOf[key, default: 0] += row["row_count"] as Int
          if let lines = kept[number], !lines.isEmpty {
            thinned[number] = lines
            keptOf[key, default: 0] += lines.count
          }
        } else {
          numbers.insert(row["number"])
        }
      }
    }
    // A batch that stays is still known by all its files, those included of which no line stays.
    var staying = Set<ContentKey>()
    for (revision, _) in old {
      let keys = revision.files.compactMap(ContentKey.init)
      if keys.contains(where: { keptOf[$0] != nil }) { staying.formUnion(keys) }
    }
    var counted = Set<ContentKey>()
    let records = old.map { revision, newest in
      // Rows of files that two removed batches have are counted with the first.
      let keys = Set(revision.files.compactMap(ContentKey.init))
      let rows = keys.subtracting(counted).reduce(0) { $0 + (rowsOf[$1] ?? 0) - (keptOf[$1] ?? 0) }
      counted.formUnion(keys)
      return RemovedBatch(
        name: revision.name, revision: revision.revision, newestDay: CivilTime.text(day: newest), rows: rows,
        rowsKept: keys.reduce(0) { $0 + (keptOf[$1] ?? 0) },
        files: revision.files.count, keptSince: CivilTime.text(day: day), removedAt: at, reason: reason)
    }
    if records.isEmpty { return ([], RewriteResult()) }
    let rewrite = try rewrite(
      groups: { _ in true }, keeping: numbers, thinned: thinned, merging: false, rowsPerPart: 512 << 10,
      toolVersion: toolVersion
    ) { db, _ in
      for record in records {
        try db.execute(
          sql: """
            INSERT INTO removed_batch
              (name, revision, newest_day, rows_removed, files, kept_since, removed_at, reason, rows_kept)
              VALUES (?,?,?,?,?,?,?,?,?)
            """,
          arguments: [
            record.name, record.revision, record.newestDay, record.rows, record.files, record.keptSince,
            record.removedAt, record.reason, record.rowsKept,
          ])
        try db.execute(
          sql: "DELETE FROM batch WHERE name = ? AND (? = 0 OR revision < ?)",
          arguments: [record.name, record.rowsKept, record.revision])
      }
      let removal = try Int.fetchOne(db, sql: "SELECT max(ordinal) FROM removed_batch") ?? 0
      for key in goneContents.sorted(by: { bytesPrecede($0.digest + $0.reading, $1.digest + $1.reading) }) {
        if staying.contains(key) { try Self.thin(key, to: thinned, removal: removal, db) }
        try db.execute(
          sql: "DELETE FROM content WHERE digest = ? AND reading = ?", arguments: [key.digest, key.reading])
      }
      try Self.replaceEvaluation(nil, db)
    }
    try removeOrphanEvaluationFiles()
    return (records, rewrite)
  }

  /// Gives what stays of a file's segments a reading of its own, so that the same bytes in another batch are read; the
  /// old content is still to be deleted.
  private static func thin(_ key: ContentKey, to lines: [Int32: LineSet], removal: Int, _ db: Database) throws {
    let reading = "\(key.reading)k\(removal)"
    try db.execute(
      sql: """
        INSERT INTO content SELECT digest, ?, size, state, refusal_code, refusal_message, charset, delimiter, enclosure,
          header_kind, inflated_bytes, report FROM content WHERE digest = ? AND reading = ?
        """, arguments: [reading, key.digest, key.reading])
    let numbers = try Int32.fetchAll(
      db, sql: "SELECT number FROM claim_segment WHERE digest = ? AND reading = ? ORDER BY number",
      arguments: [key.digest, key.reading])
    for number in numbers {
      guard let count = lines[number]?.count else { continue }
      try db.execute(
        sql: "UPDATE claim_segment SET reading = ?, row_count = ? WHERE number = ?",
        arguments: [reading, count, number])
    }
    try db.execute(
      sql: "UPDATE file SET reading = ? WHERE digest = ? AND reading = ?",
      arguments: [reading, key.digest, key.reading])
  }

  /// Batches that `removeBatches` took away, the oldest removal first. A batch that was delivered and read again after
  /// it stands here too.
  public func removedBatches() throws -> [RemovedBatch] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM removed_batch ORDER BY ordinal").map { row in
        RemovedBatch(
          name: row["name"], revision: row["revision"], newestDay: row["newest_day"] ?? "", rows: row["rows_removed"],
          rowsKept: row["rows_kept"] ?? 0, files: row["files"], keptSince: row["kept_since"],
          removedAt: row["removed_at"], reason: row["reason"])
      }
    }
  }

  /// Why a batch is not in the store though it was, or why only some rows of it are; nil if it is, or never was.
  public func removal(of batch: String) throws -> RemovedBatch? {
    guard let last = try removedBatches().last(where: { $0.name == batch }) else { return nil }
    return try last.rowsKept == 0 && hasRevision(of: batch) ? nil : last
  }

  /// The latest day before which batches were ever removed, days since 1970; nil: none was.
  public func keptSince() throws -> Int64? {
    try removedBatches().compactMap { CivilTime.parseDay($0.keptSince) }.max()
  }

  private struct ContentKey: Hashable {
    var digest: String
    var reading: String

    init(digest: String, reading: String) {
      self.digest = digest
      self.reading = reading
    }

    /// nil: the file gave nothing.
    init?(_ file: BatchFileRecord) {
      guard let digest = file.digest, let reading = file.reading else { return nil }
      self.init(digest: digest, reading: reading)
    }
  }
}
