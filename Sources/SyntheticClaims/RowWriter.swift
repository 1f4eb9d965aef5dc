import ClaimModel

/// How an extract is written.
struct RowFormat: Sendable {
  var delimiter: UInt8
  /// 0 for none.
  var enclosure: UInt8
  var crlf: Bool
  /// A leading row number column `rn`.
  var numbered: Bool

  static let wide = RowFormat(delimiter: 0x2C, enclosure: 0x27, crlf: true, numbered: true)
  static let narrow = RowFormat(delimiter: 0x2C, enclosure: 0, crlf: false, numbered: false)
}

/// Rows of one file: fields are set in any order, written in the order of the file's columns, without an object a
/// field.
final class RowWriter {
  let table: ClaimTable
  let format: RowFormat
  /// National column indices in file order.
  let order: [Int]
  private(set) var rows = 0
  let sink: ByteSink
  private let arena: UnsafeMutablePointer<UInt8>
  private var used = 0
  private var marked = 0
  private let starts: UnsafeMutablePointer<Int32>
  private let lengths: UnsafeMutablePointer<Int32>
  private let columnCount: Int
  /// 1 for each column that the file has; the others are set for nothing.
  private let isWritten: UnsafeMutablePointer<UInt8>
  private static let capacity = 1 << 16

  init(table: ClaimTable, format: RowFormat, columns: [String]?, sink: ByteSink) {
    self.table = table
    self.format = format
    self.sink = sink
    columnCount = table.columns.count
    order = columns.map { $0.compactMap(table.index(of:)) } ?? Array(0..<columnCount)
    arena = .allocate(capacity: Self.capacity)
    starts = .allocate(capacity: columnCount)
    lengths = .allocate(capacity: columnCount)
    lengths.initialize(repeating: 0, count: columnCount)
    starts.initialize(repeating: 0, count: columnCount)
    isWritten = .allocate(capacity: columnCount)
    isWritten.initialize(repeating: 0, count: columnCount)
    for column in order { isWritten[column] = 1 }
    var header = order.map { table.columns[$0].name }
    if format.numbered { header.insert("rn", at: 0) }
    for (i, name) in header.enumerated() {
      if i > 0 { sink.append(format.delimiter) }
      if format.enclosure != 0 { sink.append(format.enclosure) }
      sink.append(Array(name.utf8))
      if format.enclosure != 0 { sink.append(format.enclosure) }
    }
    endLine()
  }

  deinit {
    arena.deallocate()
    starts.deallocate()
    lengths.deallocate()
    isWritten.deallocate()
  }

  /// All fields are null again.
  func clear() {
    lengths.update(repeating: 0, count: columnCount)
    used = 0
    marked = 0
  }

  /// What was set so far holds for the rows to come; `rollback` forgets only the bytes of what was set later.
  func mark() { marked = used }
  func rollback() { used = marked }

  func null(_ column: Int) { lengths[column] = 0 }

