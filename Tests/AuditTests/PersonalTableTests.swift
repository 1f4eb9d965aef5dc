import ClaimModel
import Foundation
import Registries
import RulePacks
import Testing

@testable import Audit

/// Whom a new version of the registrations concerns, and on which days.
@Suite struct PersonalTableTests {
  private func row(_ disease: UInt64, _ begin: Int64, _ end: Int64 = Int64.max) -> PersonRow {
    PersonRow(values: [disease], begin: begin, end: end)
  }

  @Test func sameDaysSaidInOtherRowsAreNoDifference() {
    #expect(differingDays([row(7, 10, 20), row(7, 21, 30)], [row(7, 10, 30)]) == nil)
    #expect(differingDays([row(7, 10, 20), row(7, 15, 18)], [row(7, 10, 20)]) == nil)
    #expect(differingDays([row(7, 1), row(8, 5, 6)], [row(8, 5, 6), row(7, 1)]) == nil)
    #expect(differingDays([], []) == nil)
  }

  @Test func differenceIsFromItsFirstDayToItsLast() {
    // Longer, shorter, from another day on.
    #expect(differingDays([row(7, 10, 20)], [row(7, 10, 30)]) == 21...30)
    #expect(differingDays([row(7, 10, 20)], [row(7, 12, 20)]) == 10...11)
    #expect(differingDays([row(7, 10, 20)], [row(7, 5, 25)]) == 5...25)
    #expect(differingDays([row(7, 10)], [row(7, 10, 30)]) == 31...Int64.max)
    // A gap, at first in one, then in both.
    #expect(differingDays([row(7, 10, 30)], [row(7, 10, 14), row(7, 18, 30)]) == 15...17)
    #expect(differingDays([row(7, 1, 4), row(7, 8, 9)], [row(7, 1, 4), row(7, 7, 9)]) == 7...7)
    // New, gone, of another disease.
    #expect(differingDays([], [row(7, 3, 5), row(7, 9, 9)]) == 3...9)
    #expect(differingDays([row(7, 3)], []) == 3...Int64.max)
    #expect(differingDays([row(7, 3, 5)], [row(8, 4, 6)]) == 3...6)
    #expect(differingDays([row(7, 1, 9), row(8, 2, 3)], [row(7, 1, 9)]) == 2...3)
  }

