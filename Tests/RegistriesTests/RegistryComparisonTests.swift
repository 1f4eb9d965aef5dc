import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import Intake
@testable import Registries

/// SplitMix64: the same tables everywhere, from a seed.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
  mutating func one(_ all: [String]) -> String { all[Int(next() % UInt64(all.count))] }
  mutating func chance(_ oneIn: UInt64) -> Bool { next() % oneIn == 0 }
}

/// Registry tables at random: sound values, and now and then everything that an export can get wrong.
private func randomTable(_ schema: RegistrySchema, _ g: inout Seeded) -> String {
  var names = schema.columns.filter { $0.required || !g.chance(4) }.map(\.name)
  if g.chance(2) { names.append("remark") }
  if g.chance(40) { names.append(names[0]) }
  if g.chance(40) { names.removeFirst() }
  if g.chance(2) { names.shuffle(using: &g) }
  let feed = g.one(["\n", "\r\n"])
  let quotesAll = g.chance(4)
  func enclosed(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" }
  var text = g.one(["", "", "\u{FEFF}", "\n", " \r\n"])
  text += names.map { g.chance(10) ? $0.uppercased() : g.chance(10) ? " \($0)\u{3000}" : $0 }.joined(separator: ",")
  text += feed
  let ids = ["XA01", "xa01", "Xb02", "XC03甲", "M05300", "990101", "é", "k", "XC08CAA001A001010110000"]
  let days = ["2025-01-01", "2025-01-10", "2025-01-11", "2025-02-01 08:30:00", "2024-12-31", "9999-12-31"]
  let odd = [
    "", " ", "NULL", "null", "\\N", "\u{3000}", "\u{3000}XA01\u{00A0}", "\u{200B}x\u{2003}", "NULL ", "\u{3000}NULL",
    "2025-02-30", "soon", "1e3", "a\"b", "a,b", "a\nb", "\"", "\"\"", "x\r", "\r", "\t", "a\tb", "\u{0}", "說", "ａ",
    "99999999999999999999", "-0.5", "\u{85}x", "\u{1680}", "x\u{2028}",
  ]
  let words = ["hosp_lv", "visit", "insutype", "VISIT", "sex"]
  let limits = ["2", "3", "inpatient", "Outpatient", "work_injury", "maternity", "MATERNITY", "9"]
  let count = Int(g.next() % 30)
  for row in 0..<count {
    var fields = names.map { name -> String in
      if g.chance(25) { return g.one(odd) }
      switch name {
      case "begndate", "hosp_ide_date", "appy_date", "publ_date": return g.one(Array(days.prefix(5)))
      case "enddate": return g.one(days + ["", "", ""])
      case "vali_flag": return g.one(["1", "1", "1", "1", "", "0", "NULL"])
      case "updt_time": return g.one(["2025-01-01 00:00:00", "2025-01-01T01:02:03.4", ""])
      case "lmt_type": return g.one(words)
      case "lmt_val": return g.one(limits)
      case "sure_flag": return g.one(["0", "1", "1", "", "2"])
      case "kp_id", "trt_dcla_detl_sn": return "\(row)"
      case "sup_days", "rank", "aprv_bed_cnt", "hi_crtf_bed_cnt": return g.one(["1", "28", "1.5", "", "x"])
      default: return g.one(ids)
      }
    }
    if g.chance(40) { fields.append("more") }
    if g.chance(40), fields.count > 1 { fields.removeLast() }
    text += fields.map { field in
      let pads = g.chance(20)
      let written =
        quotesAll || field.contains { ",\n".contains($0) } || g.chance(12)
        ? (g.chance(60) ? "\"" + field + "\"" : enclosed(field)) + (g.chance(40) ? " tail" : "") : field
      return pads ? " \(written)\t" : written
    }.joined(separator: ",")
    if g.chance(60) { text += "," }
    if row + 1 < count || !g.chance(3) { text += g.chance(20) ? "\n" : feed }
    if g.chance(30) { text += g.one([feed, " " + feed, "\"\"" + feed]) }
  }
  return g.chance(25) ? text + "\"open" : text
}

/// The text in one of the charsets of exports, now and then damaged.
private func randomBytes(_ text: String, _ g: inout Seeded) -> [UInt8] {
  var bytes = Array(text.utf8)
  switch g.next() % 6 {
  case 0: bytes = text.unicodeScalars.flatMap { inGB18030[$0] ?? [UInt8(truncatingIfNeeded: $0.value)] }
  case 1: bytes = [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
  case 2: bytes = [0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
  default: break
  }
  if g.chance(8), !bytes.isEmpty { bytes[Int(g.next() % UInt64(bytes.count))] = UInt8(g.next() % 256) }
  if g.chance(8) { bytes.removeLast(min(bytes.count, Int(g.next() % 4))) }
  return bytes
}

/// The characters beyond ASCII of the random tables in GB18030.
private let inGB18030: [Unicode.Scalar: [UInt8]] = [
  "\u{7532}": [0xBC, 0xD7],
  "\u{E9}": [0xA8, 0xA6],
  "\u{8AAA}": [0xD5, 0x66],
  "\u{FF41}": [0xA3, 0xE1],
  "\u{3000}": [0xA1, 0xA1],
  "\u{A0}": [0x81, 0x30, 0x84, 0x32],
  "\u{200B}": [0x81, 0x36, 0xA4, 0x37],
  "\u{2003}": [0x81, 0x36, 0xA3, 0x39],
  "\u{85}": [0x81, 0x30, 0x81, 0x35],
  "\u{1680}": [0x81, 0x34, 0xAC, 0x34],
  "\u{2028}": [0x81, 0x36, 0xA6, 0x35],
  "\u{FEFF}": [0x84, 0x31, 0x95, 0x33],
]

/// Everything that a table says, in words, so that two can be compared and a difference be read.
private func described(_ table: Registry, _ codes: CodeTable) -> [String] {
  var all = ["\(table.count) rows, \(table.dropped) dropped, \(table.unknownColumns), \(table.source), \(table.digest)"]
  all.append("\(table.isAmbiguous)")
  for column in table.schema.columns {
    switch table.columns[column.name] {
    // Codes, not texts: what is interned, and in which order, must be the same too.
    case .text(let values): all.append("\(column.name) \(values)")
    case .number(let values): all.append("\(column.name) \(values)")
    case nil: all.append("\(column.name) is missing")
    }
  }
  all += table.rejected.map { "\($0)" }
  all += (0..<codes.count).map { codes.text(UInt32($0)) }
  return all
}

struct RegistryComparisonTests {
  @Test(arguments: 0..<60)
  func randomTablesAreReadAsTheSlowReaderReadsThem(seed: UInt64) {
    var g = Seeded(state: seed)
    for round in 0..<25 {
      let schema = RegistrySchema.all[Int(g.next() % UInt64(RegistrySchema.all.count))]
      let bytes = randomBytes(randomTable(schema, &g), &g)
      let size = g.one(["16", "17", "50", "300", "65536"])
      let place = Place(file: "t")
      var expected: [String]
      do {
        let codes = CodeTable()
        let slow = try SlowCSV(bytes: bytes, name: "t")
        expected = described(
          try slowRegistry(schema, slow, digest: "", source: "t", place: place, codes: codes), codes)
      } catch { expected = ["\(error)"] }
      var found: [String]
      let codes = CodeTable()
      do {
        let rows = try CSVRows(bytes: bytes, name: "t", bufferSize: Int(size) ?? 16)
        found = described(try registry(schema, rows, source: "t", place: place, codes: codes), codes)
      } catch {
        found = ["\(error)"]
        #expect(codes.count == 1, "a refused table leaves no code")
      }
      #expect(
        found == expected, "seed \(seed), round \(round), \(schema.name), buffer \(size): \(Array(bytes.prefix(4000)))")
    }
  }

  @Test(arguments: 0..<20)
  func aTableOfTextsIsTheSame(seed: UInt64) throws {
    var g = Seeded(state: seed &* 977)
    for _ in 0..<20 {
      let bytes = randomBytes(randomTable(RegistrySchema.all[0], &g), &g)
      guard let slow = try? SlowCSV(bytes: bytes, name: "t") else {
        #expect(throws: Diagnostic.self) { try CSVTable(bytes: bytes, name: "t") }
        continue
      }
      let table = try CSVTable(bytes: bytes, name: "t")
      #expect(table.header == slow.header && table.rows == slow.rows && table.lines == slow.lines)
      #expect(table.problems.map(\.message) == slow.problems.map(\.message))
      #expect(table.problems.map(\.place.line) == slow.problems.map(\.line))
    }
  }

  /// Which characters count as blank is Foundation's list, retyped.
  @Test func blanksAreThoseOfFoundation() {
    for value in 0..<UInt32(0x3100) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      for text in ["\(scalar)a\(scalar)", "\(scalar)\(scalar)", "\(scalar)", "甲\(scalar)"] {
        var bytes = Array(text.utf8)
        let found = bytes.withUnsafeMutableBufferPointer { buffer -> String in
          guard let base = buffer.baseAddress else { return "" }
          let (text, count) = Blank.trimmed(base, buffer.count)
          return CSVRows.text(CSVRows.Field(base: text, count: count))
        }
        #expect(
          Array(found.utf8) == Array(text.trimmingCharacters(in: .whitespaces).utf8), "U+\(String(value, radix: 16))")
      }
    }
  }

  @Test func aRowLongerThanTheBufferIsReadAndCountsItsLines() throws {
    let long = String(repeating: "长\n", count: 3000)
    let rows = try CSVRows(
      bytes: Array("a,b\n1,\"\(long)\"\n2,x\n".utf8), name: "t", bufferSize: 16)
    guard case .row = try rows.next() else {
      Issue.record("no row")
      return
    }
    #expect(rows.fields[1].count == 3000 * 4 && rows.line == 2)
    guard case .row = try rows.next() else {
      Issue.record("no second row")
      return
    }
    // Two lines before it begins, and the 3,000 that the value holds.
    #expect(CSVRows.text(rows.fields[0]) == "2" && rows.line == 3003)
  }

  /// Rows, faults and lines of a table in which no row may have more than 40 bytes.
  private func short(_ text: String) throws -> [String] {
    let rows = try CSVRows(bytes: Array(text.utf8), name: "t", bufferSize: 16, maxRowBytes: 40)
    var found: [String] = []
    while true {
      switch try rows.next() {
      case .row: found.append("\(rows.line):\(CSVRows.text(rows.fields[0]))")
      case .fault: found.append("\(rows.line): fault")
      case .restart: found.append("restart")
      case .end: return found
      }
    }
  }

  /// An enclosure that is never closed costs its row and what was read of it, not the memory for all the rest.
  @Test func aRowWithoutEndIsLeftOut() throws {
    let filler = String(repeating: "x\n", count: 100)
    let found = try short("a,b\n1,2\n3,\"\(filler)")
    #expect(found.prefix(2) == ["2:1", "3: fault"])
    // Behind it the rows have one field where two are asked for.
    #expect(found.count < 100 && found.dropFirst(2).allSatisfy { $0.hasSuffix("fault") })
    let long = String(repeating: "y", count: 500)
    #expect(try short("a,b\n1,2\n3,\(long)\n4,5\n") == ["2:1", "3: fault", "4:4"])
    #expect(try short("a,b\n1,2\n3,\(long)") == ["2:1", "3: fault"])
    #expect(throws: Diagnostic.self) { try short("\(long),b\n1,2\n") }
  }
}
