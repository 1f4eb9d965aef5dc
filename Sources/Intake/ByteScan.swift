/// Scans of raw memory, eight bytes at a time. Readable up to 8 bytes beyond `end`.
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
    var i = start
    while i < end {
      if i &+ 8 <= end {
        let word = UnsafeRawPointer(p + i).loadUnaligned(as: UInt64.self).littleEndian & highs
        if word == 0 {
          i &+= 8
          continue
        }
        i &+= word.trailingZeroBitCount &>> 3
      }
      let lead = p[i]
      if lead < 0x80 {
        i &+= 1
        continue
      }
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
      default: return i
      }
      if i &+ length > end || p[i &+ 1] < low || p[i &+ 1] > high { return i }
      if length > 2, p[i &+ 2] & 0xC0 != 0x80 { return i }
      if length > 3, p[i &+ 3] & 0xC0 != 0x80 { return i }
      i &+= length
    }
    return end
  }
}
