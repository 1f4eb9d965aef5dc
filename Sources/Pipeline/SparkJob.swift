import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Parquet
import Registries
import SQLLowering

/// What Spark is given in a folder beside the parts, and what it leaves there.
///
/// `job.json` names the parts of live segments and holds all SQL; registries and the list of live segments are Parquet
/// files; `outputs/` has a folder of text files for each output. The folder is below the store's, because whoever reads
/// the parts, executors too, must reach it.
struct SparkJob {
  let folder: String
  let script: StoreScript

  private struct Description: Encodable {
    struct Input: Encodable {
      var name: String
      var paths: [String]
      /// A query without rows, with the columns, for where there is no file.
      var empty: String
    }
    struct Table: Encodable {
      var name: String
      var query: String
      var isKept: Bool
    }
    struct Column: Encodable {
      var name: String
      var isText: Bool
    }
    struct Output: Encodable {
      var name: String
      var query: String
      var columns: [Column]
    }
    var work: String
    var parent: Int32
    var settings: [String: String]
    var inputs: [Input]
    var tables: [Table]
    var outputs: [Output]
  }

  /// How far the driver is.
  struct Status: Decodable {
    var state: String
    var version: String?
    var step: String?
    var done: Int?
    var total: Int?
    /// `version` or `error`.
    var reason: String?
    var error: String?
    /// Lines by output.
    var rows: [String: Int]?
  }

  /// What decides about results; the driver sets it again in the session, whatever the installation's defaults are.
  static let settings = [
    // An operation that leaves 64 bits is an error, not another number.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    // Parts hold days and times of one calendar; nothing is to be shifted.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.storeAnalyzedPlanForView": "true",
  ]

  /// Known when Spark begins, and not to be changed after.
  static let submitSettings = settings.merging([
    "spark.ui.enabled": "false",
    // A damaged page must be found before a wrong number is made of it.
    "spark.hadoop.parquet.page.verify-checksum.enabled": "true",
  ]) { $1 }

  /// Makes the folder anew and writes the job.
  ///
  /// - Parameter live: as `StoreReader` has it; `ranks` in the order in which versions are told apart.
  init(
    _ script: StoreScript, ledger: Ledger, live: [LiveSegment], ofBatch: [Bool], registries: Registries,
    codes: CodeTable, excludedSetlTypes: Set<String>
  ) throws {
    self.script = script
    folder = ledger.folder + "/spark-job"
    try? FileManager.default.removeItem(atPath: folder)
    try AtomicFile.makeFolder(folder + "/inputs")
    var inputs: [Description.Input] = []

    // The parts with a live segment, checked as far as their footers go.
    let numbers = Set(live.map(\.record.number))
    let parts = try ledger.parts().filter { !numbers.isDisjoint(with: $0.segments.keys) }
    try ledger.checkFooters(of: parts)
    for table in ClaimTable.allCases {
      inputs.append(
        .init(
          name: StoreScript.partsName(table), paths: parts.filter { $0.table == table }.map(ledger.path(of:)),
          empty: Self.empty(PartLayout.columns(of: table))))
    }

    // Which segments count, and in which order their versions stand.
    let order = live.indices.sorted { a, b in
      let (x, y) = (live[a], live[b])
      if !x.batch.utf8.elementsEqual(y.batch.utf8) { return bytesPrecede(x.batch, y.batch) }
      if !x.file.utf8.elementsEqual(y.file.utf8) { return bytesPrecede(x.file, y.file) }
      return x.record.key.member < y.record.key.member
    }
    var rank = [Int64](repeating: 0, count: live.count)
    for (place, segment) in order.enumerated() { rank[segment] = Int64(place) }
    func whole(_ name: String) -> ParquetColumn { ParquetColumn(name: name, kind: .int64, isOptional: false) }
    inputs.append(
      try write(
        "live_segment",
        ["number", "place", "rank", "lacks_flag", "of_batch"].map(whole),
        [
          .numbers(live.map { Int64($0.record.number) }), .numbers(live.indices.map(Int64.init)), .numbers(rank),
          .numbers(live.map { $0.record.header.columns.contains("vali_flag") ? 0 : 1 }),
          .numbers(ofBatch.map { $0 ? 1 : 0 }),
        ], codes))

    for schema in RegistrySchema.all {
      inputs.append(try write(schema, registries[schema.name], codes))
    }
    let excluded = excludedSetlTypes.filter { !$0.isEmpty }.sorted(by: bytesPrecede).map { Array($0.utf8) }
    inputs.append(
      try write(
        "context", ["what", "key", "value"].map { ParquetColumn(name: $0, kind: .string) },
        [
          .texts(excluded.map { _ in Array("excluded_setl_type".utf8) }), .texts(excluded.map { _ in [] }),
          .texts(excluded),
        ], codes))

    let description = Description(
      work: folder, parent: ProcessInfo.processInfo.processIdentifier, settings: Self.settings, inputs: inputs,
      tables: script.tables.map { .init(name: $0.name, query: $0.query, isKept: $0.isKept) },
      outputs: script.outputs.map { output in
        .init(
          name: output.name, query: output.query,
          columns: output.columns.map { .init(name: $0.name, isText: $0.isText) })
      })
    try AtomicFile.write(try jsonText(description), to: jobPath)
    try AtomicFile.write(sparkDriver, to: driverPath)
  }

