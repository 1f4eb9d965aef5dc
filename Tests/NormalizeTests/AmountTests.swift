import ClaimModel
import Diagnostics
import Normalize
import Testing

@Suite("Amounts in fen (2)")
struct AmountTests {
  @Test(arguments: [
    // inscp, det, own, over, before → A
    ("8.00", "10.00", "1.00", "1.00", "1.00", "8.00"), ("-8.00", "10.00", "", "", "", "0.00"),
    ("0", "10.00", "", "", "", "0.00"), ("", "10.00", "", "", "", "10.00"),
    ("", "10.00", "1.00", "0.50", "0.25", "8.25"), ("", "10.00", "11.00", "", "", "0.00"),
  ])
  func amountOfALine(
    _ inScope: String, _ total: String, _ own: String, _ over: String, _ before: String, _ expected: String
  ) throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line(
      "L1",
      [
        "inscp_amt": inScope, "det_item_fee_sumamt": total, "fulamt_ownpay_amt": own, "overlmt_selfpay": over,
        "preselfpay_amt": before,
      ])
    #expect(try sheet.normalized().value(.line, "M1:L1", "A") == expected)
  }

  /// Lines of the given A in fen in one settlement.
  private func shares(
    fund: String, inScope: String, amounts: [String]
  ) throws -> (shares: [String?], paid: String?, base: String?, rest: String?) {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["fund_pay_sumamt": fund, "inscp_amt": inScope])
    for (i, amount) in amounts.enumerated() { sheet.line("L\(i)", ["inscp_amt": amount]) }
    let result = try sheet.normalized()
    return (
      amounts.indices.map { result.value(.line, "M1:L\($0)", "F") }, result.value(.settlement, "S1", "P"),
      result.value(.settlement, "S1", "T"), result.value(.settlement, "S1", "U")
    )
  }

  @Test func theFundPaysAllWhereItPaidTheBase() throws {
    let share = try shares(fund: "7.00", inScope: "3.00", amounts: ["1.00", "5.00"])
    #expect(share.shares == ["1.00", "5.00"])
    #expect(share == (["1.00", "5.00"], "7.00", "6.00", "1.00"))
  }

  @Test func theGreatestRemaindersGetTheFen() throws {
    // A 3, 3, 4 fen; P 5, T 10: 1.5, 1.5, 2.0 → 1, 1, 2 and one fen for the first of the equal remainders.
    let share = try shares(fund: "0.05", inScope: "", amounts: ["0.03", "0.03", "0.04"])
    #expect(share == (["0.02", "0.01", "0.02"], "0.05", "0.10", "0.00"))
    // A 1, 2, 4; P 3, T 7: 3/7, 6/7, 12/7 → 0, 0, 1 and two fen for remainders 6 and 5.
    let second = try shares(fund: "0.03", inScope: "", amounts: ["0.01", "0.02", "0.04"])
    #expect(second == (["0.00", "0.01", "0.02"], "0.03", "0.07", "0.00"))
  }

  @Test func whatTheLinesDoNotReachIsUnexplained() throws {
    // Half of the settlement's scope is on no line: ⌊6·5/12⌋ = 2 of 5 fen are explained.
    let share = try shares(fund: "0.05", inScope: "0.12", amounts: ["0.03", "0.03"])
    #expect(share == (["0.01", "0.01"], "0.05", "0.12", "0.03"))
    // ΣA·P/T = 5·5/12 = 2.08: floors 1 (15/12) and 0 (10/12), and one fen for remainder 10.
    let odd = try shares(fund: "0.05", inScope: "0.12", amounts: ["0.03", "0.02"])
    #expect(odd == (["0.01", "0.01"], "0.05", "0.12", "0.03"))
  }

  @Test(arguments: ["", "0.00", "-5.00"]) func noFundMoneyIsNoShare(_ fund: String) throws {
    #expect(try shares(fund: fund, inScope: "", amounts: ["1.00"]) == (["0.00"], "0.00", "1.00", "0.00"))
  }

  @Test func withoutABaseAllIsUnexplained() throws {
    #expect(try shares(fund: "5.00", inScope: "", amounts: ["0"]) == (["0.00"], "5.00", "0.00", "5.00"))
    #expect(try shares(fund: "5.00", inScope: "-1.00", amounts: []) == ([], "5.00", "0.00", "5.00"))
  }

  @Test func equalRemaindersGoByTimeThenSerialThenVisit() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["fund_pay_sumamt": "0.02", "inscp_amt": ""])
    sheet.line("9", ["inscp_amt": "0.01", "fee_ocur_time": "2025-03-03 00:00:00"])
    sheet.line("10", ["inscp_amt": "0.01", "fee_ocur_time": "2025-03-03"])
    sheet.line("10", ["inscp_amt": "0.01", "fee_ocur_time": "2025-03-03", "mdtrt_id": "M0"])
    sheet.line("99", ["inscp_amt": "0.01", "fee_ocur_time": "2025-03-02 23:59:59"])
    let result = try sheet.normalized()
    #expect(result.value(.line, "M1:99", "F") == "0.01")
    #expect(result.value(.line, "M0:10", "F") == "0.01")
    #expect(result.value(.line, "M1:10", "F") == "0.00")
    #expect(result.value(.line, "M1:9", "F") == "0.00")
  }

  /// Fen of each line by sorting all remainders; of equal ones the earlier line's comes first.
  private func bySorting(_ amounts: [Int64], paid: Int64) -> [Int64] {
    let base = amounts.reduce(0, +)
    var shares = amounts.map { $0 * paid / base }
    let order = amounts.indices.sorted { a, b in
      let (x, y) = (amounts[a] * paid % base, amounts[b] * paid % base)
      return x == y ? a < b : x > y
    }
    for line in order.prefix(Int(paid - shares.reduce(0, +))) { shares[line] += 1 }
    return shares
  }

  /// Of few different amounts many remainders are equal, of many hardly any.
  @Test(arguments: 1...60) func anyNumberOfLinesGetsItsFenAsBySorting(_ count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    for greatest: Int64 in [3, 40, 1_000_000] {
      let amounts = (0..<count).map { _ in Int64.random(in: 1...greatest, using: &random) }
      let paid = Int64.random(in: 0..<amounts.reduce(0, +), using: &random)
      var sheet = ClaimSheet()
      sheet.settlement("S1", ["fund_pay_sumamt": FixedPoint.text(paid, scale: 2), "inscp_amt": ""])
      for (i, amount) in amounts.enumerated() {
        sheet.line("L\(100 + i)", ["inscp_amt": FixedPoint.text(amount, scale: 2)])
      }
      let result = try sheet.normalized()
      let shares = amounts.indices.map { result.value(.line, "M1:L\(100 + $0)", "F") }
      #expect(shares == bySorting(amounts, paid: paid).map { FixedPoint.text($0, scale: 2) })
    }
  }

  @Test func largeProductsAreExact() throws {
    // 99,999,999,999,999.99 yuan twice; half of it paid: the product needs 107 bits.
    let big = "99999999999999.99"
    let share = try shares(fund: big, inScope: "", amounts: [big, big])
    #expect(share.shares == ["50000000000000.00", "49999999999999.99"])
    #expect(share.rest == "0.00")
  }

  @Test func aSumThatDoesNotFitIsAnErrorWithItsPlace() throws {
    var sheet = ClaimSheet()
    sheet.segments = [SegmentIdentity(batch: "B1", file: "setl_d_1.csv"), SegmentIdentity(batch: "B1", file: "f.csv")]
    sheet.settlement("S1", line: 17)
    for i in 0..<10 { sheet.line("L\(i)", ["inscp_amt": "9999999999999999.99"], segment: 1) }
    let error = #expect(throws: Diagnostic.self) { try sheet.normalized() }
    #expect(error?.code == "normalize.overflow")
    #expect(error?.place == Place(file: "setl_d_1.csv", line: 17))
    #expect(error?.rendered().contains("S1") == false)
  }

  @Test func aNetAmountThatDoesNotFitIsAnErrorToo() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", line: 23)
    sheet.line("L1", ["cnt": "50", "inscp_amt": "-9999999999999999.99"])
    for i in 0..<10 {
      sheet.line("N\(i)", ["cnt": "-1", "inscp_amt": "-9999999999999999.99", "init_feedetl_sn": "L1"])
    }
    #expect(throws: Diagnostic.self) { try sheet.normalized() }
  }
}
