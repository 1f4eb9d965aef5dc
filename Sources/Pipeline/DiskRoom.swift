import Diagnostics
import Glibc
import Intake

/// Whether a file system has room for what a run will write; asked before the first byte is read.
enum DiskRoom {
  /// What the exports come to on the way, in bytes for each byte as delivered: records put aside, and parts of the
  /// store. Compressed exports are five to eight times smaller than their text; measured on exports of full width,
  /// rounded up.
  private static let scratchOfCompressed = 4
  private static let partsOfCompressed = 2

  /// Bytes that reading the files needs in a folder: for what does not fit into memory on the way, and for the store.
  static func needed(for files: [BatchFile], memory: Int, keepsParts: Bool) -> Int {
    var scratch = 0
    var parts = 0
    for file in files {
      scratch += file.isCompressed ? file.size * scratchOfCompressed : file.size
      parts += file.isCompressed ? file.size * partsOfCompressed : file.size / 2
    }
    return max(0, scratch - memory) + (keepsParts ? parts : 0)
  }

  /// Throws `store.no-room` if the file system of a folder has less room than that.
  static func check(_ folder: String, needed: Int) throws {
    var system = statvfs()
    guard needed > 0, statvfs(folder, &system) == 0 else { return }
    let free = Int(system.f_bavail) * Int(system.f_frsize)
    if free >= needed { return }
    throw Diagnostic(
      .error, "store.no-room",
      "the exports need up to \(megabytes(needed)) here while they are read, and \(free >> 20) MiB are free",
      at: Place(file: folder),
      remedy: "make room, give --memory a larger size, or put the folder on another disk; nothing was read yet")
  }

  private static func megabytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
}
