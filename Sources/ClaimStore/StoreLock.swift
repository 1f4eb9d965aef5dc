import Diagnostics
import Foundation

/// The right to write to a store. The kernel takes it back when the process ends, however it ends.
final class StoreLock: Sendable {
  private let file: Int32

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
  }

  deinit { close(file) }
}
