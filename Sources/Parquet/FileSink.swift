import ClaimModel
import Glibc

/// A new file that is hashed while it is written.
final class FileSink {
  let path: String
  private var file: Int32
  private let hasher = SHA256Hasher()
  private let buffer = ByteBuffer(capacity: 1 << 20)
  /// Bytes given so far: where the next one will stand.
  private(set) var position = 0

  /// Mode 0600; a file that is there is emptied.
  init(path: String) throws {
    self.path = path
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    if file < 0 { throw ParquetError.system(path, "The file can't be written", errno: errno) }
  }

  /// What was not finished is removed.
  deinit {
    if file >= 0 { giveUp() }
  }

  private func giveUp() {
    var info = stat()
    let isFile = fstat(file, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    close(file)
    file = -1
    // Never a device that someone has given as the place.
    if isFile { unlink(path) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    position += bytes.count
    if buffer.count + bytes.count > 1 << 20 { try flush() }
    if bytes.count > 1 << 20 { return try put(bytes) }
    buffer.append(bytes)
  }

  func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Writes what is left and syncs the file; gives back the digest.
  func finish() throws -> String {
    try flush()
    if fsync(file) != 0 { throw ParquetError.system(path, "The file can't be synced", errno: errno) }
    // Whatever `close` says, the bytes are on disk.
    close(file)
    file = -1
    return hasher.finalHex()
  }

  private func flush() throws {
    try put(buffer.bytes)
    buffer.clear()
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws {
    hasher.update(bytes)
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let n = Glibc.write(file, base + done, bytes.count - done)
      if n < 0 {
        if errno == EINTR { continue }
        throw ParquetError.system(path, "The file can't be written", errno: errno)
      }
      done += n
    }
  }
}
