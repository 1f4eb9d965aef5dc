import CIconv
import ClaimModel
import Diagnostics
import Glibc

/// A CSV table read row by row as bytes: registries of any size, and the small files of `CSVTable`. Not for claim
/// files.
///
/// Comma, `"` where needed (doubled inside, line feeds allowed inside), header line; plain or gzip; UTF-8 with or
/// without byte order mark, else GB18030, or UTF-16 by its mark. Blanks and tabs around a value are trimmed. Memory
/// does not grow with the file, only with its longest row.
public final class CSVRows {
  public enum Step {
    /// `fields` and `line` speak of the next row; it has as many fields as the header.
    case row
    /// The row at `line` was left out; the text is the cause, without values.
    case fault(String)
    /// The file turned out not to be UTF-8: what came so far counts for nothing, and the table begins again, header
    /// included.
    case restart
    case end
  }

  /// A value in the reader's memory; good until the next call of `next`.
  @frozen public struct Field {
    public var base: UnsafePointer<UInt8>
    public var count: Int
    @inlinable
    public init(base: UnsafePointer<UInt8>, count: Int) {
      self.base = base
      self.count = count
    }
  }

  /// As written, trimmed.
  public private(set) var header: [String] = []
  public private(set) var charset = Charset.utf8
  /// 1-based line on which the row begins.
  public private(set) var line = 0
  /// The row that came last, or was left out last, has no line feed behind it: the text may have been cut off in it.
  public private(set) var endsText = false
  /// The fields of the row, as many as the header has.
  public var fields: UnsafePointer<Field> { UnsafePointer(stored) }

  private let name: String
  private let file: HashedFile?
  private let openSource: () throws -> any ByteSource
  private var source: any ByteSource
  private var sourceEnded = false

  // Decoded text: `start` is where the next row begins, up to `end` the bytes are good UTF-8, up to `filled` they are
  // there at all.
  private var buffer: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var start = 0
  private var end = 0
  private var filled = 0
  /// Where the buffer begins in the text, a byte order mark not counted.
  private var bufferOffset = 0
  private var atBegin = true
  private var hasMark = false
  /// After `end` there is nothing.
  private var isComplete = false
  private var nextLine = 1
  /// The first `"` from `start` on, `end` if there is none; below `start` if not known.
  private var nextQuote = -1

  // Only for other charsets than UTF-8: bytes not yet decoded.
  private var converter: iconv_t?
  private var raw: UnsafeMutablePointer<UInt8>?
  private var rawStart = 0
  private var rawEnd = 0
  private var rawSkip = 0
  /// Where the text is no UTF-8.
  private var firstBad = 0

  private var stored: UnsafeMutablePointer<Field>
  private var storedCapacity = 64
  /// Values of a row with enclosures, which are not as they lie in the file.
  private var plain: UnsafeMutablePointer<UInt8>?
  private var plainCapacity = 0

  /// A longer row is left out: an enclosure that is never closed must not bring a whole file into memory.
  private let maxRowBytes: Int

  private static let rawCapacity = 256 << 10
  /// Eight bytes after the end are read.
  private static let slack = 16

  /// Opens a file and reads its header. Throws a `Diagnostic` where `readClaimFile` would refuse, and for an unreadable
  /// charset.
  public convenience init(path: String, limits: IntakeLimits = IntakeLimits()) throws {
    let file = try HashedFile(path: path, name: path)
    if file.size == 0 { throw Refusal.empty(path, nil) }
    var magic = [UInt8](repeating: 0, count: 2)
    _ = try magic.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
    let isGzip = path.lowercased().hasSuffix(".gz") || magic == [0x1F, 0x8B]
    try self.init(name: path, file: file, bufferSize: 256 << 10) {
      let guardian = BombGuard(limits: limits, file: path, member: nil)
      let plain = PlainSource(file, guardian: isGzip ? nil : guardian)
      if !isGzip { return plain }
      return GzipSource(file: path, member: nil, limits: limits, guardian: guardian) { try plain.read(into: $0) }
    }
  }

  /// Reads a text that is in memory already; `name` is for diagnostics.
  public convenience init(bytes: [UInt8], name: String) throws {
    try self.init(bytes: bytes, name: name, bufferSize: 64 << 10)
  }

