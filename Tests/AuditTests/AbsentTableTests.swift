import ClaimModel
import Registries
import RulePacks
import Testing

@testable import Audit

/// A lookup in a table that is not there finds nothing, but says nothing about rows of which a key or the day is null.
struct AbsentTableTests {
  private func claim(_ column: String, _ kind: ValueKind = .text) -> Expr {
    .claim(binding: "line", path: [], column: column, kind: kind)
  }

  @Test func nothingIsFoundUnlessNullIsAskedFor() throws {
    var fixture = ClaimsFixture()
    fixture.add(.line, ["id": "a", "med_list_codg": "X1", "day": "2025-03-01"])
    fixture.add(.line, ["id": "b", "hilist_code": "X2", "day": "2025-03-01"])
    fixture.add(.line, ["id": "c", "day": "2025-03-01"])
    fixture.add(.line, ["id": "d", "med_list_codg": "X1"])
    let claims = fixture.claims()
    var rule = Rule()
    let either: [Expr] = [claim("hilist_code"), claim("med_list_codg")]
    rule.lookups = [
      Lookup(
        name: "strict", table: "med_hilist_b", keys: [.init(column: "med_list_codg", alternatives: either)],
        region: claim("insu_admdvs"), day: claim("day", .day)),
      Lookup(
        name: "lax", table: "med_hilist_b",
        keys: [.init(column: "med_list_codg", alternatives: either, anyWhenNull: true)]),
    ]
    let evaluator = Evaluator(
      rule, claims: claims, registries: Registries(), indexes: IndexShelf(Registries(), claims.codes))
    let frame = Frame(count: 4)
    frame.rows["line"] = (.line, [0, 1, 2, 3])
    #expect(try evaluator.truths(.found(lookup: "strict"), frame) == [Kleene.no, Kleene.no, Kleene.null, Kleene.null])
    #expect(try evaluator.outcome("strict", frame).row == [-1, -1, -1, -1])
    #expect(try evaluator.truths(.found(lookup: "lax"), frame) == [Kleene.no, Kleene.no, Kleene.no, Kleene.no])
  }
}
