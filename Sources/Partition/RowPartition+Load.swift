import ClaimModel
import Diagnostics
import Normalize
import Synchronization

extension RowPartition {
  /// The live rows of a range of slices as columns, sorted by segment and line, whatever threads and spilling did.
  ///
  /// Every planned table is there with every planned column; one that no file had is null throughout. Several ranges
  /// may be loaded at once, each into its own code table, when no consumer is being filled any more.
  ///
  /// - Throws: `partition.io`.
  public func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    let groups = Int(slices.lowerBound) / groupWidth...Int(slices.upperBound) / groupWidth
    let (chunks, shapes, dictionaries) = state.withLock { state in
      (
        groups.map { group in state.chunks[group].filter { !state.void.contains($0.segment) } }, state.shapes,
        state.dictionaries
      )
    }
    var maps: [CodeMap] = []
    for dictionary in dictionaries { maps.append(CodeMap(dictionary)) }
    var result: [ClaimTable: RawRows] = [:]
    for table in ClaimTable.allCases {
      guard let plan = plans[table] else { continue }
      var streams: [RecordStream] = []
      for (i, group) in groups.enumerated() {
        let own = chunks[i].filter { shapes[Int($0.shape)].table == table }
        if own.isEmpty { continue }
        let first = UInt16(group * groupWidth)
        let all = first...UInt16(group * groupWidth + groupWidth - 1)
        streams.append(
          RecordStream(
            own.sorted { ($0.segment, $0.firstLine) < ($1.segment, $1.firstLine) }, file: file,
            slices: all.clamped(to: slices)))
      }
      let loader = TableLoader(plan: plan, shapes: shapes, maps: maps, codes: codes)
      result[table] = try loader.load(streams)
    }
    return result
  }
}

/// Codes of a dictionary's texts in the code table that is loaded into; 0: not looked up yet.
final class CodeMap {
  private let dictionary: TextDictionary
  let codes: UnsafeMutablePointer<UInt32>

  init(_ dictionary: TextDictionary) {
    self.dictionary = dictionary
    codes = .allocate(capacity: max(1, dictionary.count))
    codes.initialize(repeating: 0, count: max(1, dictionary.count))
  }

  deinit { codes.deallocate() }

  /// Looks a text up that has no code yet.
  @inline(never)
  func intern(_ number: Int, _ table: CodeTable) -> UInt32 {
    let code = table.intern(dictionary.text(number))
    codes[number] = code
    return code
  }
}

/// The chunks of one slice group and table in order of segment and line, opened one after the other.
final class RecordStream {
  private let chunks: [RecordChunk]
  private let file: SpillFile
  private let slices: ClosedRange<UInt16>
  private var next = 0
  private var buffer: UnsafeMutableRawPointer?
  private var capacity = 0

  /// - Parameter slices: that are wanted, all of the group.
  init(_ chunks: [RecordChunk], file: SpillFile, slices: ClosedRange<UInt16>) {
    self.chunks = chunks
    self.file = file
    self.slices = slices
  }

  deinit { buffer?.deallocate() }

  /// Shapes of its records.
  var shapesUsed: Set<Int32> { Set(chunks.map(\.shape)) }
  /// No fewer than the rows that come.
  var mostRows: Int { chunks.reduce(0) { $0 + Int($1.rows) } }

  /// The wanted records of the next chunk that has any; nil after the last. What the chunk before held is gone.
  @inline(never)
  func open() throws -> RecordCursor? {
    while next < chunks.count {
      let chunk = chunks[next]
      next += 1
      let bytes = Int(chunk.bytes)
      if bytes == 0 { continue }
      let start: UnsafeRawPointer
      if let memory = chunk.memory {
        start = UnsafeRawPointer(memory)
      } else {
        if capacity < bytes + RecordFormat.padding || buffer == nil {
          buffer?.deallocate()
          capacity = bytes + RecordFormat.padding
          buffer = .allocate(byteCount: capacity, alignment: 16)
        }
        guard let buffer else { return nil }
        try file.read(at: chunk.offset, into: UnsafeMutableRawBufferPointer(start: buffer, count: bytes))
        start = UnsafeRawPointer(buffer)
      }
      var cursor = RecordCursor(
        at: start, end: start + bytes, upperSlice: slices.lowerBound & 0xFF00,
        low: UInt8(truncatingIfNeeded: slices.lowerBound), high: UInt8(truncatingIfNeeded: slices.upperBound),
        segment: chunk.segment, shape: chunk.shape, dictionary: chunk.dictionary)
      cursor.skipUnwanted()
      if !cursor.isAtEnd { return cursor }
    }
    return nil
  }
}

