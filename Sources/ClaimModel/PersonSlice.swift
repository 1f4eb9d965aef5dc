/// The part of all claims to which a person's rows belong: 16 bits of a hash of psn_no.
///
/// Claims are stored and evaluated slice by slice, so the hash is part of the store's format and must never change. A
/// row with null psn_no belongs to the slice of its mdtrt_id.
public enum PersonSlice {
  /// Number of slices.
  public static let count = 1 << 16

  /// The slice of an identifier's UTF-8 bytes; 0 for the empty text.
  ///
  /// Bytes are taken 8 at a time as little-endian words, the rest as one big-endian number; steps and finaliser are
  /// those of MurmurHash3's 64-bit mixer; the slice is the upper 16 bits.
  @inlinable
  public static func of(_ text: UnsafeRawBufferPointer) -> UInt16 { UInt16(truncatingIfNeeded: hash(text) >> 48) }

  /// The slice of an identifier; 0 for the empty text.
  public static func of(_ text: String) -> UInt16 {
    var text = text
    return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
  }

  /// The 64-bit hash behind the slice.
  @inlinable
  public static func hash(_ text: UnsafeRawBufferPointer) -> UInt64 {
    if text.isEmpty { return 0 }
    var h: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(text.count)
    var i = 0
    while i &+ 8 <= text.count {
      h = (h ^ UInt64(littleEndian: text.loadUnaligned(fromByteOffset: i, as: UInt64.self))) &* 0xFF51_AFD7_ED55_8CCD
      h ^= h >> 32
      i &+= 8
    }
    var tail: UInt64 = 0
    while i < text.count {
      tail = tail << 8 | UInt64(text[i])
      i &+= 1
    }
    h = (h ^ tail) &* 0xC4CE_B9FE_1A85_EC53
    h ^= h >> 33
    h = h &* 0xFF51_AFD7_ED55_8CCD
    h ^= h >> 33
    return h
  }
}
