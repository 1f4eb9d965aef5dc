import ClaimModel
import Diagnostics
import Foundation
import Parquet
import Synchronization

/// The new parts of one batch. Several threads may write parts at once.
///
/// A part is written under a temporary name, synced and renamed; its rows belong to the store once
/// `Ledger.commitFiles` has listed it. What is not listed then is removed by the next `Ledger.open`.
public final class PartSet: Sendable {
  /// The batch under whose name the files lie.
  public let batch: String

  private let partsFolder: String
  private let numbers: @Sendable (Ledger.Numbered) throws -> Int32
  private let toolVersion: String
  private let written = Mutex<[PartRecord]>([])

  /// - Parameters:
  ///   - folder: below which tables and batches lie.
  ///   - numbers: gives the next number of a segment or a part.
  init(
    folder: String, batch: String, toolVersion: String,
    numbers: @escaping @Sendable (Ledger.Numbered) throws -> Int32
  ) {
    partsFolder = folder
    self.numbers = numbers
    self.batch = batch
    self.toolVersion = toolVersion
  }

  /// A number for a segment: rows that are written carry it as `origin.segment`, and the committed `SegmentRecord` too.
  public func newSegment() throws -> Int32 { try numbers(.segment) }

  /// Writes rows as one part. Columns that the rows lack are null in it.
  ///
  /// - Parameters:
  ///   - rows: `origin.segment` is a number from `newSegment`, or an index into `segments`. `byteOffset`, `forms` and
  ///     `other` are 0 or null where they are empty; `slice` is worked out anew.
  ///   - slices: must hold every row's slice.
  ///   - segments: numbers of the segments that `origin.segment` points into; nil: it holds the numbers.
  /// - Returns: what `Ledger.commitFiles` wants. Without a row no file is written.
  /// - Throws: `store.disk-full`, `store.io`, `store.value` where rows lie outside the slices, errors of `Parquet`.
  public func write(
    _ rows: RawRows, table: ClaimTable, slices: ClosedRange<UInt16>, codes: CodeTable, segments: [Int32]? = nil
  ) throws -> PartRecord {
    let id = try numbers(.part)
    var record = PartRecord(id: id, table: table, batch: batch, slices: slices, rows: rows.count)
    if rows.count == 0 { return record }
    record.path = PartLayout.path(table: table, batch: batch, slices: slices, id: id)
    let path = partsFolder + "/" + record.path

    let order = StoredOrder(rows, codes: codes)
    guard let found = order.slices, slices.contains(found.lowerBound), slices.contains(found.upperBound) else {
      throw Diagnostic(
        .error, "store.value", "Rows of other persons' slices were given for a part", at: Place(file: path))
    }
    record.rowsByTopByte = order.rowsByTopByte
    var numbers: [Int64] = rows.origin.map { Int64($0.segment) }
    if let segments { for i in numbers.indices { numbers[i] = Int64(segments[Int(numbers[i])]) } }
    var counts: [Int32: Int] = [:]
    var last: (number: Int64, count: Int) = (-1, 0)
    for number in numbers {
      if number == last.number {
        last.count += 1
      } else {
        if last.count > 0 { counts[Int32(last.number), default: 0] += last.count }
        last = (number, 1)
      }
    }
    if last.count > 0 { counts[Int32(last.number), default: 0] += last.count }
    record.segments = counts
    if let time = PartLayout.timeColumn(of: table), let times = rows.columns[time.name]?.numbers {
      var least = Int64.max
      var greatest = Int64.min
      for value in times where value != ColumnData.null {
        least = min(least, value)
        greatest = max(greatest, value)
      }
      if least <= greatest {
        record.minTime = least * time.secondsPerUnit
        record.maxTime = greatest * time.secondsPerUnit
      }
    }

    let folder = AtomicFile.parent(path)
    try AtomicFile.makeFolder(folder)
    let temporary = folder + "/" + AtomicFile.temporaryName(for: AtomicFile.last(path))
    do {
      let summary = try writeFile(rows, record: record, order: order, segments: numbers, codes: codes, to: temporary)
      record.bytes = summary.bytes
      record.sha256 = summary.sha256
      record.footerSHA256 = try PartLayout.footerDigest(temporary).sha256
      guard rename(temporary, path) == 0 else {
        throw StoreError.system(path, "The part can't be put in place", errno: errno)
      }
      try AtomicFile.syncFolder(folder)
      try AtomicFile.syncFolder(AtomicFile.parent(folder))
    } catch {
      unlink(temporary)
      throw error
    }
    written.withLock { $0.append(record) }
    return record
  }

  /// Removes what was written; nothing of it may have been committed.
  public func discard() {
    let records = written.withLock { records in
      defer { records = [] }
      return records
    }
    for record in records { unlink(partsFolder + "/" + record.path) }
  }

  private func writeFile(
    _ rows: RawRows, record: PartRecord, order: StoredOrder, segments: [Int64], codes: CodeTable, to path: String
  ) throws -> ParquetSummary {
    let columns = PartLayout.columns(of: record.table)
    let national = record.table.columns
    let writer = try ParquetWriter(
      path: path, columns: columns, metadata: PartLayout.metadata(of: record), toolVersion: toolVersion)
    for group in order.rowGroups() {
      let picked = order.rows[group]
      let reach = Int(picked.max() ?? -1)
      func pickedNumbers(_ column: [Int64]) -> ParquetValues {
        column.isEmpty ? .nulls(picked.count) : .numbers(Self.values(of: column, at: picked, upTo: reach))
      }
      func pickedCodes(_ column: [UInt32]) -> ParquetValues {
        column.isEmpty ? .nulls(picked.count) : .codes(Self.values(of: column, at: picked, upTo: reach))
      }
      // One column at a time is put in order, so that wide tables need no second copy of a row group.
      try writer.append(rows: group.count, codes: codes) { index in
        if index < national.count {
          switch rows.columns[national[index].name] {
          case nil: return .nulls(group.count)
          case .text(let column): return pickedCodes(column)
          case .number(let column): return pickedNumbers(column)
          }
        }
        switch columns[index].name {
        case PartLayout.segmentColumn: return pickedNumbers(segments)
        case PartLayout.lineColumn:
          return rows.origin.withUnsafeBufferPointer { origin in
            .numbers(picked.map { Int64(origin[Int($0)].line) })
          }
        case PartLayout.byteOffsetColumn:
          return rows.byteOffset.isEmpty
            ? .numbers([Int64](repeating: 0, count: group.count)) : pickedNumbers(rows.byteOffset)
        case PartLayout.formsColumn: return pickedCodes(rows.forms)
        default: return pickedCodes(rows.other)
        }
      }
    }
    return try writer.finish()
  }

  /// The values of some rows, none of which lies behind `reach`. As it is done for every value of the store, no row is
  /// checked for itself.
  private static func values<Value: BitwiseCopyable>(
    of column: [Value], at rows: ArraySlice<Int32>, upTo reach: Int
  ) -> [Value] {
    precondition(reach < column.count, "a row that the column does not have")
    return [Value](unsafeUninitializedCapacity: rows.count) { target, count in
      column.withUnsafeBufferPointer { column in
        rows.withUnsafeBufferPointer { rows in
          guard let target = target.baseAddress, let column = column.baseAddress else { return }
          for i in 0..<rows.count { target[i] = column[Int(rows[i])] }
          count = rows.count
        }
      }
    }
  }
}
