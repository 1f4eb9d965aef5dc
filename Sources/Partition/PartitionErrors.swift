import Diagnostics
import Glibc

/// Turns what the system says into a diagnostic with a remedy.
enum PartitionError {
  static func system(_ path: String, _ what: String, errno code: Int32) -> Diagnostic {
    if code == ENOSPC || code == EDQUOT {
      return Diagnostic(
        .error, "partition.disk-full", "The disk is full: rows that memory does not hold can't be put aside",
        at: Place(file: path),
        remedy: "Free some space or give more memory with --memory, then give the same command again.")
    }
    return Diagnostic(
      .error, "partition.io", "\(what): \(String(cString: strerror(code)))", at: Place(file: path),
      remedy: "Look at the folder's rights and at the disk.")
  }
}
