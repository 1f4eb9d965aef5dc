import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import Intake

/// Each kind of damage that a file can have, one fact each.
struct DamagedFiles {
  let scratch = Scratch()
  static let good = gzip(Array(feeFile(50).utf8))

  static func flipped(_ bytes: [UInt8], _ at: Int) -> [UInt8] {
    var bytes = bytes
    bytes[at] ^= 0x40
    return bytes
  }

  static let damagedGzips: [(String, [UInt8])] = [
    ("intake.truncated", Array(good.dropLast(1))), ("intake.truncated", Array(good.prefix(good.count / 2))),
    ("intake.truncated", Array(good.prefix(5))), ("intake.truncated", good + good.prefix(12)),
    ("intake.bad-crc", flipped(good, good.count - 8)), ("intake.bad-crc", flipped(good, good.count - 1)),
    ("intake.trailing-bytes", good + [0, 0, 1]), ("intake.trailing-bytes", good + Array("junk".utf8)),
    ("intake.trailing-bytes", good + [0x1F, 0x00, 0x00]), ("intake.trailing-bytes", good + [0, 0] + good),
    ("intake.corrupt", Array(feeFile(3).utf8)), ("intake.empty-file", []), ("intake.empty-file", gzip([])),
  ]
  @Test(arguments: damagedGzips)
  func refusesGzip(code: String, bytes: [UInt8]) throws {
    let (report, _) = try read(try scratch.write("fee_list_d_1.csv.gz", bytes))
    #expect(report.refusal?.code == code)
    #expect(report.refusal?.remedy != nil)
    #expect(report.rowsRead == 0)
  }

  @Test func saysHowFarItGot() throws {
    let text = Array(feeFile(50_000) { "\($0 &* 2_654_435_761 % 1_000_003)" }.utf8)
    let whole = gzip(text)
    let (report, _) = try read(try scratch.write("fee_list_d_1.csv.gz", Array(whole.dropLast(40))))
    #expect(report.refusal?.code == "intake.truncated")
    #expect(report.reachedRows > 10_000 && report.reachedRows < 50_000)
    #expect(report.reachedBytes > 1 << 20 && report.reachedBytes < text.count)
  }

  @Test(arguments: [0, 1, 700_000])
  func takesSeveralMembersAndZerosBehind(zeros: Int) throws {
    let text = Array(feeFile(40).utf8)
    var bytes: [UInt8] = []
    for cut in stride(from: 0, to: text.count, by: 97) { bytes += gzip(Array(text[cut..<min(cut + 97, text.count)])) }
    bytes += gzip([]) + [UInt8](repeating: 0, count: zeros)
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv.gz", bytes))
    #expect(report.refusal == nil)
    #expect(got.rows.count == 40)
    #expect(report.inflatedBytes == text.count)
  }

  @Test func refusesABomb() throws {
    let text = Array(feeHeader.utf8) + [0x0A] + [UInt8](repeating: 0x78, count: 70 << 20)
    let file = try scratch.write("fee_list_d_1.csv.gz", gzip(text))
    #expect(try read(file, IntakeLimits(maxRatio: 500)).0.refusal?.code == "intake.bomb")
    #expect(try read(file, IntakeLimits(maxMemberBytes: 1 << 20)).0.refusal?.code == "intake.bomb")
  }

  /// Writes to the file once the reading has begun.
  final class Meddler: RecordConsumer {
    let meddle: () -> Void
    init(_ meddle: @escaping () -> Void) { self.meddle = meddle }
    func begin(_ layout: FileLayout, member: String?) throws { meddle() }
    func consume(_ block: borrowing RecordBlock) throws {}
    func restart() {}
  }

  @Test(arguments: ["append", "replace", "truncate", "delete"])
  func refusesAFileThatChanges(how: String) throws {
    let file = try scratch.write("fee_list_d_1.csv", Array(feeFile(100_000).utf8))
    let report = try readClaimFile(
      file,
      consumer: Meddler {
        switch how {
        case "append":
          let handle = FileHandle(forWritingAtPath: file.path)
          handle?.seekToEndOfFile()
          handle?.write(Data("x".utf8))
        case "replace":
          try? Data(Array(feeFile(100_000).utf8)).write(to: URL(fileURLWithPath: file.path), options: .atomic)
        case "truncate": truncate(file.path, 100)
        default: unlink(file.path)
        }
      })
    #expect(report.refusal?.code == "intake.changed")
  }

  @Test func refusesWhatCannotBeOpened() throws {
    let missing = BatchFile(path: scratch.path + "/fee_list_d.csv", name: "fee_list_d.csv", size: 1)
    #expect(try read(missing).0.refusal?.code == "intake.unreadable")
    let folder = BatchFile(path: scratch.path, name: "fee_list_d.csv", size: 1)
    #expect(try read(folder).0.refusal?.code == "intake.unreadable")
  }

  /// Opening a pipe that nobody writes to would wait for ever.
  @Test(.timeLimit(.minutes(1))) func aPipeIsNotWaitedFor() throws {
    let path = scratch.path + "/fee_list_d_1.csv"
    #expect(mkfifo(path, 0o600) == 0)
    #expect(try read(BatchFile(path: path, name: "fee_list_d_1.csv", size: 0)).0.refusal?.code == "intake.unreadable")
    #expect(FileIdentity(path: path) == nil)
    #expect(throws: Diagnostic.self) { try fingerprint(path: path) }
  }

