import Intake
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

  /// More groups than top bytes: each is a unit of its own, and none is cut.
  @Test func smallerGroupsAreCutLess() {
    let rows = [Int](repeating: 251_000, count: 512)
    let units = ClaimUnits(rows: rows, most: 400_000, jobs: 2)
    expectNoGap(units)
    #expect(units.ranges.count == 512)
    #expect(ClaimUnits(rows: rows, most: 130_000, jobs: 2).ranges.count == 1024)
    // Two groups in one unit, which is no single group to cut.
    let pairs = ClaimUnits(rows: [Int](repeating: 100_000, count: 512), most: 400_000, jobs: 2)
    expectNoGap(pairs)
    #expect(pairs.ranges.count == 256 && pairs.ranges.allSatisfy { $0.count == 256 })
  }

  @Test(arguments: [(5_000, 256), (2_150, 256), (2_200, 512), (4_200, 512), (4_400, 1024), (90_000, 1024)])
  func groupsAreAsManyAsRowsNeed(_ megabytes: Int, _ groups: Int) {
    // As text, and in gzip's form; small files beside a large one change nothing.
    let isText = megabytes == 5_000
    let file = BatchFile(path: "", name: isText ? "a.csv" : "a.csv.gz", size: megabytes * 1_000_000)
    #expect(ClaimUnits.groups(for: [file, BatchFile(path: "", name: "b.csv", size: 900)]) == groups)
  }

  /// Parts of 250,000 to 500,000 rows of the largest table: few for a week, many for a year, and no more than top bytes.
  @Test(arguments: [(100_000, 1), (499_000, 1), (501_000, 2), (5_000_000, 16), (30_000_000, 64), (1 << 40, 256)])
  func aPartHoldsNotTooManyRows(_ rows: Int, _ parts: Int) {
    for groups in [256, 1024] {
      let ranges = StorePartition.ranges([Int](repeating: (rows + groups - 1) / groups, count: groups))
      #expect(ranges.count == parts)
      #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == UInt16.max)
      #expect(ranges.allSatisfy { $0.count == 65_536 / parts })
    }
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
