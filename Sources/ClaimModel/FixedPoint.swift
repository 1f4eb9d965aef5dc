/// Decimal numbers as scaled integers. No floating point touches an amount.
public enum FixedPoint {
  /// Parses an optional sign, digits and a decimal point; the value times 10^scale.
  ///
  /// Decimals beyond the scale must be zeros. `.5` and `5.` are taken (Oracle writes the first). A scaled value of more
  /// than 18 digits (17 whole ones at scale 2; leading zeros don't count), blanks, thousands separators and exponents
  /// give nil.
  public static func parse(_ b: UnsafeRawBufferPointer, scale: Int) -> Int64? {
    var i = 0
    var negative = false
    if i < b.count, b[i] == 0x2D || b[i] == 0x2B {
      negative = b[i] == 0x2D
      i += 1
    }
    var value: Int64 = 0
    var seen = 0
    while i < b.count, b[i] >= 0x30, b[i] <= 0x39 {
      let (m, o) = value.multipliedReportingOverflow(by: 10)
      let (s, p) = m.addingReportingOverflow(Int64(b[i] - 0x30))
      if o || p { return nil }
      value = s
      seen += 1
      i += 1
    }
    var decimals = 0
    if i < b.count, b[i] == 0x2E {
      i += 1
      while i < b.count, b[i] >= 0x30, b[i] <= 0x39 {
        if decimals < scale {
          let (m, o) = value.multipliedReportingOverflow(by: 10)
          let (s, p) = m.addingReportingOverflow(Int64(b[i] - 0x30))
          if o || p { return nil }
          value = s
          decimals += 1
        } else if b[i] != 0x30 {
          return nil
        }
        seen += 1
        i += 1
      }
    }
    if i != b.count || seen == 0 { return nil }
    while decimals < scale {
      let (m, o) = value.multipliedReportingOverflow(by: 10)
      if o { return nil }
      value = m
      decimals += 1
    }
    if value >= 1_000_000_000_000_000_000 { return nil }
    return negative ? -value : value
  }

  /// As above, from a text.
  public static func parse(_ text: String, scale: Int) -> Int64? {
    var text = text
    return text.withUTF8 { parse(UnsafeRawBufferPointer($0), scale: scale) }
  }

  /// `-12.34` for (-1234, 2); no thousands separators.
  public static func text(_ value: Int64, scale: Int) -> String {
    text(String(value.magnitude), isNegative: value < 0, scale: scale)
  }

  /// As above, of a sum over many rows, which may need 128 bits.
  public static func text(_ value: some BinaryInteger, scale: Int) -> String {
    text(String(value.magnitude), isNegative: value < 0, scale: scale)
  }

  /// Fen as yuan with thousands separators, for people: `12,345.67`. Every number has a text, the least one too.
  public static func yuan(_ fen: Int64) -> String { yuan(String(fen.magnitude), isNegative: fen < 0) }

  /// As above, of a sum over many rows, which may need 128 bits.
  public static func yuan(_ fen: some BinaryInteger) -> String { yuan(String(fen.magnitude), isNegative: fen < 0) }

  private static func text(_ magnitude: String, isNegative: Bool, scale: Int) -> String {
    let sign = isNegative ? "-" : ""
    if scale == 0 { return sign + magnitude }
    var digits = magnitude
    if digits.count <= scale { digits = String(repeating: "0", count: scale + 1 - digits.count) + digits }
    return sign + digits.dropLast(scale) + "." + digits.suffix(scale)
  }

  private static func yuan(_ magnitude: String, isNegative: Bool) -> String {
    let plain = text(magnitude, isNegative: false, scale: 2)
    let whole = plain.dropLast(3)
    var grouped = isNegative ? "-" : ""
    for (i, c) in whole.enumerated() {
      if i > 0, (whole.count - i) % 3 == 0 { grouped.append(",") }
      grouped.append(c)
    }
    return grouped + plain.suffix(3)
  }
}
