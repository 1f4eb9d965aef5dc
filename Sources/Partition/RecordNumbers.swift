import ClaimModel

/// A value of a number column: how many bytes follow, and those; none for null.
enum RecordNumber {
  static let mostBytes = 9

  /// Nine bytes from `p` on are written, whatever the value needs.
  @inline(__always)
  static func write(_ value: Int64, _ p: inout UnsafeMutableRawPointer) {
    if value == ColumnData.null {
      p.storeBytes(of: 0, as: UInt8.self)
      p += 1
      return
    }
    // Small for small numbers of either sign.
    let word = UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
    let count = (71 &- (word | 1).leadingZeroBitCount) &>> 3
    p.storeBytes(of: UInt8(truncatingIfNeeded: count), as: UInt8.self)
    (p + 1).storeBytes(of: word.littleEndian, as: UInt64.self)
    p += count &+ 1
  }

  /// Nine bytes from `p` on must be readable.
  @inline(__always)
  static func read(_ p: inout UnsafeRawPointer) -> Int64 {
    let count = Int(p.load(as: UInt8.self))
    let bytes = (p + 1).loadUnaligned(as: UInt64.self).littleEndian
    p += count &+ 1
    if count == 0 { return ColumnData.null }
    let word = bytes & (UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- 8 &* count))
    return Int64(bitPattern: word &>> 1) ^ (0 &- Int64(bitPattern: word & 1))
  }
}
