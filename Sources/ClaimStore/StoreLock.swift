import Diagnostics
import Foundation

/// The right to write to a store. The kernel takes it back when the process ends, however it ends.
final class StoreLock: Sendable {
  private let file: Int32
  /// When it was taken: seconds since 1970 by the clock of the file system, as its files' times are; nil if it won't
  /// say.
  let takenAt: Int64?

  /// - Throws: `store.locked` if another process or another `StoreLock` has it.
  init(path: String) throws {
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError.system(path, "The lock can't be opened", errno: errno) }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      close(file)
      throw code == EWOULDBLOCK
        ? StoreError.locked(path) : StoreError.system(path, "The lock can't be taken", errno: code)
    }
    var info = stat()
    takenAt = futimens(file, nil) == 0 && fstat(file, &info) == 0 ? Int64(info.st_mtim.tv_sec) : nil
  }

  deinit { close(file) }
}
