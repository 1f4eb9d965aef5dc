import ClaimModel
import Intake
import Normalize

// The format of a record (nobody outside this module reads it):
//
//   UInt32 bytes that follow, UInt32 line, UInt8 lower byte of the slice, UInt8 flags,
//   one bit for each item of the shape (numbers, texts, forms, other) in whole bytes: 1 = the item follows,
//   with keepsDelivered the byte offset,
//   each item whose bit is set: a number in zigzag, 0 for null; a text as its number in the dictionary times 2, or as its
//   length times 2 plus 1 and its bytes.
//
// An item whose bit is 0 is as in the record before if the flag `continues` is set, else null. A record continues only
// one of its own slice that stands right before it in its chunk, so a reader may pass over other slices' records.
enum RecordFormat {
  static let headerBytes = 10
  static let continues: UInt8 = 1
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
  /// A column's texts are looked up until it shows that they do not repeat.
  private struct Habit {
    var lookups: Int32 = 0
    var news: Int32 = 0
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
  private var groups = [Group](repeating: Group(), count: RowPartition.groupCount)
  private var habits: [Habit] = []

  private var shape: RecordShape?
  private var shapeIndex: Int32 = 0
  private var segment: Int32 = 0

  // The row before, whose texts still stand in the block.
  private var hasPrevious = false
  private var previousSlice: UInt16 = 0
  private var previousStarts: UnsafePointer<Int32>?
  private var previousLengths: UnsafePointer<Int32>?
  private var previousNumbers: [Int64] = []
  private var previousForms: [UInt8] = []
  private var previousOther: [UInt8] = []
  private var other: [UInt8] = []
  private var mask = [UInt64](repeating: 0, count: 4)

  init(partition: RowPartition, dictionary: TextDictionary, dictionaryIndex: Int32, chunkBytes: Int) {
    self.dictionary = dictionary
    self.partition = partition
    self.dictionaryIndex = dictionaryIndex
    self.chunkBytes = chunkBytes
  }

  deinit { for group in groups { group.memory?.deallocate() } }

