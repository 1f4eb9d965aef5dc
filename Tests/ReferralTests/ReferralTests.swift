import CXlsxWriter
import Cases
import ClaimModel
import Diagnostics
import Foundation
import GRDBSQLite
import RulePacks
import SQLLowering
import Testing

@testable import Referral

/// Writes the example's packet into a folder of its own.
private final class Example {
  let folder: TemporaryFolder
  let bag: String
  var evidence: String { bag + "/data/evidence.sqlite" }

  init() throws {
    folder = try TemporaryFolder()
    bag = try folder.path + "/" + PacketWriter().write(Fixture().input(), into: folder.path)
  }

  /// Changes the evidence and makes every manifest anew, as somebody would who wants not to be found out.
  func change(_ sql: String) throws {
    do {
      let database = try EvidenceDatabase(evidence, .change)
      try database.run(sql)
    }
    try seal()
  }

  func seal() throws { try Bag.seal(bag, info: [("External-Identifier", id)]) }
  var id: String { String(bag.split(separator: "/").last?.prefix(13) ?? "") }

  var codes: Set<String> { Set(verifyPacket(bag).map(\.code)) }
}

private func sqlite3CLI(_ arguments: [String], input: String? = nil) throws -> String? {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
  guard FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3") else { return nil }
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  if let input { process.standardInput = FileHandle(forReadingAtPath: input) }
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return text
}

@Suite struct Packets {
  @Test func theExampleIsAsWorkedByHand() throws {
    let input = try Fixture().input()
    let amounts = Dictionary(
      uniqueKeysWithValues: input.findings.map {
        ($0.finding.rule + " " + $0.finding.key, [$0.finding.amountFen, $0.finding.fundFen, $0.countedFen])
      })
    #expect(
      amounts == [
        "CAT-01 M1:1": [10_000, 8_000, 8_000], "CAT-01 M2:1": [3_000, 3_000, 3_000],
        "CHR-04 S2": [3_000, 4_500, 1_500],
      ])
    #expect(input.caseFile.countedFen == 12_500)
  }

  @Test func aFreshPacketIsGood() throws {
    let example = try Example()
    #expect(example.bag.hasSuffix("-含个人信息"))
    for problem in verifyPacket(example.bag) { Issue.record("\(problem)") }
    // The case id without its suffix names the packet too.
    #expect(verifyPacket(String(example.bag.dropLast("-含个人信息".count))).isEmpty)
    if let keep = ProcessInfo.processInfo.environment["KEEP_PACKET"] {
      try? FileManager.default.removeItem(atPath: keep)
      try FileManager.default.copyItem(atPath: example.folder.path, toPath: keep)
    }
  }

  /// Without the table of results sqlite3 alone gives the same lines.
  @Test func verifySQLNeedsNoResults() throws {
    let example = try Example()
    let script = example.bag + "/data/verify.sql"
    guard let before = try sqlite3CLI([example.evidence], input: script) else {
      print("skipped: no sqlite3")
      return
    }
    try EvidenceDatabase(example.evidence, .change).run("DROP TABLE finding")
    #expect(try sqlite3CLI([example.evidence], input: script) == before)
    #expect(before == "CAT-01|M1:1|10000|8000|8000\nCAT-01|M2:1|3000|3000|3000\nCHR-04|S2|3000|4500|1500\n")
  }

  @Test func theSameInputGivesTheSameBytes() throws {
    let a = try Example()
    let b = try Example()
    for name in try Bag.files(in: a.bag, under: "") {
      #expect(try Bag.digest(of: a.bag + "/" + name) == Bag.digest(of: b.bag + "/" + name), "\(name)")
    }
  }

  @Test func everyPageCarriesTheWarningAndNoNetwork() throws {
    let example = try Example()
    for name in ["cover", "report", "recheck"] {
      let text = try String(contentsOfFile: example.bag + "/data/\(name).html", encoding: .utf8)
      // In the head of the table that a printer repeats on each sheet.
      #expect(text.contains("<thead><tr><td><div class=\"running\"><b>内部核查材料，未经审核，不得移送</b>"))
      #expect(text.contains("系统初判，以核查认定为准"))
      #expect(text.contains("含个人信息"))
      #expect(!text.contains("构成犯罪"))
      #expect(!text.replacing("http://www.w3.org/2000/svg", with: "").contains("://"))
      // A name with markup in it stays text.
      #expect(!text.contains("<一>"))
    }
    let report = try String(contentsOfFile: example.bag + "/data/report.html", encoding: .utf8)
    for part in [
      "示例&lt;一&gt;医院", "网格员甲", "金额测算表（待认定）", "一分只计一次", "身份及作用待查", "D330100000001", "电子数据",
      "条例第三十八条第（六）项", "地方增补目录未导入", "<svg", "24 小时内", "125.00", "80.00",
    ] {
      #expect(report.contains(part), "\(part)")
    }
  }

  @Test func acceptedReasonStandsInThePacket() throws {
    var input = try Fixture().input()
    input.acceptedReasons = ["第三方已补报 <附函>"]
    let folder = try TemporaryFolder()
    let bag = try folder.path + "/" + PacketWriter().write(input, into: folder.path)
    for name in ["cover", "report"] {
      let text = try String(contentsOfFile: bag + "/data/\(name).html", encoding: .utf8)
      #expect(text.contains("第三方已补报 &lt;附函&gt;"))
    }
    #expect(verifyPacket(bag).isEmpty)
  }

  @Test func withdrawnFindingsAreLeftOut() throws {
    var input = try Fixture().input()
    input.findings[0].state = .withdrawn
    #expect(CaseFacts(input).findings.count == 2)
  }

  /// Python's bagit, where it is installed, takes the bag for valid.
  @Test func anotherReaderTakesTheBag() throws {
    let python = ProcessInfo.processInfo.environment["BAGIT_PYTHON"] ?? "/usr/bin/python3"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    let example = try Example()
    process.arguments = [
      "-c",
      """
      import sys
      try: import bagit
      except ImportError: sys.exit(77)
      bagit.Bag(sys.argv[1]).validate()
      """, example.bag,
    ]
    guard FileManager.default.isExecutableFile(atPath: python) else {
      print("skipped: no Python")
      return
    }
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus == 77 {
      print("skipped: Python has no bagit (pip install bagit)")
    } else {
      #expect(process.terminationStatus == 0)
    }
  }
}

