import ClaimModel
import Diagnostics
import Testing

@testable import RulePacks

/// `each: person`, the plurals of what a person has, and where a person can't stand.
struct PersonTests {
  private func parse(_ body: String) -> (Rule?, [String]) {
    let (rule, problems) = parseRule(
      text: """
        rule: TST-01
        version: 1
        name: {zh: 测试, en: Test}
        category: test
        status: active
        severity: high
        subject: person
        basis: [条例38-6]
        cases: [{verdict: 可疑, precedence: 5}]
        explain: {zh: 说明}
        false_positives: 无
        amount: none
        \(body)
        """, path: "a.yml")
    return (rule, problems.map { "\($0.place.line ?? 0):\($0.place.column ?? 0) \($0.code)" })
  }

  @Test func eachPerson() throws {
    let (read, problems) = parse(
      """
      each: person
      where: EXISTS(s IN person.stays WHERE s.nights > 0) AND EXISTS(l IN person.lines WHERE l.A > 0)
      unless: COUNT(s IN person.settlements) = 1
      key: [person.psn_no]
      """)
    #expect(problems == [])
    let rule = try #require(read)
    let own = Expr.claim(binding: "person", path: [], column: "psn_no", kind: .text)
    #expect(rule.shape.bindings.map(\.entity) == [.person])
    #expect(rule.subject == own)
    #expect(rule.psnNo == own)
    #expect(rule.fixmedinsCode == nil)
    #expect(rule.settlements == ["person"])
    #expect(rule.lines == .none)
    #expect(rule.from == nil)
    #expect(rule.readsPersons)
  }

  @Test(arguments: [
    ("each: stay\nwhere: EXISTS(o IN stay.person.stays WHERE o.nights > 0)\nkey: [stay.mdtrt_id]", true),
    ("each: line\nwhere: line.person.psn_no = 'x'\nkey: [line.id]", true),
    ("each: stay\nwhere: EXISTS(l IN stay.lines WHERE l.A > 0)\nkey: [stay.mdtrt_id]", false),
  ])
  func onTheWay(_ body: String, _ readsPersons: Bool) throws {
    let (rule, problems) = parse(body)
    #expect(problems == [])
    #expect(try #require(rule).readsPersons == readsPersons)
  }

  @Test(arguments: [
    ("each: person\nwhere: person.fixmedins_code = 'H1'\nkey: [person.psn_no]", "14:15 rule.column"),
    ("each: person\nwhere: EXISTS(d IN person.diagnoses WHERE TRUE)\nkey: [person.psn_no]", "14:27 rule.children"),
    ("each: stay\nwhere: EXISTS(s IN stay.stays WHERE TRUE)\nkey: [stay.mdtrt_id]", "14:25 rule.children"),
    ("each: visit\nwhere: visit.person.psn_no = 'x'\nkey: [visit.mdtrt_id]", "14:14 rule.parent"),
  ])
  func mistakes(_ body: String, _ expected: String) {
    #expect(parse(body).1.contains(expected), "\(parse(body).1)")
  }

  @Test func onlyUnderEach() {
    let pair = parse("pair: {a: person, b: stay, match: [[a.psn_no, b.psn_no]]}\nkey: [b.mdtrt_id]").1
    #expect(pair.contains("13:11 rule.shape"), "\(pair)")
    let group = parse("group: {of: person, as: g, by: {p: person.psn_no}}\nkey: [g.p]").1
    #expect(group.contains("13:13 rule.shape"), "\(group)")
  }
}
