import ClaimModel
import Normalize
import Testing

@Suite("Settlements that count (1.2, 1.8)")
struct SettlementTests {
  @Test func aPlainSettlementCounts() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["refd_setl_flag": "0"])
    sheet.settlement("S2", ["refd_setl_flag": ""])
    #expect(try sheet.normalized().fates(.settlements) == [.counts, .counts])
  }

  @Test func aRefundAndItsResentOriginalDoNotCount() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["updt_time": "2025-03-01"])
    sheet.settlement("S1", ["updt_time": "2025-03-02", "refd_setl_flag": "1"])
    sheet.settlement("S2", ["init_setl_id": "S1", "refd_setl_flag": "1", "fund_pay_sumamt": "-60.00"])
    sheet.settlement("S3", ["init_setl_id": "S1"])
    #expect(try sheet.normalized().fates(.settlements) == [.superseded, .refunded, .refunded, .refund])
  }

  @Test func anOriginalThatWasNotResentFallsByItsRefund() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.settlement("S2", ["init_setl_id": "S1"])
    #expect(try sheet.normalized().fates(.settlements) == [.refundedByOther, .refund])
  }

  @Test func aCancelledRefundTakesNothingBack() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.settlement("S2", ["init_setl_id": "S1", "vali_flag": "0"])
    #expect(try sheet.normalized().fates(.settlements) == [.counts, .cancelled])
  }

  @Test func aRefundWithoutOriginalIsAnOrphanBeforeAllElse() throws {
    var sheet = ClaimSheet()
    sheet.excludedSetlTypes = ["3"]
    sheet.settlement("S2", ["init_setl_id": "S9", "refd_setl_flag": "1", "setl_type": "3"])
    #expect(try sheet.normalized().fates(.settlements) == [.orphanRefund])
  }

  @Test func aCancelledOriginalIsStillInTheStore() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["vali_flag": "0"])
    sheet.settlement("S2", ["init_setl_id": "S1"])
    #expect(try sheet.normalized().fates(.settlements) == [.cancelled, .refund])
  }

  @Test func settlementTypesAreExcludedOnlyWhereSaid() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["setl_type": "3"])
    sheet.settlement("S2", ["setl_type": ""])
    #expect(try sheet.normalized().fates(.settlements) == [.counts, .counts])
    sheet.excludedSetlTypes = ["3"]
    #expect(try sheet.normalized().fates(.settlements) == [.excludedSetlType, .counts])
  }

  @Test func theFirstReasonHolds() throws {
    var sheet = ClaimSheet()
    sheet.excludedSetlTypes = ["3"]
    sheet.visit("M1", ["inhosp_stas": "1"])
    sheet.settlement("S1", ["refd_setl_flag": "1", "setl_type": "3"])
    sheet.settlement("S2", ["setl_type": "3"])
    sheet.settlement("S3")
    #expect(try sheet.normalized().fates(.settlements) == [.refunded, .excludedSetlType, .inHospital])
  }

  @Test func aSettlementWithoutAValidVisitCounts() throws {
    var sheet = ClaimSheet()
    sheet.visit("M1", ["inhosp_stas": "1", "vali_flag": "0"])
    sheet.settlement("S1", ["med_type": "18"])
    sheet.settlement("S2", ["mdtrt_id": ""])
    let result = try sheet.normalized()
    #expect(result.fates(.settlements) == [.counts, .counts])
    #expect(result.value(.settlement, "S1", "visit_class") == "pharmacy")
    #expect(result.parent(.settlement, "S1", .visit) == nil)
    #expect(result.parent(.settlement, "S2", .visit) == nil)
  }

  @Test(arguments: [
    ("21", "inpatient", "0", "0"), ("9940", "inpatient", "0", "0"), ("11", "outpatient", "0", "0"),
    ("1401", "outpatient", "1", "1"), ("140201", "outpatient", "1", "1"), ("1403", "outpatient", "1", "0"),
    ("1404", "outpatient", "1", "0"), ("9901", "outpatient", "1", "0"), ("15", "outpatient", "1", "0"),
    ("13", "emergency", "0", "0"), ("9929", "pharmacy", "1", "0"), ("41", "pharmacy", "0", "0"),
    ("61", "other", "0", "0"), ("9999", "other", "0", "0"), ("", "other", "0", "0"),
  ])
  func theShippedCategories(_ code: String, _ visitClass: String, _ opsp: String, _ reg: String) throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["med_type": code])
    let result = try sheet.normalized()
    #expect(result.value(.settlement, "S1", "visit_class") == visitClass)
    #expect(result.value(.settlement, "S1", "opsp_flag") == opsp)
    #expect(result.value(.settlement, "S1", "reg_flag") == reg)
    #expect(result.result.unknownMedTypes.map(\.code) == (code == "9999" || code.isEmpty ? [code] : []))
  }

  @Test func theShippedSetHasEveryCodeOnce() {
    #expect(MedTypeRow.shipped.count == 38)
    #expect(Set(MedTypeRow.shipped.map(\.medType)).count == 38)
    #expect(Set(MedTypeRow.shipped.map(\.medType)) == Set(CodeLists.values["med_type"] ?? []))
  }

  @Test func theVisitsCategoryGoesBeforeTheSettlements() throws {
    var sheet = ClaimSheet()
    sheet.visit("M1", ["med_type": "13"])
    sheet.visit("M2", ["med_type": ""])
    sheet.settlement("S1", ["mdtrt_id": "M1", "med_type": "21"])
    sheet.settlement("S2", ["mdtrt_id": "M2", "med_type": "21"])
    let result = try sheet.normalized()
    #expect(result.value(.settlement, "S1", "visit_class") == "emergency")
    #expect(result.value(.settlement, "S1", "visit_med_type") == "13")
    #expect(result.value(.settlement, "S2", "visit_class") == "inpatient")
    #expect(result.ids(.stay) == [])
  }

  @Test func aCategoryHoldsFromItsFirstToItsLastDay() throws {
    let first = CivilTime.parseDay("2025-03-01")
    let last = CivilTime.parseDay("2025-03-10")
    var sheet = ClaimSheet()
    sheet.medTypes = [MedTypeRow(medType: "ab", visitClass: "emergency", beginDay: first, endDay: last)]
    for (id, day) in [("S1", "2025-02-28"), ("S2", "2025-03-01"), ("S3", "2025-03-10"), ("S4", "2025-03-11")] {
      sheet.settlement(id, ["begndate": day, "med_type": "AB"])
    }
    // Without begndate the day of setl_time holds; without both no row is known to hold.
    sheet.settlement("S5", ["begndate": "", "setl_time": "2025-03-10 23:59:59", "med_type": "AB"])
    sheet.settlement("S6", ["begndate": "", "setl_time": "", "med_type": "AB"])
    let result = try sheet.normalized()
    let classes = result.ids(.settlement).map { result.value(.settlement, $0, "visit_class") }
    #expect(classes == ["other", "emergency", "emergency", "other", "emergency", "other"])
    #expect(result.value(.settlement, "S5", "day") == "2025-03-10")
    #expect(result.value(.settlement, "S6", "day") == "")
    #expect(result.result.unknownMedTypes == [UnknownMedType(code: "AB", rows: 3, fen: 30_000, fundFen: 18_000)])
  }

  @Test func overlappingCategoriesSpeakForNoDayOfEither() throws {
    let day: (String) -> Int64? = { CivilTime.parseDay($0) }
    var sheet = ClaimSheet()
    sheet.medTypes = [
      MedTypeRow(medType: "77", visitClass: "inpatient", beginDay: day("2025-01-01"), endDay: day("2025-02-10")),
      MedTypeRow(medType: "77", visitClass: "outpatient", beginDay: day("2025-02-10"), endDay: day("2025-03-01")),
      MedTypeRow(medType: "77", visitClass: "emergency", beginDay: day("2025-04-01")),
    ]
    for (id, begin) in [("S1", "2025-01-15"), ("S2", "2025-02-20"), ("S3", "2025-03-15"), ("S4", "2025-04-01")] {
      sheet.settlement(id, ["begndate": begin, "med_type": "77"])
    }
    let result = try sheet.normalized()
    let classes = result.ids(.settlement).map { result.value(.settlement, $0, "visit_class") }
    #expect(classes == ["", "", "other", "emergency"])
    #expect(result.value(.settlement, "S1", "reg_flag") == "")
    #expect(result.result.unknownMedTypes.map(\.rows) == [1])
  }
}
