import ClaimModel
import Registries
import RulePacks
import Testing

@testable import Audit

/// SQL's three-valued logic, in full.
struct TruthTests {
  static let truths: [Bool?] = [true, false, nil]

  func value(_ truth: Bool?) -> Expr {
    // NULL is a comparison with a null column.
    truth.map { .boolean($0) } ?? .compare(.equal, line("A"), .integer(1))
  }

  func evaluate(_ e: Expr) throws -> Bool? {
    var fixture = ClaimsFixture()
    fixture.add(.line, ["id": "x"])
    let claims = fixture.claims()
    let evaluator = Evaluator(
      Rule(), claims: claims, registries: Registries(), indexes: IndexShelf(Registries(), claims.codes))
    let frame = Frame(count: 1)
    frame.rows["line"] = (.line, [0])
    switch try evaluator.truths(e, frame)[0] {
    case Kleene.yes: return true
    case Kleene.no: return false
    default: return nil
    }
  }

  @Test(arguments: truths, truths)
  func andOr(a: Bool?, b: Bool?) throws {
    let both: Bool? = a == false || b == false ? false : a == nil || b == nil ? nil : true
    let either: Bool? = a == true || b == true ? true : a == nil || b == nil ? nil : false
    #expect(try evaluate(.and([value(a), value(b)])) == both)
    #expect(try evaluate(.or([value(a), value(b)])) == either)
  }

  @Test(arguments: truths)
  func notIsTrueIsNull(a: Bool?) throws {
    #expect(try evaluate(.not(value(a))) == a.map { !$0 })
    #expect(try evaluate(.isTrue(value(a))) == (a == true))
    #expect(try evaluate(.isNull(value(a))) == (a == nil))
    #expect(try evaluate(.and([])) == true)
    #expect(try evaluate(.or([])) == false)
  }

  @Test func nullsInComparisonsAndLists() throws {
    let null = line("A")
    #expect(try evaluate(.isSame(null, line("F"))) == true)
    #expect(try evaluate(.isSame(null, .integer(1))) == false)
    #expect(try evaluate(.inList(.integer(1), [.integer(2), null])) == nil)
    #expect(try evaluate(.inList(.integer(1), [null, .integer(1)])) == true)
    #expect(try evaluate(.inList(null, [.integer(1)])) == nil)
    #expect(try evaluate(.inList(.integer(1), [.integer(2)])) == false)
    #expect(try evaluate(.startsWith(line("list_type"), ["1"])) == nil)
    #expect(try evaluate(.isNull(.least([.integer(1), null]))) == true)
    #expect(try evaluate(.compare(.equal, .coalesce([null, .integer(4)]), .integer(4))) == true)
    #expect(try evaluate(.compare(.less, .text("Z"), .text("a"))) == true)
    #expect(try evaluate(.compare(.less, .text("é"), .text("中"))) == true)
    #expect(try evaluate(.compare(.equal, .number(.text("007")), .integer(7))) == true)
    #expect(try evaluate(.isNull(.number(.text("7a")))) == true)
    #expect(try evaluate(.isNull(.number(.text("-7")))) == true)
  }
}
