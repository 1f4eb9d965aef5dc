import ClaimModel
import Diagnostics

/// All rows that some slices have in some segments, every column of them, taken out of the parts: whoever needs a few
/// persons' rows each week finds them here and leaves the parts alone.
public struct KeptRows: Sendable {
  /// Slices of which all rows of the segments are here.
  public let slices: Set<UInt16>
  /// Segments whose rows are here, by number.
  public let segments: Set<Int32>
  let tables: [KeptTable]

  /// - Parameter files: what `image` gave; together they have all rows of the slices in the segments.
  /// - Returns: nil if one is something else.
  public init?(slices: Set<UInt16>, segments: Set<Int32>, files: [EvaluationBytes]) {
    self.slices = slices
    self.segments = segments
    var tables: [KeptTable] = []
    for file in files {
      guard let own = KeptTable.tables(file) else { return nil }
      tables += own
    }
    self.tables = tables
  }

  /// Rows as bytes.
  ///
  /// - Parameters:
  ///   - raw: of all columns, with delivered texts.
  ///   - live: what their origins point into.
  public static func image(_ raw: [ClaimTable: RawRows], live: [LiveSegment], codes: CodeTable) -> [UInt8] {
    var out = ImageWriter()
    let wanted = raw.values.filter { $0.count > 0 }.sorted { $0.table.rawValue < $1.table.rawValue }
    out.number(UInt64(wanted.count), bytes: 4)
    for rows in wanted {
      out.text(rows.table.name)
      out.number(UInt64(rows.count), bytes: 4)
      out.pack(rows.count, width: 2) { UInt64(rows.slice[$0]) }
      out.pack(rows.count, width: 4) {
        UInt64(UInt32(bitPattern: live[Int(rows.origin[$0].segment)].record.number))
      }
      out.pack(rows.count, width: 4) { UInt64(UInt32(bitPattern: rows.origin[$0].line)) }
      var columns = rows.columns.filter { !$0.value.isNull }
      columns[PartLayout.byteOffsetColumn] = .number(rows.byteOffset)
      columns[PartLayout.formsColumn] = .text(rows.forms)
      columns[PartLayout.otherColumn] = .text(rows.other)
      out.number(UInt64(columns.count), bytes: 4)
      for (name, column) in columns.sorted(by: { bytesPrecede($0.key, $1.key) }) {
        out.text(name)
        switch column {
        case .text(let values): out.texts(values, codes)
        case .number(let values): out.numbers(values)
        }
      }
    }
    return out.bytes
  }
}

/// The kept rows of one table in one file.
struct KeptTable: @unchecked Sendable {
  // Nothing is changed after `tables`; the file's bytes are there as long as `file` is.
  let table: ClaimTable
  let rows: Int
  let slices: Packed
  let segments: Packed
  let lines: Packed
  /// A column that is not among them has no value.
  private let columns: [String: StoredColumn]
  private let file: EvaluationBytes

  /// The tables of a file; nil if it is none that `KeptRows.image` gave.
  static func tables(_ file: EvaluationBytes) -> [KeptTable]? {
    var input = ImageReader(file.bytes)
    var result: [KeptTable] = []
    guard let count = input.number(4), count <= ClaimTable.allCases.count else { return nil }
    for _ in 0..<count {
      guard let table = input.text().flatMap({ ClaimTable(name: $0) }), let rows = input.number(4),
        rows <= Int(Int32.max), let slices = input.packed(rows, width: 2), let segments = input.packed(rows, width: 4),
        let lines = input.packed(rows, width: 4), let named = input.number(4)
      else { return nil }
      var columns: [String: StoredColumn] = [:]
      for _ in 0..<named {
        guard let name = input.text(), let column = input.column(rows) else { return nil }
        columns[name] = column
      }
      result.append(
        KeptTable(
          table: table, rows: rows, slices: slices, segments: segments, lines: lines, columns: columns, file: file))
    }
    return input.isAtEnd ? result : nil
  }

  func isNull(_ name: String) -> Bool { columns[name] == nil }

  /// Appends the numbers of some rows. False if the column is none of numbers.
  func add(numbers name: String, _ rows: [Int32], to values: inout [Int64]) -> Bool {
    guard let column = columns[name] else {
      values.append(contentsOf: repeatElement(ColumnData.null, count: rows.count))
      return true
    }
    return column.add(numbers: rows, to: &values)
  }

  /// Appends the texts of some rows. False if the column is none of texts.
  func add(texts name: String, _ rows: [Int32], to values: inout [UInt32], _ codes: CodeTable) -> Bool {
    guard let column = columns[name] else {
      values.append(contentsOf: repeatElement(CodeTable.null, count: rows.count))
      return true
    }
    return column.add(texts: rows, to: &values, codes)
  }
}

/// In which slices the rows of one batch are, as 65,536 bits.
public struct SlicePresence: Sendable {
  private var bits: [UInt64]

  public static let byteCount = PersonSlice.count / 8

  public init() { bits = [UInt64](repeating: 0, count: PersonSlice.count / 64) }

  public init(_ slices: some Sequence<UInt16>) {
    self.init()
    for slice in slices { insert(slice) }
  }

  /// What `bytes` gave; nil if it is not so many.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Self.byteCount else { return nil }
    bits = (0..<PersonSlice.count / 64).map {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
    }
  }

  public var bytes: [UInt8] { bits.map(\.littleEndian).withUnsafeBytes { Array($0) } }

  public mutating func insert(_ slice: UInt16) { bits[Int(slice >> 6)] |= 1 << UInt64(slice & 63) }

  public mutating func formUnion(_ other: SlicePresence) { for i in bits.indices { bits[i] |= other.bits[i] } }

  public func contains(_ slice: UInt16) -> Bool { bits[Int(slice >> 6)] >> UInt64(slice & 63) & 1 == 1 }
}

/// What lets a reader find the rows of a few slices without looking into every part.
public struct SliceGuide: Sendable {
  /// Rows of some slices that need not be read.
  public var kept: KeptRows?
  /// In which slices a batch's live rows are, by batch; of a batch that is not there it is unknown.
  public var presence: [String: SlicePresence]

  public init(kept: KeptRows? = nil, presence: [String: SlicePresence] = [:]) {
    self.kept = kept
    self.presence = presence
  }
}

extension ColumnData {
  /// No row has a value.
  fileprivate var isNull: Bool {
    switch self {
    case .text(let values): values.allSatisfy { $0 == CodeTable.null }
    case .number(let values): values.allSatisfy { $0 == ColumnData.null }
    }
  }
}
