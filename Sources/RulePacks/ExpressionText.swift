/// An expression as parsed, before names and types are looked at. Ranges count Unicode scalars of its text.
struct Syntax {
  indirect enum Kind {
    /// Words joined by dots.
    case name([Word])
    case parameter(String)
    /// Digits with at most one point, as written; a leading minus included.
    case number(String)
    case text(String)
    case date(String)
    case boolean(Bool)
    case call(String, [Syntax])
    /// `EXISTS(x IN path WHERE condition)`, `SUM(x IN path WHERE condition: value)`; the function of
    /// `COUNT(DISTINCT x IN path: value)` is COUNT DISTINCT.
    case children(String, variable: Word, path: [Word], condition: Syntax?, value: Syntax?)
    /// `COUNT(*)`, `MIN(value)`, `ALL(condition)`, `COUNT(DISTINCT value)`, `ONLY(value)`: over the hits of one key, or
    /// over the rows a formed row is made of.
    case hits(String, Syntax?)
    /// `alias.MIN(value)` and `alias.MAX(value)`.
    case ofGroup(Word, String, Syntax)
    case arithmetic(String, Syntax, Syntax)
    case compare(String, Syntax, Syntax)
    case isSame(Syntax, Syntax, negated: Bool)
    case isNull(Syntax, negated: Bool)
    case isBoolean(Syntax, Bool, negated: Bool)
    case isFound(Syntax, found: Bool, negated: Bool)
    case inList(Syntax, [Syntax], negated: Bool)
    case startsWith(Syntax, [(text: String, range: Range<Int>)], negated: Bool)
    case between(Syntax, Syntax, Syntax, negated: Bool)
    case contains(Syntax, column: Word, Syntax)
    case and([Syntax])
    case or([Syntax])
    case not(Syntax)
  }
  var kind: Kind
  var range: Range<Int>
}

struct Word {
  var text: String
  var range: Range<Int>
}

/// What stopped the parser: one per expression.
struct SyntaxProblem: Error {
  var message: String
  var range: Range<Int>
  var remedy: String?
}

struct Token {
  enum Kind: Equatable { case word, number, text, symbol, parameter, end }
  var kind: Kind
  /// The text of a literal without quotes, the name of a parameter without `$`.
  var text: String
  var range: Range<Int>
}

/// Cuts an expression into tokens.
func tokens(of source: String) throws(SyntaxProblem) -> [Token] {
  let s = Array(source.unicodeScalars)
  var result: [Token] = []
  var i = 0
  func isLetter(_ c: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(c) || ("A"..."Z").contains(c) || c == "_"
  }
  func isDigit(_ c: Unicode.Scalar) -> Bool { ("0"..."9").contains(c) }
  func string(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: s[range])
    return String(view)
  }
  while i < s.count {
    let c = s[i]
    let start = i
    if c == " " || c == "\n" || c == "\t" {
      i += 1
    } else if isLetter(c) {
      while i < s.count, isLetter(s[i]) || isDigit(s[i]) { i += 1 }
      result.append(Token(kind: .word, text: string(start..<i), range: start..<i))
    } else if isDigit(c) {
      while i < s.count, isDigit(s[i]) || (s[i] == "." && i + 1 < s.count && isDigit(s[i + 1])) { i += 1 }
      if i < s.count, isLetter(s[i]) {
        while i < s.count, isLetter(s[i]) || isDigit(s[i]) { i += 1 }
        throw SyntaxProblem(
          message: "\(string(start..<i)) is neither a number nor a name", range: start..<i,
          remedy: "write codes in quotes: '\(string(start..<i))'")
      }
      let text = string(start..<i)
      if text.unicodeScalars.count(where: { $0 == "." }) > 1 {
        throw SyntaxProblem(message: "\(text) is not a number", range: start..<i, remedy: "one decimal point at most")
      }
      result.append(Token(kind: .number, text: text, range: start..<i))
    } else if c == "'" {
      var text = String.UnicodeScalarView()
      i += 1
      var closed = false
      while i < s.count {
        if s[i] == "'" {
          if i + 1 < s.count, s[i + 1] == "'" {
            text.append("'")
            i += 2
            continue
          }
          closed = true
          i += 1
          break
        }
        text.append(s[i])
        i += 1
      }
      if !closed {
        throw SyntaxProblem(message: "the text has no closing quote", range: start..<s.count, remedy: "end it with '")
      }
      result.append(Token(kind: .text, text: String(text), range: start..<i))
    } else if c == "$" {
      i += 1
      while i < s.count, isLetter(s[i]) || isDigit(s[i]) { i += 1 }
      if i == start + 1 {
        throw SyntaxProblem(
          message: "a parameter needs a name after $", range: start..<i, remedy: "for example $min_nights")
      }
      result.append(Token(kind: .parameter, text: string(start + 1..<i), range: start..<i))
    } else {
      let two = i + 1 < s.count ? string(i..<i + 2) : ""
      if two == "<>" || two == "<=" || two == ">=" {
        i += 2
      } else if two == "!=" {
        throw SyntaxProblem(message: "!= is not part of the language", range: i..<i + 2, remedy: "write <>")
      } else if two == "==" {
        throw SyntaxProblem(message: "== is not part of the language", range: i..<i + 2, remedy: "write =")
      } else if two == "||" || two == "&&" {
        throw SyntaxProblem(
          message: "\(two) is not part of the language", range: i..<i + 2,
          remedy: two == "||" ? "write OR" : "write AND")
      } else if "=<>+-*(),.:".unicodeScalars.contains(c) {
        i += 1
      } else {
        throw SyntaxProblem(
          message: "character \(Character(c)) can't stand in an expression", range: i..<i + 1,
          remedy: remedy(forStray: c))
      }
      result.append(Token(kind: .symbol, text: string(start..<i), range: start..<i))
    }
  }
  result.append(Token(kind: .end, text: "", range: s.count..<s.count + 1))
  return result
}