/// A place in a chunk: the record that is next. Holds no reference, so that it costs nothing to look at.
struct RecordCursor: BitwiseCopyable {
  var at: UnsafeRawPointer
  let end: UnsafeRawPointer
  /// The upper byte of all its records' slices, in place.
  let upperSlice: UInt16
  /// Least and greatest lower byte of the slices that are wanted.
  let low: UInt8
  let high: UInt8
  let segment: Int32
  let shape: Int32
  let dictionary: Int32
  /// Row of the result that the record before became.
  var lastRow = 0

  var isAtEnd: Bool { at == end }
  @inline(__always)
  var line: UInt32 { UInt32(littleEndian: at.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) }
  /// Segment and line of the next record.
  @inline(__always)
  var key: UInt64 { UInt64(UInt32(bitPattern: segment)) &<< 32 | UInt64(line) }
  @inline(__always)
  var lowerSlice: UInt8 { at.load(fromByteOffset: 8, as: UInt8.self) }
  @inline(__always)
  var continues: Bool { at.load(fromByteOffset: 9, as: UInt8.self) & RecordFormat.continues != 0 }

  /// Goes behind the next record.
  @inline(__always)
  mutating func step() { at += Int(UInt32(littleEndian: at.loadUnaligned(as: UInt32.self))) &+ 4 }

  /// Goes on to the next record of the slices, if this is none.
  @inline(__always)
  mutating func skipUnwanted() {
    while at != end, lowerSlice < low || lowerSlice > high { step() }
  }
}

/// Texts that stand in records and wait for their codes, so that many are interned at once.
///
/// Until then a column holds `mark | place` for the place in the list.
private final class PendingTexts {
  static let mark: UInt32 = 1 << 31
  static let most = 512

  let texts: UnsafeMutablePointer<UnsafeRawPointer>
  let lengths: UnsafeMutablePointer<Int32>
  private let codes: UnsafeMutablePointer<UInt32>
  var count = 0
  /// Rows before this one hold codes only.
  private var firstRow = 0
  /// One for each text column: whether it holds marks.
  let isMarked: UnsafeMutablePointer<Bool>
  private let columns: [UnsafeMutablePointer<UInt32>]

  init(columns: [UnsafeMutablePointer<UInt32>]) {
    self.columns = columns
    texts = .allocate(capacity: Self.most)
    lengths = .allocate(capacity: Self.most)
    codes = .allocate(capacity: Self.most)
    isMarked = .allocate(capacity: max(1, columns.count))
    isMarked.initialize(repeating: false, count: max(1, columns.count))
  }

  deinit {
    texts.deallocate()
    lengths.deallocate()
    codes.deallocate()
    isMarked.deallocate()
  }

  /// Interns what waits; `row` is the first row that is not filled yet.
  @inline(never)
  func settle(_ row: Int, _ table: CodeTable) {
    if count > 0 {
      precondition(table.count < Int(Self.mark) - Self.most, "more texts than a code table can hold")
      table.internAll(UnsafePointer(texts), lengths: UnsafePointer(lengths), count: count, into: codes)
      for (i, column) in columns.enumerated() where isMarked[i] {
        for r in firstRow..<row {
          let code = column[r]
          if code & Self.mark != 0 { column[r] = codes[Int(code ^ Self.mark)] }
        }
        isMarked[i] = false
      }
      count = 0
    }
    firstRow = row
  }
}

/// Memory that the rows of one shape are written to. Nothing in it is counted, so that it costs nothing to hand on.
private struct Target: BitwiseCopyable {
  var numbers: UnsafeMutableBufferPointer<UnsafeMutablePointer<Int64>>
  var texts: UnsafeMutableBufferPointer<UnsafeMutablePointer<UInt32>>
  /// The places of `texts` among all text columns.
  var places: UnsafeMutableBufferPointer<Int>
  /// Columns that records of the shape lack and other records have.
  var lackingNumbers: UnsafeMutableBufferPointer<UnsafeMutablePointer<Int64>>
  var lackingTexts: UnsafeMutableBufferPointer<UnsafeMutablePointer<UInt32>>
  var origins: UnsafeMutablePointer<RowOrigin>
  var slices: UnsafeMutablePointer<UInt16>
  var offsets: UnsafeMutablePointer<Int64>?
}

