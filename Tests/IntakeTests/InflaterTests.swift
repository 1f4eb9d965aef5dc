import CZlib
import ClaimModel
import Diagnostics
import Testing

@testable import Intake

/// What reading a file came to, all of it, so that two ways of reading can be compared.
private struct Outcome: Equatable, CustomStringConvertible {
  var refusal: Diagnostic?
  var digest: String
  var rejects: [String]
  var reached: [Int]
  var rows: [[String]]
  var offsets: [Int]

  var description: String { "\(refusal?.code ?? "good") \(refusal?.message ?? "") \(reached) rows \(rows.count)" }
}

/// The ways beside the slow one (zlib, in one thread).
private let fastWays: [IntakeLimits] = [
  IntakeLimits(inflater: .fastest), IntakeLimits(inflater: .fastest, readsAhead: true),
  IntakeLimits(inflater: .zlib, readsAhead: true),
]

private func outcome(_ file: BatchFile, _ limits: IntakeLimits) throws -> Outcome {
  let (report, got) = try read(file, limits)
  return Outcome(
    refusal: report.refusal, digest: report.digest,
    rejects: report.rejects.map { "\($0.file) \($0.line) \($0.byteOffset) \($0.code)" },
    reached: [report.reachedRows, report.reachedBytes, report.inflatedBytes, report.rowsRead],
    rows: report.refusal == nil ? got.rows : [], offsets: report.refusal == nil ? got.offsets : [])
}

/// A gzip member with every part of a header, of a text, as asked.
private func member(
  _ text: [UInt8], flags: UInt8, extra: Int = 0, name: Int = 0, comment: Int = 0, badHeaderSum: Bool = false
) -> [UInt8] {
  var head: [UInt8] = [0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 0, 255]
  if flags & 4 != 0 { head += [UInt8(extra & 255), UInt8(extra >> 8)] + [UInt8](repeating: 7, count: extra) }
  if flags & 8 != 0 { head += [UInt8](repeating: 0x6E, count: name) + [0] }
  if flags & 16 != 0 { head += [UInt8](repeating: 0x63, count: comment) + [0] }
  if flags & 2 != 0 {
    let sum = crc32(0, head, UInt32(head.count)) & 0xFFFF ^ (badHeaderSum ? 1 : 0)
    head += [UInt8(sum & 255), UInt8(sum >> 8)]
  }
  return head + gzip(text).dropFirst(10)
}

/// A gzip member of stored blocks alone.
private func stored(_ text: [UInt8]) -> [UInt8] {
  var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
  for from in stride(from: 0, to: max(1, text.count), by: 60) {
    let piece = text[from..<min(from + 60, text.count)]
    let n = UInt16(piece.count)
    out += [from + 60 >= text.count ? 1 : 0, UInt8(n & 255), UInt8(n >> 8), UInt8(~n & 255), UInt8(~n >> 8)] + piece
  }
  let sum = crc32(0, text, UInt32(text.count))
  for i in 0..<4 { out.append(UInt8(truncatingIfNeeded: sum >> (8 * UInt(i)))) }
  for i in 0..<4 { out.append(UInt8(truncatingIfNeeded: text.count >> (8 * i))) }
  return out
}

/// The bytes that a source gives, or the diagnostic with which it ends; `NeedsOracle` is nil.
private func drained(_ bytes: [UInt8], _ choice: InflaterChoice, piece: Int, room: Int) throws -> (
  [UInt8], Diagnostic?
)? {
  let inner = PiecewiseSource(bytes, piece: piece)
  let source = GzipSource(
    file: "f.gz", member: nil, limits: IntakeLimits(),
    guardian: BombGuard(limits: IntakeLimits(), file: "f.gz", member: nil), inflater: choice
  ) { try inner.read(into: $0) }
  var out: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: room)
  do {
    while true {
      let n = try chunk.withUnsafeMutableBytes { try source.read(into: $0) }
      if n == 0 { return (out, nil) }
      out += chunk[..<n]
    }
  } catch is NeedsOracle {
    return nil
  } catch let problem as Diagnostic {
    return (out, problem)
  }
}

