import ClaimModel
import Diagnostics
import Foundation
import Registries
import Testing

@testable import Knowledge

@Suite struct LimitImport {
  @Test func aWorkbookOfLevelsBecomesTheTable() throws {
    let bench = try Bench()
    let file = try bench.workbook("any name.xlsx", [("一", levelRecords), ("二", levelCodes)])
    let report = try bench.importing([file])
    #expect(report.read.counts.map(\.read) == [2, 3])
    #expect(report.read.counts.map(\.imported) == [2, 3])
    #expect(report.read.rejects.isEmpty)
    let text = try String(contentsOfFile: bench.path("store/tables/hilist_lmt_b.csv"), encoding: .utf8)
    #expect(
      text == """
        kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,gz_code,batch_no,publ_date,begndate,enddate
        5-drug_level-00001,\(drugA),hosp_lv,2,1,限二级使用,GZ10000101012,5,2025-08-01,2025-08-01,
        5-drug_level-00002,\(drugB),hosp_lv,2,1,限二级使用,GZ10000101012,5,2025-08-01,2025-08-01,
        5-drug_level-00003,\(drugC),hosp_lv,3,0,限三级医院专科使用。,GZ10000101012,5,2025-08-01,2025-08-01,

        """)
  }

  @Test func csvOfBothTablesGivesTheSamePoints() throws {
    let bench = try Bench()
    let report = try bench.importing([
      try bench.write(csv(levelCodes), "b.csv"), try bench.write(csv(levelRecords), "a.csv"),
    ])
    #expect(report.read.points.map(\.code) == [drugA, drugB, drugC])
    #expect(report.read.points.map(\.text) == ["限二级使用", "限二级使用", "限三级医院专科使用。"])
    #expect(report.limits.sureRows == 2)
  }

  @Test func theLoaderTakesEveryRowOfTheTable() throws {
    let bench = try Bench()
    _ = try bench.importing([try bench.workbook("w.xlsx", [("一", levelRecords), ("二", levelCodes)])])
    try FileManager.default.createDirectory(atPath: bench.path("registries"), withIntermediateDirectories: true)
    let tables = bench.path("store/tables")
    let loaded = try loadRegistries(folder: bench.path("registries"), knowledge: [tables], codes: CodeTable())
    #expect(loaded["hilist_lmt_b"]?.count == 3)
    #expect(loaded["hilist_lmt_b"]?.rejected.isEmpty == true)
    #expect(loaded.notes.isEmpty)
    // The same table among the registries.
    try FileManager.default.copyItem(
      atPath: tables + "/hilist_lmt_b.csv", toPath: bench.path("registries/hilist_lmt_b.csv"))
    #expect(throws: Diagnostics.self) {
      try loadRegistries(folder: bench.path("registries"), knowledge: [tables], codes: CodeTable())
    }
    #expect(tablesGivenTwice(folder: bench.path("registries"), knowledge: [tables]).map(\.code) == ["registry.twice"])
    #expect(tablesGivenTwice(folder: bench.path("nowhere"), knowledge: [tables]).isEmpty)
  }

  /// Only the whole text, for the very value, makes a limit sure.
  @Test(
    arguments: [
      ("限二级使用", "二级", "1"), (" 限二级使用 ", "二级", "1"), ("限二级使用。", "二级", "0"), ("限二级使用患者", "二级", "0"),
      ("限二级使用", "三级", "0"), ("", "二级", "0"), ("NaN", "二级", "0"), ("限 二级使用", "二级", "0"),
    ])
  func sureFlag(_ text: String, _ value: String, _ flag: String) throws {
    let bench = try Bench()
    let rows = [levelRecords[0], ["甲片", text, "限定机构等级", value]]
    let report = try bench.importing([try bench.workbook("w.xlsx", [("一", rows), ("二", Array(levelCodes[0...1]))])])
    #expect(report.limits.rows.map { $0[4] } == [flag])
    #expect(report.limits.wordings.map(\.isSure) == [flag == "1"])
  }

  @Test func visitAndInsurance() throws {
    let bench = try Bench()
    let file = try bench.write(
      """
      药品通用名,药品说明,国标代码,限定类型,限定值域
      甲,限急诊或住院患者。,\(drugA),限定就医方式,住院
      乙,,\(drugB),限定就医方式,急诊或住院
      丙,工伤用药,\(drugC),限定保险类型,工伤

      """, "v.csv")
    let report = try bench.importing([file])
    #expect(
      report.limits.rows.map { [$0[0], $0[2], $0[3], $0[4]] } == [
        ["5-drug_injury-00003", "insutype", "work_injury", "1"],
        ["5-drug_visit-00001", "visit", "inpatient", "0"],
        ["5-drug_visit-00002.e", "visit", "emergency", "0"],
        ["5-drug_visit-00002.i", "visit", "inpatient", "0"],
      ])
  }
}

