import ClaimModel
import Diagnostics
import Glibc
import Synchronization

/// Reads a Parquet file that `ParquetWriter` wrote; another one is `parquet.unsupported`, whatever its bytes say.
///
/// Several threads may read at once. Bytes are taken as they come: a damaged file gives a diagnostic.
public final class ParquetFile: @unchecked Sendable {
  // Everything but the page lists is fixed after `init`; those have a lock.

  /// The columns in their order.
  public let columns: [ParquetColumn]
  /// Key-value pairs of the footer.
  public let metadata: [String: String]
  public let rowGroups: [ParquetRowGroup]
  public let path: String
  /// Rows of all row groups.
  public let rows: Int

  private let file: Int32
  private let chunks: [RowGroupChunks]
  private let places: [String: Int]
  /// By row group and column; found at the first reading of the column.
  private let pageLists: Mutex<[PageList?]>

  /// Opens the file and reads its footer.
  ///
  /// - Throws: `parquet.io`, `parquet.damaged`, `parquet.unsupported`.
  public init(path: String) throws {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { throw ParquetError.system(path, "The file can't be opened", errno: errno) }
    do {
      let footer = try ParquetError.naming(path) { try Self.readFooter(path, file) }
      self.path = path
      self.file = file
      columns = footer.columns
      rows = footer.rows
      chunks = footer.groups
      metadata = Dictionary(footer.metadata.map { ($0.key, $0.value) }) { $1 }
      rowGroups = footer.groups.map { group in
        ParquetRowGroup(rows: group.rows, statistics: group.columns.map { $0.statistics })
      }
      places = Dictionary(footer.columns.enumerated().map { ($1.name, $0) }) { first, _ in first }
      pageLists = Mutex([PageList?](repeating: nil, count: footer.groups.count * footer.columns.count))
    } catch {
      close(file)
      throw error
    }
  }

  deinit { close(file) }

  /// The place of a column among `columns`; nil if the file has none of the name.
  public func column(_ name: String) -> Int? { places[name] }

  /// Appends a number column's values of some rows of a row group; `ColumnData.null` is null.
  ///
  /// Days of dates, seconds of times, scaled integers of decimals. Only the pages that hold the rows are inflated.
  /// - Throws: `parquet.io`, `parquet.damaged`; `parquet.value` for a text column or rows that the group does not have.
  ///   What was appended before the error stays.
  public func numbers(_ column: Int, rowGroup: Int, rows: Range<Int>, into: inout [Int64]) throws {
    try numbers(column, rowGroup: rowGroup, ranges: [rows], into: &into)
  }

  /// As above, for several ranges, ascending and apart: the dictionary and each page are inflated once.
  public func numbers(_ column: Int, rowGroup: Int, ranges: [Range<Int>], into: inout [Int64]) throws {
    try read(column, rowGroup, ranges, wantsText: false) { scratch, list, kind, isOptional in
      if let page = list.dictionary { try loadNumbers(page, kind, scratch) }
      try list.eachPage(of: ranges) { page, wanted in
        try appendNumbers(page, list, kind, isOptional, wanted, scratch, &into)
      }
    }
  }

  /// Appends a text column's values of some rows of a row group as codes; null and the empty text are 0.
  ///
  /// Each text of the dictionary is interned at most once a call, and only if a row of the range has it.
  /// - Parameter table: of this thread; texts are interned in the order of the rows.
  /// - Throws: as `numbers`.
  public func codes(
    _ column: Int, rowGroup: Int, rows: Range<Int>, table: CodeTable, into: inout [UInt32]
  ) throws {
    try codes(column, rowGroup: rowGroup, ranges: [rows], table: table, into: &into)
  }

  /// As above, for several ranges, ascending and apart: the dictionary and each page are inflated once.
  public func codes(
    _ column: Int, rowGroup: Int, ranges: [Range<Int>], table: CodeTable, into: inout [UInt32]
  ) throws {
    try read(column, rowGroup, ranges, wantsText: true) { scratch, list, _, isOptional in
      if let page = list.dictionary { try loadTexts(page, scratch) }
      try list.eachPage(of: ranges) { page, wanted in
        try appendCodes(page, list, isOptional, wanted, scratch, table, &into)
      }
    }
  }

