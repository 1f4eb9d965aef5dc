import ClaimModel
import Diagnostics
import Foundation
internal import GRDB

extension Ledger {
  /// Parts that hold a batch's new files.
  ///
  /// - Parameter toolVersion: stands in each file as the program that wrote it.
  public func newParts(batch: String, toolVersion: String) -> PartSet {
    PartSet(folder: partsFolder, batch: batch, toolVersion: toolVersion) { try self.newNumber($0) }
  }

  /// All parts, with their segments; by table, batch (byte order), first slice, number.
  public func parts() throws -> [PartRecord] {
    try read { db in
      var segments: [Int32: [Int32: Int]] = [:]
      let pairs = try Row.fetchCursor(db, sql: "SELECT part, segment, row_count FROM part_segment ORDER BY part")
      var last: (part: Int32, segments: [Int32: Int]) = (0, [:])
      while let row = try pairs.next() {
        let part: Int32 = row[0]
        if part != last.part {
          segments[last.part] = last.segments
          last = (part, [:])
        }
        last.segments[row[1]] = row[2]
      }
      segments[last.part] = last.segments
      return try Row.fetchAll(
        db,
        sql: """
          SELECT number, claim_table, batch, first_slice, last_slice, path, row_count, byte_count, sha256, footer_sha256,
              min_time, max_time, top_byte_rows, codec, format_version
            FROM part ORDER BY claim_table, CAST(batch AS BLOB), first_slice, number
          """
      ).map { row in
        let path: String = row[5]
        guard let table = ClaimTable(name: row[1]), let topBytes = PartLayout.rowsByTopByte(row[12]),
          let first = UInt16(exactly: row[3] as Int), let last = UInt16(exactly: row[4] as Int), first <= last
        else { throw StoreError.partDamaged(partsFolder + "/" + path, "the catalogue contradicts itself") }
        let id: Int32 = row[0]
        return PartRecord(
          id: id, table: table, batch: row[2], slices: first...last, rows: row[6], bytes: row[7], sha256: row[8],
          footerSHA256: row[9], path: path, minTime: row[10], maxTime: row[11], rowsByTopByte: topBytes,
          segments: segments[id] ?? [:], codec: row[13], formatVersion: row[14])
      }
    }
  }

  static func insert(_ part: PartRecord, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO part VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      arguments: [
        part.id, part.table.name, part.batch, Int(part.slices.lowerBound), Int(part.slices.upperBound), part.path,
        part.rows, part.bytes, part.sha256, part.footerSHA256, part.minTime, part.maxTime,
        PartLayout.text(part.rowsByTopByte), part.codec, part.formatVersion,
      ])
    let insert = try db.makeStatement(sql: "INSERT INTO part_segment VALUES (?,?,?)")
    for (segment, rows) in part.segments.sorted(by: { $0.key < $1.key }) {
      try insert.execute(arguments: [part.id, segment, rows])
    }
  }

  /// Removes part files, whole or half written, that the catalogue does not list, and folders that are empty then.
  /// Whatever else somebody has put there stays.
  func removeOrphanParts() throws {
    let known = try read { db in try Set(String.fetchAll(db, sql: "SELECT path FROM part")) }
    func clear(_ relative: String) throws -> Bool {
      let path = partsFolder + (relative.isEmpty ? "" : "/" + relative)
      var isEmpty = true
      var removed = false
      for name in try AtomicFolder.entries(path) {
        let child = relative.isEmpty ? name : relative + "/" + name
        var info = stat()
        guard lstat(partsFolder + "/" + child, &info) == 0 else { continue }
        if info.st_mode & S_IFMT == S_IFDIR {
          if try clear(child) {
            rmdir(partsFolder + "/" + child)
            removed = true
          } else {
            isEmpty = false
          }
        } else if known.contains(child) || !(name.hasSuffix(".parquet") || name.hasPrefix(AtomicFile.temporaryPrefix)) {
          isEmpty = false
        } else {
          unlink(partsFolder + "/" + child)
          removed = true
        }
      }
      if removed { try AtomicFile.syncFolder(path) }
      return isEmpty
    }
    _ = try clear("")
  }
}
