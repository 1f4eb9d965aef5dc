import ClaimModel
import Diagnostics
import Foundation
internal import GRDB
import Synchronization

/// The store of one bureau: what was read, what was run, what was found, which cases are open.
///
/// In its folder lie `ledger.sqlite`, its digest, `lock`, `parts/` and `evaluation/`. Every change is one transaction,
/// and a file is in its place before its row commits; so whatever the instant of a kill, the same command goes on from
/// the last whole commit. Reads and commits may come from several threads; they are done one after the other.
public final class Ledger: Sendable {
  /// The store's folder.
  public let folder: String
  /// Where parts lie: `<table>/batch=<batch>/….parquet`.
  public var partsFolder: String { folder + "/parts" }

  private let database: DatabaseQueue
  private let seal: LedgerSeal
  private let lock: StoreLock?
  // The last numbers given; nil until the first is asked for.
  private let numbers = Mutex<LastNumbers?>(nil)
  private var path: String { folder + "/ledger.sqlite" }
  /// When the store was opened for writing: seconds since 1970 by the clock of its file system.
  public var openedAt: Int64? { lock?.takenAt }

  /// Opens the store for writing; makes it if there is none, mends what a killed run left.
  ///
  /// - Throws: `store.locked` (exit 75), `store.newer`, `store.older`, `store.corrupt`, `store.foreign`,
  ///   `store.no-ledger`, `store.disk-full`, `store.io`.
  public static func open(folder: String) throws -> Ledger {
    try AtomicFile.makeFolder(folder)
    let lock = try StoreLock(path: folder + "/lock")
    // A new ledger lists no part, and what no ledger lists is removed below.
    _ = try exists(folder: folder)
    try removeTemporaryFiles(folder)
    let ledger = try Ledger(folder: folder, lock: lock)
    try ledger.migrate()
    try ledger.checkFiles()
    try AtomicFile.makeFolder(ledger.partsFolder)
    try ledger.removeOrphanParts()
    try ledger.removeOrphanEvaluationFiles()
    return ledger
  }

  /// Whether a store lies in the folder.
  ///
  /// - Throws: `store.no-ledger` if it has parts, and nothing that says what they are.
  public static func exists(folder: String) throws -> Bool {
    if !isNew(folder) { return true }
    if try holdsFiles(folder + "/parts") { throw StoreError.noLedger(folder) }
    return false
  }

  /// Removes what a killed run was writing beside the ledger; to be called under the lock.
  private static func removeTemporaryFiles(_ folder: String) throws {
    for name in try AtomicFolder.entries(folder) where name.hasPrefix(AtomicFile.temporaryPrefix) {
      var info = stat()
      let path = folder + "/" + name
      if lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG { unlink(path) }
    }
  }

  /// Whether the folder has no ledger, or one without a byte.
  private static func isNew(_ folder: String) -> Bool {
    var info = stat()
    return stat(folder + "/ledger.sqlite", &info) != 0 || info.st_size == 0
  }

  /// Whether anything but folders lies in a folder, however deep; false if there is none.
  private static func holdsFiles(_ folder: String) throws -> Bool {
    if access(folder, F_OK) != 0 { return false }
    return try AtomicFolder.entries(folder).contains { name in
      var info = stat()
      let path = folder + "/" + name
      guard lstat(path, &info) == 0 else { return true }
      return try info.st_mode & S_IFMT != S_IFDIR || holdsFiles(path)
    }
  }

  /// Opens the store for commands that only look, without the lock; nil if there is none. Don't commit through it.
  ///
  /// - Throws: as `open`, but for `store.locked`; `store.unfinished` if its tables are not all there yet.
  public static func inspect(folder: String) throws -> Ledger? {
    guard try exists(folder: folder) else { return nil }
    let ledger = try Ledger(folder: folder, lock: nil)
    try ledger.checkVersion()
    try ledger.checkSeal()
    let isWhole = try ledger.read { db in try Self.migrator.hasCompletedMigrations(db) }
    if !isWhole { throw StoreError.unfinished(folder) }
    return ledger
  }

