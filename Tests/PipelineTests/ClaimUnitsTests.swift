import Testing

@testable import Pipeline

@Suite struct ClaimUnitsTests {
  /// Rows of each unit, if units are whole top bytes.
  private func sizes(_ units: ClaimUnits, _ rows: [Int]) -> [Int] {
    units.ranges.map { rows[Int($0.lowerBound >> 8)...Int($0.upperBound >> 8)].reduce(0, +) }
  }

  private func expectNoGap(_ units: ClaimUnits) {
    #expect(units.ranges.first?.lowerBound == 0 && units.ranges.last?.upperBound == UInt16.max)
    for (one, next) in zip(units.ranges, units.ranges.dropFirst()) {
      #expect(Int(one.upperBound) + 1 == Int(next.lowerBound))
    }
  }

  /// 4 million rows, 15,625 a top byte: 17 units of 250,000 would do; two threads get 18, four get 20.
  @Test(arguments: [(1, 17), (2, 18), (4, 20)])
  func allThreadsGetAsManyOfOneSize(_ jobs: Int, _ count: Int) {
    let rows = [Int](repeating: 15_625, count: 256)
    let units = ClaimUnits(rows: rows, most: 400_000, jobs: jobs)
    expectNoGap(units)
    let sizes = sizes(units, rows)
    #expect(sizes.count == count)
    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 15_625)
    #expect((sizes.max() ?? 0) <= 250_000)
  }

  /// Each piece of a top byte would read all its records.
  @Test func whatOneTopByteHoldsIsCutOnlyWhereItMustBe() {
    let rows = [Int](repeating: 150_000, count: 256)
    let whole = ClaimUnits(rows: rows, most: 400_000, jobs: 2)
    expectNoGap(whole)
    #expect(whole.ranges.count == 256)
    let pieces = ClaimUnits(rows: rows, most: 60_000, jobs: 2)
    expectNoGap(pieces)
    #expect(pieces.ranges.count == 1024)
  }

  @Test func whatFitsIsOneUnit() {
    #expect(ClaimUnits(rows: [Int](repeating: 300, count: 256), most: 400_000, jobs: 2).ranges == [0...UInt16.max])
    #expect(ClaimUnits(rows: [Int](repeating: 0, count: 256), most: 400_000, jobs: 2).ranges == [0...UInt16.max])
    #expect(ClaimUnits(rows: [Int](repeating: 1 << 40, count: 256), most: .max, jobs: 2).ranges == [0...UInt16.max])
  }

  /// Rows that lie unevenly: no unit is larger than it may be unless it is of one top byte, which is then cut.
  @Test func unevenRowsStayWithinBounds() {
    var state: UInt64 = 7
    for _ in 0..<200 {
      let rows = (0..<256).map { _ -> Int in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 60 == 0 ? Int(state >> 32 & 0x3FFFF) : Int(state >> 32 & 0xFFF)
      }
      let units = ClaimUnits(rows: rows, most: 100_000, jobs: 2)
      expectNoGap(units)
      for range in units.ranges where range.lowerBound >> 8 != range.upperBound >> 8 {
        #expect(rows[Int(range.lowerBound >> 8)...Int(range.upperBound >> 8)].reduce(0, +) <= 100_000)
      }
      for (top, n) in rows.enumerated() where n > 100_000 {
        #expect(units.ranges.filter { Int($0.lowerBound >> 8) == top }.count >= 2)
      }
    }
  }
}
