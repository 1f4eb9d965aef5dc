import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import Knowledge

private func levels(_ value: String, _ text: String = "限二级使用") -> [(String, [[String]])] {
  [("一", [levelRecords[0], ["甲片", text, "限定机构等级", value]]), ("二", Array(levelCodes[0...1]))]
}

@Suite struct Batches {
  @Test func batchAndDayAreAskedForNotGuessed() throws {
    let bench = try Bench()
    let file = try bench.workbook("w.xlsx", levels("二级"))
    #expect(
      problems { () throws(Diagnostics) in try bench.importing([file], batch: nil, published: nil) }.map(\.code) == [
        "knowledge.no-batch", "knowledge.no-date",
      ])
    var titled = levels("二级")
    titled[0].1.insert(["智能监管知识点（第十二批）"], at: 0)
    titled[0].1.insert(["发布日期：2025年8月1日"], at: 1)
    let named = try bench.workbook("named.xlsx", titled)
    let report = try bench.importing([named], batch: nil, published: nil)
    #expect(report.read.points.map(\.id) == ["12-drug_level-00001"])
    #expect(report.read.points.map(\.published) == [CivilTime.parseDay("2025-08-01")])
    #expect(
      problems { () throws(Diagnostics) in try bench.importing([named], batch: "5", published: "2025-08-01") }.map(
        \.code)
        == ["knowledge.batch-differs"])
  }

  @Test func aLaterBatchEndsAnEarlierOneAndChangesNothingOfIt() throws {
    let bench = try Bench()
    _ = try bench.importing([try bench.workbook("a.xlsx", levels("二级"))])
    let before = try bench.tree("store")
    let report = try bench.importing(
      [try bench.workbook("b.xlsx", levels("三级"))], batch: "9", published: "2026-01-10", from: "2026-02-01")
    #expect(
      report.limits.rows.map { [$0[0], $0[3], $0[9], $0[10]] } == [
        ["5-drug_level-00001", "2", "2025-08-01", "2026-01-31"], ["9-drug_level-00001", "3", "2026-02-01", nil],
      ])
    let after = try bench.tree("store")
    #expect(before["points/5-drug_level.csv"] == after["points/5-drug_level.csv"])
    let store = try KnowledgeStore(folder: bench.path("store"))
    let shown = try #require(showText(drugA, store, crosswalk: nil))
    #expect(shown.contains("valid      2025-08-01 to 2026-01-31, then superseded"))
    #expect(shown.contains("text       限二级使用"))
    #expect(showText(drugB, store, crosswalk: nil) == nil)
  }

  @Test func theOrderOfImportsDoesNotShow() throws {
    let bench = try Bench()
    let a = try bench.workbook("a.xlsx", levels("二级"))
    let b = try bench.workbook("b.xlsx", levels("三级"))
    let bad = try bench.write("项目名称,国标代码,限定类型,限定性别\n甲,,限定性别对象,女\n乙,\(itemB),限定性别对象,男\n", "c.csv")
    _ = try bench.importing([a], store: "x")
    _ = try bench.importing([b], batch: "9", published: "2026-01-10", store: "x")
    _ = try bench.importing([bad], batch: "7", published: "2025-09-01", store: "x")
    _ = try bench.importing([bad], batch: "7", published: "2025-09-01", store: "y")
    _ = try bench.importing([b], batch: "9", published: "2026-01-10", store: "y")
    _ = try bench.importing([a], store: "y")
    // Again changes nothing.
    _ = try bench.importing([a], store: "y")
    let (x, y) = (try bench.tree("x"), try bench.tree("y"))
    #expect(x.count == 8)
    #expect(x == y)
  }

  @Test func nothingIsOverwritten() throws {
    let bench = try Bench()
    let a = try bench.workbook("a.xlsx", levels("二级"))
    let b = try bench.workbook("b.xlsx", levels("三级"))
    _ = try bench.importing([a])
    let before = try bench.tree("store")
    #expect(problems { () throws(Diagnostics) in try bench.importing([b]) }.map(\.code) == ["knowledge.batch-exists"])
    #expect(
      problems { () throws(Diagnostics) in try bench.importing([a], batch: "6") }.map(\.code) == [
        "knowledge.batch-exists"
      ])
    #expect(
      problems { () throws(Diagnostics) in try bench.importing([a, b], store: "new") }.map(\.code)
        == ["knowledge.class-twice"])
    #expect(try bench.tree("store") == before)
  }

  @Test func aDamagedStoreIsNotRead() throws {
    let bench = try Bench()
    _ = try bench.importing([try bench.workbook("a.xlsx", [("一", levelRecords), ("二", levelCodes)])])
    let path = bench.path("store/points/5-drug_level.csv")
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    try (lines.dropLast().joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: Diagnostic.self) { try KnowledgeStore(folder: bench.path("store")) }
  }

  @Test func diffSaysWhatIsNewGoneAndOtherwise() throws {
    let bench = try Bench()
    let a = try bench.importing([try bench.workbook("a.xlsx", [("一", levelRecords), ("二", levelCodes)])]).read.points
    var records = levelRecords
    records[1][3] = "三级"
    let fewer = try bench.workbook("b.xlsx", [("一", Array(records[0...1])), ("二", Array(levelCodes[0...1]))])
    let b = try bench.importing([fewer], store: "b").read.points
    // By class and code, in byte order.
    #expect(
      diffText(a, b) == """
        ~ drug_level \(drugA) 甲片: hosp_lv: 2 → hosp_lv: 3
        - drug_level \(drugC) 乙片: hosp_lv: 3
        - drug_level \(drugB) 甲片: hosp_lv: 2
        0 added, 2 removed, 1 changed, 0 the same

        """)
    #expect(diffText(b, a).hasSuffix("2 added, 0 removed, 1 changed, 0 the same\n"))
  }
}