/// The fast ways of inflating against zlib: same bytes, same refusals, same figures.
struct InflaterTests {
  let scratch = Scratch()
  static let text = Array(feeFile(60) { "药\($0 &* 2_654_435_761 % 1_000_003)" }.utf8)
  static let good = gzip(text)

  private func agrees(_ name: String, _ bytes: [UInt8], _ comment: @autoclosure () -> String) throws {
    let file = try scratch.write(name, bytes)
    let slow = try outcome(file, IntakeLimits(inflater: .zlib))
    for way in fastWays {
      let fast = try outcome(file, way)
      #expect(fast == slow, "\(comment()) \(way.inflater) \(way.readsAhead)")
    }
  }

  @Test func truncatedAtEveryByte() throws {
    for count in 0..<Self.good.count {
      try agrees("fee_list_d_1.csv.gz", Array(Self.good.prefix(count)), "first \(count) bytes")
    }
  }

  @Test(arguments: 0..<6)
  func flippedBits(seed: Int) throws {
    var random = SeededBytes(seed: UInt64(7 + seed))
    for _ in 0..<100 {
      var bytes = Self.good
      for _ in 0...Int(random.next() % 3) {
        let bit = Int(random.next() % UInt64(bytes.count * 8))
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      }
      try agrees("fee_list_d_1.csv.gz", bytes, "seed \(seed)")
    }
  }

  static let shapes: [(String, [UInt8])] = [
    ("plain", good), ("stored", stored(text)), ("stored, empty", stored([])), ("zeros behind", good + [0, 0, 0]),
    ("many zeros behind", good + [UInt8](repeating: 0, count: 700_000)), ("junk behind", good + Array("junk".utf8)),
    ("zeros and junk", good + [0, 0, 1]), ("magic cut", good + [0x1F]), ("wrong second magic", good + [0x1F, 0x00]),
    ("empty members between", gzip([]) + good + gzip([]) + gzip([])), ("only empty members", gzip([]) + gzip([])),
    ("wrong CRC", DamagedFiles.flipped(good, good.count - 7)),
    ("wrong length", DamagedFiles.flipped(good, good.count - 2)),
    ("wrong CRC in the first of two", DamagedFiles.flipped(gzip(Array(text.prefix(900))), 100) + gzip(text)),
    ("name", member(text, flags: 8, name: 30)), ("comment", member(text, flags: 16, comment: 3)),
    ("extra", member(text, flags: 4, extra: 300)), ("empty extra", member(text, flags: 4)),
    ("text flag", member(text, flags: 1)), ("header sum", member(text, flags: 2)),
    ("all of them", member(text, flags: 31, extra: 9, name: 4, comment: 5)),
    ("wrong header sum", member(text, flags: 30, extra: 9, name: 4, comment: 5, badHeaderSum: true)),
    ("unknown flag", member(text, flags: 0x20)), ("unknown method", DamagedFiles.flipped(good, 2)),
    ("long name cut", Array(member(text, flags: 8, name: 400_000).prefix(300_000))),
    ("long name", member(text, flags: 8, name: 400_000)),
  ]
  @Test(arguments: shapes)
  func shape(name: String, bytes: [UInt8]) throws {
    try agrees("fee_list_d_1.csv.gz", bytes, name)
    try agrees("fee_list_d_1.zip", zip([ZipMember("fee_list_d_1.csv.gz", bytes)]), "\(name) in a zip")
  }

  @Test(arguments: [1, 2, 3, 97])
  func membersOfAllLengths(cut: Int) throws {
    var bytes: [UInt8] = []
    for from in stride(from: 0, to: Self.text.count, by: cut) {
      bytes += gzip(Array(Self.text[from..<min(from + cut, Self.text.count)]))
    }
    try agrees("fee_list_d_1.csv.gz", bytes, "members of \(cut)")
    let file = try scratch.write("fee_list_d_1.csv.gz", bytes)
    #expect(try read(file, IntakeLimits(maxGzipMembers: 10)).0.refusal?.code == "intake.bomb")
  }

