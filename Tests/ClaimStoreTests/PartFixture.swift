import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import ClaimStore

/// The same numbers for the same seed, on every machine.
struct TestRandom: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A row as a file delivers it: the texts of all national columns, then those of unknown columns; empty is null.
struct DeliveredRow: Sendable {
  var segment: Int32
  var line: Int32
  var byteOffset: Int64
  var fields: [String]

  var blob: [UInt8] { FieldsBlob.encode(fields) }
}

/// What stage A makes of delivered rows: typed columns, and how their texts were written.
func rawRows(_ table: ClaimTable, _ delivered: [DeliveredRow], _ codes: CodeTable) -> RawRows {
  var rows = RawRows(table: table)
  var texts = [[UInt32]](repeating: [], count: table.columns.count)
  var numbers = [[Int64]](repeating: [], count: table.columns.count)
  for row in delivered {
    rows.origin.append(RowOrigin(segment: row.segment, line: row.line))
    rows.byteOffset.append(row.byteOffset)
    var forms: [UInt8] = []
    var other: [String] = []
    for (i, column) in table.columns.enumerated() {
      let text = row.fields[i]
      if column.kind == .text {
        texts[i].append(codes.intern(text))
        continue
      }
      let bytes = Array(text.utf8)
      let value = text.isEmpty ? nil : bytes.withUnsafeBytes { column.kind.parse($0) }
      numbers[i].append(value ?? ColumnData.null)
      let form =
        text.isEmpty ? 0x30 : bytes.withUnsafeBytes { DeliveredText.form(of: $0, kind: column.kind, value: value) }
      forms.append(form)
      if form == DeliveredText.otherForm { other.append(text) }
    }
    other += row.fields[table.columns.count...]
    rows.forms.append(codes.intern(String(decoding: forms, as: UTF8.self)))
    rows.other.append(
      other.allSatisfy(\.isEmpty) ? 0 : FieldsBlob.encode(other).withUnsafeBytes { codes.intern($0) })
  }
  for (i, column) in table.columns.enumerated() {
    rows.columns[column.name] = column.kind == .text ? .text(texts[i]) : .number(numbers[i])
  }
  return rows
}

/// Texts that real and hostile files hold, for a kind of column.
func hostileText(_ kind: ValueKind, _ random: inout TestRandom) -> String {
  let common = ["", "", "", "x", "-", " ", "NULL", "\u{1F}", "\u{1E}0", "a\u{1E}", "𠮷", "'\"", "0"]
  let ofKind: [String] =
    switch kind {
    case .text: ["医鉴", "A01", "a01", "甲\u{0}乙", String(repeating: "长", count: 300), "-1.00", "\u{FEFF}x"]
    case .money, .quantity, .price, .ratio:
      [
        "1", "1.5", "1.50", "-1.50", "0.00", "-0.00", "+1", ".5", "5.", "007", "999999999999.99", "1e3", "1,000",
        "0.0001", "12.3400", "-.5", "0.000001", "99999999999999999999",
      ]
    case .integer: ["1", "-3", "007", "+4", "2.0", "9223372036854775807", "-0"]
    case .day, .time:
      [
        "2025-03-01", "2025-03-01 00:00:00", "2025-03-01 23:59:59", "20250301", "2025/03/01", "2025-02-30",
        "2025-03-01 00:00:00.0", "1899-12-31", "9999-12-31 23:59:59", "2025-3-1",
      ]
    }
  let all = common + ofKind + ofKind
  return all[Int(random.next() % UInt64(all.count))]
}

/// Random rows of a table with few persons, visits and keys, so that they tie; some without psn_no.
func randomRows(
  _ table: ClaimTable, count: Int, segments: [Int32], unknown: Int = 2, _ random: inout TestRandom
) -> [DeliveredRow] {
  (0..<count).map { i in
    var fields: [String] = []
    for column in table.columns {
      switch column.name {
      case "psn_no": fields.append(random.next() % 9 == 0 ? "" : "P\(random.next() % 40)")
      case "mdtrt_id": fields.append("M\(random.next() % 60)")
      default:
        if table.key.contains(column.name) {
          fields.append("K\(random.next() % 200)")
        } else {
          fields.append(hostileText(column.kind, &random))
        }
      }
    }
    for _ in 0..<unknown { fields.append(hostileText(.text, &random)) }
    return DeliveredRow(
      segment: segments[Int(random.next() % UInt64(segments.count))], line: Int32(i + 2),
      byteOffset: Int64(i) * 1_000_003, fields: fields)
  }
}

