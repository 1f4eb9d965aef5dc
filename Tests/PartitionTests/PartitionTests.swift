import ClaimModel
import Foundation
import Intake
import Normalize
import Partition
import Testing

/// What a row is, with texts instead of codes.
struct PlainRow: Hashable {
  var segment: Int32
  var line: Int32
  var slice: UInt16
  var values: [String: String]
  var delivered: [String] = []
}

func plain(_ rows: RawRows, _ codes: CodeTable) -> [PlainRow] {
  (0..<rows.count).map { row in
    var values: [String: String] = [:]
    for (name, data) in rows.columns {
      switch data {
      case .text(let v): values[name] = codes.text(v[row])
      case .number(let v): values[name] = v[row] == ColumnData.null ? "" : String(v[row])
      }
    }
    var one = PlainRow(
      segment: rows.origin[row].segment, line: rows.origin[row].line,
      slice: rows.slice.isEmpty ? 0 : rows.slice[row], values: values)
    if !rows.forms.isEmpty {
      one.delivered = [
        String(rows.byteOffset[row]), codes.text(rows.forms[row]), codes.text(rows.other[row]),
      ]
    }
    return one
  }
}

/// Today's path: blobs, typed a second time by `RowLoader`.
final class BlobPath {
  private(set) var normalizer: FileNormalizer?
  private(set) var lines: [(line: Int32, offset: Int64, blob: [UInt8])] = []

  init() {
    normalizer = FileNormalizer(fileName: "x.csv", latestSettlementTime: nil) { [unowned self] line, offset, blob in
      lines.append((line, offset, Array(blob)))
    }
  }

  func rows(_ table: ClaimTable, columns: Set<String>, codes: CodeTable, segment: Int32 = 0) -> RawRows {
    var loader = RowLoader(table: table, columns: columns, codes: codes)
    for one in lines { one.blob.withUnsafeBytes { loader.append(segment: segment, line: one.line, fields: $0) } }
    return loader.finish()
  }
}

func partition(
  _ tables: [ClaimTable] = ClaimTable.allCases, columns: Set<String>? = nil, delivered: Bool = false,
  groups: Int = 256, memory: Int = 64 << 20
) throws -> RowPartition {
  var plans: [ClaimTable: RowPlan] = [:]
  for table in tables { plans[table] = RowPlan(table: table, columns: columns, keepsDelivered: delivered) }
  return try RowPartition(
    plans: plans, groups: groups, memoryBytes: memory, spillFolder: FileManager.default.temporaryDirectory.path)
}

func feed(_ members: [Member], _ partition: RowPartition, segment: Int32, blockRows: Int = 300) throws {
  var next = segment
  let consumer = partition.consumer(fileName: "x.csv", latestSettlementTime: nil) { _, _ in
    next += 1
    return next - 1
  }
  for member in members { try member.feed(consumer, blockRows: blockRows) }
  try consumer.finish()
}

@Suite struct PartitionTests {
  @Test(arguments: ClaimTable.allCases, [0, 2])
  func theSameColumnsAsByBlobs(_ table: ClaimTable, _ unknown: Int) throws {
    var random = Seeded(state: UInt64(table.rawValue) * 7 + UInt64(unknown))
    let member = RandomMember.make(table, rows: 2_000, persons: 40, unknown: unknown, &random)
    let old = BlobPath()
    if let normalizer = old.normalizer { try member.feed(normalizer) }
    let oldCodes = CodeTable()
    let all = Set(table.columns.map(\.name))
    let expected = plain(old.rows(table, columns: all, codes: oldCodes, segment: 3), oldCodes)
    #expect(expected.count > 100)

    let partition = try partition(delivered: true)
    try feed([member], partition, segment: 3)
    let codes = CodeTable()
    let loaded = try #require(try partition.load(slices: 0...UInt16.max, codes: codes)[table])
    let found = plain(loaded, codes)
    #expect(found.count == expected.count)
    #expect(partition.rows(table).reduce(0, +) == expected.count)
    for (a, b) in zip(found, expected) {
      #expect(a.segment == b.segment && a.line == b.line)
      #expect(a.values == b.values)
      let visit = a.values["psn_no"] == "" ? a.values["mdtrt_id"] ?? "" : a.values["psn_no"] ?? ""
      #expect(a.slice == Array(visit.utf8).withUnsafeBytes { PersonSlice.of($0) })
    }
    // The delivered text of each row, byte for byte.
    for (row, one) in old.lines.enumerated() {
      #expect(loaded.byteOffset[row] == one.offset)
      #expect(deliveredBlob(loaded, row, codes, unknown: unknown) == one.blob)
    }
  }

