import ClaimModel
import Foundation
import Testing

@testable import ClaimStore

@Suite struct SegmentTests {
  @Test func rowsComeBackAsWritten() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    _ = try write([(2, 40, "a\u{1F}b"), (3, 80, ""), (7, 5_000_000_000, "医鉴")], key(), to: ledger)
    #expect(try rows(key(), of: ledger) == ["2 40 a\u{1F}b", "3 80 ", "7 5000000000 医鉴"])
    let reader = try ledger.segmentReader(key())
    #expect(reader.rowCount == 3)
    #expect(reader.header == plainHeader)
    var fetched: [Int32] = []
    try reader.fetch(lines: [7, 4, 2]) { line, _, _ in fetched.append(line) }
    #expect(fetched == [7, 2])
  }

  @Test func restartForgetsWhatWasAppended() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let writer = try ledger.segmentWriter(key(), header: plainHeader)
    try Array("gbk".utf8).withUnsafeBytes { try writer.append(line: 2, byteOffset: 9, fields: $0) }
    try writer.restart()
    #expect(writer.rowCount == 0)
    try Array("utf8".utf8).withUnsafeBytes { try writer.append(line: 2, byteOffset: 9, fields: $0) }
    try writer.finish()
    #expect(try rows(key(), of: ledger) == ["2 9 utf8"])
  }

  @Test func discardLeavesNothing() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let writer = try ledger.segmentWriter(key(), header: plainHeader)
    #expect(try fixture.segmentNames().count == 1)
    writer.discard()
    #expect(try fixture.segmentNames() == [])
    #expect(code { try writer.finish() } == "store.io")
  }

  @Test func sameRowsGiveTheSameBytes() throws {
    let one = StoreFixture()
    let two = StoreFixture()
    let path = "/segments/" + key().fileName
    for fixture in [one, two] { _ = try write((2..<500).map { ($0, 1, "x\($0)") }, key(), to: try fixture.open()) }
    #expect(FileManager.default.contents(atPath: one.folder + path) != nil)
    #expect(FileManager.default.contentsEqual(atPath: one.folder + path, andPath: two.folder + path))
  }

  @Test func aFullDiskIsSaidAndLeavesNothing() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let writer = try SegmentWriter(folder: ledger.segmentsFolder, key: key(), header: plainHeader, maxPages: 8)
    let row = [UInt8](repeating: 65, count: 4000)
    let said = code {
      for line in 1...1000 {
        try row.withUnsafeBytes { try writer.append(line: Int32(line), byteOffset: 0, fields: $0) }
      }
    }
    #expect(said == "store.disk-full")
    writer.discard()
    #expect(try fixture.segmentNames() == [])
  }

  @Test func writersWorkSideBySide() async throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    try await withThrowingTaskGroup(of: SegmentRecord.self) { group in
      for member in 0..<8 {
        group.addTask {
          try write((1...2000).map { ($0, Int64(member), "m\(member) r\($0)") }, key(member: member), to: ledger)
        }
      }
      var segments: [SegmentRecord] = []
      for try await segment in group { segments.append(segment) }
      try ledger.commitFile(content(digestA, segments: segments))
    }
    let stored = try #require(try ledger.content(digest: digestA, reading: "r1", fileName: "f"))
    #expect(stored.segments.map(\.key.member) == Array(0..<8))
    for member in 0..<8 {
      let found = try rows(key(member: member), of: ledger)
      #expect(found.count == 2000)
      #expect(found.last == "2000 \(member) m\(member) r2000")
    }
  }

  @Test func aDamagedSegmentIsNoticed() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    _ = try write([(2, 0, "x")], key(), to: ledger)
    let path = ledger.segmentsFolder + "/" + key().fileName
    try Data(repeating: 7, count: 4096).write(to: URL(fileURLWithPath: path))
    #expect(code { _ = try ledger.segmentReader(key()) } == "store.corrupt")
    try FileManager.default.removeItem(atPath: path)
    #expect(code { _ = try ledger.segmentReader(key()) } == "store.segment-missing")
  }
}