@Suite struct OtherLayouts {
  @Test func pairsFrequencyIntervalAndRemarks() throws {
    let bench = try Bench()
    let files = [
      try bench.workbook(
        "p.xlsx",
        [
          (
            "重复",
            [
              ["序号", "频度", "主项名称", "主项编码", "从项名称", "从项编码", "备注"],
              ["#1", "6小时", "甲", itemA, "乙", itemB, "甲含乙"], ["#2", "单次就诊", "乙", itemB, "甲", itemA, ""],
            ]
          )
        ]),
      try bench.workbook(
        "f.xlsx",
        [
          (
            "频次",
            [
              ["某年某月的表"], ["序号", "项目名称", "限制数量", "数量单位", "项目编码"], ["#1", "甲", "#24", "小时", itemA],
              ["#2", "乙", "２", "日", "００９９００００００２００００"], ["\u{1}合计"], ["\u{1}备注：本表参考执行。"],
            ]
          )
        ]),
      try bench.workbook(
        "i.xlsx",
        [("周期", [["项目代码", "项目名称", "频次上限", "疗程周期", "备注"], [itemA, "甲", "#1", "#15", ""]])]),
      try bench.workbook(
        "r.xlsx",
        [
          (
            "表",
            [
              ["序号", "项目名称", "备注", "项目代码"], ["#1", "甲", "总时间不超过90天，间隔不短于14天。", itemA],
              ["#2", "乙", "支付不超过一年，每周一次。", itemB],
            ]
          )
        ]),
    ]
    let report = try bench.importing(files)
    #expect(report.read.rejects.isEmpty)
    let shapes = Dictionary(report.read.points.map { ($0.id, $0.shape) }, uniquingKeysWith: { a, _ in a })
    #expect(
      shapes == [
        "5-item_duplicate-00001": .exclusion(other: itemB, window: KnowledgeWindow(6, .hour)),
        "5-item_duplicate-00002": .exclusion(other: itemA, window: KnowledgeWindow(1, .visit)),
        "5-item_frequency-00001": .ceiling(limit: 24, unit: .hours, window: KnowledgeWindow(1, .day)),
        "5-item_frequency-00002": .ceiling(limit: 2, unit: .times, window: KnowledgeWindow(1, .day)),
        "5-item_interval-00001": .ceiling(limit: 1, unit: .times, window: KnowledgeWindow(15, .day)),
        "5-item_course-00001": .ceiling(limit: 90, unit: .days, window: KnowledgeWindow(1, .course)),
        "5-item_course-00002": .ceiling(limit: 365, unit: .days, window: KnowledgeWindow(1, .course)),
      ])
    #expect(report.read.points.first { $0.id == "5-item_frequency-00002" }?.code == itemB)
  }

  @Test func sexAgeAndGroups() throws {
    let bench = try Bench()
    let report = try bench.importing([
      try bench.write(
        """
        项目名称,项目说明,国标代码,限定类型,限定值域
        甲,说明,\(itemA),限定性别对象,女
        甲,说明,\(itemA),限定年龄对象,新生儿
        甲,说明,\(itemA),限定主次操作,胃肠手术组
        甲,说明,\(itemA),限定主次操作,肝胆手术组

        """, "s.csv")
    ])
    #expect(
      report.read.points.map(\.shape) == [
        .age(group: "新生儿", minimum: nil, maximum: 28, unit: .day), .allowed(.sex, values: ["female"]),
        .replacement(group: "胃肠手术组", percent: nil), .replacement(group: "肝胆手术组", percent: nil),
      ])
  }

  /// Every shape comes back from the store as it went in.
  @Test func storeKeepsEveryShape() throws {
    let bench = try Bench()
    let report = try bench.importing([
      try bench.write(
        """
        class,code,name,values,minimum,maximum,unit,window,window_unit,other_code,text,basis,begndate,enddate
        drug_sex,\(drugA),"a,""b"" c",male,,,,,,,"t,1",文,2025-01-01,2025-12-31
        drug_newborn,\(drugA),,新生儿,,28,day,,,,,文,,
        drug_course,\(drugA),,,,14,days,1,course,,,文,,
        drug_interaction,\(drugA),,,,,,1,day,\(drugB),,文,,
        drug_second_line,\(drugA),,\(drugB)|\(drugC),,,,,,,,文,,
        item_package,\(itemA),,\(itemB),,,,,,,,文,,
        drug_diagnosis,\(drugA),,C34|C50,,,,,,,,文,,
        diagnosis_sex,O80,,female,,,,,,,,文,,
        surgery_discount,\(itemA),,组,,50,,,,,,文,,

        """, "points.csv")
    ])
    #expect(report.read.rejects.isEmpty)
    #expect(Set(report.read.points.map(\.shape.name)) == Set(KnowledgeShape.names))
    let again = try KnowledgeStore(folder: bench.path("store"))
    #expect(again.points == report.read.points)
    #expect(again.points.first { $0.classID == "drug_sex" }?.end == CivilTime.parseDay("2025-12-31"))
  }
}

