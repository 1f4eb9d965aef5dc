/// Columns as bytes, for files of ours that are read where they lie, and for what a run puts aside. Texts of a column
/// stand once each, or as numbers where they are serial numbers; numbers take as few bytes as the column's spread needs.
/// Little-endian.
public struct ImageWriter {
  public private(set) var bytes: [UInt8] = []
  /// By code its number among the different texts of the column that is being written; all 0 in between.
  private var numberOf: [UInt32] = []

  public init() {}

  /// The lower `count` bytes of a number, 8 at most.
  public mutating func number(_ value: UInt64, bytes count: Int) {
    for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }

  /// So many numbers of 1, 2, 4 or 8 bytes each; what does not fit is cut off.
  public mutating func pack(_ count: Int, width: Int, _ value: (Int) -> UInt64) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count * width))
    bytes.withUnsafeMutableBytes { bytes in
      for i in 0..<count {
        let value = value(i)
        switch width {
        case 1: bytes[start &+ i] = UInt8(truncatingIfNeeded: value)
        case 2:
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: value).littleEndian, toByteOffset: start &+ i &* 2, as: UInt16.self)
        case 4:
          bytes.storeBytes(
            of: UInt32(truncatingIfNeeded: value).littleEndian, toByteOffset: start &+ i &* 4, as: UInt32.self)
        default: bytes.storeBytes(of: value.littleEndian, toByteOffset: start &+ i &* 8, as: UInt64.self)
        }
      }
    }
  }

  /// UTF-8 behind its number of bytes.
  public mutating func text(_ text: String) { self.text(Array(text.utf8)) }

  /// Bytes behind their number.
  public mutating func text(_ text: [UInt8]) {
    number(UInt64(text.count), bytes: 4)
    bytes += text
  }

  /// Width, least value, values: 0 is null, 1 the least value.
  public mutating func numbers(_ values: [Int64]) {
    let spread = NumberSpread(values)
    number(0x4E, bytes: 1)
    number(UInt64(spread.width), bytes: 1)
    number(UInt64(bitPattern: spread.least), bytes: 8)
    pack(values.count, width: spread.width) { spread.stored(values[$0]) }
  }

  /// Texts of which more than half are different and all are digits, as many of each, as their numbers. Of others the
  /// different ones in the order of first sight, then for each row the number of its own, from 1; 0 is null.
  public mutating func texts(_ codes: [UInt32], _ table: CodeTable) {
    var different: [UInt32] = []
    let numbers = numbered(codes, among: table.count, &different)
    if different.count * 2 > codes.count, let (digits, values) = Self.serialNumbers(different, table) {
      number(0x44, bytes: 1)
      number(UInt64(digits), bytes: 1)
      self.numbers(numbers.map { $0 == 0 ? ColumnData.null : values[Int($0) - 1] })
      return
    }
    let width = different.count < 0xFF ? 1 : different.count < 0xFFFF ? 2 : 4
    self.number(0x54, bytes: 1)
    self.number(UInt64(width), bytes: 1)
    self.number(UInt64(different.count), bytes: 4)
    var end = 0
    self.number(0, bytes: 4)
    pack(different.count, width: 4) { i in
      end += table.withBytes(different[i]) { $0.count }
      return UInt64(end)
    }
    for code in different { table.withBytes(code) { bytes.append(contentsOf: $0) } }
    pack(codes.count, width: width) { UInt64(numbers[$0]) }
  }

  /// For each code the number of its text among the different ones, from 1; 0 is null.
  private mutating func numbered(_ codes: [UInt32], among count: Int, _ different: inout [UInt32]) -> [UInt32] {
    func number(_ code: UInt32, _ known: inout UInt32) -> UInt32 {
      if code != CodeTable.null, known == 0 {
        different.append(code)
        known = UInt32(different.count)
      }
      return known
    }
    if numberOf.count < count, codes.count * 16 < count {
      // A large table, of which these are few.
      var few: [UInt32: UInt32] = [:]
      return codes.map { number($0, &few[$0, default: 0]) }
    }
    if numberOf.count < count { numberOf += repeatElement(0, count: count - numberOf.count) }
    defer { for code in different { numberOf[Int(code)] = 0 } }
    return codes.map { number($0, &numberOf[Int($0)]) }
  }

  /// The numbers of texts that are all so many digits, 18 at most; nil if one is something else.
  private static func serialNumbers(_ codes: [UInt32], _ table: CodeTable) -> (digits: Int, values: [Int64])? {
    table.withTexts { texts in
      guard let first = codes.first, (1...18).contains(texts.count(first)) else { return nil }
      let digits = texts.count(first)
      var values: [Int64] = []
      values.reserveCapacity(codes.count)
      for code in codes {
        if texts.count(code) != digits { return nil }
        let base = texts.base(code)
        var value: Int64 = 0
        for i in 0..<digits {
          let digit = base[i] &- 0x30
          if digit > 9 { return nil }
          value = value &* 10 &+ Int64(digit)
        }
        values.append(value)
      }
      return (digits, values)
    }
  }
}

