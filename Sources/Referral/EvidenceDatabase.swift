import Diagnostics
import GRDBSQLite

/// A SQLite file, opened for writing a packet's evidence or for reading somebody else's.
final class EvidenceDatabase {
  enum Mode {
    /// A new file; fixed page size, no journal: a half-written packet is thrown away, never mended.
    case create
    /// Never changed, never locked.
    case read
    case change
  }

  let path: String
  private(set) var handle: OpaquePointer?

  init(_ path: String, _ mode: Mode) throws {
    self.path = path
    var flags = SQLITE_OPEN_NOMUTEX
    switch mode {
    case .create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    case .read: flags |= SQLITE_OPEN_READONLY
    case .change: flags |= SQLITE_OPEN_READWRITE
    }
    guard sqlite3_open_v2(path, &handle, flags, nil) == SQLITE_OK else { throw failure() }
    switch mode {
    case .create:
      try run("PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-8'; PRAGMA auto_vacuum = 0; PRAGMA journal_mode = OFF;")
      try run("PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;")
    case .change: try run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    case .read: break
    }
    // A packet may come from anywhere: its schema must run nothing.
    try run("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")
  }

  deinit { sqlite3_close_v2(handle) }

  func run(_ sql: String) throws {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure() }
  }

  func prepare(_ sql: String) throws -> EvidenceStatement { try EvidenceStatement(self, sql) }

  /// Runs a query and hands out its rows.
  func query(_ sql: String, _ values: [EvidenceValue] = [], _ body: (EvidenceStatement) throws -> Void) throws {
    let statement = try prepare(sql)
    for (i, value) in values.enumerated() { statement.bind(i, value) }
    while try statement.step() { try body(statement) }
  }

  /// The database's own words, which hold no value of a row.
  func failure() -> Diagnostic {
    Diagnostic(
      .error, "packet.database", "The evidence database says: \(String(cString: sqlite3_errmsg(handle)))",
      at: Place(file: path), remedy: "Check the free disk space and that the file is a whole SQLite database.")
  }
}

/// A value of an evidence table.
enum EvidenceValue: Equatable {
  case null
  case integer(Int64)
  case text(String)
  /// A real or a blob, which no evidence table holds.
  case foreign

  /// The empty text is NULL.
  init(text: String) { self = text.isEmpty ? .null : .text(text) }
  init(_ number: Int64?) { self = number.map(EvidenceValue.integer) ?? .null }
}

final class EvidenceStatement {
  private let database: EvidenceDatabase
  let handle: OpaquePointer

  fileprivate init(_ database: EvidenceDatabase, _ sql: String) throws {
    self.database = database
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(database.handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
      throw database.failure()
    }
    handle = statement
  }

  deinit { sqlite3_finalize(handle) }

  /// Columns count from 0, parameters too.
  func bind(_ index: Int, _ value: EvidenceValue) {
    let i = Int32(index + 1)
    switch value {
    case .null, .foreign: sqlite3_bind_null(handle, i)
    case .integer(let n): sqlite3_bind_int64(handle, i, n)
    case .text(var text):
      // -1: SQLite copies the bytes.
      let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
      text.withUTF8 { b in
        _ = b.withMemoryRebound(to: CChar.self) {
          sqlite3_bind_text64(handle, i, $0.baseAddress, UInt64($0.count), copies, UInt8(SQLITE_UTF8))
        }
      }
    }
  }

  /// Inserts one row.
  func insert(_ values: [EvidenceValue]) throws {
    for (i, value) in values.enumerated() { bind(i, value) }
    defer { sqlite3_reset(handle) }
    guard sqlite3_step(handle) == SQLITE_DONE else { throw database.failure() }
  }

  /// False at the end.
  func step() throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw database.failure()
    }
  }

  var columnCount: Int { Int(sqlite3_column_count(handle)) }
  func name(_ i: Int) -> String { sqlite3_column_name(handle, Int32(i)).map { String(cString: $0) } ?? "" }

  func value(_ i: Int) -> EvidenceValue {
    switch sqlite3_column_type(handle, Int32(i)) {
    case SQLITE_NULL: .null
    case SQLITE_INTEGER: .integer(sqlite3_column_int64(handle, Int32(i)))
    case SQLITE_TEXT: .text(text(i))
    default: .foreign
    }
  }

  /// Null is the empty text.
  func text(_ i: Int) -> String {
    guard let bytes = sqlite3_column_text(handle, Int32(i)) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, Int32(i)))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Null is nil.
  func integer(_ i: Int) -> Int64? {
    sqlite3_column_type(handle, Int32(i)) == SQLITE_NULL ? nil : sqlite3_column_int64(handle, Int32(i))
  }
}
