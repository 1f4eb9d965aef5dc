import Glibc

/// What tells without reading a file whether its bytes may have changed: device, inode, length, and the times of its
/// last write and last change. The kernel sets the last one at every write, and nobody can set it to a time of his
/// choice.
public struct FileIdentity: Sendable, Hashable {
  public let text: String
  /// When the file, its name or its permissions changed last: seconds since 1970 by the clock of its file system.
  public let changedAt: Int64

  /// nil if there is no regular file that can be read.
  public init?(path: String) {
    // A network file system asks its server at an opening, not at a mere question.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var s = stat()
    guard fstat(file, &s) == 0, s.st_mode & S_IFMT == S_IFREG else { return nil }
    text =
      "\(s.st_dev) \(s.st_ino) \(s.st_size) \(s.st_mtim.tv_sec).\(s.st_mtim.tv_nsec) "
      + "\(s.st_ctim.tv_sec).\(s.st_ctim.tv_nsec)"
    changedAt = Int64(s.st_ctim.tv_sec)
  }
}
