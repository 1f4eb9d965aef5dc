import ClaimModel
import Diagnostics
import Testing

@testable import Intake

struct ZipTests {
  let scratch = Scratch()

  @Test(arguments: [UInt16(0), 8])
  func readsMembers(method: UInt16) throws {
    let a = Array(feeFile(2).utf8)
    let file = try scratch.write(
      "week.zip",
      zip([
        ZipMember("part/", [], method: 0), ZipMember("part/fee_list_d_1.csv", a, method: method),
        ZipMember("fee_list_d-2.csv.gz", gzip(Array(feeFile(1).utf8)), method: method),
      ]))
    let (report, got) = try read(file)
    #expect(report.refusal == nil)
    #expect(report.members.map(\.name) == ["part/fee_list_d_1.csv", "fee_list_d-2.csv.gz"])
    #expect(report.rowsRead == 3)
    #expect(report.digest == (try fingerprint(path: file.path)))
    #expect(got.layouts.map(\.1) == ["part/fee_list_d_1.csv", "fee_list_d-2.csv.gz"])
    #expect(got.lines == [2, 3, 2])
  }

  @Test func takesTheTableOfTheArchiveWhereTheMemberHasNone() throws {
    var member = ZipMember("", Array(feeFile(1).utf8))
    member.name = [0xB7, 0xD1, 0xD3, 0xC3, 0x2E, 0x63, 0x73, 0x76]  // 费用.csv in GBK
    let (report, got) = try read(try scratch.write("fee_list_d_w10.zip", zip([member])))
    #expect(report.refusal == nil)
    #expect(got.layouts.map(\.1) == ["费用.csv"])
  }

  @Test func namesMemberInRejects() throws {
    let text = Array((feeFile(1) + "short\n").utf8)
    let (report, _) = try read(try scratch.write("x.zip", zip([ZipMember("fee_list_d.csv", text)])))
    #expect(report.rejects.map(\.file) == ["x.zip!fee_list_d.csv"])
  }

  static let rows = Array(feeFile(3).utf8)
  static let damagedArchives: [(String, [UInt8])] = [
    ("intake.unsafe-name", zip([ZipMember("../fee_list_d.csv", rows)])),
    ("intake.unsafe-name", zip([ZipMember("fee_list_d.csv", rows), ZipMember("a\\..\\fee_list_d.csv", rows)])),
    ("intake.unsafe-name", zip([ZipMember("/fee_list_d.csv", rows)])),
    ("intake.unsafe-name", zip([ZipMember("C:\\fee_list_d.csv", rows)])),
    ("intake.encrypted", zip([ZipMember("fee_list_d.csv", rows, flags: 1)])),
    ("intake.method", zip([ZipMember("fee_list_d.csv", rows, method: 9)])),
    ("intake.bad-crc", zip([ZipMember("fee_list_d.csv", rows, crc: 1)])),
    ("intake.bad-crc", zip([ZipMember("fee_list_d.csv", rows, size: rows.count + 1)])),
    ("intake.bad-crc", zip([ZipMember("fee_list_d.csv", rows, size: rows.count - 1)])),
    ("intake.truncated", zip([ZipMember("fee_list_d.csv", rows)]).dropLast(30)),
    ("intake.empty-file", zip([])),
    ("intake.empty-file", zip([ZipMember("fee_list_d.csv", [], method: 0)])),
    ("intake.no-table", zip([ZipMember("fee_list_d.csv", rows), ZipMember("readme.txt", Array("hello\n".utf8))])),
  ]
  @Test(arguments: damagedArchives)
  func refuses(code: String, bytes: [UInt8]) throws {
    let (report, _) = try read(try scratch.write("week.zip", bytes))
    #expect(report.refusal?.code == code)
    #expect(report.refusal?.remedy != nil)
    #expect(report.rowsRead == 0)
    #expect(report.members.isEmpty)
  }

  @Test func limitsMembersDepthAndBytes() throws {
    let many = zip((0..<4).map { ZipMember("fee_list_d_\($0).csv", Self.rows) })
    let deep = zip([ZipMember("a/b/c/fee_list_d.csv", Self.rows)])
    for (bytes, limits) in [
      (many, IntakeLimits(maxMembers: 3)), (deep, IntakeLimits(maxPathDepth: 3)),
      (deep, IntakeLimits(maxMemberBytes: Self.rows.count - 1)),
      (many, IntakeLimits(maxFileBytes: Self.rows.count * 4 - 1)),
    ] {
      #expect(try read(try scratch.write("week.zip", bytes), limits).0.refusal?.code == "intake.bomb")
    }
    let enough = IntakeLimits(maxMemberBytes: Self.rows.count, maxFileBytes: Self.rows.count * 4, maxMembers: 4)
    #expect(try read(try scratch.write("week.zip", many), enough).0.refusal == nil)
  }
}
