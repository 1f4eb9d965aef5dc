import ClaimModel

/// A row to be sorted by the text of its key.
struct TextItem {
  /// 8 bytes of the text, big-endian, zeros beyond its end: where words differ, they compare as the texts do.
  var word: UInt64
  var code: UInt32
  var row: Int32
}

/// The texts of a code table at hand, for passes over many codes. Must not outlive the call it was made in.
struct TextBytes {
  private let texts: CodeTexts

  init(_ texts: CodeTexts) { self.texts = texts }

  @inline(__always) func count(_ code: UInt32) -> Int { texts.count(code) }

  /// The 8 bytes of a text after so many.
  @inline(__always) func word(_ code: UInt32, after skip: Int) -> UInt64 {
    let left = texts.count(code) &- skip
    if left <= 0 { return 0 }
    let word = UInt64(
      bigEndian: UnsafeRawPointer(texts.base(code)).loadUnaligned(fromByteOffset: skip, as: UInt64.self))
    return left >= 8 ? word : word & ~(UInt64.max >> UInt64(left &* 8))
  }

  /// Below 0 if a's text comes first in byte order, 0 if the texts are equal, above 0 if b's comes first.
  func order(_ a: UInt32, _ b: UInt32) -> Int {
    if a == b { return 0 }
    let (countA, countB) = (count(a), count(b))
    let shared = min(countA, countB)
    var at = 0
    while at < shared {
      let (x, y) = (word(a, after: at), word(b, after: at))
      if x != y { return x < y ? -1 : 1 }
      at += 8
    }
    return countA - countB
  }

  /// Sorts items by text, items of one text by row; `code` and `row` are given, `word` is not. `spare` has room for as
  /// many.
  ///
  /// - Parameter known: first bytes that are known to be the same in all texts, zeros beyond a text's end counted as
  ///   its bytes.
  func sort(
    _ items: UnsafeMutableBufferPointer<TextItem>, spare: UnsafeMutableBufferPointer<TextItem>, known: Int = 0,
    depth: Int = 0
  ) {
    if items.count < 2 { return }
    // Bytes that are the same in all texts tell nothing.
    var skip = known
    while true {
      let more = shared(items, after: skip)
      skip += more
      if more < 24 || items.allSatisfy({ count($0.code) <= skip }) { break }
    }
    for i in 0..<items.count { items[i].word = word(items[i].code, after: skip) }
    sortByWord(items, spare: spare, skip: skip, depth: depth)
  }

  /// How many bytes after the first `skip` all texts share, zeros beyond a text's end counted as its bytes; at most 24.
  private func shared(_ items: UnsafeMutableBufferPointer<TextItem>, after skip: Int) -> Int {
    let first = items[0].code
    let known = (word(first, after: skip), word(first, after: skip &+ 8), word(first, after: skip &+ 16))
    var differs: (UInt64, UInt64, UInt64) = (0, 0, 0)
    for item in items {
      differs.0 |= word(item.code, after: skip) ^ known.0
      // What stands behind a difference does not count.
      if differs.0 == 0 {
        differs.1 |= word(item.code, after: skip &+ 8) ^ known.1
        differs.2 |= word(item.code, after: skip &+ 16) ^ known.2
      }
    }
    if differs.0 != 0 { return differs.0.leadingZeroBitCount / 8 }
    if differs.1 != 0 { return 8 + differs.1.leadingZeroBitCount / 8 }
    return 16 + differs.2.leadingZeroBitCount / 8
  }

