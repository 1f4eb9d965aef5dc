import Glibc

/// Interns texts as 32-bit codes, so that rows compare and join by number.
///
/// Code 0 is null, which in a claim file is the empty field. Codes follow the order of first sight, which
/// depends on reading order: never write a code, never sort by one.
public final class CodeTable: @unchecked Sendable {
  // Not locked: one thread loads, then all threads read. Memory is held by pointer, because a claim has tens of
  // millions of fields and each would be checked for bounds, uniqueness and overlapping access; every code that comes
  // from outside is checked once, on entry.

  /// What is known of a code.
  @usableFromInline struct Entry {
    /// Eight bytes beyond the text's end are readable.
    @usableFromInline var text: UnsafePointer<UInt8>
    @usableFromInline var count: UInt32
    /// The code of the text in upper case, or `unknown`.
    var fold: UInt32
  }

  /// A log entry of `lateFolds`.
  private struct LateFold {
    var code: UInt32
    /// Number of codes when the entry was written.
    var count: Int
  }

  @exclusivity(unchecked) private var entries: UnsafeMutablePointer<Entry>
  @exclusivity(unchecked) private var entryCapacity: Int
  // Open addressing: upper half the hash, lower half the code, 0 is free. The hash stands beside the code, so that a
  // probe that misses costs one line of the cache and a growing table need not look at the texts.
  @exclusivity(unchecked) private var slots: UnsafeMutablePointer<UInt64>
  @exclusivity(unchecked) private var mask: Int
  @exclusivity(unchecked) private var texts = TextBlocks()
  // Codes whose upper case was interned after them, in the order in which that was seen: what a roll-back must undo.
  @exclusivity(unchecked) private var lateFolds: [LateFold] = []

  /// The code of null.
  public static let null: UInt32 = 0

  /// Number of codes, null included; every code is below it.
  @exclusivity(unchecked) public private(set) var count = 1

  private static let unknown = UInt32.max

  public init() {
    entryCapacity = 1 << 9
    entries = Self.allocated(entryCapacity, of: Entry.self)
    mask = 1 << 10 - 1
    slots = Self.allocated(mask + 1, of: UInt64.self)
    slots.initialize(repeating: 0, count: mask + 1)
    entries.initialize(to: Entry(text: Self.nothing, count: 0, fold: Self.unknown))
  }

  /// A table with the same codes, which goes its own way from there.
  ///
  /// The texts themselves are shared: neither table changes a text that both know.
  public init(copying other: CodeTable) {
    entryCapacity = other.entryCapacity
    entries = Self.allocated(entryCapacity, of: Entry.self)
    mask = other.mask
    slots = Self.allocated(mask + 1, of: UInt64.self)
    count = other.count
    entries.initialize(from: other.entries, count: count)
    slots.initialize(from: other.slots, count: mask + 1)
    texts = other.texts.shared()
    lateFolds = other.lateFolds
  }

  deinit {
    entries.deallocate()
    slots.deallocate()
  }

  /// Forgets every code that was interned after the table had so many; the memory is kept for the next ones.
  ///
  /// For tables that are filled again and again with the texts of one part of the claims beside those of registries. No
  /// code from after the mark may be used any more. Costs by what is forgotten, not by what stays.
  public func rollBack(to mark: Int) {
    if mark >= count || mark < 1 { return }
    // A later code never stands in an earlier one's way: the earlier was placed before it came, and `grow` keeps that.
    // A scan of all slots runs forty times as fast a slot as a way through the hash.
    if (count - mark) * 32 > mask {
      for i in 0...mask {
        // All ones for a code below the mark, else 0: which slots hold what is as good as random, so nothing branches.
        let kept = (Int64(slots[i] & 0xFFFF_FFFF) &- Int64(mark)) >> 63
        slots[i] &= UInt64(bitPattern: kept)
      }
    } else {
      // From the last to the first, so that the way to each is still there.
      for code in stride(from: count - 1, through: mark, by: -1) {
        let entry = entries[code]
        var slot = Int(Self.hash(entry.text, Int(entry.count))) & mask
        while slots[slot] & 0xFFFF_FFFF != UInt64(code) { slot = (slot &+ 1) & mask }
        slots[slot] = 0
      }
    }
    texts.rollBack(to: entries[mark].text)
    count = mark
    // The upper case of an early text may have been interned late.
    var kept: [LateFold] = []
    while let last = lateFolds.last, last.count > mark {
      lateFolds.removeLast()
      if Int(last.code) >= mark { continue }
      if Int(entries[Int(last.code)].fold) >= mark {
        entries[Int(last.code)].fold = Self.unknown
      } else {
        kept.append(LateFold(code: last.code, count: mark))
      }
    }
    lateFolds.append(contentsOf: kept)
  }

