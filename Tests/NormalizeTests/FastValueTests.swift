import ClaimModel
import Intake
import Testing

@testable import Normalize

/// The fast ways of typing against the definitions, `ValueKind.parse` and `DeliveredText.form`.
@Suite struct FastValueTests {
  static let kinds: [ValueKind] = [.money, .quantity, .price, .ratio, .integer, .day, .time]

  static func seeded(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Types a text that stands in the middle of other bytes, which must not matter.
  private func typed(_ text: [UInt8], _ kind: ValueKind, before: UInt8) -> FastValues.Typed {
    let memory = [before] + text + [UInt8](repeating: before, count: 32)
    return memory.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return FastValues.Typed(value: 0, form: 0) }
      if kind == .day || kind == .time {
        var last = FastValues.LastDate()
        return FastValues.date(base + 1, text.count, kind: kind, &last)
      }
      return FastValues.decimal(base + 1, text.count, kind: kind, scale: kind.scale ?? 0)
    }
  }

  private func check(_ text: [UInt8]) {
    if text.isEmpty { return }
    for kind in Self.kinds {
      let (value, form) = text.withUnsafeBytes { bytes in
        let value = kind.parse(bytes)
        return (value, DeliveredText.form(of: bytes, kind: kind, value: value))
      }
      for before in [UInt8(0x39), 0x2D, 0xFF, 0x2E] {
        let fast = typed(text, kind, before: before)
        let name = String(decoding: text, as: UTF8.self)
        #expect(fast.value == value ?? ColumnData.null, "\(kind) of '\(name)'")
        #expect(fast.form == form, "form of \(kind) of '\(name)'")
      }
    }
  }

  @Test func textsThatLookAlike() {
    let texts = [
      "0", "1", "9", "00", "01", "0.0", "0.00", ".", "-", "+", "-.", "+.", ".5", "5.", "-.5", "-5.", "-0", "-0.0", "+1",
      "--1", "-+1", "1-", "1.2.3", "..1", "1..", "12.345", "12.340", "12.3400", "12.34000", "1.000001", "1.0000001",
      "1.0000000", "99999999", "-99999999", "999999.99", "9999999.99", "12345678.9", "123456789", "123456789.12",
      "-123456789.12", "12345678901234.56", "123456789012345.6", "1234567890123456", "12345678901234567",
      "999999999999999999", "1000000000000000000", "9999999999999999.99", "99999999999999999.99", "00000000000000001.5",
      "000000000000000000000.5", "1,000", "1e3", " 1", "1 ", "１", "a", "0x1", "1/2", "1:2", "\u{0}1", "1\u{0}", "/",
      ":",
      "2025-03-01", "2025-02-29", "2024-02-29", "2000-02-29", "1900-02-29", "0000-01-01", "0001-01-01", "9999-12-31",
      "2025-13-01", "2025-00-01", "2025-01-00", "2025-04-31", "2025/03/01", "2025-03-01 00:00:00",
      "2025-03-01T23:59:59", "2025-03-01t23:59:59", "2025-03-01 24:00:00", "2025-03-01 23:60:00", "2025-03-01 23:59:60",
      "2025-03-01 23:59", "2025-03-01 23:59:5", "2025-03-01 23:59:59.", "2025-03-01 23:59:59.1", "2025-03-01 23-59-59",
      "2025-03-0a", "2025-03-01 2a:00:00", "20a5-03-01", "2025-03-01_00:00:00", "２025-03-1",
    ]
    for text in texts { check(Array(text.utf8)) }
  }

  @Test func randomTexts() {
    let digits: [UInt8] = Array("0123456789".utf8)
    let odd: [UInt8] = Array("0019.-+ :/T\u{1F}".utf8) + [0x00, 0x7F, 0x80, 0xFF, 0xAE, 0xB0, 0xB9]
    var state: UInt64 = 11
    for _ in 0..<6_000 {
      let length = Int(Self.seeded(&state) % 22) + 1
      var text = (0..<length).map { _ in digits[Int(Self.seeded(&state) % 10)] }
      if Self.seeded(&state) % 3 != 0 { text[Int(Self.seeded(&state) % UInt64(length))] = 0x2E }
      if Self.seeded(&state) % 4 == 0 { text[0] = 0x2D }
      for _ in 0..<Int(Self.seeded(&state) % 3) {
        text[Int(Self.seeded(&state) % UInt64(length))] = odd[Int(Self.seeded(&state) % UInt64(odd.count))]
      }
      check(text)
    }
  }

  @Test func randomDates() {
    let odd: [UInt8] = Array("09-:T .a".utf8) + [0x00, 0x80, 0xFF, 0xAD, 0xB0]
    var state: UInt64 = 12
    for _ in 0..<3_000 {
      var text = Array(CivilTime.text(time: Int64(Self.seeded(&state) % 4_000_000_000)).utf8)
      if Self.seeded(&state) % 3 == 0 { text = Array(text.prefix(10)) }
      for _ in 0..<Int(Self.seeded(&state) % 3) {
        let at = Int(Self.seeded(&state) % UInt64(text.count))
        text[at] =
          Self.seeded(&state) % 2 == 0
          ? odd[Int(Self.seeded(&state) % UInt64(odd.count))] : 0x30 + UInt8(Self.seeded(&state) % 10)
      }
      check(text)
    }
  }
}
