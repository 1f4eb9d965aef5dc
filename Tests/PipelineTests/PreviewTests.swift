import Foundation
import Testing

/// `yijian preview` and `yijian rules` over the planted sample.
@Suite struct PreviewTests {
  /// CHR-04 as shipped, changed.
  func version(_ change: (String) -> String) throws -> String {
    let path = try Scratch.folder("version") + "/CHR-04.yml"
    let original = text(of: Project.root + "/Pipelines/rules/CHR-04.yml")
    let changed = change(original)
    #expect(changed != original)
    try write(changed, to: path)
    return path
  }

  func preview(_ rule: String, against: String? = nil, more: [String] = []) throws -> Outcome {
    let run = try Samples.planted.get()
    return try yijian(
      [
        "preview", rule, "--against", against ?? run.store, "--pipeline", Project.pipeline, "--registries",
        Project.sample("planted") + "/registries",
      ] + more)
  }

  static func findings() throws -> [[String: String]] {
    try Samples.planted.get().table("2025-W11", "findings.csv").rows.filter {
      $0["rule"] == "CHR-04" && $0["state"] != "withdrawn"
    }
  }

  func figures(_ page: String, _ name: String) -> [Int] {
    let line = page.split(separator: "\n").first { $0.hasPrefix(name + " ") } ?? ""
    return line.split(separator: " ").dropFirst().compactMap { Int($0) }
  }

  static func sum(_ rows: [[String: String]], _ column: String) -> Int {
    rows.reduce(0) { $0 + (Int($1[column] ?? "") ?? 0) }
  }

  @Test func theSameRuleFindsWhatTheRunFound() throws {
    let rows = try Self.findings()
    let outcome = try preview(Project.root + "/Pipelines/rules/CHR-04.yml")
    #expect(outcome.code == 0, "\(outcome.err)")
    let all = [rows.count, Self.sum(rows, "amount_fen"), Self.sum(rows, "fund_fen")]
    #expect(figures(outcome.out, "now") == all)
    #expect(figures(outcome.out, "before") == all)
    #expect(figures(outcome.out, "same") == all)
    for name in ["new", "gone", "changed"] { #expect(figures(outcome.out, name) == [0, 0, 0]) }
  }

  /// Without days of grace no finding is a lead any more: those that were are changed, no other is.
  @Test func aNarrowerParameterChangesTheLeads() throws {
    let leads = try Self.findings().filter { $0["verdict"] == "线索" }
    #expect(leads.count >= 2)
    let narrow = try version { $0.replacingOccurrences(of: "grace_days: {value: 30", with: "grace_days: {value: 0") }
    let outcome = try preview(narrow)
    #expect(figures(outcome.out, "changed").first == leads.count)
    #expect(figures(outcome.out, "new").first == 0)
    for lead in leads { #expect(outcome.out.contains("\(lead["finding_id"] ?? "")  \(lead["setl_ids"] ?? "")")) }
    #expect(outcome.out.contains("线索 → 可疑"))
  }

  /// Two versions of one file, in either direction: what one has more is new, then gone.
  @Test func anotherVersionOfTheFileIsCompared() throws {
    let shipped = Project.root + "/Pipelines/rules/CHR-04.yml"
    let leads = try Self.findings().filter { $0["verdict"] == "线索" }
    let strict = try version {
      $0.replacingOccurrences(of: "where: reg IS MISSING", with: "where: reg IS MISSING AND near IS MISSING")
    }
    let there = try preview(strict, more: ["--previous", shipped])
    #expect(figures(there.out, "gone") == [leads.count, Self.sum(leads, "amount_fen"), Self.sum(leads, "fund_fen")])
    let back = try preview(shipped, more: ["--previous", strict])
    #expect(figures(back.out, "new") == figures(there.out, "gone"))
  }

  /// The findings.csv of a run's folder is enough to compare with; the claims are those of the store.
  @Test func aRunFolderIsCompared() throws {
    let run = try Samples.planted.get()
    let outcome = try preview(
      Project.root + "/Pipelines/rules/CHR-04.yml", against: run.output + "/2025-W11", more: ["--store", run.store])
    #expect(outcome.code == 0)
    #expect(figures(outcome.out, "same").first == (try Self.findings().count))
    #expect(!outcome.out.contains("remark"))
    let older = try preview(
      Project.root + "/Pipelines/rules/CHR-04.yml", against: run.output + "/2025-W10", more: ["--store", run.store])
    #expect(older.out.contains("the folder is not that of the store's last run"))
  }

  /// A key may hold a person's number; it is printed only when asked for.
  @Test func personNumbersAreLeftOutOfKeys() throws {
    let rule = try version {
      $0.replacingOccurrences(of: "key: [settlement.setl_id]", with: "key: [settlement.psn_no, settlement.setl_id]")
    }
    let persons = Set(try Self.findings().compactMap { $0["psn_no"] })
    #expect(!persons.isEmpty)
    let masked = try preview(rule, more: ["--all"])
    let shown = try preview(rule, more: ["--all", "--show-persons"])
    for person in persons {
      #expect(!masked.out.contains(person))
      #expect(shown.out.contains(person))
    }
  }

  @Test func nothingIsWritten() throws {
    let run = try Samples.planted.get()
    let before = Set(files(in: run.store).filter { !$0.hasSuffix("-shm") && !$0.hasSuffix("-wal") })
    _ = try preview(Project.root + "/Pipelines/rules/CHR-04.yml")
    #expect(Set(files(in: run.store).filter { !$0.hasSuffix("-shm") && !$0.hasSuffix("-wal") }) == before)
  }

  @Test func mistakesAreRefused() throws {
    let broken = try version { $0.replacingOccurrences(of: "settlement.reg_flag", with: "settlement.reg_flg") }
    #expect(try preview(broken).code == 65)
    #expect(try preview(broken + "x").code == 64)
    let shipped = Project.root + "/Pipelines/rules/CHR-04.yml"
    #expect(try preview(shipped, against: try Scratch.folder("empty")).code == 64)
    #expect(try preview(shipped, more: ["--previous", Project.root + "/Pipelines/rules/CAT-01.yml"]).code == 64)
  }

  @Test func theCatalogueNamesEveryRule() throws {
    let outcome = try yijian(["rules", Project.pipeline])
    #expect(outcome.code == 0)
    let lines = outcome.out.split(separator: "\n")
    let ids = try FileManager.default.contentsOfDirectory(atPath: Project.root + "/Pipelines/rules")
      .filter { $0.hasSuffix(".yml") && !$0.hasSuffix(".test.yml") }.map { String($0.dropLast(4)) }.sorted()
    #expect(lines.dropFirst().map { String($0.prefix { $0 != " " }) } == ids)
  }

  @Test(arguments: ["summary", "text", "form", "sql"])
  func oneRuleIsShown(as form: String) throws {
    let outcome = try yijian(["rules", "CHR-04", "--pipeline", Project.pipeline, "--as", form])
    #expect(outcome.code == 0, "\(outcome.err)")
    let expected =
      switch form {
      case "text": text(of: Project.root + "/Pipelines/rules/CHR-04.yml")
      case "form": "where: reg IS MISSING\n"
      case "sql": "CREATE TEMP TABLE \"CHR-04 rows\""
      default: "  grace_days  30  2025-01-01  "
      }
    #expect(outcome.out.contains(expected))
  }

  @Test func anUnknownRuleIsRefused() throws {
    let outcome = try yijian(["rules", "CHR-99", "--pipeline", Project.pipeline])
    #expect(outcome.code == 64)
    #expect(outcome.err.contains("usage.no-rule"))
  }
}