  /// The rows among some of a row group whose text in a column is wanted, as ranges, ascending and apart. Null is asked
  /// for as the empty text. `isWanted` is called once for each text of the dictionary that a row has.
  ///
  /// - Throws: as `numbers`.
  public func rows(
    _ column: Int, rowGroup: Int, ranges: [Range<Int>], where isWanted: (UnsafeRawBufferPointer) -> Bool
  ) throws -> [Range<Int>] {
    var result: [Range<Int>] = []
    func add(_ row: Int) {
      if let last = result.last, last.upperBound == row {
        result[result.count - 1] = last.lowerBound..<row + 1
      } else {
        result.append(row..<row + 1)
      }
    }
    try read(column, rowGroup, ranges, wantsText: true) { scratch, list, _, isOptional in
      if let page = list.dictionary { try loadTexts(page, scratch) }
      let isNullWanted = isWanted(UnsafeRawBufferPointer(start: nil, count: 0))
      try list.eachPage(of: ranges) { page, wanted in
        let body = try open(page, list, isOptional, scratch)
        var isIn = [Bool](repeating: false, count: body.present)
        if let width = body.indexWidth, let dictionary = list.dictionary {
          try unpackIndices(body, width: width, entries: dictionary.header.count, scratch)
          // Of each entry: 0 is not asked yet, 1 not wanted, 2 wanted.
          let known = scratch.entryCodes.base
          for i in 0..<body.present {
            let index = Int(scratch.indices.base[i])
            if known[index] == 0 {
              var position = Int(scratch.entryStarts.base[index])
              known[index] = isWanted(try Self.plainText(scratch.dictionary.bytes, &position)) ? 2 : 1
            }
            isIn[i] = known[index] == 2
          }
        } else {
          var position = 0
          for i in 0..<body.present { isIn[i] = isWanted(try Self.plainText(body.values, &position)) }
          if position != body.values.count { throw Defect.damaged("a page has a wrong length") }
        }
        for rows in wanted {
          var next = Self.presentBefore(rows.lowerBound, body, scratch.validity.base)
          for row in rows {
            if body.present < body.rows, scratch.validity.base[row / 64] >> UInt64(row & 63) & 1 == 0 {
              if isNullWanted { add(page.firstRow + row) }
            } else {
              if isIn[next] { add(page.firstRow + row) }
              next += 1
            }
          }
        }
      }
    }
    return result
  }

  /// Appends a text column's values of some rows of a row group; null and the empty text are two things.
  ///
  /// - Throws: as `numbers`.
  public func texts(_ column: Int, rowGroup: Int, rows: Range<Int>, into: inout [[UInt8]?]) throws {
    try read(column, rowGroup, [rows], wantsText: true) { scratch, list, _, isOptional in
      if let page = list.dictionary { try loadTexts(page, scratch) }
      try list.eachPage(of: [rows]) { page, _ in
        try appendTexts(page, list, isOptional, rows, scratch, &into)
      }
    }
  }

  // MARK: Footer and pages

  private static func readFooter(_ path: String, _ file: Int32) throws -> Footer {
    var info = stat()
    if fstat(file, &info) != 0 { throw ParquetError.system(path, "The file can't be read", errno: errno) }
    if info.st_mode & S_IFMT != S_IFREG { throw Defect.unsupported("it is no regular file") }
    let size = Int(info.st_size)
    let buffer = ByteBuffer()
    if size < 12 { throw Defect.unsupported("it is too short to be one") }
    try read(path, file, at: 0, count: 4, into: buffer)
    if !buffer.bytes.elementsEqual(Format.magic) { throw Defect.unsupported("it does not begin with PAR1") }
    try read(path, file, at: size - 8, count: 8, into: buffer)
    // An encrypted footer ends with PARE.
    if !buffer.bytes[4...].elementsEqual(Format.magic) { throw Defect.damaged("it does not end with PAR1") }
    let length = Int(UInt32(littleEndian: buffer.bytes.loadUnaligned(as: UInt32.self)))
    if length > size - 12 { throw Defect.damaged("its footer is longer than the file") }
    try read(path, file, at: size - 8 - length, count: length, into: buffer)
    let footer = try Footer(reading: buffer.bytes)
    try footer.check(pages: 4..<size - 8 - length)
    return footer
  }

