import Foundation
import GRDBSQLite
import Testing

/// A copy of a packet that a test may spoil.
struct Packet {
  let folder: String
  var evidence: String { folder + "/data/evidence.sqlite" }

  /// The name must stay: it is part of what is checked.
  init(copyOf original: String) throws {
    folder = try Scratch.folder("packet") + "/" + URL(fileURLWithPath: original).lastPathComponent
    try copy(original, folder)
  }

  /// Runs SQL that changes the evidence; gives the number of rows changed.
  @discardableResult
  func change(_ sql: String) throws -> Int {
    var database: OpaquePointer?
    guard sqlite3_open_v2(evidence, &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
      throw TestFailure("evidence.sqlite can't be opened")
    }
    defer { sqlite3_close(database) }
    guard sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else {
      throw TestFailure("\(sql): \(String(cString: sqlite3_errmsg(database)))")
    }
    return Int(sqlite3_changes(database))
  }

  /// Rows of a query, each value as text, NULL as nil.
  func rows(_ sql: String) throws -> [[String?]] {
    var database: OpaquePointer?
    guard sqlite3_open_v2(evidence, &database, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else {
      throw TestFailure("evidence.sqlite can't be opened")
    }
    defer { sqlite3_close(database) }
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK else {
      throw TestFailure("\(sql): \(String(cString: sqlite3_errmsg(database)))")
    }
    defer { sqlite3_finalize(statement) }
    var result: [[String?]] = []
    while sqlite3_step(statement) == SQLITE_ROW {
      result.append(
        (0..<sqlite3_column_count(statement)).map { i in sqlite3_column_text(statement, i).map { String(cString: $0) } }
      )
    }
    return result
  }

  /// What a forger would do: every digest of the bag anew, so that only the content can give him away.
  func sealAgain() throws {
    var manifest = ""
    var bytes = 0
    let payload = files(in: folder + "/data")
    for name in payload.map({ "data/" + $0 }).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      let data = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
      bytes += data.count
      manifest += "\(sha256(data))  \(name)\n"
    }
    try write(manifest, to: folder + "/manifest-sha256.txt")
    let info = text(of: folder + "/bag-info.txt").split(separator: "\n").map {
      $0.hasPrefix("Payload-Oxum:") ? "Payload-Oxum: \(bytes).\(payload.count)" : String($0)
    }
    try write(info.joined(separator: "\n") + "\n", to: folder + "/bag-info.txt")
    var tags = ""
    for name in ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"] {
      tags += "\(sha256(FileManager.default.contents(atPath: folder + "/" + name) ?? Data()))  \(name)\n"
    }
    try write(tags, to: folder + "/tagmanifest-sha256.txt")
  }

  func verify() throws -> Outcome { try yijian(["verify", folder]) }
}