@Suite struct LocalCodes {
  @Test func aCrosswalkIsAppliedAndWhatItLacksIsCounted() throws {
    let bench = try Bench()
    let file = try bench.workbook("a.xlsx", [("一", levelRecords), ("二", levelCodes)])
    let crosswalk = try bench.write(
      """
      national_code,local_code,admdvs,begndate,enddate
      \(drugA),LOCAL1,320000,2025-01-01,2025-12-31
      \(drugA),LOCAL2,330000,2025-01-01,
      \(drugB),LOCAL3,,2025-01-01,2025-07-31
      \(drugB),,320000,2025-01-01,
      \(drugB),LOCAL4,32,2025-01-01,
      \(drugB),LOCAL5,,yesterday,

      """, "cross.csv")
    let report = try bench.importing([file], crosswalk: crosswalk, region: "320100")
    let local = report.limits.rows.filter { $0[0]?.contains("~") == true }
    #expect(local.map { [$0[1], $0[9], $0[10]] } == [["LOCAL1", "2025-08-01", "2025-12-31"]])
    #expect(report.limits.rows.count == 4)
    #expect(report.crosswalkRejected.map(\.line) == [5, 6, 7])
    let coverage = try #require(report.coverage)
    #expect(coverage.classes.map { [$0.covered, $0.uncovered] } == [[2, 1]])
    #expect(coverage.uncovered.map(\.code) == [drugC])
    let uncovered = try String(contentsOfFile: bench.path("store/uncovered.csv"), encoding: .utf8)
    #expect(uncovered == "class,code,name\ndrug_level,\(drugC),乙片\n")
    // Kept: an import without files writes the same table from the store's own crosswalk.
    let before = try bench.tree("store")
    _ = try bench.importing([], region: "320100")
    #expect(try bench.tree("store") == before)
    let shown = showText(
      "local1", try KnowledgeStore(folder: bench.path("store")), crosswalk: try Crosswalk(path: crosswalk))
    #expect(shown?.contains("5-drug_level-00001") == true)
  }

  @Test func aCrosswalkWithoutItsColumnsIsRefused() throws {
    let bench = try Bench()
    let file = try bench.workbook("a.xlsx", levels("二级"))
    let crosswalk = try bench.write("national_code,local\na,b\n", "cross.csv")
    #expect(
      problems { () throws(Diagnostics) in try bench.importing([file], crosswalk: crosswalk) }.map(\.code)
        == ["knowledge.crosswalk"])
  }
}

