import ClaimModel
import Testing

@Suite("Civil times")
struct CivilTimeTests {
  @Test(arguments: [
    ("1970-01-01", 0), ("1970-01-01 00:00:01", 1), ("1969-12-31 23:59:59", -1), ("2000-02-29", 951_782_400),
    ("2025-03-03T08:30", 1_740_990_600), ("2025-03-03 08:30:15.999", 1_740_990_615),
    ("9999-12-31", 253_402_214_400),
    // As written: a zone is passed over.
    ("2025-03-03 08:30:15Z", 1_740_990_615), ("2025-03-03T08:30:15+08:00", 1_740_990_615),
    ("2025-03-03T08:30+0800", 1_740_990_600), ("2025-03-03 08:30:15.123 -05", 1_740_990_615),
    ("2025-03-03 08:30:15.000000 Z", 1_740_990_615),
  ])
  func times(_ text: String, _ seconds: Int64) { #expect(CivilTime.parseTime(text) == seconds) }

  @Test(arguments: [
    "", "2025-02-29", "2100-02-29", "2025-02-30", "2025-04-31", "2025-13-01", "2025-00-10", "2025-01-00", "0000-01-01",
    "2025-3-3", "20250303", "2025/03/03", "2025-03-03 24:00:00", "2025-03-03 10:60", "2025-03-03 10:00:60",
    "2025-03-03 10", "2025-03-03 10:00:", "2025-03-03 10:00:00.", " 2025-03-03", "10:00:00",
    "2025-03-03Z", "2025-03-03+08:00", "2025-03-03 10:00:00 ", "2025-03-03 10:00:00z", "2025-03-03 10:00:00+8",
    "2025-03-03 10:00:00+08:", "2025-03-03 10:00:00+08:0", "2025-03-03 10:00:00+08:60", "2025-03-03 10:00:00+24:00",
    "2025-03-03 10:00:00+08:00:00", "2025-03-03 10:00:00+08:00Z", "2025-03-03 10:00:00  Z", "2025-03-03 10:00:00.Z",
    "2025-03-03 10:00+", "2025-03-03 10:00:00 8", "2025-03-03 10:00x00",
  ])
  func whatIsNoTime(_ text: String) { #expect(CivilTime.parseTime(text) == nil) }

  /// A day is what stands before the time, whatever time that is; anything but a time behind it is no day.
  @Test(arguments: ["", " 24:00:00", "T23:59:60", " 10:60", " 99:99:99 and more", " 08:30:15+08:00"])
  func aDayWithATimeBehindIt(_ time: String) { #expect(CivilTime.parseDay("2025-03-03" + time) == 20_150) }

  @Test(arguments: ["Z", "x", " 10", " 1:00:00", "-24:00:00", " 24.00.00", "24:00:00", " 2x:00:00"])
  func aDayWithSomethingElseBehindIt(_ text: String) { #expect(CivilTime.parseDay("2025-03-03" + text) == nil) }

  @Test func theDayOfATimeBefore1970() {
    #expect(CivilTime.dayOf(time: -1) == -1)
    #expect(CivilTime.dayOf(time: -86_400) == -1)
    #expect(CivilTime.dayOf(time: -86_401) == -2)
    #expect(CivilTime.text(time: -1) == "1969-12-31 23:59:59")
  }

  @Test func everyDayOfFourCenturiesComesBack() {
    for day in Int64(-60_000)...90_000 {
      let (y, m, d) = CivilTime.date(day)
      if CivilTime.day(year: y, month: m, day: d) != day { Issue.record("day \(day)") }
    }
    #expect(CivilTime.text(day: 20_150) == "2025-03-03")
    #expect(CivilTime.parseDay("2025-03-03 23:59:59") == 20_150)
  }
}

@Suite("Scaled integers")
struct FixedPointTests {
  @Test(arguments: [
    ("0", 2, 0), ("1", 2, 100), ("-1.5", 2, -150), ("+.5", 2, 50), ("5.", 2, 500), ("1.20000", 2, 120),
    ("0.0001", 4, 1), ("-0", 2, 0), ("9999999999999999.99", 2, 999_999_999_999_999_999), ("007", 0, 7),
  ])
  func numbers(_ text: String, _ scale: Int, _ value: Int64) { #expect(FixedPoint.parse(text, scale: scale) == value) }

  @Test(arguments: [
    "", "-", ".", "1,000.00", "1 0", "1e3", "0.001", "１", "10000000000000000.00", "1.0.0", "--1", "NULL",
    "99999999999999999999",
  ])
  func whatIsNoAmount(_ text: String) { #expect(FixedPoint.parse(text, scale: 2) == nil) }

  @Test func texts() {
    #expect(FixedPoint.text(-5, scale: 2) == "-0.05")
    #expect(FixedPoint.text(1_234, scale: 2) == "12.34")
    #expect(FixedPoint.text(7, scale: 0) == "7")
    #expect(FixedPoint.yuan(123_456_789) == "1,234,567.89")
    #expect(FixedPoint.yuan(-99) == "-0.99")
    #expect(FixedPoint.yuan(100_000) == "1,000.00")
  }

  /// The least number has no opposite in 64 bits; a sum may have more than 64.
  @Test func everyNumberHasAText() {
    #expect(FixedPoint.yuan(Int64.min) == "-92,233,720,368,547,758.08")
    #expect(FixedPoint.text(Int64.min, scale: 2) == "-92233720368547758.08")
    #expect(FixedPoint.yuan(Int128(Int64.max) + 1) == "92,233,720,368,547,758.08")
    #expect(FixedPoint.yuan(Int128(-7)) == "-0.07")
    #expect(FixedPoint.text(Int128(Int64.min) - 1, scale: 0) == "-9223372036854775809")
  }
}

@Suite("Codes of texts")
struct CodeTableTests {
  @Test func oneCodeATextAndZeroForNull() {
    let codes = CodeTable()
    #expect(codes.intern("") == CodeTable.null)
    let a = codes.intern("甲")
    #expect(a != CodeTable.null && codes.intern("甲") == a && codes.intern("乙") != a)
    #expect(codes.text(a) == "甲")
    #expect(codes.find("丙") == nil)
    #expect(codes.find("甲") == a)
    #expect(codes.count == 3)
  }

  @Test func manyTextsStayApart() {
    let codes = CodeTable()
    let first = (0..<20_000).map { codes.intern("id\($0)") }
    #expect(Set(first).count == 20_000)
    #expect((0..<20_000).allSatisfy { codes.intern("id\($0)") == first[$0] && codes.text(first[$0]) == "id\($0)" })
  }

  @Test(arguments: [
    ("a", "b"), ("", "a"), ("B", "a"), ("10", "9"), ("abcdefgh", "abcdefghi"), ("abcdefgh1", "abcdefgh2"), ("z", "甲"),
    ("abcdefg\u{7F}", "abcdefgé"), ("e\u{301}", "é"),
  ])
  func byteOrder(_ first: String, _ second: String) {
    let codes = CodeTable()
    let a = codes.intern(first)
    let b = codes.intern(second)
    #expect(codes.precedes(a, b) && !codes.precedes(b, a) && !codes.precedes(a, a))
    #expect(codes.order(a, b) < 0 && codes.order(b, a) > 0 && codes.order(a, a) == 0)
  }

  @Test func foldingIsUpperCaseOfLettersOnly() {
    let codes = CodeTable()
    #expect(codes.text(codes.folded(codes.intern("i10.x01é"))) == "I10.X01é")
    let upper = codes.intern("I10")
    #expect(codes.folded(upper) == upper)
    #expect(codes.folded(CodeTable.null) == CodeTable.null)
  }
}

@Suite("Fields blob")
struct FieldsBlobTests {
  @Test(arguments: [
    [""], ["a"], ["", ""], ["a", "", "b"], ["\u{1E}", "\u{1F}"], ["\u{1E}0", "\u{1E}1", "x\u{1F}\u{1E}\u{1F}"],
    ["甲", "乙丙"],
  ])
  func whatGoesInComesOut(_ fields: [String]) { #expect(FieldsBlob.decode(FieldsBlob.encode(fields)) == fields) }

  @Test func theBytesThatTheDigestCovers() {
    #expect(FieldsBlob.encode(["a", "", "\u{1E}\u{1F}"]) == [0x61, 0x1F, 0x1F, 0x1E, 0x30, 0x1E, 0x31])
    // printf 'a\037b' | sha256sum
    let digest = FieldsBlob.encode(["a", "b"]).withUnsafeBytes { SHA256Hasher.hex(of: $0) }
    #expect(digest == "f04cdced9736a69da6103f08a4daaf8c485dd481217d218a1b4993c8c3968e13")
  }

  @Test func rangesOfFields() {
    var ranges: [Range<Int>] = []
    FieldsBlob.encode(["ab", "", "\u{1F}"]).withUnsafeBytes { FieldsBlob.split($0, into: &ranges) }
    #expect(ranges == [0..<2, 3..<3, 4..<6])
  }
}

@Suite("Ids")
struct StableIDTests {
  @Test func theExampleOfTheRuleDefinitions() {
    #expect(StableID.finding(rule: "ADM-01", key: "M1|M2") == "ADM-01-bbc779b5ae16cd4c")
  }

  @Test func sha256OfNothing() {
    #expect(SHA256Hasher.hex(of: "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }
}

@Suite("Code lists")
struct CodeListTests {
  @Test(arguments: [
    ("gend", "1", true), ("gend", "3", false), ("med_chrgitm_type", "1402", true), ("med_chrgitm_type", "15", false),
    ("hosp_lv", "1", false), ("psn_name", "x", true),
  ])
  func known(_ column: String, _ code: String, _ isKnown: Bool) {
    #expect(CodeLists.isKnown(code, column: column) == isKnown)
  }

  @Test func everyListBelongsToAColumn() {
    for column in CodeLists.values.keys {
      #expect(ClaimTable.allCases.contains { $0.index(of: column) != nil }, "\(column)")
    }
  }
}
