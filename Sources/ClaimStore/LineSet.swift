/// Lines of one segment, a bit each.
public struct LineSet: Sendable, Hashable {
  private var words: [UInt64] = []
  public private(set) var count = 0
  public var isEmpty: Bool { count == 0 }

  public init() {}

  /// - Parameter line: 1-based, as in `RowOrigin`; others are passed over.
  public mutating func insert(_ line: Int32) {
    guard line >= 0 else { return }
    let word = Int(line >> 6)
    if word >= words.count { words += repeatElement(0, count: word + 1 - words.count) }
    let bit = UInt64(1) << UInt64(line & 63)
    if words[word] & bit == 0 { count += 1 }
    words[word] |= bit
  }

  public func contains(_ line: Int32) -> Bool {
    let word = Int(line >> 6)
    return line >= 0 && word < words.count && words[word] & (UInt64(1) << UInt64(line & 63)) != 0
  }
}