  private static func read(_ path: String, _ file: Int32, at offset: Int, count: Int, into buffer: ByteBuffer) throws {
    buffer.clear()
    buffer.reserve(count)
    var done = 0
    while done < count {
      let n = pread(file, buffer.base + done, count - done, off_t(offset + done))
      if n < 0 {
        if errno == EINTR { continue }
        throw ParquetError.system(path, "The file can't be read", errno: errno)
      }
      if n == 0 { throw Defect.cut }
      done += n
    }
    buffer.advance(count)
  }

  private func read(
    _ column: Int, _ group: Int, _ ranges: [Range<Int>], wantsText: Bool,
    _ body: (ReadScratch, PageList, ParquetKind, _ isOptional: Bool) throws -> Void
  ) throws {
    guard columns.indices.contains(column), chunks.indices.contains(group) else {
      throw ParquetError.value(path, "The file has no column \(column) in a row group \(group)")
    }
    let kind = columns[column].kind
    let name = columns[column].name
    if (kind == .string) != wantsText {
      throw ParquetError.value(path, "Numbers asked of a text column, or texts of a number column", column: name)
    }
    var end = 0
    for range in ranges {
      if range.lowerBound < end || range.upperBound > chunks[group].rows {
        throw ParquetError.value(path, "Rows that the row group does not have", column: name)
      }
      end = range.upperBound
    }
    if ranges.allSatisfy(\.isEmpty) { return }
    try ParquetError.naming(path, column: name) {
      try ReadScratch.use { scratch in
        try body(scratch, try pageList(column, group, scratch), kind, columns[column].isOptional)
      }
    }
  }

  /// The pages of a column, by their headers; the pages themselves are passed over.
  private func pageList(_ column: Int, _ group: Int, _ scratch: ReadScratch) throws -> PageList {
    let place = group * columns.count + column
    if let known = pageLists.withLock({ $0[place] }) { return known }
    let chunk = chunks[group].columns[column]
    var list = PageList()
    var position = chunk.start
    let end = position + chunk.compressedBytes
    var rows = 0
    while position < end {
      // Two numbers of five bytes more than a header of ours has.
      try Self.read(path, file, at: position, count: min(64, end - position), into: scratch.compressed)
      let (header, length) = try PageHeader.read(scratch.compressed.bytes)
      position += length
      if header.compressedBytes > end - position { throw Defect.damaged("a page lies outside its column") }
      let page = PageList.Page(header: header, offset: position, firstRow: rows)
      if header.isDictionary {
        if list.dictionary != nil || !list.pages.isEmpty { throw Defect.damaged("a dictionary is not in front") }
        if header.encoding != Format.plain { throw Defect.unsupported("dictionaries of encoding \(header.encoding)") }
        list.dictionary = page
      } else {
        if header.encoding != Format.plain && header.encoding != Format.dictionary {
          throw Defect.unsupported("pages of encoding \(header.encoding)")
        }
        if header.count > Format.pageRows { throw Defect.unsupported("pages of more than \(Format.pageRows) rows") }
        rows += header.count
        list.pages.append(page)
      }
      position += header.compressedBytes
    }
    if rows != chunk.rows { throw Defect.damaged("its row counts do not fit each other") }
    pageLists.withLock { $0[place] = list }
    return list
  }

  private func inflate(_ page: PageList.Page, into buffer: ByteBuffer, _ scratch: ReadScratch) throws {
    try Self.read(path, file, at: page.offset, count: page.header.compressedBytes, into: scratch.compressed)
    try scratch.inflater.inflate(scratch.compressed.bytes, size: page.header.uncompressedBytes, into: buffer)
  }

  // MARK: Dictionaries

  private func loadNumbers(_ page: PageList.Page, _ kind: ParquetKind, _ scratch: ReadScratch) throws {
    try inflate(page, into: scratch.dictionary, scratch)
    let count = page.header.count
    if count * kind.numberBytes != scratch.dictionary.count { throw Defect.damaged("a dictionary has a wrong length") }
    scratch.entries.prepare(count)
    try Self.plainNumbers(scratch.dictionary.bytes, kind, count, into: scratch.entries.base)
  }

