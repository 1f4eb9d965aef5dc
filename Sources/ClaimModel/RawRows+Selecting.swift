extension RawRows {
  /// Some of the rows, in the order given.
  public func selecting(_ rows: [Int]) -> RawRows {
    var result = RawRows(table: table)
    result.origin = rows.map { origin[$0] }
    result.columns = columns.mapValues { column in
      switch column {
      case .text(let values): .text(rows.map { values[$0] })
      case .number(let values): .number(rows.map { values[$0] })
      }
    }
    if !slice.isEmpty { result.slice = rows.map { slice[$0] } }
    if !byteOffset.isEmpty { result.byteOffset = rows.map { byteOffset[$0] } }
    if !forms.isEmpty { result.forms = rows.map { forms[$0] } }
    if !other.isEmpty { result.other = rows.map { other[$0] } }
    return result
  }
}
