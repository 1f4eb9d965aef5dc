import ClaimModel
import Testing

@Suite struct DeliveredTextTests {
  /// Text, kind, and the form that must be chosen.
  @Test(arguments: [
    ("12.50", ValueKind.money, "2"), ("12.5", .money, "1"), ("12", .money, "0"), ("-0.10", .money, "2"),
    ("0", .money, "0"), ("0.00", .money, "2"), ("-0.00", .money, "x"), ("012.50", .money, "x"), ("+1", .money, "x"),
    (".5", .money, "x"), ("5.", .money, "x"), ("1.2500", .quantity, "4"), ("3", .integer, "0"),
    ("2025-03-01", .day, "d"), ("2025-03-01 00:00:00", .day, "x"), ("2025-03-01", .time, "d"),
    ("2025-03-01 07:08:09", .time, "t"), ("20250301", .day, "x"), ("abc", .money, "x"), ("12.345", .money, "x"),
  ])
  func formAndBack(_ text: String, _ kind: ValueKind, _ expected: String) {
    var copy = text
    copy.withUTF8 { bytes in
      let raw = UnsafeRawBufferPointer(bytes)
      let value = kind.parse(raw)
      let form = DeliveredText.form(of: raw, kind: kind, value: value)
      #expect(String(UnicodeScalar(form)) == expected)
      if form != DeliveredText.otherForm, let value {
        #expect(DeliveredText.text(value, kind: kind, form: form) == text)
      }
    }
  }

  @Test func whatEverHasAFormComesBackToTheByte() {
    let characters: [Character] = ["0", "1", "9", ".", "-", "5"]
    var state: UInt64 = 7
    for _ in 0..<20_000 {
      var text = ""
      state = state &* 6_364_136_223_846_793_005 &+ 1
      for k in 0..<Int(state >> 60) % 6 + 1 { text.append(characters[Int(state >> (8 + 6 * k)) % 6]) }
      for kind in [ValueKind.money, .quantity, .price, .ratio, .integer] {
        var copy = text
        copy.withUTF8 { bytes in
          let raw = UnsafeRawBufferPointer(bytes)
          let value = kind.parse(raw)
          let form = DeliveredText.form(of: raw, kind: kind, value: value)
          if form != DeliveredText.otherForm, let value {
            #expect(DeliveredText.text(value, kind: kind, form: form) == text, "\(kind)")
          }
        }
      }
    }
  }
}

@Suite struct CodeTableRollBackTests {
  @Test func codesAfterTheMarkAreForgottenAndEarlierOnesStay() {
    let table = CodeTable()
    let early = (0..<3_000).map { table.intern("early \($0)") }
    let lower = table.intern("abc")
    let mark = table.count
    let upper = table.folded(lower)
    #expect(Int(upper) == mark)
    for round in 0..<3 {
      for i in 0..<5_000 { _ = table.intern("late \(round) \(i)") }
      table.rollBack(to: mark)
      #expect(table.count == mark)
      #expect(table.find("late \(round) 17") == nil)
      #expect((0..<3_000).allSatisfy { table.intern("early \($0)") == early[$0] })
      #expect(table.text(table.folded(lower)) == "ABC")
      table.rollBack(to: mark)
    }
  }

  @Test func aCopyGoesItsOwnWay() {
    let table = CodeTable()
    let a = table.intern("a")
    let copy = CodeTable(copying: table)
    let b = copy.intern("b")
    #expect(copy.intern("a") == a)
    #expect(table.find("b") == nil)
    #expect(table.intern("c") == b)
  }
}

@Suite struct PersonSliceTests {
  /// The hash is part of the store's format: these were worked out by hand with the same steps in another language.
  @Test func theHashIsFixed() {
    func slice(_ text: String) -> UInt16 {
      var text = text
      return text.withUTF8 { PersonSlice.of(UnsafeRawBufferPointer($0)) }
    }
    #expect(slice("") == 0)
    #expect(slice("T001") == 31952)
    #expect(slice("99000000000000000001") == 30550)
  }
}