@Suite struct Tampering {
  /// One value of each kind of column that a rule reads, the row's own text and digest left alone.
  @Test(arguments: [
    "UPDATE line SET inscp_amt = inscp_amt + 1 WHERE bkkp_sn = '2' AND mdtrt_id = 'M1'",
    "UPDATE line SET cnt = 10000 WHERE cnt < 0", "UPDATE line SET pric = pric + 1",
    "UPDATE line SET hilist_code = 'X01'",
    "UPDATE line SET fee_ocur_time = fee_ocur_time - 86400", "UPDATE line SET memo = 'x' WHERE rowid = 1",
    "UPDATE line SET spec = '' WHERE rowid = 1", "UPDATE settlement SET begndate = begndate - 1",
    "UPDATE settlement SET fund_pay_sumamt = 0", "UPDATE settlement SET psn_name = 'x'",
    "UPDATE settlement SET pool_prop_selfpay = 1", "UPDATE visit SET ipt_days = 3", "UPDATE visit SET med_type = '14'",
    "UPDATE diagnosis SET diag_code = 'J00'", "UPDATE line SET source_line = NULL, source_file = 'a.csv'",
    "UPDATE line SET source_sha256 = upper(source_sha256)",
    "UPDATE line SET source_fields = replace(source_fields, 'X03', 'X01')",
    "UPDATE hilist_b SET chrgitm_lv = '01'", "UPDATE opsp_reg_d SET enddate = 30000",
    "UPDATE fixmedins_b SET legrep_name = 'x'", "UPDATE med_type_b SET reg_flag = '0'",
  ])
  func aChangedValueFails(sql: String) throws {
    let example = try Example()
    try example.change(sql)
    #expect(example.codes.contains("packet.row-changed"))
  }