  /// Finds the texts; none is interned yet.
  private func loadTexts(_ page: PageList.Page, _ scratch: ReadScratch) throws {
    try inflate(page, into: scratch.dictionary, scratch)
    let count = page.header.count
    let bytes = scratch.dictionary.bytes
    // Each text has a length of four bytes.
    if count > bytes.count / 4 { throw Defect.damaged("a dictionary has a wrong length") }
    scratch.entryStarts.prepare(count)
    scratch.entryCodes.prepare(count)
    scratch.entryCodes.base.update(repeating: 0, count: count)
    var position = 0
    for i in 0..<count {
      scratch.entryStarts.base[i] = UInt32(position)
      _ = try Self.plainText(bytes, &position)
    }
    if position != bytes.count { throw Defect.damaged("a dictionary has a wrong length") }
  }

  // MARK: Pages

  /// What is left of a page behind its levels.
  private struct Body {
    var values: UnsafeRawBufferPointer
    /// Values that are not null.
    var present: Int
    /// Rows of the page, null or not.
    var rows: Int
    /// Whether the values are indices, and their bits.
    var indexWidth: Int?
  }

  /// Inflates a page and reads its levels into `validity` where it has nulls.
  private func open(
    _ page: PageList.Page, _ list: PageList, _ isOptional: Bool, _ scratch: ReadScratch
  ) throws -> Body {
    try inflate(page, into: scratch.page, scratch)
    var rest = scratch.page.bytes
    let rows = page.header.count
    var present = rows
    if isOptional {
      if rest.count < 4 { throw Defect.damaged("a page has too few indices or levels") }
      let length = Int(UInt32(littleEndian: rest.loadUnaligned(as: UInt32.self)))
      if length > rest.count - 4 { throw Defect.damaged("a page has too few indices or levels") }
      let levels = UnsafeRawBufferPointer(rebasing: rest[4..<4 + length])
      present = try BitPacking.decodeLevels(levels, count: rows, into: scratch.validity.base)
      rest = UnsafeRawBufferPointer(rebasing: rest[(4 + length)...])
    }
    var body = Body(values: rest, present: present, rows: rows)
    if page.header.encoding == Format.dictionary {
      guard list.dictionary != nil else { throw Defect.damaged("indices without a dictionary") }
      guard let width = rest.first else {
        if present > 0 { throw Defect.damaged("a page has too few indices or levels") }
        body.indexWidth = 0
        return body
      }
      body.indexWidth = Int(width)
      body.values = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
    }
    return body
  }

  /// Unpacks a page's indices and makes sure that the dictionary has them all.
  private func unpackIndices(_ body: Body, width: Int, entries: Int, _ scratch: ReadScratch) throws {
    let indices = scratch.indices.base
    try BitPacking.decode(body.values, width: width, count: body.present, into: indices)
    var greatest: UInt32 = 0
    for i in 0..<body.present { greatest = max(greatest, indices[i]) }
    if body.present > 0, Int(greatest) >= entries { throw Defect.damaged("an index that its dictionary lacks") }
  }

  private func appendNumbers(
    _ page: PageList.Page, _ list: PageList, _ kind: ParquetKind, _ isOptional: Bool, _ wanted: [Range<Int>],
    _ scratch: ReadScratch, _ into: inout [Int64]
  ) throws {
    let body = try open(page, list, isOptional, scratch)
    if body.present == body.rows, wanted.first?.count == body.rows {
      // The whole page: straight to its place.
      try into.append(addingCapacity: body.rows) { (span: inout OutputSpan<Int64>) in
        try span.withUnsafeMutableBufferPointer { buffer, filled in
          if let base = buffer.baseAddress { try presentNumbers(body, list, kind, scratch, into: base + filled) }
          filled += body.rows
        }
      }
      return
    }
    scratch.present.prepare(body.present)
    let present = scratch.present.base
    try presentNumbers(body, list, kind, scratch, into: present)
    Self.append(present, null: ColumnData.null, body, wanted, scratch.validity.base, to: &into)
  }

  private func presentNumbers(
    _ body: Body, _ list: PageList, _ kind: ParquetKind, _ scratch: ReadScratch, into: UnsafeMutablePointer<Int64>
  ) throws {
    guard let width = body.indexWidth, let dictionary = list.dictionary else {
      if body.values.count != body.present * kind.numberBytes { throw Defect.damaged("a page has a wrong length") }
      return try Self.plainNumbers(body.values, kind, body.present, into: into)
    }
    try unpackIndices(body, width: width, entries: dictionary.header.count, scratch)
    let indices = UnsafePointer(scratch.indices.base)
    let entries = UnsafePointer(scratch.entries.base)
    for i in 0..<body.present { into[i] = entries[Int(indices[i])] }
  }

