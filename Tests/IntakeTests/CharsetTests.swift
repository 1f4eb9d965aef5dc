import CIconv
import ClaimModel
import Diagnostics
import Testing

@testable import Intake

/// UTF-8 text in another charset.
func encoded(_ text: String, _ charset: String) -> [UInt8] {
  let converter = iconv_open(charset, "UTF-8")
  defer { iconv_close(converter) }
  var input = Array(text.utf8)
  var out = [UInt8](repeating: 0, count: input.count * 4 + 16)
  let room = out.count
  let used = input.withUnsafeMutableBytes { source in
    out.withUnsafeMutableBytes { target in
      var from = source.baseAddress?.assumingMemoryBound(to: CChar.self)
      var left = source.count
      var to = target.baseAddress?.assumingMemoryBound(to: CChar.self)
      var free = room
      _ = iconv(converter, &from, &left, &to, &free)
      return room - free
    }
  }
  return Array(out[..<used])
}

struct CharsetTests {
  let scratch = Scratch()
  static let text = feeFile(30, lineEnd: "\r\n") { "亅寍梊\($0)€𠀀" }

  static let variants: [(Charset, [UInt8])] = [
    (.utf8, Array(text.utf8)), (.utf8, [0xEF, 0xBB, 0xBF] + Array(text.utf8)), (.gb18030, encoded(text, "GB18030")),
    (.gb18030, [0x84, 0x31, 0x95, 0x33] + encoded(text, "GB18030")),
    (.utf16LittleEndian, [0xFF, 0xFE] + encoded(text, "UTF-16LE")),
    (.utf16BigEndian, [0xFE, 0xFF] + encoded(text, "UTF-16BE")),
  ]

  @Test(arguments: variants)
  func reads(charset: Charset, bytes: [UInt8]) throws {
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", bytes))
    #expect(report.refusal == nil)
    #expect(report.members.first?.charset == charset)
    #expect(report.members.first?.unknownColumns == [])
    #expect(got.rows.map { $0[7] } == (1...30).map { "亅寍梊\($0)€𠀀" })
    #expect(got.lines == Array(2...31))
    #expect(report.rejects.isEmpty)
  }

  /// In GB18030 the second byte of a character may be the delimiter; offsets are those of the undecoded bytes.
  @Test(arguments: [("GB18030", 0), ("UTF-16LE", 2)])
  func trailBytesAreNoDelimiters(name: String, mark: Int) throws {
    var text = feeFile(5) { _ in "亅亅" }
    text = String(text.map { $0 == "," ? "|" : $0 })
    let bytes = (mark == 2 ? [0xFF, 0xFE] : []) + encoded(text, name)
    let (report, got) = try read(try scratch.write("fee_list_d_1.txt", bytes))
    #expect(report.members.first?.delimiter == 0x7C)
    #expect(got.rows.map { $0[7] } == [String](repeating: "亅亅", count: 5))
    let unit = mark == 2 ? 2 : 1
    #expect(got.offsets[0] == mark + (feeHeader.utf8.count + 1) * unit)
    let row = encoded("M1|L1|S1|P1|1|12.50|2025-03-04 08:00:00|亅亅\n", name).count
    #expect(got.offsets[1] - got.offsets[0] == row)
  }

  @Test func chineseCaptionsInGB18030() throws {
    let header = "就诊ID,记账流水号,结算ID,人员编号,数量,明细项目费用总额,费用发生时间,备用\n"
    let text = header + "M1,L1,S1,P1,1,12.50,2025-03-04,x\n"
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", encoded(text, "GB18030")))
    #expect(report.refusal == nil)
    #expect(report.members.first?.charset == .gb18030)
    #expect(report.members.first?.unknownColumns == ["备用"])
    #expect(got.rows == [["M1", "L1", "S1", "P1", "1", "12.50", "2025-03-04", "x"]])
  }

  /// More rows than a pass in UTF-8 bears before it gives up, and the first rows are plain ASCII.
  @Test func largeGB18030() throws {
    let text = feeFile(5000) { $0 < 100 ? "x" : "中文\($0)" }
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv.gz", gzip(encoded(text, "GB18030"))))
    #expect(report.members.first?.charset == .gb18030)
    #expect(report.rejects.isEmpty)
    #expect(got.rows.count == 5000)
    #expect(got.restarts == 1)
  }

  @Test func badRowsInGB18030() throws {
    var bytes = encoded(feeFile(3000) { "中文\($0)" }, "GB18030")
    let offset = bytes.count
    bytes += Array("M,L,S,P,1,1,2025-03-04,".utf8) + [0xFF, 0x0A]
    bytes += encoded("M,L,S,P,1,1,2025-03-04,末行", "GB18030")
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", bytes))
    #expect(report.refusal == nil)
    #expect(report.rejects.map(\.code) == ["not-gb18030"])
    #expect(report.rejects.map(\.line) == [3002])
    #expect(report.rejects.map(\.byteOffset) == [offset])
    #expect(got.rows.last?[7] == "末行")
  }

