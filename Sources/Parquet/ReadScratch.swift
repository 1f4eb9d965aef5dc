import Synchronization

/// Memory and inflater of one reading call; kept for the next one, whichever thread makes it.
final class ReadScratch: @unchecked Sendable {
  // Not locked: one call at a time has it.
  let inflater: PageInflater
  let compressed = ByteBuffer(capacity: 1 << 18)
  let page = ByteBuffer(capacity: 1 << 18)
  let dictionary = ByteBuffer()
  let indices = NumberBuffer<UInt32>(capacity: Format.pageRows)
  let validity = NumberBuffer<UInt64>(capacity: Format.pageRows / 64 + 1)
  /// Values of a page that has nulls, without them.
  let present = NumberBuffer<Int64>()
  /// Codes of a page that has nulls, without them.
  let presentCodes = NumberBuffer<UInt32>()
  /// Numbers of the dictionary's entries.
  let entries = NumberBuffer<Int64>()
  /// Codes of the dictionary's entries; 0 is one that was not interned yet.
  let entryCodes = NumberBuffer<UInt32>()
  /// Where each of the dictionary's texts begins, its length before it.
  let entryStarts = NumberBuffer<UInt32>()

  private init() throws { inflater = try PageInflater() }

  private static let idle = Mutex<[ReadScratch]>([])

  static func use<R>(_ body: (ReadScratch) throws -> R) throws -> R {
    let scratch = try idle.withLock { $0.popLast() } ?? ReadScratch()
    defer {
      // A page of long texts may have made it large; that is not kept for good.
      if scratch.page.capacity + scratch.dictionary.capacity < 32 << 20 {
        idle.withLock { if $0.count < 16 { $0.append(scratch) } }
      }
    }
    return try body(scratch)
  }
}
