import Foundation
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

  /// What a program finds that takes the file's own digits for a decimal number and rounds it to the fen; libxlsxwriter
  /// writes `%.16G`.
  @Test func theDigitsOfTheFileAreTheFen() throws {
    var state: UInt64 = 11
    for i in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let limit = [Int64(1_000), 100_000_000, 1_000_000_000_000_000][i % 3]
      let fen = Int64(bitPattern: state >> 1) % limit * (i % 2 == 0 ? 1 : -1)
      let written = String(format: "%.16G", try #require(CaseWorkbook.spreadsheetYuan(fen)))
      var exact = try #require(Decimal(string: written)) * 100
      var rounded = Decimal()
      NSDecimalRound(&rounded, &exact, 0, .plain)
      #expect(rounded == Decimal(fen), "\(fen) \(written)")
    }
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
