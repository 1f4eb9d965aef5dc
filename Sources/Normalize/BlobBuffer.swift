import ClaimModel
import Intake

/// Reused memory in which the fields blob of one record after the other is put together.
struct BlobBuffer {
  private var bytes: [UInt8] = []

  /// Puts the fields (-1: null) of a record into one blob and calls the body with it.
  mutating func fill(
    _ block: borrowing RecordBlock, record: Int, fields: [Int], _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let base = record * block.fieldCount
    var size = fields.count
    for field in fields where field >= 0 { size += Int(block.fieldLengths[base + field]) }
    if bytes.count < size { bytes = [UInt8](repeating: 0, count: size * 2) }
    let isPlain = bytes.withUnsafeMutableBytes { out in
      var at = 0
      for field in fields {
        if field >= 0 {
          let length = Int(block.fieldLengths[base + field])
          if length > 0 {
            let start = Int(block.fieldStarts[base + field])
            UnsafeMutableRawBufferPointer(rebasing: out[at..<at + length]).copyMemory(
              from: UnsafeRawBufferPointer(rebasing: block.bytes[start..<start + length]))
            at += length
          }
        }
        out[at] = FieldsBlob.separator
        at += 1
      }
      // Escaping is so rare that looking at the finished blob once is cheaper than at each field.
      var separators = 0
      var escapes = 0
      for i in 0..<at {
        separators &+= out[i] == FieldsBlob.separator ? 1 : 0
        escapes &+= out[i] == FieldsBlob.escape ? 1 : 0
      }
      return separators == fields.count && escapes == 0
    }
    if isPlain {
      try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[0..<size - 1])) }
    } else {
      var escaped: [UInt8] = []
      for (i, field) in fields.enumerated() {
        if i > 0 { escaped.append(FieldsBlob.separator) }
        if field >= 0 { FieldsBlob.append(block.field(record, field), to: &escaped) }
      }
      try escaped.withUnsafeBytes(body)
    }
  }
}
