import ClaimModel

/// The `FieldsBlob` of a stored row: every text as it was delivered, to the byte.
///
/// - Parameters:
///   - rows: from a `StoreReader` with all columns and `delivered`.
///   - unknownColumns: number of the segment's unknown columns (`SegmentRecord.header`).
public func deliveredFields(of rows: RawRows, row: Int, codes: CodeTable, unknownColumns: Int) -> [UInt8] {
  let forms = rows.forms.isEmpty ? [] : codes.withBytes(rows.forms[row]) { Array($0) }
  let other = rows.other.isEmpty ? 0 : rows.other[row]
  var texts: [[UInt8]] = []
  if other != 0 {
    codes.withBytes(other) { blob in
      var ranges: [Range<Int>] = []
      FieldsBlob.split(blob, into: &ranges)
      // They are escaped already.
      texts = ranges.map { Array(blob[$0]) }
    }
  }
  var next = 0
  func nextText() -> [UInt8] {
    defer { next += 1 }
    return next < texts.count ? texts[next] : []
  }
  var out: [UInt8] = []
  var number = 0
  for (i, column) in rows.table.columns.enumerated() {
    if i > 0 { out.append(FieldsBlob.separator) }
    switch rows.columns[column.name] {
    case .text(let values):
      codes.withBytes(values[row]) { FieldsBlob.append($0, to: &out) }
    case .number(let values):
      let form = number < forms.count ? forms[number] : plainForm(column.kind)
      if form == DeliveredText.otherForm {
        out += nextText()
      } else {
        out += Array(DeliveredText.text(values[row], kind: column.kind, form: form).utf8)
      }
    case nil: break
    }
    if column.kind != .text { number += 1 }
  }
  for _ in 0..<unknownColumns {
    out.append(FieldsBlob.separator)
    out += nextText()
  }
  return out
}

/// How a number is written whose form was not kept: with all its decimals.
private func plainForm(_ kind: ValueKind) -> UInt8 {
  switch kind {
  case .day: DeliveredText.dateForm
  case .time: DeliveredText.timeForm
  default: 0x30 + UInt8(kind.scale ?? 0)
  }
}
