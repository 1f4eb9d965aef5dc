import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import Intake

struct BatchFinderTests {
  let scratch = Scratch()

  @Test func foldersAreBatchesInByteOrder() throws {
    for name in [
      "b/fee_list_d_1.csv", "b/sub/deep/setl_d.csv.gz", "b/note.md", "b/.hidden.csv", "b/delivery.csv", "B/x.ZIP",
      "b/sub/delivery.csv", "ä/a.txt",
    ] { _ = try scratch.write(name, [0x61]) }
    try FileManager.default.createDirectory(atPath: scratch.path + "/empty", withIntermediateDirectories: true)
    let (batches, registries) = try BatchFinder.batches(in: scratch.path)
    #expect(registries == nil)
    #expect(batches.map(\.id) == ["B", "b", "empty", "ä"])
    #expect(batches[0].files.map(\.name) == ["x.ZIP"])
    #expect(batches[1].files.map(\.name) == ["fee_list_d_1.csv", "sub/deep/setl_d.csv.gz", "sub/delivery.csv"])
    #expect(batches[1].files.map(\.size) == [1, 1, 1])
    #expect(batches[1].ignored == [".hidden.csv", "note.md"])
    #expect(batches[1].delivery == scratch.path + "/b/delivery.csv")
    #expect(batches[2].files.isEmpty)
  }

  @Test func batchesFolderWithRegistries() throws {
    for name in ["batches/2025-W10/fee_list_d.csv", "registries/hilist_b.csv", "truth.csv"] {
      _ = try scratch.write(name, [0x61])
    }
    let (batches, registries) = try BatchFinder.batches(in: scratch.path)
    #expect(batches.map(\.id) == ["2025-W10"])
    #expect(registries == scratch.path + "/registries")
  }

  @Test func filesAloneAreOneBatch() throws {
    _ = try scratch.write("week/fee_list_d.csv", [0x61])
    #expect(try BatchFinder.batches(in: scratch.path + "/week/").batches.map(\.id) == ["week"])
  }

  @Test(arguments: [
    (["a/x.csv", "x.csv"], "usage.files-and-folders"), (["a~2/x.csv"], "usage.batch-name"), ([], "usage.no-input"),
  ])
  func usageErrors(names: [String], code: String) throws {
    for name in names { _ = try scratch.write(name, [0x61]) }
    let path = names.isEmpty ? scratch.path + "/none" : scratch.path
    let problem = #expect(throws: Diagnostic.self) { try BatchFinder.batches(in: path) }
    #expect(problem?.code == code)
  }

  /// Nobody knows what was in a folder that is not read, so it is a file that can't be read: the batch is incomplete.
  @Test func whatIsNotReadIsRefused() throws {
    _ = try scratch.write("w/a/b/x.csv", [0x61])
    _ = try scratch.write("elsewhere/y.csv", [0x61])
    _ = try scratch.write("w/.hidden/z.csv", [0x61])
    #expect(symlink(scratch.path + "/elsewhere", scratch.path + "/w/linked") == 0)
    // A name in GBK, as unzip leaves it; and one letter composed in two ways.
    #expect(mkdir(scratch.path + "/w/\u{B7}", 0o700) == 0)
    var gbk = Array((scratch.path + "/w/").utf8CString.dropLast())
    gbk += [CChar(bitPattern: 0xD6), CChar(bitPattern: 0xD0), 0]
    #expect(mkdir(gbk, 0o700) == 0)
    for name in ["fee_list_d_e\u{301}.csv", "fee_list_d_\u{E9}.csv"] { _ = try scratch.write("w/" + name, [0x61]) }
    let (batches, _) = try BatchFinder.batches(in: scratch.path + "/w/..", maxPathDepth: 2)
    let batch = try #require(batches.first { $0.id == "w" })
    #expect(batch.ignored == [".hidden/"])
    let refused = batch.files.filter { $0.problem != nil }
    #expect(refused.count == 4)
    let words = ["a/b/": "too deep", "linked/": "is a link to another", "\u{FFFD}\u{FFFD}": "not UTF-8"]
    for (name, cause) in words {
      #expect(refused.contains { $0.name == name && $0.problem?.cause.contains(cause) == true }, "\(name): \(refused)")
    }
    // Only one of two names that read alike.
    #expect(batch.files.count { $0.name.hasPrefix("fee_list_d_") } == 2)
    #expect(refused.contains { $0.problem?.cause.contains("composed in different ways") == true })
    let report = try readClaimFile(refused[0], consumer: Collector())
    #expect(report.refusal?.code == "intake.unreadable")
  }

