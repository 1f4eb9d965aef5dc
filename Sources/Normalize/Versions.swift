import ClaimModel

/// Place of each segment among all in byte order of batch, file, and member ordinal.
struct SegmentRanks {
  let rank: [Int32]

  init(_ segments: [SegmentIdentity]) {
    let order = segments.indices.sorted { a, b in
      let (x, y) = (segments[a], segments[b])
      if x.batch != y.batch || x.file != y.file {
        // Swift's == on String is canonical equivalence; compare bytes only.
        let batchOrder = byteOrder(x.batch, y.batch)
        if batchOrder != 0 { return batchOrder < 0 }
        let fileOrder = byteOrder(x.file, y.file)
        if fileOrder != 0 { return fileOrder < 0 }
      }
      return x.member < y.member
    }
    var rank = [Int32](repeating: 0, count: segments.count)
    for (place, segment) in order.enumerated() { rank[segment] = Int32(place) }
    self.rank = rank
  }
}

private func byteOrder(_ a: String, _ b: String) -> Int {
  if a.utf8.elementsEqual(b.utf8) { return 0 }
  return a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : 1
}

/// What makes one version newer than another (rule-definitions 1.1).
struct VersionOrder {
  private let updated: [Int64]
  private let vali: [UInt32]
  private let origin: [RowOrigin]
  private let rank: [Int32]
  private let lacksVali: [Bool]
  private let one: UInt32

  init(_ source: Source, _ ranks: SegmentRanks) {
    updated = source.numbers("updt_time")
    vali = source.codes("vali_flag")
    origin = source.rows.origin
    rank = ranks.rank
    lacksVali = source.segments.map { $0.missingColumns.contains("vali_flag") }
    one = source.codeTable.intern("1")
  }

  /// Whether row a is newer than row b; null is the lowest update time.
  func isNewer(_ a: Int, _ b: Int) -> Bool {
    if updated[a] != updated[b] { return updated[a] > updated[b] }
    let x = rank[Int(origin[a].segment)]
    let y = rank[Int(origin[b].segment)]
    return x == y ? origin[a].line > origin[b].line : x > y
  }

  /// Whether the winner of a key is valid; a file without the column says 1, an empty field does not.
  func isValid(_ row: Int) -> Bool { vali[row] == one || lacksVali[Int(origin[row].segment)] }
}

/// The newest version of each key of a table with one key column.
struct Versions {
  var dispositions: [Disposition]
  let isValid: [Bool]
  /// Valid row of a key code, -1 if there is none.
  private let validRow: [Int32]
  /// Newest row of a key code whatever its validity, -1 if the store has no row of it.
  private let newestRow: [Int32]

  init(_ source: Source, _ ranks: SegmentRanks) {
    let order = VersionOrder(source, ranks)
    let key = source.codes(source.table.key[0])
    var newest = [Int32](repeating: -1, count: source.codeTable.count)
    var dispositions = [Disposition](repeating: .superseded, count: source.count)
    for row in 0..<source.count {
      let known = newest[Int(key[row])]
      if known < 0 || order.isNewer(row, Int(known)) { newest[Int(key[row])] = Int32(row) }
    }
    var valid = [Int32](repeating: -1, count: newest.count)
    var isValid = [Bool](repeating: false, count: source.count)
    // Code 0 is null: no row without a key gets here, and none may be joined.
    for code in newest.indices.dropFirst() where newest[code] >= 0 {
      let row = Int(newest[code])
      if order.isValid(row) {
        dispositions[row] = .counts
        isValid[row] = true
        valid[code] = newest[code]
      } else {
        dispositions[row] = .cancelled
      }
    }
    self.dispositions = dispositions
    self.isValid = isValid
    validRow = valid
    newestRow = newest
  }

  /// The valid row of a key; nil for null, unknown and cancelled ones.
  func valid(_ code: UInt32) -> Int? {
    guard code != CodeTable.null, Int(code) < validRow.count, validRow[Int(code)] >= 0 else { return nil }
    return Int(validRow[Int(code)])
  }

  /// Whether the store has any row of the key, superseded or cancelled ones included.
  func isKnown(_ code: UInt32) -> Bool { Int(code) < newestRow.count && newestRow[Int(code)] >= 0 }

  func rows(_ disposition: Disposition) -> [Int32] {
    dispositions.indices.compactMap { dispositions[$0] == disposition ? Int32($0) : nil }
  }
}

/// The newest version of each fee line; its key has two columns.
struct LineVersions {
  private(set) var dispositions: [Disposition]
  private(set) var isValid: [Bool]
  private let visit: [UInt32]
  private let serial: [UInt32]
  // Open addressing over both key codes; row + 1, 0 is free.
  private var slots: [Int32]

  init(_ source: Source, _ ranks: SegmentRanks) {
    let order = VersionOrder(source, ranks)
    visit = source.codes("mdtrt_id")
    serial = source.codes("bkkp_sn")
    dispositions = [Disposition](repeating: .superseded, count: source.count)
    isValid = [Bool](repeating: false, count: source.count)
    var capacity = 16
    while capacity < source.count * 2 { capacity *= 2 }
    slots = [Int32](repeating: 0, count: capacity)
    for row in 0..<source.count {
      let slot = slot(visit[row], serial[row])
      let known = slots[slot]
      if known == 0 || order.isNewer(row, Int(known) - 1) { slots[slot] = Int32(row + 1) }
    }
    for known in slots where known != 0 {
      let row = Int(known) - 1
      isValid[row] = order.isValid(row)
      dispositions[row] = isValid[row] ? .counts : .cancelled
    }
  }

  /// The newest row of a line, whatever its validity; nil if the store has none.
  func newest(visit: UInt32, serial: UInt32) -> Int? {
    let known = slots[slot(visit, serial)]
    return known == 0 ? nil : Int(known) - 1
  }

  private func slot(_ a: UInt32, _ b: UInt32) -> Int {
    var h = (UInt64(a) << 32 | UInt64(b)) &* 0x9E37_79B9_7F4A_7C15
    h ^= h >> 32
    h = h &* 0xFF51_AFD7_ED55_8CCD
    var slot = Int(truncatingIfNeeded: h >> 32) & (slots.count - 1)
    while slots[slot] != 0 {
      let row = Int(slots[slot]) - 1
      if visit[row] == a, serial[row] == b { break }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }
}
