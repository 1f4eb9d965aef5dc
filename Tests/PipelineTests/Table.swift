import Foundation

/// Rows of a CSV file (comma, `"`) by column name; written apart from the project's own reader, so that a fault of that
/// does not hide in both.
struct Table {
  var header: [String] = []
  var rows: [[String: String]] = []

  init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else { throw TestFailure("\(path) can't be read") }
    var records: [[String]] = []
    var record: [String] = []
    var field: [UInt8] = []
    var quoted = false
    var closed = false
    for byte in data {
      switch byte {
      case 0x22:
        if quoted {
          quoted = false
          closed = true
        } else {
          if closed { field.append(0x22) }
          quoted = true
          closed = false
        }
      case 0x2C where !quoted, 0x0A where !quoted:
        record.append(String(decoding: field, as: UTF8.self))
        field = []
        closed = false
        if byte == 0x0A {
          records.append(record)
          record = []
        }
      default: field.append(byte)
      }
    }
    guard record.isEmpty, field.isEmpty else { throw TestFailure("\(path) does not end with a line feed") }
    guard let first = records.first else { throw TestFailure("\(path) has no header") }
    header = first
    for (n, record) in records.dropFirst().enumerated() {
      guard record.count == first.count else { throw TestFailure("\(path), record \(n + 2): \(record.count) fields") }
      rows.append(Dictionary(zip(first, record), uniquingKeysWith: { a, _ in a }))
    }
  }
}
