import ClaimModel
import RulePacks

/// Aggregates over ranges of one column, also where ranges overlap: no range is walked through.
struct RangeValues {
  private let column: ColumnData?
  private let keys: [UInt64]
  private let ranges: MemberRanges

  /// `column` in the order of the ranges; nil where only rows are counted.
  init(_ column: ColumnData?, _ ranges: MemberRanges) {
    self.column = column
    keys = column?.keyValues ?? []
    self.ranges = ranges
  }

  /// One value for each range.
  func value(_ function: FormedValue.Function) throws -> ColumnData {
    switch function {
    case .count: return .number(zipped(ranges.start, ranges.end) { Int64($1 - $0) })
    case .sum: return .number(try sums())
    case .least, .greatest:
      guard case .number(let values)? = column else { throw EvaluationFault.type("number expected") }
      // A null must lose against every number.
      let isLeast = function == .least
      let tree = RangeTree(
        isLeast ? values.map { $0 == ColumnData.null ? Int64.max : $0 } : values,
        empty: isLeast ? Int64.max : Int64.min, isLeast ? { min($0, $1) } : { max($0, $1) })
      let filled = filledCounts()
      return .number(
        Audit.filled(ranges.start.count) { i in
          let (start, end) = (Int(ranges.start[i]), Int(ranges.end[i]))
          return filled[end] == filled[start] ? ColumnData.null : tree.over(start, end)
        })
    case .only: return try only()
    case .countDistinct: return .number(distinctCounts())
    }
  }

  /// The ranges hold each place about once, so that walking through them is cheaper than making ready for any range.
  private var areShort: Bool {
    var held = 0
    for i in ranges.start.indices { held += Int(ranges.end[i] - ranges.start[i]) }
    return held <= 2 * keys.count
  }

  /// Σ of the numbers of each range, none of them looked at more often than it is in a range.
  private func shortSums(_ values: [Int64]) throws(EvaluationFault) -> [Int64] {
    var sums = [Int64](repeating: ColumnData.null, count: ranges.start.count)
    for i in sums.indices {
      var sum: Int128 = 0
      var isNull = true
      for value in values[Int(ranges.start[i])..<Int(ranges.end[i])] where value != ColumnData.null {
        sum += Int128(value)
        isNull = false
      }
      if !isNull { sums[i] = try whole(sum) }
    }
    return sums
  }

  /// How many values before each place are not null.
  private func filledCounts() -> [Int32] {
    var result: [Int32] = [0]
    result.reserveCapacity(keys.count + 1)
    for key in keys { result.append((result.last ?? 0) + (key == 0 ? 0 : 1)) }
    return result
  }

  private func sums() throws -> [Int64] {
    guard case .number(let values)? = column else { throw EvaluationFault.type("number expected") }
    if areShort { return try shortSums(values) }
    var before: [Int128] = [0]
    before.reserveCapacity(values.count + 1)
    for value in values { before.append((before.last ?? 0) + (value == ColumnData.null ? 0 : Int128(value))) }
    let filled = filledCounts()
    return try ranges.start.indices.map { i in
      let (start, end) = (Int(ranges.start[i]), Int(ranges.end[i]))
      if filled[end] == filled[start] { return ColumnData.null }
      return try whole(before[end] - before[start])
    }
  }

  /// The value that all rows have; null if they differ or one is null.
  private func only() throws -> ColumnData {
    guard let column else { throw EvaluationFault.type("a value expected") }
    let least = RangeTree(keys, empty: UInt64.max) { min($0, $1) }
    let greatest = RangeTree(keys, empty: 0) { max($0, $1) }
    // 0 is the null among keys and the smallest: equal ends without it are one value.
    return column.selecting(
      ranges.order.isEmpty
        ? []
        : Audit.filled(ranges.start.count) { i in
          let (start, end) = (Int(ranges.start[i]), Int(ranges.end[i]))
          let value = least.over(start, end)
          return value != 0 && value == greatest.over(start, end) ? Int32(start) : -1
        })
  }

  /// Ranges that follow each other share most of their rows: what enters is counted, what leaves is taken off.
  private func distinctCounts() -> [Int64] {
    var times: [UInt64: Int32] = [:]
    var (low, high) = (0, 0)
    func enter(_ i: Int) { if keys[i] != 0 { times[keys[i], default: 0] += 1 } }
    func leave(_ i: Int) {
      guard keys[i] != 0, let known = times[keys[i]] else { return }
      times[keys[i]] = known == 1 ? nil : known - 1
    }
    return ranges.start.indices.map { i in
      let (start, end) = (Int(ranges.start[i]), Int(ranges.end[i]))
      if start >= high || end <= low {
        times.removeAll(keepingCapacity: true)
        (low, high) = (start, start)
      }
      while low > start {
        low -= 1
        enter(low)
      }
      while high < end {
        enter(high)
        high += 1
      }
      while low < start {
        leave(low)
        low += 1
      }
      while high > end {
        high -= 1
        leave(high)
      }
      return Int64(times.count)
    }
  }
}

/// A number of 128 bits as one of 64 that is not the null.
func whole(_ value: Int128) throws(EvaluationFault) -> Int64 {
  guard let result = Int64(exactly: value), result != ColumnData.null else { throw .overflow }
  return result
}

/// A fold over any range of values in logarithmic time.
private struct RangeTree<Value> {
  private var nodes: [Value]
  private let count: Int
  private let empty: Value
  private let fold: (Value, Value) -> Value

  init(_ values: [Value], empty: Value, _ fold: @escaping (Value, Value) -> Value) {
    count = values.count
    nodes = [Value](repeating: empty, count: values.count) + values
    self.empty = empty
    self.fold = fold
    for i in stride(from: count - 1, to: 0, by: -1) { nodes[i] = fold(nodes[2 * i], nodes[2 * i + 1]) }
  }

  /// Over the values from `start` up to, not including, `end`. The fold must not mind the order.
  func over(_ start: Int, _ end: Int) -> Value {
    var (low, high) = (start + count, end + count)
    var result = empty
    while low < high {
      if low & 1 == 1 {
        result = fold(result, nodes[low])
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        result = fold(result, nodes[high])
      }
      low /= 2
      high /= 2
    }
    return result
  }
}
