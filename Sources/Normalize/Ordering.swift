import ClaimModel

/// Sorts rows by the bytes of texts behind codes.
struct Ordering {
  private let codes: CodeTable

  init(_ codes: CodeTable) { self.codes = codes }

  private struct Item {
    /// The 8 bytes after what all texts share: most comparisons end here.
    var word: UInt64
    var code: UInt32
    var row: Int32
  }

  /// Rows in ascending byte order of their key's text; rows of one key keep their order.
  func sort(_ rows: [Int32], by key: [UInt32]) -> [Int32] {
    guard let first = rows.first else { return [] }
    let skip = sharedPrefix(rows, key, with: key[Int(first)])
    var items = rows.map { Item(word: word(key[Int($0)], after: skip), code: key[Int($0)], row: $0) }
    items.sort { a, b in
      if a.word != b.word { return a.word < b.word }
      let order = codes.order(a.code, b.code)
      return order == 0 ? a.row < b.row : order < 0
    }
    return items.map(\.row)
  }

  /// Rows in ascending byte order of a first key, then of a second one.
  func sort(_ rows: [Int32], by first: [UInt32], then second: [UInt32]) -> [Int32] {
    // One bucket a distinct first key, buckets in byte order; then the few rows of each bucket.
    var bucketOf = [Int32](repeating: -1, count: codes.count)
    var heads: [Int32] = []
    for row in rows where bucketOf[Int(first[Int(row)])] < 0 {
      bucketOf[Int(first[Int(row)])] = 0
      heads.append(row)
    }
    heads = sort(heads, by: first)
    for (bucket, head) in heads.enumerated() { bucketOf[Int(first[Int(head)])] = Int32(bucket) }
    let buckets = Children(parent: rows.map { bucketOf[Int(first[Int($0)])] }, parents: heads.count)
    var sorted: [Int32] = []
    sorted.reserveCapacity(rows.count)
    for bucket in heads.indices {
      sorted += sort(buckets.of(bucket).map { rows[Int($0)] }, by: second)
    }
    return sorted
  }

  private func word(_ code: UInt32, after skip: Int) -> UInt64 {
    codes.withBytes(code) { bytes in
      var word: UInt64 = 0
      for i in skip..<skip + 8 { word = word << 8 | (i < bytes.count ? UInt64(bytes[i]) : 0) }
      return word
    }
  }

  private func sharedPrefix(_ rows: [Int32], _ key: [UInt32], with code: UInt32) -> Int {
    codes.withBytes(code) { head in
      var shared = head.count
      for row in rows {
        if shared == 0 { break }
        codes.withBytes(key[Int(row)]) { bytes in
          shared = min(shared, bytes.count)
          var i = 0
          while i < shared, bytes[i] == head[i] { i += 1 }
          shared = i
        }
      }
      return shared
    }
  }
}
