/// What is cut off at both ends of a value: tab and the spaces of Unicode (general category Zs), among them the wide
/// blank of Chinese text (U+3000) and that which does not break (U+00A0), and the zero-width space. They are the same
/// for claims and for registries: a code that is written alike in both must meet itself.
public enum Blank {
  /// The text without blanks at its ends; UTF-8.
  ///
  /// - Parameter tab: whether a tab is one; not so where it parts fields.
  public static func trimmed(
    _ text: UnsafePointer<UInt8>, _ count: Int, tab: Bool = true
  ) -> (base: UnsafePointer<UInt8>, count: Int) {
    var from = text
    var count = count
    while count > 0 {
      let n = length(from, count, tab: tab)
      if n == 0 { break }
      from += n
      count -= n
    }
    while count > 0 {
      // A blank takes one to three bytes; where the character ends, it must begin.
      var n = 0
      for length in 1...min(3, count) where Self.length(from + (count - length), length, tab: tab) == length {
        n = length
      }
      if n == 0 { break }
      count -= n
    }
    return (from, count)
  }

  /// Bytes of the blank with which a text of at least one byte begins; 0 if it begins otherwise.
  static func length(_ p: UnsafePointer<UInt8>, _ count: Int, tab: Bool = true) -> Int {
    switch p[0] {
    case 0x09: return tab ? 1 : 0
    case 0x20: return 1
    case 0xC2: return count >= 2 && p[1] == 0xA0 ? 2 : 0
    case 0xE1: return count >= 3 && p[1] == 0x9A && p[2] == 0x80 ? 3 : 0
    case 0xE2:
      if count < 3 { return 0 }
      if p[1] == 0x80 { return p[2] >= 0x80 && p[2] <= 0x8B || p[2] == 0xAF ? 3 : 0 }
      return p[1] == 0x81 && p[2] == 0x9F ? 3 : 0
    case 0xE3: return count >= 3 && p[1] == 0x80 && p[2] == 0x80 ? 3 : 0
    default: return 0
    }
  }

  /// Cuts off the blanks of fields that have no ASCII blanks at their ends any more.
  static func trim(
    _ text: UnsafePointer<UInt8>, _ starts: inout [Int32], _ lengths: inout [Int32], count: Int, tab: Bool
  ) {
    for i in 0..<count where lengths[i] > 0 {
      let (start, length) = (Int(starts[i]), Int(lengths[i]))
      if text[start] < 0x80, text[start &+ length &- 1] < 0x80 { continue }
      let field = trimmed(text + start, length, tab: tab)
      starts[i] = Int32(truncatingIfNeeded: field.base - text)
      lengths[i] = Int32(truncatingIfNeeded: field.count)
    }
  }
}
