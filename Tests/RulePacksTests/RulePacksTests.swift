import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import RulePacks

/// The repository's root, for the files that ship.
let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path()

@Suite struct ShippedRules {
  @Test func theFiveRulesLoadWithoutARemark() throws {
    let pack = try loadRulePacks(
      folders: [root + "Pipelines/rules"], exemptFolder: root + "Pipelines/exempt", lawFolder: root + "Pipelines/law")
    #expect(pack.rules.map(\.id) == ["ADM-01", "ADM-02", "CAT-01", "CAT-03", "CHR-04"])
    #expect(pack.warnings.map(\.description) == [])
  }
}