/// In how many bytes the numbers of a column can be kept, and how.
public struct NumberSpread: Sendable {
  /// 1, 2, 4 or 8 bytes a number.
  public let width: Int
  /// The least number; 0 if they take 8 bytes, or if all are null.
  public let least: Int64

  /// Nulls (`ColumnData.null`) are passed over.
  public init(_ values: [Int64]) {
    var least = Int64.max
    var greatest = Int64.min
    for value in values where value != ColumnData.null {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    if least > greatest { (least, greatest) = (0, 0) }
    let spread = UInt64(bitPattern: greatest &- least)
    // The whole of 64 bits needs the value that null would have.
    width = spread < 0xFF ? 1 : spread < 0xFFFF ? 2 : spread < 0xFFFF_FFFF ? 4 : 8
    self.least = width == 8 ? 0 : least
  }

  /// What stands for a number of the column: 0 for null, 1 for the least; of 8 bytes the number itself, null included.
  @inline(__always)
  public func stored(_ value: Int64) -> UInt64 {
    if width == 8 { return UInt64(bitPattern: value) }
    return value == ColumnData.null ? 0 : UInt64(bitPattern: value &- least) &+ 1
  }
}

/// Numbers of one width in an image. Valid as long as the image is.
public struct Packed {
  let base: UnsafeRawPointer
  let width: Int

  /// The i-th number; it must be one of those that were asked for.
  @inline(__always)
  public func value(_ i: Int) -> UInt64 {
    switch width {
    case 1: UInt64(base.load(fromByteOffset: i, as: UInt8.self))
    case 2: UInt64(UInt16(littleEndian: base.loadUnaligned(fromByteOffset: i &* 2, as: UInt16.self)))
    case 4: UInt64(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self)))
    default: UInt64(littleEndian: base.loadUnaligned(fromByteOffset: i &* 8, as: UInt64.self))
    }
  }
}

/// A column in an image. Valid as long as the image is.
public struct StoredColumn {
  fileprivate var values: Packed
  /// Of numbers.
  fileprivate var start: Int64 = 0
  /// Of texts that are so many digits.
  fileprivate var digits = 0
  /// Of other texts: how many, where each ends, their bytes.
  fileprivate var different = -1
  fileprivate var ends: Packed?
  fileprivate var texts: UnsafeRawBufferPointer?

  /// The number of a row, `ColumnData.null` for null; nothing that can be used if these are texts.
  @inline(__always)
  func number(_ row: Int) -> Int64 {
    let value = values.value(row)
    if values.width == 8 { return Int64(bitPattern: value) }
    return value == 0 ? ColumnData.null : start &+ Int64(value) &- 1
  }

  /// Appends the numbers of some rows; false if these are texts.
  public func add(numbers rows: [Int32], to mine: inout [Int64]) -> Bool {
    if different >= 0 || digits > 0 { return false }
    if rows.isEmpty { return true }
    mine.reserveMore(rows.count)
    for row in rows { mine.append(number(Int(row))) }
    return true
  }

  /// Appends the texts of some rows as codes; false if these are numbers, or damaged.
  public func add(texts rows: [Int32], to mine: inout [UInt32], _ codes: CodeTable) -> Bool {
    digits > 0 ? add(serials: rows, to: &mine, codes) : add(different: rows, to: &mine, codes)
  }

