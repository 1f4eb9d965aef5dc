/// How a row's delivered texts are kept beside its typed columns, so that the row can be given back to the byte.
///
/// `forms` is one character for each number column of the table, in documented order:
/// `0`…`9` a decimal number with so many decimals and no needless zero or sign in front; `d` a date `yyyy-MM-dd`; `t` a
/// time `yyyy-MM-dd HH:mm:ss`; `x` anything else: its text stands in `other`. The character of a null column says
/// nothing.
///
/// `other` is a `FieldsBlob`: first the texts of the `x` columns in documented order, then those of the unknown columns
/// in header order. A row that needs none has null.
public enum DeliveredText {
  public static let otherForm: UInt8 = 0x78
  public static let dateForm: UInt8 = 0x64
  public static let timeForm: UInt8 = 0x74

  /// The character for a number column's delivered text, which is not empty.
  ///
  /// - Parameter value: what `kind.parse` made of the text; nil if it is bad.
  public static func form(of text: UnsafeRawBufferPointer, kind: ValueKind, value: Int64?) -> UInt8 {
    guard value != nil else { return otherForm }
    switch kind {
    case .day, .time:
      guard text.count == 10 || text.count == 19, text[4] == 0x2D, text[7] == 0x2D else { return otherForm }
      if text.count == 10 { return dateForm }
      guard kind == .time, text[10] == 0x20, text[13] == 0x3A, text[16] == 0x3A else { return otherForm }
      return timeForm
    case .text: return otherForm
    case .money, .quantity, .price, .ratio, .integer:
      var i = text[0] == 0x2D ? 1 : 0
      let isNegative = i == 1
      let first = i
      var hasDigit = false
      while i < text.count, text[i] >= 0x30, text[i] <= 0x39 {
        hasDigit = hasDigit || text[i] != 0x30
        i += 1
      }
      // A zero in front only as the whole of the integer part.
      if i == first || (i - first > 1 && text[first] == 0x30) { return otherForm }
      var decimals = 0
      if i < text.count {
        if text[i] != 0x2E { return otherForm }
        i += 1
        while i < text.count, text[i] >= 0x30, text[i] <= 0x39 {
          hasDigit = hasDigit || text[i] != 0x30
          decimals += 1
          i += 1
        }
        if i < text.count || decimals == 0 || decimals > kind.scale ?? 0 { return otherForm }
      }
      // "-0.00" is no negative number.
      if isNegative, !hasDigit { return otherForm }
      return 0x30 + UInt8(decimals)
    }
  }

  /// The delivered text of a number that has a form other than `x`; null gives no text.
  public static func text(_ value: Int64, kind: ValueKind, form: UInt8) -> String {
    if value == ColumnData.null { return "" }
    switch form {
    case dateForm: return kind == .day ? CivilTime.text(day: value) : CivilTime.text(day: CivilTime.dayOf(time: value))
    case timeForm: return CivilTime.text(time: value)
    default:
      let scale = kind.scale ?? 0
      let decimals = Int(form) - 0x30
      var digits = String(value.magnitude)
      while digits.utf8.count <= scale { digits = "0" + digits }
      let whole = digits.prefix(digits.utf8.count - scale)
      let fraction = digits.suffix(scale).prefix(decimals)
      return (value < 0 ? "-" : "") + whole + (decimals > 0 ? "." + fraction : "")
    }
  }
}
