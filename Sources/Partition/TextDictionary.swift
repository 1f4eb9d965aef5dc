import ClaimModel

/// Texts that many records have, each kept once; a record names it by number.
///
/// A text is taken in when it comes for the second time, so that ids do not fill it. One thread adds; afterwards any
/// may read. Bounded in entries and bytes whatever comes.
final class TextDictionary: @unchecked Sendable {
  static let mostEntries = Int(RecordFormat.noText)
  static let longestText = 64
  private static let pageBytes = 1 << 16
  private static let seenCount = 1 << 15
  /// Texts up to this length are compared by three words.
  private static let shortText = 24

  /// A place for a text. All of a short one stands here, so that a look-up waits for one piece of memory.
  private struct Slot: BitwiseCopyable {
    /// Words of a short text, overlapping, zeros behind them; the hash of a longer one.
    var first: UInt64
    var second: UInt64
    var third: UInt64
    /// Of a short text; `longLength` of a longer one.
    var length: UInt32
    /// Its number + 1; 0 is free.
    var number: UInt32
  }

  private static let longLength = UInt32.max

  @exclusivity(unchecked) private var slots: UnsafeMutablePointer<Slot>
  @exclusivity(unchecked) private var mask: Int
  /// Lower half of the hash of each text.
  @exclusivity(unchecked) private var hashes: UnsafeMutablePointer<UInt32>
  @exclusivity(unchecked) private var starts: UnsafeMutablePointer<UnsafeRawPointer>
  @exclusivity(unchecked) private var lengths: UnsafeMutablePointer<UInt8>
  @exclusivity(unchecked) private var capacity: Int
  /// Part of the hash of texts that came once.
  private let seen: UnsafeMutablePointer<UInt16>
  @exclusivity(unchecked) private var pages: [UnsafeMutableRawPointer] = []
  @exclusivity(unchecked) private var pageUsed = TextDictionary.pageBytes
  @exclusivity(unchecked) private(set) var count = 0

