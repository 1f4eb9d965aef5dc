import ClaimModel

/// Full-width ASCII and blanks as half-width, invisible marks left out, blanks trimmed: for codes, numbers and headers.
/// Official wordings are only trimmed, see `trimmedText`.
func folded(_ text: String) -> String {
  var scalars = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 0xFF01...0xFF5E: scalars.append(Unicode.Scalar(UInt8(scalar.value - 0xFF01 + 0x21)))
    case 0x3000, 0xA0: scalars.append(" ")
    case 0x200B...0x200F, 0xFEFF, 0x2060: continue
    default: scalars.append(scalar)
    }
  }
  return trimmedText(String(scalars))
}

/// Without blanks and line ends at both ends.
func trimmedText(_ text: String) -> String {
  let scalars = text.unicodeScalars
  func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || scalar.value == 0xFEFF || scalar.value == 0x200B
  }
  guard let first = scalars.firstIndex(where: { !isBlank($0) }), let last = scalars.lastIndex(where: { !isBlank($0) })
  else { return "" }
  return String(scalars[first...last])
}

/// Without any blank, as headers and names of types are compared.
func compact(_ text: String) -> String {
  String(String.UnicodeScalarView(folded(text).unicodeScalars.filter { !$0.properties.isWhitespace }))
}

/// Texts by which spreadsheets and data frames write that there is nothing.
private let nothing: Set<String> = [
  "", "nan", "null", "none", "nil", "n/a", "na", "\\n", "-", "--", "—", "/", "#n/a", "#ref!", "#value!", "#name?",
  "#div/0!", "#null!", "#num!", "无",
]

func isNothing(_ text: String) -> Bool { nothing.contains(folded(text).lowercased()) }

/// Upper case in ASCII.
func uppercased(_ text: String) -> String {
  String(decoding: text.utf8.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 }, as: UTF8.self)
}

/// A whole number: `14`, `14.0` (as spreadsheets store it); nil for anything else.
func wholeNumber(_ text: String) -> Int? {
  var digits = folded(text)[...]
  if let point = digits.firstIndex(of: ".") {
    let fraction = digits[digits.index(after: point)...]
    guard !fraction.isEmpty, fraction.utf8.allSatisfy({ $0 == 0x30 }) else { return nil }
    digits = digits[..<point]
  }
  guard !digits.isEmpty, digits.utf8.count <= 9, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
    return nil
  }
  return Int(digits)
}

/// Whole numbers that stand right before `unit` in a text: 14 of 支付不超过14天.
func numbers(before unit: String, in text: String) -> [Int] {
  let source = folded(text)
  var found: [Int] = []
  var digits = ""
  var rest = source[...]
  while let character = rest.first {
    if character.isASCII, character.isNumber {
      digits.append(character)
    } else {
      if !digits.isEmpty, rest.hasPrefix(unit), let number = wholeNumber(digits) { found.append(number) }
      digits = ""
    }
    rest = rest.dropFirst()
  }
  return found
}

/// A day as workbooks write one: 2025-05-23, 2025/5/23, 2025年5月23日, 20250523, or a spreadsheet's serial number.
func day(_ cell: Sheet.Cell) -> Int64? {
  let text = folded(cell.text)
  if cell.isNumber, let serial = wholeNumber(text), serial > 36_526, serial < 2_958_466 {
    // Day 25569 of a spreadsheet is 1970-01-01.
    return Int64(serial) - 25_569
  }
  let parts = text.split(whereSeparator: { "-/.年月日 ".contains($0) }).prefix(3).compactMap { Int($0) }
  if parts.count == 3 { return CivilTime.day(year: parts[0], month: parts[1], day: parts[2]) }
  if text.utf8.count == 8, let all = Int(text) {
    return CivilTime.day(year: all / 10_000, month: all / 100 % 100, day: all % 100)
  }
  return nil
}

/// `第五批`, `第12批`: the batch that a title or note names; nil if it names none.
func batchNamed(in text: String) -> String? {
  var rest = compact(text)[...]
  while let mark = rest.firstIndex(of: "第") {
    rest = rest[rest.index(after: mark)...]
    guard let end = rest.firstIndex(of: "批") else { return nil }
    let word = String(rest[..<end])
    if let number = wholeNumber(word) ?? chineseNumber(word) { return String(number) }
  }
  return nil
}

/// 一 … 九十九.
private func chineseNumber(_ word: String) -> Int? {
  let digits: [Character: Int] = ["一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9]
  var value = 0
  var pending: Int?
  for character in word {
    if character == "十" {
      if value > 0 { return nil }
      value = (pending ?? 1) * 10
      pending = nil
    } else if let digit = digits[character], pending == nil {
      pending = digit
    } else {
      return nil
    }
  }
  value += pending ?? 0
  return value > 0 ? value : nil
}

/// The day after 发布 or 公布 words (`发布日期：2025年5月23日`); nil if the text names none.
func publicationDay(in text: String) -> Int64? {
  let source = compact(text)
  for word in ["发布日期", "公布日期", "发布时间", "公布时间"] {
    guard let range = source.range(of: word) else { continue }
    let rest = source[range.upperBound...].drop { ":：为于".contains($0) }
    let date = rest.prefix { $0.isASCII && $0.isNumber || "-/.年月日".contains($0) }
    if let found = day(Sheet.Cell(text: String(date))) { return found }
  }
  return nil
}

extension String {
  /// First place of a text, without Foundation.
  fileprivate func range(of word: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(word) { return start..<index(start, offsetBy: word.count) }
      start = index(after: start)
    }
    return nil
  }
}