  /// `bufferSize`: bytes to begin with, at least 16.
  convenience init(
    bytes: [UInt8], name: String, bufferSize: Int, maxRowBytes: Int = LineReader.maxLineBytes
  ) throws {
    try self.init(name: name, file: nil, bufferSize: bufferSize, maxRowBytes: maxRowBytes) { MemorySource(bytes) }
  }

  private init(
    name: String, file: HashedFile?, bufferSize: Int, maxRowBytes: Int = LineReader.maxLineBytes,
    openSource: @escaping () throws -> any ByteSource
  ) throws {
    self.maxRowBytes = maxRowBytes
    self.name = name
    self.file = file
    self.openSource = openSource
    source = try openSource()
    capacity = max(16, bufferSize)
    buffer = .allocate(capacity: capacity + Self.slack)
    stored = .allocate(capacity: storedCapacity)
    try readHeader()
  }

  deinit {
    buffer.deallocate()
    stored.deallocate()
    raw?.deallocate()
    plain?.deallocate()
    if let converter { iconv_close(converter) }
  }

  /// SHA-256 of the stored bytes. Call once, after the end.
  public func finish() throws -> String { try file?.finish() ?? "" }

  /// Goes to the next row.
  public func next() throws -> Step {
    while true {
      guard let row = parseRow() else {
        if end - start > maxRowBytes {
          if try passLongRow() { return .fault("the row is longer than \(maxRowBytes) bytes") }
        } else if try fill() {
          continue
        }
        try readHeader()
        return .restart
      }
      if row.count == 0 { return .end }
      if row.count == 1, stored[0].count == 0 { continue }
      if let fault = row.fault { return .fault(fault) }
      if row.count != header.count {
        return .fault("the row has \(row.count) fields, the header \(header.count)")
      }
      return .row
    }
  }

  /// The first line that is not empty. Errors: there is none.
  private func readHeader() throws {
    header = []
    while header.isEmpty {
      guard let row = parseRow() else {
        if end - start > maxRowBytes {
          throw Refusal.noHeader(name, nil, "the first row is longer than \(maxRowBytes) bytes: no header")
        }
        _ = try fill()
        continue
      }
      if row.count == 0 { throw Refusal.empty(name, nil) }
      if row.count == 1, stored[0].count == 0 { continue }
      header = (0..<row.count).map { Self.text(stored[$0]) }
    }
  }

  /// The text of a field.
  public static func text(_ field: Field) -> String {
    String(decoding: UnsafeBufferPointer(start: field.base, count: field.count), as: UTF8.self)
  }

  // MARK: Rows

  /// Splits the row at `start`; nil when its end is not in the buffer yet. No field at all is the end of the table.
  private func parseRow() -> (count: Int, fault: String?)? {
    if start >= end { return isComplete ? (0, nil) : nil }
    if nextQuote < start { nextQuote = Self.index(of: 0x22, buffer, start, end) }
    let p = buffer
    let end = end
    let quote = nextQuote
    var i = start
    var count = 0
    while true {
      while i < end, p[i] == 0x20 || p[i] == 0x09 { i &+= 1 }
      let from = i
      var to = ByteScan.find(p, i, end, Self.commas, Self.lineFeeds)
      if quote < to { return parseEnclosedRow() }
      i = to
      let isLast = to == end || p[to] == 0x0A
      if isLast {
        if to == end, !isComplete { return nil }
        endsText = to == end
        if to > from, p[to &- 1] == 0x0D { to &-= 1 }
      }
      while to > from, p[to &- 1] == 0x20 || p[to &- 1] == 0x09 { to &-= 1 }
      store(count, UnsafePointer(p + from), to &- from)
      count &+= 1
      i &+= 1
      if isLast { break }
      if i >= end {
        // The comma is the last byte of the table or of what is there of it.
        if !isComplete { return nil }
        endsText = true
        store(count, UnsafePointer(p + end), 0)
        count &+= 1
        break
      }
    }
    start = min(i, end)
    line = nextLine
    nextLine &+= 1
    return (count, nil)
  }

