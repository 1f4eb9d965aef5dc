import ClaimModel

/// What a reader must say about the damaged sample, worked out while the damage is done.
struct DamageReport: Sendable {
  /// file, table, line, byte_offset, column, code, action.
  var rejects: [[String]] = []
  /// batch, file, code.
  var refusals: [[String]] = []
}

/// A file as lines, so that rows can be damaged and their offsets told.
private struct Lines {
  var rows: [[UInt8]]
  private static let end: [UInt8] = [0x0D, 0x0A]

  init(_ bytes: [UInt8]) {
    rows = bytes.split(separator: 0x0A).map { Array($0.last == 0x0D ? $0.dropLast() : $0) }
  }

  var bytes: [UInt8] { Array(rows.map { $0 + Self.end }.joined()) }

  /// Offset of a row's first byte; the header is row 0.
  func offset(_ row: Int) -> Int { rows[..<row].reduce(0) { $0 + $1.count + 2 } }

  /// Enclosed fields of a row; no text of the sample holds the delimiter.
  func fields(_ row: Int) -> [[UInt8]] { rows[row].split(separator: 0x2C).map(Array.init) }

  mutating func set(_ row: Int, _ fields: [[UInt8]]) { rows[row] = Array(fields.joined(separator: [0x2C])) }

  mutating func change(_ row: Int, _ index: Int, _ text: String) {
    var all = fields(row)
    all[index] = Array("'\(text)'".utf8)
    set(row, all)
  }
}

extension Synthesis {
  /// First batch: damaged rows and columns of files that are taken. Second batch: files that are refused.
  func damage(_ file: inout WrittenFile, batch: Int, path: String, report: inout DamageReport) throws {
    let level = Int32(options.compression)
    var packed: [UInt8]?
    if batch == 0 {
      switch (file.table, file.part) {
      case (.feeLines, 0): try damageRows(&file, &report)
      case (.feeLines, 1): reorder(&file)
      case (.visits, 1): addColumn(&file)
      case (.settlements, 2): dropColumn(&file, "invono")
      case (.operations, 0):
        report.refusals.append([BackgroundWeeks.label(0), "delivery.csv", "intake.delivery-differs"])
      default: break
      }
    } else if batch == 1 {
      func refuse(_ code: String) {
        // A refused file gives no row.
        file.rows = 0
        report.refusals.append([BackgroundWeeks.label(1), file.name, "intake." + code])
      }
      switch (file.table, file.part) {
      case (.feeLines, 0):
        let whole = gzipped(file.bytes, level: level)
        packed = Array(whole.prefix(whole.count * 2 / 3))
        refuse("truncated")
      case (.feeLines, 1):
        var whole = gzipped(file.bytes, level: level)
        // The CRC-32 stands before the last four bytes.
        whole[whole.count - 8] ^= 0x5A
        packed = whole
        refuse("bad-crc")
      case (.feeLines, 2):
        file.bytes = otherTable
        refuse("other-table")
      case (.visits, 0):
        packed = []
        refuse("empty-file")
      case (.visits, 1):
        // Names stand twice when a view was joined carelessly.
        var lines = Lines(file.bytes)
        for row in lines.rows.indices { lines.set(row, lines.fields(row) + [lines.fields(row)[1]]) }
        file.bytes = lines.bytes
        refuse("duplicate-column")
      case (.settlements, 0):
        dropColumn(&file, "fund_pay_sumamt")
        refuse("missing-column")
      case (.diagnoses, 0):
        packed = gzipped(file.bytes, level: level) + Array("-- 2 transfers --".utf8)
        refuse("trailing-bytes")
      case (.diagnoses, 1):
        file.bytes = file.bytes.filter { $0 != 0x0A }
        refuse("cr-only")
      case (.operations, 0):
        file.name = String(file.name.dropLast(7)) + ".zip"
        try writeZip([(Array("../\(file.table.name)_01.csv".utf8), file.bytes)], to: path + "/" + file.name)
        refuse("unsafe-name")
        return
      default: break
      }
    }
    file.inflatedBytes = file.bytes.count
    try writeFile(packed ?? gzipped(file.bytes, level: level), to: path + "/" + file.name)
  }

