import ClaimModel
import Testing

/// SplitMix64: the same texts everywhere, from a seed.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

/// A code table as a list of texts and a dictionary.
private struct PlainTable {
  var texts: [[UInt8]] = [[]]
  var codes: [[UInt8]: UInt32] = [[]: 0]

  mutating func intern(_ text: [UInt8]) -> UInt32 {
    if let code = codes[text] { return code }
    codes[text] = UInt32(texts.count)
    texts.append(text)
    return UInt32(texts.count - 1)
  }

  mutating func folded(_ code: UInt32) -> UInt32 {
    intern(texts[Int(code)].map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 })
  }

  mutating func rollBack(to count: Int) {
    if count >= texts.count { return }
    for text in texts[count...] { codes[text] = nil }
    texts.removeSubrange(count...)
  }
}

/// Texts of few letters, so that many are the same, share a beginning, or differ in case alone.
private func randomText(_ g: inout Seeded) -> [UInt8] {
  let length = g.next() % 50 == 0 ? Int(g.next() % 6000) : Int(g.next() % 36)
  let shared = Int(g.next() % 30)
  return (0..<length).map { $0 < shared ? 0x30 : [0x61, 0x41, 0x62, 0x00, 0xE7][Int(g.next() % 5)] }
}

private func internedAtOnce(_ texts: [[UInt8]], _ table: CodeTable) -> [UInt32] {
  let bytes = texts.flatMap { $0 }
  return bytes.withUnsafeBytes { bytes in
    guard let base = bytes.baseAddress else { return [] }
    var starts: [UnsafeRawPointer] = []
    var at = 0
    for text in texts {
      starts.append(base + at)
      at += text.count
    }
    return [UInt32](unsafeUninitializedCapacity: texts.count) { codes, count in
      if let codes = codes.baseAddress {
        table.internAll(starts, lengths: texts.map { Int32($0.count) }, count: texts.count, into: codes)
      }
      count = texts.count
    }
  }
}

@Suite struct CodeTableComparisonTests {
  @Test(arguments: 0..<12)
  func anyCourseOfCallsGivesTheCodesOfAPlainTable(seed: UInt64) {
    var g = Seeded(state: seed)
    var tables = [(CodeTable(), PlainTable())]
    for _ in 0..<400 {
      let at = Int(g.next() % UInt64(tables.count))
      let table = tables[at].0
      switch g.next() % 40 {
      case 0 where tables.count < 5:
        tables.append((CodeTable(copying: table), tables[at].1))
      case 1, 2:
        let mark = max(1, table.count - Int(g.next() % 200))
        table.rollBack(to: mark)
        tables[at].1.rollBack(to: mark)
      case 3:
        let mark = 1 + Int(g.next() % UInt64(table.count))
        table.rollBack(to: mark)
        tables[at].1.rollBack(to: mark)
      case 4..<10:
        let code = UInt32(g.next() % UInt64(table.count))
        #expect(table.folded(code) == tables[at].1.folded(code))
      case 10..<16:
        // More than are looked up together, some of them equal.
        let texts = (0..<Int(g.next() % 150)).map { _ in randomText(&g) }.filter { !$0.isEmpty }
        let expected = texts.map { tables[at].1.intern($0) }
        #expect(internedAtOnce(texts, table) == expected)
      default:
        for _ in 0..<20 {
          let text = randomText(&g)
          let expected = tables[at].1.intern(text)
          #expect(text.withUnsafeBytes { table.intern($0) } == expected)
        }
      }
      #expect(table.count == tables[at].1.texts.count)
    }
    // At the end each table knows its own texts and no others: copies share memory, never texts.
    for (table, plain) in tables {
      for (code, text) in plain.texts.enumerated() {
        #expect(table.withBytes(UInt32(code)) { $0.elementsEqual(text) })
        #expect(text.withUnsafeBytes { table.find($0) } == UInt32(code))
      }
      for _ in 0..<200 {
        let text = randomText(&g)
        #expect(text.withUnsafeBytes { table.find($0) } == plain.codes[text])
        let (a, b) = (Int(g.next() % UInt64(table.count)), Int(g.next() % UInt64(table.count)))
        let first = plain.texts[a].lexicographicallyPrecedes(plain.texts[b])
        #expect(table.precedes(UInt32(a), UInt32(b)) == first)
      }
    }
  }

  @Test func bytesStayWhereTheyAreWhileTheTableGrows() {
    let table = CodeTable()
    let code = table.intern("牛津")
    let isSame = table.withBytes(code) { bytes in
      for i in 0..<5_000 { _ = table.intern("more \(i)") }
      return bytes.elementsEqual(Array("牛津".utf8))
    }
    #expect(isSame)
  }
}