  /// Sorts items whose words are those after `skip` bytes, which all texts share.
  func sortByWord(
    _ items: UnsafeMutableBufferPointer<TextItem>, spare: UnsafeMutableBufferPointer<TextItem>, skip: Int, depth: Int
  ) {
    var i = 1
    while i < items.count, items[i &- 1].word < items[i].word { i &+= 1 }
    if i >= items.count { return }
    if items.count <= 24 { return insertionSort(items, from: i) }
    // Texts made so that words never tell them apart are compared whole; so is a handful of rows.
    if items.count <= 256 || depth > 4 {
      var items = items
      return items.sort { precedes($0, $1) }
    }
    radixSort(items, spare: spare)
    var start = 0
    while start < items.count {
      var end = start &+ 1
      var isOneText = true
      while end < items.count, items[end].word == items[start].word {
        if items[end].code != items[start].code { isOneText = false }
        end &+= 1
      }
      if !isOneText {
        sort(
          UnsafeMutableBufferPointer(rebasing: items[start..<end]),
          spare: UnsafeMutableBufferPointer(rebasing: spare[start..<end]), known: skip &+ 8, depth: depth + 1)
      }
      start = end
    }
  }

  @inline(__always) func precedes(_ a: TextItem, _ b: TextItem) -> Bool {
    if a.word != b.word { return a.word < b.word }
    let order = order(a.code, b.code)
    return order == 0 ? a.row < b.row : order < 0
  }

  /// Stable; all before `from` are in order.
  private func insertionSort(_ items: UnsafeMutableBufferPointer<TextItem>, from: Int) {
    for i in from..<items.count {
      let item = items[i]
      var at = i
      while at > 0, precedes(item, items[at &- 1]) {
        items[at] = items[at &- 1]
        at &-= 1
      }
      items[at] = item
    }
  }

  /// By word alone; items with one word keep their order.
  private func radixSort(_ items: UnsafeMutableBufferPointer<TextItem>, spare: UnsafeMutableBufferPointer<TextItem>) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 8 * 256) { counts in
      counts.initialize(repeating: 0)
      for item in items {
        for digit in 0..<8 {
          counts[digit &* 256 &+ Int(truncatingIfNeeded: item.word >> UInt64(digit &* 8) & 0xFF)] &+= 1
        }
      }
      var from = items
      var to = spare
      for digit in 0..<8 {
        let shift = UInt64(digit &* 8)
        let base = digit &* 256
        // A byte that is the same everywhere sorts nothing.
        if counts[base &+ Int(truncatingIfNeeded: items[0].word >> shift & 0xFF)] == UInt32(items.count) { continue }
        var sum: UInt32 = 0
        for value in base..<base &+ 256 {
          let here = counts[value]
          counts[value] = sum
          sum &+= here
        }
        for item in from {
          let value = base &+ Int(truncatingIfNeeded: item.word >> shift & 0xFF)
          to[Int(counts[value])] = item
          counts[value] &+= 1
        }
        swap(&from, &to)
      }
      if from.baseAddress != items.baseAddress {
        for i in items.indices { items[i] = from[i] }
      }
    }
  }
}

/// Indices of codes in ascending byte order of their texts, null first; of equal ones the earlier first.
func textOrder(_ keys: [UInt32], _ codes: CodeTable) -> [Int32] {
  let count = keys.count
  return codes.withTexts { texts in
    let texts = TextBytes(texts)
    return withUnsafeTemporaryAllocation(of: TextItem.self, capacity: count * 2) { room in
      room.initialize(repeating: TextItem(word: 0, code: 0, row: 0))
      // Null shares no first bytes with any text, so it would spoil the words of all.
      var nulls = 0
      for i in 0..<count where keys[i] == CodeTable.null {
        room[nulls].row = Int32(truncatingIfNeeded: i)
        nulls += 1
      }
      var at = nulls
      for i in 0..<count where keys[i] != CodeTable.null {
        room[at] = TextItem(word: 0, code: keys[i], row: Int32(truncatingIfNeeded: i))
        at += 1
      }
      texts.sort(
        UnsafeMutableBufferPointer(rebasing: room[nulls..<count]),
        spare: UnsafeMutableBufferPointer(rebasing: room[count + nulls..<count * 2]))
      return [Int32](unsafeUninitializedCapacity: count) { order, initialized in
        for i in 0..<count { order[i] = room[i].row }
        initialized = count
      }
    }
  }
}
