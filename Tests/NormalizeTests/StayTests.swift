import ClaimModel
import Normalize
import Testing

@Suite("Stays (1.7)")
struct StayTests {
  /// One visit with a counting settlement and two lines.
  private func sheet(_ visit: [String: String] = [:]) -> ClaimSheet {
    var sheet = ClaimSheet()
    sheet.visit("M1", visit)
    sheet.settlement("S1", ["fund_pay_sumamt": "12.00"])
    sheet.line("L1")
    sheet.line("L2", ["inscp_amt": "5.00"])
    return sheet
  }

  @Test func nightsAndDays() throws {
    let result = try sheet().normalized()
    #expect(result.value(.stay, "M1", "begin_day") == "2025-03-03")
    #expect(result.value(.stay, "M1", "end_day") == "2025-03-05")
    #expect(result.value(.stay, "M1", "nights") == "2")
    #expect(result.value(.stay, "M1", "los") == "2")
    let same = try sheet(["endtime": "2025-03-03 01:00:00"]).normalized()
    #expect(same.value(.stay, "M1", "nights") == "0")
    #expect(same.value(.stay, "M1", "los") == "1")
  }

  @Test(arguments: [
    (["med_type": "11"]), (["med_type": ""]), (["inhosp_stas": "1"]), (["begntime": ""]), (["endtime": ""]),
    (["endtime": "2025-03-02 23:59:59"]), (["vali_flag": "0"]),
  ])
  func whatIsNoStay(_ visit: [String: String]) throws {
    #expect(try sheet(visit).normalized().ids(.stay) == [])
  }

  @Test func aNullStatusIsNotInHospital() throws {
    #expect(try sheet(["inhosp_stas": ""]).normalized().ids(.stay) == ["M1"])
  }

  @Test func aStayNeedsASettlementThatCounts() throws {
    var sheet = ClaimSheet()
    sheet.visit("M1")
    sheet.settlement("S1", ["refd_setl_flag": "1"])
    #expect(try sheet.normalized().ids(.stay) == [])
  }

  @Test func theCategoryIsThatOfTheFirstDay() throws {
    var sheet = sheet()
    let day = CivilTime.parseDay("2025-03-03")
    sheet.medTypes = [MedTypeRow(medType: "21", visitClass: "inpatient", opspFlag: "1", beginDay: day, endDay: day)]
    // The settlement's own day is a later one.
    sheet.settlement("S1", ["begndate": "2025-03-04", "updt_time": "2025-03-09"])
    let result = try sheet.normalized()
    #expect(result.value(.stay, "M1", "visit_class") == "inpatient")
    #expect(result.value(.stay, "M1", "opsp_flag") == "1")
    #expect(result.value(.settlement, "S1", "visit_class") == "other")
  }

  @Test func moneyOfAllSettlementsAndOfTheLinesOfItsOwnVisit() throws {
    var sheet = sheet()
    sheet.settlement("S2", ["fund_pay_sumamt": "1.00"])
    sheet.settlement("S3", ["mdtrt_id": "M3", "fund_pay_sumamt": "100.00"])
    // In S1, but of another visit; and the reverse.
    sheet.line("L3", ["mdtrt_id": "M3", "inscp_amt": "40.00"])
    sheet.line("L4", ["setl_id": "S3", "inscp_amt": "0.30"])
    let result = try sheet.normalized()
    #expect(result.value(.stay, "M1", "stay_A") == "15.30")
    #expect(result.value(.stay, "M1", "stay_F") == "13.00")
    #expect(result.children(.stay, "M1", .line) == ["M1:L1", "M1:L2", "M1:L4"])
    #expect(result.children(.visit, "M1", .settlement) == ["S1", "S2"])
    #expect(result.children(.settlement, "S1", .line) == ["M1:L1", "M1:L2", "M3:L3"])
    #expect(result.parent(.line, "M3:L3", .settlement) == "S1")
    #expect(result.parent(.line, "M3:L3", .stay) == nil)
    #expect(result.parent(.line, "M1:L4", .stay) == "M1")
    #expect(result.parent(.settlement, "S2", .stay) == "M1")
    #expect(result.parent(.stay, "M1", .visit) == "M1")
    #expect(result.parent(.visit, "M1", .stay) == "M1")
  }

  @Test func theMainDiagnosis() throws {
    #expect(try sheet(["dscg_maindiag_code": "i10.x01"]).normalized().value(.stay, "M1", "dx") == "I10.X01")
    #expect(try sheet().normalized().value(.stay, "M1", "dx") == "")
    var several = sheet()
    several.diagnosis("D1", ["diag_code": "K02"])
    several.diagnosis("D2", ["diag_code": "j18", "diag_type": ""])
    several.diagnosis("D3", ["diag_code": "A01", "maindiag_flag": "0"])
    several.diagnosis("D4", ["diag_code": "A02", "diag_type": "2"])
    several.diagnosis("D5", ["diag_code": "A03", "mdtrt_id": "M2"])
    several.diagnosis("D6", ["diag_code": "A04", "vali_flag": "0"])
    several.diagnosis("D7", ["diag_code": ""])
    // Whatever becomes of its settlement.
    several.diagnosis("D8", ["diag_code": "J20", "setl_id": "S9"])
    let result = try several.normalized()
    #expect(result.value(.stay, "M1", "dx") == "J18")
    #expect(result.children(.stay, "M1", .diagnosis) == ["D1", "D2", "D3", "D4", "D7", "D8"])
  }

  @Test(arguments: [
    ("A03.01", "A05.2", "A03", "A05"), ("", "A05.2", "A05", "A05"), ("A03", "", "A03", "A03"), ("", "", "", ""),
    ("02", "内科病区", "02", "内科病"),
  ])
  func departments(_ admitted: String, _ discharged: String, _ first: String, _ last: String) throws {
    let result = try sheet(["adm_caty": admitted, "dscg_caty": discharged]).normalized()
    #expect(result.value(.stay, "M1", "adm_dept") == first)
    #expect(result.value(.stay, "M1", "dscg_dept") == last)
  }
}
