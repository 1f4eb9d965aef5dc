import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import RulePacks

/// The repository's root, for the files that ship.
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path()

@Suite struct ShippedRules {
  @Test func theTenRulesLoadWithoutARemark() throws {
    let pack = try loadRulePacks(
      folders: [root + "Pipelines/rules"], exemptFolder: root + "Pipelines/exempt", lawFolder: root + "Pipelines/law")
    #expect(
      pack.rules.map(\.id) == [
        "ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04",
      ])
    #expect(pack.warnings.map(\.description) == [])
  }

  /// What travels in packets is what was read, and each text is that of its rule's digest.
  @Test func thePackHoldsTheTextOfEachRule() throws {
    let pack = try loadRulePacks(folders: [root + "Pipelines/rules"])
    #expect(pack.texts.keys.sorted() == pack.rules.map(\.id))
    for rule in pack.rules {
      let text = try #require(pack.texts[rule.id])
      #expect(text == (try String(contentsOfFile: rule.path, encoding: .utf8)))
      #expect(SHA256Hasher.hex(of: text) == rule.digest)
    }
  }
}

@Suite struct ShippedTestFiles {
  @Test(arguments: [
    "ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04",
  ])
  func everyRuleHasTests(_ rule: String) throws {
    let path = root + "Pipelines/rules/\(rule).test.yml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let file = try RuleTestFile(text: text, path: path)
    #expect(file.rule == rule)
    #expect(file.tests.reduce(0) { $0 + $1.fires.count } >= 3)
    #expect(file.tests.reduce(0) { $0 + $1.silent.count } >= 3)
    #expect(file.tests.allSatisfy { !$0.tables.isEmpty })
  }
}
