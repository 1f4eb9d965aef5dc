import ClaimModel

/// Adds the keys by which rows of one unit of person slices may belong to rows of another: see `straddlingSlices`.
///
/// A key is the 48 upper bits of a hash over an id and its kind, then the 16 bits of the `PersonSlice` of a row that
/// has the id or names it: setl_id of settlements, lines and refunds' originals; mdtrt_id of all tables; the ids of
/// diagnoses and operations. Every pair of id and slice comes once, whether its rows are old versions or not. Rows of
/// one person with one id give one key, so there are little more keys than settlements, visits, diagnoses and
/// operations.
///
/// What is added is grouped by its upper 8 bits, which lets `straddlingSlices` do without a copy.
///
/// - Parameters:
///   - raw: rows with `slice`; a table without slices adds nothing.
///   - codes: the table of the rows' codes.
public func appendUnitKeys(_ raw: [ClaimTable: RawRows], codes: CodeTable, to keys: inout [UInt64]) {
  let start = keys.count
  var ids = IDSlices(codes)
  for (kind, columns) in idColumns.enumerated() {
    ids.begin(kind: UInt64(kind + 1))
    for (table, column) in columns {
      guard let rows = raw[table], case .text(let values)? = rows.columns[column], rows.slice.count == values.count
      else {
        continue
      }
      ids.add(values, rows.slice, to: &keys)
    }
    ids.finish(to: &keys)
  }
  groupByUpperBits(&keys, from: start)
}

/// The columns that hold or name an id, by kind of id.
private let idColumns: [[(ClaimTable, String)]] = [
  [(.settlements, "setl_id"), (.settlements, "init_setl_id"), (.feeLines, "setl_id")],
  [
    (.visits, "mdtrt_id"), (.settlements, "mdtrt_id"), (.feeLines, "mdtrt_id"), (.diagnoses, "mdtrt_id"),
    (.operations, "mdtrt_id"),
  ],
  [(.diagnoses, "setl_list_diag_id")],
  [(.operations, "setl_list_oprn_id")],
]

/// The slices of the ids of one kind.
private struct IDSlices {
  private let codes: CodeTable
  private var kind: UInt64 = 0
  /// By code: the first slice seen, plus 1; 0 where none was.
  private var first: [UInt32]
  /// Codes with further slices: code, then slice. Few, unless claims are spoiled.
  private var others: [UInt64] = []

  init(_ codes: CodeTable) {
    self.codes = codes
    first = []
  }

  mutating func begin(kind: UInt64) {
    self.kind = kind
    if first.isEmpty {
      first = [UInt32](repeating: 0, count: codes.count)
    } else {
      first.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    }
  }

  mutating func add(_ ids: [UInt32], _ slices: [UInt16], to keys: inout [UInt64]) {
    let kind = kind
    let rows = min(ids.count, slices.count)
    codes.withTexts { texts in
      first.withUnsafeMutableBufferPointer { first in
        ids.withUnsafeBufferPointer { ids in
          slices.withUnsafeBufferPointer { slices in
            var last: (code: UInt32, slice: UInt16) = (CodeTable.null, 0)
            for row in 0..<rows {
              // Rows of one id mostly stand together.
              if ids[row] == last.code, slices[row] == last.slice { continue }
              last = (ids[row], slices[row])
              let code = Int(ids[row])
              let slice = UInt32(slices[row])
              if ids[row] == CodeTable.null || first[code] == slice &+ 1 { continue }
              if first[code] == 0 {
                first[code] = slice &+ 1
                let text = UnsafeRawBufferPointer(start: texts.base(ids[row]), count: texts.count(ids[row]))
                keys.append(unitKey(text, kind: kind, slice: slices[row]))
              } else {
                others.append(UInt64(code) << 16 | UInt64(slice))
              }
            }
          }
        }
      }
    }
  }

  mutating func finish(to keys: inout [UInt64]) {
    others.sort()
    var last: UInt64?
    for other in others where other != last {
      last = other
      let (code, slice) = (UInt32(other >> 16), UInt16(truncatingIfNeeded: other))
      keys.append(codes.withBytes(code) { unitKey($0, kind: kind, slice: slice) })
    }
    others.removeAll(keepingCapacity: true)
  }
}

@inline(__always)
private func unitKey(_ id: UnsafeRawBufferPointer, kind: UInt64, slice: UInt16) -> UInt64 {
  var hash = (PersonSlice.hash(id) ^ kind &* 0x9E37_79B9_7F4A_7C15) &* 0xFF51_AFD7_ED55_8CCD
  hash ^= hash >> 32
  hash = hash &* 0xC4CE_B9FE_1A85_EC53
  return hash & ~0xFFFF | UInt64(slice)
}

/// Moves the keys from `start` on so that their upper 8 bits ascend.
private func groupByUpperBits(_ keys: inout [UInt64], from start: Int) {
  let count = keys.count - start
  if count < 2 { return }
  keys.withUnsafeMutableBufferPointer { keys in
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { copy in
      var next = [Int](repeating: 0, count: 257)
      for i in 0..<count {
        copy.initializeElement(at: i, to: keys[start &+ i])
        next[Int(truncatingIfNeeded: copy[i] >> 56) + 1] &+= 1
      }
      for value in 0..<256 { next[value + 1] &+= next[value] }
      for i in 0..<count {
        let value = Int(truncatingIfNeeded: copy[i] >> 56)
        keys[start &+ next[value]] = copy[i]
        next[value] &+= 1
      }
    }
  }
}