  @Test func twoBatchesThatReadAlikeAreRefused() throws {
    for name in ["We\u{301}", "W\u{E9}"] { _ = try scratch.write(name + "/x.csv", [0x61]) }
    let problem = #expect(throws: Diagnostic.self) { try BatchFinder.batches(in: scratch.path) }
    #expect(problem?.code == "usage.batch-name")
  }
}

struct CSVTableTests {
  let scratch = Scratch()
  static let text = "code, name ,note\r\n1,\"甲 \"\"a\"\", b\",\r\n\r\n2,\"two\nlines\",x\n3,short\n4,丁,\"y\""

  static let variants: [(String, [UInt8], Charset)] = [
    ("t.csv", Array(text.utf8), .utf8), ("t.csv", [0xEF, 0xBB, 0xBF] + Array(text.utf8), .utf8),
    ("t.csv.gz", gzip(Array(text.utf8)), .utf8), ("t.csv", encoded(text, "GB18030"), .gb18030),
    ("t.csv", [0xFE, 0xFF] + encoded(text, "UTF-16BE"), .utf16BigEndian),
  ]
  @Test(arguments: variants)
  func reads(name: String, bytes: [UInt8], charset: Charset) throws {
    let file = try scratch.write(name, bytes)
    let table = try CSVTable(path: file.path)
    #expect(table.charset == charset)
    #expect(table.header == ["code", "name", "note"])
    #expect(table.index(of: "NAME") == 1)
    #expect(table.rows == [["1", "甲 \"a\", b", ""], ["2", "two\nlines", "x"], ["4", "丁", "y"]])
    #expect(table.lines == [2, 4, 7])
    #expect(table.problems.map(\.place.line) == [6])
    #expect(table.digest == (try fingerprint(path: file.path)))
  }

  @Test func delivery() throws {
    let text =
      "table,file,rows,sum_column,sum_fen,exported_at,exporter,query\n"
      + "fee_list_d,fee_list_d_1.csv.gz,100,det_item_fee_sumamt,-12345,2025-03-10 01:00:00,HIS,Q1\n"
      + "setl_diag_list_d,,7,,,,,\nfoo,f.csv,1,,,,,\nsetl_d,s.csv,many,nothing,1.5,,,\n"
    let delivery = try Delivery(path: try scratch.write("delivery.csv", Array(text.utf8)).path)
    #expect(delivery.rows.map(\.table) == ["fee_list_d", "setl_list_diag_d", "setl_d"])
    #expect(delivery.rows.map(\.rows) == [100, 7, nil])
    #expect(delivery.rows.map(\.sumFen) == [-12_345, nil, nil])
    #expect(delivery.rows.map(\.file) == ["fee_list_d_1.csv.gz", nil, "s.csv"])
    #expect(delivery.problems.map(\.place.field) == ["table", "rows", "sum_column", "sum_fen"])
    // Only amounts have sums.
    let count = "table,file,rows,sum_column,sum_fen\nfee_list_d,,,cnt,100\nfee_list_d,,,inscp_amt,100\n"
    let counted = try Delivery(path: try scratch.write("delivery.csv", Array(count.utf8)).path)
    #expect(counted.problems.map(\.place.field) == ["sum_column"])
    #expect(counted.rows.map(\.sumColumn) == [nil, "inscp_amt"])
    // A sum of nothing named can't be compared, which is said.
    let sum = "table,file,rows,sum_column,sum_fen\nfee_list_d,,2,,4000000\n"
    let problems = try Delivery(path: try scratch.write("delivery.csv", Array(sum.utf8)).path).problems
    #expect(problems.map(\.code) == ["intake.delivery"])
    #expect(problems.map(\.place.field) == ["sum_fen"])
    #expect(problems.map(\.place.line) == [2])
    #expect(throws: Diagnostic.self) {
      try Delivery(path: try scratch.write("delivery.csv", Array("table,rows\n".utf8)).path)
    }
  }

  /// Rows cannot be fewer than none; a sum can be below 0, down to the least number.
  @Test func aNegativeCountInDeliveryIsRefused() throws {
    let text =
      "table,file,rows,sum_column,sum_fen\nsetl_d,,-1,,\nsetl_d,,-9223372036854775808,,\nsetl_d,,0,,\n"
      + "setl_d,,,medfee_sumamt,-9223372036854775808\n"
    let delivery = try Delivery(path: try scratch.write("delivery.csv", Array(text.utf8)).path)
    #expect(delivery.rows.map(\.rows) == [nil, nil, 0, nil])
    #expect(delivery.rows.map(\.sumFen) == [nil, nil, nil, Int64.min])
    #expect(delivery.problems.map(\.code) == ["intake.delivery", "intake.delivery"])
    #expect(delivery.problems.map(\.place.line) == [2, 3])
  }
}
