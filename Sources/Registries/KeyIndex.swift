/// Rows by a key of one or more 64-bit values: the hash index under lookups and pairs.
///
/// A value of 0 is null (see `keyValue`); rows with a null in their key are not in the index.
public struct KeyIndex: Sendable {
  /// Values in a key.
  public let width: Int
  /// Group of each slot, -1 where there is none; no more than half of them are taken.
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
    let width = columns.count
    self.width = width
    // Few keys of many rows stay in the cache; it grows where that was too little.
    var capacity = 16
    while capacity < count / 4 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    let (groupOf, groups) = Self.rowByRow(columns, count).withUnsafeBufferPointer { values in
      // By far most keys are of one value: a width that is known spares loops at each row.
      width == 1 ? grouping(values, count, width: 1) : grouping(values, count, width: width)
    }
    offsets = [Int32](repeating: 0, count: groups + 1)
    offsets.withUnsafeMutableBufferPointer { offsets in
      for group in groupOf where group >= 0 { offsets[Int(group) &+ 1] &+= 1 }
      for group in 0..<groups { offsets[group &+ 1] &+= offsets[group] }
    }
    let sum = Int(offsets[groups])
    var next = offsets
    sortedRows = [Int32](unsafeUninitializedCapacity: sum) { rows, initialized in
      next.withUnsafeMutableBufferPointer { next in
        for row in 0..<count where groupOf[row] >= 0 {
          let group = Int(groupOf[row])
          rows[Int(next[group])] = Int32(truncatingIfNeeded: row)
          next[group] &+= 1
        }
      }
      initialized = sum
    }
  }

  /// The group of each row, -1 for one with a null in its key; and how many groups there are.
  @inline(__always)
  private mutating func grouping(
    _ values: UnsafeBufferPointer<UInt64>, _ count: Int, width: Int
  ) -> (groupOf: [Int32], groups: Int) {
    var groups = 0
    let groupOf = [Int32](unsafeUninitializedCapacity: count) { groupOf, initialized in
      var last = -1
      for row in 0..<count {
        let key = UnsafeBufferPointer(rebasing: values[row &* width..<(row &+ 1) &* width])
        // Rows of one key often stand together.
        if last < 0 || !isKey(last, key, width) {
          if key.contains(0) {
            groupOf[row] = -1
            continue
          }
          let slot = find(key, width)
          if slots[slot] >= 0 {
            last = Int(slots[slot])
          } else {
            last = groups
            groups += 1
            slots[slot] = Int32(last)
            keys.append(contentsOf: key)
            if groups * 2 > slots.count { grow(groups) }
          }
        }
        groupOf[row] = Int32(truncatingIfNeeded: last)
      }
      initialized = count
    }
    return (groupOf, groups)
  }

  /// The values of each row side by side.
  private static func rowByRow(_ columns: [[UInt64]], _ count: Int) -> [UInt64] {
    if columns.count == 1 { return columns[0] }
    let width = columns.count
    return [UInt64](unsafeUninitializedCapacity: count * width) { values, initialized in
      for (k, column) in columns.enumerated() {
        column.withUnsafeBufferPointer { column in
          for row in 0..<count { values[row &* width &+ k] = column[row] }
        }
      }
      initialized = count * width
    }
  }

  /// Number of distinct keys.
  public var groupCount: Int { offsets.count - 1 }

  /// The group of a key of `width` values; -1 if no row has it.
  public func group(_ key: [UInt64]) -> Int { key.withUnsafeBufferPointer { Int(slots[find($0, width)]) } }

  /// The rows of a group, in row order.
  public func rows(_ group: Int) -> ArraySlice<Int32> { sortedRows[Int(offsets[group])..<Int(offsets[group + 1])] }

  /// The slot of a key, or the free one where it would be.
  @inline(__always)
  private func find(_ key: UnsafeBufferPointer<UInt64>, _ width: Int) -> Int {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    for k in 0..<width {
      hash = (hash ^ key[k]) &* 0xFF51_AFD7_ED55_8CCD
      hash ^= hash >> 32
    }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let group = Int(slots[slot])
      if group < 0 || isKey(group, key, width) { return slot }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  private func isKey(_ group: Int, _ key: UnsafeBufferPointer<UInt64>, _ width: Int) -> Bool {
    for k in 0..<width where keys[group &* width &+ k] != key[k] { return false }
    return true
  }

  /// Twice as many slots.
  private mutating func grow(_ groups: Int) {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    let all = keys
    all.withUnsafeBufferPointer { all in
      for group in 0..<groups {
        slots[find(UnsafeBufferPointer(rebasing: all[group &* width..<(group &+ 1) &* width]), width)] = Int32(group)
      }
    }
  }
}
