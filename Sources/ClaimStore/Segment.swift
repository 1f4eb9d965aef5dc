import ClaimModel
import Diagnostics
import Foundation
internal import GRDBSQLite

/// Names the accepted rows of one member of one claim file.
public struct SegmentKey: Hashable, Sendable {
  /// SHA-256 of the file's (compressed) bytes, 64 hexadecimal digits.
  public var digest: String
  /// What else decides which rows the bytes give (limits, version of the reader), as a short text of letters and
  /// digits; files read under another are read again.
  public var reading: String
  /// 0-based place of the member in its archive; 0 for a plain or gzip file.
  public var member: Int
  public var table: ClaimTable

  public init(digest: String, reading: String, member: Int, table: ClaimTable) {
    self.digest = digest
    self.reading = reading
    self.member = member
    self.table = table
  }

  /// Name in the folder `segments`.
  public var fileName: String { "\(digest)-\(reading)-\(member)-\(table.name).sqlite" }
}

/// What a segment's file had for a header.
public struct SegmentHeader: Sendable, Hashable {
  /// National columns that the file had.
  public var columns: [String]
  /// Other columns, in header order; their texts end each row's fields.
  public var unknownColumns: [String]

  public init(columns: [String], unknownColumns: [String]) {
    self.columns = columns
    self.unknownColumns = unknownColumns
  }
}

private let formatVersion = "1"
// The lifetime of bytes handed to sqlite3_bind: they stay valid until the step is done.
private let staticBytes: sqlite3_destructor_type? = nil

/// Writes one segment. Not for use by several threads at once; several writers at once are fine.
///
/// Nothing is seen of it until `finish` has renamed the file; the rows belong to the store only when `Ledger.commitFile`
/// has recorded them.
public final class SegmentWriter {
  public let key: SegmentKey
  /// Rows appended since the start or the last restart.
  public private(set) var rowCount = 0

  private let header: SegmentHeader
  private let folder: String
  private let temporary: String
  private var database: OpaquePointer?
  private var insert: OpaquePointer?
  private let maxPages: Int?

  /// - Parameter folder: the store's `segments` folder, see `Ledger.segmentWriter`.
  init(folder: String, key: SegmentKey, header: SegmentHeader, maxPages: Int? = nil) throws {
    self.folder = folder
    self.key = key
    self.header = header
    self.maxPages = maxPages
    temporary = folder + "/" + AtomicFile.temporaryName(for: key.fileName)
    try start()
  }

  deinit { discard() }

  /// Adds an accepted row. Lines ascend.
  ///
  /// - Parameters:
  ///   - line: 1-based line in the claim file, header included.
  ///   - byteOffset: of the row's first byte in the inflated bytes.
  ///   - fields: the row's fields blob; not kept after the call.
  public func append(line: Int32, byteOffset: Int64, fields: UnsafeRawBufferPointer) throws {
    guard let insert else { throw closed() }
    sqlite3_bind_int(insert, 1, line)
    sqlite3_bind_int64(insert, 2, byteOffset)
    sqlite3_bind_blob(insert, 3, fields.baseAddress, Int32(fields.count), staticBytes)
    let code = sqlite3_step(insert)
    sqlite3_reset(insert)
    guard code == SQLITE_DONE else { throw failure(code) }
    rowCount += 1
  }

  /// Forgets all rows and starts anew: the file is read again in another charset.
  public func restart() throws {
    close()
    unlink(temporary)
    rowCount = 0
    try start()
  }

  /// Syncs the file and puts it in its place. Call `Ledger.commitFile` next.
  public func finish() throws {
    guard database != nil else { throw closed() }
    sqlite3_finalize(insert)
    insert = nil
    do {
      try writeMeta()
      try run("COMMIT")
      close()
      try AtomicFile.syncFile(temporary)
      let target = folder + "/" + key.fileName
      guard rename(temporary, target) == 0 else {
        throw StoreError.system(target, "The segment can't be put in place", errno: errno)
      }
      try AtomicFile.syncFolder(folder)
    } catch {
      discard()
      throw error
    }
  }

  /// Gives up; nothing is left of the segment. Harmless after `finish`.
  public func discard() {
    let wasOpen = database != nil
    close()
    if wasOpen || access(temporary, F_OK) == 0 { unlink(temporary) }
  }

  private func start() throws {
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError.system(temporary, "The segment can't be written", errno: errno) }
    Glibc.close(file)
    let code = sqlite3_open_v2(temporary, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK else { throw failure(code) }
    // No journal and no syncs: a half-written segment is thrown away, never mended.
    try run("PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    try run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -4096;")
    if let maxPages { try run("PRAGMA max_page_count = \(maxPages);") }
    try run(
      """
      BEGIN;
      CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE row(line INTEGER PRIMARY KEY, byte_offset INTEGER NOT NULL, fields BLOB NOT NULL) STRICT;
      """)
    insert = try prepare("INSERT INTO row(line, byte_offset, fields) VALUES (?, ?, ?)")
  }

  private func writeMeta() throws {
    let meta = try prepare("INSERT INTO meta(key, value) VALUES (?, ?)")
    defer { sqlite3_finalize(meta) }
    let values = [
      ("columns", Self.list(header.columns)), ("format", formatVersion), ("rows", String(rowCount)),
      ("table", key.table.name), ("unknown_columns", Self.list(header.unknownColumns)),
    ]
    for (name, value) in values {
      let code = name.withCString { namePointer in
        value.withCString { valuePointer in
          sqlite3_bind_text(meta, 1, namePointer, -1, staticBytes)
          sqlite3_bind_text(meta, 2, valuePointer, -1, staticBytes)
          let code = sqlite3_step(meta)
          sqlite3_reset(meta)
          return code
        }
      }
      guard code == SQLITE_DONE else { throw failure(code) }
    }
  }

