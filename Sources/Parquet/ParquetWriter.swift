import ClaimModel
import Diagnostics

/// Writes one Parquet file, row group by row group.
///
/// Equal columns, values and metadata give equal bytes. For one thread. A writer that is let go before `finish` removes
/// its file.
public final class ParquetWriter {
  /// Key-value pairs of the footer, in the order given; may be changed until `finish`.
  public var metadata: [(key: String, value: String)]
  /// The columns in their order.
  public let columns: [ParquetColumn]

  private let sink: FileSink
  private let toolVersion: String
  private let compressor: PageCompressor
  private var groups: [RowGroupChunks] = []
  private var rows = 0
  private var isOpen = true

  private let dictionary = DictionaryBuilder()
  private let values = ByteBuffer(capacity: 1 << 20)
  private let page = ByteBuffer(capacity: 1 << 20)
  private let compressed = ByteBuffer(capacity: 1 << 20)
  private let numbers = NumberBuffer<Int64>()
  private let validity = NumberBuffer<UInt8>()
  private let pageValidity = NumberBuffer<UInt8>()
  private var header = ThriftWriter()
  /// Texts that come without a code table get their codes here.
  private let ownCodes = CodeTable()

  /// Makes the file, mode 0600, in place of one that is there.
  ///
  /// - Parameter toolVersion: stands in the footer's `created_by`.
  /// - Throws: `parquet.io`, `parquet.disk-full`; `parquet.value` for columns without or with equal names.
  public init(
    path: String, columns: [ParquetColumn], metadata: [(key: String, value: String)] = [], toolVersion: String
  ) throws {
    if columns.isEmpty || columns.contains(where: \.name.isEmpty) || Set(columns.map(\.name)).count != columns.count {
      throw ParquetError.value(path, "Columns of a Parquet file need names that differ")
    }
    for column in columns {
      if case .decimal(let scale) = column.kind, !(0...Format.decimalPrecision).contains(scale) {
        throw ParquetError.value(path, "A decimal has 0 to \(Format.decimalPrecision) places", column: column.name)
      }
    }
    self.columns = columns
    self.metadata = metadata
    self.toolVersion = toolVersion
    compressor = try ParquetError.naming(path) { try PageCompressor() }
    sink = try FileSink(path: path)
    try sink.write(Format.magic)
  }

  /// Writes one row group; no rows write none.
  ///
  /// - Parameter codes: the table of all `.codes` among the values. It is only read.
  /// - Throws: `parquet.disk-full`, `parquet.io`; `parquet.value` where values do not fit their column: another kind,
  ///   another number of rows, a null in a required column, a number out of the column's range, a text over 16 MiB.
  ///   After an error the file is given up.
  public func append(_ values: [ParquetValues], codes: CodeTable) throws {
    if values.count != columns.count {
      isOpen = false
      throw ParquetError.value(sink.path, "\(values.count) columns of values for a file of \(columns.count)")
    }
    try append(rows: values.first?.count ?? 0, codes: codes) { values[$0] }
  }

  /// As above, with columns that are made one after the other, so that one at a time is in memory.
  ///
  /// - Parameter values: of the column of the place; called once for each, in order, unless there are no rows.
  public func append(rows count: Int, codes: CodeTable, values: (Int) throws -> ParquetValues) throws {
    if !isOpen { throw ParquetError.value(sink.path, "The Parquet file is finished or was given up") }
    // Only a group that was written whole opens the file again.
    isOpen = false
    if count > Int(Int32.max) { throw ParquetError.value(sink.path, "A row group has too many rows") }
    if count > 0 {
      var group = RowGroupChunks(rows: count)
      for (place, column) in columns.enumerated() {
        let values = try values(place)
        if values.count != count {
          throw ParquetError.value(sink.path, "The columns have different numbers of rows", column: column.name)
        }
        group.columns.append(
          try ParquetError.naming(sink.path, column: column.name) { try write(values, of: column, codes) })
      }
      groups.append(group)
      rows += count
    }
    isOpen = true
  }

  /// Writes the footer and syncs the file.
  ///
  /// - Throws: `parquet.disk-full`, `parquet.io`.
  public func finish() throws -> ParquetSummary {
    if !isOpen { throw ParquetError.value(sink.path, "The Parquet file is finished or was given up") }
    isOpen = false
    let footer = Footer(columns: columns, metadata: metadata, groups: groups, rows: rows)
      .encoded(createdBy: "yijian version \(toolVersion)")
    try sink.write(footer)
    try withUnsafeBytes(of: UInt32(footer.count).littleEndian) { try sink.write($0) }
    try sink.write(Format.magic)
    return ParquetSummary(rows: rows, bytes: sink.position, sha256: try sink.finish())
  }

