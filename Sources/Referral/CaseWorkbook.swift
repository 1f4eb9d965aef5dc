import CXlsxWriter
import Cases
import ClaimModel
import Diagnostics
import RulePacks

/// The case's workbook for Excel and WPS. The same facts give the same bytes.
struct CaseWorkbook {
  private enum Cell {
    /// Identifiers and codes: text, so that no leading zero and no digit beyond the 15th is lost.
    case code(String)
    case words(String)
    case money(Int64?)
    /// A sum over findings or lines.
    case moneySum(Int128)
    case quantity(Int64?, scale: Int)
    case count(Int64?)
    case day(Int64?)
    case time(Int64?)
  }

  private struct Column {
    var title: String
    var width: Double
    init(_ title: String, _ width: Double) {
      self.title = title
      self.width = width
    }
  }

  /// Data rows of one sheet: Excel's 1,048,576 less the header.
  static let rowsPerSheet = 1_048_575

  /// Rows of one sheet; less only in tests.
  var sheetLimit = CaseWorkbook.rowsPerSheet

  func write(_ facts: CaseFacts, to path: String, temporaryFolder: String) throws {
    let (workbook, book) = try open(path, temporaryFolder, facts.input.asOf)
    do {
      try summary(facts, book)
      try lines(facts, book)
      try amounts(facts, book)
      try people(facts, book)
    } catch {
      workbook_close(workbook)
      throw error
    }
    try check(workbook_close(workbook), path)
  }

  private final class Book {
    let handle: UnsafeMutablePointer<lxw_workbook>
    let path: String
    var formats: [String: UnsafeMutablePointer<lxw_format>] = [:]
    init(_ handle: UnsafeMutablePointer<lxw_workbook>, _ path: String) {
      self.handle = handle
      self.path = path
    }
  }

  private func open(_ path: String, _ temporaryFolder: String, _ asOf: Int64) throws
    -> (UnsafeMutablePointer<lxw_workbook>, Book)
  {
    let opened = temporaryFolder.withCString { folder -> UnsafeMutablePointer<lxw_workbook>? in
      var options = lxw_workbook_options()
      options.constant_memory = 1
      options.tmpdir = UnsafeMutablePointer(mutating: folder)
      return workbook_new_opt(path, &options)
    }
    guard let opened else { throw failure(LXW_ERROR_CREATING_XLSX_FILE, path) }
    let book = Book(opened, path)
    // libxlsxwriter would take the present time.
    "医鉴".withCString { author in
      "内部核查材料".withCString { subject in
        var properties = lxw_doc_properties()
        properties.author = UnsafeMutablePointer(mutating: author)
        properties.subject = UnsafeMutablePointer(mutating: subject)
        properties.created = time_t(asOf * 86_400)
        workbook_set_properties(opened, &properties)
      }
    }
    for (name, pattern) in [
      ("text", "@"), ("money", "#,##0.00"), ("quantity", "#,##0.####"), ("count", "#,##0"), ("day", "yyyy-mm-dd"),
      ("time", "yyyy-mm-dd hh:mm:ss"), ("head", "@"), ("words", ""), ("total", "#,##0.00"),
    ] {
      guard let format = workbook_add_format(opened) else { throw failure(LXW_ERROR_MEMORY_MALLOC_FAILED, path) }
      if !pattern.isEmpty { format_set_num_format(format, pattern) }
      format_set_font_name(format, "宋体")
      format_set_font_size(format, 10)
      format_set_align(format, UInt8(LXW_ALIGN_VERTICAL_CENTER.rawValue))
      if name == "words" { format_set_text_wrap(format) }
      if name == "head" {
        format_set_bold(format)
        format_set_bg_color(format, 0xDD_E6F0)
        format_set_bottom(format, UInt8(LXW_BORDER_THIN.rawValue))
        format_set_text_wrap(format)
      }
      book.formats[name] = format
    }
    return (opened, book)
  }

