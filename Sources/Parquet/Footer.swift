import ClaimModel

/// Numbers of the Parquet format (parquet.thrift of apache/parquet-format).
enum Format {
  static let magic: [UInt8] = [0x50, 0x41, 0x52, 0x31]  // PAR1
  static let int32Type = 1
  static let int64Type = 2
  static let byteArrayType = 6
  static let required = 0
  static let optional = 1
  static let convertedUTF8 = 0
  static let convertedDecimal = 5
  static let convertedDate = 6
  static let plain = 0
  static let rle = 3
  static let dictionary = 8
  static let zstd = 6
  static let dataPage = 0
  static let dictionaryPage = 2

  /// Rows of a page that is read at most.
  static let pageRows = 65_536
  /// Rows of a page that is written: a reader decodes whole pages, and packets ask for the rows of few persons.
  static let writtenPageRows = 4_096
  /// Bytes of values after which a page ends even if it has few rows.
  static let pageBytes = 16 << 20
  /// The longest text: one value must fit a page.
  static let textBytes = 16 << 20
  /// The largest page that is read: values, one text more, levels.
  static let largestPage = 48 << 20
  /// A text in the statistics is at most so long; longer ones are left out.
  static let statisticsBytes = 64
  /// Digits of a decimal on 64 bits.
  static let decimalPrecision = 18
  static let decimalLimit: Int64 = 1_000_000_000_000_000_000
}

/// One column of one row group, as the footer has it.
struct ColumnChunk {
  var rows = 0
  /// With the headers of pages.
  var compressedBytes = 0
  var uncompressedBytes = 0
  var dictionaryOffset: Int?
  var dataOffset = 0
  var statistics = ParquetStatistics(minimum: nil, maximum: nil, nulls: 0)

  var start: Int { dictionaryOffset ?? dataOffset }
}

struct RowGroupChunks {
  var rows = 0
  var columns: [ColumnChunk] = []
}

extension ParquetKind {
  /// The type in the file.
  var physicalType: Int {
    switch self {
    case .int32, .date: Format.int32Type
    case .int64, .time, .decimal: Format.int64Type
    case .string: Format.byteArrayType
    }
  }

  /// Bytes of a PLAIN number.
  var numberBytes: Int { physicalType == Format.int32Type ? 4 : 8 }

  /// How many of the file's units a unit in memory is.
  var fileUnits: Int64 { self == .time ? 1_000_000 : 1 }
}

// MARK: Writing

struct Footer {
  var columns: [ParquetColumn] = []
  var metadata: [(key: String, value: String)] = []
  var groups: [RowGroupChunks] = []
  var rows = 0

  func encoded(createdBy: String) -> [UInt8] {
    var out = ThriftWriter()
    out.int32(1, 2)
    out.list(2, of: ThriftType.structure, count: columns.count + 1)
    out.element {
      $0.text(4, "schema")
      $0.int32(5, columns.count)
    }
    for column in columns { out.element { Self.encode(column, &$0) } }
    out.int64(3, rows)
    out.list(4, of: ThriftType.structure, count: groups.count)
    for group in groups { out.element { encode(group, &$0) } }
    out.list(5, of: ThriftType.structure, count: metadata.count)
    for (key, value) in metadata {
      out.element {
        $0.text(1, key)
        $0.text(2, value)
      }
    }
    out.text(6, createdBy)
    // Without it no reader trusts the least and greatest texts.
    out.list(7, of: ThriftType.structure, count: columns.count)
    for _ in columns { out.element { $0.structure(1) { _ in } } }
    out.end()
    return out.bytes
  }

  private static func encode(_ column: ParquetColumn, _ out: inout ThriftWriter) {
    out.int32(1, column.kind.physicalType)
    out.int32(3, column.isOptional ? Format.optional : Format.required)
    out.text(4, column.name)
    switch column.kind {
    case .int32, .int64: break
    case .string:
      out.int32(6, Format.convertedUTF8)
      out.structure(10) { $0.structure(1) { _ in } }
    case .date:
      out.int32(6, Format.convertedDate)
      out.structure(10) { $0.structure(6) { _ in } }
    case .time:
      // No converted type: that one would mean UTC.
      out.structure(10) {
        $0.structure(8) {
          $0.bool(1, false)
          $0.structure(2) { $0.structure(2) { _ in } }
        }
      }
    case .decimal(let scale):
      out.int32(6, Format.convertedDecimal)
      out.int32(7, scale)
      out.int32(8, Format.decimalPrecision)
      out.structure(10) {
        $0.structure(5) {
          $0.int32(1, scale)
          $0.int32(2, Format.decimalPrecision)
        }
      }
    }
  }