@Suite struct BrokenInput {
  @Test(
    arguments: [
      ("", "blank-code"), ("NaN", "blank-code"), ("#N/A", "blank-code"), ("XA01AAA001A00101010000", "bad-code"),
      ("XA01AAA001A0010101000011", "bad-code"), ("AA01AAA001A001010100001", "bad-code"),
      ("XA01AAA001A00101010-001", "bad-code"), (drugA, "duplicate-code"),
    ])
  func oneBadCodeIsRejectedWithItsPlace(_ code: String, _ reason: String) throws {
    let bench = try Bench()
    var codes = levelCodes
    codes.insert(["甲片", "#9", code.hasPrefix("#") ? "\u{200B}" + code : code, "限定机构等级"], at: 2)
    let report = try bench.importing([try bench.workbook("w.xlsx", [("一", levelRecords), ("二", codes)])])
    #expect(
      report.read.rejects.map { [$0.sheet, String($0.row), $0.column ?? "", $0.code] } == [["二", "3", "国标代码", reason]])
    for count in report.read.counts { #expect(count.read == count.imported + count.rejected) }
    #expect(report.read.counts.first { $0.sheet == "二" }?.rejected == 1)
    #expect(report.read.points.count == 3)
  }

  @Test func aCodeKeptAsANumberIsNotRepaired() throws {
    let bench = try Bench()
    let report = try bench.importing([
      try bench.workbook(
        "w.xlsx",
        [("一", [["项目名称", "国标代码", "限定类型", "限定对象"], ["甲", "#3105120040000", "限定年龄对象", "儿童"]])])
    ])
    #expect(report.read.rejects.map(\.code) == ["bad-code"])
    #expect(report.read.rejects.first?.reason.contains("leading zeros") == true)
  }

