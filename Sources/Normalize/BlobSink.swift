import ClaimModel
import Intake

/// Hands on each good row as a fields blob.
final class BlobSink: CheckedRowSink {
  typealias Accept = (_ line: Int32, _ byteOffset: Int64, _ fields: UnsafeRawBufferPointer) throws -> Void

  private let onBegin: (_ layout: FileLayout, _ member: String?) throws -> Void
  private let onRestart: () -> Void
  private let accept: Accept
  private var fields: [Int] = []
  private var blob: [UInt8] = []

  init(
    onBegin: @escaping (_ layout: FileLayout, _ member: String?) throws -> Void, onRestart: @escaping () -> Void,
    accept: @escaping Accept
  ) {
    self.onBegin = onBegin
    self.onRestart = onRestart
    self.accept = accept
  }

  func begin(_ layout: FileLayout, member: String?) throws {
    fields = layout.fieldOfColumn + layout.unknownFields
    try onBegin(layout, member)
  }

  func restart() { onRestart() }

  func take(_ rows: CheckedRows) throws {
    for row in rows.good {
      blob.removeAll(keepingCapacity: true)
      let base = Int(row) * rows.fieldCount
      for (i, field) in fields.enumerated() {
        if i > 0 { blob.append(FieldsBlob.separator) }
        guard field >= 0, rows.lengths[base + field] > 0 else { continue }
        let text = UnsafeRawBufferPointer(
          start: rows.bytes + Int(rows.starts[base + field]), count: Int(rows.lengths[base + field]))
        if text.contains(where: { $0 == FieldsBlob.separator || $0 == FieldsBlob.escape }) {
          FieldsBlob.append(text, to: &blob)
        } else {
          text.withMemoryRebound(to: UInt8.self) { blob.append(contentsOf: $0) }
        }
      }
      try blob.withUnsafeBytes { try accept(rows.lines[Int(row)], rows.byteOffsets[Int(row)], $0) }
    }
  }
}