  private func encode(_ group: RowGroupChunks, _ out: inout ThriftWriter) {
    out.list(1, of: ThriftType.structure, count: group.columns.count)
    for (column, chunk) in zip(columns, group.columns) {
      out.element {
        $0.int64(2, chunk.start)
        $0.structure(3) { Self.encode(chunk, of: column, &$0) }
      }
    }
    out.int64(2, group.columns.reduce(0) { $0 + $1.uncompressedBytes })
    out.int64(3, group.rows)
    out.int64(5, group.columns.first?.start ?? Format.magic.count)
    out.int64(6, group.columns.reduce(0) { $0 + $1.compressedBytes })
  }

  private static func encode(_ chunk: ColumnChunk, of column: ParquetColumn, _ out: inout ThriftWriter) {
    out.int32(1, column.kind.physicalType)
    var encodings = [Format.plain]
    if column.isOptional { encodings.append(Format.rle) }
    if chunk.dictionaryOffset != nil { encodings.append(Format.dictionary) }
    out.list(2, of: ThriftType.int32, count: encodings.count)
    for encoding in encodings { out.element(encoding) }
    out.list(3, of: ThriftType.binary, count: 1)
    out.element(Array(column.name.utf8))
    out.int32(4, Format.zstd)
    out.int64(5, chunk.rows)
    out.int64(6, chunk.uncompressedBytes)
    out.int64(7, chunk.compressedBytes)
    out.int64(9, chunk.dataOffset)
    if let offset = chunk.dictionaryOffset { out.int64(11, offset) }
    out.structure(12) {
      $0.int64(3, chunk.statistics.nulls)
      if let bound = chunk.statistics.maximum { $0.binary(5, plain(bound, column.kind)) }
      if let bound = chunk.statistics.minimum { $0.binary(6, plain(bound, column.kind)) }
    }
  }

  private static func plain(_ bound: ParquetBound, _ kind: ParquetKind) -> [UInt8] {
    switch bound {
    case .text(let bytes): bytes
    // The writer has seen that the value fits.
    case .number(let v):
      withUnsafeBytes(of: (v &* kind.fileUnits).littleEndian) { Array($0.prefix(kind.numberBytes)) }
    }
  }
}

/// The header of a page.
struct PageHeader {
  var isDictionary = false
  var uncompressedBytes = 0
  var compressedBytes = 0
  /// Rows of a data page, entries of a dictionary.
  var count = 0
  var encoding = Format.plain

  func encode(_ out: inout ThriftWriter) {
    out.clear()
    out.int32(1, isDictionary ? Format.dictionaryPage : Format.dataPage)
    out.int32(2, uncompressedBytes)
    out.int32(3, compressedBytes)
    if isDictionary {
      out.structure(7) {
        $0.int32(1, count)
        $0.int32(2, encoding)
      }
    } else {
      out.structure(5) {
        $0.int32(1, count)
        $0.int32(2, encoding)
        $0.int32(3, Format.rle)
        $0.int32(4, Format.rle)
      }
    }
    out.end()
  }

  /// Reads a header; gives back its own length too.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> (PageHeader, length: Int) {
    var header = PageHeader()
    var reader = ThriftReader(bytes)
    var type: Int?
    var hasBody = false
    try reader.structure { reader, id, kind in
      switch id {
      case 1: type = try reader.int(kind)
      case 2: header.uncompressedBytes = try reader.size(kind)
      case 3: header.compressedBytes = try reader.size(kind)
      case 5, 7:
        hasBody = true
        try reader.structureField(kind) { reader, id, kind in
          switch id {
          case 1: header.count = try reader.size(kind)
          case 2: header.encoding = try reader.int(kind)
          default: try reader.skip(kind)
          }
        }
      default: try reader.skip(kind)
      }
    }
    switch type {
    case Format.dataPage: break
    case Format.dictionaryPage: header.isDictionary = true
    default: throw Defect.unsupported("pages of type \(type ?? -1)")
    }
    if !hasBody { throw Defect.damaged("a page header has no body") }
    if header.uncompressedBytes > Format.largestPage || header.compressedBytes > Format.largestPage * 2 {
      throw Defect.unsupported("pages of more than \(Format.largestPage >> 20) MiB")
    }
    // Entries of a dictionary take a byte at least; rows are held against the pages' limit later.
    if header.count > Format.largestPage { throw Defect.damaged("a page has too many values") }
    return (header, reader.position)
  }
}

