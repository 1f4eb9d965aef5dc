import ClaimModel
import Diagnostics
import Normalize
import Synchronization

extension RowPartition {
  /// The live rows of a range of slices as columns, sorted by segment and line, whatever threads and spilling did.
  ///
  /// Every planned table is there with every planned column; one that no file had is null throughout. Several ranges may
  /// be loaded at once, each into its own code table, when no consumer is being filled any more.
  ///
  /// - Throws: `partition.io`.
  public func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    let groups = Int(slices.lowerBound >> 8)...Int(slices.upperBound >> 8)
    let (chunks, shapes, dictionaries) = state.withLock { state in
      (
        groups.map { group in state.chunks[group].filter { !state.void.contains($0.segment) } }, state.shapes,
        state.dictionaries
      )
    }
    var maps: [CodeMap] = []
    for dictionary in dictionaries { maps.append(CodeMap(dictionary)) }
    var result: [ClaimTable: RawRows] = [:]
    for (table, plan) in plans {
      var streams: [RecordStream] = []
      for (i, group) in groups.enumerated() {
        let own = chunks[i].filter { shapes[Int($0.shape)].table == table }
        if own.isEmpty { continue }
        let isWhole = group << 8 >= Int(slices.lowerBound) && group << 8 | 0xFF <= Int(slices.upperBound)
        streams.append(
          RecordStream(
            own.sorted { ($0.segment, $0.firstLine) < ($1.segment, $1.firstLine) }, file: file, group: group,
            slices: isWhole ? nil : slices))
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
  private let codes: UnsafeMutablePointer<UInt32>
  private let count: Int

  init(_ dictionary: TextDictionary) {
    self.dictionary = dictionary
    count = dictionary.count
    codes = .allocate(capacity: max(1, count))
    codes.initialize(repeating: 0, count: max(1, count))
  }

  deinit { codes.deallocate() }

  @inline(__always)
  func code(_ number: Int, _ table: CodeTable) -> UInt32 {
    let known = codes[number]
    if known != 0 { return known }
    let code = table.intern(dictionary.text(number))
    codes[number] = code
    return code
  }
}

/// The records of one slice group and table in order of segment and line.
final class RecordStream {
  private let chunks: [RecordChunk]
  private let file: SpillFile
  private let group: UInt16
  private let slices: ClosedRange<UInt16>?
  @exclusivity(unchecked) private var next = 0
  @exclusivity(unchecked) private var buffer: UnsafeMutableRawPointer?
  @exclusivity(unchecked) private var capacity = 0
  @exclusivity(unchecked) private var end: UnsafeRawPointer

  /// The record that is next: its first byte after the header, and what the header says.
  @exclusivity(unchecked) private(set) var head: UnsafeRawPointer
  @exclusivity(unchecked) private(set) var chunk: RecordChunk?
  /// Segment and line; the greatest number when there is none left.
  @exclusivity(unchecked) private(set) var key = UInt64.max
  @exclusivity(unchecked) private(set) var slice: UInt16 = 0
  @exclusivity(unchecked) private(set) var continues = false
  @exclusivity(unchecked) private var after: UnsafeRawPointer
  /// Row of the result that the record before became.
  @exclusivity(unchecked) var lastRow = 0

  init(_ chunks: [RecordChunk], file: SpillFile, group: Int, slices: ClosedRange<UInt16>?) {
    self.chunks = chunks
    self.file = file
    self.group = UInt16(truncatingIfNeeded: group) << 8
    self.slices = slices
    let nothing = UnsafeRawPointer(bitPattern: 8) ?? UnsafeRawPointer(Unmanaged.passUnretained(file).toOpaque())
    end = nothing
    head = nothing
    after = nothing
  }

  deinit { buffer?.deallocate() }

  /// Shapes of its records.
  var shapesUsed: Set<Int32> { Set(chunks.map(\.shape)) }
  /// No fewer than the rows that come.
  var mostRows: Int { chunks.reduce(0) { $0 + Int($1.rows) } }

  /// Goes to the next record of the slices.
  @inline(__always)
  func advance() throws {
    while true {
      if after == end {
        guard try open() else { return }
      }
      let p = after
      let size = Int(UInt32(littleEndian: p.loadUnaligned(as: UInt32.self)))
      after = p + (size &+ 4)
      slice = group | UInt16(p.load(fromByteOffset: 8, as: UInt8.self))
      if let slices, !slices.contains(slice) { continue }
      let line = UInt32(littleEndian: p.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      key = key & 0xFFFF_FFFF_0000_0000 | UInt64(line)
      continues = p.load(fromByteOffset: 9, as: UInt8.self) & RecordFormat.continues != 0
      head = p + RecordFormat.headerBytes
      return
    }
  }

  /// The next chunk; false after the last.
  @inline(never)
  private func open() throws -> Bool {
    while next < chunks.count {
      let chunk = chunks[next]
      next += 1
      let bytes = Int(chunk.bytes)
      if bytes == 0 { continue }
      self.chunk = chunk
      key = UInt64(UInt32(bitPattern: chunk.segment)) << 32
      let start: UnsafeRawPointer
      if let memory = chunk.memory {
        start = UnsafeRawPointer(memory)
      } else {
        if capacity < bytes + RecordFormat.padding || buffer == nil {
          buffer?.deallocate()
          capacity = bytes + RecordFormat.padding
          buffer = .allocate(byteCount: capacity, alignment: 16)
        }
        guard let buffer else { return false }
        try file.read(at: chunk.offset, into: UnsafeMutableRawBufferPointer(start: buffer, count: bytes))
        start = UnsafeRawPointer(buffer)
      }
      after = start
      end = start + bytes
      return true
    }
    key = UInt64.max
    chunk = nil
    return false
  }
}

/// Merges streams of one table into columns.
struct TableLoader {
  let plan: RowPlan
  let shapes: [RecordShape]
  let maps: [CodeMap]
  let codes: CodeTable

  /// Memory that the rows are written to.
  private struct Target {
    var numbers: [UnsafeMutablePointer<Int64>]
    var texts: [UnsafeMutablePointer<UInt32>]
    /// Columns that records of the shape lack and other records have.
    var lackingNumbers: [UnsafeMutablePointer<Int64>]
    var lackingTexts: [UnsafeMutablePointer<UInt32>]
  }

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
            var targets: [Int32: Target] = [:]
            for shape in used {
              targets[shape] = target(shapes[Int(shape)], numberColumns, textColumns, numberMemory, textMemory)
            }
            return try merge(
              streams, targets, origins: originMemory[0], slices: sliceMemory[0],
              offsets: delivered == 1 ? numberMemory[numberColumns.count] : nil)
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
    _ texts: [UnsafeMutablePointer<UInt32>]
  ) -> Target {
    let ownNumbers = shape.numbers.map(\.index)
    let ownTexts = shape.texts.map(\.index)
    var target = Target(numbers: [], texts: [], lackingNumbers: [], lackingTexts: [])
    for (i, column) in numberColumns.enumerated() {
      if ownNumbers.contains(column) {
        target.numbers.append(numbers[i])
      } else {
        target.lackingNumbers.append(numbers[i])
      }
    }
    for (i, column) in textColumns.enumerated() {
      if ownTexts.contains(column) { target.texts.append(texts[i]) } else { target.lackingTexts.append(texts[i]) }
    }
    if plan.keepsDelivered { target.texts += texts[textColumns.count...] }
    return target
  }

  /// Takes the stream with the lowest key until another's is lower; the number of rows.
  private func merge(
    _ streams: [RecordStream], _ targets: [Int32: Target], origins: UnsafeMutablePointer<RowOrigin>,
    slices: UnsafeMutablePointer<UInt16>, offsets: UnsafeMutablePointer<Int64>?
  ) throws -> Int {
    var row = 0
    var heap = StreamHeap()
    for stream in streams {
      try stream.advance()
      if stream.key != UInt64.max { heap.insert(stream) }
    }
    while let stream = heap.first {
      let limit = heap.secondKey
      while stream.key < limit, let chunk = stream.chunk, let target = targets[chunk.shape] {
        try decode(
          stream, chunk, target, limit: limit, row: &row, origins: origins, slices: slices, offsets: offsets)
      }
      heap.settleFirst()
    }
    return row
  }

  /// The bits of 64 items from `item` on, a multiple of 64.
  @inline(__always)
  private func word(_ mask: UnsafeRawPointer, _ item: Int) -> UInt64 {
    mask.loadUnaligned(fromByteOffset: item &>> 3, as: UInt64.self).littleEndian
  }

  /// Decodes records of one chunk up to the limit.
  private func decode(
    _ stream: RecordStream, _ chunk: RecordChunk, _ target: Target, limit: UInt64, row: inout Int,
    origins: UnsafeMutablePointer<RowOrigin>, slices: UnsafeMutablePointer<UInt16>,
    offsets: UnsafeMutablePointer<Int64>?
  ) throws {
    let shape = shapes[Int(chunk.shape)]
    let map = maps[Int(chunk.dictionary)]
    let numberCount = target.numbers.count
    let textCount = target.texts.count
    let maskBytes = (shape.itemCount + 7) / 8
    let segmentKey = UInt64(UInt32(bitPattern: chunk.segment))
    try target.numbers.withUnsafeBufferPointer { numbers in
      try target.texts.withUnsafeBufferPointer { texts in
        while stream.key < limit, stream.key &>> 32 == segmentKey, stream.chunk?.firstLine == chunk.firstLine {
          var p = stream.head
          let mask = p
          p += maskBytes
          if let offsets { offsets[row] = Int64(bitPattern: VarInt.read(&p)) }
          let continues = stream.continues
          let before = stream.lastRow
          var bits: UInt64 = 0
          for i in 0..<numberCount {
            if i & 63 == 0 { bits = word(mask, i) }
            let column = numbers[i]
            if bits & 1 == 0 {
              column[row] = continues ? column[before] : ColumnData.null
            } else {
              let coded = VarInt.read(&p)
              column[row] = coded == 0 ? ColumnData.null : VarInt.unzigzag(coded)
            }
            bits &>>= 1
          }
          for i in 0..<textCount {
            let item = i &+ numberCount
            if item & 63 == 0 { bits = word(mask, item) }
            let column = texts[i]
            if bits & 1 == 0 {
              column[row] = continues ? column[before] : CodeTable.null
            } else {
              let head = VarInt.read(&p)
              if head & 1 == 0 {
                column[row] = map.code(Int(truncatingIfNeeded: head &>> 1), codes)
              } else {
                let length = Int(truncatingIfNeeded: head &>> 1)
                column[row] = codes.intern(UnsafeRawBufferPointer(start: p, count: length))
                p += length
              }
            }
            bits &>>= 1
          }
          for column in target.lackingNumbers { column[row] = ColumnData.null }
          for column in target.lackingTexts { column[row] = CodeTable.null }
          origins[row] = RowOrigin(
            segment: chunk.segment, line: Int32(truncatingIfNeeded: UInt32(truncatingIfNeeded: stream.key)))
          slices[row] = stream.slice
          stream.lastRow = row
          row &+= 1
          try stream.advance()
        }
      }
    }
  }
}

/// Streams by their next key, the lowest first.
private struct StreamHeap {
  private var streams: [RecordStream] = []

  var first: RecordStream? { streams.first }
  /// The lowest key but the first's.
  var secondKey: UInt64 {
    if streams.count < 2 { return UInt64.max }
    return streams.count == 2 ? streams[1].key : min(streams[1].key, streams[2].key)
  }

  mutating func insert(_ stream: RecordStream) {
    streams.append(stream)
    var i = streams.count - 1
    while i > 0, streams[i].key < streams[(i - 1) / 2].key {
      streams.swapAt(i, (i - 1) / 2)
      i = (i - 1) / 2
    }
  }

  /// The first has moved on: finds its place, or removes it at its end.
  mutating func settleFirst() {
    if streams[0].key == UInt64.max {
      streams.swapAt(0, streams.count - 1)
      streams.removeLast()
    }
    var i = 0
    while true {
      var least = i
      for child in [2 * i + 1, 2 * i + 2] where child < streams.count && streams[child].key < streams[least].key {
        least = child
      }
      if least == i { return }
      streams.swapAt(i, least)
      i = least
    }
  }
}
