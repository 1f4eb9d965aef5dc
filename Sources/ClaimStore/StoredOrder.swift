import ClaimModel

/// The order of rows in a part: top byte of the slice, psn_no (null first), time (null first), the table's key,
/// segment, line; texts by their bytes.
///
/// A person's rows lie together, so a reader of few persons reads few pages, and texts repeat, so they compress.
struct StoredOrder {
  /// Row indices in stored order.
  var rows: [Int32] = []
  var rowsByTopByte = [Int](repeating: 0, count: 256)
  /// Least and greatest slice; nil without a row.
  var slices: ClosedRange<UInt16>?

  private struct Person {
    var top: UInt8
    /// First 8 bytes, big-endian: decides most comparisons.
    var prefix: UInt64
    var code: UInt32
  }

  private struct Timed {
    var time: Int64
    var row: Int32
  }

  init(_ rows: RawRows, codes: CodeTable) {
    let count = rows.count
    if count == 0 { return }
    let psn = rows.columns["psn_no"]?.codes ?? []
    let visits = rows.columns["mdtrt_id"]?.codes ?? []

    // Persons in order; those without psn_no lie by the top byte of their visit.
    var group = [UInt32](repeating: 0, count: count)
    var rankOfPerson = [UInt32](repeating: 0, count: codes.count)
    var persons: [Person] = []
    var hasNameless = [Bool](repeating: false, count: 256)
    var least = UInt16.max
    var greatest = UInt16.min
    var lastNameless: (code: UInt32, slice: UInt16)?
    for i in 0..<count {
      let code = psn.isEmpty ? 0 : psn[i]
      if code != 0 {
        if rankOfPerson[Int(code)] != 0 { continue }
        rankOfPerson[Int(code)] = 1
        let (slice, prefix) = codes.withBytes(code) { (PersonSlice.of($0), Self.prefix($0)) }
        least = min(least, slice)
        greatest = max(greatest, slice)
        persons.append(Person(top: UInt8(slice >> 8), prefix: prefix, code: code))
      } else {
        let visit = visits.isEmpty ? 0 : visits[i]
        let slice: UInt16
        if let lastNameless, lastNameless.code == visit {
          slice = lastNameless.slice
        } else {
          slice = codes.withBytes(visit) { PersonSlice.of($0) }
          lastNameless = (visit, slice)
        }
        least = min(least, slice)
        greatest = max(greatest, slice)
        hasNameless[Int(slice >> 8)] = true
        // Marked by its top byte until ranks are known.
        group[i] = UInt32(slice >> 8)
      }
    }
    slices = least...greatest
    persons.sort { a, b in
      if a.top != b.top { return a.top < b.top }
      if a.prefix != b.prefix { return a.prefix < b.prefix }
      return codes.order(a.code, b.code) < 0
    }
    var topOfRank: [UInt8] = []
    var rankOfNameless = [UInt32](repeating: 0, count: 256)
    var next = 0
    for top in 0..<256 {
      if hasNameless[top] {
        rankOfNameless[top] = UInt32(topOfRank.count)
        topOfRank.append(UInt8(top))
      }
      while next < persons.count, Int(persons[next].top) == top {
        rankOfPerson[Int(persons[next].code)] = UInt32(topOfRank.count)
        topOfRank.append(UInt8(top))
        next += 1
      }
    }
    var starts = [Int](repeating: 0, count: topOfRank.count + 1)
    for i in 0..<count {
      let code = psn.isEmpty ? 0 : psn[i]
      group[i] = code != 0 ? rankOfPerson[Int(code)] : rankOfNameless[Int(group[i])]
      starts[Int(group[i]) + 1] += 1
    }
    for rank in topOfRank.indices {
      rowsByTopByte[Int(topOfRank[rank])] += starts[rank + 1]
      starts[rank + 1] += starts[rank]
    }

    // Rows of each person by time; what has one time by key and origin.
    let times = PartLayout.timeColumn(of: rows.table).flatMap { rows.columns[$0.name]?.numbers } ?? []
    let keys = rows.table.key.compactMap { rows.columns[$0]?.codes }
    let origin = rows.origin
    var placed = [Timed](repeating: Timed(time: 0, row: 0), count: count)
    var at = starts
    for i in 0..<count {
      let rank = Int(group[i])
      placed[at[rank]] = Timed(time: times.isEmpty ? 0 : times[i], row: Int32(i))
      at[rank] += 1
    }
    func precedes(_ a: Timed, _ b: Timed) -> Bool {
      if a.time != b.time { return a.time < b.time }
      for key in keys {
        let order = codes.order(key[Int(a.row)], key[Int(b.row)])
        if order != 0 { return order < 0 }
      }
      let one = origin[Int(a.row)]
      let two = origin[Int(b.row)]
      return (one.segment, one.line) < (two.segment, two.line)
    }
    placed.withUnsafeMutableBufferPointer { all in
      for rank in topOfRank.indices where starts[rank + 1] - starts[rank] > 1 {
        var part = UnsafeMutableBufferPointer(rebasing: all[starts[rank]..<starts[rank + 1]])
        part.sort(by: precedes)
      }
    }
    self.rows = placed.map(\.row)
  }

  private static func prefix(_ text: UnsafeRawBufferPointer) -> UInt64 {
    if text.count >= 8 { return UInt64(bigEndian: text.loadUnaligned(as: UInt64.self)) }
    var value: UInt64 = 0
    for i in 0..<8 { value = value << 8 | (i < text.count ? UInt64(text[i]) : 0) }
    return value
  }

  /// Row ranges of the row groups: cut where a top byte ends, none tiny, none larger than `most` rows.
  func rowGroups(
    least: Int = PartLayout.leastGroupRows, most: Int = PartLayout.mostGroupRows
  ) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start = 0
    var end = 0
    for count in rowsByTopByte where count > 0 {
      if end > start, end - start + count > most {
        result.append(start..<end)
        start = end
      }
      end += count
      while end - start > most {
        result.append(start..<start + most)
        start += most
      }
      if end - start >= least {
        result.append(start..<end)
        start = end
      }
    }
    if end > start {
      if let last = result.last, end - start < least / 2, end - last.lowerBound <= most {
        result[result.count - 1] = last.lowerBound..<end
      } else {
        result.append(start..<end)
      }
    }
    return result
  }
}