  /// Who changes the digest of the row as well is caught by the re-derivation.
  @Test(arguments: [
    ("hilist_b", "chrgitm_lv = '01'", "hilist_code = 'X03'"), ("opsp_reg_d", "enddate = NULL", "1"),
    ("hilist_b", "begndate = 30000", "1"), ("med_type_b", "reg_flag = '0'", "1"),
  ])
  func aRegistryForgedWithItsDigestFails(table: String, change: String, rows: String) throws {
    let example = try Example()
    try example.change("UPDATE \(table) SET \(change) WHERE \(rows)")
    do {
      let database = try EvidenceDatabase(example.evidence, .change)
      var updates: [(Int64, String)] = []
      try database.query("SELECT rowid, * FROM \(table)") { row in
        let values = (1..<row.columnCount - 1).map(row.value)
        updates.append((row.integer(0) ?? 0, RegistryRowText.digest(of: values)))
      }
      for (id, digest) in updates {
        try database.run("UPDATE \(table) SET row_sha256 = '\(digest)' WHERE rowid = \(id)")
      }
    }
    try example.seal()
    let codes = example.codes
    #expect(!codes.contains("packet.row-changed"))
    #expect(!codes.isDisjoint(with: ["packet.not-derived", "packet.amount", "packet.not-stated"]))
  }

  @Test(arguments: [
    ("DELETE FROM line WHERE cnt < 0", "packet.amount"),
    ("DELETE FROM line WHERE mdtrt_id = 'M1'", "packet.not-derived"),
    ("DELETE FROM finding WHERE rule = 'CHR-04'", "packet.not-stated"),
    ("UPDATE finding SET counted_fen = counted_fen + 1", "packet.amount"),
    ("UPDATE finding SET fund_fen = fund_fen + 1", "packet.amount"),
    ("UPDATE finding SET amount_fen = NULL", "packet.amount"),
    ("UPDATE finding SET finding_id = 'CAT-01-0000000000000000'", "packet.finding-id"),
    ("INSERT INTO finding SELECT * FROM finding", "packet.finding-twice"),
    ("UPDATE finding SET \"key\" = 'M9:9' WHERE rule = 'CHR-04'", "packet.not-derived"),
    ("ALTER TABLE line ADD COLUMN more TEXT", "packet.schema"), ("DROP TABLE visit", "packet.schema"),
    ("UPDATE context SET value = 'C000000000000' WHERE what = 'case_id'", "packet.identity"),
    ("UPDATE context SET value = 'H9' WHERE what = 'subject'", "packet.identity"),
  ])
  func isFound(sql: String, code: String) throws {
    let example = try Example()
    try example.change(sql)
    #expect(example.codes.contains(code))
  }

  /// A script that only repeats what is expected is caught by the packet's own rules.
  @Test func aScriptOfConstantsFails() throws {
    let example = try Example()
    try example.change("UPDATE finding SET amount_fen = 1 WHERE rule = 'CHR-04'")
    try Bag.write(
      """
      SELECT 'CAT-01' AS rule, 'M1:1' AS key, 10000 AS amount_fen, 8000 AS fund_fen, 8000 AS counted_fen
      UNION ALL SELECT 'CAT-01', 'M2:1', 3000, 3000, 3000 UNION ALL SELECT 'CHR-04', 'S2', 1, 4500, 1500;
      """, to: example.bag + "/data/verify.sql")
    try example.seal()
    let problems = verifyPacket(example.bag)
    #expect(problems.map(\.place.file) == ["data/rules"])
    #expect(problems.map(\.code) == ["packet.amount"])
  }

  @Test(arguments: [
    "SELECT * FROM finding;", "PRAGMA writable_schema = ON;", "ATTACH '/tmp/x' AS x;", "DELETE FROM line;",
    "SELECT load_extension('x');", "CREATE TABLE t (a);", "SELECT writefile('/tmp/x', 'x');",
    "UPDATE line SET cnt = 1;",
    "VACUUM INTO '/tmp/yijian-x';", "CREATE VIEW v AS SELECT 1;",
  ])
  func aScriptMayOnlyRead(line: String) throws {
    let example = try Example()
    let path = example.bag + "/data/verify.sql"
    let script = try String(contentsOfFile: path, encoding: .utf8)
    try Bag.write(line + "\n" + script, to: path)
    try example.seal()
    #expect(example.codes == ["packet.script"])
  }

