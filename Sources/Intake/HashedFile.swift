import ClaimModel
import Diagnostics
import Glibc

/// Where bytes come from: a file, a gzip stream or a zip member.
protocol ByteSource: AnyObject {
  /// Fills the buffer from its start and returns the number of bytes; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A file that is hashed while it is read, in whatever order, and that must not change meanwhile.
///
/// The digest follows the highest offset up to which everything was read: reading a byte again (another charset, the
/// directory of a zip) does not disturb it, and what nobody read is read at the end. Where nobody wants the digest,
/// nothing is hashed; all else stays the same.
final class HashedFile {
  let name: String
  let path: String
  let size: Int
  private let descriptor: Int32
  private let before: Identity
  /// nil: no digest is wanted.
  private let hasher: SHA256Hasher?
  private var frontier = 0
  /// Bytes delivered, also the ones delivered before; the measure of the bomb limits.
  private(set) var delivered = 0

  private struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
    var size: Int
    var seconds: Int
    var nanoseconds: Int
    init(_ s: stat) {
      device = UInt64(s.st_dev)
      inode = UInt64(s.st_ino)
      size = Int(s.st_size)
      seconds = Int(s.st_mtim.tv_sec)
      nanoseconds = Int(s.st_mtim.tv_nsec)
    }
  }

  /// `name` is for diagnostics: the path relative to the batch.
  init(path: String, name: String, takesDigest: Bool = true) throws {
    self.name = name
    self.path = path
    hasher = takesDigest ? SHA256Hasher() : nil
    // A pipe is not waited for; of a regular file the flag says nothing.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Refusal.unreadable(name, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    var s = stat()
    guard fstat(descriptor, &s) == 0 else {
      close(descriptor)
      throw Refusal.unreadable(name, "cannot be examined: \(String(cString: strerror(errno)))")
    }
    guard s.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw Refusal.unreadable(name, "is not a regular file")
    }
    before = Identity(s)
    size = before.size
  }

  deinit { close(descriptor) }

  /// Reads at an offset; 0 at the end.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var n = 0
    repeat { n = pread(descriptor, buffer.baseAddress, buffer.count, offset) } while n < 0 && errno == EINTR
    guard n >= 0 else { throw Refusal.unreadable(name, "cannot be read: \(String(cString: strerror(errno)))") }
    if offset <= frontier, offset + n > frontier {
      hasher?.update(UnsafeRawBufferPointer(rebasing: buffer[(frontier - offset)..<n]))
      frontier = offset + n
    }
    delivered += n
    return n
  }

  /// The file was replaced or written to since it was opened.
  var hasChanged: Bool {
    var s = stat()
    guard fstat(descriptor, &s) == 0, Identity(s) == before else { return true }
    return stat(path, &s) != 0 || Identity(s) != before
  }

  /// Reads what is left for the digest and checks that the file did not change; empty if none is taken. Call once.
  func finish() throws -> String {
    if hasher != nil {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
      defer { buffer.deallocate() }
      while try read(at: frontier, into: buffer) > 0 {}
    }
    if hasChanged { throw Refusal.changed(name) }
    return hasher?.finalHex() ?? ""
  }
}

/// The bytes of a file as they are.
final class PlainSource: ByteSource {
  private let file: HashedFile
  private var offset = 0
  private var guardian: BombGuard?

  init(_ file: HashedFile, guardian: BombGuard?) {
    self.file = file
    self.guardian = guardian
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let n = try file.read(at: offset, into: buffer)
    offset += n
    try guardian?.count(produced: n, consumed: offset)
    return n
  }
}

/// SHA-256 of a file's stored bytes without inflating, to see whether it is known already.
///
/// Throws a `Diagnostic` (`intake.unreadable`, `intake.changed`).
public func fingerprint(path: String) throws -> String {
  try HashedFile(path: path, name: path).finish()
}