/// The targets of the shapes that a table's records have.
private final class Targets {
  var ofShape: [Int32: Target] = [:]

  deinit {
    for target in ofShape.values {
      target.numbers.deallocate()
      target.texts.deallocate()
      target.places.deallocate()
      target.lackingNumbers.deallocate()
      target.lackingTexts.deallocate()
    }
  }
}

/// Merges streams of one table into columns.
struct TableLoader {
  let plan: RowPlan
  let shapes: [RecordShape]
  let maps: [CodeMap]
  let codes: CodeTable

  func load(_ streams: [RecordStream]) throws -> RawRows {
    let table = plan.table
    var rows = RawRows(table: table)
    let most = streams.reduce(0) { $0 + $1.mostRows }
    // Columns that any of the shapes has.
    var present = Set<Int>()
    var used = Set<Int32>()
    for stream in streams { used.formUnion(stream.shapesUsed) }
    for shape in used {
      present.formUnion(shapes[Int(shape)].numbers.map(\.index))
      present.formUnion(shapes[Int(shape)].texts.map(\.index))
    }
    let numberColumns = plan.columns.filter { present.contains($0) && table.columns[$0].kind != .text }
    let textColumns = plan.columns.filter { present.contains($0) && table.columns[$0].kind == .text }
    let delivered = plan.keepsDelivered ? 1 : 0
    var numbers: [[Int64]] = []
    var texts: [[UInt32]] = []
    var slices: [[UInt16]] = []
    var origins: [[RowOrigin]] = []
    let count = try filled(numberColumns.count + delivered, most, &numbers) { numberMemory in
      try filled(textColumns.count + 2 * delivered, most, &texts) { textMemory in
        try filled(1, most, &slices) { sliceMemory in
          try filled(1, most, &origins) { originMemory in
            let targets = Targets()
            for shape in used {
              targets.ofShape[shape] = target(
                shapes[Int(shape)], numberColumns, textColumns, numberMemory, textMemory, origins: originMemory[0],
                slices: sliceMemory[0], offsets: delivered == 1 ? numberMemory[numberColumns.count] : nil)
            }
            return try merge(streams, targets, PendingTexts(columns: textMemory))
          }
        }
      }
    }
    rows.origin = origins[0]
    rows.slice = slices[0]
    for (i, column) in numberColumns.enumerated() { rows.columns[table.columns[column].name] = .number(numbers[i]) }
    for (i, column) in textColumns.enumerated() { rows.columns[table.columns[column].name] = .text(texts[i]) }
    if plan.keepsDelivered {
      rows.byteOffset = numbers[numberColumns.count]
      rows.forms = texts[textColumns.count]
      rows.other = texts[textColumns.count + 1]
    }
    // One array each, shared, for all columns that are null throughout.
    let noNumbers = [Int64](repeating: ColumnData.null, count: count)
    let noTexts = [UInt32](repeating: CodeTable.null, count: count)
    for column in plan.columns where !present.contains(column) {
      rows.columns[table.columns[column].name] =
        table.columns[column].kind == .text ? .text(noTexts) : .number(noNumbers)
    }
    return rows
  }

  /// Makes so many arrays of at most so many elements, which the body fills; it returns how many elements they have.
  private func filled<T>(
    _ arrayCount: Int, _ most: Int, _ arrays: inout [[T]], _ body: ([UnsafeMutablePointer<T>]) throws -> Int
  ) throws -> Int {
    var memory: [UnsafeMutablePointer<T>] = []
    let count = try fill(arrayCount, max(1, most), &memory, &arrays, body)
    // The innermost was finished first.
    arrays.reverse()
    return count
  }