  /// The code of a text given as UTF-8; empty is null.
  public func intern(_ text: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = text.baseAddress, text.count > 0 else { return 0 }
    let bytes = base.assumingMemoryBound(to: UInt8.self)
    return intern(bytes, text.count, Self.hash(bytes, text.count))
  }

  @inline(__always)
  private func intern(_ bytes: UnsafePointer<UInt8>, _ length: Int, _ hash: UInt32) -> UInt32 {
    var slot = Int(hash) & mask
    while true {
      let found = slots[slot]
      if found == 0 { break }
      if UInt32(truncatingIfNeeded: found >> 32) == hash {
        let entry = entries[Int(UInt32(truncatingIfNeeded: found))]
        if Int(entry.count) == length, Self.equal(entry.text, bytes, length) {
          return UInt32(truncatingIfNeeded: found)
        }
      }
      slot = (slot &+ 1) & mask
    }
    return add(bytes, length, hash, slot)
  }

  /// Texts that `internAll` looks up together.
  public static let togetherCount = 64

  /// The codes of texts given as UTF-8, in their order, as `intern` one after the other would give them.
  ///
  /// Many texts at once wait for memory together: a text that only one row has is not in the processor's caches, nor is
  /// its slot.
  ///
  /// - Parameters:
  ///   - lengths: at least 1 each.
  ///   - codes: room for as many codes.
  public func internAll(
    _ texts: UnsafePointer<UnsafeRawPointer>, lengths: UnsafePointer<Int32>, count: Int,
    into codes: UnsafeMutablePointer<UInt32>
  ) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.togetherCount) { hashes in
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.togetherCount) { found in
        withUnsafeTemporaryAllocation(of: Entry.self, capacity: Self.togetherCount) { candidates in
          guard let hashes = hashes.baseAddress, let found = found.baseAddress, let candidates = candidates.baseAddress
          else { return }
          var first = 0
          while first < count {
            let number = min(Self.togetherCount, count &- first)
            internSome(
              texts + first, lengths + first, number, into: codes + first, hashes: hashes, found: found,
              candidates: candidates)
            first &+= number
          }
        }
      }
    }
  }

  /// Each loop fetches what none of its turns waits for: texts, then slots, then entries, then the table's texts. The
  /// loop that misses the caches most, that of the slots, does nothing else, so that a processor looks ahead over many
  /// turns.
  private func internSome(
    _ texts: UnsafePointer<UnsafeRawPointer>, _ lengths: UnsafePointer<Int32>, _ count: Int,
    into codes: UnsafeMutablePointer<UInt32>, hashes: UnsafeMutablePointer<UInt32>,
    found: UnsafeMutablePointer<UInt64>, candidates: UnsafeMutablePointer<Entry>
  ) {
    for i in 0..<count { hashes[i] = Self.hash(texts[i].assumingMemoryBound(to: UInt8.self), Int(lengths[i])) }
    let (slots, mask, entries) = (slots, mask, entries)
    for i in 0..<count { found[i] = slots[Int(hashes[i]) & mask] }
    for i in 0..<count {
      // Of a free slot, or one of another text, the code is looked up all the same: it is there, be it that of null.
      candidates[i] = entries[Int(UInt32(truncatingIfNeeded: found[i]))]
    }
    for i in 0..<count {
      let text = texts[i].assumingMemoryBound(to: UInt8.self)
      let length = Int(lengths[i])
      if UInt32(truncatingIfNeeded: found[i] >> 32) == hashes[i], Int(candidates[i].count) == length,
        Self.equal(candidates[i].text, text, length)
      {
        codes[i] = UInt32(truncatingIfNeeded: found[i])
      } else {
        // The slot may have been taken by a text before; it is near now.
        codes[i] = intern(text, length, hashes[i])
      }
    }
  }

  /// The code of a text; empty is null.
  public func intern(_ text: String) -> UInt32 {
    var text = text
    return text.withUTF8 { intern(UnsafeRawBufferPointer($0)) }
  }

  /// The code of a text that was interned before, else nil; never adds one.
  public func find(_ text: String) -> UInt32? {
    var text = text
    return text.withUTF8 { find(UnsafeRawBufferPointer($0)) }
  }

  /// As above, for a text given as UTF-8.
  public func find(_ text: UnsafeRawBufferPointer) -> UInt32? {
    guard let base = text.baseAddress, text.count > 0 else { return 0 }
    let bytes = base.assumingMemoryBound(to: UInt8.self)
    let length = text.count
    let hash = Self.hash(bytes, length)
    var slot = Int(hash) & mask
    while true {
      let found = slots[slot]
      if found == 0 { return nil }
      if UInt32(truncatingIfNeeded: found >> 32) == hash {
        let entry = entries[Int(UInt32(truncatingIfNeeded: found))]
        if Int(entry.count) == length, Self.equal(entry.text, bytes, length) {
          return UInt32(truncatingIfNeeded: found)
        }
      }
      slot = (slot &+ 1) & mask
    }
  }

  /// The text of a code; the empty text for null.
  public func text(_ code: UInt32) -> String {
    let entry = known(code)
    return String(decoding: UnsafeBufferPointer(start: entry.text, count: Int(entry.count)), as: UTF8.self)
  }

  /// Calls the body with the UTF-8 bytes of a code. They stay where they are while the body interns.
  @inline(__always)
  public func withBytes<R>(_ code: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R { body(bytes(code)) }

  /// The UTF-8 bytes of a code; they stay where they are until the table goes or is rolled back to before the code.
  private func bytes(_ code: UInt32) -> UnsafeRawBufferPointer {
    let entry = known(code)
    return UnsafeRawBufferPointer(start: entry.text, count: Int(entry.count))
  }

  /// Calls the body with the texts of all codes, for passes over many of them; the body must not intern.
  public func withTexts<R>(_ body: (CodeTexts) throws -> R) rethrows -> R { try body(CodeTexts(entries)) }

  /// The code of the same text with ASCII letters in upper case: registries and claims are compared in that form.
  public func folded(_ code: UInt32) -> UInt32 {
    let entry = known(code)
    if entry.fold != Self.unknown { return entry.fold }
    let text = UnsafeBufferPointer(start: entry.text, count: Int(entry.count))
    var result = code
    if text.contains(where: { $0 >= 0x61 && $0 <= 0x7A }) {
      let upper = text.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 }
      result = upper.withUnsafeBytes { intern($0) }
      if result > code { lateFolds.append(LateFold(code: code, count: count)) }
    }
    entries[Int(code)].fold = result
    return result
  }

  /// Byte order of two codes' texts.
  public func precedes(_ a: UInt32, _ b: UInt32) -> Bool { a != b && order(a, b) < 0 }

  /// Below 0 if a's text comes first in byte order, 0 if the texts are equal, above 0 if b's comes first.
  public func order(_ a: UInt32, _ b: UInt32) -> Int {
    if a == b { return 0 }
    let first = known(a)
    let second = known(b)
    let shared = Int(min(first.count, second.count))
    var i = 0
    // Words loaded big-endian compare as their bytes do.
    while i &+ 8 <= shared {
      let wordA = UInt64(bigEndian: Self.word(first.text + i))
      let wordB = UInt64(bigEndian: Self.word(second.text + i))
      if wordA != wordB { return wordA < wordB ? -1 : 1 }
      i &+= 8
    }
    if i < shared, shared >= 8 {
      // What was compared already is equal, so the last word may overlap it.
      let wordA = UInt64(bigEndian: Self.word(first.text + (shared - 8)))
      let wordB = UInt64(bigEndian: Self.word(second.text + (shared - 8)))
      if wordA != wordB { return wordA < wordB ? -1 : 1 }
      i = shared
    }
    while i < shared {
      if first.text[i] != second.text[i] { return first.text[i] < second.text[i] ? -1 : 1 }
      i &+= 1
    }
    return Int(first.count) - Int(second.count)
  }

  @inline(__always)
  private func known(_ code: UInt32) -> Entry {
    precondition(Int(code) < count, "a code of another table, or one that was rolled back")
    return entries[Int(code)]
  }

  @inline(never)
  private func add(_ bytes: UnsafePointer<UInt8>, _ length: Int, _ hash: UInt32, _ slot: Int) -> UInt32 {
    // A length or a number of codes beyond 32 bits traps.
    let code = UInt32(count)
    if count == entryCapacity {
      let larger = Self.allocated(entryCapacity * 2, of: Entry.self)
      larger.moveInitialize(from: entries, count: count)
      entries.deallocate()
      entries = larger
      entryCapacity *= 2
    }
    let entry = Entry(text: texts.append(bytes, length), count: UInt32(length), fold: Self.unknown)
    (entries + count).initialize(to: entry)
    slots[slot] = UInt64(hash) << 32 | UInt64(code)
    count += 1
    if count * 3 > (mask + 1) * 2 { grow() }
    return code
  }

  /// Twice as many slots, filled in the order of the old ones from behind a free one: so every code comes to stand no
  /// later in its chain than before, and still behind none that was interned after it.
  private func grow() {
    let old = slots
    let oldMask = mask
    mask = oldMask * 2 + 1
    slots = Self.allocated(mask + 1, of: UInt64.self)
    slots.initialize(repeating: 0, count: mask + 1)
    var start = 0
    while old[start] != 0 { start += 1 }
    for i in 1...oldMask {
      let entry = old[(start &+ i) & oldMask]
      if entry == 0 { continue }
      var slot = Int(truncatingIfNeeded: entry >> 32) & mask
      while slots[slot] != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = entry
    }
    old.deallocate()
  }

  /// Memory for slots or entries. They are read in no order, so a big table asks for big pages; slots are all touched
  /// anyway, entries up to the number of codes.
  private static func allocated<T>(_ count: Int, of: T.Type) -> UnsafeMutablePointer<T> {
    let bytes = count * MemoryLayout<T>.stride
    if bytes < 4 << 20 { return .allocate(capacity: count) }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 2 << 20)
    // Only advice: without big pages it is slower, not wrong.
    _ = madvise(memory, bytes, MADV_HUGEPAGE)
    return memory.bindMemory(to: T.self, capacity: count)
  }

  /// Where the empty text lies.
  nonisolated(unsafe) private static let nothing: UnsafePointer<UInt8> = {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
    bytes.initialize(repeating: 0, count: 8)
    return UnsafePointer(bytes)
  }()

  @inline(__always)
  private static func word(_ p: UnsafePointer<UInt8>) -> UInt64 {
    UnsafeRawPointer(p).loadUnaligned(as: UInt64.self)
  }

  @inline(__always)
  private static func half(_ p: UnsafePointer<UInt8>) -> UInt64 {
    UInt64(UnsafeRawPointer(p).loadUnaligned(as: UInt32.self))
  }

  @inline(__always)
  private static func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    if count >= 8 {
      var i = 0
      while i &+ 8 < count {
        if word(a + i) != word(b + i) { return false }
        i &+= 8
      }
      return word(a + (count &- 8)) == word(b + (count &- 8))
    }
    if count >= 4 { return half(a) == half(b) && half(a + (count &- 4)) == half(b + (count &- 4)) }
    return a[0] == b[0] && a[count &>> 1] == b[count &>> 1] && a[count &- 1] == b[count &- 1]
  }

  /// The words of a text, the last two of which may overlap, mixed by multiplication to 128 bits.
  @inline(__always)
  private static func hash(_ p: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
    var a: UInt64
    var b: UInt64
    var seed: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: count)
    if count > 8 {
      var i = 0
      while i &+ 16 < count {
        seed = mixed(word(p + i) ^ 0x8EBC_6AF0_9C88_C6E3, word(p + (i &+ 8)) ^ seed)
        i &+= 16
      }
      a = count >= 16 ? word(p + (count &- 16)) : word(p)
      b = word(p + (count &- 8))
    } else if count >= 4 {
      a = half(p) << 32 | half(p + (count &- 4))
      b = 0
    } else {
      a = UInt64(p[0]) << 16 | UInt64(p[count &>> 1]) << 8 | UInt64(p[count &- 1])
      b = 0
    }
    a ^= 0xFF51_AFD7_ED55_8CCD
    b ^= seed
    let h = mixed(a, b)
    return UInt32(truncatingIfNeeded: h ^ h >> 32)
  }

  @inline(__always)
  private static func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    // Both factors are added, so that a factor of 0 does not make all texts equal.
    return product.high ^ product.low ^ (a &+ b &* 0xC4CE_B9FE_1A85_EC53)
  }
}