  private func appendCodes(
    _ page: PageList.Page, _ list: PageList, _ isOptional: Bool, _ wanted: [Range<Int>], _ scratch: ReadScratch,
    _ table: CodeTable, _ into: inout [UInt32]
  ) throws {
    let body = try open(page, list, isOptional, scratch)
    // Values before, between and behind the wanted rows are passed over: their texts are not interned.
    let present = wanted.map { rows in
      Self.presentBefore(
        rows.lowerBound, body, scratch.validity.base)..<Self.presentBefore(rows.upperBound, body, scratch.validity.base)
    }
    scratch.presentCodes.prepare(body.present)
    let codes = scratch.presentCodes.base
    let waiting = scratch.waitingTexts
    waiting.removeAll()
    if let width = body.indexWidth, let dictionary = list.dictionary {
      try unpackIndices(body, width: width, entries: dictionary.header.count, scratch)
      let indices = UnsafePointer(scratch.indices.base)
      let known = scratch.entryCodes.base
      let starts = UnsafePointer(scratch.entryStarts.base)
      // An entry that waits is none that was not seen; no table has so many codes.
      let waits = UInt32.max
      for range in present {
        for i in range where known[Int(indices[i])] == CodeTable.null {
          let index = Int(indices[i])
          var position = Int(starts[index])
          let text = try Self.plainText(scratch.dictionary.bytes, &position)
          known[index] = waits
          waiting.add(text, place: index, table, into: known)
        }
      }
      waiting.intern(table, into: known)
      for range in present {
        for i in range { codes[i] = known[Int(indices[i])] }
      }
    } else {
      var position = 0
      var range = 0
      for i in 0..<body.present {
        let text = try Self.plainText(body.values, &position)
        while range < present.count, i >= present[range].upperBound { range += 1 }
        if range < present.count, i >= present[range].lowerBound { waiting.add(text, place: i, table, into: codes) }
      }
      waiting.intern(table, into: codes)
      if position != body.values.count { throw Defect.damaged("a page has a wrong length") }
    }
    Self.append(codes, null: CodeTable.null, body, wanted, scratch.validity.base, to: &into)
  }

  private func appendTexts(
    _ page: PageList.Page, _ list: PageList, _ isOptional: Bool, _ rows: Range<Int>, _ scratch: ReadScratch,
    _ into: inout [[UInt8]?]
  ) throws {
    let body = try open(page, list, isOptional, scratch)
    var present: [[UInt8]] = []
    present.reserveCapacity(body.present)
    if let width = body.indexWidth, let dictionary = list.dictionary {
      try unpackIndices(body, width: width, entries: dictionary.header.count, scratch)
      for i in 0..<body.present {
        var position = Int(scratch.entryStarts.base[Int(scratch.indices.base[i])])
        present.append(Array(try Self.plainText(scratch.dictionary.bytes, &position)))
      }
    } else {
      var position = 0
      for _ in 0..<body.present { present.append(Array(try Self.plainText(body.values, &position))) }
      if position != body.values.count { throw Defect.damaged("a page has a wrong length") }
    }
    let wanted = page.clamp(rows)
    var next = Self.presentBefore(wanted.lowerBound, body, scratch.validity.base)
    for row in wanted {
      if body.present < body.rows, scratch.validity.base[row / 64] >> UInt64(row & 63) & 1 == 0 {
        into.append(nil)
      } else {
        into.append(present[next])
        next += 1
      }
    }
  }

  /// How many values that are not null stand before a row of the page.
  private static func presentBefore(_ row: Int, _ body: Body, _ validity: UnsafePointer<UInt64>) -> Int {
    if body.present == body.rows { return row }
    var count = 0
    for word in 0..<row / 64 { count += validity[word].nonzeroBitCount }
    if row & 63 != 0 { count += (validity[row / 64] & ((1 << UInt64(row & 63)) - 1)).nonzeroBitCount }
    return count
  }

  /// Adds the values of the wanted rows, null where a row has none.
  @inline(__always)
  private static func append<Value>(
    _ present: UnsafePointer<Value>, null: Value, _ body: Body, _ wanted: [Range<Int>],
    _ validity: UnsafePointer<UInt64>, to column: inout [Value]
  ) {
    for rows in wanted {
      column.append(addingCapacity: rows.count) { (span: inout OutputSpan<Value>) in
        span.withUnsafeMutableBufferPointer { buffer, filled in
          guard let base = buffer.baseAddress else { return }
          spread(present, null: null, body, rows, validity, into: base + filled)
          filled += rows.count
        }
      }
    }
  }