  /// 1,000 per million: 2 bad rows in 2,000 are borne, 3 are not; in GB18030 every row fails here.
  @Test(arguments: [(2, true), (3, false)])
  func rejectLimit(bad: Int, good: Bool) throws {
    var bytes = Array(feeFile(2000 - bad) { _ in "中" }.utf8)
    for _ in 0..<bad { bytes += Array("M,L,S,P,1,1,2025-03-04,".utf8) + [0xFF, 0x0A] }
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", bytes))
    #expect(report.refusal?.code == (good ? nil : "intake.charset"))
    if good {
      #expect(got.rows.count == 1998)
      #expect(report.rejectCounts == ["not-utf8": 2])
    } else {
      #expect(report.reachedRows == 2000)
    }
  }

  /// Fewer rows than `reject_limit` bears are Chinese, and no other is: the file is GB18030, and they are not damage. One
  /// damaged byte among ASCII is, and so is one among Chinese text in UTF-8.
  @Test(arguments: [1, 3])
  func aFewRowsInGB18030(chinese: Int) throws {
    let plain = Array(feeFile(6000) { _ in "" }.utf8)
    func row(_ item: [UInt8]) -> [UInt8] { Array("M,L,S,P,1,1,2025-03-04,".utf8) + item + [0x0A] }
    let few = (0..<chinese).flatMap { _ in row(encoded("冲销", "GB18030")) }
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", plain + few))
    #expect(report.members.first?.charset == .gb18030)
    #expect(report.rejects.isEmpty)
    #expect(got.rows.suffix(chinese).allSatisfy { $0[7] == "冲销" })
    for (name, bytes) in [
      ("fee_list_d_2.csv", plain + row([0xC1, 0x41])), ("fee_list_d_3.csv", plain + few + row([0xB3])),
      ("fee_list_d_4.csv", plain + row(Array("冲".utf8)) + few),
    ] {
      let (report, _) = try read(try scratch.write(name, bytes))
      #expect(report.members.first?.charset == .utf8, "\(name)")
      #expect(report.rejects.allSatisfy { $0.code == "not-utf8" } && !report.rejects.isEmpty, "\(name)")
    }
  }

  /// A damaged last row without a line feed may stand for many that are not there; a whole one, or one that has its line
  /// feed, does not.
  @Test(arguments: [
    ("M1,L9,S1", true), ("M1,L9,S1\n", false), ("M,L,S,P,1,1,2025-03-04,末", false), ("M,L,S,P,1,1,2025-03-04,末,", true),
    ("", false),
  ])
  func aFileThatMayBeCutOff(last: String, isCutOff: Bool) throws {
    for (name, count) in [("fee_list_d_1.csv", 3), ("fee_list_d_2.csv", 30_000)] {
      let bytes = Array((feeFile(count) { _ in "中" } + last).utf8)
      let (report, _) = try read(try scratch.write(name, bytes))
      #expect(report.members.map(\.cutOffLine) == [isCutOff ? count + 2 : nil], "\(count)")
    }
    let half = Array(feeFile(3) { _ in "中" }.utf8).dropLast(3)
    #expect(try read(try scratch.write("fee_list_d_3.csv", Array(half))).0.members.map(\.cutOffLine) == [4])
  }

  @Test func mixedFileIsRefused() throws {
    let bytes = Array(feeFile(50) { _ in "中" }.utf8) + encoded(feeFile(50) { _ in "中文" }, "GB18030")
    #expect(try read(try scratch.write("fee_list_d_1.csv", bytes)).0.refusal?.code == "intake.charset")
  }

  @Test(arguments: ["UTF-16LE", "UTF-16BE"]) func utf16WithoutAMarkIsCalledSo(_ name: String) throws {
    for text in [feeFile(3), feeFile(3, lineEnd: "\r\n")] {
      let (report, got) = try read(try scratch.write("fee_list_d_1.csv", encoded(text, name)))
      #expect(report.refusal?.code == "intake.charset")
      #expect(report.refusal?.message.contains("UTF-16") == true, "\(report.refusal?.message ?? "")")
      #expect(got.rows.isEmpty)
    }
  }

  @Test func utf16CutInAUnit() throws {
    let bytes = [0xFF, 0xFE] + encoded(feeFile(3), "UTF-16LE").dropLast(3)
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", bytes))
    #expect(report.rejects.map(\.code) == ["not-utf16"])
    #expect(got.rows.count == 2)
  }

  /// Well-formedness against the standard library, for each position in a word.
  @Test func utf8Validation() {
    var random = SeededBytes(seed: 11)
    for round in 0..<20_000 {
      let length = round % 4 == 0 ? 200 : 24
      var bytes = (0..<Int(random.next() % UInt64(length))).map { _ in
        [0x41, 0x2C, 0xC3, 0xA9, 0xE4, 0xB8, 0xAD, 0xF0, 0x9F, 0x98, 0x80, 0xED, 0xC0, 0xFF][Int(random.next() % 14)]
          as UInt8
      }
      if round % 4 == 0 {
        // Sound but for one byte, or sound.
        bytes = Array(String((0..<60).map { _ in "a中€é𠮷,\u{E000}\u{800}".randomElement(using: &random) ?? "b" }).utf8)
        if random.next() % 2 == 0 { bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8) }
      }
      let count = bytes.count
      let valid = String(validating: bytes, as: UTF8.self) != nil
      bytes += [UInt8](repeating: 0x80, count: 8)
      let first = bytes.withUnsafeMutableBufferPointer { b in
        b.baseAddress.map { ByteScan.firstInvalidUTF8($0, 0, count) } ?? 0
      }
      #expect((first == count) == valid)
    }
  }
}
