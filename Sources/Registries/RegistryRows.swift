import ClaimModel

/// The rows of a table that were taken one by one, and what only all of them together show.
struct RegistryRows {
  let schema: RegistrySchema
  var count: Int
  /// By column of the schema; empty for numbers.
  var text: [[UInt32]] = []
  /// By column of the schema; empty for texts.
  var numbers: [[Int64]] = []
  /// Line of each row; empty where no question needs it.
  var lines: [Int]
  /// Rows whose validity can't be read, of a table read for one row: rejected, and ambiguous throughout.
  let undated: [Int]
  /// Items of which a rejected row might have allowed a kind of visit.
  let unsureVisits: Set<UInt32>
  var dropped: Int
  var rejected: [Reject]

  init(
    schema: RegistrySchema, count: Int, lines: [Int], undated: [Int], unsureVisits: Set<UInt32>, dropped: Int,
    rejected: [Reject]
  ) {
    self.schema = schema
    self.count = count
    self.lines = lines
    self.undated = undated
    self.unsureVisits = unsureVisits
    self.dropped = dropped
    self.rejected = rejected
  }

  /// Columns by name.
  var columns: [String: ColumnData] {
    var result: [String: ColumnData] = [:]
    for (i, column) in schema.columns.enumerated() {
      result[column.name] = column.kind == .text ? .text(text[i]) : .number(numbers[i])
    }
    return result
  }

  /// Limits by kind of visit of an item of which another such row was rejected: a visit of a kind that is not among
  /// them may be one that the other row allows, so they go, too.
  ///
  /// - Parameter visit: the code of that kind of limit; nil: no row has it.
  mutating func rejectUnsureVisits(file: String, visit: UInt32?) {
    guard !unsureVisits.isEmpty, let visit, let type = index("lmt_type"), let item = index("med_list_codg") else {
      return
    }
    let isRejected = (0..<count).map { text[type][$0] == visit && unsureVisits.contains(text[item][$0]) }
    reject(
      isRejected, file: file, column: "lmt_val", code: "unsure-limit",
      reason: "another row of the item, which may allow a kind of visit, can't be read")
  }

  /// Two different insutype values for one med_list_codg on a common day: both rows go.
  mutating func rejectContradictingLimits(file: String, insurance: UInt32) {
    guard let type = index("lmt_type"), let value = index("lmt_val"), let item = index("med_list_codg"),
      let begin = index("begndate"), let end = index("enddate")
    else { return }
    var byItem: [UInt32: [Int]] = [:]
    for row in 0..<count where text[type][row] == insurance { byItem[text[item][row], default: []].append(row) }
    var isRejected = [Bool](repeating: false, count: count)
    for (_, limits) in byItem where limits.count > 1 {
      for other in Set(limits.map { text[value][$0] }) {
        // Of the rows with the other value: the latest last day of those that begin first, second, third …
        let others = limits.filter { text[value][$0] == other }
          .sorted { (numbers[begin][$0], $0) < (numbers[begin][$1], $1) }
        var latest: [Int64] = []
        for row in others { latest.append(max(latest.last ?? Int64.min, lastDay(numbers[end][row]))) }
        for row in limits where text[value][row] != other {
          // The others that begin on or before this row's last day; one of them must last to its first.
          var low = 0
          var high = others.count
          while low < high {
            let middle = (low + high) / 2
            if numbers[begin][others[middle]] <= lastDay(numbers[end][row]) { low = middle + 1 } else { high = middle }
          }
          if low > 0, latest[low - 1] >= numbers[begin][row] { isRejected[row] = true }
        }
      }
    }
    reject(
      isRejected, file: file, column: "lmt_val", code: "contradicting-limits",
      reason: "two insurance types limit one item on a common day")
  }

  private mutating func reject(_ isRejected: [Bool], file: String, column: String, code: String, reason: String) {
    if !isRejected.contains(true) { return }
    for row in 0..<count where isRejected[row] {
      rejected.append(
        Reject(
          file: file, table: schema.name, line: lines[row], byteOffset: 0, column: column, code: code, reason: reason,
          action: .rejected))
    }
    let kept = (0..<count).filter { !isRejected[$0] }
    for (i, column) in schema.columns.enumerated() {
      if column.kind == .text { text[i] = kept.map { text[i][$0] } } else { numbers[i] = kept.map { numbers[i][$0] } }
    }
    lines = kept.map { lines[$0] }
    count = kept.count
  }

  /// Rows of one key that overlap in time: all of them are ambiguous, and counted as rejected.
  mutating func markOverlaps(file: String) -> [Bool] {
    let keyColumns = schema.key.compactMap { index($0) }
    let keys = KeyIndex(
      columns: keyColumns.map { k in
        schema.columns[k].kind == .text
          ? text[k].map { KeyIndex.keyValue(code: $0) } : numbers[k].map { KeyIndex.keyValue(number: $0) }
      }, count: count)
    let always = [Int64](repeating: ColumnData.null, count: count)
    let begins = self.index("begndate").map { numbers[$0] } ?? always
    let ends = self.index("enddate").map { numbers[$0] } ?? always
    var isAmbiguous = [Bool](repeating: false, count: count)
    for row in undated { isAmbiguous[row] = true }
    let isUndated = isAmbiguous
    for group in 0..<keys.groupCount where keys.rows(group).count > 1 {
      let rows = keys.rows(group).map { Int($0) }.sorted { (begins[$0], $0) < (begins[$1], $1) }
      var latestEnd = Int64.min
      for (i, row) in rows.enumerated() {
        let overlapsEarlier = i > 0 && begins[row] <= latestEnd
        let overlapsLater = i + 1 < rows.count && begins[rows[i + 1]] <= lastDay(ends[row])
        latestEnd = max(latestEnd, lastDay(ends[row]))
        guard overlapsEarlier || overlapsLater else { continue }
        isAmbiguous[row] = true
        if isUndated[row] { continue }
        rejected.append(
          Reject(
            file: file, table: schema.name, line: lines[row], byteOffset: 0,
            column: schema.key.last, code: "overlap",
            reason: "another row of the same key holds on a common day; the key can't be evaluated on the days of both",
            action: .rejected))
      }
    }
    return isAmbiguous
  }

  private func index(_ name: String) -> Int? { schema.columns.firstIndex { $0.name == name } }
  private func lastDay(_ end: Int64) -> Int64 { end == ColumnData.null ? Int64.max : end }
}
