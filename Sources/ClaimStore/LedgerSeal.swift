import ClaimModel
import Diagnostics
import Foundation
internal import GRDB
internal import GRDBSQLite

/// The digest under which the ledger was last committed, in the file `ledger.sqlite.sha256` beside it.
///
/// SQLite has no checksums: a bit that flips in a state or an id reads as another state or id. So the digest is written
/// anew, in the form of `sha256sum`, and whoever opens the ledger holds it against that. The seal goes before the first
/// commit of a run and comes after its last; a kill or an error in between leaves a ledger without one, which is
/// good as SQLite leaves it, and sealed when it is next opened for writing. So is one of a version before there were seals.
struct LedgerSeal {
  /// Where the ledger lies.
  let ledger: String

  private var path: String { ledger + ".sha256" }

  /// Holds the ledger against its seal, if it has one.
  ///
  /// - Throws: `store.corrupt` if it is not what was sealed; `store.io` if the seal can't be read.
  func check(_ database: DatabaseQueue) throws {
    try database.read { db in
      // Only a statement takes the lock that keeps commits of other processes away.
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
      guard access(path, F_OK) == 0 else { return }
      guard let bytes = FileManager.default.contents(atPath: path) else {
        // A run that begins has removed it meanwhile; it can't commit before this lock is gone.
        if access(path, F_OK) != 0, errno == ENOENT { return }
        throw StoreError.system(path, "The digest of the ledger can't be read", errno: errno)
      }
      guard try String(decoding: bytes, as: UTF8.self) == text(db) else {
        throw StoreError.corrupt(ledger, "its SHA-256 is not the one in \(AtomicFile.last(path))")
      }
    }
  }

  /// Removes the seal; to be called in a transaction, as the last thing before its commit.
  func open() throws {
    if unlink(path) != 0 {
      if errno == ENOENT { return }
      throw StoreError.system(path, "The digest of the ledger can't be removed", errno: errno)
    }
    // A power cut must not bring it back beside what was committed since.
    try AtomicFile.syncFolder(AtomicFile.parent(path))
  }

  /// Seals what is committed, if it has no seal.
  func close(_ database: DatabaseQueue) throws {
    try database.read { db in
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
      if access(path, F_OK) != 0 { try AtomicFile.write(text(db), to: path) }
    }
  }

  /// What the seal of the ledger as it is says.
  private func text(_ db: Database) throws -> String { "\(try digest(db))  \(AtomicFile.last(ledger))\n" }

  /// SHA-256 of the file, read through SQLite's own descriptor: to close another one of the same file would drop the
  /// locks of this process.
  private func digest(_ db: Database) throws -> String {
    var file: UnsafeMutablePointer<sqlite3_file>?
    let code = withUnsafeMutablePointer(to: &file) {
      sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, $0)
    }
    guard code == SQLITE_OK, let file, let methods = file.pointee.pMethods?.pointee, let read = methods.xRead,
      let fileSize = methods.xFileSize
    else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    var size: Int64 = 0
    guard fileSize(file, &size) == SQLITE_OK else { throw DatabaseError(resultCode: .SQLITE_IOERR) }
    let hasher = SHA256Hasher()
    try withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 16) { buffer in
      var done: Int64 = 0
      while done < size {
        let count = Int(min(Int64(buffer.count), size - done))
        let code = read(file, buffer.baseAddress, Int32(count), done)
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        done += Int64(count)
      }
    }
    return hasher.finalHex()
  }
}