  /// An array's memory may be used only while it is made, so each is made inside the making of the one before.
  private func fill<T>(
    _ arrayCount: Int, _ most: Int, _ memory: inout [UnsafeMutablePointer<T>], _ arrays: inout [[T]],
    _ body: ([UnsafeMutablePointer<T>]) throws -> Int
  ) throws -> Int {
    if memory.count == arrayCount { return try body(memory) }
    var count = 0
    let array = try [T](unsafeUninitializedCapacity: most) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      memory.append(base)
      count = try fill(arrayCount, most, &memory, &arrays, body)
      initialized = count
    }
    arrays.append(array)
    return count
  }

  private func target(
    _ shape: RecordShape, _ numberColumns: [Int], _ textColumns: [Int], _ numbers: [UnsafeMutablePointer<Int64>],
    _ texts: [UnsafeMutablePointer<UInt32>], origins: UnsafeMutablePointer<RowOrigin>,
    slices: UnsafeMutablePointer<UInt16>, offsets: UnsafeMutablePointer<Int64>?
  ) -> Target {
    let numberPlaces = shape.numbers.compactMap { numberColumns.firstIndex(of: $0.index) }
    let lackingNumbers = Set(numberColumns.indices).subtracting(numberPlaces)
    var textPlaces = shape.texts.compactMap { textColumns.firstIndex(of: $0.index) }
    let lackingTexts = Set(textColumns.indices).subtracting(textPlaces)
    if plan.keepsDelivered { textPlaces += textColumns.count..<texts.count }
    return Target(
      numbers: Self.copied(numberPlaces.map { numbers[$0] }), texts: Self.copied(textPlaces.map { texts[$0] }),
      places: Self.copied(textPlaces), lackingNumbers: Self.copied(lackingNumbers.map { numbers[$0] }),
      lackingTexts: Self.copied(lackingTexts.map { texts[$0] }), origins: origins, slices: slices, offsets: offsets)
  }

  /// The values in memory of their own.
  private static func copied<T: BitwiseCopyable>(_ values: [T]) -> UnsafeMutableBufferPointer<T> {
    let memory = UnsafeMutableBufferPointer<T>.allocate(capacity: values.count)
    _ = memory.initialize(from: values)
    return memory
  }

  /// Takes the stream with the lowest key until another's is lower; the number of rows.
  private func merge(_ streams: [RecordStream], _ targets: Targets, _ pending: PendingTexts) throws -> Int {
    var row = 0
    var heap = CursorHeap(streams: streams.count)
    for (i, stream) in streams.enumerated() {
      if let cursor = try stream.open() { heap.insert(cursor, stream: i) }
    }
    // Without a count of references, as the targets.
    let known = maps.map(\.codes)
    var shape: Int32 = -1
    var target: Target?
    while let stream = heap.firstStream {
      let cursor = heap.cursors + stream
      if cursor.pointee.shape != shape {
        shape = cursor.pointee.shape
        target = targets.ofShape[shape]
      }
      guard let target else { preconditionFailure("a record of a shape that no stream named") }
      row = decode(
        cursor, known[Int(cursor.pointee.dictionary)], target, pending, limit: heap.secondKey, row: row)
      if !cursor.pointee.isAtEnd {
        heap.sinkFirst(key: cursor.pointee.key)
        continue
      }
      // The memory of a chunk that was put aside is used again for the next.
      pending.settle(row, codes)
      if let next = try streams[stream].open() {
        cursor.pointee = next
        heap.sinkFirst(key: next.key)
      } else {
        heap.removeFirst()
      }
    }
    pending.settle(row, codes)
    return row
  }

  /// Decodes records of one chunk up to the limit.
  ///
  /// - Parameter known: the codes of its dictionary's map.
  /// - Returns: the first row that is not filled.
  private func decode(
    _ place: UnsafeMutablePointer<RecordCursor>, _ known: UnsafeMutablePointer<UInt32>, _ target: Target,
    _ pending: PendingTexts, limit: UInt64, row first: Int
  ) -> Int {
    var cursor = place.pointee
    var row = first
    let (numbers, texts, places) = (target.numbers, target.texts, target.places)
    let maskBytes = (numbers.count &+ texts.count &+ 7) >> 3
    let dictionary = Int(cursor.dictionary)
    let mark = PendingTexts.mark
    let (waitingTexts, waitingLengths, isMarked) = (pending.texts, pending.lengths, pending.isMarked)
    var waiting = pending.count
    while cursor.at != cursor.end, cursor.key <= limit {
      if waiting &+ texts.count > PendingTexts.most {
        pending.count = waiting
        pending.settle(row, codes)
        waiting = 0
      }
      var p = cursor.at + RecordFormat.headerBytes
      let mask = p
      p += maskBytes
      if let offsets = target.offsets { offsets[row] = Int64(bitPattern: VarInt.read(&p)) }
      if cursor.continues {
        let before = cursor.lastRow
        for column in numbers { column[row] = column[before] }
        for column in texts { column[row] = column[before] }
      } else {
        for column in numbers { column[row] = ColumnData.null }
        for column in texts { column[row] = CodeTable.null }
      }
      Self.eachFollowing(mask, from: 0, count: numbers.count) { i in
        numbers[i][row] = RecordNumber.read(&p)
      }
      Self.eachFollowing(mask, from: numbers.count, count: texts.count) { i in
        let column = texts[i]
        let number = UInt16(littleEndian: p.loadUnaligned(as: UInt16.self))
        p += 2
        if number < RecordFormat.noText {
          let code = known[Int(number)]
          column[row] = code != 0 ? code : maps[dictionary].intern(Int(number), codes)
        } else if number == RecordFormat.noText {
          column[row] = CodeTable.null
        } else {
          let length = Int(truncatingIfNeeded: VarInt.read(&p))
          waitingTexts[waiting] = p
          waitingLengths[waiting] = Int32(truncatingIfNeeded: length)
          isMarked[places[i]] = true
          column[row] = mark | UInt32(truncatingIfNeeded: waiting)
          waiting &+= 1
          p += length
        }
      }
      for column in target.lackingNumbers { column[row] = ColumnData.null }
      for column in target.lackingTexts { column[row] = CodeTable.null }
      target.origins[row] = RowOrigin(segment: cursor.segment, line: Int32(bitPattern: cursor.line))
      target.slices[row] = cursor.upperSlice | UInt16(cursor.lowerSlice)
      cursor.lastRow = row
      row &+= 1
      cursor.step()
      cursor.skipUnwanted()
    }
    pending.count = waiting
    place.pointee = cursor
    return row
  }

  /// Calls the body for each item that follows, of `count` items from `first` on; numbered from there.
  @inline(__always)
  private static func eachFollowing(_ mask: UnsafeRawPointer, from first: Int, count: Int, _ body: (Int) -> Void) {
    var done = 0
    while done < count {
      let item = first &+ done
      // At least 57 bits, wherever in its byte the first one stands.
      var bits = mask.loadUnaligned(fromByteOffset: item &>> 3, as: UInt64.self).littleEndian &>> UInt64(item & 7)
      bits &= (1 &<< UInt64(min(56, count &- done))) &- 1
      while bits != 0 {
        body(done &+ bits.trailingZeroBitCount)
        bits &= bits &- 1
      }
      done &+= 56
    }
  }
}

