import Diagnostics
import Glibc
import Synchronization

/// A file without a name, into which chunks of records, and rows that units leave, go when memory is used up. It is
/// gone when it is closed, and so also when the process is killed.
///
/// Bytes are written a mebibyte at a time, at a multiple of it: the system then takes large pages for its cache, and a
/// write costs a third of what it costs in pieces of some kilobytes. What is not written yet is read from memory.
public final class SpillFile: Sendable {
  static let stageBytes = 1 << 20

  private struct State: @unchecked Sendable {
    var descriptor: Int32 = -1
    /// Bytes that lie in the file; those in the stage stand behind them.
    var written: Int64 = 0
    var stage: UnsafeMutableRawPointer?
    var staged = 0
  }

  private let folder: String
  private let state = Mutex(State())

  /// - Parameter folder: where the file is made when the first bytes come; it must exist by then.
  public init(folder: String) { self.folder = folder }

  deinit {
    state.withLock { state in
      state.stage?.deallocate()
      if state.descriptor >= 0 { close(state.descriptor) }
    }
  }

  /// Puts bytes behind all others; where they begin.
  ///
  /// - Throws: `partition.disk-full` or `partition.io`, perhaps only for bytes that were appended before.
  public func append(_ bytes: UnsafeRawBufferPointer) throws -> Int64 {
    try state.withLock { state in
      // At once, so that a folder that is not there is known before a mebibyte has come.
      if state.descriptor < 0 { state.descriptor = try open() }
      let start = state.written + Int64(state.staged)
      var rest = bytes
      while let from = rest.baseAddress, rest.count > 0 {
        let stage = state.stage ?? .allocate(byteCount: Self.stageBytes, alignment: 1 << 12)
        state.stage = stage
        let count = min(rest.count, Self.stageBytes - state.staged)
        (stage + state.staged).copyMemory(from: from, byteCount: count)
        state.staged += count
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        if state.staged == Self.stageBytes { try write(&state, stage) }
      }
      return start
    }
  }

  /// Writes a full stage into the file.
  private func write(_ state: inout State, _ stage: UnsafeMutableRawPointer) throws {
    var done = 0
    while done < Self.stageBytes {
      let n = pwrite(state.descriptor, stage + done, Self.stageBytes - done, off_t(state.written) + off_t(done))
      if n < 0 {
        if errno == EINTR { continue }
        throw PartitionError.system(folder, "Rows can't be put aside", errno: errno)
      }
      done += n
    }
    state.written += Int64(Self.stageBytes)
    state.staged = 0
  }

  /// Reads bytes that were appended.
  ///
  /// - Throws: `partition.io`.
  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let base = buffer.baseAddress else { return }
    // What lies in the file stays as it is; only what is staged must be read under the lock.
    let (descriptor, fromFile) = state.withLock { state in
      let fromFile = Int(max(0, min(Int64(buffer.count), state.written - offset)))
      let rest = buffer.count - fromFile
      let first = Int(offset + Int64(fromFile) - state.written)
      if rest > 0, let stage = state.stage, first + rest <= state.staged {
        (base + fromFile).copyMemory(from: stage + first, byteCount: rest)
        return (state.descriptor, fromFile)
      }
      return (state.descriptor, rest == 0 ? fromFile : buffer.count)
    }
    var done = 0
    while done < fromFile {
      let n = pread(descriptor, base + done, fromFile - done, off_t(offset) + off_t(done))
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
    // mkstemp would leave the descriptor open for a moment to programs that another thread starts meanwhile.
    var descriptor: Int32 = -1
    var number = 0
    repeat {
      let name = "\(folder)/.tmp-rows-\(getpid())-\(number)"
      descriptor = Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor >= 0 { unlink(name) }
      number += 1
    } while descriptor < 0 && (errno == EEXIST || errno == EINTR)
    if descriptor < 0 { throw PartitionError.system(folder, "No file for rows can be made", errno: errno) }
    return descriptor
  }
}
