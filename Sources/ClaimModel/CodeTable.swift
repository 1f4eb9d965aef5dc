/// Interns texts as 32-bit codes, so that rows compare and join by number.
///
/// Code 0 is null, which in a claim file is the empty field. Codes follow the order of first sight, which
/// depends on reading order: never write a code, never sort by one.
public final class CodeTable: @unchecked Sendable {
  // Not locked: one thread loads, then all threads read. No method calls out while it changes a property, so the run
  // time need not watch for overlapping access; it would at each of tens of millions of fields.
  @exclusivity(unchecked) private var bytes: [UInt8] = []
  @exclusivity(unchecked) private var starts: [Int] = [0, 0]
  @exclusivity(unchecked) private var slots: [UInt32]
  @exclusivity(unchecked) private var hashes: [UInt32] = [0]
  @exclusivity(unchecked) private var folds: [UInt32] = [0]

  /// The code of null.
  public static let null: UInt32 = 0

  public init() { slots = [UInt32](repeating: 0, count: 1 << 12) }

  /// A table with the same codes, which goes its own way from there.
  public init(copying other: CodeTable) {
    bytes = other.bytes
    starts = other.starts
    slots = other.slots
    hashes = other.hashes
    folds = other.folds
  }

  /// Forgets every code that was interned after the table had so many; the memory is kept for the next ones.
  ///
  /// For tables that are filled again and again with the texts of one part of the claims beside those of registries. No
  /// code from after the mark may be used any more.
  public func rollBack(to count: Int) {
    if count >= hashes.count || count < 1 { return }
    // A later code never stands in an earlier one's way: the earlier was placed before it came.
    for i in slots.indices where slots[i] >= UInt32(count) { slots[i] = 0 }
    bytes.removeLast(bytes.count - starts[count])
    starts.removeLast(starts.count - count - 1)
    hashes.removeLast(hashes.count - count)
    folds.removeLast(folds.count - count)
    // The upper case of an early text may have been interned late.
    for i in folds.indices where folds[i] != UInt32.max && folds[i] >= UInt32(count) { folds[i] = UInt32.max }
  }

  /// Number of codes, null included; every code is below it.
  public var count: Int { hashes.count }

  /// The code of a text given as UTF-8; empty is null.
  public func intern(_ text: UnsafeRawBufferPointer) -> UInt32 {
    if text.isEmpty { return 0 }
    let hash = Self.hash(text)
    var slot = Int(hash) & (slots.count - 1)
    while true {
      let code = slots[slot]
      if code == 0 { break }
      if hashes[Int(code)] == hash, equals(code, text) { return code }
      slot = (slot + 1) & (slots.count - 1)
    }
    let code = UInt32(hashes.count)
    // Bound to bytes it is copied in one go; raw memory goes through an iterator, byte by byte.
    text.withMemoryRebound(to: UInt8.self) { bytes.append(contentsOf: $0) }
    starts.append(bytes.count)
    hashes.append(hash)
    folds.append(UInt32.max)
    slots[slot] = code
    if hashes.count * 2 > slots.count { grow() }
    return code
  }

  /// The code of a text; empty is null.
  public func intern(_ text: String) -> UInt32 {
    var text = text
    return text.withUTF8 { intern(UnsafeRawBufferPointer($0)) }
  }

  /// The code of a text that was interned before, else nil; never adds one.
  public func find(_ text: String) -> UInt32? {
    if text.isEmpty { return 0 }
    var text = text
    return text.withUTF8 { buffer in
      let raw = UnsafeRawBufferPointer(buffer)
      let hash = Self.hash(raw)
      var slot = Int(hash) & (slots.count - 1)
      while true {
        let code = slots[slot]
        if code == 0 { return nil }
        if hashes[Int(code)] == hash, equals(code, raw) { return code }
        slot = (slot + 1) & (slots.count - 1)
      }
    }
  }

  /// The text of a code; the empty text for null.
  public func text(_ code: UInt32) -> String {
    String(decoding: bytes[starts[Int(code)]..<starts[Int(code) + 1]], as: UTF8.self)
  }

