import Foundation
import Testing

/// A refuted finding becomes a test that its rule must stay silent.
@Suite struct SilentTestTests {
  @Test func aFindingOfEachRuleIsReducedToATestThatFails() throws {
    let run = try Samples.run("planted")
    let findings = try run.table("2025-W11", "findings.csv")
    let rules = try Scratch.folder("silent") + "/rules"
    try FileManager.default.copyItem(atPath: Project.root + "/Pipelines/rules", toPath: rules)
    let personal = try PersonalValueTests().personalValues("planted")
    for rule in ["ADM-01", "ADM-02", "CAT-01", "CAT-03", "CHR-04"] {
      let row = try #require(findings.rows.first { $0["rule"] == rule })
      let id = try #require(row["finding_id"])
      let path = rules + "/\(rule).test.yml"
      let before = try String(contentsOfFile: path, encoding: .utf8)
      let arguments = [
        "test", rules, "--from-finding", id, "--pipeline", Project.pipeline, "--store", run.store, "--registries",
        Project.sample("planted") + "/registries",
      ]
      let saved = try yijian(arguments)
      #expect(saved.code == 0, "\(saved.out)\(saved.err)")
      #expect(saved.out.contains("It fails until \(rule) stays silent"))

      let after = try String(contentsOfFile: path, encoding: .utf8)
      let added = after.split(separator: "\n").filter { !before.contains($0) }.joined(separator: "\n")
      // What stood there still stands there, line by line.
      let kept = before.split(separator: "\n")
      #expect(after.split(separator: "\n").prefix(10) == kept.prefix(10) && after.count > before.count)
      #expect(PersonalValueTests().leaks(added, personal) == 0)
      for column in ["psn_no", "fixmedins_code", "subject"] {
        if let value = row[column], !value.isEmpty { #expect(!added.contains(value)) }
      }

      let test = try yijian(["test", path, "--run", "^refuted "])
      #expect(test.code == 1)
      #expect(test.out.contains("FAIL \(rule): refuted \(id)"))
      #expect(test.out.contains("must stay silent, but there is a finding with key"))
      #expect(try yijian(["test", path, "--run", "^(?!refuted)"]).code == 0)
      // The same name twice would be two tests of one name.
      #expect(try yijian(arguments).code == 65)
    }
  }

  @Test func anUnknownFindingIsSaid() throws {
    let run = try Samples.run("planted")
    let outcome = try yijian([
      "test", Project.root + "/Pipelines/rules", "--from-finding", "CAT-01-0000000000000000", "--pipeline",
      Project.pipeline, "--store", run.store,
    ])
    #expect(outcome.code == 2)
    #expect(outcome.err.contains("explain.unknown"))
  }
}