  private func summary(_ facts: CaseFacts, _ book: Book) throws {
    let columns = [
      Column("发现编号", 26), Column("规则", 9), Column("规则名称", 22), Column("系统初判", 10), Column("程度", 7),
      Column("人员编号", 24), Column("机构编号", 15), Column("起", 12), Column("止", 12), Column("度量", 12),
      Column("阈值", 12), Column("度量单位", 8), Column("涉及金额（元）", 15), Column("基金金额（元）", 15), Column("计入金额（元）", 15),
      Column("估算", 6), Column("说明", 60), Column("键", 42), Column("结算", 42), Column("明细", 42),
    ]
    try sheets("线索汇总", columns, facts.findings, book) { record in
      let f = record.finding
      let isMoney = facts.rule(f.rule).map { $0.measure?.kind(in: $0) == .money } ?? false
      return [
        .code(f.id), .code(f.rule), .words(facts.rule(f.rule)?.nameZh ?? ""), .words(f.verdict.rawValue),
        .words(severityText(f.severity)), .code(f.psnNo), .code(f.fixmedinsCode), .day(f.from), .day(f.to),
        measure(f.measure, isMoney), measure(f.threshold, isMoney), .words(isMoney ? "元" : ""), .money(f.amountFen),
        .money(f.fundFen), .money(record.countedFen),
        .words(f.isEstimate ? "估算" : ""), .words(f.explanation), .code(f.key),
        .code(f.setlIDs.joined(separator: "|")), .code(f.lineIDs.joined(separator: "|")),
      ]
    }
  }

  /// Days, nights and ranks are numbers; money is yuan, with its unit in the next column.
  private func measure(_ value: Int64?, _ isMoney: Bool) -> Cell { isMoney ? .money(value) : .count(value) }

  private func lines(_ facts: CaseFacts, _ book: Book) throws {
    let shown = CaseFacts.lineColumns.map { name in
      (name, ClaimTable.feeLines.columns[ClaimTable.feeLines.index(of: name) ?? 0])
    }
    let columns =
      [Column("明细", 42), Column("结算ID", 24), Column("人员编号", 24), Column("规则", 16)]
      + shown.map { name, column in
        // Catalogue codes have up to 27 characters; a code that its column cuts off is read wrongly.
        let isLong = name.hasSuffix("_name") || name.hasSuffix("_codg") || name == "hilist_code"
        return Column(
          column.kind == .money ? column.caption + "（元）" : column.caption, column.kind == .time ? 20 : isLong ? 28 : 16)
      } + [
        Column("净涉及金额（元）", 15), Column("净基金金额（元）", 15), Column("来源文件", 40), Column("来源行号", 10),
        Column("来源行SHA-256", 68),
      ]
    try sheets("费用明细", columns, facts.lines, book) { line in
      var cells: [Cell] = [
        .code(line.id), .code(line.setlID), .code(line.psnNo), .code(line.rules.joined(separator: " ")),
      ]
      for (i, (_, column)) in shown.enumerated() {
        let number: Int64? = if case .integer(let n) = line.values[i] { n } else { nil }
        switch column.kind {
        case .money: cells.append(.money(number))
        case .time: cells.append(.time(number))
        case .day: cells.append(.day(number))
        case .text: cells.append(.code(line.text(column.name)))
        default: cells.append(.quantity(number, scale: column.kind.scale ?? 0))
        }
      }
      return cells + [
        .money(line.amountA), .money(line.amountF), .code(line.source), .count(line.sourceLine), .code(line.sha256),
      ]
    }
  }

  /// One row for each unit that each finding claims; the counted column adds up to the case's amount.
  private func amounts(_ facts: CaseFacts, _ book: Book) throws {
    struct Row {
      var finding: Finding
      var unit: String
      var claimed: Int64
      var counted: Int64
    }
    var rows: [Row] = []
    for (record, takings) in zip(facts.findings, facts.takings) {
      let taken = Dictionary(takings.map { ($0.unit, $0.fen) }, uniquingKeysWith: +)
      for claim in record.finding.claims.sorted(by: { bytesPrecede($0.unit, $1.unit) }) {
        rows.append(Row(finding: record.finding, unit: claim.unit, claimed: claim.fen, counted: taken[claim.unit] ?? 0))
      }
    }
    let columns = [
      Column("次序", 7), Column("规则", 9), Column("规则名称", 22), Column("系统初判", 10), Column("发现编号", 26),
      Column("金额单元（明细或结算余额）", 42), Column("单元基金金额（元）", 16), Column("计入金额（元）", 16),
      Column("未计入原因（待认定）", 40),
    ]
    var number: Int64 = 0
    try sheets("金额测算", columns, rows, book) { row in
      number += 1
      let reason: String =
        if row.counted == row.claimed { "" } else if row.finding.verdict == .lead { "线索不计金额" } else if row.counted == 0
        {
          "已由次序在前的发现计入，或不属本案主体"
        } else { "按份额计入，或部分已由次序在前的发现计入" }
      return [
        .count(number), .code(row.finding.rule), .words(facts.rule(row.finding.rule)?.nameZh ?? ""),
        .words(row.finding.verdict.rawValue), .code(row.finding.id), .code(row.unit), .money(row.claimed),
        .money(row.counted), .words(reason),
      ]
    }
  }