  /// The next rows are of this segment.
  func begin(_ shape: RecordShape, shapeIndex: Int32, segment: Int32) {
    self.shape = shape
    self.shapeIndex = shapeIndex
    self.segment = segment
    hasPrevious = false
    previousNumbers = [Int64](repeating: ColumnData.null, count: shape.numberFields.count)
    previousForms = [UInt8](repeating: 0, count: shape.numberFields.count)
    mask = [UInt64](repeating: 0, count: shape.maskWords)
    habits = [Habit](repeating: Habit(), count: shape.textCount)
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
    hasPrevious = false
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

  func take(_ rows: CheckedRows) throws {
    guard let shape else { return }
    if rows.beginsBlock { hasPrevious = false }
    // The numbers of the tile before are gone; those of its last row were kept.
    try mask.withUnsafeMutableBufferPointer { mask in
      try habits.withUnsafeMutableBufferPointer { habits in
        try groups.withUnsafeMutableBufferPointer { groups in
          guard let mask = mask.baseAddress, let habits = habits.baseAddress, let groups = groups.baseAddress else {
            return
          }
          try previousNumbers.withUnsafeBufferPointer { kept in
            try previousForms.withUnsafeBufferPointer { keptForms in
              var numbersBefore = kept.baseAddress ?? rows.numbers
              var formsBefore = keptForms.baseAddress ?? rows.forms
              for row in rows.good {
                try append(
                  rows, Int(row), shape, mask: mask, habits: habits, groups: groups, numbersBefore: numbersBefore,
                  formsBefore: formsBefore)
                numbersBefore = rows.numbers + Int(row) &* rows.numberCount
                formsBefore = rows.forms + Int(row) &* rows.numberCount
              }
            }
          }
        }
      }
    }
    if let last = rows.good.last {
      let slot = Int(last) * rows.numberCount
      for i in 0..<rows.numberCount {
        previousNumbers[i] = rows.numbers[slot + i]
        previousForms[i] = rows.forms[slot + i]
      }
    }
  }

  @inline(__always)
  private func append(
    _ rows: CheckedRows, _ row: Int, _ shape: RecordShape, mask: UnsafeMutablePointer<UInt64>,
    habits: UnsafeMutablePointer<Habit>, groups: UnsafeMutablePointer<Group>, numbersBefore: UnsafePointer<Int64>,
    formsBefore: UnsafePointer<UInt8>
  ) throws {
    let starts = rows.starts + row &* rows.fieldCount
    let lengths = rows.lengths + row &* rows.fieldCount
    let numbers = rows.numbers + row &* rows.numberCount
    let forms = rows.forms + row &* rows.numberCount
    let bytes = rows.bytes

    let slice = slice(shape, bytes, starts, lengths)
    let index = Int(slice >> 8)
    if shape.keepsDelivered { gatherOther(shape, rows, starts, lengths, forms) }

    var room = RecordFormat.headerBytes &+ shape.maskWords &* 8 &+ RecordFormat.padding
    room &+= (shape.numbers.count &+ 1) &* VarInt.mostBytes &+ shape.textCount &* 5
    for field in 0..<rows.fieldCount { room &+= Int(lengths[field]) }
    if shape.keepsDelivered { room &+= rows.numberCount &+ other.count }
    if groups[index].used &+ room > chunkBytes || groups[index].memory == nil {
      try makeRoom(index, room, &groups[index])
    }
    guard let chunk = groups[index].memory else { return }

    let continues = hasPrevious && previousSlice == slice && groups[index].rows > 0
    // First which items follow: a short loop each for numbers and texts.
    for i in 0..<shape.maskWords { mask[i] = 0 }
    var item = 0
    if continues {
      for column in shape.numbers {
        let changed: UInt64 = numbers[column.number] == numbersBefore[column.number] ? 0 : 1
        mask[item &>> 6] |= changed &<< UInt64(truncatingIfNeeded: item & 63)
        item &+= 1
      }
      if let previousStarts, let previousLengths {
        for column in shape.texts {
          let length = lengths[column.field]
          let isSame =
            length == previousLengths[column.field]
            && isEqual(bytes + Int(starts[column.field]), bytes + Int(previousStarts[column.field]), Int(length))
          mask[item &>> 6] |= (isSame ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
          item &+= 1
        }
      }
      if shape.keepsDelivered {
        let areSame = isEqual(UnsafeRawPointer(forms), UnsafeRawPointer(formsBefore), rows.numberCount)
        mask[item &>> 6] |= (areSame ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
        item &+= 1
        mask[item &>> 6] |= (other == previousOther ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
      }
    } else {
      for column in shape.numbers {
        let isNull = numbers[column.number] == ColumnData.null
        mask[item &>> 6] |= (isNull ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
        item &+= 1
      }
      for column in shape.texts {
        mask[item &>> 6] |= (lengths[column.field] == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
        item &+= 1
      }
      if shape.keepsDelivered {
        mask[item &>> 6] |= (rows.numberCount == 0 ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
        item &+= 1
        mask[item &>> 6] |= (other.isEmpty ? 0 : 1) &<< UInt64(truncatingIfNeeded: item & 63)
      }
    }

    let begin = chunk + groups[index].used
    var p = begin + RecordFormat.headerBytes
    for i in 0..<shape.maskWords { (p + i &* 8).storeBytes(of: mask[i].littleEndian, as: UInt64.self) }
    p += (shape.itemCount &+ 7) &>> 3
    if shape.keepsDelivered { VarInt.write(UInt64(bitPattern: rows.byteOffsets[row]), &p) }
    let numberCount = shape.numbers.count
    let textCount = shape.texts.count
    for word in 0..<shape.maskWords {
      var rest = mask[word]
      while rest != 0 {
        let item = word &* 64 &+ rest.trailingZeroBitCount
        rest &= rest &- 1
        if item < numberCount {
          let value = numbers[shape.numbers[item].number]
          VarInt.write(value == ColumnData.null ? 0 : VarInt.zigzag(value), &p)
        } else if item < numberCount &+ textCount {
          let text = item &- numberCount
          let field = shape.texts[text].field
          put(bytes + Int(starts[field]), Int(lengths[field]), habits + text, &p)
        } else if item == numberCount &+ textCount {
          put(UnsafeRawPointer(forms), rows.numberCount, habits + textCount, &p)
        } else {
          other.withUnsafeBytes { text in
            put(text.baseAddress ?? UnsafeRawPointer(begin), text.count, habits + (textCount &+ 1), &p)
          }
        }
      }
    }
    let size = begin.distance(to: p)
    begin.storeBytes(of: UInt32(truncatingIfNeeded: size &- 4).littleEndian, as: UInt32.self)
    begin.storeBytes(of: UInt32(bitPattern: rows.lines[row]).littleEndian, toByteOffset: 4, as: UInt32.self)
    begin.storeBytes(of: UInt8(truncatingIfNeeded: slice), toByteOffset: 8, as: UInt8.self)
    begin.storeBytes(of: continues ? RecordFormat.continues : 0, toByteOffset: 9, as: UInt8.self)
    if groups[index].rows == 0 { groups[index].firstLine = rows.lines[row] }
    groups[index].rows &+= 1
    groups[index].used &+= size

    hasPrevious = true
    previousSlice = slice
    previousStarts = starts
    previousLengths = lengths
    if shape.keepsDelivered { swap(&other, &previousOther) }
    // No more than one record longer than a chunk is held.
    if groups[index].capacity > chunkBytes { try flush(index, &groups[index]) }
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

  @inline(__always)
  private func slice(
    _ shape: RecordShape, _ bytes: UnsafeRawPointer, _ starts: UnsafePointer<Int32>, _ lengths: UnsafePointer<Int32>
  ) -> UInt16 {
    var field = shape.personField
    if field < 0 || lengths[field] == 0 { field = shape.visitField }
    if field < 0 { return 0 }
    return PersonSlice.of(UnsafeRawBufferPointer(start: bytes + Int(starts[field]), count: Int(lengths[field])))
  }

  /// A text that is not as before; length 0 is null.
  @inline(__always)
  private func put(
    _ text: UnsafeRawPointer, _ length: Int, _ habit: UnsafeMutablePointer<Habit>, _ p: inout UnsafeMutableRawPointer
  ) {
    if habit.pointee.usesDictionary, length > 0, length <= TextDictionary.longestText {
      let (number, isNew) = dictionary.number(of: text, length)
      habit.pointee.lookups &+= 1
      if isNew { habit.pointee.news &+= 1 }
      if habit.pointee.lookups == 512 {
        if number < 0 || habit.pointee.news > 128 { habit.pointee.usesDictionary = false }
        habit.pointee.lookups = 0
        habit.pointee.news = 0
      }
      if number >= 0 {
        VarInt.write(UInt64(truncatingIfNeeded: number) &<< 1, &p)
        return
      }
    }
    VarInt.write(UInt64(truncatingIfNeeded: length) &<< 1 | 1, &p)
    p.copyMemory(from: text, byteCount: length)
    p += length
  }

  /// Texts that no column gives back: of numbers in no known form, then of unknown columns.
  @inline(never)
  private func gatherOther(
    _ shape: RecordShape, _ rows: CheckedRows, _ starts: UnsafePointer<Int32>, _ lengths: UnsafePointer<Int32>,
    _ forms: UnsafePointer<UInt8>
  ) {
    other.removeAll(keepingCapacity: true)
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