  private init(folder: String, lock: StoreLock?) throws {
    self.folder = folder
    self.lock = lock
    let path = folder + "/ledger.sqlite"
    seal = LedgerSeal(ledger: path)
    if access(path, F_OK) != 0 {
      let file = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw StoreError.system(path, "The ledger can't be made", errno: errno) }
      close(file)
      try AtomicFile.syncFolder(folder)
    }
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    configuration.foreignKeysEnabled = true
    configuration.prepareDatabase { db in
      // A rollback journal keeps the store one file between runs; EXTRA also syncs the folder when the journal goes,
      // so a power cut can't bring an old journal back.
      try db.execute(sql: "PRAGMA journal_mode = DELETE")
      try db.execute(sql: "PRAGMA synchronous = EXTRA")
    }
    database = try StoreError.translating(path) { try DatabaseQueue(path: path, configuration: configuration) }
  }

  // Marks the file as ours ("yjst"); a foreign database is not touched.
  private static let applicationID = 0x796A_7374

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for migration in LedgerMigrations.all {
      migrator.registerMigration(migration.name) { db in try db.execute(sql: migration.sql) }
    }
    return migrator
  }

  private func checkVersion() throws {
    let (id, tables, isNewer, isOlder) = try StoreError.translating(path) {
      try database.read { db in
        (
          try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
          try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0,
          try Self.migrator.hasBeenSuperseded(db),
          try Self.hasSegmentFiles(db)
        )
      }
    }
    guard id == Self.applicationID || tables == 0 else {
      throw Diagnostic(
        .error, "store.foreign", "The file is a database, but no ledger of yijian", at: Place(file: path),
        remedy: "Give another folder with --store.")
    }
    if isNewer { throw StoreError.newer(path) }
    if isOlder { throw StoreError.older(folder) }
  }

  /// Whether the catalogue names files of the folder segments, in which stores kept their rows before there were parts.
  /// Any such row counts, not those of the latest revisions only: its file's bytes are recorded as read, so a delivery
  /// that brings them again would give no row.
  private static func hasSegmentFiles(_ db: Database) throws -> Bool {
    guard try db.tableExists("segment") else { return false }
    return try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM segment)") ?? false
  }

  /// What a batch's files hold is found by their digests: where one leads nowhere, the file's rows would be missing in
  /// silence.
  func checkFiles() throws {
    let lost = try read { db in
      try String.fetchOne(
        db,
        sql: """
          SELECT f.batch || '/' || f.name FROM file f
            WHERE f.state = 'read' AND f.name <> 'delivery.csv'
              AND f.revision = (SELECT max(b.revision) FROM batch b WHERE b.name = f.batch)
              AND NOT EXISTS (SELECT 1 FROM content c WHERE c.digest = f.digest AND c.reading = f.reading)
              -- Earlier versions forgot what files held of which a removal left no line.
              AND NOT EXISTS (SELECT 1 FROM removed_batch r WHERE r.name = f.batch AND r.rows_kept > 0)
            ORDER BY 1 LIMIT 1
          """)
    }
    if let lost { throw StoreError.corrupt(path, "nothing is recorded of what \(lost) holds") }
  }

  private func migrate() throws {
    try checkVersion()
    try checkSeal()
    try StoreError.translating(path, database) {
      if try !database.read(Self.migrator.hasCompletedMigrations) {
        // The migrator commits by itself.
        try seal.open()
        try database.write { db in try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)") }
        try Self.migrator.migrate(database)
      }
      try seal.close(database)
    }
  }

  /// Whether the ledger is as it was committed.
  private func checkSeal() throws { try StoreError.translating(path, database) { try seal.check(database) } }

  /// Lets the ledger grow to so many pages only; tests make the disk full with it.
  func limitPages(_ pages: Int) throws { try write { db in try db.execute(sql: "PRAGMA max_page_count = \(pages)") } }

  // MARK: Files

  /// Records what became of files' bytes and lists the parts that hold their rows, in one transaction, after all are
  /// written. From now on a killed run does not read the files again. What was recorded of the same bytes and reading
  /// is replaced; its rows are dead.
  ///
  /// - Parameters:
  ///   - contents: segments with numbers of the `PartSet`.
  ///   - parts: what `PartSet.write` gave; those without a row are left out.
  /// - Throws: `store.value` if a part has rows of segments that are not among the contents, or not all of a segment's,
  ///   or if a segment has no number.
  public func commitFiles(_ contents: [FileContent], parts: [PartRecord]) throws {
    var expected: [Int32: Int] = [:]
    for content in contents { for segment in content.segments { expected[segment.number] = segment.rows } }
    var found: [Int32: Int] = [:]
    for part in parts { for (segment, rows) in part.segments { found[segment, default: 0] += rows } }
    for segment in Set(expected.keys).union(found.keys).sorted() {
      if segment != 0, expected[segment] != nil, found[segment, default: 0] == expected[segment] { continue }
      throw Diagnostic(
        .error, "store.value",
        "The new parts have \(found[segment, default: 0]) rows of segment \(segment), its files "
          + "\(expected[segment].map { "\($0)" } ?? "do not have it")", at: Place(file: path))
    }
    try write(sealing: false) { db in
      for content in contents { try Self.insert(content, db) }
      for part in parts where part.rows > 0 { try Self.insert(part, db) }
      try noteNumbers(db)
    }
  }

  private static func insert(_ content: FileContent, _ db: Database) throws {
    let id: StatementArguments = [content.digest, content.reading]
    try db.execute(sql: "DELETE FROM content WHERE digest = ? AND reading = ?", arguments: id)
    try db.execute(
      sql: "INSERT INTO content VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
      arguments: [
        content.digest, content.reading, content.size, content.refusal == nil ? "read" : "refused",
        content.refusal?.code, content.refusal?.message, content.charset, content.delimiter, content.enclosure,
        content.headerKind, content.inflatedBytes, content.report,
      ])
    for segment in content.segments {
      try db.execute(
        sql: "INSERT INTO claim_segment VALUES (?,?,?,?,?,?,?,?,?,?)",
        arguments: [
          segment.number, segment.key.digest, segment.key.reading, segment.key.member, segment.memberName,
          segment.key.table.name, segment.rows, Self.list(segment.header.columns),
          Self.list(segment.header.unknownColumns), segment.report,
        ])
    }
    let insert = try db.makeStatement(sql: "INSERT INTO reject VALUES (?,?,?,?,?,?,?,?,?,?,?)")
    for (ordinal, reject) in content.rejects.enumerated() {
      // The name is the revision's matter; the bytes only know their members.
      let member = reject.file.firstIndex(of: "!").map { String(reject.file[reject.file.index(after: $0)...]) }
      try insert.execute(arguments: [
        content.digest, content.reading, ordinal, member, reject.table, reject.line, reject.byteOffset,
        reject.column, reject.code, reject.reason, reject.action.rawValue,
      ])
    }
  }

  /// What is recorded of a file's bytes under a reading; nil: the file is to be read.
  ///
  /// - Parameter fileName: name under which the rejects are given back; nil: they are not read, and there are none in
  ///   what is returned.
  public func content(digest: String, reading: String, fileName: String?) throws -> FileContent? {
    try read { db in
      let id: StatementArguments = [digest, reading]
      guard
        let row = try Row.fetchOne(
          db.cachedStatement(sql: "SELECT * FROM content WHERE digest = ? AND reading = ?"), arguments: id)
      else { return nil }
      var lists = NameLists()
      let segments = try Row.fetchAll(db.cachedStatement(sql: Self.segmentsOfContent), arguments: id).compactMap {
        Self.segment($0, &lists)
      }
      var rejects = Rejects()
      if let fileName { rejects = try Self.rejects(of: id, fileName, db) }
      return FileContent(
        digest: digest, reading: reading, size: row["size"], inflatedBytes: row["inflated_bytes"],
        refusal: Self.refusal(row), charset: row["charset"], delimiter: row["delimiter"], enclosure: row["enclosure"],
        headerKind: row["header_kind"], segments: segments, rejects: rejects, report: row["report"])
    }
  }

  private static func rejects(of id: StatementArguments, _ fileName: String, _ db: Database) throws -> Rejects {
    var rejects = Rejects()
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT * FROM reject WHERE digest = ? AND reading = ? ORDER BY ordinal"), arguments: id)
    while let row = try rows.next() {
      let member: String? = row["member_name"]
      rejects.append(
        Reject(
          file: fileName + (member.map { "!" + $0 } ?? ""), table: row["claim_table"], line: row["line"],
          byteOffset: row["byte_offset"], column: row["column_name"], code: row["code"], reason: row["reason"],
          action: Reject.Action(rawValue: row["action"]) ?? .rejected))
    }
    return rejects
  }

  // MARK: Batches

  /// The latest revision of a batch; nil if no run over it has finished.
  public func latestRevision(of batch: String) throws -> BatchRevision? {
    try revisions(where: "name = ?", [batch]).first
  }

  /// Whether a run over the batch has finished.
  func hasRevision(of batch: String) throws -> Bool {
    try read { db in
      try Bool.fetchOne(
        db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM batch WHERE name = ?)"), arguments: [batch]) ?? false
    }
  }

  /// The latest revision of each batch, by name in byte order.
  public func latestRevisions() throws -> [BatchRevision] { try revisions(where: "TRUE") }

  /// The latest revisions of which a condition holds, by name in byte order.
  private func revisions(where condition: String, _ arguments: StatementArguments = []) throws -> [BatchRevision] {
    try read { db in
      // Columns by place: by name each costs as much as the rest of its row.
      let files = try db.cachedStatement(
        sql: """
          SELECT f.name, f.digest, f.reading, f.size, f.state, f.refusal_code, f.refusal_message,
              coalesce(nullif(f.report, ''), c.report, '')
            FROM file f LEFT JOIN content c ON c.digest = f.digest AND c.reading = f.reading
            WHERE f.batch = ? AND f.revision = ? ORDER BY CAST(f.name AS BLOB)
          """)
      let batches = try db.cachedStatement(
        sql: """
          SELECT name, revision, incomplete_reason, accepted_reason FROM batch b
            WHERE revision = (SELECT max(revision) FROM batch WHERE name = b.name) AND \(condition)
            ORDER BY CAST(name AS BLOB)
          """)
      return try Row.fetchAll(batches, arguments: arguments).map { (row: Row) in
        let name: String = row[0]
        let revision: Int = row[1]
        return BatchRevision(
          name: name, revision: revision, incompleteReason: row[2], acceptedReason: row[3],
          files: try Row.fetchAll(files, arguments: [name, revision]).map { (row: Row) in
            let code: String? = row[5]
            return BatchFileRecord(
              name: row[0], digest: row[1], reading: row[2], size: row[3],
              state: BatchFileRecord.State(rawValue: row[4]) ?? .refused,
              refusal: code.map { Refusal(code: $0, message: row[6] ?? "") }, report: row[7])
          })
      }
    }
  }

  /// Segments of the claims as they are when the given revisions stand in for the recorded ones of the same batch, by
  /// batch, file (byte order), member. Give the revision under work; its files must be committed.
  public func liveSegments(replacing revisions: [BatchRevision] = []) throws -> [LiveSegment] {
    try read { db in
      var lists = NameLists()
      var byBatch: [String: [LiveSegment]] = [:]
      let recorded = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT \(Self.segmentColumns("s")), b.name, b.revision, f.name
              FROM batch b JOIN file f ON f.batch = b.name AND f.revision = b.revision
                JOIN claim_segment s ON s.digest = f.digest AND s.reading = f.reading
              WHERE b.revision = (SELECT max(revision) FROM batch WHERE name = b.name) AND f.state = 'read'
              ORDER BY CAST(b.name AS BLOB), CAST(f.name AS BLOB), s.member, s.claim_table
            """))
      let replaced = Set(revisions.map(\.name))
      while let row = try recorded.next() {
        let batch: String = row[10]
        if replaced.contains(batch) { continue }
        guard let record = Self.segment(row, &lists) else { continue }
        byBatch[batch, default: []].append(
          LiveSegment(batch: batch, revision: row[11], file: row[12], record: record))
      }
      let statement = try db.cachedStatement(sql: Self.segmentsOfContent)
      // Of several of one batch the last stands.
      for revision in revisions {
        var own: [LiveSegment] = []
        let files = revision.files.sorted { bytesPrecede($0.name, $1.name) }
        for file in files where file.state == .read {
          guard let digest = file.digest, let reading = file.reading else { continue }
          for row in try Row.fetchAll(statement, arguments: [digest, reading]) {
            guard let record = Self.segment(row, &lists) else { continue }
            own.append(LiveSegment(batch: revision.name, revision: revision.revision, file: file.name, record: record))
          }
        }
        byBatch[revision.name] = own
      }
      return byBatch.sorted { bytesPrecede($0.key, $1.key) }.flatMap(\.value)
    }
  }

  // MARK: Runs

  /// Notes that a run begins; gives the time at which it first began, which a run that goes on after a kill keeps.
  /// A finished run is left alone and its time given.
  public func beginRun(_ run: RunRecord) throws -> String {
    try write(sealing: false) { db in
      if let begun = try String.fetchOne(
        db, sql: "SELECT started_at FROM run WHERE run_id = ?", arguments: [run.runID])
      {
        return begun
      }
      try Self.insert(run, sequence: nil, db)
      return run.startedAt
    }
  }

  /// The folder of a finished run's results; nil if there is no such run or it was killed.
  public func outputFolder(of runID: String) throws -> String? {
    try read { db in
      try Row.fetchOne(
        db.cachedStatement(sql: "SELECT output_folder FROM run WHERE run_id = ? AND sequence IS NOT NULL"),
        arguments: [runID]
      ).map { $0[0] ?? "" }
    }
  }

  /// The last finished run over a batch's latest revision, without all that it recorded; nil if there is none.
  public func lastRun(of batch: String) throws -> (label: String, outputFolder: String, exitCode: Int)? {
    try read { db in
      try Row.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT label, output_folder, exit_code FROM run WHERE batch = ? AND sequence IS NOT NULL
              ORDER BY sequence DESC LIMIT 1
            """), arguments: [batch]
      ).map { ($0[0], $0[1] ?? "", $0[2] ?? 0) }
    }
  }

  /// What the same run recorded of itself (`RunRecord.report`); nil if there is none.
  public func lastReport(of batch: String) throws -> String? {
    try read { db in
      try String.fetchOne(
        db,
        sql: "SELECT report FROM run WHERE batch = ? AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1",
        arguments: [batch])
    }
  }

  /// What a run is compared with: the last finished run that is not itself. (A finished run is done again when an
  /// incomplete batch is accepted; it must not be compared with its own result.)
  public func baseline(of runID: String) throws -> RunSnapshot {
    try snapshot(
      sql: "SELECT * FROM run WHERE sequence IS NOT NULL AND run_id <> ? ORDER BY sequence DESC LIMIT 1", [runID])
  }

  /// The batch of the last finished run; nil if there is none.
  public func newestBatch() throws -> String? {
    try read { db in
      try String.fetchOne(
        db.cachedStatement(sql: "SELECT batch FROM run WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1"))
    }
  }

  /// What held after the last finished run.
  public func lastSnapshot() throws -> RunSnapshot {
    try snapshot(sql: "SELECT * FROM run WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1", [])
  }

  /// A finding of the last finished run; nil if it has none of that id.
  public func finding(_ id: String) throws -> FindingRecord? {
    try read { db in
      guard
        let text = try String.fetchOne(
          db,
          sql: """
            SELECT record FROM finding WHERE id = ?
              AND run_id = (SELECT run_id FROM run WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1)
            """, arguments: [id])
      else { return nil }
      return try JSONDecoder().decode(FindingRecord.self, from: Data(text.utf8))
    }
  }

  /// Records a finished run in one transaction: the batch's revision and files, acceptances, the run, its stages, its
  /// findings and its open cases. Before it the outputs are in place; after it the run is done.
  ///
  /// - Parameters:
  ///   - accepted: batches (latest revision, or the one given) accepted though incomplete, with the reason.
  ///   - evaluation: what the next run may go on from; it takes the place of what was there.
  ///   - seen: delivered files that were hashed and need not be again while they stay as they are.
  ///   - forgotten: paths of files that were noted and are no longer delivered.
  public func finishRun(
    _ run: RunRecord, revision: BatchRevision, findings: [FindingRecord], openCases: [CaseFile],
    accepted: [(batch: String, reason: String)] = [], evaluation: EvaluationState? = nil, seen: [SeenFile] = [],
    forgotten: [String] = []
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try write { db in
      try Self.insert(revision, db)
      for (batch, reason) in accepted {
        try db.execute(
          sql: """
            UPDATE batch SET accepted_reason = ? WHERE name = ? AND state = 'incomplete'
              AND revision = (SELECT max(revision) FROM batch WHERE name = ?)
            """, arguments: [reason, batch, batch])
      }
      // A run that is done again keeps its place if it is the last; else it becomes the last.
      let last =
        try Int.fetchOne(db, sql: "SELECT max(sequence) FROM run WHERE run_id <> ?", arguments: [run.runID]) ?? 0
      try db.execute(sql: "DELETE FROM run WHERE run_id = ?", arguments: [run.runID])
      try Self.insert(run, sequence: last + 1, db)
      for (ordinal, stage) in run.stages.enumerated() {
        try db.execute(
          sql: "INSERT INTO stage VALUES (?,?,?,?,?,?)",
          arguments: [run.runID, ordinal, stage.name, stage.rows, stage.bytes, stage.milliseconds])
      }
      let insertFinding = try db.makeStatement(sql: "INSERT INTO finding VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)")
      for record in findings {
        let finding = record.finding
        try insertFinding.execute(arguments: [
          run.runID, finding.id, finding.rule, finding.verdict.rawValue, finding.subjectType.rawValue, finding.subject,
          record.state.rawValue, record.firstBatch, finding.amountFen, finding.fundFen, record.countedFen,
          record.caseID.isEmpty ? nil : record.caseID, String(decoding: try encoder.encode(record), as: UTF8.self),
        ])
      }
      let insertCase = try db.makeStatement(sql: "INSERT INTO case_file VALUES (?,?,?,?,?,?,?)")
      for file in openCases {
        // The column holds 64 bits; the amount of an open case is worked out anew by each run and never read from here.
        let countedFen = Int64(clamping: file.countedFen)
        try insertCase.execute(arguments: [
          run.runID, file.id, file.subjectType.rawValue, file.subject, file.openedIn, countedFen,
          String(decoding: try encoder.encode(file.findingIDs), as: UTF8.self),
        ])
      }
      let kept = "SELECT run_id FROM run WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 2"
      try db.execute(sql: "DELETE FROM finding WHERE run_id NOT IN (\(kept))")
      try db.execute(sql: "DELETE FROM case_file WHERE run_id NOT IN (\(kept))")
      try Self.replaceEvaluation(evaluation, db)
      try Self.note(seen, forgotten: forgotten, db)
    }
    try removeOrphanEvaluationFiles()
  }

  // MARK: Status

  /// The latest revisions that are incomplete, by name; see `BatchRevision.blocksPackets`.
  public func incompleteBatches() throws -> [BatchRevision] { try revisions(where: "incomplete_reason IS NOT NULL") }

  /// Finished runs, the oldest first; with their stages.
  public func runs() throws -> [RunRecord] {
    try read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM run WHERE sequence IS NOT NULL ORDER BY sequence").map {
        try Self.run($0, db)
      }
    }
  }

  // MARK: Rows

  private func snapshot(sql: String, _ arguments: StatementArguments) throws -> RunSnapshot {
    try read { db in
      guard let row = try Row.fetchOne(db, sql: sql, arguments: arguments) else {
        return RunSnapshot(run: nil, findings: [], openCases: [])
      }
      let run = try Self.run(row, db)
      let decoder = JSONDecoder()
      let findings = try String.fetchAll(
        db, sql: "SELECT record FROM finding WHERE run_id = ? ORDER BY CAST(id AS BLOB)", arguments: [run.runID]
      ).map { try decoder.decode(FindingRecord.self, from: Data($0.utf8)) }
      let cases = try Row.fetchAll(
        db, sql: "SELECT * FROM case_file WHERE run_id = ? ORDER BY CAST(id AS BLOB)", arguments: [run.runID]
      ).compactMap { (row: Row) -> CaseFile? in
        guard let type = SubjectType(rawValue: row["subject_type"]) else { return nil }
        let ids: String = row["finding_ids"]
        return CaseFile(
          id: row["id"], subjectType: type, subject: row["subject"], openedIn: row["opened_in"],
          findingIDs: try decoder.decode([String].self, from: Data(ids.utf8)),
          countedFen: Int128(row["counted_fen"] as Int64))
      }
      return RunSnapshot(run: run, findings: findings, openCases: cases)
    }
  }

  private static func insert(_ revision: BatchRevision, _ db: Database) throws {
    try db.execute(
      sql: "DELETE FROM batch WHERE name = ? AND revision = ?", arguments: [revision.name, revision.revision])
    try db.execute(
      sql: "INSERT INTO batch VALUES (?,?,?,?,?,?)",
      arguments: [
        revision.name, revision.revision, revision.label, revision.isIncomplete ? "incomplete" : "complete",
        revision.incompleteReason, revision.acceptedReason,
      ])
    // What the file's bytes gave is recorded with them; the same text for each delivery of them, a third of a year's
    // ledger, is left out.
    let insert = try db.makeStatement(
      sql: """
        INSERT INTO file VALUES (?,?,?,?,?,?,?,?,?,CASE WHEN EXISTS
          (SELECT 1 FROM content WHERE digest = ?4 AND reading = ?5 AND report = ?10) THEN '' ELSE ?10 END)
        """)
    for file in revision.files {
      try insert.execute(arguments: [
        revision.name, revision.revision, file.name, file.digest, file.reading, file.size, file.state.rawValue,
        file.refusal?.code, file.refusal?.message, file.report,
      ])
    }
  }

  private static func insert(_ run: RunRecord, sequence: Int?, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO run VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
      arguments: [
        run.runID, sequence, run.batch, run.revision, run.label, run.asOf, run.startedAt, run.finishedAt,
        run.toolVersion, run.digests, sequence == nil ? nil : run.exitCode, run.outputFolder, run.report,
      ])
  }

  private static func run(_ row: Row, _ db: Database) throws -> RunRecord {
    let id: String = row["run_id"]
    let stages = try Row.fetchAll(db, sql: "SELECT * FROM stage WHERE run_id = ? ORDER BY ordinal", arguments: [id])
      .map { (row: Row) in
        StageRecord(
          name: row["name"], rows: row["row_count"], bytes: row["byte_count"], milliseconds: row["milliseconds"])
      }
    return RunRecord(
      runID: id, batch: row["batch"], revision: row["revision"], asOf: row["as_of"], startedAt: row["started_at"],
      finishedAt: row["finished_at"], toolVersion: row["tool_version"], digests: row["digests"],
      exitCode: row["exit_code"] ?? 0, outputFolder: row["output_folder"] ?? "", stages: stages, report: row["report"])
  }

  /// Headers that were read, by their texts: most files of a table have the same one.
  private struct NameLists {
    private var known: [String: [String]] = [:]

    subscript(list: String) -> [String] {
      mutating get {
        if let names = known[list] { return names }
        let names = Ledger.names(list)
        known[list] = names
        return names
      }
    }
  }

  /// Of a row that begins with `segmentColumns`.
  private static func segment(_ row: Row, _ lists: inout NameLists) -> SegmentRecord? {
    guard let table = ClaimTable(name: row[5]) else { return nil }
    return SegmentRecord(
      key: SegmentKey(digest: row[1], reading: row[2], member: row[3], table: table), memberName: row[4], rows: row[6],
      report: row[9], number: row[0], header: SegmentHeader(columns: lists[row[7]], unknownColumns: lists[row[8]]))
  }

  private static func segmentColumns(_ name: String) -> String {
    [
      "number", "digest", "reading", "member", "member_name", "claim_table", "row_count", "columns", "unknown_columns",
      "report",
    ].map { "\(name).\($0)" }.joined(separator: ", ")
  }

  private static let segmentsOfContent =
    "SELECT \(segmentColumns("s")) FROM claim_segment s WHERE digest = ? AND reading = ? ORDER BY member, claim_table"

  // Each name is followed by a separator, so that an empty name is one too.
  private static func list(_ names: [String]) -> String { names.map { $0 + "\u{1F}" }.joined() }

  private static func names(_ list: String) -> [String] {
    list.split(separator: "\u{1F}", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  private static func refusal(_ row: Row) -> Refusal? {
    guard let code: String = row["refusal_code"] else { return nil }
    return Refusal(code: code, message: row["refusal_message"] ?? "")
  }

  // MARK: Numbers

  enum Numbered { case segment, part }

  private struct LastNumbers {
    var segment: Int32
    var part: Int32
  }

  /// The next number of a kind; what is not committed may be given again by the next process, whose `open` has removed
  /// the files.
  func newNumber(_ kind: Numbered) throws -> Int32 {
    try numbers.withLock { known in
      var next = try known ?? lastNumbers()
      switch kind {
      case .segment: next.segment += 1
      case .part: next.part += 1
      }
      known = next
      return kind == .segment ? next.segment : next.part
    }
  }

  private func lastNumbers() throws -> LastNumbers {
    try read { db in
      func last(_ kind: String) throws -> Int32 {
        try Int32.fetchOne(db, sql: "SELECT number FROM last_number WHERE kind = ?", arguments: [kind]) ?? 0
      }
      return LastNumbers(segment: try last("segment"), part: try last("part"))
    }
  }

  /// Records the numbers given so far; part of every transaction that lists parts.
  func noteNumbers(_ db: Database) throws {
    guard let last = numbers.withLock({ $0 }) else { return }
    try db.execute(sql: "UPDATE last_number SET number = ? WHERE kind = 'segment'", arguments: [last.segment])
    try db.execute(sql: "UPDATE last_number SET number = ? WHERE kind = 'part'", arguments: [last.part])
  }

  func read<R>(_ body: (Database) throws -> R) throws -> R {
    try StoreError.translating(path, database) { try database.read(body) }
  }

  /// - Parameter sealing: false: in the midst of a run, of which a later transaction seals the ledger; the digest of a
  ///   year's ledger takes longer than most transactions.
  func write<R>(sealing: Bool = true, _ body: (Database) throws -> R) throws -> R {
    try StoreError.translating(path, database) {
      let result = try database.write { db in
        let result = try body(db)
        try seal.open()
        return result
      }
      // The change is made; without a seal, for lack of room say, the ledger is sealed by the next open.
      if sealing { try? seal.close(database) }
      return result
    }
  }
}
