import ClaimModel
import Intake
import Normalize

// The format of a record (nobody outside this module reads it):
//
//   UInt32 bytes that follow, UInt32 line, UInt8 lower byte of the slice, UInt8 flags,
//   one bit for each item of the shape (numbers, texts, forms, other) in whole bytes: 1 = the item follows,
//   with keepsDelivered the byte offset,
//   each item whose bit is set: a number as `RecordNumber`; a text as UInt16, its number in the dictionary, `noText`,
//   or `ownText` and behind it the text's length and bytes.
//
// An item whose bit is 0 is as in the record before if the flag `continues` is set, else null. A record continues only
// one of its own slice that stands right before it in its chunk, so a reader may pass over other slices' records.
enum RecordFormat {
  static let headerBytes = 10
  static let continues: UInt8 = 1
  /// Instead of a text's number in the dictionary: null; it follows.
  static let noText: UInt16 = 0xFFFE
  static let ownText: UInt16 = 0xFFFF
  /// Bytes behind the last record of a chunk that may be read.
  static let padding = 16
}

/// Rows of one segment, table and slice group, records one after the other.
struct RecordChunk: @unchecked Sendable {
  var segment: Int32
  /// Index into the partition's shapes.
  var shape: Int32
  var dictionary: Int32
  var firstLine: Int32
  var rows: Int32
  var bytes: Int32
  /// Bytes that its memory counts for.
  var charge: Int = 0
  /// In memory; nil if it lies in the file at `offset`.
  var memory: UnsafeMutableRawPointer?
  var offset: Int64 = 0
}

/// Turns checked rows of one member after the other into records. Used by one thread at a time.
final class RecordWriter: @unchecked Sendable {
  /// A column's texts are looked up until it shows that they hardly repeat. Few of them are taken in: what is looked up
  /// at each row has to stay in the processor's cache, or it is quicker to write the text down.
  private struct Habit {
    static let period: Int32 = 2048
    static let mostMisses: Int32 = 1536
    static let mostAdded: Int32 = 4096
    var lookups: Int32 = 0
    var misses: Int32 = 0
    var added: Int32 = 0
    var usesDictionary = true
  }

  private struct Group {
    var memory: UnsafeMutableRawPointer?
    var capacity = 0
    var used = 0
    var rows: Int32 = 0
    var firstLine: Int32 = 0
  }

  private let dictionary: TextDictionary
  private let dictionaryIndex: Int32
  private unowned let partition: RowPartition
  private let chunkBytes: Int
  @exclusivity(unchecked) private var groups: [Group]
  /// The bits of a slice above these are its group's number.
  private let groupShift: UInt16
  @exclusivity(unchecked) private var habits: [Habit] = []
  /// Table and column of each habit, and how many texts of a column are in the dictionary, which stays from file to
  /// file.
  private var habitPlaces: [[Int]] = []
  private var added: [[Int]: Int32] = [:]

  @exclusivity(unchecked) private var shape: RecordShape?
  @exclusivity(unchecked) private var shapeIndex: Int32 = 0
  @exclusivity(unchecked) private var segment: Int32 = 0

  /// Where the value of a field goes.
  private struct Place {
    /// Among the items of a record.
    var item: Int32 = 0
    /// Of a number among the table's numbers, of a text among the habits.
    var index: Int32 = 0
  }

  // Of each field its place, and which fields are carried, in memory that is read without checks.
  @exclusivity(unchecked) private var places: [Place] = []
  @exclusivity(unchecked) private var numberFields: [UInt64] = []
  @exclusivity(unchecked) private var textFields: [UInt64] = []

  @exclusivity(unchecked) private var previousOther: [UInt8] = []
  @exclusivity(unchecked) private var other: [UInt8] = []
  @exclusivity(unchecked) private var mask = [UInt64](repeating: 0, count: 4)