  init() {
    mask = 1 << 11 - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(first: 0, second: 0, third: 0, length: 0, number: 0), count: mask + 1)
    capacity = 1 << 10
    hashes = .allocate(capacity: capacity)
    starts = .allocate(capacity: capacity)
    lengths = .allocate(capacity: capacity)
    seen = .allocate(capacity: Self.seenCount)
    seen.initialize(repeating: 0, count: Self.seenCount)
  }

  deinit {
    slots.deallocate()
    hashes.deallocate()
    starts.deallocate()
    lengths.deallocate()
    seen.deallocate()
    for page in pages { page.deallocate() }
  }

  func text(_ number: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: starts[number], count: Int(lengths[number]))
  }

  /// The number of a text of 1 to `longestText` bytes; -1 if it is not known and is not taken in: it comes for the
  /// first time, it may not be, or no room is left.
  @inline(__always)
  func number(of text: UnsafeRawPointer, _ length: Int, mayAdd: Bool) -> Int {
    if length > Self.shortText { return longNumber(text, length, mayAdd: mayAdd) }
    let first: UInt64
    var second: UInt64 = 0
    var third: UInt64 = 0
    if length >= 8 {
      first = text.loadUnaligned(as: UInt64.self)
      if length > 16 {
        second = text.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        third = text.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
      } else {
        second = text.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
      }
    } else if length >= 4 {
      first =
        UInt64(text.loadUnaligned(as: UInt32.self)) &<< 32
        | UInt64(text.loadUnaligned(fromByteOffset: length &- 4, as: UInt32.self))
    } else {
      first =
        UInt64(text.load(as: UInt8.self)) | UInt64(text.load(fromByteOffset: length &>> 1, as: UInt8.self)) &<< 8
        | UInt64(text.load(fromByteOffset: length &- 1, as: UInt8.self)) &<< 16
    }
    // Last words overlap the ones before; with the length they still say what the text is.
    let hash = Self.mixed(
      first ^ 0xFF51_AFD7_ED55_8CCD &+ UInt64(truncatingIfNeeded: length),
      second ^ (third &* 0x9E37_79B9_7F4A_7C15) ^ 0xC4CE_B9FE_1A85_EC53)
    var at = Int(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[at]
      if (slot.first ^ first) | (slot.second ^ second) | (slot.third ^ third) == 0, Int(slot.length) == length {
        return Int(slot.number) &- 1
      }
      if slot.number == 0 { break }
      at = (at &+ 1) & mask
    }
    if !mayAdd { return -1 }
    return add(
      text, length, hash, at, Slot(first: first, second: second, third: third, length: UInt32(length), number: 0))
  }

  @inline(never)
  private func longNumber(_ text: UnsafeRawPointer, _ length: Int, mayAdd: Bool) -> Int {
    let hash = PersonSlice.hash(UnsafeRawBufferPointer(start: text, count: length))
    var at = Int(truncatingIfNeeded: hash) & mask
    while slots[at].number != 0 {
      let number = Int(slots[at].number) &- 1
      if slots[at].first == hash, slots[at].length == Self.longLength, Int(lengths[number]) == length,
        isEqual(starts[number], text, length)
      {
        return number
      }
      at = (at &+ 1) & mask
    }
    if !mayAdd { return -1 }
    return add(text, length, hash, at, Slot(first: hash, second: 0, third: 0, length: Self.longLength, number: 0))
  }

  /// Takes a text in if it was seen before; its number, or -1.
  @inline(never)
  private func add(_ text: UnsafeRawPointer, _ length: Int, _ hash: UInt64, _ at: Int, _ free: Slot) -> Int {
    if count == Self.mostEntries { return -1 }
    let place = Int(truncatingIfNeeded: hash >> 16) & (Self.seenCount - 1)
    let part = UInt16(truncatingIfNeeded: hash >> 48) | 1
    if seen[place] != part {
      seen[place] = part
      return -1
    }
    if count == capacity { growEntries() }
    if pageUsed + length > Self.pageBytes {
      pages.append(.allocate(byteCount: Self.pageBytes, alignment: 8))
      pageUsed = 0
    }
    let memory = pages[pages.count - 1] + pageUsed
    memory.copyMemory(from: text, byteCount: length)
    pageUsed += length
    starts[count] = UnsafeRawPointer(memory)
    lengths[count] = UInt8(truncatingIfNeeded: length)
    hashes[count] = UInt32(truncatingIfNeeded: hash)
    slots[at] = free
    slots[at].number = UInt32(count + 1)
    count += 1
    if count * 2 > mask { growSlots() }
    return count - 1
  }

  private func growEntries() {
    let larger = capacity * 2
    hashes = Self.grown(hashes, count, larger)
    starts = Self.grown(starts, count, larger)
    lengths = Self.grown(lengths, count, larger)
    capacity = larger
  }

  private static func grown<T>(_ old: UnsafeMutablePointer<T>, _ count: Int, _ capacity: Int)
    -> UnsafeMutablePointer<T>
  {
    let new = UnsafeMutablePointer<T>.allocate(capacity: capacity)
    new.moveInitialize(from: old, count: count)
    old.deallocate()
    return new
  }

  private func growSlots() {
    let (old, oldCount) = (slots, mask + 1)
    mask = mask * 2 + 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(first: 0, second: 0, third: 0, length: 0, number: 0), count: mask + 1)
    for i in 0..<oldCount where old[i].number != 0 {
      var at = Int(hashes[Int(old[i].number) - 1]) & mask
      while slots[at].number != 0 { at = (at &+ 1) & mask }
      slots[at] = old[i]
    }
    old.deallocate()
  }

  @inline(__always)
  private static func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    // Both factors are added, so that a factor of 0 does not make all texts equal.
    return product.high ^ product.low ^ (a &+ b &* 0xC4CE_B9FE_1A85_EC53)
  }
}

/// Whether two stretches of memory hold the same bytes.
@inline(__always)
func isEqual(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
  if count >= 8 {
    var i = 0
    while i &+ 8 < count {
      if a.loadUnaligned(fromByteOffset: i, as: UInt64.self) != b.loadUnaligned(fromByteOffset: i, as: UInt64.self) {
        return false
      }
      i &+= 8
    }
    // The last eight bytes, some of them again.
    return a.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      == b.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
  }
  if count >= 4 {
    return a.loadUnaligned(as: UInt32.self) == b.loadUnaligned(as: UInt32.self)
      && a.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
        == b.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
  }
  if count == 0 { return true }
  // First, middle and last are all there are.
  return a.load(as: UInt8.self) == b.load(as: UInt8.self)
    && a.load(fromByteOffset: count &>> 1, as: UInt8.self) == b.load(fromByteOffset: count &>> 1, as: UInt8.self)
    && a.load(fromByteOffset: count &- 1, as: UInt8.self) == b.load(fromByteOffset: count &- 1, as: UInt8.self)
}
