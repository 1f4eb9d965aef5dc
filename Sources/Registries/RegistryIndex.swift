import ClaimModel

/// The rows of a registry by some of its columns, with their validity.
///
/// Text is compared regardless of ASCII case: the index holds `CodeTable.folded` codes, and so must the probe.
public final class RegistryIndex: Sendable {
  public let registry: Registry
  /// Columns of the key, in the order of a probe's values; the region (`admdvs`) last where it is read.
  public let columns: [String]
  public let index: KeyIndex
  /// First and last day of each row; the widest numbers where the table has no validity or the row is open.
  public let begin: [Int64]
  public let end: [Int64]
  /// The key holds all of the table's own key, so a row rejected for its validity makes it unevaluable.
  public let isKeyComplete: Bool
  /// Some row is ambiguous and the key is complete.
  public let canBeAmbiguous: Bool
  // Disjoint ascending intervals of the days on which a group has a row that is not ambiguous.
  private let spanOffsets: [Int32]
  private let spanBegin: [Int64]
  private let spanEnd: [Int64]

  public init(_ registry: Registry, columns: [String], codes: CodeTable) {
    self.registry = registry
    self.columns = columns
    let values = columns.map { registry.keyValues($0, codes: codes) }
    let index = KeyIndex(columns: values, count: registry.count)
    self.index = index
    let none = [Int64](repeating: ColumnData.null, count: registry.count)
    let hasDays = registry.schema.hasValidity
    let begins = hasDays ? registry.columns["begndate"]?.numbers ?? none : none
    let ends = hasDays ? registry.columns["enddate"]?.numbers ?? none : none
    let lasts = ends.map { $0 == ColumnData.null ? Int64.max : $0 }
    begin = begins
    end = lasts
    // The region is part of the table's own key, but a lookup without one reads all regions: not a complete key.
    isKeyComplete = registry.schema.key.allSatisfy { columns.contains($0) }
    canBeAmbiguous = isKeyComplete && registry.isAmbiguous.contains(true)

    var offsets: [Int32] = [0]
    var spans: [(Int64, Int64)] = []
    for group in 0..<index.groupCount {
      let rows = index.rows(group)
      if rows.count == 1, let row = rows.first {
        // Nearly every group of a big table; the way below makes three arrays for each.
        if !registry.isAmbiguous[Int(row)] { spans.append((begins[Int(row)], lasts[Int(row)])) }
        offsets.append(Int32(spans.count))
        continue
      }
      let own = rows.filter { !registry.isAmbiguous[Int($0)] }.map { (begins[Int($0)], lasts[Int($0)]) }
      var merged: [(Int64, Int64)] = []
      for span in own.sorted(by: { $0.0 < $1.0 }) {
        if let last = merged.last, last.1 == Int64.max || span.0 <= last.1 + 1 {
          merged[merged.count - 1].1 = max(last.1, span.1)
        } else {
          merged.append(span)
        }
      }
      spans.append(contentsOf: merged)
      offsets.append(Int32(spans.count))
    }
    spanOffsets = offsets
    spanBegin = spans.map(\.0)
    spanEnd = spans.map(\.1)
  }

  /// Whether a row of the group that is not ambiguous holds on any day of `from` … `to`.
  public func holds(_ group: Int, from: Int64, to: Int64) -> Bool {
    var low = Int(spanOffsets[group])
    var high = Int(spanOffsets[group + 1])
    // The first span that ends on or after `from`.
    while low < high {
      let middle = (low + high) / 2
      if spanEnd[middle] < from { low = middle + 1 } else { high = middle }
    }
    return low < Int(spanOffsets[group + 1]) && spanBegin[low] <= to
  }

  /// Whether a row holds on any day of `from` … `to`.
  public func holds(row: Int, from: Int64, to: Int64) -> Bool { begin[row] <= to && end[row] >= from }

  /// Whether a row of the group that was rejected for its validity covers any day of `from` … `to`.
  public func isAmbiguous(_ group: Int, from: Int64, to: Int64) -> Bool {
    index.rows(group).contains { registry.isAmbiguous[Int($0)] && holds(row: Int($0), from: from, to: to) }
  }

  /// The days next to a span at which `holds` changes for a group: the last first day of an interval on or before `to`
  /// and the next one, the last last day before `from` and the next one.
  public func changes(_ group: Int, from: Int64, to: Int64) -> (begins: [Int64], ends: [Int64]) {
    let start = Int(spanOffsets[group])
    let end = Int(spanOffsets[group + 1])
    func around(_ days: [Int64], _ isBefore: (Int64) -> Bool) -> [Int64] {
      var (low, high) = (start, end)
      while low < high {
        let middle = (low + high) / 2
        if isBefore(days[middle]) { low = middle + 1 } else { high = middle }
      }
      return (low > start ? [days[low - 1]] : []) + (low < end ? [days[low]] : [])
    }
    return (around(spanBegin) { $0 <= to }, around(spanEnd) { $0 < from })
  }
}

extension Registry {
  /// The values of a column for a `KeyIndex`, texts by their form in upper case; 0 for null, and throughout where the
  /// table has no such column.
  public func keyValues(_ name: String, codes: CodeTable) -> [UInt64] {
    switch columns[name] {
    case .text(let column): column.map { KeyIndex.keyValue(code: codes.folded($0)) }
    case .number(let column): column.map { KeyIndex.keyValue(number: $0) }
    case nil: [UInt64](repeating: 0, count: count)
    }
  }
}
