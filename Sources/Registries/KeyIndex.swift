/// Rows by a key of one or more 64-bit values: the hash index under lookups and pairs.
///
/// A value of 0 is null (see `keyValue`); rows with a null in their key are not in the index.
public struct KeyIndex: Sendable {
  /// Values in a key.
  public let width: Int
  private var slots: [Int32]
  private var keys: [UInt64] = []
  private var offsets: [Int32] = [0]
  private var sortedRows: [Int32] = []

  /// Key value of a code: itself.
  public static func keyValue(code: UInt32) -> UInt64 { UInt64(code) }
  /// Key value of a number: the null of number columns becomes 0, and no other number does.
  public static func keyValue(number: Int64) -> UInt64 { UInt64(bitPattern: number) ^ (1 << 63) }

  /// `columns[k][row]` is the row's k-th key value. Rows of one key keep their order. A width of 0 puts all rows under
  /// the empty key.
  public init(columns: [[UInt64]], count: Int) {
    width = columns.count
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    var groupOf = [Int32](repeating: -1, count: count)
    var sizes: [Int32] = []
    var key = [UInt64](repeating: 0, count: max(1, width))
    for row in 0..<count {
      var isNull = false
      for k in 0..<width {
        key[k] = columns[k][row]
        if key[k] == 0 { isNull = true }
      }
      if isNull { continue }
      let slot = find(key)
      if slots[slot] < 0 {
        slots[slot] = Int32(sizes.count)
        sizes.append(0)
        keys.append(contentsOf: key[0..<width])
      }
      groupOf[row] = slots[slot]
      sizes[Int(slots[slot])] += 1
    }
    offsets.reserveCapacity(sizes.count + 1)
    for size in sizes { offsets.append((offsets.last ?? 0) + size) }
    var next = offsets
    sortedRows = [Int32](repeating: 0, count: Int(offsets.last ?? 0))
    for row in 0..<count where groupOf[row] >= 0 {
      let group = Int(groupOf[row])
      sortedRows[Int(next[group])] = Int32(row)
      next[group] += 1
    }
  }

  /// Number of distinct keys.
  public var groupCount: Int { offsets.count - 1 }

  /// The group of a key of `width` values; -1 if no row has it.
  public func group(_ key: [UInt64]) -> Int { Int(slots[find(key)]) }

  /// The rows of a group, in row order.
  public func rows(_ group: Int) -> ArraySlice<Int32> { sortedRows[Int(offsets[group])..<Int(offsets[group + 1])] }

  private func find(_ key: [UInt64]) -> Int {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    for k in 0..<width {
      hash = (hash ^ key[k]) &* 0xFF51_AFD7_ED55_8CCD
      hash ^= hash >> 32
    }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let group = Int(slots[slot])
      if group < 0 { return slot }
      var isSame = true
      for k in 0..<width where keys[group * width + k] != key[k] { isSame = false }
      if isSame { return slot }
      slot = (slot + 1) & mask
    }
  }
}
