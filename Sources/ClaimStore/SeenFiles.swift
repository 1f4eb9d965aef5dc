import ClaimModel
internal import GRDB

/// A delivered file whose bytes were hashed by an earlier run.
public struct SeenFile: Sendable, Hashable {
  /// Absolute.
  public var path: String
  /// What told whether its bytes may have changed since; the caller's words.
  public var identity: String
  /// Of the bytes, 64 hexadecimal digits.
  public var sha256: String

  public init(path: String, identity: String, sha256: String) {
    self.path = path
    self.identity = identity
    self.sha256 = sha256
  }
}

extension Ledger {
  /// The files that finished runs have noted, by path.
  public func seenFiles() throws -> [String: SeenFile] {
    try read { db in
      var result: [String: SeenFile] = [:]
      let rows = try Row.fetchCursor(db, sql: "SELECT path, identity, sha256 FROM seen_file")
      while let row = try rows.next() {
        let file = SeenFile(path: row[0], identity: row[1], sha256: row[2])
        result[file.path] = file
      }
      return result
    }
  }

  static func note(_ seen: [SeenFile], forgotten: [String], _ db: Database) throws {
    let delete = try db.makeStatement(sql: "DELETE FROM seen_file WHERE path = ?")
    for path in forgotten.sorted(by: bytesPrecede) { try delete.execute(arguments: [path]) }
    let insert = try db.makeStatement(sql: "INSERT OR REPLACE INTO seen_file VALUES (?,?,?)")
    for file in seen.sorted(by: { bytesPrecede($0.path, $1.path) }) {
      try insert.execute(arguments: [file.path, file.identity, file.sha256])
    }
  }
}
