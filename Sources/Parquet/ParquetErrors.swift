import Diagnostics
import Glibc

/// What a reader of bytes found wrong. It knows neither file nor column; `ParquetError` adds them.
enum Defect: Error {
  /// The bytes contradict each other or the format.
  case damaged(String)
  /// The format allows it, but no file of this program has it.
  case unsupported(String)
  /// More bytes are needed than were handed over.
  case cut
  /// The machine has no memory left for it; the bytes may be sound.
  case memory
}

/// Turns what the system or the bytes say into a diagnostic with a remedy.
enum ParquetError {
  static func system(_ path: String, _ what: String, errno code: Int32) -> Diagnostic {
    if code == ENOSPC || code == EDQUOT {
      return Diagnostic(
        .error, "parquet.disk-full", "The disk is full", at: Place(file: path),
        remedy: "Free some space, then give the same command again; no file that was there has changed.")
    }
    return Diagnostic(
      .error, "parquet.io", "\(what): \(String(cString: strerror(code)))", at: Place(file: path),
      remedy: "Look at the folder's rights and at the disk.")
  }

  static func damaged(_ path: String, _ what: String, column: String? = nil) -> Diagnostic {
    Diagnostic(
      .error, "parquet.damaged", "The file is damaged: \(what)", at: Place(file: path, field: column),
      remedy: "Restore the store folder from a copy, or move it away and read the batches again.")
  }

  static func unsupported(_ path: String, _ what: String, column: String? = nil) -> Diagnostic {
    Diagnostic(
      .error, "parquet.unsupported", "The Parquet file was not written by yijian: \(what)",
      at: Place(file: path, field: column), remedy: "Only files that yijian has written are read; take this one away.")
  }

  static func value(_ path: String, _ what: String, column: String? = nil) -> Diagnostic {
    Diagnostic(.error, "parquet.value", what, at: Place(file: path, field: column))
  }

  /// Runs code that reads bytes and names file and column in what it throws.
  static func naming<R>(_ path: String, column: String? = nil, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let defect as Defect {
      switch defect {
      case .damaged(let what): throw damaged(path, what, column: column)
      case .unsupported(let what): throw unsupported(path, what, column: column)
      case .cut: throw damaged(path, "it ends too early", column: column)
      case .memory:
        throw Diagnostic(
          .error, "parquet.memory", "There is not enough memory for the file", at: Place(file: path, field: column),
          remedy: "Give the command with a smaller --memory, or on a machine with more.")
      }
    }
  }
}