  /// Every part of a header cut at every byte by the end of a buffer, and output in small pieces.
  @Test(arguments: [1, 2, 3, 5, 7, 11, 13, 64])
  func headersSplitOverBuffers(piece: Int) throws {
    for flags in [UInt8(0), 1, 4, 8, 12, 16, 20, 24, 28, 29] {
      let bytes =
        member(Self.text, flags: flags, extra: 6, name: 5, comment: 4) + member(Self.text, flags: flags, extra: 256)
      for room in [1, 100, 70_000] where room > 1 || piece == 3 {
        let result = try #require(try drained(bytes, .fastest, piece: piece, room: room))
        #expect(result.0 == Self.text + Self.text)
        #expect(result.1 == nil)
      }
    }
  }

  /// Not only refused files: the fast inflater itself must take what is sound, or it would be no use.
  @Test func soundFilesDoNotNeedTheOracle() throws {
    for (name, bytes) in Self.shapes.prefix(5) {
      #expect(try drained(bytes, .fastest, piece: 1000, room: 5000) != nil, "\(name)")
    }
    #expect(try drained(Self.good + [1], .zlib, piece: 1000, room: 5000)?.1?.code == "intake.trailing-bytes")
    if InflaterChoice.hasISAL {
      #expect(try drained(Self.good + [1], .fastest, piece: 1000, room: 5000) == nil)
    }
  }

  /// The source alone: what a guardian says of 70 MiB of which each byte is the same.
  @Test(arguments: [IntakeLimits(maxRatio: 500), IntakeLimits(maxRatio: 1040), IntakeLimits(maxMemberBytes: 1 << 20)])
  func bombs(limits: IntakeLimits) throws {
    let packed = gzip([UInt8](repeating: 0x78, count: 70 << 20))
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    func verdict(_ choice: InflaterChoice) throws -> String {
      let inner = PiecewiseSource(packed, piece: 1 << 20)
      let source = GzipSource(
        file: "f.gz", member: nil, limits: limits, guardian: BombGuard(limits: limits, file: "f.gz", member: nil),
        inflater: choice
      ) { try inner.read(into: $0) }
      do {
        while try chunk.withUnsafeMutableBytes({ try source.read(into: $0) }) > 0 {}
        return "good"
      } catch is NeedsOracle {
        return "unsure"
      } catch let problem as Diagnostic {
        return problem.code
      }
    }
    let slow = try verdict(.zlib)
    let fast = try verdict(.fastest)
    #expect(fast == (InflaterChoice.hasISAL && (slow != "good" || limits.maxRatio == 1040) ? "unsure" : slow))
  }
}

/// Reading ahead where a pass is given up, or its consumer stops it, before the file's end.
struct ReadAheadTests {
  let scratch = Scratch()
  static let large = feeFile(60_000) { "中文\($0)" }

  @Test func aPassGivenUpDoesNotDisturbTheNext() throws {
    let file = try scratch.write("fee_list_d_1.csv.gz", gzip(encoded(Self.large, "GB18030")))
    let (report, got) = try read(file, IntakeLimits(readsAhead: true))
    #expect(report.refusal == nil)
    #expect(report.members.first?.charset == .gb18030)
    #expect(report.digest == (try fingerprint(path: file.path)))
    #expect(got.restarts == 1)
    #expect(got.rows.count == 60_000)
    #expect(got.rows.last?[7] == "中文60000")
  }

  @Test func anErrorOfTheConsumerEndsTheThread() throws {
    let file = try scratch.write("fee_list_d_1.csv.gz", gzip(Array(Self.large.utf8)))
    for _ in 0..<20 {
      #expect(throws: DamagedFiles.Stop.self) {
        try readClaimFile(file, limits: IntakeLimits(readsAhead: true), consumer: DamagedFiles.Thrower())
      }
    }
  }

  @Test func membersOfAZip() throws {
    let text = Array(Self.large.utf8)
    let file = try scratch.write(
      "week.zip", zip([ZipMember("fee_list_d_1.csv", text), ZipMember("fee_list_d_2.csv.gz", gzip(text))]))
    let (report, got) = try read(file, IntakeLimits(readsAhead: true))
    #expect(report.refusal == nil)
    #expect(got.rows.count == 120_000)
  }
}