  /// Calls the body with the UTF-8 bytes of a code.
  public func withBytes<R>(_ code: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    // Held here, so that a body that interns cannot pull the bytes from under itself.
    let bytes = bytes
    return bytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[starts[Int(code)]..<starts[Int(code) + 1]]))
    }
  }

  /// Calls the body with the bytes of all texts end to end and where each code's text begins; it ends where the next one's
  /// begins. For passes over many codes; the body must not intern.
  public func withTexts<R>(_ body: (UnsafeRawBufferPointer, UnsafeBufferPointer<Int>) throws -> R) rethrows -> R {
    let bytes = bytes
    let starts = starts
    return try bytes.withUnsafeBytes { bytes in try starts.withUnsafeBufferPointer { try body(bytes, $0) } }
  }

  /// The code of the same text with ASCII letters in upper case: registries and claims are compared in that form.
  public func folded(_ code: UInt32) -> UInt32 {
    let known = folds[Int(code)]
    if known != UInt32.max { return known }
    // The text is copied first: a slice alive while `intern` appends would copy the whole table, for every new code.
    let text = withBytes(code) { Array($0) }
    var result = code
    if text.contains(where: { $0 >= 0x61 && $0 <= 0x7A }) {
      let upper = text.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 }
      result = upper.withUnsafeBytes { intern($0) }
    }
    folds[Int(code)] = result
    return result
  }

  /// Byte order of two codes' texts.
  public func precedes(_ a: UInt32, _ b: UInt32) -> Bool { a != b && order(a, b) < 0 }

  /// Below 0 if a's text comes first in byte order, 0 if the texts are equal, above 0 if b's comes first.
  public func order(_ a: UInt32, _ b: UInt32) -> Int {
    if a == b { return 0 }
    let startA = starts[Int(a)]
    let startB = starts[Int(b)]
    let countA = starts[Int(a) + 1] - startA
    let countB = starts[Int(b) + 1] - startB
    return bytes.withUnsafeBytes { all in
      let shared = min(countA, countB)
      var i = 0
      // Words loaded big-endian compare as their bytes do.
      while i + 8 <= shared {
        let wordA = UInt64(bigEndian: all.loadUnaligned(fromByteOffset: startA + i, as: UInt64.self))
        let wordB = UInt64(bigEndian: all.loadUnaligned(fromByteOffset: startB + i, as: UInt64.self))
        if wordA != wordB { return wordA < wordB ? -1 : 1 }
        i += 8
      }
      while i < shared {
        let byteA = all[startA + i]
        let byteB = all[startB + i]
        if byteA != byteB { return byteA < byteB ? -1 : 1 }
        i += 1
      }
      return countA - countB
    }
  }

  private func equals(_ code: UInt32, _ text: UnsafeRawBufferPointer) -> Bool {
    let start = starts[Int(code)]
    let end = starts[Int(code) + 1]
    if end - start != text.count { return false }
    return bytes.withUnsafeBytes { all in
      var i = 0
      while i + 8 <= text.count {
        let known = all.loadUnaligned(fromByteOffset: start + i, as: UInt64.self)
        if known != text.loadUnaligned(fromByteOffset: i, as: UInt64.self) { return false }
        i += 8
      }
      while i < text.count {
        if all[start + i] != text[i] { return false }
        i += 1
      }
      return true
    }
  }

  private func grow() {
    slots = [UInt32](repeating: 0, count: slots.count * 2)
    for code in 1..<hashes.count {
      var slot = Int(hashes[code]) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(code)
    }
  }

  private static func hash(_ text: UnsafeRawBufferPointer) -> UInt32 {
    // 8 bytes a step; the finaliser of MurmurHash3 spreads the bits.
    var h: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(text.count)
    var i = 0
    while i + 8 <= text.count {
      h = (h ^ text.loadUnaligned(fromByteOffset: i, as: UInt64.self)) &* 0xFF51_AFD7_ED55_8CCD
      h ^= h >> 32
      i += 8
    }
    var tail: UInt64 = 0
    while i < text.count {
      tail = tail << 8 | UInt64(text[i])
      i += 1
    }
    h = (h ^ tail) &* 0xC4CE_B9FE_1A85_EC53
    h ^= h >> 33
    h = h &* 0xFF51_AFD7_ED55_8CCD
    h ^= h >> 33
    return UInt32(truncatingIfNeeded: h)
  }
}