/// The texts of a code table at hand. Must not outlive the call that gave it, nor be used while the table interns.
public struct CodeTexts {
  @usableFromInline let entries: UnsafePointer<CodeTable.Entry>

  init(_ entries: UnsafeMutablePointer<CodeTable.Entry>) { self.entries = UnsafePointer(entries) }

  /// Bytes of a text; 0 for null.
  @inlinable public func count(_ code: UInt32) -> Int { Int(entries[Int(code)].count) }

  /// Where a text begins; eight bytes beyond its end are readable.
  @inlinable public func base(_ code: UInt32) -> UnsafePointer<UInt8> { entries[Int(code)].text }
}

/// Memory for texts, which never move once they are written.
private struct TextBlocks {
  private final class Block {
    let base: UnsafeMutablePointer<UInt8>
    let capacity: Int
    init(capacity: Int) {
      self.capacity = capacity
      // Whole words are read up to a text's end.
      base = .allocate(capacity: capacity + 8)
    }
    deinit { base.deallocate() }
    func holds(_ place: UnsafePointer<UInt8>) -> Bool {
      let offset = UnsafeRawPointer(place) - UnsafeRawPointer(base)
      return offset >= 0 && offset < capacity
    }
  }

  private var blocks: [Block] = []
  /// Blocks before this one are known to another table too and are never written again.
  private var firstOwn = 0
  /// The block that is being filled is the one before this.
  private var taken = 0
  private var next: UnsafeMutablePointer<UInt8>?
  private var room = 0