  // MARK: Columns

  private func write(_ given: ParquetValues, of column: ParquetColumn, _ codes: CodeTable) throws -> ColumnChunk {
    compressor.prepare(for: column.kind)
    switch given {
    case .nulls(let rows): return try write(nulls: rows, of: column)
    case .numbers(let numbers) where column.kind != .string:
      return try numbers.withUnsafeBufferPointer { try write(numbers: $0, of: column) }
    case .codes(let given) where column.kind == .string:
      return try given.withUnsafeBufferPointer { try write(codes: $0, of: column, codes, shift: 0) }
    case .texts(let texts) where column.kind == .string:
      // Code 0 is null to the writer and the empty text to the table: all codes stand one higher here.
      var shifted: [UInt32] = []
      shifted.reserveCapacity(texts.count)
      for text in texts {
        shifted.append(text.map { $0.withUnsafeBytes { ownCodes.intern($0) } + 1 } ?? 0)
      }
      defer { ownCodes.rollBack(to: 1) }
      return try shifted.withUnsafeBufferPointer { try write(codes: $0, of: column, ownCodes, shift: 1) }
    default:
      throw ParquetError.value(
        sink.path, "Numbers for a text column, or texts for a number column", column: column.name)
    }
  }

  /// Pages of levels only: a column without a value costs some ten bytes a page, and no look at its rows.
  private func write(nulls rows: Int, of column: ParquetColumn) throws -> ColumnChunk {
    var chunk = try startChunk(rows: rows, values: 0, of: column)
    for start in stride(from: 0, to: rows, by: Format.writtenPageRows) {
      let range = start..<min(start + Format.writtenPageRows, rows)
      values.clear()
      page.clear()
      page.append(littleEndian: 0)
      page.append(varint: UInt64(range.count) << 1)
      page.append(byte: 0)
      page.overwrite(at: 0, littleEndian: UInt32(page.count - 4))
      try writePage(range, encoding: Format.plain, &chunk)
    }
    return chunk
  }

  private func write(numbers given: UnsafeBufferPointer<Int64>, of column: ParquetColumn) throws -> ColumnChunk {
    let rows = given.count
    numbers.prepare(rows)
    var count = 0
    var least = Int64.max
    var greatest = Int64.min
    let target = numbers.base
    for value in given {
      // No branch: a null is overwritten by the next value, and is less than all of them.
      target[count] = value
      let isNull = value == ColumnData.null
      count &+= isNull ? 0 : 1
      least = min(least, isNull ? Int64.max : value)
      greatest = max(greatest, value)
    }
    if count == 0 { return try write(nulls: rows, of: column) }
    var chunk = try startChunk(rows: rows, values: count, of: column)
    if count < rows { mapValidity(given, null: ColumnData.null) }
    try check(least, column)
    try check(greatest, column)
    chunk.statistics.minimum = .number(least)
    chunk.statistics.maximum = .number(greatest)
    let present = UnsafeBufferPointer(start: UnsafePointer(numbers.base), count: count)
    if dictionary.build(numbers: present, size: column.kind.numberBytes) {
      values.clear()
      dictionary.numbers.withUnsafeBufferPointer { putPlain($0, column.kind) }
      try writeDictionary(entries: dictionary.numbers.count, &chunk)
      try writeIndices(entries: dictionary.numbers.count, column, &chunk)
    } else {
      var done = 0
      for start in stride(from: 0, to: rows, by: Format.writtenPageRows) {
        let range = start..<min(start + Format.writtenPageRows, rows)
        let n = try startPage(range, column, chunk)
        values.clear()
        putPlain(UnsafeBufferPointer(rebasing: present[done..<done + n]), column.kind)
        try writePage(range, encoding: Format.plain, &chunk)
        done += n
      }
    }
    return chunk
  }

  private func check(_ value: Int64, _ column: ParquetColumn) throws {
    let fits =
      switch column.kind {
      case .int32, .date: Int32(exactly: value) != nil
      case .decimal: value > -Format.decimalLimit && value < Format.decimalLimit
      default: !value.multipliedReportingOverflow(by: column.kind.fileUnits).overflow
      }
    if !fits { throw ParquetError.value(sink.path, "A number is out of the column's range", column: column.name) }
  }

