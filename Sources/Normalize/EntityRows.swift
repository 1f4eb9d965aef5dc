import ClaimModel

/// The chosen raw rows as an entity, with every loaded national column.
func entityTable(_ entity: Entity, _ source: Source, _ rows: [Int32]) -> EntityTable {
  EntityTable(
    entity: entity, count: rows.count, columns: source.rows.columns.mapValues { pick($0, rows) },
    origin: rows.map { source.rows.origin[Int($0)] })
}

/// The counting lines; quantity and amounts are net.
func lineTable(_ lines: NetLines, _ source: Source, _ rows: [Int32]) -> EntityTable {
  var columns: [String: ColumnData] = [:]
  for (name, column) in source.rows.columns {
    columns[name] = pick(lines.net[name].map { .number($0) } ?? column, rows)
  }
  return EntityTable(
    entity: .line, count: rows.count, columns: columns, origin: rows.map { source.rows.origin[Int($0)] })
}

/// The values of the given rows, in their order.
func pick(_ column: ColumnData, _ rows: [Int32]) -> ColumnData {
  switch column {
  case .text(let values): .text(rows.map { values[Int($0)] })
  case .number(let values): .number(rows.map { values[Int($0)] })
  }
}

extension EntityTable {
  /// Codes of a text column; all null if it was not loaded.
  func codes(_ column: String) -> [UInt32] {
    if case .text(let values)? = columns[column] { return values }
    return [UInt32](repeating: CodeTable.null, count: count)
  }

  /// Numbers of a number column; all null if it was not loaded.
  func numbers(_ column: String) -> [Int64] {
    if case .number(let values)? = columns[column] { return values }
    return [Int64](repeating: ColumnData.null, count: count)
  }
}

/// For each key the row that has it in a table where no two rows share one; -1 where none does.
struct RowOfKey {
  private var rows: [Int32]

  init(_ keys: [UInt32], codes: CodeTable) {
    rows = [Int32](repeating: -1, count: codes.count)
    for (row, key) in keys.enumerated() where key != CodeTable.null { rows[Int(key)] = Int32(row) }
  }

  subscript(_ key: UInt32) -> Int32 { key != CodeTable.null && Int(key) < rows.count ? rows[Int(key)] : -1 }
}