  // Each name is followed by a separator, so that an empty name is one too.
  private static func list(_ names: [String]) -> String { names.map { $0 + "\u{1F}" }.joined() }

  private func prepare(_ sql: String) throws -> OpaquePointer {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw failure(code) }
    return statement
  }

  private func run(_ sql: String) throws {
    let code = sqlite3_exec(database, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw failure(code) }
  }

  private func close() {
    sqlite3_finalize(insert)
    insert = nil
    sqlite3_close(database)
    database = nil
  }

  private func failure(_ code: Int32) -> Diagnostic {
    StoreError.sqlite(
      folder, code: code, message: String(cString: sqlite3_errmsg(database)),
      systemErrno: sqlite3_system_errno(database))
  }

  private func closed() -> Diagnostic {
    Diagnostic(.error, "store.io", "The segment was closed before", at: Place(file: folder))
  }
}

/// Reads one finished segment. Not for use by several threads at once; several readers of one segment are fine.
public final class SegmentReader {
  public let key: SegmentKey
  public let header: SegmentHeader
  public let rowCount: Int

  private let path: String
  private let database: OpaquePointer

  /// - Throws: `store.segment-missing`, `store.newer` or `store.corrupt`.
  init(folder: String, key: SegmentKey) throws {
    self.key = key
    path = folder + "/" + key.fileName
    guard access(path, R_OK) == 0 else {
      throw Diagnostic(
        .error, "store.segment-missing", "The ledger names a segment that is not in the store", at: Place(file: path),
        remedy: "Restore the store folder from a copy, or move it away and read the batches again.")
    }
    var opened: OpaquePointer?
    // Segments never change, so no lock is needed. % first: it begins an escape in a file: address.
    let escaped = path.replacing("%", with: "%25").replacing("?", with: "%3f").replacing("#", with: "%23")
    let code = sqlite3_open_v2(
      "file:\(escaped)?immutable=1", &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nil)
    guard code == SQLITE_OK, let opened else {
      sqlite3_close(opened)
      throw StoreError.sqlite(path, code: code, message: "it can't be opened")
    }
    database = opened
    do {
      sqlite3_exec(opened, "PRAGMA mmap_size = 1099511627776", nil, nil, nil)
      var meta: [String: String] = [:]
      try Self.query(opened, path, "SELECT key, value FROM meta") { row in
        meta[String(cString: sqlite3_column_text(row, 0))] = String(cString: sqlite3_column_text(row, 1))
      }
      guard meta["format"] == formatVersion else { throw StoreError.newer(path) }
      guard meta["table"] == key.table.name, let rows = meta["rows"].flatMap({ Int($0) }) else {
        throw StoreError.sqlite(path, code: SQLITE_CORRUPT, message: "its own description does not fit")
      }
      rowCount = rows
      func list(_ name: String) -> [String] {
        (meta[name] ?? "").split(separator: "\u{1F}", omittingEmptySubsequences: false).dropLast().map(String.init)
      }
      header = SegmentHeader(columns: list("columns"), unknownColumns: list("unknown_columns"))
    } catch {
      sqlite3_close(opened)
      throw error
    }
  }

  deinit { sqlite3_close(database) }

  /// Hands out every row, by line. The bytes are valid during the call only.
  public func forEach(_ body: (_ line: Int32, _ byteOffset: Int64, _ fields: UnsafeRawBufferPointer) throws -> Void)
    throws
  {
    var count = 0
    try Self.query(database, path, "SELECT line, byte_offset, fields FROM row ORDER BY line") { row in
      count += 1
      try body(sqlite3_column_int(row, 0), sqlite3_column_int64(row, 1), Self.blob(row, 2))
    }
    guard count == rowCount else {
      throw StoreError.sqlite(path, code: SQLITE_CORRUPT, message: "\(count) rows instead of \(rowCount)")
    }
  }

  /// Hands out the rows of the lines, in the order given; a line without an accepted row is passed over.
  public func fetch(
    lines: [Int32], _ body: (_ line: Int32, _ byteOffset: Int64, _ fields: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v2(database, "SELECT byte_offset, fields FROM row WHERE line = ?", -1, &statement, nil)
    guard code == SQLITE_OK else { throw Self.failure(database, path, code) }
    defer { sqlite3_finalize(statement) }
    for line in lines {
      sqlite3_reset(statement)
      sqlite3_bind_int(statement, 1, line)
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { continue }
      guard code == SQLITE_ROW else { throw Self.failure(database, path, code) }
      try body(line, sqlite3_column_int64(statement, 0), Self.blob(statement, 1))
    }
  }

  private static func blob(_ row: OpaquePointer?, _ column: Int32) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: sqlite3_column_blob(row, column), count: Int(sqlite3_column_bytes(row, column)))
  }

  private static func query(
    _ database: OpaquePointer, _ path: String, _ sql: String, _ body: (OpaquePointer?) throws -> Void
  ) throws {
    var statement: OpaquePointer?
    var code = sqlite3_prepare_v2(database, sql, -1, &statement, nil)
    guard code == SQLITE_OK else { throw failure(database, path, code) }
    defer { sqlite3_finalize(statement) }
    while true {
      code = sqlite3_step(statement)
      if code == SQLITE_DONE { return }
      guard code == SQLITE_ROW else { throw failure(database, path, code) }
      try body(statement)
    }
  }

  private static func failure(_ database: OpaquePointer, _ path: String, _ code: Int32) -> Diagnostic {
    StoreError.sqlite(path, code: code, message: String(cString: sqlite3_errmsg(database)))
  }
}
