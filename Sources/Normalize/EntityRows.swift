import ClaimModel

/// The chosen raw rows as an entity, with the national columns that are asked for.
func entityTable(_ entity: Entity, _ source: Source, _ rows: [Int32], _ net: NetAmounts = NetAmounts()) -> EntityTable {
  let areAll = rows.count == source.count && rows.indices.allSatisfy { rows[$0] == Int32($0) }
  let touched = net.touched(in: rows)
  var columns: [String: ColumnData] = [:]
  for (name, column) in source.rows.columns where source.kept?.contains(name) ?? true {
    var chosen = areAll ? column : pick(column, rows)
    if !touched.isEmpty, case .number(var values) = chosen {
      chosen = .number([])
      net.apply(to: &values, name, places: touched)
      chosen = .number(values)
    }
    columns[name] = chosen
  }
  return EntityTable(
    entity: entity, count: rows.count, columns: columns,
    origin: areAll ? source.rows.origin : gathered(source.rows.origin, rows))
}

/// The values of the given rows, in their order.
func pick(_ column: ColumnData, _ rows: [Int32]) -> ColumnData {
  switch column {
  case .text(let values): .text(gathered(values, rows))
  case .number(let values): .number(gathered(values, rows))
  }
}

/// The values of the given rows, in their order; every row must be one of the values.
@inline(__always)
func gathered<Value: BitwiseCopyable>(_ values: [Value], _ rows: [Int32]) -> [Value] {
  let count = rows.count
  return values.withUnsafeBufferPointer { values in
    rows.withUnsafeBufferPointer { rows in
      [Value](unsafeUninitializedCapacity: count) { result, initialized in
        for i in 0..<count { result[i] = values[Int(rows[i])] }
        initialized = count
      }
    }
  }
}

/// The value that each row's parent has, `none` for rows without one.
@inline(__always)
func ofParents(_ values: [Int32], _ parents: [Int32], none: Int32 = -1) -> [Int32] {
  let count = parents.count
  return values.withUnsafeBufferPointer { values in
    parents.withUnsafeBufferPointer { parents in
      [Int32](unsafeUninitializedCapacity: count) { result, initialized in
        for i in 0..<count { result[i] = parents[i] < 0 ? none : values[Int(parents[i])] }
        initialized = count
      }
    }
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