  static let packedTwice: [(String, [UInt8])] = [
    ("fee_list_d_1.csv.gz", gzip(gzip(Array(feeFile(3).utf8)))),
    ("fee_list_d_1.csv.gz", gzip(zip([ZipMember("fee_list_d_1.csv", Array(feeFile(3).utf8))]))),
    ("fee_list_d_1.zip", zip([ZipMember("a.zip", zip([ZipMember("fee_list_d_1.csv", Array(feeFile(3).utf8))]))])),
    ("fee_list_d_1.zip", zip([ZipMember("fee_list_d_1.csv", gzip(Array(feeFile(3).utf8)))])),
  ]
  @Test(arguments: packedTwice)
  func refusesWhatIsPackedTwice(name: String, bytes: [UInt8]) throws {
    let (report, got) = try read(try scratch.write(name, bytes))
    #expect(report.refusal?.code == "intake.nested")
    #expect(got.rows.isEmpty)
  }

  @Test func takesAGzipInAZip() throws {
    let bytes = zip([ZipMember("fee_list_d_1.csv.gz", gzip(Array(feeFile(3).utf8)))])
    let (report, got) = try read(try scratch.write("fee_list_d_1.zip", bytes))
    #expect(report.refusal == nil)
    #expect(got.rows.count == 3)
  }

  struct Stop: Error {}
  final class Thrower: RecordConsumer {
    func begin(_ layout: FileLayout, member: String?) throws {}
    func consume(_ block: borrowing RecordBlock) throws { throw Stop() }
    func restart() {}
  }

  @Test func errorsOfTheConsumerAreNotDamage() throws {
    let file = try scratch.write("fee_list_d_1.csv", Array(feeFile(1).utf8))
    #expect(throws: Stop.self) { try readClaimFile(file, consumer: Thrower()) }
  }
}

/// Damage of single rows: each costs only itself.
struct DamagedRows {
  let scratch = Scratch()
  static let good = "M1,L1,S1,P1,1,1,2025-03-04,a"

  static let damagedRows: [(String, String)] = [
    ("short-row", "M1,L1,S1"), ("short-row", ""), ("long-row", good + ",x"),
    ("unclosed-enclosure", "M1,\"L1,S1,P1,1,1,2025-03-04,a"),
    ("unclosed-enclosure", "M1,L1,S1,P1,1,1,2025-03-04,\"a\"\""),
    ("stray-enclosure", "M1,\"L1\"x,S1,P1,1,1,2025-03-04,a"),
    ("stray-enclosure", "M1,\"L1,\"S1\",P1,1,1,2025-03-04,a"), ("stray-enclosure", "M1,L\"1,S1,P1,1,1,2025-03-04,a"),
    ("nul-byte", "M1,L1,S1,P1,1,1,2025-03-04,a\0b"),
    ("field-too-long", "M1,L1,S1,P1,1,1,2025-03-04," + String(repeating: "x", count: (1 << 20) + 1)),
    ("field-too-long", "M1,L1,S1,P1,1,1,2025-03-04," + String(repeating: "x", count: 20 << 20)),
  ]
  @Test(arguments: damagedRows)
  func costsItself(code: String, row: String) throws {
    let before = feeHeader + "\n\"M0\",\"L0\",\"S\",\"P\",\"1\",\"1\",\"2025-03-04\",\"前\"\n"
    let text = before + row + "\r\n" + Self.good + "\n"
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
    #expect(report.refusal == nil)
    #expect(report.rowsRead == 3)
    #expect(report.rejects.map(\.code) == [code])
    #expect(report.rejects.map(\.line) == [3])
    #expect(report.rejects.map(\.byteOffset) == [before.utf8.count])
    #expect(report.rejectCounts == [code: 1])
    #expect(got.lines == [2, 4])
    #expect(got.offsets == [feeHeader.utf8.count + 1, text.utf8.count - Self.good.utf8.count - 1])
    #expect(got.rows.map { $0[7] } == ["前", "a"])
  }

  @Test func takesAFieldOfOneMebibyte() throws {
    let long = String(repeating: "x", count: 1 << 20)
    let text = feeHeader + "\nM1,L1,S1,P1,1,1,2025-03-04," + long + "\n"
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
    #expect(report.rejects.isEmpty)
    #expect(got.rows.first?[7].utf8.count == 1 << 20)
  }

  @Test func oneGBKRowInAUTF8File() throws {
    var bytes = Array(feeFile(20).utf8)
    let offset = bytes.count
    bytes += Array("M,L,S,P,1,1,2025-03-04,".utf8) + [0xB0, 0xA2, 0xCB, 0xBE] + [0x0A]
    bytes += Array("M,L,S,P,1,1,2025-03-04,后来的\n".utf8)
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", bytes))
    #expect(report.refusal == nil)
    #expect(report.members.first?.charset == .utf8)
    #expect(report.rejects.map(\.code) == ["not-utf8"])
    #expect(report.rejects.map(\.line) == [22])
    #expect(report.rejects.map(\.byteOffset) == [offset])
    #expect(got.rows.count == 21)
    #expect(got.rows.last?[7] == "后来的")
    #expect(got.restarts == 2)
  }
}