  var jobPath: String { folder + "/job.json" }
  var driverPath: String { folder + "/driver.py" }
  var logPath: String { folder + "/spark.log" }

  /// What the driver last said; nil before it said anything.
  var status: Status? {
    FileManager.default.contents(atPath: folder + "/status.json").flatMap {
      try? JSONDecoder().decode(Status.self, from: $0)
    }
  }

  /// Removes everything but Spark's own words.
  func removeRows() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name != "spark.log" {
      try? FileManager.default.removeItem(atPath: folder + "/" + name)
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  // MARK: Inputs

  private func write(
    _ name: String, _ columns: [ParquetColumn], _ values: [ParquetValues], _ codes: CodeTable
  ) throws -> Description.Input {
    var input = Description.Input(name: name, paths: [], empty: Self.empty(columns))
    guard let rows = values.first?.count, rows > 0 else { return input }
    let path = "\(folder)/inputs/\(name).parquet"
    let writer = try ParquetWriter(path: path, columns: columns, metadata: [], toolVersion: toolVersion)
    try writer.append(values, codes: codes)
    _ = try writer.finish()
    input.paths = [path]
    return input
  }

  /// A registry with its rows numbered; where med_type_b was not delivered, the shipped set.
  private func write(_ schema: RegistrySchema, _ registry: Registry?, _ codes: CodeTable) throws -> Description.Input {
    let columns =
      [ParquetColumn(name: "rowid", kind: .int64, isOptional: false)]
      + schema.columns.map { ParquetColumn(name: $0.name, kind: $0.kind == .text ? .string : .int64) }
      + [ParquetColumn(name: "is_ambiguous", kind: .int64, isOptional: false)]
    if let registry {
      let count = registry.count
      let values = schema.columns.map { column -> ParquetValues in
        switch registry.columns[column.name] {
        // The classes are words of ours.
        case .text(let own) where schema.name == "med_type_b" && column.name == "visit_class":
          .texts(own.map { $0 == CodeTable.null ? nil : Array(codes.text($0).lowercased().utf8) })
        case .text(let own): .codes(own)
        case .number(let own): .numbers(own)
        case nil: .nulls(count)
        }
      }
      return try write(
        schema.name, columns,
        [.numbers((0..<count).map { Int64($0 + 1) })] + values + [.numbers(registry.isAmbiguous.map { $0 ? 1 : 0 })],
        codes)
    }
    guard schema.name == "med_type_b" else { return try write(schema.name, columns, [], codes) }
    let shipped = MedTypeRow.shipped
    let first = CivilTime.day(year: 1, month: 1, day: 1) ?? 0
    let values = schema.columns.map { column -> ParquetValues in
      switch column.name {
      case "med_type": .texts(shipped.map { Array($0.medType.utf8) })
      case "visit_class": .texts(shipped.map { Array($0.visitClass.utf8) })
      case "opsp_flag": .texts(shipped.map { Array($0.opspFlag.utf8) })
      case "reg_flag": .texts(shipped.map { Array($0.regFlag.utf8) })
      case "begndate": .numbers(shipped.map { $0.beginDay ?? first })
      case "enddate": .numbers(shipped.map { $0.endDay ?? ColumnData.null })
      default: .nulls(shipped.count)
      }
    }
    return try write(
      schema.name, columns,
      [.numbers(shipped.indices.map { Int64($0 + 1) })] + values
        + [.numbers(shipped.map { $0.isAmbiguous ? 1 : 0 })], codes)
  }

  private static func empty(_ columns: [ParquetColumn]) -> String {
    let nulls = columns.map { column in
      let type =
        switch column.kind {
        case .int32: "INT"
        case .int64: "BIGINT"
        case .date: "DATE"
        case .time: "TIMESTAMP_NTZ"
        case .decimal(let scale): "DECIMAL(18, \(scale))"
        case .string: "STRING"
        }
      return "CAST(NULL AS \(type)) AS \(column.name)"
    }
    return "SELECT \(nulls.joined(separator: ", ")) WHERE 1 = 0"
  }

  // MARK: Outputs

  /// Hands out the rows of an output: fields in the order of its columns, nil for null. All lines are looked at before
  /// the count is held against the driver's.
  ///
  /// - Throws: `engine.no-output`, `engine.bad-output`.
  func read(_ name: String, _ status: Status, _ body: ([[UInt8]?]) throws -> Void) throws {
    guard let place = script.outputs.firstIndex(where: { $0.name == name }), let expected = status.rows?[name] else {
      throw missing(name)
    }
    let width = script.outputs[place].columns.count
    let number = String(place)
    let own = folder + "/outputs/" + String(repeating: "0", count: max(0, 3 - number.count)) + number
    let manager = FileManager.default
    guard manager.fileExists(atPath: own + "/_SUCCESS"), let files = try? manager.contentsOfDirectory(atPath: own)
    else {
      throw missing(name)
    }
    var count = 0
    for file in files.sorted() where file.hasPrefix("part-") {
      guard let data = manager.contents(atPath: own + "/" + file) else { throw missing(name) }
      for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        // Only behind the last line feed is there a line without a field.
        if line.isEmpty, width > 1 || line.endIndex == data.endIndex { continue }
        let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
        guard fields.count == width else { throw bad(name, "a line has \(fields.count) fields instead of \(width)") }
        try body(try fields.map { try Self.field($0) ?? nil })
        count += 1
      }
    }
    if count != expected { throw bad(name, "\(count) of \(expected) lines are there") }
  }

