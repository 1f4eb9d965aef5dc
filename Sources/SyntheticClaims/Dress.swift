import CIconv
import CZip
import ClaimModel
import Diagnostics
import Foundation

// Small samples come in more dresses than `.csv.gz`: readers must take them all.

extension Synthesis {
  /// Compresses kept files, some of them in another dress or damaged; gives the files that are there now.
  func dress(_ files: [WrittenFile], batch: Int, path: String, into report: inout DamageReport) throws -> [WrittenFile]
  {
    if options.planted == .load { return files }
    var result: [WrittenFile] = []
    for var file in files {
      let level = Int32(options.compression)
      if options.planted == .broken {
        try damage(&file, batch: batch, path: path, report: &report)
      } else if batch == 0, file.table == .diagnoses, file.part == 1 {
        file.bytes = try gb18030(file.bytes)
        try writeFile(gzipped(file.bytes, level: level), to: path + "/" + file.name)
      } else if batch == 0, file.table == .operations, file.part == 0 {
        // A colleague's archive made on Windows: the member's name is in GBK.
        let member = try gb18030(Array("\(file.table.name)_手术操作.csv".utf8))
        file.name = String(file.name.dropLast(7)) + ".zip"
        try writeZip([(member, file.bytes)], to: path + "/" + file.name)
      } else if batch == 0, file.table == .settlements, file.part == 1 {
        // Two gzip members, cut in the middle of a row.
        let half = file.bytes.count / 2 + 7
        let members =
          gzipped(Array(file.bytes[..<half]), level: level) + gzipped(Array(file.bytes[half...]), level: level)
        try writeFile(members, to: path + "/" + file.name)
      } else {
        try writeFile(gzipped(file.bytes, level: level), to: path + "/" + file.name)
      }
      result.append(file)
    }
    if batch == 0 { try writeFile(delivery(result), to: path + "/delivery.csv") }
    return result
  }

  /// What the sender says it sent. In `broken` one number of rows and one sum are wrong.
  private func delivery(_ files: [WrittenFile]) -> [UInt8] {
    var csv = CSVLines(["table", "file", "rows", "sum_column", "sum_fen", "exported_at", "exporter", "query"])
    let monday = CivilTime.text(day: BackgroundWeeks.monday(0))
    let sunday = CivilTime.text(day: BackgroundWeeks.monday(0) + 6)
    for file in files {
      let column =
        file.table == .feeLines ? "det_item_fee_sumamt" : file.table == .settlements ? "fund_pay_sumamt" : ""
      let isWrong = options.planted == .broken && file.part == 3
      let rows = file.rows + (isWrong && file.table == .visits ? 1 : 0)
      let sum = file.sumFen.map { $0 + (isWrong && file.table == .settlements ? 1 : 0) }
      csv.add([
        file.table.name, file.name, String(rows), column, sum.map(String.init) ?? "",
        CivilTime.text(day: BackgroundWeeks.monday(1)) + " 06:00:00", "澄溪市医保信息中心",
        "SELECT * FROM \(file.table.name) WHERE pt BETWEEN '\(monday)' AND '\(sunday)'",
      ])
    }
    return csv.bytes
  }

  /// truth.csv, from the plan alone; counts by kind.
  func writeTruth() throws -> [String: Int] {
    var csv = CSVLines([
      "batch", "rule", "key", "kind", "verdict", "subject_type", "subject", "setl_ids", "line_ids", "from_date",
      "to_date", "measure", "amount_fen", "fund_fen", "exemption", "differs_in", "note",
    ])
    let states = (0..<options.batches).map { last in PlannedState((0...last).map(plan.records)) }
    var counts: [String: Int] = [:]
    for weeks in deliveries {
      let batch = weeks.upperBound - 1
      var rows = plan.items.compactMap { $0.row(after: batch, states, world) }
      if options.together {
        // Nothing was found before the last week came, so nothing is taken back.
        rows.removeAll { $0[3] == "withdrawn" }
        for i in rows.indices { rows[i][0] = deliveryName(weeks) }
      }
      for row in rows.sorted(by: { bytesPrecede($0[1] + "\n" + $0[2], $1[1] + "\n" + $1[2]) }) {
        csv.add(row)
        counts[row[3], default: 0] += 1
      }
    }
    try writeFile(csv.bytes, to: folder + "/truth.csv")
    return counts
  }
}

/// UTF-8 as GB18030, by glibc's converter.
func gb18030(_ text: [UInt8]) throws -> [UInt8] {
  let missing = Diagnostic(
    .error, "synth.no-converter", "the C library has no converter from UTF-8 to GB18030",
    remedy: "install glibc's gconv modules")
  guard let converter = iconv_open("GB18030", "UTF-8"), converter != UnsafeMutableRawPointer(bitPattern: -1) else {
    throw missing
  }
  defer { iconv_close(converter) }
  var out = [CChar](repeating: 0, count: text.count * 4 + 16)
  var source = text.map { CChar(bitPattern: $0) }
  var used = 0
  var failed = false
  source.withUnsafeMutableBufferPointer { input in
    out.withUnsafeMutableBufferPointer { output in
      var from = input.baseAddress
      var left = input.count
      var to = output.baseAddress
      var room = output.count
      failed = iconv(converter, &from, &left, &to, &room) == Int(bitPattern: UInt.max) || left != 0
      used = output.count - room
    }
  }
  if failed { throw missing }
  return out.prefix(used).map { UInt8(bitPattern: $0) }
}

/// A zip of members with raw names and no time of its own, so equal input gives equal bytes.
func writeZip(_ members: [(name: [UInt8], bytes: [UInt8])], to path: String) throws {
  var code: Int32 = 0
  guard let archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code) else { throw cannotWrite(path) }
  // libzip reads the memory when it closes.
  var kept: [UnsafeMutableRawBufferPointer] = []
  defer { for memory in kept { memory.deallocate() } }
  for member in members {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, member.bytes.count), alignment: 1)
    memory.copyBytes(from: member.bytes)
    kept.append(memory)
    let source = zip_source_buffer(archive, memory.baseAddress, zip_uint64_t(member.bytes.count), 0)
    let name = member.name.map { CChar(bitPattern: $0) } + [0]
    let isUTF8 = String(validating: member.name, as: UTF8.self) != nil
    let flags = zip_flags_t(isUTF8 ? ZIP_FL_ENC_UTF_8 : ZIP_FL_ENC_CP437)
    let index = zip_file_add(archive, name, source, flags)
    guard index >= 0 else {
      zip_discard(archive)
      throw cannotWrite(path)
    }
    zip_file_set_dostime(archive, zip_uint64_t(index), 0, 0x21, 0)
  }
  guard zip_close(archive) == 0 else {
    zip_discard(archive)
    throw cannotWrite(path)
  }
}
