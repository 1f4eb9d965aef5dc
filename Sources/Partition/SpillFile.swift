import Diagnostics
import Glibc
import Synchronization

/// Files without a name, into which chunks of records, and rows that units leave, go when memory is used up. They are
/// gone when they are closed, and so also when the process is killed.
///
/// Bytes are written a mebibyte at a time, at a multiple of it: the system then takes large pages for its cache, and a
/// write costs a third of what it costs in pieces of some kilobytes. What is not written yet is read from memory.
///
/// There are as many files as threads write at a time. With one a thread waits while another's mebibyte is written, be
/// it here or for the system's own lock of a file: an eighth of the time of 30 million lines.
public final class SpillFile: Sendable {
  static let stageBytes = 1 << 20
  /// More threads than this wait for each other.
  private static let mostFiles = 16
  /// Bits of a place that are the offset in its file; those above are the file's number.
  private static let offsetBits: Int64 = 56

  private final class File: Sendable {
    let state = Mutex(State())

    deinit {
      state.withLock { state in
        state.stage?.deallocate()
        if state.descriptor >= 0 { close(state.descriptor) }
      }
    }
  }

  private struct State: @unchecked Sendable {
    var descriptor: Int32 = -1
    /// Bytes that lie in the file; those in the stage stand behind them.
    var written: Int64 = 0
    var stage: UnsafeMutableRawPointer?
    var staged = 0
  }

  private let folder: String
  private let files: [File]

  /// - Parameter folder: where a file is made when the first bytes come; it must exist by then.
  public init(folder: String) {
    self.folder = folder
    files = (0..<Self.mostFiles).map { _ in File() }
  }

  /// Puts bytes behind all others of a file that nobody else writes at this moment; the place of the first, to which the
  /// places of the others add up.
  ///
  /// - Throws: `partition.disk-full` or `partition.io`, perhaps only for bytes that were appended before.
  public func append(_ bytes: UnsafeRawBufferPointer) throws -> Int64 {
    for (number, file) in files.enumerated() {
      if let offset = try file.state.withLockIfAvailable({ try append(bytes, to: &$0) }) {
        return Int64(number) << Self.offsetBits | offset
      }
    }
    return try files[0].state.withLock { try append(bytes, to: &$0) }
  }

  private func append(_ bytes: UnsafeRawBufferPointer, to state: inout State) throws -> Int64 {
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

  /// Reads bytes that were appended together.
  ///
  /// - Throws: `partition.io`.
  public func read(at place: Int64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let base = buffer.baseAddress else { return }
    let offset = place & (1 << Self.offsetBits - 1)
    // What lies in the file stays as it is; only what is staged must be read under the lock.
    let (descriptor, fromFile) = files[Int(place >> Self.offsetBits)].state.withLock { state in
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