  /// Puts values to their rows and null between them.
  @inline(__always)
  private static func spread<Value>(
    _ present: UnsafePointer<Value>, null: Value, _ body: Body, _ wanted: Range<Int>,
    _ validity: UnsafePointer<UInt64>, into out: UnsafeMutablePointer<Value>
  ) {
    if body.present == body.rows {
      out.update(from: present + wanted.lowerBound, count: wanted.count)
      return
    }
    var next = presentBefore(wanted.lowerBound, body, validity)
    var row = wanted.lowerBound
    let end = wanted.upperBound
    while row < end {
      let count = min(64 &- row & 63, end &- row)
      let bits = validity[row &>> 6] &>> UInt64(truncatingIfNeeded: row & 63)
      let target = out + (row &- wanted.lowerBound)
      if count == 64, bits == UInt64.max {
        target.update(from: present + next, count: 64)
        next &+= 64
      } else if bits == 0 {
        target.update(repeating: null, count: count)
      } else {
        for k in 0..<count {
          let isPresent = bits &>> UInt64(truncatingIfNeeded: k) & 1
          // At the end `next` may stand one behind the values; the buffer has room there.
          let value = present[next]
          target[k] = isPresent == 1 ? value : null
          next = next &+ Int(truncatingIfNeeded: isPresent)
        }
      }
      row &+= count
    }
  }

  // MARK: Plain values

  private static func plainNumbers(
    _ bytes: UnsafeRawBufferPointer, _ kind: ParquetKind, _ count: Int, into out: UnsafeMutablePointer<Int64>
  ) throws {
    guard let base = bytes.baseAddress else { return }
    if kind.numberBytes == 4 {
      for i in 0..<count {
        out[i] = Int64(Int32(littleEndian: base.loadUnaligned(fromByteOffset: i &* 4, as: Int32.self)))
      }
    } else if kind == .time {
      var odd: Int64 = 0
      for i in 0..<count {
        let (seconds, rest) = Int64(littleEndian: base.loadUnaligned(fromByteOffset: i &* 8, as: Int64.self))
          .quotientAndRemainder(dividingBy: 1_000_000)
        out[i] = seconds
        odd |= rest
      }
      if odd != 0 { throw Defect.unsupported("times of less than a second") }
    } else {
      for i in 0..<count { out[i] = Int64(littleEndian: base.loadUnaligned(fromByteOffset: i &* 8, as: Int64.self)) }
    }
  }

  /// The text that begins at the position with its length; moves behind it.
  @inline(__always)
  private static func plainText(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) throws -> UnsafeRawBufferPointer
  {
    if bytes.count - position < 4 { throw Defect.damaged("a text is cut off") }
    let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
    position += 4
    if length > bytes.count - position { throw Defect.damaged("a text is cut off") }
    defer { position += length }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
  }
}

/// Where the pages of one column of one row group lie.
struct PageList: Sendable {
  struct Page: Sendable {
    var header: PageHeader
    /// Of the compressed bytes, behind the header.
    var offset: Int
    /// Within the row group.
    var firstRow: Int

    var rows: Range<Int> { firstRow..<firstRow + header.count }

    /// The wanted rows of the row group that the page has, counted from its first.
    func clamp(_ wanted: Range<Int>) -> Range<Int> {
      let common = wanted.clamped(to: rows)
      return common.lowerBound - firstRow..<common.upperBound - firstRow
    }
  }

  var dictionary: Page?
  var pages: [Page] = []

  /// Hands out the pages that hold a row of the ranges, with the rows wanted of each, counted from its first.
  func eachPage(of ranges: [Range<Int>], _ body: (Page, [Range<Int>]) throws -> Void) rethrows {
    var first = 0
    for page in pages {
      while first < ranges.count, ranges[first].upperBound <= page.firstRow { first += 1 }
      var wanted: [Range<Int>] = []
      var next = first
      while next < ranges.count, ranges[next].lowerBound < page.rows.upperBound {
        let own = page.clamp(ranges[next])
        if !own.isEmpty { wanted.append(own) }
        next += 1
      }
      if !wanted.isEmpty { try body(page, wanted) }
    }
  }
}