/// Places in chunks, one a stream, by the key of their next record, the lowest first. Only keys are moved about.
private struct CursorHeap: ~Copyable {
  private struct Item: BitwiseCopyable {
    var key: UInt64
    var stream: Int
  }

  private let items: UnsafeMutablePointer<Item>
  private var count = 0
  /// By stream.
  let cursors: UnsafeMutablePointer<RecordCursor>

  init(streams: Int) {
    items = .allocate(capacity: max(1, streams))
    cursors = .allocate(capacity: max(1, streams))
  }

  deinit {
    items.deallocate()
    cursors.deallocate()
  }

  var firstStream: Int? { count > 0 ? items[0].stream : nil }
  /// The lowest key but the first's; the greatest number if there is none.
  var secondKey: UInt64 {
    if count < 2 { return UInt64.max }
    return count == 2 ? items[1].key : min(items[1].key, items[2].key)
  }

  /// Each stream comes once.
  mutating func insert(_ cursor: RecordCursor, stream: Int) {
    (cursors + stream).initialize(to: cursor)
    let item = Item(key: cursor.key, stream: stream)
    var i = count
    count += 1
    while i > 0, item.key < items[(i - 1) / 2].key {
      items[i] = items[(i - 1) / 2]
      i = (i - 1) / 2
    }
    items[i] = item
  }

  /// The first stream goes on there.
  mutating func sinkFirst(key: UInt64) { sink(Item(key: key, stream: items[0].stream)) }

  mutating func removeFirst() {
    count -= 1
    if count > 0 { sink(items[count]) }
  }

  /// Finds the place of an item from the top, where none is now.
  private mutating func sink(_ item: Item) {
    var i = 0
    while true {
      var child = 2 &* i &+ 1
      if child >= count { break }
      if child &+ 1 < count, items[child &+ 1].key < items[child].key { child &+= 1 }
      if items[child].key >= item.key { break }
      items[i] = items[child]
      i = child
    }
    items[i] = item
  }
}
