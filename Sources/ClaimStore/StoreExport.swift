import ClaimModel
import Diagnostics
import Foundation

/// Form of exported rows.
public enum ExportFormat: String, Sendable, CaseIterable { case parquet, csv }

/// What an export has written.
public struct ExportResult: Sendable, Hashable {
  public var files = 0
  public var rows = 0
}

extension Ledger {
  /// Writes the live rows of the store into a new folder, for other programs: Parquet as in the store
  /// (`<table>/batch=<batch>/….parquet`), or `<table>.csv`; and `segments.csv`, which says from which batch and file
  /// the rows of a segment came. A row of a file that two batches have is written once; the file then stands twice
  /// there.
  ///
  /// - Parameters:
  ///   - folder: not there, or empty; appears whole or not at all.
  ///   - batches: nil: all.
  /// - Throws: `usage.folder-not-empty`; errors of readers and writers.
  public func exportRows(
    to folder: String, format: ExportFormat, batches: Set<String>? = nil, tables: Set<ClaimTable>,
    toolVersion: String
  ) throws -> ExportResult {
    if access(folder, F_OK) == 0, try !AtomicFolder.entries(folder).isEmpty {
      throw Diagnostic(
        .error, "usage.folder-not-empty", "The folder to export to holds something", at: Place(file: folder),
        remedy: "Give a new folder or an empty one.")
    }
    let live = try liveSegments().filter {
      tables.contains($0.record.key.table) && (batches?.contains($0.batch) ?? true)
    }
    let numbers = Set(live.map(\.record.number))
    if numbers.contains(0) { throw StoreError.older(self.folder) }
    let parts = try parts().filter { part in part.segments.keys.contains(where: numbers.contains) }
    let target = try AtomicFolder(for: folder)
    var result = ExportResult()
    switch format {
    case .parquet:
      let next = NextPart(after: parts.map(\.id).max() ?? 0)
      for part in parts {
        try export(part, numbers, into: target, next, toolVersion: toolVersion, &result)
      }
    case .csv:
      for table in tables.sorted(by: { $0.rawValue < $1.rawValue }) {
        try exportCSV(table, parts.filter { $0.table == table }, numbers, into: target, &result)
      }
    }
    var list = CSVLines(["segment", "batch", "revision", "file", "member", "table", "rows"])
    for segment in live {
      list.add([
        "\(segment.record.number)", segment.batch, "\(segment.revision)", segment.file,
        segment.record.memberName ?? "", segment.record.key.table.name, "\(segment.record.rows)",
      ])
    }
    try target.write(list.bytes, to: "segments.csv")
    result.files += 1
    try target.commit()
    return result
  }

  private func export(
    _ part: PartRecord, _ wanted: Set<Int32>, into target: AtomicFolder, _ next: NextPart, toolVersion: String,
    _ result: inout ExportResult
  ) throws {
    let kept = part.segments.keys.filter(wanted.contains).sorted()
    if kept.count == part.segments.count {
      let path = target.path + "/" + part.path
      try AtomicFile.makeFolder(AtomicFile.parent(path))
      let source = partsFolder + "/" + part.path
      // Nothing leaves the store that is not what was written.
      if let problem = try verify(part) { throw problem }
      do {
        try FileManager.default.copyItem(atPath: source, toPath: path)
      } catch {
        throw StoreError.foundation(path, "The part can't be copied", error)
      }
      result.files += 1
      result.rows += part.rows
      return
    }
    let reader = try StoreReader(
      self, live: Self.stand(for: kept, table: part.table), columns: [part.table: nil], delivered: true,
      parts: [part], leavesOutNulls: true)
    let set = PartSet(folder: target.path, batch: part.batch, toolVersion: toolVersion) { _ in next.number() }
    for range in Self.ranges([part], rowsPerPart: 512 << 10) {
      let codes = CodeTable()
      guard let rows = try reader.load(slices: range, codes: codes)[part.table] else { continue }
      let new = try set.write(rows, table: part.table, slices: range, codes: codes, segments: kept)
      result.rows += new.rows
      if new.rows > 0 { result.files += 1 }
    }
  }

  private func exportCSV(
    _ table: ClaimTable, _ parts: [PartRecord], _ wanted: Set<Int32>, into target: AtomicFolder,
    _ result: inout ExportResult
  ) throws {
    let numbers = parts.reduce(into: Set<Int32>()) { $0.formUnion($1.segments.keys.filter(wanted.contains)) }.sorted()
    let reader = try StoreReader(
      self, live: Self.stand(for: numbers, table: table), columns: [table: nil], delivered: false, parts: parts)
    let columns = table.columns
    let path = target.path + "/\(table.name).csv"
    let file = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError.system(path, "The file can't be written", errno: errno) }
    defer { close(file) }
    var lines = CSVLines(columns.map(\.name) + [PartLayout.segmentColumn, PartLayout.lineColumn])
    for range in Self.ranges(parts, rowsPerPart: 128 << 10) {
      let codes = CodeTable()
      guard let rows = try reader.load(slices: range, codes: codes)[table] else { continue }
      let values = columns.map { rows.columns[$0.name] }
      for row in 0..<rows.count {
        for (i, column) in columns.enumerated() {
          switch values[i] {
          case .text(let texts): codes.withBytes(texts[row]) { lines.field($0) }
          case .number(let numbers): lines.field(column.kind.text(numbers[row]))
          case nil: lines.field("")
          }
        }
        lines.field("\(numbers[Int(rows.origin[row].segment)])")
        lines.field("\(rows.origin[row].line)")
        lines.end()
        if lines.bytes.count > 4 << 20 { try lines.flush(to: file, path) }
      }
      result.rows += rows.count
    }
    try lines.flush(to: file, path)
    result.files += 1
  }
}

/// Numbers for the names of exported parts.
private final class NextPart: @unchecked Sendable {
  // One thread exports.
  private var last: Int32

  init(after last: Int32) { self.last = last }

  func number() -> Int32 {
    last += 1
    return last
  }
}

extension CSVLines {
  /// Writes the lines so far and goes on without them.
  fileprivate mutating func flush(to file: Int32, _ path: String) throws {
    try bytes.withUnsafeBytes { all in
      var done = 0
      while done < all.count, let base = all.baseAddress {
        let n = Glibc.write(file, base + done, all.count - done)
        if n < 0 {
          if errno == EINTR { continue }
          throw StoreError.system(path, "The file can't be written", errno: errno)
        }
        done += n
      }
    }
    removeAll()
  }
}