  /// As `parseRow`, for a row that holds a `"` somewhere.
  private func parseEnclosedRow() -> (count: Int, fault: String?)? {
    if plainCapacity < end - start {
      plain?.deallocate()
      plainCapacity = capacity
      plain = .allocate(capacity: plainCapacity)
    }
    guard let plain else { return nil }
    let p = buffer
    let end = end
    var i = start
    var out = 0
    var count = 0
    var feeds = 0
    var fault: String?
    var isLast = false
    while !isLast {
      var from = out
      while i < end, p[i] == 0x20 || p[i] == 0x09 { i &+= 1 }
      if i < end, p[i] == 0x22 {
        i &+= 1
        var isClosed = false
        while !isClosed {
          let to = Self.index(of: 0x22, p, i, end)
          for k in i..<to where p[k] == 0x0A { feeds &+= 1 }
          (plain + out).update(from: p + i, count: to - i)
          out += to - i
          // Whether a quote is doubled shows in the byte after it.
          if to + 1 >= end, !isComplete { return nil }
          if to == end {
            fault = "an enclosure is not closed"
            i = end
            break
          }
          i = to + 1
          if i < end, p[i] == 0x22 {
            plain[out] = 0x22
            out += 1
            i += 1
          } else {
            isClosed = true
          }
        }
      }
      var to = ByteScan.find(p, i, end, Self.commas, Self.lineFeeds)
      if to == end, !isComplete { return nil }
      let begin = i
      i = to
      isLast = to == end || p[to] == 0x0A
      endsText = to == end
      if isLast, to > begin, p[to &- 1] == 0x0D { to &-= 1 }
      while to > begin, p[to &- 1] == 0x20 || p[to &- 1] == 0x09 { to &-= 1 }
      (plain + out).update(from: p + begin, count: to - begin)
      out += to - begin
      var last = out
      while last > from, plain[last - 1] == 0x20 || plain[last - 1] == 0x09 { last -= 1 }
      while from < last, plain[from] == 0x20 || plain[from] == 0x09 { from += 1 }
      store(count, UnsafePointer(plain + from), last - from)
      count += 1
      if i < end { i += 1 }
      if i >= end, !isLast, !isComplete { return nil }
    }
    start = i
    line = nextLine
    nextLine += 1 + feeds
    return (count, fault)
  }

  @inline(__always)
  private func store(_ index: Int, _ base: UnsafePointer<UInt8>, _ count: Int) {
    if index >= storedCapacity {
      // Beyond the header's fields only their number counts.
      if !header.isEmpty, index >= header.count { return }
      growStored()
    }
    (stored + index).initialize(to: Field(base: base, count: count))
  }

  private func growStored() {
    let larger = UnsafeMutablePointer<Field>.allocate(capacity: storedCapacity * 2)
    larger.moveInitialize(from: stored, count: storedCapacity)
    stored.deallocate()
    stored = larger
    storedCapacity *= 2
  }

  private static let commas = ByteScan.pattern(0x2C)
  private static let lineFeeds = ByteScan.pattern(0x0A)

  @inline(__always)
  private static func index(of byte: UInt8, _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    guard start < end, let found = memchr(p + start, Int32(byte), end - start) else { return end }
    return found - UnsafeMutableRawPointer(p)
  }

  /// Goes behind the line feed that ends a row of which so much is in the buffer already. False as of `fill`.
  private func passLongRow() throws -> Bool {
    line = nextLine
    // What was looked at is not looked at again: a file of such rows would take for ever.
    for k in start..<end where buffer[k] == 0x0A { nextLine += 1 }
    start = end
    while !isComplete {
      guard try fill() else { return false }
      let to = Self.index(of: 0x0A, buffer, start, end)
      start = min(to + 1, end)
      if to < end {
        nextLine += 1
        break
      }
    }
    nextQuote = -1
    return true
  }

  // MARK: Bytes

