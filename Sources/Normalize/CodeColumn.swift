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

  /// Counts the values of some rows; null is none.
  ///
  /// - Parameters:
  ///   - repeats: as in `CheckedRows`.
  ///   - rows: ascending.
  mutating func count(
    bytes: UnsafeRawPointer, bytesCount: Int, starts: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>, width: Int,
    repeats: UnsafePointer<UInt64>, fieldWords: Int, rows: UnsafeBufferPointer<Int32>
  ) {
    let word = repeats + field &>> 6
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: field)
    // Codes repeat from row to row: a run is counted at once.
    var last: UInt64 = 0
    var run = 0
    /// The row whose value was counted in the run.
    var lastRow = -1
    for number in rows {
      let row = Int(number)
      if row == lastRow &+ 1, run > 0, word[row &* fieldWords] & bit != 0 {
        lastRow = row
        run &+= 1
        continue
      }
      let at = row &* width &+ field
      let length = Int(lengths[at])
      if length == 0 { continue }
      if length > 8 {
        longRows += 1
        continue
      }
      let start = Int(starts[at])
      var key: UInt64 = 0
      if start &+ 8 <= bytesCount {
        key = (bytes + start).loadUnaligned(as: UInt64.self).bigEndian &>> UInt64(truncatingIfNeeded: 64 &- 8 &* length)
      } else {
        for i in start..<start + length { key = key << 8 | UInt64(bytes.load(fromByteOffset: i, as: UInt8.self)) }
      }
      lastRow = row
      if key == last, run > 0 {
        run &+= 1
        continue
      }
      if run > 0 { count(last, rows: run) }
      last = key
      run = 1
    }
    if run > 0 { count(last, rows: run) }
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