  private func people(_ facts: CaseFacts, _ book: Book) throws {
    let columns = [
      Column("类别", 14), Column("编号", 26), Column("姓名", 12), Column("证件号码", 24), Column("性别", 6),
      Column("出生日期", 12), Column("科室", 20), Column("登记状态", 10), Column("线索数", 8), Column("结算数", 8),
      Column("明细数", 8), Column("计入金额（元）", 15), Column("明细基金金额（元）", 17), Column("身份及作用", 12),
    ]
    let rows: [[Cell]] =
      facts.persons.map { p in
        [
          .words("参保人"), .code(p.psnNo), .words(p.name), .code(p.certificate), .words(p.sex), .code(p.birth),
          .words(""),
          .words(""), .count(Int64(p.findings)), .count(Int64(p.settlements.count)), .count(nil),
          .moneySum(p.countedFen),
          .money(nil), .words("待查"),
        ]
      }
      + facts.practitioners.map { p in
        [
          .words("单据所载医师"), .code(p.code), .words(p.name), .code(""), .words(""), .code(""), .words(p.department),
          .words(p.registered), .count(nil), .count(nil), .count(Int64(p.lines)), .money(nil), .moneySum(p.fundFen),
          .words("待查"),
        ]
      }
    try sheets("涉及人员", columns, rows, book) { $0 }
  }

  /// One sheet, or as many as the rows need: `费用明细`, `费用明细 2` …
  private func sheets<Row>(
    _ name: String, _ columns: [Column], _ rows: [Row], _ book: Book, _ cells: (Row) -> [Cell]
  ) throws {
    var start = 0
    var part = 1
    repeat {
      let end = min(rows.count, start + sheetLimit)
      let sheet = try addSheet(part == 1 ? name : "\(name) \(part)", columns, rows: end - start, book)
      for (i, row) in rows[start..<end].enumerated() {
        for (c, cell) in cells(row).enumerated() { try put(cell, sheet, UInt32(i + 1), UInt16(c), book) }
      }
      start = end
      part += 1
    } while start < rows.count
  }

  private func addSheet(_ name: String, _ columns: [Column], rows: Int, _ book: Book) throws
    -> UnsafeMutablePointer<lxw_worksheet>
  {
    guard let sheet = workbook_add_worksheet(book.handle, name) else {
      throw failure(LXW_ERROR_MEMORY_MALLOC_FAILED, book.path)
    }
    for (c, column) in columns.enumerated() {
      try check(worksheet_set_column(sheet, UInt16(c), UInt16(c), column.width, nil), book.path)
    }
    worksheet_set_landscape(sheet)
    worksheet_set_paper(sheet, 9)  // A4
    // About 190 characters stay readable across an A4 sheet; wider tables go on beside it, ids repeated.
    let width = columns.reduce(0) { $0 + $1.width }
    worksheet_fit_to_pages(sheet, UInt16(max(1, (width / 190).rounded(.up))), 0)
    try check(worksheet_repeat_columns(sheet, 0, 0), book.path)
    try check(worksheet_set_header(sheet, "&C内部核查材料，未经审核，不得移送"), book.path)
    try check(worksheet_set_footer(sheet, "&L含个人信息&C第 &P 页，共 &N 页&R系统初判，以核查认定为准"), book.path)
    try check(worksheet_repeat_rows(sheet, 0, 0), book.path)
    worksheet_freeze_panes(sheet, 1, 0)
    try check(worksheet_autofilter(sheet, 0, 0, UInt32(rows), UInt16(columns.count - 1)), book.path)
    try check(worksheet_set_row(sheet, 0, 30, nil), book.path)
    for (c, column) in columns.enumerated() {
      try check(worksheet_write_string(sheet, 0, UInt16(c), column.title, book.formats["head"]), book.path)
    }
    return sheet
  }