  /// A field without its escapes; nil for null.
  private static func field(_ bytes: Data) throws -> [UInt8]? {
    if !bytes.contains(UInt8(ascii: "\\")) { return Array(bytes) }
    if bytes.elementsEqual([UInt8(ascii: "\\"), UInt8(ascii: "N")]) { return nil }
    var result: [UInt8] = []
    var escaped = false
    for byte in bytes {
      if escaped {
        switch byte {
        case UInt8(ascii: "t"): result.append(UInt8(ascii: "\t"))
        case UInt8(ascii: "n"): result.append(UInt8(ascii: "\n"))
        case UInt8(ascii: "r"): result.append(UInt8(ascii: "\r"))
        default: result.append(byte)
        }
        escaped = false
      } else if byte == UInt8(ascii: "\\") {
        escaped = true
      } else {
        result.append(byte)
      }
    }
    return result
  }

  func missing(_ name: String) -> Diagnostic {
    Diagnostic(
      .error, "engine.no-output", "Spark said that it was done, but its output '\(name)' is not there",
      at: Place(file: folder),
      remedy: "see that executors and this machine reach the store's folder under the same path; then run again")
  }

  func bad(_ name: String, _ what: String) -> Diagnostic {
    Diagnostic(
      .error, "engine.bad-output", "Spark's output '\(name)' can't be used: \(what)", at: Place(file: folder),
      remedy: "run again; if it comes again, run with --engine embedded and report it")
  }
}
