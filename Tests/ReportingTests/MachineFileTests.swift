import ClaimModel
import Foundation
import Testing

@testable import Reporting

@Suite struct MachineFileTests {
  @Test func findingsAreWrittenInFullAndSorted() {
    let records = [
      finding("B-2", rule: "B", .lead, explanation: "共 2 次,见明细"),
      finding("B-10", rule: "B", .definite, amount: 12_345, fund: -7, state: .withdrawn, counted: 9, caseID: "C1"),
    ]
    let expected = """
      finding_id,rule,rule_version,verdict,severity,subject_type,subject,psn_no,fixmedins_code,setl_ids,line_ids,\
      from_date,to_date,measure,threshold,amount_fen,fund_fen,counted_fen,case_id,state,first_batch,explanation
      B-10,B,1,明确违规,high,institution,H34010000123,34010000000000100017,H34010000123,S1|S2,M1:1,2025-03-03,,2,,12345,\
      -7,9,C1,withdrawn,2025-W10,说明
      B-2,B,1,线索,high,institution,H34010000123,34010000000000100017,H34010000123,S1|S2,M1:1,2025-03-03,,2,,0,0,0,,\
      new,2025-W10,"共 2 次,见明细"

      """
    #expect(MachineFiles.findings(records) == expected)
  }