/// The slices between which an id is shared: those of every key whose 48 upper bits come with more than one slice.
///
/// Without the rows of these slices no row of a unit belongs to one of another unit, so that units can be evaluated
/// alone. A hash that two ids share by chance names slices too many, never too few.
///
/// - Parameters:
///   - keys: what `appendUnitKeys` gave, of one unit or several each. Takes a 256th of their room beside them; an
///   array in another order is copied.
///   - upper: only keys whose upper 8 bits are these; what several calls find together is what one finds of all.
public func straddlingSlices(_ keys: [[UInt64]], upper: Range<Int> = 0..<256) -> Set<UInt16> {
  var runs: [KeyRun] = []
  for (i, array) in keys.enumerated() { runs += KeyRun.runs(of: array, i) }
  for i in runs.indices {
    let array = runs[i].copy ?? keys[runs[i].array]
    var (low, high) = (runs[i].next, runs[i].end)
    while low < high {
      let middle = (low + high) / 2
      if array[middle] >> 56 < UInt64(upper.lowerBound) { low = middle + 1 } else { high = middle }
    }
    runs[i].next = low
  }
  return straddlingSlices(upper: upper) { upper, part in
    for i in runs.indices {
      let (start, array) = (runs[i].next, runs[i].copy ?? keys[runs[i].array])
      var end = start
      while end < runs[i].end, array[end] >> 56 == UInt64(upper) { end &+= 1 }
      part.append(contentsOf: array[start..<end])
      runs[i].next = end
    }
  }
}

/// The same of keys that need not be in memory together.
///
/// - Parameters:
///   - upper: only keys whose upper 8 bits are these.
///   - add: called with each of them, in ascending order; adds all keys that have them, of whichever unit.
/// - Throws: what `add` throws.
public func straddlingSlices(
  upper: Range<Int>, _ add: (_ upper: Int, _ part: inout [UInt64]) throws -> Void
) rethrows -> Set<UInt16> {
  var isShared = [Bool](repeating: false, count: PersonSlice.count)
  var part: [UInt64] = []
  var spare: [UInt64] = []
  for upper in upper {
    part.removeAll(keepingCapacity: true)
    try add(upper, &part)
    sortMiddleBits(&part, &spare)
    var start = 0
    while start < part.count {
      var end = start + 1
      while end < part.count, part[end] >> 32 == part[start] >> 32 { end &+= 1 }
      if end - start > 1 {
        part[start..<end].sort()
        for i in start + 1..<end where part[i] >> 16 == part[i - 1] >> 16 && part[i] != part[i - 1] {
          isShared[Int(part[i] & 0xFFFF)] = true
          isShared[Int(part[i - 1] & 0xFFFF)] = true
        }
      }
      start = end
    }
  }
  return Set(isShared.indices.filter { isShared[$0] }.map { UInt16($0) })
}

/// A stretch of an array in which the keys' upper 8 bits ascend.
private struct KeyRun {
  var array: Int
  /// In place of the array, where that was in no order.
  var copy: [UInt64]?
  var next: Int
  var end: Int

  static func runs(of array: [UInt64], _ index: Int) -> [KeyRun] {
    var runs: [KeyRun] = []
    var start = 0
    for i in 1..<max(1, array.count) where array[i] >> 56 < array[i - 1] >> 56 {
      runs.append(KeyRun(array: index, next: start, end: i))
      start = i
      if runs.count > 16 + array.count / 4096 {
        var copy = array
        groupByUpperBits(&copy, from: 0)
        return [KeyRun(array: index, copy: copy, next: 0, end: copy.count)]
      }
    }
    runs.append(KeyRun(array: index, next: start, end: array.count))
    return runs
  }
}

/// Sorts keys that share their upper 8 bits by the 24 bits below.
private func sortMiddleBits(_ keys: inout [UInt64], _ spare: inout [UInt64]) {
  let count = keys.count
  if spare.count < count { spare = [UInt64](repeating: 0, count: count) }
  for shift in [UInt64(32), 40, 48] {
    keys.withUnsafeBufferPointer { keys in
      spare.withUnsafeMutableBufferPointer { spare in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 257) { next in
          next.initialize(repeating: 0)
          for key in keys { next[Int(truncatingIfNeeded: key >> shift & 0xFF) &+ 1] &+= 1 }
          for value in 0..<256 { next[value &+ 1] &+= next[value] }
          for key in keys {
            let value = Int(truncatingIfNeeded: key >> shift & 0xFF)
            spare[next[value]] = key
            next[value] &+= 1
          }
        }
      }
    }
    swap(&keys, &spare)
    // The other one may have more room than there are keys.
    if keys.count > count { keys.removeLast(keys.count - count) }
    if spare.count < count { spare += [UInt64](repeating: 0, count: count - spare.count) }
  }
}