private func remedy(forStray c: Unicode.Scalar) -> String? {
  switch c {
  case "\"", "“", "”", "‘", "’", "`": "texts stand in straight single quotes: '103'"
  case "/": "there is no division; multiply the other side"
  case "，": "write the half-width comma ,"
  case "（": "write the half-width parenthesis ("
  case "）": "write the half-width parenthesis )"
  case "＝": "write the half-width ="
  case "；", ";": "one expression, without ;"
  default: nil
  }
}

/// Recursive descent over SQL-like text; OR binds loosest, then AND, NOT, predicates, + and -, *.
struct ExpressionParser {
  private let all: [Token]
  private var at = 0
  private var depth = 0

  static func parse(_ source: String) throws(SyntaxProblem) -> Syntax {
    var parser = ExpressionParser(all: try tokens(of: source))
    if parser.peek.kind == .end {
      throw SyntaxProblem(message: "the expression is empty", range: 0..<1, remedy: "write a condition or drop the key")
    }
    let result = try parser.disjunction()
    if parser.peek.kind != .end { throw parser.unexpected("an operator or the end") }
    return result
  }

  private init(all: [Token]) { self.all = all }

  static let keywords: Set<String> = [
    "AND", "OR", "NOT", "IS", "IN", "NULL", "TRUE", "FALSE", "MISSING", "FOUND", "STARTS", "WITH", "CONTAINS", "WHERE",
    "BETWEEN", "LIKE", "DISTINCT",
  ]
  static let rowFunctions = ["LEAST", "GREATEST", "COALESCE", "DATE", "NUMBER", "PREFIX", "PERCENT", "AT_MAX"]
  static let setFunctions = ["EXISTS", "COUNT", "SUM", "MIN", "MAX", "ALL", "ANY", "ONLY"]

  private var peek: Token { all[at] }
  private func ahead(_ n: Int) -> Token { all[min(at + n, all.count - 1)] }
  private var last: Token { all[max(0, at - 1)] }

  private mutating func next() -> Token {
    let token = all[at]
    if at < all.count - 1 { at += 1 }
    return token
  }

  private func isWord(_ word: String, _ offset: Int = 0) -> Bool {
    ahead(offset).kind == .word && ahead(offset).text.uppercased() == word
  }
  private func isSymbol(_ symbol: String, _ offset: Int = 0) -> Bool {
    ahead(offset).kind == .symbol && ahead(offset).text == symbol
  }
  private mutating func take(_ word: String) -> Bool {
    if isWord(word) {
      at += 1
      return true
    }
    return false
  }
  private mutating func takeSymbol(_ symbol: String) -> Bool {
    if isSymbol(symbol) {
      at += 1
      return true
    }
    return false
  }
  private mutating func expect(_ symbol: String) throws(SyntaxProblem) {
    if !takeSymbol(symbol) { throw unexpected(symbol) }
  }
  private func unexpected(_ wanted: String) -> SyntaxProblem {
    let token = peek
    if token.kind == .end {
      // Marks the last character that stands there.
      let end = last.range.upperBound
      return SyntaxProblem(
        message: "the expression ends where \(wanted) should follow", range: max(0, end - 1)..<end, remedy: nil)
    }
    let shown = token.kind == .text ? "'\(token.text)'" : token.kind == .parameter ? "$\(token.text)" : token.text
    return SyntaxProblem(message: "found \(shown) where \(wanted) should stand", range: token.range, remedy: nil)
  }

