import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import ClaimStore

/// Rows that were kept are the rows of the parts.
@Suite struct KeptRowsTests {
  /// Three batches, of which rows of some slices in the first two are kept; what they are of is known of all.
  private struct Kept {
    let fixture = StoreFixture()
    let ledger: Ledger
    let live: [LiveSegment]
    /// Slices that have rows, ascending; every other one is kept.
    let slices: [UInt16]
    let guide: SliceGuide

    init() throws {
      ledger = try fixture.open()
      var random = TestRandom(61)
      var presence: [String: SlicePresence] = [:]
      var all: Set<UInt16> = []
      for (batch, digest) in [("W10", digestA), ("W11", digestB), ("W12", digestC)] {
        var own: [ClaimTable: [DeliveredRow]] = [:]
        for table in [ClaimTable.settlements, .feeLines, .visits] {
          // Later batches have fewer persons' rows.
          own[table] = randomRows(table, count: 220, segments: [0], &random)
            .filter { batch == "W10" || slice($0, table) % 3 != 0 }
        }
        try commit(own, digests: [digest], batch: batch, to: ledger)
        try finish(batch, 1, [digest], ledger)
        let found = Set(own.flatMap { table, rows in rows.map { slice($0, table) } })
        presence[batch] = SlicePresence(found)
        all.formUnion(found)
      }
      live = try ledger.liveSegments()
      slices = all.sorted()
      let kept = Set(slices.enumerated().filter { $0.offset % 2 == 0 }.map(\.element))
      // In two files, as two runs leave them.
      var files: [EvaluationBytes] = []
      for batch in ["W10", "W11"] {
        let codes = CodeTable()
        let reader = try StoreReader(
          ledger, live: live, columns: Self.columns(nil), delivered: true, batches: [batch])
        let image = KeptRows.image(try reader.load(slices: kept, codes: codes), live: live, codes: codes)
        files.append(try #require(ledger.evaluationBytes(try ledger.writeEvaluationFile(image))))
      }
      let old = Set(live.filter { $0.batch != "W12" }.map(\.record.number))
      let rows = KeptRows(slices: kept, segments: old, files: files)
      #expect(rows != nil, "its own image is read")
      guide = SliceGuide(kept: rows, presence: presence)
    }

    static func columns(_ names: Set<String>?) -> [ClaimTable: Set<String>?] {
      var columns: [ClaimTable: Set<String>?] = [:]
      for table in ClaimTable.allCases { columns.updateValue(names, forKey: table) }
      return columns
    }

    func rows(
      _ slices: Set<UInt16>, _ guide: SliceGuide, delivered: Bool, batches: Set<String>?, places: [Bool] = []
    ) throws -> [String] {
      let reader = try StoreReader(
        ledger, live: live, columns: Self.columns(delivered ? nil : ["setl_id", "psn_no", "medfee_sumamt", "cnt"]),
        delivered: delivered, places: places, batches: batches, guide: guide)
      let codes = CodeTable()
      return try reader.load(slices: slices, codes: codes).sorted { $0.key.rawValue < $1.key.rawValue }
        .flatMap { table, rows -> [String] in
          if delivered { return describe(rows, live, codes) }
          return (0..<rows.count).map { i in
            let columns = rows.columns.sorted { $0.key < $1.key }.map { name, column -> String in
              switch column {
              case .text(let values): "\(name)=\(codes.text(values[i]))"
              case .number(let values): "\(name)=\(values[i])"
              }
            }
            let place = rows.byteOffset.isEmpty ? "" : " \(rows.byteOffset[i])"
            return "\(table.name) \(rows.origin[i]) \(rows.slice[i])\(place) \(columns)"
          }
        }
    }
  }

  @Test(arguments: [nil, ["W10", "W11"], ["W12"], ["W11", "W12"]] as [Set<String>?])
  func theRowsAreThoseOfTheParts(batches: Set<String>?) throws {
    let kept = try Kept()
    let some = Set(kept.slices.prefix(kept.slices.count * 2 / 3))
    for delivered in [true, false] {
      let expected = try kept.rows(some, SliceGuide(), delivered: delivered, batches: batches)
      #expect(expected.count > 100)
      #expect(try kept.rows(some, kept.guide, delivered: delivered, batches: batches) == expected)
    }
    let places = kept.live.map { $0.batch == "W12" }
    #expect(
      try kept.rows(some, kept.guide, delivered: false, batches: batches, places: places)
        == kept.rows(some, SliceGuide(), delivered: false, batches: batches, places: places))
  }

  /// Nobody looks into parts for rows that are kept, nor for slices of which a batch has no row.
  @Test func partsAreLeftAlone() throws {
    let kept = try Kept()
    let own = try #require(kept.guide.kept).slices
    let other = try #require(kept.slices.first { !own.contains($0) })
    let absent = try #require(
      (0...UInt16.max).first { slice in !kept.slices.contains(slice) && kept.slices.contains { $0 >> 8 == slice >> 8 } }
    )
    let expected = try kept.rows(own, SliceGuide(), delivered: true, batches: ["W10", "W11"])
    try FileManager.default.removeItem(atPath: kept.ledger.partsFolder)
    #expect(try kept.rows(own, kept.guide, delivered: true, batches: ["W10", "W11"]) == expected)
    #expect(try kept.rows([absent], kept.guide, delivered: true, batches: nil) == [])
    #expect(code { _ = try kept.rows([other], kept.guide, delivered: true, batches: nil) } == "store.part-missing")
    #expect(code { _ = try kept.rows([absent], SliceGuide(), delivered: true, batches: nil) } == "store.part-missing")
  }

  /// Every cut is noticed.
  @Test func aCutImageIsNone() throws {
    let kept = try Kept()
    let codes = CodeTable()
    let reader = try StoreReader(kept.ledger, live: kept.live, columns: Kept.columns(nil), delivered: true)
    let image = KeptRows.image(try reader.load(slices: [kept.slices[0]], codes: codes), live: kept.live, codes: codes)
    func isRead(_ bytes: [UInt8]) throws -> Bool {
      let file = try #require(kept.ledger.evaluationBytes(try kept.ledger.writeEvaluationFile(bytes)))
      return KeptRows(slices: [], segments: [], files: [file]) != nil
    }
    #expect(try isRead(image))
    for length in stride(from: 0, to: image.count, by: max(1, image.count / 40)) {
      #expect(try !isRead(Array(image[..<length])), "\(length) of \(image.count) bytes")
    }
    #expect(try !isRead(image + [0]))
  }
}