// MARK: Reading

extension Footer {
  /// Reads a footer; every offset and count in it is still to be checked against the file (`check`).
  init(reading bytes: UnsafeRawBufferPointer) throws {
    var reader = ThriftReader(bytes)
    var schema: [SchemaElement] = []
    var bareChunks: [[BareChunk]] = []
    var groupRows: [Int] = []
    var total = 0
    var pairs: [(key: String, value: String)] = []
    try reader.structure { reader, id, type in
      switch id {
      case 2: try reader.list(type, of: ThriftType.structure) { schema.append(try SchemaElement(&$0)) }
      case 3: total = try reader.size(type)
      case 4:
        try reader.list(type, of: ThriftType.structure) {
          var chunks: [BareChunk] = []
          var rows = 0
          try $0.structure { reader, id, type in
            switch id {
            case 1: try reader.list(type, of: ThriftType.structure) { chunks.append(try BareChunk(&$0)) }
            case 3: rows = try reader.size(type)
            default: try reader.skip(type)
            }
          }
          bareChunks.append(chunks)
          groupRows.append(rows)
        }
      case 5:
        try reader.list(type, of: ThriftType.structure) {
          var pair = (key: "", value: "")
          try $0.structure { reader, id, type in
            switch id {
            case 1: pair.key = try reader.text(type)
            case 2: pair.value = try reader.text(type)
            default: try reader.skip(type)
            }
          }
          pairs.append(pair)
        }
      case 8: throw Defect.unsupported("an encrypted file")
      default: try reader.skip(type)
      }
    }
    metadata = pairs
    rows = total
    guard let root = schema.first else { throw Defect.damaged("its footer has no schema") }
    if root.children != schema.count - 1 { throw Defect.unsupported("nested columns") }
    columns = try schema.dropFirst().map { try $0.column() }
    for (chunks, rows) in zip(bareChunks, groupRows) {
      if chunks.count != columns.count { throw Defect.damaged("a row group has another number of columns") }
      groups.append(
        RowGroupChunks(rows: rows, columns: try zip(chunks, columns).map { try $0.chunk(of: $1, rows: rows) }))
    }
  }

  /// Holds counts and offsets against each other and against the room that pages have in the file.
  func check(pages: Range<Int>) throws {
    var sum = 0
    for group in groups {
      let (next, overflow) = sum.addingReportingOverflow(group.rows)
      if overflow { throw Defect.damaged("its row counts do not fit each other") }
      sum = next
      for chunk in group.columns {
        let end = chunk.start.addingReportingOverflow(chunk.compressedBytes)
        if end.overflow || chunk.start < pages.lowerBound || end.partialValue > pages.upperBound {
          throw Defect.damaged("a column lies outside the file")
        }
        if chunk.dataOffset < chunk.start || chunk.dataOffset > end.partialValue {
          throw Defect.damaged("a column's pages lie outside it")
        }
        if chunk.statistics.nulls > group.rows { throw Defect.damaged("its row counts do not fit each other") }
      }
    }
    if sum != rows { throw Defect.damaged("its row counts do not fit each other") }
  }
}

extension ThriftReader {
  /// As `structure`, where a field is one.
  mutating func structureField(_ type: UInt8, _ body: (inout ThriftReader, Int, UInt8) throws -> Void) throws {
    if type != ThriftType.structure {
      throw Defect.damaged("a field of its footer or of a page has the wrong type")
    }
    try structure(body)
  }
}

private struct SchemaElement {
  var type: Int?
  var repetition = 0
  var name = ""
  var children = 0
  var converted: Int?
  var scale = 0
  var precision = 0
  /// The logical type's number in its union, and what its structure holds.
  var logical: Int?
  var isUTC = true
  var unit: Int?

  private init() {}