  /// Adds numbers as they stand in a page: little-endian, in the file's unit. They fit: least and greatest do.
  private func putPlain(_ given: UnsafeBufferPointer<Int64>, _ kind: ParquetKind) {
    values.reserve(given.count * kind.numberBytes)
    let target = values.base + values.count
    if kind.numberBytes == 4 {
      for i in 0..<given.count {
        target.storeBytes(of: Int32(truncatingIfNeeded: given[i]).littleEndian, toByteOffset: i &* 4, as: Int32.self)
      }
    } else {
      let units = kind.fileUnits
      for i in 0..<given.count {
        target.storeBytes(of: (given[i] &* units).littleEndian, toByteOffset: i &* 8, as: Int64.self)
      }
    }
    values.advance(given.count * kind.numberBytes)
  }

  private func write(
    codes given: UnsafeBufferPointer<UInt32>, of column: ParquetColumn, _ table: CodeTable, shift: UInt32
  ) throws -> ColumnChunk {
    let rows = given.count
    // Fewer than 2^31 rows: the counter is as wide as a code, so that several are looked at at once.
    var filled: UInt32 = 0
    var greatest: UInt32 = 0
    for code in given {
      filled &+= code == 0 ? 0 : 1
      greatest = max(greatest, code)
    }
    if filled == 0 { return try write(nulls: rows, of: column) }
    let count = Int(filled)
    // The table is not the one the codes are of.
    if Int(greatest) >= table.count + Int(shift) {
      throw ParquetError.value(sink.path, "A code that the code table does not have", column: column.name)
    }
    var chunk = try startChunk(rows: rows, values: count, of: column)
    if count < rows { mapValidity(given, null: 0) }
    if try dictionary.build(codes: given, values: count, codeCount: table.count + Int(shift)),
      try putEntries(table, shift, column)
    {
      let entries = dictionary.codes.count
      bound(dictionary.codes, table, shift, &chunk)
      try writeDictionary(entries: entries, &chunk)
      try writeIndices(entries: entries, column, &chunk)
      return chunk
    }
    bound(given, table, shift, &chunk)
    var start = 0
    values.clear()
    for row in 0..<rows {
      if given[row] != 0 { try put(given[row] - shift, table, column) }
      if row + 1 == rows || row + 1 - start == Format.writtenPageRows || values.count >= Format.pageBytes {
        _ = try startPage(start..<row + 1, column, chunk)
        try writePage(start..<row + 1, encoding: Format.plain, &chunk)
        values.clear()
        start = row + 1
      }
    }
    return chunk
  }

  /// Puts the dictionary's texts into `values`; false if they are too many bytes for a page.
  private func putEntries(_ table: CodeTable, _ shift: UInt32, _ column: ParquetColumn) throws -> Bool {
    values.clear()
    for code in dictionary.codes {
      try put(code - shift, table, column)
      if values.count > Format.pageBytes { return false }
    }
    return true
  }

  private func put(_ code: UInt32, _ table: CodeTable, _ column: ParquetColumn) throws {
    let values = values
    let fits = table.withBytes(code) { text in
      if text.count > Format.textBytes { return false }
      values.append(text: text)
      return true
    }
    if !fits { throw ParquetError.value(sink.path, "A text is longer than 16 MiB", column: column.name) }
  }

  /// Least and greatest text by bytes; 0 among the codes is null.
  private func bound(_ codes: some Sequence<UInt32>, _ table: CodeTable, _ shift: UInt32, _ chunk: inout ColumnChunk) {
    var least: UInt32?
    var greatest: UInt32 = 0
    for code in codes where code != 0 {
      let code = code - shift
      guard let known = least else {
        least = code
        greatest = code
        continue
      }
      if code == known || code == greatest { continue }
      if table.order(code, known) < 0 {
        least = code
      } else if table.order(greatest, code) < 0 {
        greatest = code
      }
    }
    guard let least else { return }
    func bytes(_ code: UInt32) -> ParquetBound? {
      table.withBytes(code) { $0.count > Format.statisticsBytes ? nil : .text(Array($0)) }
    }
    chunk.statistics.minimum = bytes(least)
    chunk.statistics.maximum = bytes(greatest)
  }

  // MARK: Pages

  private func startChunk(rows: Int, values: Int, of column: ParquetColumn) throws -> ColumnChunk {
    if values < rows, !column.isOptional {
      throw ParquetError.value(sink.path, "A null in a column that allows none", column: column.name)
    }
    var chunk = ColumnChunk()
    chunk.rows = rows
    chunk.statistics.nulls = rows - values
    return chunk
  }