  /// Whatever the rows: outside of the days nothing differs, and on both ends something does.
  @Test(arguments: 0..<300)
  func daysOfRandomRows(seed: Int) {
    var random = Seeded(state: UInt64(seed) &* 7919 &+ 1)
    func rows() -> [PersonRow] {
      (0..<Int(random.next() % 4)).map { _ in
        let begin = Int64(random.next() % 12)
        return row(random.next() % 2, begin, begin + Int64(random.next() % 6))
      }
    }
    let (a, b) = (rows(), rows())
    func said(_ rows: [PersonRow], _ day: Int64) -> Set<UInt64> {
      Set(rows.filter { $0.begin <= day && day <= $0.end }.map { $0.values[0] })
    }
    let different = (-1...20).filter { said(a, $0) != said(b, $0) }
    let days = differingDays(a, b)
    #expect(days?.lowerBound == different.first)
    #expect(days?.upperBound == different.last)
  }

  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state ^ state >> 33) &* 0xFF51_AFD7_ED55_8CCD >> 11
    }
  }

  /// A table with two persons, A with disease D1 and B with D2.
  private static let before = """
    psn_no,insu_admdvs,opsp_dise_code,begndate,enddate
    A,990101,D1,2025-01-01,2025-06-30
    B,990101,D2,2025-01-01,

    """

  private func registry(_ text: String, _ codes: CodeTable) throws -> Registry {
    try #require(registries(["opsp_reg_d": text], codes)["opsp_reg_d"])
  }

  /// Rules as CHR-04 and CHR-03 look the table up.
  private func rules(within: Expr? = .integer(30), _ change: (inout Rule) -> Void = { _ in }) -> [Rule] {
    let person = Expr.claim(binding: "s", path: [], column: "psn_no", kind: .text)
    let disease = Expr.claim(binding: "s", path: [], column: "dise_no", kind: .text)
    let day = Expr.claim(binding: "s", path: [], column: "day", kind: .day)
    var rule = Rule()
    rule.id = "T-01"
    rule.status = .active
    rule.shape = .each(binding: "s", entity: .settlement)
    rule.lookups = [
      Lookup(
        name: "region", table: "opsp_reg_d",
        keys: [
          Lookup.Key(
            column: "insu_admdvs",
            alternatives: [.claim(binding: "s", path: [], column: "insu_admdvs", kind: .text)])
        ], take: .any),
      Lookup(
        name: "near", table: "opsp_reg_d",
        keys: [
          Lookup.Key(column: "psn_no", alternatives: [person]),
          Lookup.Key(column: "opsp_dise_code", alternatives: [disease], anyWhenNull: true),
        ], day: day, within: within, take: .any),
    ]
    change(&rule)
    return [rule]
  }

  private func days(
    _ rules: [Rule], _ text: String, _ earlier: String = before
  ) throws -> [UInt16: ClosedRange<Int64>]? {
    let table = try #require(PersonalTable.all(rules: rules).first)
    let codes = CodeTable()
    let new = try registry(text, codes)
    let old = try registry(earlier, codes)
    _ = RegistryShelf(Registries(tables: ["opsp_reg_d": new]), codes: codes)
    _ = RegistryShelf(Registries(tables: ["opsp_reg_d": old]), codes: codes)
    // As a state keeps it.
    let image = old.image(table.columns, codes: codes)
    let kept = try image.withUnsafeBytes { try #require(Registry(image: $0, digest: old.digest, codes: codes)) }
    let result = table.changes(from: kept, to: new, codes: codes)
    #expect(result == table.changes(from: old, to: new, codes: codes))
    return result
  }

  private func day(_ text: String) throws -> Int64 { try #require(CivilTime.parseDay(text)) }
  private func slice(_ person: String) -> UInt16 { Array(person.utf8).withUnsafeBytes { PersonSlice.of($0) } }

  @Test func newRowsConcernTheirPersonAroundTheirDays() throws {
    let more = Self.before + "A,990101,D1,2025-08-01,2025-08-31\n"
    // Thirty days before 1 August and after 31 August.
    #expect(try days(rules(), more) == [slice("A"): day("2025-07-02")...day("2025-09-30")])
    #expect(try days(rules(within: nil), more) == [slice("A"): day("2025-08-01")...day("2025-08-31")])
    #expect(try days(rules(), Self.before, more) == [slice("A"): day("2025-07-02")...day("2025-09-30")])
    #expect(try days(rules(), Self.before) == [:])
    // In another order, with other columns that no rule reads.
    let other = """
      psn_no,insu_admdvs,opsp_dise_code,opsp_dise_name,begndate,enddate,updt_time
      B,990101,D2,two,2025-01-01,9999-12-31,2025-02-02
      A,990101,D1,one,2025-01-01,2025-06-30,

      """
    #expect(try days(rules(), other) == [:])
    // A person for a person: both, to the end of time.
    let swapped = Self.before.replacingOccurrences(of: "B,990101", with: "C,990101")
    let open = try day("2024-12-02")...Int64.max
    #expect(try days(rules(), swapped) == [slice("B"): open, slice("C"): open])
  }

  @Test func whatMayConcernAnybodyIsNotTold() throws {
    // A region more: rows of everybody insured there can be judged.
    #expect(try days(rules(), Self.before + "A,990102,D1,2025-08-01,\n") == nil)
    #expect(try days(rules(), Self.before.replacingOccurrences(of: "990101,D2", with: "990103,D2")) == nil)
    // An empty table: rules that need it do not run.
    #expect(try days(rules(), "psn_no,insu_admdvs,opsp_dise_code,begndate,enddate\n") == nil)
  }

  @Test func otherDaysThanThoseOfCareAreAllDays() throws {
    let more = Self.before + "A,990101,D1,2025-08-01,2025-08-31\n"
    let always = [slice("A"): Int64.min...Int64.max]
    let admitted = rules { rule in
      rule.lookups[1].day = .claim(binding: "s", path: [.stay], column: "b", kind: .day)
    }
    #expect(try days(admitted, more) == always)
    #expect(try days(rules { $0.lookups[1].day = nil }, more) == always)
    #expect(try days(rules(within: .add(.integer(1), .integer(2))), more) == always)
    // The greatest value that the parameter ever had.
    let dated = rules(within: .parameter("grace")) { rule in
      rule.parameters = [
        Parameter(
          name: "grace",
          values: [.init(from: nil, value: 3, basis: ""), .init(from: 20_000, value: 2, basis: "")])
      ]
    }
    #expect(try days(dated, more) == [slice("A"): day("2025-07-29")...day("2025-09-03")])
  }

  @Test func tablesThatAreLookedUpOtherwiseAreNone() {
    #expect(PersonalTable.all(rules: rules()).map(\.table) == ["opsp_reg_d"])
    #expect(
      PersonalTable.all(rules: rules()).first?.columns == [
        "psn_no", "insu_admdvs", "opsp_dise_code", "begndate", "enddate",
      ])
    // Whether any row of a disease holds on a day: a row of anybody decides it.
    #expect(PersonalTable.all(rules: rules { $0.lookups[0].day = $0.lookups[1].day }).isEmpty)
    // Values of rows that are not the person's.
    #expect(
      PersonalTable.all(
        rules: rules { rule in
          rule.lookups.append(
            Lookup(
              name: "list", table: "opsp_dise_drug_b",
              keys: [
                Lookup.Key(
                  column: "opsp_dise_code", alternatives: [], match: .anyOf(lookup: "region", column: "opsp_dise_code"))
              ], take: .any))
        }
      ).isEmpty)
    // The person of a registry that has one is not the claim's.
    #expect(
      PersonalTable.all(
        rules: rules { $0.lookups[1].keys[0].alternatives = [.text("A")] }
      ).isEmpty)
    #expect(PersonalTable.all(rules: rules { $0.lookups[1].keys[0].anyWhenNull = true }).isEmpty)
    #expect(PersonalTable.all(rules: rules { $0.lookups[1].take = .one }).isEmpty)
    #expect(PersonalTable.all(rules: rules { $0.status = .retired }).isEmpty)
    // No lookup by person.
    #expect(PersonalTable.all(rules: rules { $0.lookups.removeLast() }).isEmpty)
  }

  @Test func imagesThatAreSomethingElseAreRefused() throws {
    let codes = CodeTable()
    let image = try registry(Self.before, codes).image(["psn_no", "begndate", "lmt_val"], codes: codes)
    let read = try image.withUnsafeBytes { try #require(Registry(image: $0, digest: "d", codes: codes)) }
    #expect(read.count == 2 && read.digest == "d" && read.columns.keys.sorted() == ["begndate", "psn_no"])
    for end in 0..<image.count {
      #expect(image[..<end].withUnsafeBytes { Registry(image: $0, digest: "", codes: codes) } == nil, "\(end) bytes")
    }
    #expect((image + [0]).withUnsafeBytes { Registry(image: $0, digest: "", codes: codes) } == nil)
  }
}
