import ClaimModel

/// Counts the codes of one column that has a closed list.
struct CodeColumn {
  let name: String
  let field: Int
  // Codes of up to 8 bytes packed into a word, open addressing; 0 is a free slot. Memory of its own, looked at once a
  // run of rows.
  private var keys: UnsafeMutablePointer<UInt64>
  private var rows: UnsafeMutablePointer<Int>
  private var capacity = 256
  private var used = 0
  private var longRows = 0
  private static let most = 1 << 16

  init(name: String, field: Int) {
    self.name = name
    self.field = field
    keys = Self.zeros(capacity)
    rows = Self.zeros(capacity)
  }

  /// Frees what it counted in; it must not be used any more.
  func deallocate() {
    keys.deallocate()
    rows.deallocate()
  }

  private static func zeros<T: FixedWidthInteger>(_ count: Int) -> UnsafeMutablePointer<T> {
    let memory = UnsafeMutablePointer<T>.allocate(capacity: count)
    memory.initialize(repeating: 0, count: count)
    return memory
  }

  /// Counts a value that some rows have; null is none.
  ///
  /// - Parameters:
  ///   - bytes: of which `bytesCount` are readable.
  ///   - rows: how many say it.
  @inline(__always)
  mutating func count(_ bytes: UnsafeRawPointer, _ bytesCount: Int, start: Int, length: Int, rows more: Int) {
    if length == 0 { return }
    if length > 8 {
      longRows &+= more
      return
    }
    var key: UInt64 = 0
    if start &+ 8 <= bytesCount {
      key = (bytes + start).loadUnaligned(as: UInt64.self).bigEndian &>> UInt64(truncatingIfNeeded: 64 &- 8 &* length)
    } else {
      for i in start..<start + length { key = key << 8 | UInt64(bytes.load(fromByteOffset: i, as: UInt8.self)) }
    }
    let slot = slot(of: key)
    if keys[slot] == key, key != 0 {
      rows[slot] &+= more
    } else {
      add(key, slot, rows: more)
    }
  }

  @inline(never)
  private mutating func add(_ key: UInt64, _ free: Int, rows more: Int) {
    // Only of NULs, which Intake rejects; 0 is a free slot.
    if key == 0 { return }
    // A column of codes with so many values holds none; what more there is counts with the long ones.
    guard used < Self.most else {
      longRows += more
      return
    }
    var slot = free
    if used * 2 >= capacity {
      grow()
      slot = self.slot(of: key)
    }
    keys[slot] = key
    used += 1
    rows[slot] = more
  }

  /// The codes outside the list; not sorted.
  func unknown() -> [UnknownCode] {
    var result: [UnknownCode] = []
    var otherRows = 0
    for slot in 0..<capacity where keys[slot] != 0 {
      var bytes: [UInt8] = []
      var rest = keys[slot]
      while rest != 0 {
        bytes.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
      }
      // No code is written in other letters than ASCII; where columns are shifted, a name is.
      if bytes.contains(where: { $0 < 0x21 || $0 > 0x7E }) {
        otherRows += rows[slot]
        continue
      }
      let code = String(decoding: bytes, as: UTF8.self)
      if !CodeLists.isKnown(code, column: name) {
        result.append(UnknownCode(column: name, code: code, rows: rows[slot]))
      }
    }
    if otherRows > 0 { result.append(UnknownCode(column: name, code: UnknownCode.other, rows: otherRows)) }
    if longRows > 0 { result.append(UnknownCode(column: name, code: UnknownCode.long, rows: longRows)) }
    return result
  }

  /// Where a code stands, or the free slot where it would.
  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 40) & (capacity &- 1)
    while keys[slot] != 0, keys[slot] != key { slot = (slot &+ 1) & (capacity &- 1) }
    return slot
  }

  private mutating func grow() {
    let (oldKeys, oldRows, oldCapacity) = (keys, rows, capacity)
    capacity *= 2
    keys = Self.zeros(capacity)
    rows = Self.zeros(capacity)
    for old in 0..<oldCapacity where oldKeys[old] != 0 {
      let place = slot(of: oldKeys[old])
      keys[place] = oldKeys[old]
      rows[place] = oldRows[old]
    }
    oldKeys.deallocate()
    oldRows.deallocate()
  }
}
