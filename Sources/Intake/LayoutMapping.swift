import ClaimModel
import Diagnostics

/// Decides which table a member holds and what its columns mean.
struct LayoutMapping {
  var file: String
  var member: String?
  /// The table that the member's (else the archive's) name begins with.
  var named: ClaimTable?

  /// The row number that extracts carry in front; known, and no column of any table.
  static let rowNumber = "rn"
  /// Rows whose types must agree with the documented order when there is no header.
  static let sampleRows = 10_000

  /// A first line is a header if three of its fields (or all, if fewer) name columns of one table.
  static func isHeader(_ names: [String]) -> Bool {
    let wanted = min(3, max(1, names.count))
    return ClaimTable.allCases.contains { recognised(names, $0).count >= wanted }
  }

  private static func recognised(_ names: [String], _ table: ClaimTable) -> Set<String> {
    Set(names.compactMap { table.column(named: $0) })
  }

  /// The layout that a header line gives.
  func layout(header names: [String]) throws -> FileLayout {
    let table = try table(header: names)
    let found = Self.recognised(names, table)
    let lacking = table.columns.filter { $0.needed && !found.contains($0.name) }.map(\.name)
    if !lacking.isEmpty { throw Refusal.missingColumns(file, member, table: table.name, lacking) }
    var seen: [String: String] = [:]
    var columnOfField: [Int?] = []
    var unknown: [String] = []
    for name in names {
      let national = table.column(named: name)
      let key = national ?? name.lowercased()
      if let other = seen[key] {
        throw Refusal.duplicateColumn(file, member, name == other ? name : "\(other) and \(name)")
      }
      seen[key] = name
      columnOfField.append(national.flatMap { table.index(of: $0) })
      if national == nil, key != Self.rowNumber { unknown.append(name) }
    }
    return FileLayout(
      table: table, columnOfField: columnOfField, header: names,
      missingColumns: table.columns.map(\.name).filter { !found.contains($0) }, unknownColumns: unknown)
  }

  private func table(header names: [String]) throws -> ClaimTable {
    guard let named else {
      let fitting = ClaimTable.allCases.filter { table in
        Self.recognised(names, table).isSuperset(of: table.key)
      }
      if fitting.count == 1 { return fitting[0] }
      throw Refusal.noTable(
        file, member,
        fitting.isEmpty
          ? "the name begins with no table's name, and the header has no table's key columns"
          : "the name begins with no table's name, and the header has the key columns of "
            + fitting.map(\.name).joined(separator: ", "))
    }
    let own = Self.recognised(names, named).count
    for other in ClaimTable.allCases where other != named {
      let found = Self.recognised(names, other)
      if found.count > own, other.columns.allSatisfy({ !$0.needed || found.contains($0.name) }) {
        throw Refusal.otherTable(file, member, named: named.name, fits: other.name)
      }
    }
    return named
  }

  /// The layout of a file without header: the documented order, if the number of fields (a leading row number
  /// allowed) and the types of the sample agree; 1 row in 100 may be damaged.
  func layout(withoutHeader sample: [[UInt8]], _ format: RowFormat) throws -> FileLayout {
    guard let named else {
      throw Refusal.noTable(file, member, "there is no header, and the name begins with no table's name")
    }
    let rows = sample.map { FormatDetection.fields(of: $0, format) }
    for leading in [0, 1] {
      let count = named.columns.count + leading
      let good = rows.compactMap { $0?.count == count ? $0 : nil }
      guard !good.isEmpty, (rows.count - good.count) * 100 <= rows.count, typesAgree(good, named, leading) else {
        continue
      }
      return FileLayout(
        table: named, columnOfField: (leading == 1 ? [nil] : []) + named.columns.indices.map { $0 },
        header: (leading == 1 ? [Self.rowNumber] : []) + named.columns.map(\.name), missingColumns: [],
        unknownColumns: [])
    }
    throw Refusal.noHeader(
      file, member,
      "the first line is no header, and number or types of the fields differ from the \(named.columns.count) "
        + "documented columns of \(named.name)")
  }

  private func typesAgree(_ rows: [[String]], _ table: ClaimTable, _ leading: Int) -> Bool {
    if leading == 1 {
      let bad = rows.count { !$0[0].utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
      if bad * 100 > rows.count { return false }
    }
    for (i, column) in table.columns.enumerated() {
      var filled = 0
      var bad = 0
      for row in rows where !row[i + leading].isEmpty {
        filled += 1
        var value = row[i + leading]
        let good = column.kind == .text || value.withUTF8 { column.kind.parse(UnsafeRawBufferPointer($0)) != nil }
        if !good { bad += 1 }
      }
      if bad * 100 > filled || (column.required && filled == 0) { return false }
    }
    return true
  }
}
