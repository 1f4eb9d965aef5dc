import Foundation
import GRDBSQLite
import Testing

/// What a run takes from the store, and what it may leave there.
@Suite struct StoreTrustTests {
  private func ledger<R>(_ store: String, _ body: (OpaquePointer?) throws -> R) throws -> R {
    var database: OpaquePointer?
    guard sqlite3_open_v2(store + "/ledger.sqlite", &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
      throw TestFailure("the ledger can't be opened")
    }
    defer { sqlite3_close_v2(database) }
    return try body(database)
  }

  private func number(_ store: String, _ sql: String) throws -> Int64 {
    try ledger(store) { database in
      var statement: OpaquePointer?
      guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK,
        sqlite3_step(statement) == SQLITE_ROW
      else { throw TestFailure(sql) }
      defer { sqlite3_finalize(statement) }
      return sqlite3_column_int64(statement, 0)
    }
  }

  /// A link that leads nowhere is a file without bytes, and so without a digest: nothing may be known by the digest of
  /// nothing, or the next such file would be what this one was.
  @Test func whatCouldNotBeOpenedIsNotRemembered() throws {
    let folder = try Scratch.folder("unopened")
    try copy(Project.sample("clean") + "/batches/2025-W10", folder + "/in/2025-W10")
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/in/2025-W10/fee_list_d_9.csv", withDestinationPath: folder + "/nowhere.csv")
    let run = try SampleRun(folder + "/in", more: ["--registries", Project.sample("clean") + "/registries"])
    #expect(run.outcome.code == 3, "\(run.outcome.err)")
    #expect(try number(run.store, "SELECT count(*) FROM file WHERE name = 'fee_list_d_9.csv'") == 1)
    #expect(try number(run.store, "SELECT count(*) FROM content WHERE digest = ''") == 0)
    #expect(try number(run.store, "SELECT count(*) FROM content") > 0)
  }

  /// The next run compares with figures of the last; ones that can't be read are not none.
  @Test func damagedFiguresOfTheLastRunEndTheRun() throws {
    let folder = try Scratch.folder("figures")
    let batches = Project.sample("clean") + "/batches"
    try copy(batches + "/2025-W10", folder + "/in/2025-W10")
    let run = try SampleRun(folder + "/in", more: ["--registries", Project.sample("clean") + "/registries"])
    #expect(run.outcome.code == 0, "\(run.outcome.err)")
    try ledger(run.store) { database in
      guard sqlite3_exec(database, "UPDATE run SET report = '{'", nil, nil, nil) == SQLITE_OK else {
        throw TestFailure("the ledger can't be changed")
      }
    }
    unlink(run.store + "/ledger.sqlite.sha256")
    try copy(batches + "/2025-W11", folder + "/in/2025-W11")
    let next = try yijian(run.arguments + ["--registries", Project.sample("clean") + "/registries"])
    #expect(next.code == 2)
    #expect(next.err.contains("store.corrupt"), "\(next.err)")
    #expect(files(in: run.output + "/2025-W11") == [])
  }
}
