/// A statement of a script that makes a table.
struct ScriptTable: Sendable, Hashable {
  var name: String
  /// The SELECT behind AS.
  var query: String
}

/// The tables that a script of ours makes, in their order: statements `CACHE TABLE name AS SELECT …`, as the dialect
/// writes them. Remarks are left out, statements of another kind (indexes) too.
///
/// Semicolons in texts, names and remarks end no statement.
func scriptTables(_ text: String, _ dialect: Dialect) -> [ScriptTable] {
  let begin = Array(dialect.createTable.utf8)
  var result: [ScriptTable] = []
  for statement in statements(text) where statement.starts(with: begin) {
    var at = begin.count
    func skipBlanks() { while at < statement.count, isBlank(statement[at]) { at += 1 } }
    skipBlanks()
    var name: [UInt8] = []
    if at < statement.count, isQuote(statement[at]) {
      let quote = statement[at]
      at += 1
      while at < statement.count, statement[at] != quote {
        name.append(statement[at])
        at += 1
      }
      at += 1
    } else {
      while at < statement.count, !isBlank(statement[at]) {
        name.append(statement[at])
        at += 1
      }
    }
    skipBlanks()
    guard at + 2 < statement.count, statement[at] == UInt8(ascii: "A"), statement[at + 1] == UInt8(ascii: "S") else {
      continue
    }
    at += 2
    skipBlanks()
    result.append(
      ScriptTable(name: String(decoding: name, as: UTF8.self), query: String(decoding: statement[at...], as: UTF8.self))
    )
  }
  return result
}

/// The tables, of the given ones, that a query reads: words of their own, or, if there is a blank in the name, in
/// backquotes; other names in backquotes are aliases and columns.
func tablesRead(by query: String, among names: Set<String>) -> Set<String> {
  var found: Set<String> = []
  let bytes = Array(query.utf8)
  var i = 0
  while i < bytes.count {
    let c = bytes[i]
    if isQuote(c) {
      let start = i + 1
      i = endOfQuoted(bytes, i)
      if c == UInt8(ascii: "`"), start <= i - 1 {
        let name = String(decoding: bytes[start..<i - 1], as: UTF8.self)
        if name.utf8.contains(0x20), names.contains(name) { found.insert(name) }
      }
    } else if isWord(c) {
      let start = i
      while i < bytes.count, isWord(bytes[i]) { i += 1 }
      // `a.name` is a column.
      if start > 0, bytes[start - 1] == UInt8(ascii: ".") { continue }
      let name = String(decoding: bytes[start..<i], as: UTF8.self)
      if names.contains(name) { found.insert(name) }
    } else {
      i += 1
    }
  }
  return found
}

/// The quoted columns of an alias that a query speaks of, as in r.`line.setl_id`.
func columnsRead(of alias: String, by query: String) -> Set<String> {
  var found: Set<String> = []
  let bytes = Array(query.utf8)
  let before = Array((alias + ".").utf8)
  var i = 0
  while i < bytes.count {
    guard isQuote(bytes[i]) else {
      i += 1
      continue
    }
    let start = i
    i = endOfQuoted(bytes, i)
    guard bytes[start] == UInt8(ascii: "`"), start >= before.count, i > start + 1,
      bytes[start - before.count..<start].elementsEqual(before),
      start == before.count || !isWord(bytes[start - before.count - 1])
    else { continue }
    found.insert(String(decoding: bytes[start + 1..<i - 1], as: UTF8.self))
  }
  return found
}

/// The statements of a script, without remarks, blanks and semicolons around them.
private func statements(_ text: String) -> [ArraySlice<UInt8>.SubSequence] {
  var bytes: [UInt8] = []
  var result: [[UInt8]] = []
  let source = Array(text.utf8)
  var i = 0
  while i < source.count {
    let c = source[i]
    if isQuote(c) {
      let end = endOfQuoted(source, i)
      bytes += source[i..<end]
      i = end
    } else if c == UInt8(ascii: "-"), i + 1 < source.count, source[i + 1] == c {
      while i < source.count, source[i] != UInt8(ascii: "\n") { i += 1 }
    } else if c == UInt8(ascii: "/"), i + 1 < source.count, source[i + 1] == UInt8(ascii: "*") {
      i += 2
      while i + 1 < source.count, !(source[i] == UInt8(ascii: "*") && source[i + 1] == UInt8(ascii: "/")) { i += 1 }
      i = min(source.count, i + 2)
    } else if c == UInt8(ascii: ";") {
      result.append(bytes)
      bytes = []
      i += 1
    } else {
      bytes.append(c)
      i += 1
    }
  }
  result.append(bytes)
  return result.map { statement in
    var slice = statement[...]
    while let first = slice.first, isBlank(first) { slice.removeFirst() }
    while let last = slice.last, isBlank(last) { slice.removeLast() }
    return ArraySlice(Array(slice))
  }.filter { !$0.isEmpty }
}

/// The place behind the quote that ends what begins at a place; a backslash in a text escapes what follows it.
private func endOfQuoted(_ bytes: [UInt8], _ start: Int) -> Int {
  let quote = bytes[start]
  var i = start + 1
  while i < bytes.count, bytes[i] != quote {
    i += bytes[i] == UInt8(ascii: "\\") && quote == UInt8(ascii: "'") ? 2 : 1
  }
  return min(bytes.count, i + 1)
}

private func isQuote(_ c: UInt8) -> Bool { c == UInt8(ascii: "'") || c == UInt8(ascii: "`") || c == UInt8(ascii: "\"") }

private func isBlank(_ c: UInt8) -> Bool { c == 0x20 || c == 0x0A || c == 0x09 || c == 0x0D }

private func isWord(_ c: UInt8) -> Bool {
  switch c {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"),
    UInt8(ascii: "_"):
    true
  default: c >= 0x80
  }
}
