import Testing

@testable import Intake

/// Blanks that are not ASCII, at the ends of values of claim files. Which they are is tested beside registries, of which
/// each looks for the same.
struct BlankTests {
  let scratch = Scratch()
  static let blanks = ["\u{3000}", "\u{00A0}", "\u{2003}", "\u{3000} \u{200B}", " \u{202F}"]

  /// Names as they should come, and the file in which blanks stand at their ends.
  private func file(_ format: (String) -> String, delimiter: Character = ",") -> (names: [String], text: String) {
    let names = (0..<60).map { ["阿司匹林\($0)", "", "中\u{3000}间", "、\($0)。", "\u{20000}"][$0 % 5] }
    var text = feeHeader.replacing(",", with: String(delimiter)) + "\n"
    for (i, name) in names.enumerated() {
      let before = i % 3 == 0 ? Self.blanks[i % 5] : ""
      let after = i % 2 == 0 ? Self.blanks[(i + 1) % 5] : ""
      let fields = ["M\(i)", "\(after)L\(i)", "S1", "P1\(before)", "1", "12.50", "2025-03-04", before + name + after]
      text += fields.map(format).joined(separator: String(delimiter)) + "\n"
    }
    return (names, text)
  }

  private func expectNoBlanks(_ names: [String], _ bytes: [UInt8], rejected: Int = 0) throws {
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", bytes))
    #expect(report.refusal == nil)
    #expect(report.rejectCounts.values.reduce(0, +) == rejected)
    #expect(got.rows.map { Array($0[7].utf8) } == names.map { Array($0.utf8) })
    #expect(got.rows.map { $0[1] } == names.indices.map { "L\($0)" })
    #expect(got.rows.allSatisfy { $0[3] == "P1" && $0[5] == "12.50" })
  }

  @Test func areCutOff() throws {
    let (names, text) = file { $0 }
    try expectNoBlanks(names, Array(text.utf8))
  }

  @Test(arguments: ["'", "\""])
  func areCutOffWithinEnclosures(enclosure: String) throws {
    let (names, text) = file { enclosure + $0 + enclosure }
    try expectNoBlanks(names, Array(text.utf8))
  }

  /// A chunk that is not sound goes line by line.
  @Test func areCutOffBesideADamagedRow() throws {
    let (names, text) = file { $0 }
    try expectNoBlanks(names, Array(text.utf8) + Array("M,L,S,P,1,1,2025-03-04,".utf8) + [0xFF, 0x0A], rejected: 1)
  }

  /// GB18030 has them, too.
  @Test func areCutOffInAnotherCharset() throws {
    let (names, text) = file { $0 }
    try expectNoBlanks(names, encoded(text, "GB18030"))
  }

  /// A tab that parts fields is none, be it within an enclosure.
  @Test func aTabStaysWhereItPartsFields() throws {
    let row = "'M'\t'L'\t'S'\t'P'\t'1'\t'1'\t'2025-03-04'\t'\t甲\u{3000}'\n"
    let text = feeHeader.replacing(",", with: "\t") + "\n" + row
    let (_, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
    #expect(got.rows.map { $0[7] } == ["\t甲"])
  }

  /// Columns are found by their names without blanks.
  @Test func areCutOffInHeaders() throws {
    let text = feeHeader.replacing(",", with: "\u{3000},\u{00A0}") + "\nM,L,S,P,1,1,2025-03-04,甲\n"
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
    #expect(report.refusal == nil && report.members.first?.unknownColumns == [])
    #expect(got.rows.count == 1)
  }

  /// One blank alone, wherever it stands, is met on the way; its neighbours in Unicode are not.
  @Test(
    arguments: ["\u{3000}", "\u{00A0}", "\u{1680}", "\u{2000}", "\u{200B}", "\u{202F}", "\u{205F}"], ["a", "中", "é"])
  func areMetWhereverTheyStand(blank: String, around: String) throws {
    let others = "\u{3001}\u{00A1}\u{1681}\u{1FFF}\u{200C}\u{202E}\u{2060}\u{E000}\u{3400}"
    for before in 0..<70 {
      let head = String(repeating: around, count: before)
      for (text, isThere) in [(head + blank + others, true), (head + blank, true), (head + others, false)] {
        var bytes = Array(text.utf8)
        let count = bytes.count
        bytes += [UInt8](repeating: 0, count: 16)
        var met = ByteScan.Met()
        let end = bytes.withUnsafeMutableBufferPointer { buffer in
          buffer.baseAddress.map { ByteScan.firstInvalidUTF8($0, 0, count, &met) }
        }
        #expect(end == count && met.blank == isThere && met.high, "\(before) \(text.count)")
      }
    }
  }
}
