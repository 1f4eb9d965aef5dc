import ClaimModel

/// HTML that is put together from escaped text: a literal is markup, what is interpolated is text unless it is markup.
struct Markup: ExpressibleByStringInterpolation, ExpressibleByStringLiteral {
  var html: String

  init(stringLiteral value: String) { html = value }
  init(stringInterpolation: Interpolation) { html = stringInterpolation.html }

  struct Interpolation: StringInterpolationProtocol {
    var html = ""
    init(literalCapacity: Int, interpolationCount: Int) { html.reserveCapacity(literalCapacity * 2) }
    mutating func appendLiteral(_ literal: String) { html += literal }
    mutating func appendInterpolation(_ text: String) { html += EscapedText.html(text) }
    mutating func appendInterpolation(_ number: some BinaryInteger) { html += String(number) }
    mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
    mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { html += part.html } }
  }

  static func + (a: Markup, b: Markup) -> Markup { "\(a)\(b)" }
  static func += (a: inout Markup, b: Markup) { a.html += b.html }

  /// A table; the first of `classes` belongs to the first column, `n` aligns numbers.
  static func table(_ heads: [String], classes: [String] = [], _ rows: [[Markup]], foot: [Markup] = []) -> Markup {
    func cell(_ tag: String, _ i: Int, _ content: Markup) -> Markup {
      let name = i < classes.count ? classes[i] : ""
      return Markup(stringLiteral: name.isEmpty ? "<\(tag)>" : "<\(tag) class=\"\(name)\">") + content
        + Markup(stringLiteral: "</\(tag)>")
    }
    func row(_ tag: String, _ cells: [Markup]) -> Markup {
      "<tr>\(cells.enumerated().map { cell(tag, $0.offset, $0.element) })</tr>\n"
    }
    let head = row("th", heads.map { "\($0)" })
    let last: Markup = foot.isEmpty ? "" : "<tfoot>\(row("td", foot))</tfoot>"
    return "<table class=\"data\"><thead>\(head)</thead><tbody>\(rows.map { row("td", $0) })</tbody>\(last)</table>\n"
  }
}

/// A page of a packet: self-contained, printed on A4, the warning at the head of every sheet.
struct PacketPage {
  static let warning = "内部核查材料，未经审核，不得移送"

  /// The head of a table is repeated on every printed sheet and keeps its own room, which a fixed element does not.
  static func html(title: String, caseID: String, body: Markup) -> String {
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="zh-CN">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
      <title>\(title)</title>
      <style>\(Markup(stringLiteral: style))</style>
      </head>
      <body>
      <table class="sheet"><thead><tr><td><div class="running"><b>\(warning)</b><span>\(caseID)　含个人信息　系统初判，以核查认定为准</span></div></td></tr></thead>
      <tbody><tr><td>
      \(body)
      </td></tr></tbody></table>
      </body>
      </html>

      """
    return page.html
  }

  private static let style = """
    :root { --ink: #1a1f26; --soft: #5b6673; --line: #c9d1da; --pale: #eef2f6; --mark: #a61b1b; --bar: #2f5d8a; --bar2: #9db8d2; }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 0 8mm 12mm; max-width: 210mm; color: var(--ink); background: #fff;
      font: 10.5pt/1.7 "Noto Serif CJK SC", "Source Han Serif SC", "宋体", SimSun, serif; }
    table.sheet { width: 100%; border-collapse: collapse; table-layout: fixed; }
    table.sheet > thead > tr > td, table.sheet > tbody > tr > td { padding: 0; }
    .running { display: flex; justify-content: space-between; align-items: baseline; border-bottom: 1.5pt solid var(--mark);
      padding: 4mm 0 1mm; margin-bottom: 4mm; font: 9pt/1.4 "Noto Sans CJK SC", "Source Han Sans SC", "黑体", SimHei, sans-serif; color: var(--soft); }
    .running b { color: var(--mark); font-size: 10.5pt; letter-spacing: .06em; }
    h1, h2, h3 { font-family: "Noto Sans CJK SC", "Source Han Sans SC", "黑体", SimHei, sans-serif; line-height: 1.4; break-after: avoid; }
    h1 { font-size: 20pt; text-align: center; margin: 10mm 0 4mm; }
    h2 { font-size: 13.5pt; margin: 8mm 0 2mm; padding-bottom: 1mm; border-bottom: .5pt solid var(--line); }
    h3 { font-size: 11.5pt; margin: 5mm 0 1mm; }
    p { margin: 1.5mm 0; text-indent: 2em; text-align: justify; }
    p.plain, li p, td p { text-indent: 0; }
    .sub { text-align: center; text-indent: 0; color: var(--soft); }
    ul, ol { margin: 1mm 0; padding-left: 2.2em; }
    table.data { width: 100%; border-collapse: collapse; margin: 2mm 0 3mm; font-size: 9pt; line-height: 1.45; }
    table.data th, table.data td { border: .5pt solid var(--line); padding: .8mm 1.4mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
    table.data th { background: var(--pale); font-family: "Noto Sans CJK SC", "黑体", SimHei, sans-serif; font-weight: 600; -webkit-print-color-adjust: exact; print-color-adjust: exact; overflow-wrap: normal; }
    table.data tfoot td { font-weight: 700; background: var(--pale); }
    table.data tfoot { display: table-row-group; }
    table.data tr { break-inside: avoid; }
    td.n, th.n { text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap; }
    td.k { white-space: nowrap; } td.w { min-width: 62mm; }
    .code, td.c { font-family: "DejaVu Sans Mono", Consolas, monospace; font-size: 8pt; overflow-wrap: anywhere; }
    td.d { white-space: nowrap; font-variant-numeric: tabular-nums; }
    .badges { display: flex; gap: 4mm; justify-content: center; margin: 5mm 0; }
    .badge { border: 1.2pt solid var(--mark); color: var(--mark); padding: 1mm 4mm; font: 700 11pt/1.5 "Noto Sans CJK SC", "黑体", SimHei, sans-serif; }
    .figures { display: flex; gap: 4mm; margin: 6mm 0; }
    .figure { flex: 1; border: .5pt solid var(--line); border-top: 2pt solid var(--bar); padding: 2mm 3mm; }
    .figure b { display: block; font: 700 15pt/1.4 "Noto Sans CJK SC", "黑体", SimHei, sans-serif; font-variant-numeric: tabular-nums; }
    .figure span { color: var(--soft); font-size: 9pt; }
    .note { background: var(--pale); border-left: 2pt solid var(--bar); padding: 1.5mm 3mm; margin: 2mm 0; font-size: 9.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
    .note p { text-indent: 0; margin: .5mm 0; }
    .warn { border-left-color: var(--mark); }
    .blank { display: inline-block; min-width: 30mm; border-bottom: .5pt solid var(--ink); }
    pre { font: 8.5pt/1.5 "DejaVu Sans Mono", Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--pale); padding: 2mm 3mm; }
    svg { display: block; width: 100%; height: auto; margin: 2mm 0; break-inside: avoid; }
    svg text { font-family: "Noto Sans CJK SC", "Source Han Sans SC", "黑体", SimHei, sans-serif; }
    .keep { break-inside: avoid; }
    @page { size: A4; margin: 8mm 14mm 14mm; @bottom-center { content: "第 " counter(page) " 页 / 共 " counter(pages) " 页"; font: 8.5pt sans-serif; color: #5b6673; } }
    @media print { body { padding: 0; max-width: none; } a { color: inherit; text-decoration: none; } }
    """
}