  init(partition: RowPartition, dictionary: TextDictionary, dictionaryIndex: Int32, chunkBytes: Int) {
    self.dictionary = dictionary
    self.partition = partition
    self.dictionaryIndex = dictionaryIndex
    groups = [Group](repeating: Group(), count: PersonSlice.count / partition.groupWidth)
    groupShift = UInt16(partition.groupWidth.trailingZeroBitCount)
    self.chunkBytes = chunkBytes
  }

  deinit { for group in groups { group.memory?.deallocate() } }

  /// The next rows are of this segment.
  func begin(_ shape: RecordShape, shapeIndex: Int32, segment: Int32) {
    self.shape = shape
    self.shapeIndex = shapeIndex
    self.segment = segment
    mask = [UInt64](repeating: 0, count: shape.maskWords + 1)
    for (place, habit) in zip(habitPlaces, habits) { added[place] = habit.added }
    habitPlaces = shape.texts.map { [Int(shape.table.rawValue), $0.index] }
    habitPlaces += (shape.texts.count..<shape.textCount).map {
      [Int(shape.table.rawValue), shape.texts.count - 1 - $0]
    }
    habits = habitPlaces.map { Habit(added: added[$0] ?? 0) }
    // At least one of each, so that they have an address.
    places = [Place](repeating: Place(), count: shape.fieldCount + 1)
    numberFields = [UInt64](repeating: 0, count: shape.fieldCount / 64 + 1)
    textFields = numberFields
    for (i, column) in shape.numbers.enumerated() {
      numberFields[column.field / 64] |= 1 << UInt64(column.field % 64)
      places[column.field] = Place(item: Int32(i), index: Int32(column.number))
    }
    for (i, column) in shape.texts.enumerated() {
      textFields[column.field / 64] |= 1 << UInt64(column.field % 64)
      places[column.field] = Place(item: Int32(shape.numbers.count + i), index: Int32(i))
    }
  }

  /// What was appended since `begin` and not handed to the partition yet is forgotten.
  func drop() {
    for i in groups.indices {
      groups[i].used = 0
      groups[i].rows = 0
    }
    shape = nil
  }

  /// Hands all chunks to the partition.
  func flush() throws {
    for i in groups.indices where groups[i].rows > 0 { try flush(i, &groups[i]) }
  }

  @inline(never)
  private func flush(_ index: Int, _ group: inout Group) throws {
    guard let memory = group.memory else { return }
    let chunk = RecordChunk(
      segment: segment, shape: shapeIndex, dictionary: dictionaryIndex, firstLine: group.firstLine, rows: group.rows,
      bytes: Int32(truncatingIfNeeded: group.used), memory: memory)
    let isTaken = try partition.keep(chunk, group: index, capacity: group.capacity)
    group.used = 0
    group.rows = 0
    if isTaken {
      group.memory = nil
    } else if group.capacity > chunkBytes {
      memory.deallocate()
      group.memory = nil
    }
  }

  /// What does not change from row to row of a tile.
  private struct Tile {
    var rows: CheckedRows
    var mask: UnsafeMutablePointer<UInt64>
    var habits: UnsafeMutablePointer<Habit>
    var groups: UnsafeMutablePointer<Group>
    var places: UnsafePointer<Place>
    var numberFields: UnsafePointer<UInt64>
    var textFields: UnsafePointer<UInt64>
    /// Items of columns; forms and other texts stand behind them.
    var columnItems: Int
    var textCount: Int
    var maskWords: Int
    var maskBytes: Int
    var keepsDelivered: Bool
    var personField: Int
    var visitField: Int
    /// Room that a record takes besides its texts.
    var room: Int
  }

  /// The accepted row before, in the same tile.
  private struct Previous {
    var row = -2
    var slice: UInt16 = 0
  }

  /// The items that a record has, of which each comes behind the one before.
  private struct ItemMask {
    let words: UnsafeMutablePointer<UInt64>
    private let count: Int
    private var at = 0
    private var word: UInt64 = 0