  /// A visit file under a fee-list name: its header only.
  private var otherTable: [UInt8] {
    Array((["rn"] + ClaimTable.visits.columns.map(\.name)).map { "'\($0)'" }.joined(separator: ",").utf8) + [
      0x0D, 0x0A,
    ]
  }

  /// Each kind of damaged row once, and a bad value that only becomes null.
  private func damageRows(_ file: inout WrittenFile, _ report: inout DamageReport) throws {
    var lines = Lines(file.bytes)
    let table = file.table
    // The row number stands before the national columns.
    func at(_ name: String) -> Int { (table.index(of: name) ?? 0) + 1 }
    var damaged: [(row: Int, column: String, code: String, action: String)] = []
    func note(_ row: Int, _ column: String, _ code: String, _ action: String = "rejected") {
      damaged.append((row, column, code, action))
    }
    lines.set(4, Array(lines.fields(4).dropLast()))
    note(4, "", "short-row")
    lines.rows[9] += Array(",'1'".utf8)
    note(9, "", "long-row")
    lines.change(14, at("hilist_name"), "5'氟尿嘧啶")
    note(14, "", "stray-enclosure")
    lines.rows[19].removeLast()
    note(19, "", "unclosed-enclosure")
    lines.change(24, at("det_item_fee_sumamt"), "12x5")
    note(24, "det_item_fee_sumamt", "bad-amount")
    lines.change(29, at("fee_ocur_time"), "2025-02-30 10:00:00")
    note(29, "fee_ocur_time", "bad-date")
    lines.rows[34] = try gb18030(lines.rows[34])
    note(34, "", "not-utf8")
    lines.change(39, at("bkkp_sn"), "")
    note(39, "bkkp_sn", "missing-key")
    lines.change(44, at("cnt"), "一盒")
    note(44, "cnt", "bad-quantity")
    lines.change(49, at("pric"), "1;2")
    note(49, "pric", "bad-number", "nulled")
    lines.change(54, at("fee_ocur_time"), "")
    note(54, "fee_ocur_time", "missing-value")
    lines.change(59, at("spec"), "5mg\0片")
    note(59, "", "nul-byte")
    for d in damaged.sorted(by: { $0.row < $1.row }) {
      report.rejects.append([
        file.name, table.name, String(d.row + 1), String(lines.offset(d.row)), d.column, d.code, d.action,
      ])
    }
    file.bytes = lines.bytes
  }

  /// The last three columns come first: columns are found by name.
  private func reorder(_ file: inout WrittenFile) {
    var lines = Lines(file.bytes)
    for row in lines.rows.indices {
      let fields = lines.fields(row)
      lines.set(row, Array(fields.suffix(3) + fields.dropLast(3)))
    }
    file.bytes = lines.bytes
  }

  private func addColumn(_ file: inout WrittenFile) {
    var lines = Lines(file.bytes)
    for row in lines.rows.indices { lines.rows[row] += Array((row == 0 ? ",'exp_batch_no'" : ",'EXP7'").utf8) }
    file.bytes = lines.bytes
  }

  private func dropColumn(_ file: inout WrittenFile, _ name: String) {
    var lines = Lines(file.bytes)
    let index = (file.table.index(of: name) ?? 0) + 1
    for row in lines.rows.indices {
      var fields = lines.fields(row)
      fields.remove(at: index)
      lines.set(row, fields)
    }
    file.bytes = lines.bytes
  }

  /// expected-rejects.csv and expected-refusals.csv of the damaged sample.
  func writeDamage(_ report: DamageReport) throws {
    if options.planted != .broken { return }
    var rejects = CSVLines(["file", "table", "line", "byte_offset", "column", "code", "action"])
    for row in report.rejects { rejects.add(row) }
    try writeFile(rejects.bytes, to: folder + "/expected-rejects.csv")
    var refusals = CSVLines(["batch", "file", "code"])
    for row in report.refusals.sorted(by: { bytesPrecede($0[0] + $0[1], $1[0] + $1[1]) }) { refusals.add(row) }
    try writeFile(refusals.bytes, to: folder + "/expected-refusals.csv")
  }
}