  func set(_ column: Int, _ text: [UInt8]) {
    if isWritten[column] == 0 { return }
    // 4 KiB a field are far more than any field here has.
    guard used + text.count + 4_096 < Self.capacity else { preconditionFailure("a row is longer than its memory") }
    text.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { (arena + used).update(from: base, count: source.count) }
    }
    starts[column] = Int32(used)
    lengths[column] = Int32(text.count)
    used += text.count
  }

  func set(_ column: Int, _ text: String) {
    if isWritten[column] != 0 { set(column, Array(text.utf8)) }
  }

  func set(_ column: Int, byte: UInt8) {
    if isWritten[column] == 0 { return }
    arena[used] = byte
    starts[column] = Int32(used)
    lengths[column] = 1
    used += 1
  }

  func set(_ column: Int, number: Int64) {
    if isWritten[column] == 0 { return }
    starts[column] = Int32(used)
    used += Self.write(number, to: arena + used)
    lengths[column] = Int32(used) - starts[column]
  }

  /// Two decimals, as the platform writes amounts.
  func set(_ column: Int, fen: Int64) {
    if isWritten[column] == 0 { return }
    starts[column] = Int32(used)
    used += Self.write(fen, scale: 2, least: 2, to: arena + used)
    lengths[column] = Int32(used) - starts[column]
  }

  /// As many decimals as the value needs, at least `least`.
  func set(_ column: Int, scaled: Int64, scale: Int, least: Int) {
    if isWritten[column] == 0 { return }
    starts[column] = Int32(used)
    used += Self.write(scaled, scale: scale, least: least, to: arena + used)
    lengths[column] = Int32(used) - starts[column]
  }

  func set(_ column: Int, day: Int64) {
    if isWritten[column] == 0 { return }
    starts[column] = Int32(used)
    used += Self.write(day: day, to: arena + used)
    lengths[column] = 10
  }

  func set(_ column: Int, time: Int64) {
    if isWritten[column] == 0 { return }
    starts[column] = Int32(used)
    let day = CivilTime.dayOf(time: time)
    let p = arena + used
    var n = Self.write(day: day, to: p)
    let seconds = Int(time - day * 86_400)
    p[n] = 0x20
    Self.two(seconds / 3600, p + n + 1)
    p[n + 3] = 0x3A
    Self.two(seconds / 60 % 60, p + n + 4)
    p[n + 6] = 0x3A
    Self.two(seconds % 60, p + n + 7)
    n += 9
    used += n
    lengths[column] = Int32(n)
  }

  /// Writes the row.
  func end() {
    rows += 1
    let enclosure = format.enclosure
    sink.reserve(used + 3 * columnCount + 4_096)
    var p = sink.cursor
    if format.numbered {
      if enclosure != 0 {
        p.pointee = enclosure
        p += 1
      }
      p += Self.write(Int64(rows), to: p)
      if enclosure != 0 {
        p.pointee = enclosure
        p += 1
      }
      p.pointee = format.delimiter
      p += 1
    }
    var first = true
    for column in order {
      if first {
        first = false
      } else {
        p.pointee = format.delimiter
        p += 1
      }
      let length = Int(lengths[column])
      if enclosure == 0 {
        p.update(from: arena + Int(starts[column]), count: length)
        p += length
        continue
      }
      p.pointee = enclosure
      p += 1
      let source = arena + Int(starts[column])
      for i in 0..<length {
        p.pointee = source[i]
        p += 1
        if source[i] == enclosure {
          p.pointee = enclosure
          p += 1
        }
      }
      p.pointee = enclosure
      p += 1
    }
    sink.moveCursor(to: p)
    endLine()
  }

  private func endLine() {
    if format.crlf { sink.append(0x0D) }
    sink.append(0x0A)
  }

  private static func two(_ v: Int, _ p: UnsafeMutablePointer<UInt8>) {
    p[0] = 0x30 + UInt8(v / 10)
    p[1] = 0x30 + UInt8(v % 10)
  }

  private static func write(day: Int64, to p: UnsafeMutablePointer<UInt8>) -> Int {
    let (y, m, d) = CivilTime.date(day)
    two(y / 100, p)
    two(y % 100, p + 2)
    p[4] = 0x2D
    two(m, p + 5)
    p[7] = 0x2D
    two(d, p + 8)
    return 10
  }

  private static func write(_ value: Int64, to p: UnsafeMutablePointer<UInt8>) -> Int {
    var rest = value.magnitude
    var n = 0
    if value < 0 {
      p[0] = 0x2D
      n = 1
    }
    var count = 1
    var probe = rest
    while probe >= 10 {
      probe /= 10
      count += 1
    }
    var i = n + count
    while i > n {
      i -= 1
      p[i] = 0x30 + UInt8(rest % 10)
      rest /= 10
    }
    return n + count
  }

  private static func write(_ value: Int64, scale: Int, least: Int, to p: UnsafeMutablePointer<UInt8>) -> Int {
    var unit: UInt64 = 1
    for _ in 0..<scale { unit *= 10 }
    let whole = value.magnitude / unit
    var part = value.magnitude % unit
    var n = 0
    if value < 0 {
      p[0] = 0x2D
      n = 1
    }
    n += write(Int64(whole), to: p + n)
    var decimals = scale
    while decimals > least, part % 10 == 0 {
      part /= 10
      decimals -= 1
    }
    if decimals == 0 { return n }
    p[n] = 0x2E
    var i = decimals
    while i > 0 {
      p[n + i] = 0x30 + UInt8(part % 10)
      part /= 10
      i -= 1
    }
    return n + 1 + decimals
  }
}
