import ClaimModel
import RulePacks
import Testing

@testable import Pipeline

/// Which older rows a new one can meet, worked out by hand.
@Suite struct PersonGroupTests {
  private static let stayPair = rule(
    "A",
    .pair(
      a: (binding: "a", entity: .stay), b: (binding: "b", entity: .stay), match: [],
      order: .unordered(column: "mdtrt_id")))
  private static let stayLine = rule(
    "B", .pair(a: (binding: "s", entity: .stay), b: (binding: "l", entity: .line), match: [], order: .every))
  private static let neighbours = rule(
    "C",
    .pair(
      a: (binding: "a", entity: .stay), b: (binding: "b", entity: .stay), match: [],
      order: .adjacent(columns: ["begin_day"])))
  private static let lines = rule("D", .each(binding: "line", entity: .line))

  private static func rule(_ id: String, _ shape: Shape) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.shape = shape
    return rule
  }

  private func marks(_ slices: Int...) -> [Bool] {
    var marks = [Bool](repeating: false, count: PersonSlice.count)
    for slice in slices { marks[slice] = true }
    return marks
  }

  private func slices(_ marks: [Bool]?) -> [Int] { (marks ?? []).indices.filter { marks?[$0] == true } }

  @Test func rulesOfTheSameRowsAreTogether() {
    let groups = PersonGroup.groups(of: [Self.lines, Self.stayLine, Self.neighbours, Self.stayPair])
    #expect(groups.map { $0.rules.map(\.id) } == [["D"], ["C"], ["B"], ["A"]])
    #expect(
      PersonGroup.groups(of: [Self.stayPair, Self.neighbours, Self.stayLine, Self.lines]).map { $0.rules.map(\.id) }
        == groups.map { $0.rules.map(\.id) })
  }

  @Test func aPairNeedsTheOtherSide() throws {
    let group = try #require(PersonGroup.groups(of: [Self.stayLine]).first)
    let wanted = group.rowsThatMeet(
      [.stay: marks(3), .line: marks(3, 8)], touched: [], StraddlingSlices([UInt16]()))
    // A new line meets old stays of its person; old lines are met by new stays only.
    #expect(slices(wanted[.stay]) == [3, 8])
    #expect(slices(wanted[.line]) == [3])
  }

  @Test func otherRowsAreNeededWholly() throws {
    let group = try #require(PersonGroup.groups(of: [Self.neighbours]).first)
    let wanted = group.rowsThatMeet([.stay: marks(5)], touched: [], StraddlingSlices([UInt16]()))
    #expect(slices(wanted[.stay]) == [5])
  }

  @Test func touchedCellsAndStraddlingSlicesCount() throws {
    let group = try #require(PersonGroup.groups(of: [Self.stayLine]).first)
    // Batch 2, slice 9; slices 1, 3 and 70 share a key.
    let wanted = group.rowsThatMeet(
      [.stay: marks(3), .line: marks(8)], touched: [2 << 16 | 9], StraddlingSlices([1, 3, 70] as [UInt16]))
    #expect(slices(wanted[.stay]) == [8, 9])
    #expect(slices(wanted[.line]) == [1, 3, 9, 70])
  }
}
