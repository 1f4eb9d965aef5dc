import ClaimModel
import Testing

/// Who the persons are and what is theirs; see `Entity.person`.
struct PersonTests {
  @Test func personsAreThoseOfCountingSettlements() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["mdtrt_id": "M1", "psn_no": "P2"])
    sheet.settlement("S2", ["mdtrt_id": "M2", "psn_no": "P1"])
    sheet.settlement("S3", ["mdtrt_id": "M3", "psn_no": ""])
    sheet.settlement("S4", ["mdtrt_id": "M4", "psn_no": "P3", "refd_setl_flag": "1"])
    sheet.settlement("S5", ["mdtrt_id": "M5", "psn_no": "P1", "fund_pay_sumamt": ""])
    sheet.visit("M1", ["psn_no": "P2"])
    sheet.visit("M2", ["psn_no": "P1"])
    // The visit has a person, its settlement none; and the other way round.
    sheet.visit("M3", ["psn_no": "P1"])
    sheet.visit("M4", ["psn_no": "P3"])
    sheet.visit("M5", ["psn_no": ""])
    sheet.line("1", ["psn_no": "P1"])
    sheet.line("2", ["mdtrt_id": "M3", "setl_id": "S3", "psn_no": "P1"])
    sheet.line("3", ["mdtrt_id": "M5", "setl_id": "S5", "psn_no": ""])
    let result = try sheet.normalized()
    #expect(result.ids(.person) == ["P1", "P2"], "not P3: its settlement was refunded")
    #expect(result.children(.person, "P1", .settlement) == ["S2", "S5"])
    #expect(result.children(.person, "P1", .stay) == ["M2", "M3"], "by the visit's psn_no")
    #expect(result.children(.person, "P1", .line) == ["M5:3"], "by the settlement's psn_no, not the line's")
    #expect(result.children(.person, "P2", .line) == ["M1:1"])
    #expect(result.parent(.line, "M1:1", .person) == "P2")
    #expect(result.parent(.line, "M3:2", .person) == nil)
    #expect(result.parent(.stay, "M5", .person) == nil)
    #expect(result.parent(.settlement, "S3", .person) == nil)
  }
}