  init(_ reader: inout ThriftReader) throws {
    var found = SchemaElement()
    try reader.structure { reader, id, type in
      switch id {
      case 1: found.type = try reader.int(type)
      case 3: found.repetition = try reader.int(type)
      case 4: found.name = try reader.text(type)
      case 5: found.children = try reader.size(type)
      case 6: found.converted = try reader.int(type)
      case 7: found.scale = try reader.int(type)
      case 8: found.precision = try reader.int(type)
      case 10:
        try reader.structureField(type) { reader, id, type in
          found.logical = id
          if id != 8 { return try reader.skip(type) }
          try reader.structureField(type) { reader, id, type in
            switch id {
            case 1: found.isUTC = try reader.bool(type)
            case 2:
              try reader.structureField(type) { reader, id, type in
                found.unit = id
                try reader.skip(type)
              }
            default: try reader.skip(type)
            }
          }
        }
      default: try reader.skip(type)
      }
    }
    self = found
  }

  func column() throws -> ParquetColumn {
    if children > 0 { throw Defect.unsupported("nested columns") }
    if repetition != Format.required && repetition != Format.optional {
      throw Defect.unsupported("repeated columns")
    }
    let kind: ParquetKind
    switch (type, logical) {
    case (Format.int32Type, nil) where converted == nil: kind = .int32
    case (Format.int64Type, nil) where converted == nil: kind = .int64
    case (Format.int32Type, 6): kind = .date
    case (Format.int64Type, 8) where !isUTC && unit == 2: kind = .time
    case (Format.int64Type, 5) where precision == Format.decimalPrecision && (0...precision).contains(scale):
      kind = .decimal(scale: scale)
    case (Format.byteArrayType, 1): kind = .string
    default:
      throw Defect.unsupported("a column of type \(type ?? -1), logical type \(logical ?? -1)")
    }
    return ParquetColumn(name: name, kind: kind, isOptional: repetition == Format.optional)
  }
}

private struct BareChunk {
  var type = -1
  var codec = -1
  var values = 0
  var uncompressed = 0
  var compressed = 0
  var dataOffset = 0
  var dictionaryOffset: Int?
  var nulls = 0
  var maximum: [UInt8]?
  var minimum: [UInt8]?
  var isElsewhere = false

  init(_ reader: inout ThriftReader) throws {
    var found = BareChunk()
    try reader.structure { reader, id, type in
      switch id {
      case 1:
        found.isElsewhere = true
        try reader.skip(type)
      case 3:
        try reader.structureField(type) { reader, id, type in
          switch id {
          case 1: found.type = try reader.int(type)
          case 4: found.codec = try reader.int(type)
          case 5: found.values = try reader.size(type)
          case 6: found.uncompressed = try reader.size(type)
          case 7: found.compressed = try reader.size(type)
          case 9: found.dataOffset = try reader.size(type)
          case 11: found.dictionaryOffset = try reader.size(type)
          case 12:
            try reader.structureField(type) { reader, id, type in
              switch id {
              case 3: found.nulls = try reader.size(type)
              case 5: found.maximum = Array(try reader.binary(type))
              case 6: found.minimum = Array(try reader.binary(type))
              default: try reader.skip(type)
              }
            }
          default: try reader.skip(type)
          }
        }
      default: try reader.skip(type)
      }
    }
    self = found
  }

  private init() {}

  func chunk(of column: ParquetColumn, rows: Int) throws -> ColumnChunk {
    if isElsewhere { throw Defect.unsupported("columns in other files") }
    if type != column.kind.physicalType { throw Defect.damaged("a column has two types") }
    if codec != Format.zstd { throw Defect.unsupported("columns compressed with codec \(codec)") }
    if values != rows { throw Defect.damaged("its row counts do not fit each other") }
    var chunk = ColumnChunk()
    chunk.rows = rows
    chunk.compressedBytes = compressed
    chunk.uncompressedBytes = uncompressed
    chunk.dataOffset = dataOffset
    chunk.dictionaryOffset = dictionaryOffset
    chunk.statistics = ParquetStatistics(
      minimum: try minimum.map { try Self.bound($0, column.kind) },
      maximum: try maximum.map { try Self.bound($0, column.kind) }, nulls: nulls)
    return chunk
  }

  private static func bound(_ bytes: [UInt8], _ kind: ParquetKind) throws -> ParquetBound {
    if kind == .string { return .text(bytes) }
    if bytes.count != kind.numberBytes { throw Defect.damaged("a least or greatest value has the wrong length") }
    let value =
      bytes.count == 4
      ? Int64(bytes.withUnsafeBytes { Int32(littleEndian: $0.loadUnaligned(as: Int32.self)) })
      : bytes.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
    return .number(value / kind.fileUnits)
  }
}
