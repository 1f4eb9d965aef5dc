import ClaimModel

/// Texts that many records have, each kept once; a record names it by number.
///
/// One thread adds; afterwards any may read. Bounded in entries and bytes whatever comes.
final class TextDictionary: @unchecked Sendable {
  static let mostEntries = 1 << 16
  static let longestText = 64
  private static let slotCount = mostEntries * 2
  private static let pageBytes = 1 << 16

  /// Upper half: of the hash; lower half: number + 1; 0 is free.
  private let slots: UnsafeMutablePointer<UInt64>
  private let starts: UnsafeMutablePointer<UnsafeRawPointer>
  private let lengths: UnsafeMutablePointer<UInt8>
  @exclusivity(unchecked) private var pages: [UnsafeMutableRawPointer] = []
  @exclusivity(unchecked) private var pageUsed = TextDictionary.pageBytes
  @exclusivity(unchecked) private(set) var count = 0

  init() {
    slots = .allocate(capacity: Self.slotCount)
    slots.initialize(repeating: 0, count: Self.slotCount)
    starts = .allocate(capacity: Self.mostEntries)
    lengths = .allocate(capacity: Self.mostEntries)
  }

  deinit {
    slots.deallocate()
    starts.deallocate()
    lengths.deallocate()
    for page in pages { page.deallocate() }
  }

  func text(_ number: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: starts[number], count: Int(lengths[number]))
  }

  /// The number of a text of 1 to `longestText` bytes, and whether it is new; -1 if it is not known and no room is left.
  @inline(__always)
  func number(of text: UnsafeRawPointer, _ length: Int) -> (number: Int, isNew: Bool) {
    let hash = PersonSlice.hash(UnsafeRawBufferPointer(start: text, count: length))
    let upper = hash & 0xFFFF_FFFF_0000_0000
    var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount &- 1)
    while true {
      let entry = slots[slot]
      if entry == 0 { break }
      if entry & 0xFFFF_FFFF_0000_0000 == upper {
        let number = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
        if Int(lengths[number]) == length, isEqual(starts[number], text, length) { return (number, false) }
      }
      slot = (slot &+ 1) & (Self.slotCount &- 1)
    }
    if count == Self.mostEntries { return (-1, false) }
    add(text, length, slot: slot, upper: upper)
    return (count - 1, true)
  }

  @inline(never)
  private func add(_ text: UnsafeRawPointer, _ length: Int, slot: Int, upper: UInt64) {
    if pageUsed + length > Self.pageBytes {
      pages.append(.allocate(byteCount: Self.pageBytes, alignment: 8))
      pageUsed = 0
    }
    let place = pages[pages.count - 1] + pageUsed
    place.copyMemory(from: text, byteCount: length)
    pageUsed += length
    starts[count] = UnsafeRawPointer(place)
    lengths[count] = UInt8(truncatingIfNeeded: length)
    slots[slot] = upper | UInt64(count + 1)
    count += 1
  }
}

/// Whether two stretches of memory hold the same bytes.
@inline(__always)
func isEqual(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
  var i = 0
  while i &+ 8 <= count {
    if a.loadUnaligned(fromByteOffset: i, as: UInt64.self) != b.loadUnaligned(fromByteOffset: i, as: UInt64.self) {
      return false
    }
    i &+= 8
  }
  if i == count { return true }
  if count >= 8 {
    // The last eight bytes again.
    return a.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      == b.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
  }
  while i < count {
    if a.load(fromByteOffset: i, as: UInt8.self) != b.load(fromByteOffset: i, as: UInt8.self) { return false }
    i &+= 1
  }
  return true
}