@Suite struct CellTexts {
  @Test(
    arguments: [("14", 14), ("１４", 14), ("14.0", 14), ("14.5", nil), ("-1", nil), ("", nil), ("1e3", nil)]
      as [(String, Int?)])
  func wholeNumbers(_ text: String, _ number: Int?) { #expect(wholeNumber(text) == number) }

  @Test(
    arguments: [
      ("第五批", "5"), ("知识点（第 12 批）", "12"), ("第二十一批", "21"), ("第十批", "10"), ("分批", nil), ("第五类", nil),
    ] as [(String, String?)])
  func batchNames(_ text: String, _ batch: String?) { #expect(batchNamed(in: text) == batch) }

  @Test(
    arguments: [
      ("发布日期：2025年8月1日", "2025-08-01"), ("公布时间:2025-08-01", "2025-08-01"), ("2025年8月1日起执行", nil),
      ("发布日期：2025年13月1日", nil),
    ] as [(String, String?)])
  func publicationDays(_ text: String, _ day: String?) {
    #expect(publicationDay(in: text).map { CivilTime.text(day: $0) } == day)
  }
}

@Suite struct ShippedKnowledge {
  let wordings = project.appendingPathComponent("Pipelines/knowledge/wordings/plain.csv").path

  @Test func theStartBaseIsTakenWhole() throws {
    let bench = try Bench()
    let report = try importKnowledge(
      KnowledgeImportRequest(
        files: [project.appendingPathComponent("Pipelines/knowledge/points/start.csv").path], store: bench.path("s"),
        wordings: wordings))
    #expect(report.read.rejects.isEmpty)
    #expect(report.read.points.count == 34)
    #expect(report.read.points.allSatisfy { $0.basis != nil && $0.text != nil })
    // Glycated haemoglobin: once in 15 days.
    #expect(
      report.read.points.first { $0.code == "002503020030000" }?.shape
        == .ceiling(limit: 1, unit: .times, window: KnowledgeWindow(15, .day)))
    #expect(!FileManager.default.fileExists(atPath: bench.path("s/tables/hilist_lmt_b.csv")))
  }

  /// A wording with a condition, an exception or another value must never be on the list.
  @Test(arguments: [
    ("hosp_lv", "2", "限二级及以上医疗机构癌症患者。"), ("hosp_lv", "3", "限二级及以上医疗机构使用"), ("visit", "inpatient", "限急诊或住院患者。"),
    ("hosp_lv", "2", "限二级及以上医疗机构或专科医院使用"), ("insutype", "maternity", "工伤保险目录用药"),
  ])
  func doubtfulWordingsAreNotPlain(_ type: String, _ value: String, _ text: String) throws {
    let list = try PlainWordings(path: wordings)
    #expect(!list.isPlain(text, type: type, value: value))
    #expect(list.isPlain("限二级及以上医疗机构使用", type: "hosp_lv", value: "2"))
  }
}

private let published = project.appendingPathComponent("../shared/data/two-libraries").standardizedFileURL.path

/// Counted with another reader (a zip and XML library of another language).
@Suite(
  .enabled(
    if: FileManager.default.fileExists(atPath: published), "the published workbooks are not on this machine"))
struct PublishedWorkbooks {
  @Test(
    arguments: [
      ("01-drug-age", "1", [282, 4398], ["drug_child": 4398]), ("01-drug-sex", "1", [481, 6472], ["drug_sex": 6472]),
      ("01-item-age", "1", [30], ["item_child": 30]), ("01-item-sex", "1", [390], ["item_sex": 390]),
      ("02-surgery-discount", "2", [378], ["surgery_discount": 378]),
      ("03-drug-insurance-type", "3", [12, 112], ["drug_injury": 85, "drug_maternity": 27]),
      ("04-drug-visit-type", "4", [35, 736], ["drug_visit": 736]),
      ("05-drug-hospital-level", "5", [61, 962], ["drug_level": 962]),
      ("06-drug-course", "6", [30, 1147], ["drug_course": 1147]),
      ("07-item-duplicate-charge", "7", [900], ["item_duplicate": 900]), ("08-item-age", "8", [1], ["item_age": 1]),
      ("08-item-course", "8", [11], ["item_course": 11]),
      ("08-item-daily-frequency", "8", [67], ["item_frequency": 67]),
      ("08-item-interval", "8", [14], ["item_interval": 14]),
    ] as [(String, String, [Int], [String: Int])])
  func everyRowIsTaken(_ name: String, _ batch: String, _ rows: [Int], _ points: [String: Int]) throws {
    let read = try readPoints(
      [try Workbook.read("\(published)/\(name).xlsx")],
      options: KnowledgeImportOptions(batch: batch, published: CivilTime.parseDay("2025-08-01")))
    #expect(read.counts.map(\.read) == rows)
    #expect(read.counts.map(\.imported) == rows)
    #expect(read.rejects.isEmpty)
    #expect(Dictionary(grouping: read.points, by: \.classID).mapValues(\.count) == points)
  }

  /// 28 of 61 wordings of the level list, with 743 of 962 codes, say the level and nothing else.
  @Test func onlyPlainWordingsAreSure() throws {
    let bench = try Bench()
    let report = try importKnowledge(
      KnowledgeImportRequest(
        files: ["\(published)/05-drug-hospital-level.xlsx"], store: bench.path("s"),
        options: KnowledgeImportOptions(batch: "5", published: CivilTime.parseDay("2025-08-01")),
        wordings: project.appendingPathComponent("Pipelines/knowledge/wordings/plain.csv").path))
    #expect(report.limits.rows.count == 962)
    #expect(report.limits.sureRows == 743)
    #expect(report.limits.wordings.count { !$0.isSure } == 23)
    #expect(report.limits.wordings.filter(\.isSure).map(\.text) == ["限二级及以上医疗机构。"])
  }

  /// One course list says 14 days in words and 15 as value.
  @Test func aWordingThatDiffersFromItsValueIsShown() throws {
    let read = try readPoints(
      [try Workbook.read("\(published)/06-drug-course.xlsx")],
      options: KnowledgeImportOptions(batch: "6", published: CivilTime.parseDay("2025-08-01")))
    #expect(read.remarks.map(\.code) == ["knowledge.text-differs"])
    #expect(read.remarks.first?.place.line == 28)
  }
}
