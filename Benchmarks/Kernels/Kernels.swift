import Audit
import ClaimModel
import Diagnostics
import Intake
import Normalize
import Parquet
import Partition
import Registries
import RulePacks

/// Work done once, over and over, and how much of it is done each time.
struct Kernel {
  /// What a count of instructions is divided by: `line`, `value`, `row`.
  var unit: String
  /// Prepares what is not to be counted; the result does the work once and gives how many units it did.
  var prepare: (KernelData) throws -> () throws -> Int
}

/// Every kernel by name. Add new ones here and record their threshold (Benchmarks/kernels.py --record NAME).
var kernels: [(name: String, kernel: Kernel)] {
  [
    ("inflate-and-split-narrow", reading { $0.narrowGzip }),
    ("inflate-and-split-wide", reading { $0.wideGzip }),
    ("split-narrow", reading { $0.narrowPlain }),
    ("split-wide", reading { $0.widePlain }),
    (
      "check-narrow",
      Kernel(unit: "line") { data in
        {
          var rows = 0
          let normalizer = FileNormalizer(fileName: "fee_list_d.csv", latestSettlementTime: nil) { _, _, _ in rows += 1
          }
          try read(data.narrowPlain, normalizer)
          return rows
        }
      }
    ),
    (
      "parse-time",
      Kernel(unit: "value") { data in
        let times = try FieldTexts(data.narrowPlain, columns: ["fee_ocur_time", "updt_time"])
        return { times.each { CivilTime.parseTime($0) ?? 0 } }
      }
    ),
    (
      "parse-amount",
      Kernel(unit: "value") { data in
        let amounts = try FieldTexts(data.narrowPlain, columns: ["pric", "det_item_fee_sumamt", "inscp_amt"])
        return { amounts.each { ValueKind.money.parse($0) ?? 0 } }
      }
    ),
    (
      "intern",
      Kernel(unit: "value") { data in
        let texts = try FieldTexts(data.narrowPlain, columns: ["psn_no", "med_list_codg", "bkkp_sn", "fixmedins_code"])
        return {
          let codes = CodeTable()
          return texts.each { Int64(codes.intern($0)) }
        }
      }
    ),
    (
      "load-rows",
      Kernel(unit: "line") { data in
        let blobs = try data.blobs(of: .feeLines)
        return {
          var loader = RowLoader(table: .feeLines, columns: KernelData.ruleColumns, codes: CodeTable())
          for (line, blob) in blobs.enumerated() {
            blob.withUnsafeBytes { loader.append(segment: 0, line: Int32(line), fields: $0) }
          }
          return loader.finish().origin.count
        }
      }
    ),
    (
      "partition-append",
      Kernel(unit: "line") { data in
        {
          let partition = try data.emptyPartition()
          try data.fill(partition)
          return partition.rows(.feeLines).reduce(0, +)
        }
      }
    ),
    (
      "partition-load",
      Kernel(unit: "line") { data in
        let partition = try data.emptyPartition()
        try data.fill(partition)
        return { try partition.load(slices: 0...UInt16.max, codes: CodeTable())[.feeLines]?.count ?? 0 }
      }
    ),
    (
      "parquet-write",
      Kernel(unit: "line") { data in
        let (rows, codes) = try data.feeLines()
        return {
          try data.writeParquet(rows, codes)
          return rows.count
        }
      }
    ),
    (
      "parquet-read",
      Kernel(unit: "line") { data in
        let (rows, codes) = try data.feeLines()
        try data.writeParquet(rows, codes)
        return {
          let file = try ParquetFile(path: data.parquet)
          let codes = CodeTable()
          for (i, column) in file.columns.enumerated() {
            if column.kind == .string {
              var texts: [UInt32] = []
              try file.codes(i, rowGroup: 0, rows: 0..<file.rows, table: codes, into: &texts)
            } else {
              var numbers: [Int64] = []
              try file.numbers(i, rowGroup: 0, rows: 0..<file.rows, into: &numbers)
            }
          }
          return file.rows
        }
      }
    ),
    (
      "effective-claims",
      Kernel(unit: "row") { data in
        let input = try data.normalizationInput()
        let rows = input.raw.values.reduce(0) { $0 + $1.origin.count }
        return {
          _ = try effectiveClaims(input)
          return rows
        }
      }
    ),
    (
      "ten-rules",
      Kernel(unit: "line") { data in
        let input = try data.normalizationInput()
        let claims = try effectiveClaims(input).claims
        let registries = try loadRegistries(
          folder: data.folder + "/registries", knowledge: [data.project + "/Pipelines/knowledge"], codes: claims.codes)
        let pack = try loadRulePacks(folders: [data.project + "/Pipelines/rules"])
        return {
          let result = try audit(rules: pack.rules, AuditInput(claims: claims, registries: registries))
          guard result.findings.count > 100 else { throw KernelError("only \(result.findings.count) findings") }
          return input.raw[.feeLines]?.origin.count ?? 0
        }
      }
    ),
  ]
}

/// Reads a file and drops its records.
private func reading(_ path: @escaping (KernelData) -> String) -> Kernel {
  Kernel(unit: "line") { data in
    {
      let sink = Sink()
      try read(path(data), sink)
      return sink.rows
    }
  }
}

/// What went wrong, for the person at the terminal.
struct KernelError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Counts records.
private final class Sink: RecordConsumer {
  var rows = 0
  func begin(_ layout: FileLayout, member: String?) {}
  func consume(_ block: borrowing RecordBlock) { rows += block.recordCount }
  func restart() { rows = 0 }
}

/// Reads one claim file; throws if it was refused.
func read(_ path: String, _ consumer: any RecordConsumer) throws {
  let name = path.split(separator: "/").last.map(String.init) ?? path
  let report = try readClaimFile(BatchFile(path: path, name: name, size: 0), consumer: consumer)
  if let refusal = report.refusal { throw KernelError("\(path): \(refusal)") }
}

/// The texts of some columns of a file, one after the other in memory.
final class FieldTexts {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  init(_ path: String, columns: Set<String>) throws {
    let collector = Collector(columns: columns) { self.append($0) }
    try read(path, collector)
  }

  private func append(_ field: UnsafeRawBufferPointer) {
    if field.isEmpty { return }
    bytes.append(contentsOf: field)
    ends.append(bytes.count)
  }

  /// Runs the body over every text; gives how many there are. The sum keeps the work from being left out.
  func each(_ body: (UnsafeRawBufferPointer) -> Int64) -> Int {
    var sum: Int64 = 0
    bytes.withUnsafeBytes { all in
      var start = 0
      for end in ends {
        sum &+= body(UnsafeRawBufferPointer(rebasing: all[start..<end]))
        start = end
      }
    }
    return sum == .min ? -1 : ends.count
  }
}

private final class Collector: RecordConsumer {
  private let columns: Set<String>
  private let take: (UnsafeRawBufferPointer) -> Void
  private var fields: [Int] = []

  init(columns: Set<String>, take: @escaping (UnsafeRawBufferPointer) -> Void) {
    self.columns = columns
    self.take = take
  }

  func begin(_ layout: FileLayout, member: String?) {
    fields = layout.header.indices.filter { columns.contains(layout.header[$0]) }
  }

  func consume(_ block: borrowing RecordBlock) {
    for record in 0..<block.recordCount {
      for field in fields { take(block.field(record, field)) }
    }
  }

  func restart() {}
}