  /// Makes the bit map of the chunk's values that are not null.
  private func mapValidity<Value: FixedWidthInteger>(_ given: UnsafeBufferPointer<Value>, null: Value) {
    guard let base = given.baseAddress else { return }
    validity.prepare((given.count + 7) / 8)
    let map = validity.base
    for byte in 0..<given.count / 8 {
      let eight = base + byte &* 8
      var bits: UInt8 = 0
      // No branch: nulls come as they like.
      for k in 0..<8 { bits |= (eight[k] == null ? 0 : 1) &<< UInt8(truncatingIfNeeded: k) }
      map[byte] = bits
    }
    if given.count & 7 != 0 {
      var bits: UInt8 = 0
      for row in given.count & ~7..<given.count { bits |= (base[row] == null ? 0 : 1) &<< UInt8(row & 7) }
      map[given.count / 8] = bits
    }
  }

  /// Begins a page with its definition levels; gives back how many values it has that are not null.
  private func startPage(_ rows: Range<Int>, _ column: ParquetColumn, _ chunk: ColumnChunk) throws -> Int {
    page.clear()
    if !column.isOptional { return rows.count }
    page.append(littleEndian: 0)
    var present = rows.count
    if chunk.statistics.nulls == 0 {
      page.append(varint: UInt64(rows.count) << 1)
      page.append(byte: 1)
    } else {
      let size = (rows.count + 7) / 8
      pageValidity.prepare(size)
      present = 0
      for byte in 0..<size {
        let bits = validityByte(rows.lowerBound + byte * 8, end: rows.upperBound)
        pageValidity.base[byte] = bits
        present += bits.nonzeroBitCount
      }
      BitPacking.encodeLevels(pageValidity.base, count: rows.count, into: page)
    }
    page.overwrite(at: 0, littleEndian: UInt32(page.count - 4))
    return present
  }

  /// Eight bits of the chunk's map from a row on; those from `end` on are 0.
  private func validityByte(_ row: Int, end: Int) -> UInt8 {
    let shift = UInt8(row & 7)
    var bits = validity.base[row / 8] >> shift
    // Pages of long texts begin at any row.
    if shift != 0, row / 8 * 8 + 8 < end { bits |= validity.base[row / 8 + 1] << (8 - shift) }
    if row + 8 > end { bits &= UInt8(truncatingIfNeeded: (1 << (end - row)) - 1) }
    return bits
  }

  private func writeIndices(entries: Int, _ column: ParquetColumn, _ chunk: inout ColumnChunk) throws {
    let width = BitPacking.width(entries: entries)
    var done = 0
    for start in stride(from: 0, to: chunk.rows, by: Format.writtenPageRows) {
      let range = start..<min(start + Format.writtenPageRows, chunk.rows)
      let n = try startPage(range, column, chunk)
      values.clear()
      values.append(byte: UInt8(width))
      BitPacking.encode(dictionary.indices.base + done, count: n, width: width, into: values)
      try writePage(range, encoding: Format.dictionary, &chunk)
      done += n
    }
  }

  /// Writes the page of levels and `values`.
  private func writePage(_ rows: Range<Int>, encoding: Int, _ chunk: inout ColumnChunk) throws {
    if chunk.dataOffset == 0 { chunk.dataOffset = sink.position }
    page.append(values.bytes)
    try write(
      PageHeader(
        isDictionary: false, uncompressedBytes: page.count, compressedBytes: 0, count: rows.count, encoding: encoding),
      page, &chunk)
  }

  private func writeDictionary(entries: Int, _ chunk: inout ColumnChunk) throws {
    chunk.dictionaryOffset = sink.position
    try write(
      PageHeader(
        isDictionary: true, uncompressedBytes: values.count, compressedBytes: 0, count: entries, encoding: Format.plain),
      values, &chunk)
  }

  private func write(_ head: PageHeader, _ body: ByteBuffer, _ chunk: inout ColumnChunk) throws {
    try compressor.compress(body.bytes, into: compressed)
    var head = head
    head.compressedBytes = compressed.count
    head.encode(&header)
    try sink.write(header.bytes)
    try sink.write(compressed.bytes)
    chunk.compressedBytes += header.bytes.count + compressed.count
    chunk.uncompressedBytes += header.bytes.count + body.count
  }
}