  /// Each would go on for longer than anybody waits, or fill the memory.
  @Test(arguments: [
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'CAT-01' AS rule, i AS key FROM n;",
    "CREATE TEMP TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;",
    "SELECT count(*) FROM line a, line b, line c, line d, line e, line f, line g, line h, line i, line j, line k;",
  ])
  func aScriptThatNeverEndsIsBrokenOff(line: String) throws {
    let example = try Example()
    try Bag.write(line + "\n", to: example.bag + "/data/verify.sql")
    try example.seal()
    var verification = PacketVerification()
    verification.limits.steps = 1_000_000
    verification.limits.stepsPerByte = 1
    verification.limits.moreRows = 1000
    #expect(verification.check(example.bag).map(\.code) == ["packet.script-limit"])
  }

  /// The example's evidence has 200,000 bytes or more; a thousandth of what it may take is enough.
  @Test func aPacketTakesAThousandthOfItsSteps() throws {
    let example = try Example()
    var verification = PacketVerification()
    verification.limits.steps /= 1000
    verification.limits.stepsPerByte /= 1000
    verification.limits.moreRows /= 1000
    #expect(verification.check(example.bag) == [])
  }

  /// A view has columns too, but no end.
  @Test func aViewIsNoTable() throws {
    let example = try Example()
    try example.change(
      """
      ALTER TABLE visit RENAME TO kept;
      CREATE VIEW visit AS
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT kept.* FROM kept, n
      """)
    #expect(example.codes == ["packet.schema"])
  }

  @Test func diagnosticsHoldNoPersonalValue() throws {
    let example = try Example()
    try example.change("UPDATE settlement SET psn_no = 'P7', certno = '7'; DELETE FROM finding")
    let text = verifyPacket(example.bag).map(\.description).joined(separator: "\n")
    for value in ["P7", "P1", "P2", "33010019500101000X", "测试P1"] { #expect(!text.contains(value)) }
  }

  /// Without new manifests each change of a file is seen, and every one is told.
  @Test func theBagIsWhole() throws {
    let example = try Example()
    let manager = FileManager.default
    try manager.removeItem(atPath: example.bag + "/data/cover.html")
    try Bag.write("x", to: example.bag + "/data/report.html")
    try Bag.write("x", to: example.bag + "/data/extra.txt")
    try manager.createSymbolicLink(atPath: example.bag + "/data/link", withDestinationPath: "/etc/passwd")
    #expect(
      example.codes.isSuperset(of: [
        "packet.bag-file-missing", "packet.bag-digest", "packet.bag-file-extra", "packet.bag-link", "packet.bag-oxum",
      ]))
  }

  @Test(arguments: ["../x", "/etc/passwd", "data/../../x", "~/x", "data//x", "data\\x"])
  func pathsLeadNowhereElse(name: String) throws {
    let example = try Example()
    let manifest = example.bag + "/manifest-sha256.txt"
    let text = try String(contentsOfFile: manifest, encoding: .utf8)
    try Bag.write(text + String(repeating: "0", count: 64) + "  " + name + "\n", to: manifest)
    #expect(example.codes.contains("packet.bag-unsafe-path"))
  }

  /// A mail program or an editor may end lines otherwise: the digest of the manifest tells, and nothing else does.
  @Test(arguments: ["\r\n", "\r"]) func otherLineEndsOfAManifestAreOneProblem(_ end: String) throws {
    let example = try Example()
    let manifest = example.bag + "/manifest-sha256.txt"
    let text = try String(contentsOfFile: manifest, encoding: .utf8)
    try Bag.write(text.replacing("\n", with: end), to: manifest)
    let problems = verifyPacket(example.bag)
    #expect(problems.map(\.code) == ["packet.bag-digest"], "\(problems)")
    #expect(problems.allSatisfy { $0.message.count < 200 })
  }

