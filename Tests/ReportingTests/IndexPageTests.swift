import ClaimModel
import Foundation
import Testing

@testable import Reporting

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Collects what a reader sees, and the addresses that the page names.
private final class PageReader: NSObject, XMLParserDelegate {
  var text = ""
  var addresses: [String] = []
  var ids: Set<String> = []
  var elements: Set<String> = []
  private var inStyle = false

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.insert(name)
    inStyle = name == "style"
    if let id = attributes["id"] { ids.insert(id) }
    for key in ["href", "src", "action", "data"] { if let value = attributes[key] { addresses.append(value) } }
  }
  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    inStyle = false
    text += " "
  }
  func parser(_ parser: XMLParser, foundCharacters string: String) { if !inStyle { text += string } }
}

private func read(_ html: String) throws -> PageReader {
  let prefix = "<!DOCTYPE html>\n"
  try #require(html.hasPrefix(prefix))
  let reader = PageReader()
  let parser = XMLParser(data: Data(html.dropFirst(prefix.count).utf8))
  parser.delegate = reader
  let isWellFormed = parser.parse()
  // XMLParser calls a truncated document well-formed, so the end is looked at too.
  #expect(isWellFormed, "\(String(describing: parser.parserError)) at line \(parser.lineNumber)")
  #expect(html.hasSuffix("</html>\n"))
  return reader
}

@Suite struct IndexPageTests {
  /// Findings, differences and sums that fit 64 bits each and not together.
  @Test func sumsBeyond64BitsStandOnThePage() throws {
    var model = sampleModel()
    model.findings = (0..<3).map {
      finding("CAT-01-\($0)", rule: "CAT-01", .suspected, amount: .max, fund: .max, counted: .max)
    }
    model.sums = [
      .init(
        table: "setl_d", column: "medfee_sumamt", beforeFen: 3 * Int128(Int64.max),
        setAsideFen: ["refunded": Int128(Int64.max), "refund": Int128(Int64.max)], afterFen: Int128(Int64.max))
    ]
    model.reconciliation = [
      .init(
        kind: .delivery, checked: 2, notComparable: 1,
        differences: [
          .init(subject: "setl_d a", unit: .fen, expected: Int128(Int64.min), found: Int128(Int64.max)),
          .init(subject: "setl_d b", unit: .rows, expected: Int128(Int64.min), found: 1),
        ])
    ]
    let page = try read(model.indexHTML())
    let expected = [
      // 3 × (2^63 − 1) and 2 × (2^63 − 1) fen.
      "276,701,161,105,643,274.21", "184,467,440,737,095,516.14",
      // (2^63 − 1) − (−2^63) fen, 1 − (−2^63) rows.
      "-92,233,720,368,547,758.08", "184,467,440,737,095,516.15", "9,223,372,036,854,775,809", "合计超出 64 位",
    ]
    for text in expected { #expect(page.text.contains(text), "\(text)") }
  }

  @Test func everyNumberOfTheRunStandsOnThePage() throws {
    let page = try read(sampleModel().indexHTML())
    let expected = [
      "2025-W11~2", "2025-W11~2-0a1b2c3d", "2025-03-16", "2025-03-17 06:30:12", "0.1.0", "weekly",
      // rows: total, by table, set aside by reason, rejected, older
      "330,016", "328,000", "20,011", "19,000", "310,005", "309,000", "600", "400", "1,000", "11", "37", "13",
      // money
      "8,123,456.78", "1,550.53", "9,000,000.17", "0.17", "9,000,000.00", "10,000.00", "1,500.50", "50.03", "2,001.00",
      "70.02", "310.07", "210.09", "390.13",
      // rules and coverage
      "CAT-01", "超医保目录结算", "250,003", "249,001", "1,002", "99.5%", "43", "fee_list_d 不完整：批次 2025-W10 不完整", "无法运行",
      // reconciliation
      "18,998", "无法核对 2 项", "S777", "123.45", "123.44", "-0.01", "5,551", "-5,551",
      // profile
      "98.2%", "42.1%", "Z9", "23", "45.67", "29", "一个证件号对应多个人员编号",
      // files
      "setl_d_1.csv.gz", "f1aa", "GB18030", "4.2 MB", "61.5 MB", "memo", "rn", "intake.truncated",
      "The gzip stream ends early", "4,711", "readme.docx",
      // changes, digests, stages
      "CAT-01-b", "ADM-02-a", "CHR-04-d", "2025-W10", "77aa", "88bb", "9d9d", "71,000,001", "1.234",
      "某某<市>第一人民医院", "fee_list_d_3.csv.gz <missing> & \"lost\"", "系统初判，以核查认定为准",
    ]
    for text in expected { #expect(page.text.contains(text), "\(text)") }
  }

  @Test func thePageNeedsNothingFromOutside() throws {
    let html = sampleModel().indexHTML()
    let page = try read(html)
    for address in page.addresses {
      if address.hasPrefix("#") {
        #expect(page.ids.contains(String(address.dropFirst())), "\(address)")
      } else {
        #expect(address.hasPrefix("packets/"), "\(address)")
      }
    }
    #expect(page.addresses.contains("packets/Caaaaaaaaaaaa/"))
    for word in ["http:", "https:", "//", "url(", "@import"] { #expect(!html.contains(word), "\(word)") }
    #expect(page.elements.isDisjoint(with: ["script", "link", "img", "iframe", "form"]))
  }

  @Test func noPersonNumberStandsInFull() throws {
    let html = sampleModel().indexHTML()
    #expect(!html.contains("34010000000000100017"))
    #expect(html.contains("3401************0017"))
  }

  @Test(arguments: [("34010000000000100017", "3401************0017"), ("P12345", "P1**45"), ("12", "**"), ("", "")])
  func personNumbersAreMasked(_ number: String, _ shown: String) { #expect(maskedPerson(number) == shown) }

  @Test func thePageNeverSpeaksOfCrime() {
    let html = sampleModel().indexHTML()
    for word in ["构成犯罪", "诈骗", "骗保", "犯罪"] { #expect(!html.contains(word), "\(word)") }
  }

  @Test func theWarningGoesWithTheIncompleteBatch() {
    var model = sampleModel()
    #expect(model.indexHTML().contains("不生成案件包"))
    model.incomplete[0].acceptedReason = "原文件已损毁"
    #expect(!model.indexHTML().contains("不生成案件包"))
    #expect(model.indexHTML().contains("原文件已损毁"))
    model.incomplete = []
    #expect(!model.indexHTML().contains("数据不完整"))
  }

  /// A clerk who asks for a file again is told why in words, with what the exporter needs to know behind it.
  @Test func aRefusedFileIsToldInWords() {
    var model = sampleModel()
    #expect(model.indexHTML().components(separatedBy: "文件被截断").count == 2, "once, beside the file")
    model.incomplete = [
      .init(
        label: model.label, reason: "fee_list_d_9.csv.gz was refused",
        causes: [.init(file: "fee_list_d_9.csv.gz", code: "intake.truncated")])
    ]
    let html = model.indexHTML()
    #expect(
      html.contains("fee_list_d_9.csv.gz（压缩数据没有结尾，文件被截断）<br/><span class=\"sub\">fee_list_d_9.csv.gz was refused"))
    #expect(html.contains("The gzip stream ends early"))
  }

  /// Of a batch of weeks ago no file stands in this run's list; why it lacks something is told in words all the same.
  @Test func anEarlierBatchIsToldInWords() {
    var model = sampleModel()
    #expect(model.indexHTML().contains("fee_list_d_3.csv.gz（delivery.csv 列出的文件没有送达）<br/>"))
    model.incomplete = [
      .init(
        label: "2025-W09", reason: "setl_d has 3 rows, delivery.csv says 4; more",
        causes: [
          .init(file: "setl_d_2.csv.gz", code: "intake.bad-crc"),
          .init(file: "delivery.csv", code: "intake.delivery-differs"),
        ]), .init(label: "2025-W08", reason: "the folder holds no claim file", causes: []),
    ]
    let html = model.indexHTML()
    #expect(
      html.contains(
        "2025-W09</strong>：delivery.csv（行数或金额与 delivery.csv 不符）、setl_d_2.csv.gz（解压后的校验值不符，文件已损坏）<br/>"))
    #expect(html.contains("2025-W08</strong>：文件夹里没有结算数据文件<br/>"))
  }

  /// Every code with which a file is refused or missed has its words, and no other.
  @Test func everyRefusalHasWords() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("Documentation/diagnostics.md"), encoding: .utf8)
    let codes = page.split(separator: "\n").filter { $0.hasPrefix("| `intake.") && !$0.contains("(warning)") }
      .flatMap { row in row.split(separator: "|")[0].split(separator: "`").filter { $0.hasPrefix("intake.") } }
    #expect(codes.count > 20)
    // A row of delivery.csv may be refused as one of any small table; a correction may come too late.
    #expect(
      Set(codes.map(String.init)).union(["csv.bad-row", "store.trimmed-batch"]) == Set(RefusalWording.texts.keys))
  }

