import Diagnostics
import Glibc
import Synchronization

/// A file without a name, into which chunks of records, and rows that units leave, go when memory is used up. It is gone when it is closed, and so
/// also when the process is killed.
public final class SpillFile: Sendable {
  private struct State {
    var descriptor: Int32 = -1
    var end: Int64 = 0
  }

  private let folder: String
  private let state = Mutex(State())

  /// - Parameter folder: where the file is made when the first chunk comes; it must exist by then.
  public init(folder: String) { self.folder = folder }

  deinit {
    let descriptor = state.withLock { $0.descriptor }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Bytes written so far.
  var size: Int64 { state.withLock { $0.end } }

  /// Writes bytes behind all others; where they begin.
  ///
  /// - Throws: `partition.disk-full` or `partition.io`.
  public func append(_ bytes: UnsafeRawBufferPointer) throws -> Int64 {
    let (descriptor, start) = try state.withLock { state in
      if state.descriptor < 0 { state.descriptor = try open() }
      let start = state.end
      state.end += Int64(bytes.count)
      return (state.descriptor, start)
    }
    guard let base = bytes.baseAddress else { return start }
    var done = 0
    while done < bytes.count {
      let n = pwrite(descriptor, base + done, bytes.count - done, off_t(start) + off_t(done))
      if n < 0 {
        if errno == EINTR { continue }
        throw PartitionError.system(folder, "Rows can't be put aside", errno: errno)
      }
      done += n
    }
    return start
  }

  /// Reads bytes that were written.
  ///
  /// - Throws: `partition.io`.
  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let base = buffer.baseAddress else { return }
    let descriptor = state.withLock { $0.descriptor }
    var done = 0
    while done < buffer.count {
      let n = pread(descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
      if n < 0 {
        if errno == EINTR { continue }
        throw PartitionError.system(folder, "Rows put aside can't be read", errno: errno)
      }
      if n == 0 { throw PartitionError.system(folder, "Rows put aside can't be read", errno: EIO) }
      done += n
    }
  }

  /// A new file of a name that nobody has, unlinked at once.
  private func open() throws -> Int32 {
    // mkstemp puts a name that nobody has in place of six X, makes the file with mode 0600 and never opens one that is there.
    var template = Array((folder + "/.tmp-rows-" + String(repeating: "X", count: 6)).utf8CString)
    let descriptor = template.withUnsafeMutableBufferPointer { name -> Int32 in
      guard let name = name.baseAddress else { return -1 }
      let descriptor = mkstemp(name)
      if descriptor >= 0 {
        unlink(name)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      }
      return descriptor
    }
    if descriptor < 0 { throw PartitionError.system(folder, "No file for rows can be made", errno: errno) }
    return descriptor
  }
}