  @Test func rejectsAreSortedByLineAsANumber() {
    func reject(_ file: String, _ line: Int, _ action: Reject.Action = .rejected, column: String? = nil) -> Reject {
      Reject(
        file: file, table: "setl_d", line: line, byteOffset: line * 10, column: column, code: "short-row",
        reason: "98 of 101 fields", action: action)
    }
    #expect(
      rejectsCSV([reject("b", 2), reject("a", 10, column: "cnt"), reject("a", 9, .setAside)]) == """
        file,table,line,byte_offset,column,code,reason,action
        a,setl_d,9,90,,short-row,98 of 101 fields,set_aside
        a,setl_d,10,100,cnt,short-row,98 of 101 fields,rejected
        b,setl_d,2,20,,short-row,98 of 101 fields,rejected

        """)
  }

  @Test func onlyTheFirstThousandOfACodeAreListedUnlessRejected() {
    let nulled = (1...1200).reversed().map {
      Reject(
        file: "a", table: "setl_d", line: $0, byteOffset: 0, column: "brdy", code: "bad-date", reason: "r",
        action: .nulled)
    }
    let lines = rejectsCSV(nulled).split(separator: "\n")
    #expect(lines.count == 1001)
    #expect(lines.last?.hasPrefix("a,setl_d,1000,") == true)
    let rejected = nulled.map {
      var r = $0
      r.action = .rejected
      return r
    }
    #expect(rejectsCSV(rejected).split(separator: "\n").count == 1201)
  }

  /// A file of damaged rows alone is written a part after the other, and no part is lost.
  @Test func manyRowsAreWrittenInParts() throws {
    let rows = (1...40_000).map {
      Reject(
        file: "a", table: "setl_d", line: $0, byteOffset: $0 * 3, column: nil, code: "short-row", reason: "字段太少",
        action: .rejected)
    }
    var parts: [[UInt8]] = []
    MachineFiles.rejects(Rejects(rows)) { parts.append($0) }
    #expect(parts.count > 1)
    let lines = rows.map { "a,setl_d,\($0.line),\($0.byteOffset),,short-row,字段太少,rejected\n" }
    #expect(
      String(decoding: parts.joined(), as: UTF8.self)
        == "file,table,line,byte_offset,column,code,reason,action\n" + lines.joined())
  }

  private func rejectsCSV(_ rejects: [Reject]) -> String {
    var bytes: [UInt8] = []
    MachineFiles.rejects(Rejects(rejects)) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// 3 × (2^63 − 1) of one rule stand in full.
  @Test func sumsBeyond64BitsStandInFull() {
    var model = sampleModel()
    var coverage = RuleCoverage(rule: "A", ruleVersion: 1, status: .run)
    coverage.amountFen = 3 * Int128(Int64.max)
    coverage.fundFen = -3 * Int128(Int64.max)
    #expect(
      MachineFiles.coverage([coverage]).contains("A,1,run,,0,0,0,0,0,27670116110564327421,-27670116110564327421\n"))
    model.fundPaidFen = 3 * Int128(Int64.max)
    model.totalCountedFen = 3 * Int128(Int64.max)
    let json = model.runJSON()
    #expect(json.contains("\"fund_paid_fen\": 27670116110564327421,"))
    #expect(json.contains("\"counted_fen\": 27670116110564327421,"))
  }

  @Test(arguments: [
    (RuleObstacle.off(status: "draft"), "status draft"), (.missingRegistry("hilist_b"), "hilist_b is missing"),
    (.emptyRegistry("hilist_b"), "hilist_b has no rows"),
    (.incompleteTable(.settlements, batch: "2025-W10~2"), "setl_d is incomplete: batch 2025-W10~2 is incomplete"),
    (
      .hardlyFilled(column: "cnt", percent: 75, rows: 1204, floor: 76),
      "cnt is filled in 75 % of 1204 rows in scope, below 76 %"
    ), (.overflow, "overflow"),
  ])
  func anAnalystReadsWhyARuleDidNotRun(_ obstacle: RuleObstacle, _ text: String) {
    let coverage = RuleCoverage(rule: "A", ruleVersion: 1, status: .notRunnable, obstacle: obstacle)
    #expect(
      MachineFiles.coverage([coverage]).contains("A,1,not_runnable,\(text.contains(",") ? "\"\(text)\"" : text),0,"))
  }

  @Test func coverageHasARowARule() {
    #expect(
      MachineFiles.coverage(sampleModel().coverage) == """
        rule,rule_version,status,reason,rows_in_scope,rows_evaluated,rows_unevaluable,findings,suppressed,amount_fen,\
        fund_fen
        ADM-02,1,not_runnable,fee_list_d is incomplete: batch 2025-W10 is incomplete,0,0,0,0,0,0,0
        CAT-01,1,run,,250003,249001,1002,1,43,0,0

        """)
  }

  @Test func suppressedRowsAreSorted() {
    let one = sampleModel().suppressions[0]
    var two = one
    two.exemption = "EX-04"
    #expect(
      MachineFiles.suppressed([two, one]) == """
        finding_id,rule,exemption,subject_type,subject,evidence
        ADM-01-x,ADM-01,EX-01,institution,H1,dscg_way
        ADM-01-x,ADM-01,EX-04,institution,H1,dscg_way

        """)
  }

  @Test func orderIsOfBytesNotOfLetters() {
    // Å as one scalar and as two are equal to Swift's String; their bytes are not.
    #expect(
      ["\u{C5}", "A\u{30A}", "B", "a"].sortedByBytes().map { Array($0.utf8) } == [
        [0x41, 0xCC, 0x8A], [0x42], [0x61], [0xC3, 0x85],
      ])
  }

  @Test func runJSONIsReadableSortedAndWhole() throws {
    let text = sampleModel().runJSON()
    let json = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(json["schema_version"] as? Int == 1)
    #expect(json["run_id"] as? String == "2025-W11~2-0a1b2c3d")
    #expect(json["as_of"] as? String == "2025-03-16")
    let tables = try #require(json["tables"] as? [String: [String: Any]])
    #expect(tables["setl_d"]?["read"] as? Int == 20_011)
    #expect(tables["setl_d"]?["set_aside"] as? [String: Int] == ["refunded": 600, "refund": 400])
    #expect((json["total"] as? [String: Any])?["read"] as? Int == 330_016)
    #expect((json["older"] as? [String: [String: Int]]) == ["setl_d": ["refunded_by_other": 13]])
    let digests = try #require(json["digests"] as? [String: Any])
    #expect(digests["files"] as? [String: String] == ["setl_d_1.csv.gz": "f1aa"])
    let stage = try #require((json["stages"] as? [[String: Any]])?.first)
    #expect(stage["seconds"] as? String == "1.234")
    let findings = try #require(json["findings"] as? [String: Any])
    #expect(findings["by_state"] as? [String: Int] == ["new": 1, "standing": 1, "changed": 1, "withdrawn": 1])
    #expect(
      findings["withdrawn_because"] as? [String: Int] == ["reversed": 1, "corrected": 0, "gone": 0, "other": 0])
    #expect(findings["by_verdict"] as? [String: Int] == ["明确违规": 1, "可疑": 1, "线索": 1])
    let keys = text.split(separator: "\n").filter { $0.hasPrefix("  \"") }.map { $0.prefix { $0 != ":" } }
    #expect(keys == keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(keys.count == json.count)
  }

  @Test func jsonTextsAreEscaped() {
    #expect(JSONValue.text("a\"\\\n\u{1}医").written() == "\"a\\\"\\\\\\n\\u0001医\"\n")
    #expect(JSONValue.object(["b": .list([]), "a": .object([:])]).written() == "{\n  \"a\": {},\n  \"b\": []\n}\n")
  }
}
