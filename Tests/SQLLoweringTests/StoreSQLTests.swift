import ClaimModel
import RulePacks
import Testing

@testable import SQLLowering

/// The script that Spark runs over a store. What it finds is compared by `make test-engines`.
@Suite struct StoreSQLTests {
  @Test func tablesOfAScriptAreReadFromItsStatements() {
    let script = """
      -- CACHE TABLE no AS SELECT 1;
      CACHE TABLE `a b` AS
      SELECT ';' AS x, 'it\\'s; -- no' AS y FROM t; /* ; */ CREATE INDEX i ON t (x);
      CACHE TABLE c AS SELECT * FROM `a b` -- end
      WHERE 1 = 1
      """
    #expect(
      scriptTables(script, .spark) == [
        ScriptTable(name: "a b", query: "SELECT ';' AS x, 'it\\'s; -- no' AS y FROM t"),
        ScriptTable(name: "c", query: "SELECT * FROM `a b` \nWHERE 1 = 1"),
      ])
  }

  @Test func namesOfColumnsAndTextsAreNoTables() {
    let names: Set<String> = ["line", "stay", "visit", "R rows"]
    #expect(tablesRead(by: "SELECT x.line, 'visit' FROM stay x, `R rows` y", among: names) == ["stay", "R rows"])
    #expect(tablesRead(by: "SELECT `line.id` FROM line_kept", among: names) == [])
    #expect(
      columnsRead(of: "r", by: "SELECT r.`a b`, r.c, or.`d`, `r.e`, 'r.`f`' FROM x WHERE r.`g.h` = 1") == [
        "a b", "g.h",
      ])
  }

  /// Every table is made before it is read, and read by somebody.
  @Test func tablesStandInOrderAndNoneIsUnused() throws {
    let rules = DifferentialTests.rules
    let script = try storeScript(
      rules: rules, whole: ["ADM-09"],
      columns: Dictionary(uniqueKeysWithValues: ClaimTable.allCases.map { ($0, Set($0.columns.map(\.name))) }),
      thin: [ThinRows(entity: .stay, columns: ["mdtrt_id", "begin_day"], parents: [.visit])], listed: 7)
    let names = Set(script.tables.map(\.name))
    #expect(names.count == script.tables.count)
    var made: Set<String> = []
    var read: Set<String> = []
    for table in script.tables {
      let needs = tablesRead(by: table.query, among: names.subtracting([table.name]))
      #expect(needs.isSubset(of: made), "\(table.name) needs \(needs.subtracting(made))")
      made.insert(table.name)
      read.formUnion(needs)
    }
    for output in script.outputs { read.formUnion(tablesRead(by: output.query, among: names)) }
    #expect(read == names)
    #expect(
      script.outputs.filter { $0.name.hasPrefix("findings ") }.map(\.name) == rules.map { "findings " + $0.id }.sorted()
    )
    let thin = try #require(script.outputs.first { $0.name == "thin stay" })
    #expect(thin.columns.map(\.name) == ["mdtrt_id", "begin_day", "parent visit"])
    #expect(thin.columns.map(\.isText) == [true, false, true])
    // A number that is made anew for each reader would be another one.
    for table in script.tables where table.query.contains("monotonically_increasing_id") { #expect(table.isKept) }
    // No machine is to see all rows in order.
    for table in script.tables { #expect(!table.query.contains("OVER (ORDER BY"), "\(table.name)") }
  }

  @Test func columnsThatNoRuleReadsAreNotReadFromParts() throws {
    let script = try storeScript(
      rules: [], whole: [], columns: [.feeLines: ["mdtrt_id", "bkkp_sn", "psn_no", "setl_id", "updt_time", "cnt"]],
      thin: [], listed: 1)
    let lines = try #require(script.tables.first { $0.name == "all fee_list_d" }).query
    #expect(lines.contains("CAST(r.cnt * 10000 AS BIGINT) AS cnt"))
    #expect(lines.contains("unix_seconds(CAST(r.updt_time AS TIMESTAMP)) AS updt_time"))
    #expect(!lines.contains("bilg_dr_code"))
  }
}
