import Diagnostics
import Foundation
internal import GRDB
internal import GRDBSQLite

/// Turns what the system or SQLite says into a diagnostic with a remedy.
enum StoreError {
  static let diskFullRemedy = "Free some space, then give the same command again; the store is as it was before."

  static func system(_ path: String, _ what: String, errno code: Int32) -> Diagnostic {
    if code == ENOSPC || code == EDQUOT { return diskFull(path) }
    return Diagnostic(
      .error, "store.io", "\(what): \(String(cString: strerror(code)))", at: Place(file: path),
      remedy: "Look at the folder's rights and at the disk.")
  }

  /// What a Foundation call threw: its errno, where it has one. The global `errno` behind such a call is anybody's.
  static func foundation(_ path: String, _ what: String, _ error: any Error) -> Diagnostic {
    var cause: (any Error)? = error
    while let one = cause {
      if let posix = one as? POSIXError { return system(path, what, errno: posix.code.rawValue) }
      let general = one as NSError
      if general.domain == NSPOSIXErrorDomain {
        return system(path, what, errno: Int32(truncatingIfNeeded: general.code))
      }
      if general.domain == NSCocoaErrorDomain, general.code == CocoaError.Code.fileWriteOutOfSpace.rawValue {
        return diskFull(path)
      }
      cause = general.userInfo[NSUnderlyingErrorKey] as? any Error
    }
    return Diagnostic(
      .error, "store.io", "\(what): \(error.localizedDescription)", at: Place(file: path),
      remedy: "Look at the folder's rights and at the disk.")
  }

  static func diskFull(_ path: String) -> Diagnostic {
    Diagnostic(.error, "store.disk-full", "The disk is full", at: Place(file: path), remedy: diskFullRemedy)
  }

  static func sqlite(_ path: String, code: Int32, message: String, systemErrno: Int32 = 0) -> Diagnostic {
    switch code & 0xFF {
    case SQLITE_FULL: return diskFull(path)
    case SQLITE_IOERR where systemErrno == ENOSPC || systemErrno == EDQUOT: return diskFull(path)
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      return corrupt(path, message)
    case SQLITE_BUSY, SQLITE_LOCKED: return locked(path)
    default:
      return Diagnostic(.error, "store.io", "SQLite says: \(message) (\(code))", at: Place(file: path))
    }
  }

  static func corrupt(_ path: String, _ what: String) -> Diagnostic {
    Diagnostic(
      .error, "store.corrupt", "The file is damaged or no SQLite database: \(what)", at: Place(file: path),
      remedy: "Restore the store folder from a copy, or move it away and read the batches again.")
  }

  static func noLedger(_ folder: String) -> Diagnostic {
    Diagnostic(
      .error, "store.no-ledger", "The folder holds parts, but no ledger that says what they are",
      at: Place(file: folder),
      remedy: "Restore ledger.sqlite from a copy, or give another folder with --store and read the batches again.")
  }

  static func unfinished(_ folder: String) -> Diagnostic {
    Diagnostic(
      .error, "store.unfinished",
      "The ledger is being made, was left so by a run that was killed, or is of an earlier version",
      at: Place(file: folder),
      remedy: "Give the run command: it brings the ledger up to date. Then give this command again.")
  }

  static func locked(_ path: String) -> Diagnostic {
    Diagnostic(
      .error, "store.locked", "Another run holds the store", at: Place(file: path),
      remedy: "Wait until it has finished; a lock of a killed run is gone by itself.")
  }

  static func newer(_ path: String) -> Diagnostic {
    Diagnostic(
      .error, "store.newer", "The store was made by a newer version of yijian", at: Place(file: path),
      remedy: "Use that version or newer; this one leaves the store untouched.")
  }

  static func older(_ folder: String) -> Diagnostic {
    Diagnostic(
      .error, "store.older", "The store keeps claims in the older form, in its folder segments",
      at: Place(file: folder),
      remedy:
        "Move the folder away and give the same command with the exports of all its batches: they are read into a "
        + "new store. Or go on with the older version; this one leaves the store untouched.")
  }

  static let damagedRemedy =
    "Restore the store folder from a copy, or move it away and read the batches again; 'yijian store verify' names "
    + "every damaged part."

  static func rewritten(_ folder: String) -> Diagnostic {
    Diagnostic(
      .error, "store.rewritten", "A run, or 'store compact', replaced parts while they were read",
      at: Place(file: folder),
      remedy: "Nothing is damaged: give the command again.")
  }

  static func partMissing(_ path: String) -> Diagnostic {
    Diagnostic(
      .error, "store.part-missing", "The part is in the catalogue but not in its place", at: Place(file: path),
      remedy: damagedRemedy)
  }

  static func partDamaged(_ path: String, _ what: String) -> Diagnostic {
    Diagnostic(
      .error, "store.part-damaged", "The part is not as it was written: \(what)", at: Place(file: path),
      remedy: damagedRemedy)
  }

  /// Runs a GRDB call and throws its errors, and those of decoding what it read, as diagnostics.
  ///
  /// - Parameter database: of which the system's own cause is asked; nil while there is none.
  static func translating<R>(_ path: String, _ database: DatabaseQueue? = nil, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as DatabaseError {
      throw sqlite(
        path, code: error.extendedResultCode.rawValue, message: error.message ?? "no message",
        systemErrno: database.map(systemErrno) ?? 0)
    } catch is DecodingError {
      throw corrupt(path, "a record of an earlier run can't be decoded")
    }
  }

  /// What the last system call of SQLite that failed left.
  private static func systemErrno(_ database: DatabaseQueue) -> Int32 {
    database.unsafeReentrantRead { db in db.sqliteConnection.map { sqlite3_system_errno($0) } ?? 0 }
  }
}
