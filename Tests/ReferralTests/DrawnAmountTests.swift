import Testing

@testable import Referral

/// Where an amount leaves whole fen: the length of a bar, and the cell of a spreadsheet.
@Suite struct DrawnAmountTests {
  @Test(
    arguments: [
      (0, 1, 0), (-5, 7, 0), (7, 7, 4000), (1, 8000, 1), (1, 8001, 0), (1, 3, 1333), (2, 3, 2667),
      (Int64.max, Int64.max, 4000), (Int64.max / 2 + 1, Int64.max, 2000),
    ] as [(Int64, Int64, Int64)])
  func aBarIsAsLongAsItsShare(fen: Int64, greatest: Int64, tenths: Int64) {
    #expect(Charts.barTenths(Int128(fen), of: Int128(greatest)) == tenths)
  }

  /// Bars of sums beyond 64 bits: a third of the longest.
  @Test func aBarOfASumIsAsLongAsItsShare() {
    #expect(Charts.barTenths(Int128(Int64.max), of: 3 * Int128(Int64.max)) == 1333)
    #expect(Charts.barTenths(3 * Int128(Int64.max), of: 3 * Int128(Int64.max)) == 4000)
  }

  @Test(arguments: [0, 1, -1, 10, 12_345, 999_999_999_999_999, -999_999_999_999_999, 700_000_000_000_001] as [Int64])
  func aCellGivesTheFenBack(fen: Int64) throws {
    let yuan = try #require(CaseWorkbook.spreadsheetYuan(fen))
    #expect(Int64((yuan * 100).rounded()) == fen)
  }

  @Test(arguments: [1_000_000_000_000_000, -1_000_000_000_000_000, Int64.max, Int64.min])
  func anAmountThatACellCannotHoldIsText(fen: Int64) {
    #expect(CaseWorkbook.spreadsheetYuan(fen) == nil)
  }
}
