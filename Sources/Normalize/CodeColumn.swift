import ClaimModel

/// Counts the codes of one column that has a closed list.
struct CodeColumn {
  let name: String
  let field: Int
  // Codes of up to 8 bytes packed into a word, open addressing; 0 is a free slot.
  private var keys = [UInt64](repeating: 0, count: 256)
  private var rows = [Int](repeating: 0, count: 256)
  private var used = 0
  private var longRows = 0
  private static let most = 1 << 16

  init(name: String, field: Int) {
    self.name = name
    self.field = field
  }

  /// Counts a value that some rows have; null is none.
  ///
  /// - Parameters:
  ///   - bytes: of which `bytesCount` are readable.
  ///   - rows: how many say it.
  mutating func count(_ bytes: UnsafeRawPointer, _ bytesCount: Int, start: Int, length: Int, rows: Int) {
    if length == 0 { return }
    if length > 8 {
      longRows += rows
      return
    }
    var key: UInt64 = 0
    if start &+ 8 <= bytesCount {
      key = (bytes + start).loadUnaligned(as: UInt64.self).bigEndian &>> UInt64(truncatingIfNeeded: 64 &- 8 &* length)
    } else {
      for i in start..<start + length { key = key << 8 | UInt64(bytes.load(fromByteOffset: i, as: UInt8.self)) }
    }
    count(key, rows: rows)
  }

  private mutating func count(_ key: UInt64, rows more: Int) {
    // Only of NULs, which Intake rejects; 0 is a free slot.
    if key == 0 { return }
    var slot = slot(of: key)
    if keys[slot] == 0 {
      // A column of codes with so many values holds none; what more there is counts with the long ones.
      guard used < Self.most else {
        longRows += more
        return
      }
      if used * 2 >= keys.count {
        grow()
        slot = self.slot(of: key)
      }
      keys[slot] = key
      used += 1
    }
    rows[slot] += more
  }

  /// The codes outside the list; not sorted.
  func unknown() -> [UnknownCode] {
    var result: [UnknownCode] = []
    for (slot, key) in keys.enumerated() where key != 0 {
      var bytes: [UInt8] = []
      var rest = key
      while rest != 0 {
        bytes.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
      }
      let code = String(decoding: bytes, as: UTF8.self)
      if !CodeLists.isKnown(code, column: name) {
        result.append(UnknownCode(column: name, code: code, rows: rows[slot]))
      }
    }
    if longRows > 0 { result.append(UnknownCode(column: name, code: "(long)", rows: longRows)) }
    return result
  }

  private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 40) & (keys.count - 1)
    while keys[slot] != 0, keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }

  private mutating func grow() {
    let old = zip(keys, rows).filter { $0.0 != 0 }
    keys = [UInt64](repeating: 0, count: keys.count * 2)
    rows = [Int](repeating: 0, count: keys.count)
    for (key, count) in old {
      let place = slot(of: key)
      keys[place] = key
      rows[place] = count
    }
  }
}
