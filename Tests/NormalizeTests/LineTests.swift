import ClaimModel
import Normalize
import Testing

@Suite("Lines that count (1.3-1.6)")
struct LineTests {
  @Test func linesOfSettlementsThatDoNotCountAreSetAside() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.settlement("S2", ["refd_setl_flag": "1"])
    sheet.settlement("S3", ["vali_flag": "0"])
    sheet.line("L1")
    sheet.line("L2", ["setl_id": "S2"])
    sheet.line("L3", ["setl_id": "S3"])
    sheet.line("L4", ["setl_id": "S9"])
    sheet.line("L5", ["setl_id": ""])
    let fates = try sheet.normalized().fates(.feeLines)
    #expect(fates == [.counts, .settlementSetAside, .unknownSettlement, .unknownSettlement, .unsettled])
  }

  @Test func aLinkedReversalIsAddedToItsOriginal() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line(
      "L1",
      [
        "cnt": "3", "det_item_fee_sumamt": "30.00", "inscp_amt": "24.00", "fulamt_ownpay_amt": "", "pric": "10",
        "preselfpay_amt": "6.00",
      ])
    sheet.line(
      "L2",
      [
        "cnt": "-1", "det_item_fee_sumamt": "-10.00", "inscp_amt": "-8.00", "fulamt_ownpay_amt": "-1.00",
        "preselfpay_amt": "", "init_feedetl_sn": "L1",
      ])
    let result = try sheet.normalized()
    #expect(result.fates(.feeLines) == [.counts, .linkedReversal])
    #expect(result.value(.line, "M1:L1", "cnt") == "2.0000")
    #expect(result.value(.line, "M1:L1", "det_item_fee_sumamt") == "20.00")
    #expect(result.value(.line, "M1:L1", "inscp_amt") == "16.00")
    #expect(result.value(.line, "M1:L1", "A") == "16.00")
    // A null of the original stays null, one of the reversal adds 0; the unit price is not netted.
    #expect(result.value(.line, "M1:L1", "fulamt_ownpay_amt") == "")
    #expect(result.value(.line, "M1:L1", "preselfpay_amt") == "6.00")
    #expect(result.value(.line, "M1:L1", "pric") == "10.000000")
  }

  @Test func severalLinkedReversalsCanTakeAllAway() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", ["cnt": "2", "det_item_fee_sumamt": "20.00"])
    sheet.line("L2", ["cnt": "-1", "det_item_fee_sumamt": "-10.00", "init_feedetl_sn": "L1"])
    sheet.line("L3", ["cnt": "-1", "det_item_fee_sumamt": "-10.00", "init_feedetl_sn": "L1"])
    let result = try sheet.normalized()
    #expect(result.fates(.feeLines) == [.reversed, .linkedReversal, .linkedReversal])
    #expect(result.ids(.line) == [])
  }

  @Test func aLinkNeedsTheSameVisitAndAPositiveOriginal() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", ["mdtrt_id": "M2", "cnt": "5"])
    sheet.line("L2", ["cnt": "-5", "init_feedetl_sn": "L1"])
    sheet.line("L3", ["cnt": "-7", "init_feedetl_sn": "L2"])
    sheet.line("L4", ["cnt": "-9", "init_feedetl_sn": "L9"])
    #expect(
      try sheet.normalized().fates(.feeLines) == [
        .counts, .unpairedNegative, .unpairedNegative, .unpairedNegative,
      ])
  }

  @Test func aLinkReachesAnotherSettlementOfTheVisit() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.settlement("S2")
    sheet.line("L1", ["cnt": "2", "det_item_fee_sumamt": "20.00", "inscp_amt": "20.00"])
    sheet.line(
      "L2",
      [
        "setl_id": "S2", "cnt": "-1", "det_item_fee_sumamt": "-10.00", "inscp_amt": "-10.00", "init_feedetl_sn": "L1",
      ])
    let result = try sheet.normalized()
    #expect(result.fates(.feeLines) == [.counts, .linkedReversal])
    #expect(result.value(.settlement, "S1", "A") == "10.00")
    #expect(result.value(.settlement, "S2", "A") == "0.00")
  }

  @Test func aReversalOfASetAsideSettlementReversesNothing() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.settlement("S2", ["refd_setl_flag": "1"])
    sheet.line("L1")
    sheet.line("L2", ["setl_id": "S2", "cnt": "-1", "init_feedetl_sn": "L1"])
    // The other way round the original is no line any more, so the reversal looks for a pair.
    sheet.line("L3", ["setl_id": "S2", "med_list_codg": "X3"])
    sheet.line("L4", ["cnt": "-1", "init_feedetl_sn": "L3", "med_list_codg": "X3"])
    #expect(
      try sheet.normalized().fates(.feeLines) == [
        .counts, .settlementSetAside, .settlementSetAside, .unpairedNegative,
      ])
  }

  @Test func aPairRemovesTheLatestEqualLine() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", ["fee_ocur_time": "2025-03-03 08:00:00"])
    sheet.line("L2", ["fee_ocur_time": "2025-03-04 08:00:00"])
    sheet.line("L3", ["fee_ocur_time": "2025-03-06 08:00:00"])
    sheet.line("N1", ["cnt": "-1", "det_item_fee_sumamt": "-10.00", "fee_ocur_time": "2025-03-05"])
    let fates = try sheet.normalized().fates(.feeLines)
    #expect(fates == [.counts, .pairedReversed, .counts, .pairedReversal])
  }

  @Test func theLatestNegativeBoundsTheWholeGroup() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("N1", ["cnt": "-1", "fee_ocur_time": "2025-03-01"])
    sheet.line("N2", ["cnt": "-1", "fee_ocur_time": "2025-03-05 00:00:00"])
    sheet.line("L1", ["fee_ocur_time": "2025-03-05"])
    sheet.line("L2", ["fee_ocur_time": "2025-03-04"])
    sheet.line("L3", ["fee_ocur_time": "2025-03-03"])
    let fates = try sheet.normalized().fates(.feeLines)
    #expect(fates == [.pairedReversal, .pairedReversal, .pairedReversed, .pairedReversed, .counts])
  }

  @Test func atOneTimeTheGreaterSerialGoesFirst() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("9")
    sheet.line("10")
    sheet.line("N", ["cnt": "-1"])
    #expect(try sheet.normalized().fates(.feeLines) == [.pairedReversed, .counts, .pairedReversal])
  }

  @Test func moreNegativesThanLinesLeaveDataQualityRows() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1")
    sheet.line("N1", ["cnt": "-1", "fee_ocur_time": "2025-03-04"])
    sheet.line("N2", ["cnt": "-1", "fee_ocur_time": "2025-03-05"])
    #expect(try sheet.normalized().fates(.feeLines) == [.pairedReversed, .unpairedNegative, .pairedReversal])
  }

  @Test(arguments: [
    ["mdtrt_id": "M2"], ["med_list_codg": "X2"], ["pric": "10.000001"], ["cnt": "-1.0001"], ["med_list_codg": ""],
    ["pric": ""], ["fee_ocur_time": "2025-03-03 07:59:59"],
  ])
  func aPairNeedsTheSameGroup(_ difference: [String: String]) throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1")
    sheet.line("N1", ["cnt": "-1"].merging(difference, uniquingKeysWith: { $1 }))
    #expect(try sheet.normalized().fates(.feeLines) == [.counts, .unpairedNegative])
  }

  @Test(arguments: ["med_list_codg", "pric"])
  func nullsAreNoGroup(_ column: String) throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", [column: ""])
    sheet.line("N1", [column: "", "cnt": "-1"])
    #expect(try sheet.normalized().fates(.feeLines) == [.counts, .unpairedNegative])
  }

  @Test func aLineTouchedByALinkIsNoPartner() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", ["cnt": "2", "det_item_fee_sumamt": "20.00"])
    sheet.line("N1", ["cnt": "-1", "det_item_fee_sumamt": "-10.00", "init_feedetl_sn": "L1"])
    sheet.line("N2", ["cnt": "-2"])
    #expect(try sheet.normalized().fates(.feeLines) == [.counts, .linkedReversal, .unpairedNegative])
  }

  @Test func quantityAboveZeroAndAmountNotBelow() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", ["cnt": "0"])
    sheet.line("L2", ["cnt": "0.0001", "det_item_fee_sumamt": "0"])
    sheet.line("L3", ["det_item_fee_sumamt": "-0.01"])
    sheet.line("L4", ["cnt": "2", "det_item_fee_sumamt": "10.00"])
    sheet.line("L5", ["cnt": "-1", "det_item_fee_sumamt": "-10.01", "init_feedetl_sn": "L4"])
    #expect(
      try sheet.normalized().fates(.feeLines) == [
        .zeroQuantity, .counts, .negativeAmount, .negativeAmount, .linkedReversal,
      ])
  }

  @Test func linesStandInByteOrderOfTheirIDs() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    for (visit, serial) in [("M2", "1"), ("M10", "a"), ("M10", "B"), ("M1", "1"), ("M10", "99999999999"), ("M", "z")] {
      sheet.line(serial, ["mdtrt_id": visit])
    }
    #expect(
      try sheet.normalized().ids(.line) == ["M:z", "M1:1", "M10:99999999999", "M10:B", "M10:a", "M2:1"])
  }
}