    @inline(__always)
    init(_ words: UnsafeMutablePointer<UInt64>, _ count: Int) {
      self.words = words
      self.count = count
    }

    @inline(__always)
    mutating func add(_ item: Int) {
      if item &>> 6 != at { finish(before: item &>> 6) }
      word |= 1 &<< UInt64(truncatingIfNeeded: item)
    }

    /// The words up to this one are done; those between have no item.
    @inline(__always)
    private mutating func finish(before next: Int) {
      words[at] = word
      word = 0
      at &+= 1
      while at < next {
        words[at] = 0
        at &+= 1
      }
    }

    @inline(__always)
    mutating func write(_ p: UnsafeMutableRawPointer, _ bytes: Int) {
      if bytes >= 4, bytes <= 8 {
        // Nearly all tables: the first four bytes, and the last.
        p.storeBytes(of: UInt32(truncatingIfNeeded: word).littleEndian, as: UInt32.self)
        (p + (bytes &- 4)).storeBytes(
          of: UInt32(truncatingIfNeeded: word &>> UInt64(truncatingIfNeeded: (bytes &- 4) &* 8)).littleEndian,
          as: UInt32.self)
        return
      }
      finish(before: count)
      for i in 0..<bytes {
        (p + i).storeBytes(
          of: UInt8(truncatingIfNeeded: words[i &>> 3] &>> UInt64(truncatingIfNeeded: i &<< 3)), as: UInt8.self)
      }
    }
  }

