import Partition
import Synchronization

/// Bytes that units leave for later: so many in memory, the rest in a file without a name.
final class RowsAside: Sendable {
  /// Where the bytes of a unit are.
  enum Place: Sendable {
    case held([UInt8])
    case put(offset: Int64, count: Int)
  }

  private let free: Mutex<Int>
  private let file: SpillFile?

  /// - Parameters:
  ///   - folder: where the file is made when it is needed; nil: all is held.
  ///   - held: bytes that are held at most.
  init(folder: String?, held: Int) {
    file = folder.map { SpillFile(folder: $0) }
    free = Mutex(held)
  }

  /// Throws what the file can't do: `partition.disk-full` or `partition.io`.
  func keep(_ bytes: [UInt8]) throws -> Place {
    guard let file else { return .held(bytes) }
    let isRoom = free.withLock { free in
      if bytes.count > free { return false }
      free -= bytes.count
      return true
    }
    if isRoom { return .held(bytes) }
    return .put(offset: try bytes.withUnsafeBytes { try file.append($0) }, count: bytes.count)
  }

  func bytes(_ place: Place) throws -> [UInt8] {
    switch place {
    case .held(let bytes): return bytes
    case .put(let offset, let count):
      var bytes = [UInt8](repeating: 0, count: count)
      try bytes.withUnsafeMutableBytes { try file?.read(at: offset, into: $0) }
      return bytes
    }
  }

  /// Some of a unit's bytes, from `start` on; there must be as many.
  func read(_ place: Place, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    switch place {
    case .held(let bytes):
      bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[start..<start + buffer.count])) }
    case .put(let offset, _): try file?.read(at: offset + Int64(start), into: buffer)
    }
  }
}