  private mutating func disjunction() throws(SyntaxProblem) -> Syntax {
    depth += 1
    defer { depth -= 1 }
    if depth > 60 {
      throw SyntaxProblem(
        message: "the expression is nested too deep", range: peek.range, remedy: "name its parts under let")
    }
    var parts = [try conjunction()]
    while take("OR") { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : join(.or(parts), parts)
  }

  private mutating func conjunction() throws(SyntaxProblem) -> Syntax {
    var parts = [try negation()]
    while take("AND") { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : join(.and(parts), parts)
  }

  private func join(_ kind: Syntax.Kind, _ parts: [Syntax]) -> Syntax {
    Syntax(kind: kind, range: parts[0].range.lowerBound..<parts[parts.count - 1].range.upperBound)
  }

  private mutating func negation() throws(SyntaxProblem) -> Syntax {
    let start = peek.range.lowerBound
    var negations = 0
    while take("NOT") { negations += 1 }
    var result = try predicate()
    for _ in 0..<negations { result = Syntax(kind: .not(result), range: start..<result.range.upperBound) }
    return result
  }

  private mutating func predicate() throws(SyntaxProblem) -> Syntax {
    let left = try sum()
    func done(_ kind: Syntax.Kind) -> Syntax {
      Syntax(kind: kind, range: left.range.lowerBound..<last.range.upperBound)
    }
    if peek.kind == .symbol, ["=", "<>", "<", "<=", ">", ">="].contains(peek.text) {
      let symbol = next().text
      let right = try sum()
      return done(.compare(symbol, left, right))
    }
    if take("IS") {
      let negated = take("NOT")
      if take("NULL") { return done(.isNull(left, negated: negated)) }
      if take("TRUE") { return done(.isBoolean(left, true, negated: negated)) }
      if take("FALSE") { return done(.isBoolean(left, false, negated: negated)) }
      if take("MISSING") { return done(.isFound(left, found: false, negated: negated)) }
      if take("FOUND") { return done(.isFound(left, found: true, negated: negated)) }
      let right = try sum()
      return done(.isSame(left, right, negated: negated))
    }
    let negated =
      isWord("NOT") && (isWord("IN", 1) || isWord("STARTS", 1) || isWord("BETWEEN", 1) || isWord("LIKE", 1))
    if negated { at += 1 }
    if take("IN") {
      try expect("(")
      var values = [try sum()]
      while takeSymbol(",") { values.append(try sum()) }
      try expect(")")
      return done(.inList(left, values, negated: negated))
    }
    if take("STARTS") {
      if !take("WITH") { throw unexpected("WITH") }
      var prefixes: [(text: String, range: Range<Int>)] = []
      let many = takeSymbol("(")
      repeat {
        guard peek.kind == .text else { throw unexpected("a text in quotes") }
        let token = next()
        prefixes.append((token.text, token.range))
      } while many && takeSymbol(",")
      if many { try expect(")") }
      return done(.startsWith(left, prefixes, negated: negated))
    }
    if take("BETWEEN") {
      let low = try sum()
      if !take("AND") { throw unexpected("AND") }
      let high = try sum()
      return done(.between(left, low, high, negated: negated))
    }
    if isWord("LIKE") {
      throw SyntaxProblem(
        message: "LIKE is not part of the language", range: peek.range, remedy: "write STARTS WITH 'prefix'")
    }
    if take("CONTAINS") {
      guard peek.kind == .word else { throw unexpected("a column of the lookup's table") }
      let column = next()
      try expect("=")
      let value = try sum()
      return done(.contains(left, column: Word(text: column.text, range: column.range), value))
    }
    return left
  }

  private mutating func sum() throws(SyntaxProblem) -> Syntax {
    var left = try product()
    while isSymbol("+") || isSymbol("-") {
      let symbol = next().text
      let right = try product()
      left = join(.arithmetic(symbol, left, right), [left, right])
    }
    return left
  }

  private mutating func product() throws(SyntaxProblem) -> Syntax {
    var left = try atom()
    while isSymbol("*") {
      at += 1
      let right = try atom()
      left = join(.arithmetic("*", left, right), [left, right])
    }
    return left
  }

  private mutating func atom() throws(SyntaxProblem) -> Syntax {
    let token = peek
    switch token.kind {
    case .number:
      at += 1
      return Syntax(kind: .number(token.text), range: token.range)
    case .text:
      at += 1
      return Syntax(kind: .text(token.text), range: token.range)
    case .parameter:
      at += 1
      return Syntax(kind: .parameter(token.text), range: token.range)
    case .symbol where token.text == "-" && ahead(1).kind == .number:
      at += 2
      return Syntax(kind: .number("-" + last.text), range: token.range.lowerBound..<last.range.upperBound)
    case .symbol where token.text == "(":
      at += 1
      let inner = try disjunction()
      try expect(")")
      return Syntax(kind: inner.kind, range: token.range.lowerBound..<last.range.upperBound)
    case .word:
      return try word()
    case .symbol, .end:
      throw unexpected("a column, a literal or a parenthesis")
    }
  }

  private mutating func word() throws(SyntaxProblem) -> Syntax {
    let first = next()
    let upper = first.text.uppercased()
    func done(_ kind: Syntax.Kind) -> Syntax {
      Syntax(kind: kind, range: first.range.lowerBound..<last.range.upperBound)
    }
    if upper == "TRUE" || upper == "FALSE" { return done(.boolean(upper == "TRUE")) }
    if upper == "DATE", peek.kind == .text { return done(.date(next().text)) }
    if upper == "NULL" {
      throw SyntaxProblem(
        message: "NULL stands only after IS", range: first.range, remedy: "write x IS NULL or x IS NOT NULL")
    }
    if upper == "CASE" {
      throw SyntaxProblem(
        message: "CASE is not part of the language", range: first.range, remedy: "use cases, or COALESCE and LEAST")
    }
    if Self.keywords.contains(upper) {
      at -= 1
      throw unexpected("a column, a literal or a parenthesis")
    }
    if isSymbol("(") { return try call(upper, first) }
    var words = [Word(text: first.text, range: first.range)]
    while takeSymbol(".") {
      guard peek.kind == .word else { throw unexpected("a name after the dot") }
      let part = next()
      words.append(Word(text: part.text, range: part.range))
    }
    if isSymbol("("), words.count == 2, ["MIN", "MAX"].contains(words[1].text.uppercased()) {
      at += 1
      let value = try sum()
      try expect(")")
      return done(.ofGroup(words[0], words[1].text.uppercased(), value))
    }
    if isSymbol("(") {
      throw SyntaxProblem(
        message: "\(words.map(\.text).joined(separator: ".")) is no function",
        range: first.range.lowerBound..<last.range.upperBound, remedy: "alias.MIN(column) and alias.MAX(column) are")
    }
    return done(.name(words))
  }

  private mutating func call(_ name: String, _ word: Token) throws(SyntaxProblem) -> Syntax {
    func done(_ kind: Syntax.Kind) -> Syntax {
      Syntax(kind: kind, range: word.range.lowerBound..<last.range.upperBound)
    }
    guard Self.rowFunctions.contains(name) || Self.setFunctions.contains(name) else {
      throw SyntaxProblem(
        message: "there is no function \(word.text)", range: word.range,
        remedy: remedy(for: name, among: Self.rowFunctions + Self.setFunctions))
    }
    try expect("(")
    if Self.rowFunctions.contains(name) {
      var arguments = [try sum()]
      while takeSymbol(",") { arguments.append(try sum()) }
      try expect(")")
      return done(.call(name, arguments))
    }
    var name = name
    if name == "COUNT", take("DISTINCT") { name = "COUNT DISTINCT" }
    if peek.kind == .word, isWord("IN", 1), !["ALL", "ANY", "ONLY"].contains(name), ahead(3).text == "." {
      let variable = next()
      at += 1
      var path: [Word] = []
      repeat {
        guard peek.kind == .word else { throw unexpected("rows such as stay.lines") }
        let part = next()
        path.append(Word(text: part.text, range: part.range))
      } while takeSymbol(".")
      let condition = take("WHERE") ? try disjunction() : nil
      let value = takeSymbol(":") ? try sum() : nil
      try expect(")")
      return done(
        .children(
          name, variable: Word(text: variable.text, range: variable.range), path: path, condition: condition,
          value: value))
    }
    if name == "EXISTS" {
      throw SyntaxProblem(
        message: "EXISTS needs rows", range: word.range.lowerBound..<peek.range.upperBound,
        remedy: "write EXISTS(l IN stay.lines WHERE condition)")
    }
    if name == "COUNT" {
      if !takeSymbol("*") { throw unexpected("* or rows such as l IN stay.lines") }
      try expect(")")
      return done(.hits(name, nil))
    }
    let value = try disjunction()
    try expect(")")
    return done(.hits(name, value))
  }
}
