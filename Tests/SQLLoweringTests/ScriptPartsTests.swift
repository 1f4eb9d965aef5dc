import RulePacks
import SQLLowering
import Testing

/// `yijian sql --part`: the parts are what the whole script is made of.
@Suite struct ScriptParts {
  @Test(arguments: Dialect.all.map(\.id)) func areTheWholeScriptTogether(_ id: String) throws {
    let dialect = try #require(Dialect.all.first { $0.id == id })
    for rule in DifferentialTests.rules {
      let lines = { (part: ScriptPart) in
        try scriptSQL(rule, dialect: dialect, part: part).split(separator: "\n")
      }
      let titles: Set<Substring> = [
        "-- \(dialect.name)", "-- \(rule.id) v\(rule.version) · \(dialect.name)", "-- ==== 二、规则 · The rule ====",
      ]
      let parts = try lines(.prelude) + lines(.rule)
      #expect(try lines(.all).filter { !titles.contains($0) } == parts.filter { !titles.contains($0) }, "\(rule.id)")
    }
  }

  @Test func preludeIsTheSameForEveryRule() throws {
    let rules = DifferentialTests.rules
    #expect(rules.count > 1)
    for dialect in Dialect.all {
      let texts = try Set(rules.map { try scriptSQL($0, dialect: dialect, part: .prelude) })
      #expect(texts.count == 1, "\(dialect.name)")
    }
  }
}