let wholeRange: ClosedRange<UInt16> = 0...UInt16.max

/// Rows with their slices in a range, in the part's own code table: what a unit hands to `PartSet.write`.
func rows(_ delivered: [DeliveredRow], in slices: ClosedRange<UInt16>, of table: ClaimTable) -> [DeliveredRow] {
  delivered.filter { slices.contains(slice($0, table)) }
}

func slice(_ row: DeliveredRow, _ table: ClaimTable) -> UInt16 {
  let person = row.fields[table.index(of: "psn_no") ?? 0]
  let visit = row.fields[table.index(of: "mdtrt_id") ?? 0]
  return Array((person.isEmpty ? visit : person).utf8).withUnsafeBytes { PersonSlice.of($0) }
}

/// Writes and commits rows as one file of one member; gives back the parts.
@discardableResult
func commit(
  _ delivered: [ClaimTable: [DeliveredRow]], digests: [String], batch: String, to ledger: Ledger,
  ranges: [ClosedRange<UInt16>] = [wholeRange], unknown: Int = 2
) throws -> [PartRecord] {
  let set = ledger.newParts(batch: batch, toolVersion: "test")
  var contents: [FileContent] = []
  var parts: [PartRecord] = []
  for (table, rows0) in delivered.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
    var numbered = rows0
    for (place, digest) in digests.enumerated() {
      let number = try set.newSegment()
      var count = 0
      for i in numbered.indices where rows0[i].segment == Int32(place) {
        numbered[i].segment = number
        count += 1
      }
      let record = SegmentRecord(
        key: SegmentKey(digest: digest, reading: "r1", member: Int(table.rawValue), table: table), rows: count,
        number: number,
        header: SegmentHeader(
          columns: table.columns.map(\.name), unknownColumns: (0..<unknown).map { "unknown\($0)" }))
      if let known = contents.firstIndex(where: { $0.digest == digest }) {
        contents[known].segments.append(record)
      } else {
        contents.append(content(digest, segments: [record]))
      }
    }
    for range in ranges {
      let codes = CodeTable()
      parts.append(
        try set.write(
          rawRows(table, rows(numbered, in: range, of: table), codes), table: table, slices: range, codes: codes))
    }
  }
  try ledger.commitFiles(contents, parts: parts)
  return parts
}

/// Makes a revision of these digests the batch's latest.
func finish(_ name: String, _ number: Int, _ digests: [String], _ ledger: Ledger) throws {
  let revision = revision(name, number, digests)
  try ledger.finishRun(run("\(name)-\(number)", revision), revision: revision, findings: [], openCases: [])
}

/// All live rows with their delivered texts, as `batch segment line offset slice blob`.
func delivered(
  _ ledger: Ledger, _ table: ClaimTable, slices: ClosedRange<UInt16> = wholeRange
) throws -> [String] {
  let live = try ledger.liveSegments()
  let reader = try StoreReader(ledger, live: live, columns: [table: nil], delivered: true)
  let codes = CodeTable()
  let rows = try #require(try reader.load(slices: slices, codes: codes)[table])
  return describe(rows, live, codes)
}

func describe(_ rows: RawRows, _ live: [LiveSegment], _ codes: CodeTable) -> [String] {
  (0..<rows.count).map { i in
    let segment = live[Int(rows.origin[i].segment)]
    let blob = deliveredFields(
      of: rows, row: i, codes: codes, unknownColumns: segment.record.header.unknownColumns.count)
    return "\(segment.batch) \(segment.record.key.digest.prefix(1)) \(rows.origin[i].line) \(rows.byteOffset[i]) "
      + "\(rows.slice[i]) \(String(decoding: blob, as: UTF8.self))"
  }
}

/// The same of delivered rows, in the order in which a reader gives them.
func described(_ rows: [DeliveredRow], _ table: ClaimTable, batch: String, digests: [String]) -> [String] {
  rows.sorted { ($0.segment, $0.line) < ($1.segment, $1.line) }.map { row in
    "\(batch) \(digests[Int(row.segment)].prefix(1)) \(row.line) \(row.byteOffset) \(slice(row, table)) "
      + String(decoding: row.blob, as: UTF8.self)
  }
}
