import ClaimModel
import Diagnostics
import Glibc
import Parquet

/// What stands in a part: columns, their order, the order of rows, and what its footer says.
///
/// Read the README of this module before changing anything: other engines read these files, and old ones stay.
public enum PartLayout {
  /// Parts of another version are not read.
  public static let formatVersion = 1
  public static let codec = "ZSTD"

  /// Number of the row's segment in the catalogue.
  public static let segmentColumn = "yj_segment"
  /// 1-based line in the claim file, header included.
  public static let lineColumn = "yj_line"
  /// Offset of the row's first byte in the inflated bytes of its file.
  public static let byteOffsetColumn = "yj_byte_offset"
  /// `DeliveredText.forms`.
  public static let formsColumn = "yj_forms"
  /// `DeliveredText.other`.
  public static let otherColumn = "yj_other"

  /// All columns of a table's parts: every national one (a reader need not guess), then ours.
  public static func columns(of table: ClaimTable) -> [ParquetColumn] {
    table.columns.map { ParquetColumn(name: $0.name, kind: ParquetKind($0.kind), isOptional: true) } + [
      ParquetColumn(name: segmentColumn, kind: .int32, isOptional: false),
      ParquetColumn(name: lineColumn, kind: .int32, isOptional: false),
      ParquetColumn(name: byteOffsetColumn, kind: .int64, isOptional: false),
      ParquetColumn(name: formsColumn, kind: .string, isOptional: true),
      ParquetColumn(name: otherColumn, kind: .string, isOptional: true),
    ]
  }

  /// The column by whose time rows of a person lie in a part; nil: the table has none.
  public static func timeColumn(of table: ClaimTable) -> (name: String, secondsPerUnit: Int64)? {
    switch table {
    case .settlements: ("setl_time", 1)
    case .feeLines: ("fee_ocur_time", 1)
    case .visits: ("begntime", 1)
    case .diagnoses: nil
    case .operations: ("oprn_oprt_date", 86_400)
    }
  }

  /// Fewest and most rows of a row group, unless the part ends or one top byte of the slice has more.
  static let leastGroupRows = 128 << 10
  static let mostGroupRows = 1 << 20

  // Keys of the footer's metadata.
  static let formatKey = "yijian.format"
  static let batchKey = "yijian.batch"
  static let tableKey = "yijian.table"
  static let slicesKey = "yijian.slices"
  static let rowsByTopByteKey = "yijian.rows_by_top_byte"

  /// Footer metadata of a part.
  static func metadata(of record: PartRecord) -> [(key: String, value: String)] {
    [
      (formatKey, String(formatVersion)), (batchKey, record.batch), (tableKey, record.table.name),
      (slicesKey, "\(hex(record.slices.lowerBound))-\(hex(record.slices.upperBound))"),
      (rowsByTopByteKey, text(record.rowsByTopByte)),
    ]
  }

  /// `top byte:rows` of the top bytes that have rows.
  static func text(_ rowsByTopByte: [Int]) -> String {
    rowsByTopByte.enumerated().filter { $0.element > 0 }.map { "\($0.offset):\($0.element)" }.joined(separator: ",")
  }

  /// The opposite of `text`; nil if it is none.
  static func rowsByTopByte(_ text: String) -> [Int]? {
    var result = [Int](repeating: 0, count: 256)
    // A store has thousands of such texts, each with a pair for every top byte.
    var text = text
    let isOne = text.withUTF8 { bytes in
      var at = 0
      func number() -> Int? {
        let start = at
        var value = 0
        while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39 {
          let (tens, isOver) = value.multipliedReportingOverflow(by: 10)
          if isOver || tens > Int.max - 9 { return nil }
          value = tens + Int(bytes[at] - 0x30)
          at += 1
        }
        return at > start ? value : nil
      }
      while at < bytes.count {
        guard let top = number(), at < bytes.count, bytes[at] == 0x3A else { return false }
        at += 1
        guard let rows = number(), result.indices.contains(top), rows > 0 else { return false }
        result[top] = rows
        if at == bytes.count { return true }
        if bytes[at] != 0x2C { return false }
        at += 1
      }
      return true
    }
    return isOne ? result : nil
  }

  /// Path below the folder `parts`: `<table>/batch=<batch>/<first slice>-<last slice>-<number>.parquet`. DuckDB, Spark
  /// and pyarrow read `parts/<table>` with the batch as a column.
  static func path(table: ClaimTable, batch: String, slices: ClosedRange<UInt16>, id: Int32) -> String {
    let number = String(id, radix: 16)
    let padded = String(repeating: "0", count: max(0, 6 - number.count)) + number
    return "\(folder(table: table, batch: batch))/\(hex(slices.lowerBound))-\(hex(slices.upperBound))-\(padded).parquet"
  }

  static func folder(table: ClaimTable, batch: String) -> String { "\(table.name)/batch=\(escaped(batch))" }

  /// A batch's name as a folder's, as Hive escapes it: letters, digits, `-`, `_`, `.` and what is not ASCII stand,
  /// other bytes are `%` and two digits.
  static func escaped(_ batch: String) -> String {
    var out: [UInt8] = []
    for byte in batch.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x2E, 0x80...0xFF: out.append(byte)
      default:
        let digits = Array("0123456789ABCDEF".utf8)
        out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return out.isEmpty ? "%" : String(decoding: out, as: UTF8.self)
  }

  private static func hex(_ slice: UInt16) -> String {
    let digits = String(slice, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }

  /// SHA-256 of a Parquet file's footer with its length: what all offsets and statistics rest on.
  ///
  /// - Throws: `store.part-missing`, `store.part-damaged`, `store.io`.
  static func footerDigest(_ path: String) throws -> (sha256: String, fileBytes: Int) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      throw errno == ENOENT
        ? StoreError.partMissing(path) : StoreError.system(path, "The part can't be opened", errno: errno)
    }
    defer { close(file) }
    var info = stat()
    guard fstat(file, &info) == 0 else { throw StoreError.system(path, "The part can't be read", errno: errno) }
    let size = Int(info.st_size)
    var tail = [UInt8](repeating: 0, count: 8)
    guard size >= 12, try read(file, &tail, at: size - 8, path) else {
      throw StoreError.partDamaged(path, "it is cut off")
    }
    let length = tail.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
    guard length <= size - 12, length < 1 << 30 else { throw StoreError.partDamaged(path, "its footer has no end") }
    var footer = [UInt8](repeating: 0, count: length + 8)
    guard try read(file, &footer, at: size - 8 - length, path) else {
      throw StoreError.partDamaged(path, "it is cut off")
    }
    return (footer.withUnsafeBytes { SHA256Hasher.hex(of: $0) }, size)
  }

  private static func read(_ file: Int32, _ bytes: inout [UInt8], at offset: Int, _ path: String) throws -> Bool {
    try bytes.withUnsafeMutableBytes { buffer in
      var done = 0
      while done < buffer.count, let base = buffer.baseAddress {
        let n = pread(file, base + done, buffer.count - done, off_t(offset + done))
        if n < 0 {
          if errno == EINTR { continue }
          throw StoreError.system(path, "The part can't be read", errno: errno)
        }
        if n == 0 { return false }
        done += n
      }
      return true
    }
  }
}