  /// Brings more of the text into the buffer, behind what is not parsed yet. False: the charset was another, and all
  /// begins again.
  private func fill() throws -> Bool {
    let left = filled - start
    if start > 0 {
      buffer.update(from: buffer + start, count: left)
      bufferOffset += start
      end -= start
      filled = left
      start = 0
    } else if filled > capacity / 2 {
      // A row that is longer than half of the buffer: doubled, so that no byte is looked at more than a few times.
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2 + Self.slack)
      larger.update(from: buffer, count: filled)
      buffer.deallocate()
      buffer = larger
      capacity *= 2
    }
    nextQuote = -1
    if converter != nil {
      try decode()
      return true
    }
    try readPlain()
    if atBegin {
      atBegin = false
      if filled >= 2, buffer[0] == 0xFF && buffer[1] == 0xFE || buffer[0] == 0xFE && buffer[1] == 0xFF {
        try begin(as: buffer[0] == 0xFF ? .utf16LittleEndian : .utf16BigEndian, skipping: 2)
        return true
      }
      if filled >= 3, buffer[0] == 0xEF, buffer[1] == 0xBB, buffer[2] == 0xBF {
        hasMark = true
        start = 3
        end = 3
        bufferOffset = -3
      }
    }
    let good = ByteScan.firstInvalidUTF8(buffer, end, filled)
    end = good
    if good == filled {
      isComplete = sourceEnded
      return true
    }
    // The last three bytes may be the beginning of a character.
    if !sourceEnded, filled - good < 4 { return true }
    firstBad = bufferOffset + good
    try begin(as: .gb18030, skipping: hasMark ? 3 : 0)
    return false
  }

  private func readPlain() throws {
    while !sourceEnded, filled < capacity {
      let n = try source.read(into: UnsafeMutableRawBufferPointer(start: buffer + filled, count: capacity - filled))
      if n == 0 { sourceEnded = true }
      filled += n
    }
  }

  /// Starts again from the first byte, in another charset than UTF-8.
  private func begin(as charset: Charset, skipping: Int) throws {
    self.charset = charset
    source = try openSource()
    sourceEnded = false
    (start, end, filled, bufferOffset) = (0, 0, 0, 0)
    (rawStart, rawEnd, rawSkip) = (0, 0, skipping)
    nextLine = 1
    nextQuote = -1
    let opened = iconv_open("UTF-8", charset.rawValue)
    if opened == iconv_t(bitPattern: -1) { throw badCharset() }
    converter = opened
    raw = .allocate(capacity: Self.rawCapacity)
    try decode()
  }

  /// Decodes until the buffer is full or the file ends.
  private func decode() throws {
    guard let converter, let raw else { return }
    while !isComplete, capacity - filled >= 8 {
      var from: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(raw + rawStart)
        .assumingMemoryBound(to: CChar.self)
      var left = rawEnd - rawStart
      var to: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(buffer + filled)
        .assumingMemoryBound(to: CChar.self)
      var room = capacity - filled
      let status = left == 0 ? 0 : iconv(converter, &from, &left, &to, &room)
      let problem = errno
      rawStart = rawEnd - left
      filled = capacity - room
      if status == -1, problem == E2BIG { break }
      if status == -1, problem != EINVAL {
        // A file that is damaged as a whole is refused for that, whatever stands in it.
        while try source.read(into: UnsafeMutableRawBufferPointer(start: raw, count: Self.rawCapacity)) > 0 {}
        throw badCharset()
      }
      // All is decoded, or all but a part of a character.
      raw.update(from: raw + rawStart, count: left)
      (rawStart, rawEnd) = (0, left)
      var n = try source.read(
        into: UnsafeMutableRawBufferPointer(start: raw + rawEnd, count: Self.rawCapacity - rawEnd))
      if n == 0 {
        if left > 0 { throw badCharset() }
        isComplete = true
      }
      if rawSkip > 0 {
        let skipped = min(n, rawSkip)
        rawSkip -= skipped
        n -= skipped
        raw.update(from: raw + skipped, count: n)
      }
      rawEnd += n
    }
    end = filled
  }

  private func badCharset() -> Diagnostic {
    if charset != .gb18030 { return Refusal.charset(name, nil, "the file is not valid \(charset.rawValue)") }
    return Refusal.charset(name, nil, "the file is neither valid UTF-8 (byte \(firstBad)) nor valid GB18030")
  }
}

/// Bytes in memory.
private final class MemorySource: ByteSource {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let n = min(buffer.count, bytes.count - offset)
    buffer.copyBytes(from: bytes[offset..<offset + n])
    offset += n
    return n
  }
}
