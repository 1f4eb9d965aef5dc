import ClaimModel

/// Looks up medical categories by code and day (claims.md 1.8).
struct MedTypeIndex {
  struct Meaning {
    /// Code of the class; null on a day on which rows contradict each other.
    var visitClass: UInt32
    var opspFlag: UInt32
    var regFlag: UInt32
    /// The table has no row of the code on the day.
    var isUnknown: Bool
  }

  private struct Row {
    var begin: Int64
    var end: Int64
    var isAmbiguous: Bool
    var meaning: Meaning
  }

  private var rows: [UInt32: [Row]] = [:]
  private let codes: CodeTable
  /// The rows of codes that were asked for, at the code's last bits: claims have few categories.
  private var recent: [(code: UInt32, rows: [Row])] = Array(repeating: (CodeTable.null, []), count: 64)
  private let unknown: Meaning
  private let ambiguous = Meaning(visitClass: 0, opspFlag: 0, regFlag: 0, isUnknown: false)

  init(_ list: [MedTypeRow], codes: CodeTable) {
    self.codes = codes
    unknown = Meaning(
      visitClass: codes.intern("other"), opspFlag: codes.intern("0"), regFlag: codes.intern("0"), isUnknown: true)
    for one in list {
      let meaning = Meaning(
        visitClass: codes.intern(one.visitClass.lowercased()), opspFlag: codes.intern(one.opspFlag),
        regFlag: codes.intern(one.regFlag), isUnknown: false)
      let row = Row(
        begin: one.beginDay ?? Int64.min, end: one.endDay ?? Int64.max, isAmbiguous: one.isAmbiguous, meaning: meaning)
      // A row that ends before it begins holds on no day.
      if row.begin <= row.end { rows[codes.folded(codes.intern(one.medType)), default: []].append(row) }
    }
    for (code, list) in rows {
      var list = list.sorted { $0.begin < $1.begin }
      for i in list.indices {
        for j in list.indices where j != i && list[i].begin <= list[j].end && list[j].begin <= list[i].end {
          list[i].isAmbiguous = true
        }
      }
      rows[code] = list
    }
  }

  /// - Parameter day: days since 1970-01-01 or `ColumnData.null`, on which no row is known to hold.
  mutating func meaning(of code: UInt32, on day: Int64) -> Meaning {
    if day == ColumnData.null || code == CodeTable.null { return unknown }
    let place = Int(code % 64)
    if recent[place].code != code { recent[place] = (code, rows[codes.folded(code)] ?? []) }
    var found = unknown
    for row in recent[place].rows where row.begin <= day && day <= row.end {
      if row.isAmbiguous { return ambiguous }
      found = row.meaning
    }
    return found
  }
}