  @Test func aRejectedRecordTakesItsCodesAlong() throws {
    let bench = try Bench()
    var records = levelRecords
    records[2][3] = "四级"
    records.append(["丙片", "", "限定机构等级", "二级"])
    let report = try bench.importing([try bench.workbook("w.xlsx", [("一", records), ("二", levelCodes)])])
    #expect(
      report.read.rejects.map { "\($0.sheet)\($0.row) \($0.code)" } == [
        "一3 unknown-value", "一4 no-code", "二4 no-record",
      ])
    #expect(report.read.counts.map(\.rejected) == [2, 1])
  }

  @Test func contradictionsGoBothAndTwiceNamedDrugsToo() throws {
    let bench = try Bench()
    let report = try bench.importing([
      try bench.write(
        "项目名称,国标代码,限定类型,限定性别\n甲,\(itemA),限定性别对象,女\n甲,\(itemA),限定性别对象,男\n乙,\(itemB),限定性别对象,男\n", "a.csv")
    ])
    #expect(report.read.rejects.map { "\($0.row) \($0.code)" } == ["2 contradiction", "3 contradiction"])
    #expect(report.read.points.map(\.code) == [itemB])
    var records = levelRecords
    records.append(["甲片", "别的", "限定机构等级", "三级"])
    let other = try bench.importing(
      [try bench.workbook("w.xlsx", [("一", records), ("二", levelCodes)])], store: "other")
    #expect(other.read.points.map(\.code) == [drugC])
    #expect(other.read.counts.map(\.rejected) == [2, 2])
  }

  @Test func damagedCsvRowsAreCounted() throws {
    let bench = try Bench()
    let report = try bench.importing([
      try bench.write("项目名称,国标代码,限定类型,限定性别\n甲,\(itemA),限定性别对象,女,多\n乙,\(itemB),限定性别对象,男\n", "a.csv")
    ])
    #expect(report.read.counts.map { [$0.read, $0.imported, $0.rejected] } == [[2, 1, 1]])
    #expect(report.read.rejects.map { "\($0.row) \($0.code)" } == ["2 bad-row"])
  }

  @Test func aFileThatIsNoneIsRefusedAndNothingIsWritten() throws {
    let bench = try Bench()
    let good = try bench.workbook("good.xlsx", [("一", levelRecords), ("二", levelCodes)])
    let bytes = try Data(contentsOf: URL(fileURLWithPath: good))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: bench.path("cut.xlsx")))
    try Data("oops".utf8).write(to: URL(fileURLWithPath: bench.path("text.xlsx")))
    let cases: [(String, String)] = [
      (bench.path("cut.xlsx"), "intake.truncated"), (bench.path("text.xlsx"), "knowledge.not-a-workbook"),
      (try bench.workbook("one.xlsx", [("一", levelRecords)]), "knowledge.missing-sheet"),
      (try bench.workbook("two.xlsx", [("二", levelCodes)]), "knowledge.missing-sheet"),
      (try bench.write("药品,代码\n甲,1\n", "unknown.csv"), "knowledge.unknown-layout"),
      (try bench.write("项目名称,国标代码,药品代码,限定类型,限定值\n甲,1,2,3,4\n", "twice.csv"), "knowledge.duplicate-column"),
      (try bench.workbook("empty.xlsx", [("一", [])]), "knowledge.no-table"),
      (bench.path("nowhere.xlsx"), "intake.unreadable"),
    ]
    for (file, code) in cases {
      let found = problems { () throws(Diagnostics) in try bench.importing([good, file]) }
      #expect(found.map(\.code) == [code], "\(file)")
    }
    #expect(!FileManager.default.fileExists(atPath: bench.path("store")))
  }

  @Test func anUnknownLayoutNamesTheNearest() throws {
    let bench = try Bench()
    let file = try bench.write("项目名称,限制数量,数量单位,编号\n甲,1,日,2\n", "near.csv")
    let found = problems { () throws(Diagnostics) in try bench.importing([file]) }
    #expect(found.first?.notes.first == "Nearest is frequency, which lacks 国标代码.")
  }

  @Test func anArchiveThatInflatesTooFarIsRefused() throws {
    let bench = try Bench()
    // 200 MB of blanks in one sheet: refused by its declared size, before it is inflated.
    let part = bench.path("xl/worksheets")
    try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
    #expect(FileManager.default.createFile(atPath: part + "/sheet1.xml", contents: Data(count: 0)))
    let handle = try #require(FileHandle(forWritingAtPath: part + "/sheet1.xml"))
    try handle.truncate(atOffset: 200 << 20)
    try handle.close()
    let zip = Process()
    zip.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    zip.currentDirectoryURL = URL(fileURLWithPath: bench.folder)
    zip.arguments = [
      "-c", "import zipfile; z=zipfile.ZipFile('bomb.xlsx','w',8); z.write('xl/worksheets/sheet1.xml'); z.close()",
    ]
    try zip.run()
    zip.waitUntilExit()
    try #require(zip.terminationStatus == 0)
    let found = problems { () throws(Diagnostics) in try bench.importing([bench.path("bomb.xlsx")]) }
    #expect(found.map(\.code) == ["intake.bomb"])
  }

  @Test(arguments: [
    "<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>1</v></c></row>",
    "<!DOCTYPE a [<!ENTITY e \"x\">]><worksheet><sheetData/></worksheet>", "",
  ])
  func damagedXMLIsAnError(_ text: String) {
    #expect(throws: Diagnostic.self) { try sheetRows(Array(text.utf8), [], "sheet") }
  }

  /// A number that no sheet has counts as none; the row after the largest is one more.
  @Test(arguments: [
    ("9223372036854775807", [1, 2]), ("0", [1, 2]), ("-5", [1, 2]), ("10000001", [1, 2]), ("x", [1, 2]),
    ("10000000", [10_000_000, 10_000_001]), ("7", [7, 8]),
  ])
  func rowNumbersStayWithinBounds(_ number: String, _ expected: [Int]) throws {
    let cell = "<c t=\"n\"><v>1</v></c>"
    let text =
      "<worksheet><sheetData><row r=\"\(number)\">\(cell)</row><row>\(cell)</row></sheetData></worksheet>"
    #expect(try sheetRows(Array(text.utf8), [], "sheet").map(\.number) == expected)
  }

  @Test func aSheetIsReadWithoutReferencesWithMergesAndRichText() throws {
    let strings = try sharedStrings(
      Array("<sst><si><r><t>甲</t></r><r><t>乙_x000A_</t></r><rPh><t>no</t></rPh></si></sst>".utf8), "strings")
    #expect(strings == ["甲乙\n"])
    let rows = try sheetRows(
      Array(
        """
        <x:worksheet xmlns:x="u"><x:sheetData><x:row><x:c t="s"><x:v>0</x:v></x:c><x:c t="inlineStr"><x:is><x:t>a&amp;b</x:t></x:is>
        </x:c></x:row><x:row r="3"><x:c r="B3"><x:v>7</x:v></x:c></x:row></x:sheetData><x:mergeCells><x:mergeCell ref="A1:A4"/>
        </x:mergeCells></x:worksheet>
        """.utf8), strings, "sheet")
    #expect(rows.map(\.number) == [1, 3])
    #expect(rows[0].cells == [0: Sheet.Cell(text: "甲乙\n"), 1: Sheet.Cell(text: "a&b")])
    #expect(rows[1].cells == [0: Sheet.Cell(text: "甲乙\n"), 1: Sheet.Cell(text: "7", isNumber: true)])
  }
}