  private func add(serials rows: [Int32], to mine: inout [UInt32], _ codes: CodeTable) -> Bool {
    mine.reserveMore(rows.count)
    return withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { text in
      for row in rows {
        var rest = number(Int(row))
        if rest == ColumnData.null {
          mine.append(CodeTable.null)
          continue
        }
        if rest < 0 { return false }
        for i in (0..<digits).reversed() {
          text[i] = UInt8(truncatingIfNeeded: 0x30 &+ rest % 10)
          rest /= 10
        }
        if rest != 0 { return false }
        mine.append(codes.intern(UnsafeRawBufferPointer(rebasing: text[..<digits])))
      }
      return true
    }
  }

  /// Each text is interned once.
  private func add(different rows: [Int32], to mine: inout [UInt32], _ codes: CodeTable) -> Bool {
    guard let ends, let texts, different >= 0 else { return false }
    if rows.isEmpty { return true }
    mine.reserveMore(rows.count)
    var known = [UInt32](repeating: UInt32.max, count: different + 1)
    known[0] = CodeTable.null
    for row in rows {
      let number = Int(values.value(Int(row)))
      if number > different { return false }
      if known[number] == UInt32.max {
        let (from, to) = (Int(ends.value(number - 1)), Int(ends.value(number)))
        if from > to || to > texts.count { return false }
        known[number] = codes.intern(UnsafeRawBufferPointer(rebasing: texts[from..<to]))
      }
      mine.append(known[number])
    }
    return true
  }
}

/// Finds its way through an image; never beyond its end.
public struct ImageReader {
  private let image: UnsafeRawBufferPointer
  private var at = 0

  /// Nothing is left.
  public var isAtEnd: Bool { at == image.count }

  public init(_ image: UnsafeRawBufferPointer) { self.image = image }

  /// A column of so many rows; nil if what follows is none.
  public mutating func column(_ rows: Int) -> StoredColumn? {
    guard var kind = number(1), var width = number(1) else { return nil }
    var digits = 0
    if kind == 0x44 {
      digits = width
      guard (1...18).contains(digits), let inner = number(1), inner == 0x4E, let own = number(1) else { return nil }
      (kind, width) = (inner, own)
    }
    guard [1, 2, 4, 8].contains(width) else { return nil }
    if kind == 0x4E {
      guard let start = take(8), let values = packed(rows, width: width) else { return nil }
      return StoredColumn(
        values: values, start: Int64(littleEndian: start.loadUnaligned(as: Int64.self)), digits: digits)
    }
    guard kind == 0x54, let different = number(4), let ends = packed(different + 1, width: 4),
      let texts = take(Int(ends.value(different))), let values = packed(rows, width: width)
    else { return nil }
    return StoredColumn(values: values, different: different, ends: ends, texts: texts)
  }

  private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, image.count - at >= count else { return nil }
    defer { at += count }
    return UnsafeRawBufferPointer(rebasing: image[at..<at + count])
  }

  /// So many numbers of so many bytes; nil if fewer are left.
  public mutating func packed(_ count: Int, width: Int) -> Packed? {
    let (length, isOver) = count.multipliedReportingOverflow(by: width)
    // An empty stretch has no place of its own, and none is asked for.
    guard !isOver, let stretch = take(length), let base = stretch.baseAddress ?? image.baseAddress else { return nil }
    return Packed(base: base, width: width)
  }

  /// A number of so many bytes; nil if fewer are left.
  public mutating func number(_ width: Int) -> Int? {
    guard let bytes = take(width) else { return nil }
    var value = 0
    for i in 0..<width { value |= Int(truncatingIfNeeded: UInt64(bytes[i]) << UInt64(8 * i)) }
    return value
  }

  /// UTF-8 behind its number of bytes; nil if fewer are left.
  public mutating func text() -> String? { bytes().map { String(decoding: $0, as: UTF8.self) } }

  /// Bytes behind their number; nil if fewer are left.
  public mutating func bytes() -> UnsafeRawBufferPointer? {
    guard let count = number(4) else { return nil }
    return take(count)
  }
}

extension Array {
  /// Room for so many more, in steps that grow with the array.
  public mutating func reserveMore(_ more: Int) {
    if count + more > capacity { reserveCapacity(Swift.max(count + more, capacity * 3 / 2)) }
  }
}
