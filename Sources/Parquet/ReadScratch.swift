import ClaimModel
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
  let waitingTexts = WaitingTexts()

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

/// Texts of a page that are interned together (see `CodeTable.internAll`), each with the place its code goes to.
final class WaitingTexts {
  /// A multiple of what is looked up together.
  private static let most = 8 * CodeTable.togetherCount

  private let texts = UnsafeMutablePointer<UnsafeRawPointer>.allocate(capacity: most)
  private let lengths = UnsafeMutablePointer<Int32>.allocate(capacity: most)
  private let places = UnsafeMutablePointer<Int32>.allocate(capacity: most)
  private let codes = UnsafeMutablePointer<UInt32>.allocate(capacity: most)
  @exclusivity(unchecked) private var count = 0

  deinit {
    texts.deallocate()
    lengths.deallocate()
    places.deallocate()
    codes.deallocate()
  }

  /// Forgets what was left by a reading that failed.
  func removeAll() { count = 0 }

  /// Adds a text, whose bytes stay where they are until `intern`; an empty one has its code, null, at once.
  @inline(__always)
  func add(
    _ text: UnsafeRawBufferPointer, place: Int, _ table: CodeTable, into target: UnsafeMutablePointer<UInt32>
  ) {
    guard let base = text.baseAddress, text.count > 0 else {
      target[place] = CodeTable.null
      return
    }
    texts[count] = base
    lengths[count] = Int32(truncatingIfNeeded: text.count)
    places[count] = Int32(truncatingIfNeeded: place)
    count &+= 1
    if count == Self.most { intern(table, into: target) }
  }

  /// Puts the codes of all that wait to their places.
  func intern(_ table: CodeTable, into target: UnsafeMutablePointer<UInt32>) {
    table.internAll(texts, lengths: lengths, count: count, into: codes)
    for i in 0..<count { target[Int(places[i])] = codes[i] }
    count = 0
  }
}