  /// Copies a text and says where it lies.
  @inline(__always)
  mutating func append(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UnsafePointer<UInt8> {
    if count > room || next == nil { take(count) }
    guard let place = next else { preconditionFailure("a block has no memory") }
    Self.copy(bytes, to: place, count)
    next = place + count
    room &-= count
    return UnsafePointer(place)
  }

  /// Most texts are short: two to eight words, the last two of which may overlap, cost less than a call.
  @inline(__always)
  private static func copy(_ bytes: UnsafePointer<UInt8>, to place: UnsafeMutablePointer<UInt8>, _ count: Int) {
    if count < 8 || count > 64 { return place.update(from: bytes, count: count) }
    let (from, to) = (UnsafeRawPointer(bytes), UnsafeMutableRawPointer(place))
    var i = 0
    while i &+ 8 < count {
      to.storeBytes(of: from.loadUnaligned(fromByteOffset: i, as: UInt64.self), toByteOffset: i, as: UInt64.self)
      i &+= 8
    }
    i = count &- 8
    to.storeBytes(of: from.loadUnaligned(fromByteOffset: i, as: UInt64.self), toByteOffset: i, as: UInt64.self)
  }

  /// The same texts for another table, which writes into blocks of its own from there.
  func shared() -> TextBlocks {
    var copy = self
    copy.blocks.removeLast(blocks.count - taken)
    copy.firstOwn = taken
    copy.room = 0
    copy.next = nil
    return copy
  }

  /// Forgets the text that begins at the place and all after it.
  mutating func rollBack(to place: UnsafePointer<UInt8>) {
    while taken > 0, !blocks[taken - 1].holds(place) { taken -= 1 }
    // What a copy reads is never written again: such a block is left to the copy.
    let isOwn = taken > firstOwn && isKnownUniquelyReferenced(&blocks[taken - 1])
    if !isOwn { firstOwn = taken }
    var i = blocks.count
    while i > taken {
      i -= 1
      if !isKnownUniquelyReferenced(&blocks[i]) { blocks.remove(at: i) }
    }
    next = isOwn ? blocks[taken - 1].base + (place - UnsafePointer(blocks[taken - 1].base)) : nil
    room = isOwn ? blocks[taken - 1].capacity - (place - UnsafePointer(blocks[taken - 1].base)) : 0
  }

  private mutating func take(_ count: Int) {
    // A block that an earlier part of the claims left behind is used again if the text fits; if not, it goes.
    while taken < blocks.count, blocks[taken].capacity < count { blocks.remove(at: taken) }
    if taken == blocks.count {
      blocks.append(Block(capacity: max(count, 4096 << min(8, blocks.count))))
    }
    let block = blocks[taken]
    taken += 1
    next = block.base
    room = block.capacity
  }
}
