import ClaimModel
import Intake
import Normalize
import Partition

/// A seeded generator (SplitMix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The rows of one member, to be fed to a consumer as Intake would.
struct Member {
  var table: ClaimTable
  var header: [String]
  var rows: [[String]]
  var name: String?

  var layout: FileLayout {
    FileLayout(
      table: table, columnOfField: header.map { table.index(of: $0) }, header: header,
      missingColumns: table.columns.map(\.name).filter { !header.contains($0) },
      unknownColumns: header.filter { table.index(of: $0) == nil && $0 != "rn" })
  }

  /// `begin`, then blocks of so many rows; lines from 2 on, the offset of each is 100 times its line.
  func feed(_ consumer: any RecordConsumer, blockRows: Int = 300) throws {
    try consumer.begin(layout, member: name)
    try feedRows(consumer, blockRows: blockRows)
  }

  func feedRows(_ consumer: any RecordConsumer, blockRows: Int = 300) throws {
    var first = 0
    while first < rows.count {
      let part = rows[first..<min(rows.count, first + blockRows)]
      var bytes: [UInt8] = []
      var starts: [Int32] = []
      var lengths: [Int32] = []
      for field in part.joined() {
        starts.append(Int32(bytes.count))
        lengths.append(Int32(field.utf8.count))
        bytes += Array(field.utf8)
      }
      let lines = part.indices.map { Int32(2 + $0) }
      try bytes.withUnsafeBytes { buffer in
        try consumer.consume(
          RecordBlock(
            bytes: buffer, fieldStarts: starts, fieldLengths: lengths, fieldCount: header.count, lines: lines,
            byteOffsets: lines.map { Int64($0) * 100 }))
      }
      first += blockRows
    }
  }
}

/// Random rows as claim files have them, with nulls, bad values and texts that repeat.
struct RandomMember {
  static func make(
    _ table: ClaimTable, rows count: Int, persons: Int, unknown: Int = 0, columns: [String]? = nil,
    _ random: inout Seeded
  ) -> Member {
    var header = columns ?? table.columns.map(\.name)
    for i in 0..<unknown { header.insert("zz\(i)", at: Int(random.next() % UInt64(header.count + 1))) }
    var rows: [[String]] = []
    var previous: [String] = []
    for i in 0..<count {
      var row: [String] = []
      let keepsPerson = !previous.isEmpty && random.next() % 8 != 0
      for (f, name) in header.enumerated() {
        if keepsPerson, random.next() % 4 != 0 || name == "psn_no" {
          row.append(previous[f])
        } else {
          row.append(value(table, name, row: i, persons: persons, &random))
        }
      }
      for key in table.key {
        if let f = header.firstIndex(of: key), random.next() % 50 != 0 { row[f] = "\(key)\(i)" }
        // Ids with a sign that joins ids, of all lengths, and the sign at any place.
        if let f = header.firstIndex(of: key), random.next() % 25 == 0 {
          row[f] = String(repeating: "7", count: Int(random.next() % 40)) + ["|", ":", "甲"][Int(random.next() % 3)]
          if random.next() % 2 == 0 { row[f] += String(repeating: "8", count: Int(random.next() % 40)) }
        }
      }
      rows.append(row)
      previous = row
    }
    return Member(table: table, header: header, rows: rows, name: nil)
  }

  static func value(
    _ table: ClaimTable, _ name: String, row: Int, persons: Int, _ random: inout Seeded
  ) -> String {
    let choice = random.next() % 100
    guard let index = table.index(of: name) else {
      return ["", "a", "x\u{1F}y", "\u{1E}", "long \(row)"][Int(choice % 5)]
    }
    let column = table.columns[index]
    if choice < 12, !column.required { return "" }
    if name == "psn_no" { return choice < 15 ? "" : "P\(random.next() % UInt64(persons))" }
    switch column.kind {
    case .text:
      if choice < 60 { return "T\(random.next() % 9)" }
      if choice < 90 { return "\(name) \(row)" }
      return "长文本\(String(repeating: "字", count: Int(random.next() % 60)))"
    case .day: return dates[Int(random.next() % UInt64(dates.count))]
    case .time: return times[Int(random.next() % UInt64(times.count))]
    case .money, .quantity, .price, .ratio, .integer:
      if choice < 15 { return numbers[Int(random.next() % UInt64(numbers.count))] }
      return ["\(random.next() % 1000)", "\(random.next() % 1000).\(random.next() % 10)", "1.50", "0"][
        Int(random.next() % 4)]
    }
  }

  static let numbers = [
    "-1", "-0.10", "+5", ".5", "5.", "007", "-0.00", "0.00", "1.2500", "abc", "1e5", "99999999.99", "1234567890.12",
    "9999999999999999.99", "10000000000000000000", "-", ".", "1.2.3", "0.000001", "12.3456789", " 1", "１",
  ]
  static let dates = [
    "2025-01-31", "2024-02-29", "2025-02-29", "2025-03-01 00:00:00", "2025-03-01 10:11:12", "20250301", "2025/03/01",
    "0001-01-01", "9999-12-31", "0000-01-01", "2025-3-1",
  ]
  static let times =
    dates + [
      "2025-03-01T10:11:12", "2025-03-01 10:11", "2025-03-01 24:00:00", "2025-03-01 10:60:00", "2025-03-01 10:11:12.5",
      "2025-03-01 10:11:60", "2025-12-31 23:59:59", "2025-03-01 1a:11:12", "2025-03-01 10-11-12",
    ]
}
