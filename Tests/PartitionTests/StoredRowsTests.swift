import ClaimModel
import ClaimStore
import Foundation
import Intake
import Normalize
import Partition
import Testing

/// The whole way of a row: record, columns, Parquet part, columns, and back to the bytes as delivered.
@Suite struct StoredRowsTests {
  @Test(arguments: ClaimTable.allCases, [0, 1, 3])
  func rowsLeaveTheStoreAsTheyWereDelivered(_ table: ClaimTable, _ unknown: Int) throws {
    var random = Seeded(state: UInt64(table.rawValue) * 31 + UInt64(unknown))
    let member = RandomMember.make(table, rows: 1_500, persons: 60, unknown: unknown, &random)
    let old = BlobPath()
    if let normalizer = old.normalizer { try member.feed(normalizer) }
    #expect(old.lines.count > 100)

    let folder = FileManager.default.temporaryDirectory.path + "/stored-rows-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let ledger = try Ledger.open(folder: folder)
    let set = ledger.newParts(batch: "W10", toolVersion: "test")
    let partition = try partition([table], delivered: true)
    let number = try set.newSegment()
    let consumer = partition.consumer(fileName: "x.csv", latestSettlementTime: nil) { _, _ in number }
    try member.feed(consumer)
    try consumer.finish()

    var parts: [PartRecord] = []
    for range: ClosedRange<UInt16> in [0...0x3FFF, 0x4000...0x4080, 0x4081...0xFFFF] {
      let codes = CodeTable()
      let rows = try #require(try partition.load(slices: range, codes: codes)[table])
      parts.append(try set.write(rows, table: table, slices: range, codes: codes))
    }
    let digest = String(repeating: "d", count: 64)
    let segment = SegmentRecord(
      key: SegmentKey(digest: digest, reading: "r", member: 0, table: table), rows: old.lines.count, number: number,
      header: SegmentHeader(
        columns: table.columns.map(\.name), unknownColumns: member.layout.unknownColumns))
    try ledger.commitFiles(
      [FileContent(digest: digest, reading: "r", size: 1, inflatedBytes: 1, segments: [segment])], parts: parts)
    let revision = BatchRevision(
      name: "W10", revision: 1,
      files: [BatchFileRecord(name: "x.csv", digest: digest, reading: "r", size: 1, state: .read)])
    let live = try ledger.liveSegments(replacing: [revision])

    let reader = try StoreReader(ledger, live: live, columns: [table: nil], delivered: true)
    let codes = CodeTable()
    let found = try #require(try reader.load(slices: 0...UInt16.max, codes: codes)[table])
    let again = CodeTable()
    let expected = try #require(try partition.load(slices: 0...UInt16.max, codes: again)[table])
    // Segments are an index in one and a number in the other.
    var renumbered = expected
    for i in renumbered.origin.indices { renumbered.origin[i].segment = 0 }
    #expect(plain(found, codes) == plain(renumbered, again))
    for (row, one) in old.lines.enumerated() {
      #expect(found.origin[row].line == one.line)
      #expect(deliveredFields(of: found, row: row, codes: codes, unknownColumns: unknown) == one.blob)
    }
  }
}