  @Test func rowsThatDoNotAddUpAreSaid() {
    var model = sampleModel()
    #expect(!model.indexHTML().contains("行数不符"))
    model.tables[0].counts.accepted -= 1
    #expect(model.indexHTML().contains("行数不符"))
  }

  @Test func anEmptyRunIsAPageToo() throws {
    let page = try read(RunReportModel().indexHTML())
    #expect(page.text.contains("没有未结案件"))
    #expect(page.text.contains("本库的第一次运行"))
  }

  @Test func theOrderOfTheModelDoesNotMatter() {
    let model = sampleModel()
    var turned = model
    turned.findings.reverse()
    turned.files.reverse()
    turned.tables.reverse()
    turned.coverage.reverse()
    turned.cases.reverse()
    turned.profile.reverse()
    turned.reconciliation.reverse()
    #expect(turned.indexHTML() == model.indexHTML())
    #expect(turned.runJSON() == model.runJSON())
  }

  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")])
  func thousandsAreGrouped(_ number: Int, _ text: String) { #expect(grouped(number) == text) }

  @Test(arguments: [(1, 1, "100.0%"), (9999, 10_000, "99.9%"), (0, 5, "0.0%"), (0, 0, "–")])
  func percentNeverRoundsUp(_ part: Int, _ whole: Int, _ text: String) { #expect(percent(part, of: whole) == text) }

  @Test(arguments: [(999, "999 B"), (1000, "1.0 KB"), (4_250_000, "4.2 MB"), (12_000_000_000, "12.0 GB")])
  func sizesAreShort(_ bytes: Int, _ text: String) { #expect(bytesText(bytes) == text) }

  @Test func barsShowWhatIsThere() {
    let html = bar([("accent", 1), ("grey", 499_999)], of: 1_000_000, label: "x<y")
    #expect(html.contains("class=\"accent\" x=\"0\" y=\"0\" width=\"4\""))
    #expect(html.contains("class=\"grey\" x=\"4\" y=\"0\" width=\"499\""))
    #expect(html.contains("x&lt;y"))
  }
}