  private func put(
    _ cell: Cell, _ sheet: UnsafeMutablePointer<lxw_worksheet>, _ row: UInt32, _ column: UInt16, _ book: Book
  ) throws {
    func number(_ value: Double, _ format: String) throws {
      try check(worksheet_write_number(sheet, row, column, value, book.formats[format]), book.path)
    }
    func text(_ value: String, _ format: String) throws {
      if value.isEmpty { return }
      try check(worksheet_write_string(sheet, row, column, Self.cellText(value), book.formats[format]), book.path)
    }
    switch cell {
    case .code(let value): try text(value, "text")
    case .words(let value): try text(value, "words")
    case .money(let fen?):
      if let yuan = Self.spreadsheetYuan(fen) {
        try number(yuan, "money")
      } else {
        try text(FixedPoint.yuan(fen), "text")
      }
    case .moneySum(let fen):
      if let yuan = Int64(exactly: fen).flatMap(Self.spreadsheetYuan) {
        try number(yuan, "money")
      } else {
        try text(FixedPoint.yuan(fen), "text")
      }
    case .quantity(let value?, let scale):
      try number(Double(value) / [1, 10, 100, 1000, 10_000, 100_000, 1_000_000][scale], "quantity")
    case .count(let value?): try number(Double(value), "count")
    // Day 25,569 of Excel is 1970-01-01.
    case .day(let day?): try number(Double(day + 25_569), "day")
    case .time(let time?): try number(Double(time) / 86_400 + 25_569, "time")
    case .money(nil), .quantity(nil, _), .count(nil), .day(nil), .time(nil): break
    }
  }

  /// A text as a cell holds it: Excel takes 32,767 characters, counted in UTF-16, of which 15,000 scalars are at most
  /// 30,000. What a reader takes for one character may be any number of scalars. U+FFFE and U+FFFF, which no XML may
  /// hold, are replacement characters; the library sees to control characters.
  static func cellText(_ value: String) -> String {
    var value = value
    if value.unicodeScalars.contains(where: { $0.value == 0xFFFE || $0.value == 0xFFFF }) {
      value = String(
        String.UnicodeScalarView(
          value.unicodeScalars.map { $0.value == 0xFFFE || $0.value == 0xFFFF ? "\u{FFFD}" : $0 }))
    }
    if value.utf16.count <= 32_000 { return value }
    return String(String.UnicodeScalarView(value.unicodeScalars.prefix(15_000))) + "…（其余见 evidence.sqlite）"
  }

  /// An amount as a spreadsheet holds it: the format knows only binary numbers, of which programs keep 15 decimal
  /// digits. nil from 10^15 fen on, where a digit could be lost: such an amount stands as text.
  ///
  /// libxlsxwriter writes 16 digits: the file says 865.3099999999999 where 865.31 is meant, as files of spreadsheet
  /// programs do with 17. To the fen it is exact; who wants no rounding at all reads evidence.sqlite. Nothing is computed
  /// with what this returns.
  static func spreadsheetYuan(_ fen: Int64) -> Double? {
    fen.magnitude < 1_000_000_000_000_000 ? Double(fen) / 100 : nil
  }

  private func check(_ code: lxw_error, _ path: String) throws {
    if code != LXW_NO_ERROR { throw failure(code, path) }
  }

  private func failure(_ code: lxw_error, _ path: String) -> Diagnostic {
    Diagnostic(
      .error, "packet.workbook", "The workbook can't be written: \(String(cString: lxw_strerror(code)))",
      at: Place(file: path), remedy: "Check the free space and the rights of the output folder.")
  }
}

/// Chinese word of a severity.
func severityText(_ severity: FindingSeverity) -> String {
  switch severity {
  case .high: "高"
  case .medium: "中"
  case .low: "低"
  }
}