  @Test func noPacketNoCrash() throws {
    let folder = try TemporaryFolder()
    #expect(verifyPacket(folder.path + "/C0").map(\.code) == ["packet.missing"])
    #expect(!verifyPacket(folder.path).isEmpty)
    let example = try Example()
    try Data("not a database".utf8).write(to: URL(fileURLWithPath: example.evidence))
    try example.seal()
    #expect(example.codes == ["packet.database"])
  }
}

@Suite struct Workbooks {
  /// Two lines that findings name and the reversal of one; the person and the doctor on them.
  @Test func factsHoldTheReversalToo() throws {
    let input = try Fixture().input()
    let example = try Example()
    var facts = CaseFacts(input)
    let rows = input.evidence.rows(of: facts.findings.flatMap(\.finding.setlIDs))
    try facts.read(EvidenceDatabase(example.evidence, .read), sourceRows: [0: 2], evidence: rows)
    #expect(facts.lines.map(\.id) == ["M1:1", "M2:1", "M2:2"])
    #expect(facts.lines.map(\.amountF) == [8_000, 3_000, nil])
    #expect(facts.practitioners.map(\.fundFen) == [11_000])
    #expect(facts.persons.map(\.psnNo) == ["P1", "P2"])
    #expect(facts.persons.map(\.countedFen) == [8_000, 4_500])
  }

  /// Sheets go on under another name beyond the limit; here 2 rows instead of 1,048,575.
  @Test func longSheetsAreSplit() throws {
    let example = try Example()
    var book = CaseWorkbook()
    book.sheetLimit = 2
    let path = example.folder.path + "/split.xlsx"
    try book.write(CaseFacts(Fixture().input()), to: path, temporaryFolder: example.folder.path)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else {
      print("skipped: no Python")
      return
    }
    process.arguments = [
      "-c", "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('xl/workbook.xml').decode())", path,
    ]
    let output = Pipe()
    process.standardOutput = output
    process.environment = ["PYTHONIOENCODING": "utf-8"]
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text.contains("name=\"线索汇总\""))
    #expect(text.contains("name=\"线索汇总 2\""))
    #expect(!text.contains("name=\"线索汇总 3\""))
  }

  /// 20,000 letters with two accents each are 20,000 characters to a reader and 60,000 to a spreadsheet, which takes
  /// 32,767.
  @Test func aCellIsCutByWhatASpreadsheetCounts() {
    let long = String(repeating: "e\u{301}\u{302}", count: 20_000)
    let shown = CaseWorkbook.cellText(long)
    #expect(shown.unicodeScalars.count == 15_000 + "…（其余见 evidence.sqlite）".unicodeScalars.count)
    #expect(shown.hasPrefix("e\u{301}\u{302}") && shown.hasSuffix("…（其余见 evidence.sqlite）"))
    // A scalar beyond the basic plane counts twice.
    #expect(CaseWorkbook.cellText(String(repeating: "𠀀", count: 17_000)).utf16.count < 32_767)
    #expect(CaseWorkbook.cellText(String(repeating: "药", count: 32_000)).count == 32_000)
    // What no XML may hold makes the workbook one that does not open.
    #expect(CaseWorkbook.cellText("甲\u{FFFF}乙\u{FFFE}") == "甲\u{FFFD}乙\u{FFFD}")
  }

  @Test func anUnwritableWorkbookIsToldWithItsPlace() throws {
    let input = try Fixture().input()
    #expect(throws: Diagnostic.self) {
      try CaseWorkbook().write(CaseFacts(input), to: "/nowhere/x.xlsx", temporaryFolder: "/tmp")
    }
  }
}

@Suite struct Texts {
  @Test func markupEscapesWhatIsInterpolated() {
    let text = "<a href='x'>&\"\u{1}"
    #expect(("<p>\(text)</p>" as Markup).html == "<p>&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{FFFD}</p>")
    let inner: Markup = "<b>\(1)</b>"
    #expect(("\(inner)\([inner, inner])" as Markup).html == "<b>1</b><b>1</b><b>1</b>")
  }

  @Test func namesInManifestsAreEncodedAsTheStandardSays() {
    #expect(Bag.encoded("a%0A\n\r b") == "a%250A%0A%0D b")
    #expect(Bag.decoded("a%250A%0A%0D b") == "a%0A\n\r b")
  }
}
