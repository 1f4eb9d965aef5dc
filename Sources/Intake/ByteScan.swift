import CByteMasks

/// Scans of raw memory, many bytes at a time. Readable up to 8 bytes beyond `end`.
enum ByteScan {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// A byte repeated eight times.
  @inline(__always)
  static func pattern(_ byte: UInt8) -> UInt64 { UInt64(byte) &* ones }

  /// Index of the first byte equal to the pattern's in `start..<end`, else `end`.
  @inline(__always)
  static func find(_ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, _ pattern: UInt64) -> Int {
    var i = start
    while i < end {
      let word = UnsafeRawPointer(p + i).loadUnaligned(as: UInt64.self).littleEndian ^ pattern
      let hit = (word &- ones) & ~word & highs
      if hit != 0 {
        let at = i &+ (hit.trailingZeroBitCount &>> 3)
        return at < end ? at : end
      }
      i &+= 8
    }
    return end
  }

  /// Index of the first byte equal to either pattern's, else `end`.
  @inline(__always)
  static func find(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, _ pattern: UInt64, _ other: UInt64
  ) -> Int {
    var i = start
    while i < end {
      let raw = UnsafeRawPointer(p + i).loadUnaligned(as: UInt64.self).littleEndian
      let a = raw ^ pattern
      let b = raw ^ other
      let hit = ((a &- ones) & ~a | (b &- ones) & ~b) & highs
      if hit != 0 {
        let at = i &+ (hit.trailingZeroBitCount &>> 3)
        return at < end ? at : end
      }
      i &+= 8
    }
    return end
  }

  /// Index of the first byte that is not part of well-formed UTF-8 in `start..<end`, else `end`.
  static func firstInvalidUTF8(_ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    var met = Met()
    return firstInvalidUTF8(p, start, end, &met)
  }

  /// What was met on the way through a text.
  struct Met {
    /// A `Blank` that is not ASCII.
    var blank = false
    /// Any byte from 0x80 on.
    var high = false
  }

  /// As above.
  static func firstInvalidUTF8(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, _ met: inout Met
  ) -> Int {
    var i = start
    while i &+ 64 <= end {
      var word = cbm_high(p + i)
      if word == 0 {
        i &+= 64
        continue
      }
      met.high = true
      let block = i
      repeat {
        i = block &+ word.trailingZeroBitCount
        // Chinese text: three bytes a character, one after the other.
        while i &+ 4 <= end {
          let four = UnsafeRawPointer(p + i).loadUnaligned(as: UInt32.self).littleEndian
          // 1110xxxx 10xxxxxx 10xxxxxx; not 0 and not 0xD8..0xDF in the upper five bits of the character.
          let upper = four & 0x200F
          if four & 0x00C0_C0F0 != 0x0080_80E0 || upper == 0 || upper == 0x200D { break }
          if four & 0xFF <= 0xE3, Blank.length(p + i, 3) != 0 { met.blank = true }
          i &+= 3
        }
        if i < end, p[i] >= 0x80 {
          let length = lengthOfCharacter(p, i, end)
          if length == 0 { return i }
          if Blank.length(p + i, length) != 0 { met.blank = true }
          i &+= length
        }
        word = i &- block >= 64 ? 0 : word & (~0 &<< UInt64(i &- block))
      } while word != 0
      i = max(i, block &+ 64)
    }
    while i < end {
      let length = lengthOfCharacter(p, i, end)
      if length != 1 { met.high = true }
      if length == 0 { return i }
      if length > 1, Blank.length(p + i, length) != 0 { met.blank = true }
      i &+= length
    }
    return end
  }

  /// Whether the bytes from 0x80 on come in pairs of 0xA1 to 0xFE, as all characters of everyday Chinese text do in
  /// GB18030, and hardly ever what damage leaves.
  static func looksLikeGB(_ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
    var i = start
    while i < end {
      if p[i] < 0x80 {
        i += 1
        continue
      }
      if i + 1 >= end || p[i] < 0xA1 || p[i] > 0xFE || p[i + 1] < 0xA1 || p[i + 1] > 0xFE { return false }
      i += 2
    }
    return true
  }

  /// Bytes of the character that begins at `i`; 0 if it is not well-formed or goes beyond `end`.
  private static func lengthOfCharacter(_ p: UnsafeMutablePointer<UInt8>, _ i: Int, _ end: Int) -> Int {
    let lead = p[i]
    if lead < 0x80 { return 1 }
    let length: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    switch lead {
    case 0xE1...0xEC, 0xEE, 0xEF: length = 3
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, low) = (3, 0xA0)
    case 0xED: (length, high) = (3, 0x9F)
    case 0xF0: (length, low) = (4, 0x90)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, high) = (4, 0x8F)
    default: return 0
    }
    if i &+ length > end || p[i &+ 1] < low || p[i &+ 1] > high { return 0 }
    if length > 2, p[i &+ 2] & 0xC0 != 0x80 { return 0 }
    if length > 3, p[i &+ 3] & 0xC0 != 0x80 { return 0 }
    return length
  }
}