  /// Puts a row's texts together again from its columns, forms and other texts.
  private func deliveredBlob(_ rows: RawRows, _ row: Int, _ codes: CodeTable, unknown: Int) -> [UInt8] {
    let other = codes.text(rows.other[row])
    var rest = FieldsBlob.decode(Array(other.utf8))[...]
    let forms = Array(codes.text(rows.forms[row]).utf8)
    var number = 0
    var fields: [String] = []
    for column in rows.table.columns {
      switch rows.columns[column.name] {
      case .text(let v): fields.append(codes.text(v[row]))
      case .number(let v):
        if forms[number] == DeliveredText.otherForm {
          fields.append(rest.popFirst() ?? "?")
        } else {
          fields.append(DeliveredText.text(v[row], kind: column.kind, form: forms[number]))
        }
        number += 1
      case nil: fields.append("missing")
      }
    }
    for _ in 0..<unknown { fields.append(rest.popFirst() ?? "?") }
    return FieldsBlob.encode(fields)
  }

  @Test func spillingIsNotSeen() throws {
    var random = Seeded(state: 5)
    let lines = RandomMember.make(.feeLines, rows: 3_000, persons: 200, &random)
    let settlements = RandomMember.make(.settlements, rows: 800, persons: 200, unknown: 1, &random)
    var results: [[[PlainRow]]] = []
    for memory in [64 << 20, 20_000, 0] {
      let partition = try partition(delivered: true, memory: memory)
      try feed([lines, settlements], partition, segment: 0)
      let usage = partition.usage
      #expect(usage.memory <= memory)
      #expect((usage.spilled > 0) == (memory < 64 << 20))
      let codes = CodeTable()
      let loaded = try partition.load(slices: 0...UInt16.max, codes: codes)
      results.append(ClaimTable.allCases.map { loaded[$0].map { plain($0, codes) } ?? [] })
    }
    #expect(results[0][1].count > 1_000 && results[0][0].count > 100)
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  /// Cut anywhere, also within a group.
  @Test(arguments: [256, 512, 1024], [64 << 20, 0])
  func rangesOfSlicesTogetherAreAll(groups: Int, memory: Int) throws {
    var random = Seeded(state: 6)
    let member = RandomMember.make(.feeLines, rows: 2_000, persons: 100, &random)
    let partition = try partition(groups: groups, memory: memory)
    try feed([member], partition, segment: 0)
    let codes = CodeTable()
    let all = plain(try #require(try partition.load(slices: 0...UInt16.max, codes: codes)[.feeLines]), codes)
    var parts: [PlainRow] = []
    var lower = 0
    while lower <= 0xFFFF {
      let upper = min(0xFFFF, lower + Int(random.next() % (random.next() % 2 == 0 ? 9_000 : 100)))
      let range = UInt16(lower)...UInt16(upper)
      let own = CodeTable()
      let rows = plain(try #require(try partition.load(slices: range, codes: own)[.feeLines]), own)
      #expect(rows == all.filter { range.contains($0.slice) })
      parts += rows
      lower = upper + 1
    }
    #expect(Set(parts) == Set(all) && parts.count == all.count)
    // Each group's rows are counted where they lie.
    let counted = partition.rows(.feeLines)
    #expect(counted.count == groups)
    for (group, count) in counted.enumerated() {
      #expect(count == all.filter { Int($0.slice) * groups / PersonSlice.count == group }.count)
    }
  }

  @Test func voidSegmentsAndUnfinishedFilesLeaveNothing() throws {
    var random = Seeded(state: 7)
    let good = RandomMember.make(.visits, rows: 300, persons: 20, &random)
    let bad = RandomMember.make(.visits, rows: 300, persons: 20, &random)
    let alone = try partition()
    try feed([good], alone, segment: 5)
    let codes = CodeTable()
    let expected = plain(try #require(try alone.load(slices: 0...UInt16.max, codes: codes)[.visits]), codes)

    let partition = try partition()
    try feed([bad], partition, segment: 1)
    partition.void(segment: 1)
    var segment: Int32 = 1
    do {
      let consumer = partition.consumer(fileName: "a", latestSettlementTime: nil) { _, _ in
        segment += 1
        return segment
      }
      try bad.feed(consumer)
    }
    let consumer = partition.consumer(fileName: "b", latestSettlementTime: nil) { _, _ in
      segment += 1
      return segment
    }
    // The first reading is given up, the second comes without `begin`.
    try bad.feed(consumer)
    consumer.restart()
    segment = 4
    try good.feedRows(consumer)
    try consumer.finish()
    #expect(consumer.segments == [5])
    let found = plain(try #require(try partition.load(slices: 0...UInt16.max, codes: codes)[.visits]), codes)
    #expect(found == expected)
    #expect(partition.rows(.visits).reduce(0, +) == expected.count)
    #expect(expected.count > 50)
  }

  @Test func threadsAreNotSeen() async throws {
    var random = Seeded(state: 8)
    let members = (0..<12).map { i in
      RandomMember.make(
        i % 3 == 0 ? .settlements : .feeLines, rows: 200 + 50 * i, persons: 30, unknown: i % 2, &random)
    }
    let one = try partition(delivered: true)
    for (i, member) in members.enumerated() { try feed([member], one, segment: Int32(i)) }
    let many = try partition(delivered: true, memory: 100_000)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (i, member) in members.enumerated().reversed() {
        group.addTask { try feed([member], many, segment: Int32(i), blockRows: 7 + i) }
      }
      try await group.waitForAll()
    }
    let codes = CodeTable()
    for table in [ClaimTable.settlements, .feeLines] {
      let a = plain(try #require(try one.load(slices: 0...UInt16.max, codes: codes)[table]), codes)
      let b = plain(try #require(try many.load(slices: 0...UInt16.max, codes: codes)[table]), codes)
      #expect(a == b)
      #expect(a.count > 300)
    }
  }

  @Test func aRowLongerThanAllMemoryIsKept() throws {
    let long = String(repeating: "长", count: 30_000)
    let member = Member(
      table: .diagnoses, header: ["setl_list_diag_id", "psn_no", "diag_name", "zz"],
      rows: [["D1", "P1", "short", ""], ["D2", "P1", long, long], ["D3", "P1", "short", ""]])
    let partition = try partition(delivered: true, memory: 10)
    try feed([member], partition, segment: 0)
    let codes = CodeTable()
    let rows = try #require(try partition.load(slices: 0...UInt16.max, codes: codes)[.diagnoses])
    #expect(rows.columns["diag_name"]?.codes.map { codes.text($0) } == ["short", long, "short"])
    #expect(rows.other.map { codes.text($0) } == ["", long, ""])
    #expect(rows.columns["diag_code"]?.codes == [0, 0, 0])
    #expect(partition.usage.memory == 0)
  }

  @Test func anUnknownFolderIsADiagnostic() throws {
    let partition = try RowPartition(
      plans: [.diagnoses: RowPlan(table: .diagnoses, columns: nil, keepsDelivered: false)], memoryBytes: 0,
      spillFolder: "/nonexistent/folder")
    let member = Member(table: .diagnoses, header: ["setl_list_diag_id", "psn_no"], rows: [["D1", "P1"]])
    #expect(throws: (any Error).self) { try feed([member], partition, segment: 0) }
  }
}
