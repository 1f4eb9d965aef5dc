import Testing

@testable import ClaimModel

/// Columns as bytes and back.
@Suite struct ColumnImageTests {
  private static func image(_ body: (inout ImageWriter) -> Void) -> [UInt8] {
    var out = ImageWriter()
    body(&out)
    return out.bytes
  }

  /// The texts of some rows of an image, through a table of their own; nil if it can't be read.
  private static func texts(_ image: [UInt8], _ count: Int, _ rows: [Int32]) -> [String]? {
    image.withUnsafeBytes { bytes in
      var input = ImageReader(bytes)
      guard let column = input.column(count), input.isAtEnd else { return nil }
      let codes = CodeTable()
      // Not the codes that the writer had.
      _ = codes.intern("somebody else's")
      var found: [UInt32] = []
      return column.add(texts: rows, to: &found, codes) ? found.map { codes.text($0) } : nil
    }
  }

  /// What a column is made of, and whether it is one of serial numbers.
  private static let columns: [(name: String, isSerial: Bool, texts: [String])] = [
    ("serials", true, (0..<300).map { "20251000000000\($0 + 1000)" }),
    ("leading zeros", true, (0..<300).map { "00\($0 + 100)" } + ["", "", ""]),
    ("eighteen nines", true, ["999999999999999999", "000000000000000000", ""]),
    ("nineteen digits", false, (0..<300).map { "202510000000000\($0 + 1000)" }),
    ("another length", false, (0..<300).map { "\($0 * 7)" }),
    ("a letter", false, (0..<300).map { "F\($0 + 100)" }),
    ("a sign", false, (0..<300).map { "-\($0 + 100)" }),
    ("few different", false, (0..<300).map { ["101", "201", "301", ""][$0 % 4] }),
    ("beyond ASCII", false, (0..<300).map { "费用𠮷\($0)" }),
    ("nothing but null", false, ["", "", ""]),
    ("no row", false, []),
  ]

  @Test(arguments: columns.indices) func textsComeBack(_ place: Int) throws {
    let (name, isSerial, texts) = Self.columns[place]
    let codes = CodeTable()
    // Codes are scattered, and some of others stand between them.
    for i in 0..<50 { _ = codes.intern("other \(i)") }
    let own = texts.map { codes.intern($0) }
    for i in 0..<50 { _ = codes.intern("later \(i)") }
    let image = Self.image { $0.texts(own, codes) }
    #expect((image.first == 0x44) == isSerial, "\(name)")
    let all = texts.indices.map { Int32($0) }
    #expect(Self.texts(image, texts.count, all) == texts, "\(name)")
    let some = all.filter { $0 % 3 == 1 }.reversed()
    #expect(Self.texts(image, texts.count, Array(some)) == some.map { texts[Int($0)] }, "\(name)")
    // One writer for several columns: what it knows of a code is of one column.
    let twice = Self.image {
      $0.texts(own, codes)
      $0.texts(Array(own.reversed()), codes)
    }
    #expect(Array(twice.prefix(image.count)) == image, "\(name)")
    #expect(
      Self.texts(Array(twice.dropFirst(image.count)), texts.count, all) == Array(texts.reversed()), "\(name)")
  }

  /// A large table of which a column has few codes goes another way to the same bytes.
  @Test func theTablesSizeDecidesNothing() {
    let texts = ["b", "a", "", "b", "c"]
    let (small, large) = (CodeTable(), CodeTable())
    for i in 0..<1_000 { _ = large.intern("other \(i)") }
    #expect(
      Self.image { $0.texts(texts.map { small.intern($0) }, small) }
        == Self.image { $0.texts(texts.map { large.intern($0) }, large) })
  }

  @Test func numbersComeBack() {
    let null = ColumnData.null
    for values in [
      [1, 2, null, 3], [null, null], [], [Int64.max, null, Int64.min + 1], [-5, 249, null], [0, 65_533, null],
      [7, 7 + 0xFFFF_FFFE, null],
    ] as [[Int64]] {
      let image = Self.image { $0.numbers(values) }
      image.withUnsafeBytes { bytes in
        var input = ImageReader(bytes)
        let column = input.column(values.count)
        var found: [Int64] = []
        let rows = values.indices.map { Int32($0) }
        #expect(column?.add(numbers: rows, to: &found) == true && found == values, "\(values)")
        var codes: [UInt32] = []
        #expect(values.isEmpty || column?.add(texts: rows, to: &codes, CodeTable()) == false, "\(values)")
      }
    }
  }

  /// No damage reads beyond the image or stops the program; a cut one is no column.
  @Test func damageIsNoColumnOrOtherTexts() {
    let codes = CodeTable()
    var state: UInt64 = 11
    for (name, _, texts) in Self.columns where !texts.isEmpty {
      let image = Self.image { $0.texts(texts.map { codes.intern($0) }, codes) }
      let rows = texts.indices.map { Int32($0) }
      for length in 0..<min(image.count, 400) {
        #expect(Self.texts(Array(image[..<length]), texts.count, rows) == nil, "\(name), \(length) bytes")
      }
      for _ in 0..<400 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var damaged = image
        damaged[Int(state >> 33) % min(image.count, 40)] ^= UInt8(1 << (state >> 60 & 7))
        if let found = Self.texts(damaged, texts.count, rows) { #expect(found.count == texts.count, "\(name)") }
      }
    }
    // A column of serial numbers within another would be one without end.
    #expect(Self.texts([UInt8](repeating: 0x44, count: 100), 1, [0]) == nil)
  }
}
