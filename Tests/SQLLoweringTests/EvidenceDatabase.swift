import ClaimModel
import GRDBSQLite
import SQLLowering

/// An evidence database in memory, filled row by row; only for tests.
final class EvidenceDatabase {
  enum Value: Equatable, CustomStringConvertible {
    case null, integer(Int64), text(String)
    case real(Double)
    var description: String {
      switch self {
      case .null: "∅"
      case .integer(let v): String(v)
      case .text(let v): v
      case .real(let v): "real \(v)"
      }
    }
  }
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private var db: OpaquePointer?

  init() throws {
    guard sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil) == SQLITE_OK else {
      throw Failure(description: "no database")
    }
    for table in EvidenceSchema.all {
      try run(table.createSQL)
      for index in table.indexSQL { try run(index) }
    }
  }

  deinit { sqlite3_close_v2(db) }

  func run(_ sql: String) throws {
    var message: UnsafeMutablePointer<CChar>?
    if sqlite3_exec(db, sql, nil, nil, &message) != SQLITE_OK {
      let text = message.map { String(cString: $0) } ?? "?"
      sqlite3_free(message)
      throw Failure(description: text)
    }
  }

  /// Runs every statement; rows of the last one that has columns.
  @discardableResult
  func rows(_ sql: String) throws -> [[Value]] {
    var result: [[Value]] = []
    var bytes = Array(sql.utf8CString)
    try bytes.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      var tail: UnsafePointer<CChar>? = UnsafePointer(start)
      while let here = tail, here.pointee != 0 {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(db, here, -1, &statement, &tail) == SQLITE_OK else {
          throw Failure(description: String(cString: sqlite3_errmsg(db)) + " in: " + String(cString: here).prefix(600))
        }
        guard let statement else { continue }
        defer { sqlite3_finalize(statement) }
        let columns = sqlite3_column_count(statement)
        if columns > 0 { result = [] }
        while true {
          let code = sqlite3_step(statement)
          if code == SQLITE_DONE { break }
          guard code == SQLITE_ROW else { throw Failure(description: String(cString: sqlite3_errmsg(db))) }
          result.append((0..<columns).map { Self.value(statement, $0) })
        }
      }
    }
    return result
  }

  /// Rows as texts joined by `|`.
  func texts(_ sql: String) throws -> [String] {
    try rows(sql).map { $0.map(\.description).joined(separator: "|") }
  }

  func insert(_ table: EvidenceSchema.Table, _ values: [String: Value]) throws {
    for name in values.keys where !table.columns.contains(where: { $0.name == name }) {
      throw Failure(description: "\(table.name) has no \(name)")
    }
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(db, table.insertSQL, -1, &statement, nil) == SQLITE_OK, let statement else {
      throw Failure(description: String(cString: sqlite3_errmsg(db)))
    }
    defer { sqlite3_finalize(statement) }
    for (place, column) in table.columns.enumerated() {
      let index = Int32(place + 1)
      switch values[column.name] ?? .null {
      case .null: sqlite3_bind_null(statement, index)
      case .integer(let v): sqlite3_bind_int64(statement, index, v)
      case .real(let v): sqlite3_bind_double(statement, index, v)
      case .text(let v):
        sqlite3_bind_text(statement, index, v, -1, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
      }
    }
    guard sqlite3_step(statement) == SQLITE_DONE else {
      throw Failure(description: String(cString: sqlite3_errmsg(db)))
    }
  }

  /// A claim row from texts as a file has them; money in yuan, times as written.
  func claim(_ entity: Entity, _ fields: [String: String]) throws {
    var values: [String: Value] = [:]
    for (name, text) in fields where !text.isEmpty {
      guard let kind = entity.table.columns.first(where: { $0.name == name })?.kind else {
        throw Failure(description: "\(entity) has no \(name)")
      }
      values[name] = try Self.value(text, kind)
    }
    try insert(EvidenceSchema.table(of: entity), values)
  }

  /// A registry row from texts; text in upper case as the registries hold it.
  func registry(_ name: String, _ fields: [String: String], ambiguous: Bool = false) throws {
    guard let schema = RegistrySchema.named(name) else { throw Failure(description: "no \(name)") }
    var values: [String: Value] = ["is_ambiguous": .integer(ambiguous ? 1 : 0)]
    for (column, text) in fields where !text.isEmpty {
      guard let kind = schema.kind(of: column) else { throw Failure(description: "\(name) has no \(column)") }
      values[column] = try Self.value(text, kind)
    }
    try insert(EvidenceSchema.table(of: schema), values)
  }

  private static func value(_ text: String, _ kind: ValueKind) throws -> Value {
    if kind == .text { return .text(text) }
    var text = text
    let number = text.withUTF8 { kind.parse(UnsafeRawBufferPointer($0)) }
    guard let number else { throw Failure(description: "bad \(kind)") }
    return .integer(number)
  }

  private static func value(_ statement: OpaquePointer, _ column: Int32) -> Value {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, column))
    case SQLITE_FLOAT: .real(sqlite3_column_double(statement, column))
    case SQLITE_TEXT: .text(sqlite3_column_text(statement, column).map { String(cString: $0) } ?? "")
    default: .null
    }
  }
}
