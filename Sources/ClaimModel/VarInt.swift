/// Numbers in as few bytes as they need: 7 bits a byte, the lowest first, the top bit says that more follow.
public enum VarInt {
  /// What the greatest number takes.
  @inlinable public static var mostBytes: Int { 10 }

  /// Eight bytes from `p` on are written, whatever the number needs; `mostBytes` must be there.
  @inlinable @inline(__always)
  public static func write(_ value: UInt64, _ p: inout UnsafeMutableRawPointer) {
    if value < 0x80 {
      p.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
      p += 1
      return
    }
    if value >= 1 << 56 { return writeLong(value, &p) }
    // Groups of seven bits are pulled apart, then all but the last byte get their top bit.
    var v = (value & 0x0000_0000_0FFF_FFFF) | (value & 0x00FF_FFFF_F000_0000) &<< 4
    v = (v & 0x0000_3FFF_0000_3FFF) | (v & 0x0FFF_C000_0FFF_C000) &<< 2
    v = (v & 0x007F_007F_007F_007F) | (v & 0x3F80_3F80_3F80_3F80) &<< 1
    let count = ((63 &- value.leadingZeroBitCount) &* 9 &+ 73) &>> 6
    v |= 0x8080_8080_8080_8080 & ((1 &<< UInt64(truncatingIfNeeded: (count &- 1) &* 8)) &- 1)
    p.storeBytes(of: v.littleEndian, as: UInt64.self)
    p += count
  }

  @inline(never) @usableFromInline
  static func writeLong(_ value: UInt64, _ p: inout UnsafeMutableRawPointer) {
    var rest = value
    while rest >= 0x80 {
      p.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
      p += 1
      rest &>>= 7
    }
    p.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
    p += 1
  }

  /// Eight bytes from `p` on must be readable.
  @inlinable @inline(__always)
  public static func read(_ p: inout UnsafeRawPointer) -> UInt64 {
    let word = p.loadUnaligned(as: UInt64.self).littleEndian
    if word & 0x80 == 0 {
      p += 1
      return word & 0x7F
    }
    let ends = ~word & 0x8080_8080_8080_8080
    if ends == 0 { return readLong(&p) }
    let bits = UInt64(truncatingIfNeeded: ends.trailingZeroBitCount)
    // Up to and with the last byte; then the groups of seven are pushed together.
    var v = word & ((2 &<< bits) &- 1)
    v = (v & 0x007F_007F_007F_007F) | (v & 0x7F00_7F00_7F00_7F00) &>> 1
    v = (v & 0x0000_3FFF_0000_3FFF) | (v & 0x3FFF_0000_3FFF_0000) &>> 2
    v = (v & 0x0000_0000_0FFF_FFFF) | (v & 0x0FFF_FFFF_0000_0000) &>> 4
    p += Int(truncatingIfNeeded: (bits &+ 1) &>> 3)
    return v
  }

  @inline(never) @usableFromInline
  static func readLong(_ p: inout UnsafeRawPointer) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = p.load(as: UInt8.self)
      p += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }
}
