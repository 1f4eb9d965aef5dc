import RulePacks
import Testing

@testable import Audit

/// Facts as they lie in the evaluation state.
struct FactImageTests {
  /// The groups of a population, put in one after the other.
  private func part(_ population: Population, _ keys: [[FactValue]], capacity: Int) -> FactPart {
    var groups = FactPart.Groups()
    groups.values.reserveCapacity(capacity)
    for key in keys {
      var n: Int64 = 1
      if case .number(let number) = key[0] { n = number }
      groups.values[key] = [.count(2), .sum(Int128(n) << 70), .sum(nil)]
      groups.rows[key] = [2, 2, 2, 0]
    }
    var part = FactPart()
    part.populations[population] = groups
    return part
  }

  /// The state's files are named after their bytes: the same facts must not give other ones because a dictionary has
  /// its groups in another order.
  @Test func equalFactsAreEqualBytes() throws {
    let population = FormedShapeTests().posting
    var rule = Rule()
    rule.populations = [population]
    let keys: [[FactValue]] =
      (0..<100).map { [.number($0 * 7 - 300)] } + (0..<100).map { [.text(Array("H\($0)".utf8))] } + [[.text([])]]
    let image = part(population, keys, capacity: 0).image([rule])
    #expect(image == part(population, keys.reversed(), capacity: 5_000).image([rule]))
    // What is read back has all of it.
    let again = try #require(image.withUnsafeBytes { FactPart($0, [rule]) })
    #expect(again.image([rule]) == image)
    #expect(again.populations[population]?.rows.count == 201)
    // Texts by bytes, then numbers.
    #expect(
      [FactValue.number(-1), .text([0x42]), .text([0x41, 0x42]), .text([0x41]), .number(-2)].sorted()
        == [.text([0x41]), .text([0x41, 0x42]), .text([0x42]), .number(-2), .number(-1)])
  }
}