  /// Each tile begins anew: of its first row nothing is known from the one before.
  func take(_ rows: CheckedRows) throws {
    guard let shape else { return }
    try mask.withUnsafeMutableBufferPointer { mask in
      try habits.withUnsafeMutableBufferPointer { habits in
        try groups.withUnsafeMutableBufferPointer { groups in
          try places.withUnsafeBufferPointer { places in
            try numberFields.withUnsafeBufferPointer { numberFields in
              try textFields.withUnsafeBufferPointer { textFields in
                guard let mask = mask.baseAddress, let groups = groups.baseAddress, let places = places.baseAddress,
                  let numberFields = numberFields.baseAddress, let textFields = textFields.baseAddress
                else { return }
                let tile = Tile(
                  rows: rows, mask: mask,
                  // An empty array has no address; nothing is read or written there.
                  habits: habits.baseAddress ?? UnsafeMutableRawPointer(mask).assumingMemoryBound(to: Habit.self),
                  groups: groups, places: places, numberFields: numberFields, textFields: textFields,
                  columnItems: shape.numbers.count + shape.texts.count, textCount: shape.texts.count,
                  maskWords: shape.maskWords, maskBytes: (shape.itemCount + 7) / 8,
                  keepsDelivered: shape.keepsDelivered, personField: shape.personField, visitField: shape.visitField,
                  room: RecordFormat.headerBytes + shape.maskWords * 8 + RecordFormat.padding + VarInt.mostBytes
                    + shape.numbers.count * RecordNumber.mostBytes + shape.textCount * 7)
                var previous = Previous()
                for row in rows.good { try append(Int(row), tile, shape, &previous) }
              }
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private func append(_ row: Int, _ tile: Tile, _ shape: RecordShape, _ previous: inout Previous) throws {
    let rows = tile.rows
    let starts = rows.starts + row &* rows.fieldCount
    let lengths = rows.lengths + row &* rows.fieldCount
    let numbers = rows.numbers + row &* rows.numberCount
    let forms = rows.forms + row &* rows.numberCount
    let repeats = rows.repeats + row &* rows.fieldWords
    let filled = rows.filled + row &* rows.fieldWords
    let bytes = rows.bytes

    let follows = row == previous.row &+ 1
    let slice = slice(tile, bytes, starts, lengths, repeats, follows ? previous.slice : nil)
    let index = Int(slice &>> groupShift)
    var room = tile.room &+ Int(rows.textBytes[row])
    if tile.keepsDelivered {
      gatherOther(shape, rows, starts, lengths, forms)
      room &+= rows.numberCount &+ other.count
    }
    let group = tile.groups + index
    if group.pointee.memory == nil || group.pointee.used &+ room > chunkBytes {
      try makeRoom(index, room, &tile.groups[index])
    }
    guard let chunk = group.pointee.memory else { return }

    let continues = follows && previous.slice == slice && group.pointee.rows > 0
    let begin = chunk + group.pointee.used
    var p = begin + (RecordFormat.headerBytes &+ tile.maskBytes)
    var items = ItemMask(tile.mask, tile.maskWords)
    if tile.keepsDelivered { VarInt.write(UInt64(bitPattern: rows.byteOffsets[row]), &p) }
    for i in 0..<rows.fieldWords {
      var rest = (continues ? ~repeats[i] : filled[i]) & tile.numberFields[i]
      while rest != 0 {
        let place = tile.places[i &* 64 &+ rest.trailingZeroBitCount]
        rest &= rest &- 1
        items.add(Int(place.item))
        RecordNumber.write(numbers[Int(place.index)], &p)
      }
    }
    for i in 0..<rows.fieldWords {
      var rest = (continues ? ~repeats[i] : filled[i]) & tile.textFields[i]
      while rest != 0 {
        let field = i &* 64 &+ rest.trailingZeroBitCount
        rest &= rest &- 1
        let place = tile.places[field]
        items.add(Int(place.item))
        writeText(bytes + Int(starts[field]), Int(lengths[field]), tile.habits + Int(place.index), &p)
      }
    }
    if tile.keepsDelivered {
      let count = rows.numberCount
      let hasForms = continues ? !isEqual(UnsafeRawPointer(forms), UnsafeRawPointer(forms - count), count) : count != 0
      if hasForms {
        items.add(tile.columnItems)
        writeText(UnsafeRawPointer(forms), count, tile.habits + tile.textCount, &p)
      }
      if continues ? other != previousOther : !other.isEmpty {
        items.add(tile.columnItems &+ 1)
        other.withUnsafeBytes { text in
          writeText(
            text.baseAddress ?? UnsafeRawPointer(begin), text.count, tile.habits + (tile.textCount &+ 1), &p)
        }
      }
    }
    items.write(begin + RecordFormat.headerBytes, tile.maskBytes)
    let size = begin.distance(to: p)
    begin.storeBytes(of: UInt32(truncatingIfNeeded: size &- 4).littleEndian, as: UInt32.self)
    begin.storeBytes(of: UInt32(bitPattern: rows.lines[row]).littleEndian, toByteOffset: 4, as: UInt32.self)
    begin.storeBytes(of: UInt8(truncatingIfNeeded: slice), toByteOffset: 8, as: UInt8.self)
    begin.storeBytes(of: continues ? RecordFormat.continues : 0, toByteOffset: 9, as: UInt8.self)
    if group.pointee.rows == 0 { group.pointee.firstLine = rows.lines[row] }
    group.pointee.rows &+= 1
    group.pointee.used &+= size

    previous = Previous(row: row, slice: slice)
    if tile.keepsDelivered { swap(&other, &previousOther) }
    // No more than one record longer than a chunk is held.
    if group.pointee.capacity > chunkBytes { try flush(index, &tile.groups[index]) }
  }

  /// Hands on a full chunk. A record that is longer than a chunk gets one of its own size.
  @inline(never)
  private func makeRoom(_ index: Int, _ room: Int, _ group: inout Group) throws {
    if group.rows > 0 { try flush(index, &group) }
    if group.memory != nil, group.capacity >= room { return }
    group.memory?.deallocate()
    group.capacity = max(room, chunkBytes)
    group.memory = .allocate(byteCount: group.capacity, alignment: 16)
  }

  /// The slice of a row's home; `previous` is that of the row before, nil if it is not known.
  @inline(__always)
  private func slice(
    _ tile: Tile, _ bytes: UnsafeRawPointer, _ starts: UnsafePointer<Int32>, _ lengths: UnsafePointer<Int32>,
    _ repeats: UnsafePointer<UInt64>, _ previous: UInt16?
  ) -> UInt16 {
    func isRepeated(_ field: Int) -> Bool {
      field < 0 || repeats[field &>> 6] &>> UInt64(truncatingIfNeeded: field) & 1 != 0
    }
    let hasPerson = tile.personField >= 0 && lengths[tile.personField] != 0
    let field = hasPerson ? tile.personField : tile.visitField
    if field < 0 { return 0 }
    if let previous, isRepeated(field), hasPerson || isRepeated(tile.personField) { return previous }
    return PersonSlice.of(UnsafeRawBufferPointer(start: bytes + Int(starts[field]), count: Int(lengths[field])))
  }

  /// A text that is not as before; length 0 is null.
  @inline(__always)
  private func writeText(
    _ text: UnsafeRawPointer, _ length: Int, _ habit: UnsafeMutablePointer<Habit>, _ p: inout UnsafeMutableRawPointer
  ) {
    if habit.pointee.usesDictionary, length > 0, length <= TextDictionary.longestText {
      let count = dictionary.count
      let number = dictionary.number(of: text, length, mayAdd: habit.pointee.added < Habit.mostAdded)
      habit.pointee.lookups &+= 1
      if number < 0 { habit.pointee.misses &+= 1 }
      if dictionary.count != count { habit.pointee.added &+= 1 }
      if habit.pointee.lookups == Habit.period {
        if habit.pointee.misses > Habit.mostMisses { habit.pointee.usesDictionary = false }
        habit.pointee.lookups = 0
        habit.pointee.misses = 0
      }
      if number >= 0 {
        p.storeBytes(of: UInt16(truncatingIfNeeded: number).littleEndian, as: UInt16.self)
        p += 2
        return
      }
    }
    if length == 0 {
      p.storeBytes(of: RecordFormat.noText.littleEndian, as: UInt16.self)
      p += 2
      return
    }
    p.storeBytes(of: RecordFormat.ownText.littleEndian, as: UInt16.self)
    p += 2
    VarInt.write(UInt64(truncatingIfNeeded: length), &p)
    if length >= 16, length <= 32 {
      // Ids are so long, and a call would take longer than they do: the first 16 bytes, and the last.
      p.storeBytes(of: text.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
      (p + (length &- 16)).storeBytes(
        of: text.loadUnaligned(fromByteOffset: length &- 16, as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
    } else {
      p.copyMemory(from: text, byteCount: length)
    }
    p += length
  }

  /// Texts that no column gives back: of numbers in no known form, then of unknown columns.
  @inline(never)
  private func gatherOther(
    _ shape: RecordShape, _ rows: CheckedRows, _ starts: UnsafePointer<Int32>, _ lengths: UnsafePointer<Int32>,
    _ forms: UnsafePointer<UInt8>
  ) {
    if !other.isEmpty { other.removeAll(keepingCapacity: true) }
    var needsNone = shape.unknownFields.isEmpty
    for i in 0..<rows.numberCount where forms[i] == DeliveredText.otherForm { needsNone = false }
    if needsNone { return }
    var isFirst = true
    for (i, field) in shape.numberFields.enumerated() where forms[i] == DeliveredText.otherForm && field >= 0 {
      if !isFirst { other.append(FieldsBlob.separator) }
      isFirst = false
      FieldsBlob.append(
        UnsafeRawBufferPointer(start: rows.bytes + Int(starts[field]), count: Int(lengths[field])), to: &other)
    }
    for field in shape.unknownFields {
      if !isFirst { other.append(FieldsBlob.separator) }
      isFirst = false
      FieldsBlob.append(
        UnsafeRawBufferPointer(start: rows.bytes + Int(starts[field]), count: Int(lengths[field])), to: &other)
    }
  }
}
