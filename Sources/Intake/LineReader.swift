import CIconv
import Diagnostics
import Glibc

/// Reads a source in chunks of whole lines, decoded to UTF-8.
///
/// Line ends are found in the undecoded bytes, where 0x0A is never part of a character of GB18030 (in UTF-16 the unit
/// is looked at), so each line has its true offset; delimiters are only looked for after decoding.
final class LineReader {
  /// A line in `text`, without its line end.
  struct Line {
    var start: Int
    var end: Int
    /// Offset in the inflated, undecoded bytes.
    var offset: Int
    var fault: RowFault?
  }

  /// The first chunk, of which layout and format are guessed. A chunk may be larger.
  static let chunkBytes = 1 << 20
  /// Later ones, which should stay in the processor's second cache with what is made of them.
  static let laterChunkBytes = 128 << 10
  static let maxLineBytes = 16 << 20
  /// Readable bytes before and behind the buffers.
  private static let padding = 64
  private static let decodeBytes = 64 << 10

  /// Decoded bytes of the present chunk, readable beyond its last line, and in UTF-8 before its first, by 64 bytes.
  private(set) var text: UnsafeMutablePointer<UInt8>
  private(set) var textCapacity: Int
  /// Lines of the present chunk, if they were asked for or the chunk is not sound.
  private(set) var lines: [Line] = []
  /// The chunk is UTF-8 throughout, without NUL and without too long a line: `text[..<end]` holds nothing but its
  /// lines.
  private(set) var isSound = false
  /// Whether a sound chunk holds a blank that is not ASCII; of another it says nothing.
  private(set) var holdsBlank = false
  /// In UTF-8: whether the lines so far that are UTF-8 hold anything but ASCII, and how many of the others look like
  /// GB18030.
  private(set) var holdsBeyondASCII = false
  private(set) var linesLikeGB = 0
  /// The source has ended, and there is no line feed behind its last line.
  private(set) var endsOpen = false
  private(set) var end = 0
  /// Inflated bytes read so far.
  private(set) var bytesRead = 0
  let charset: Charset
  private let source: any ByteSource
  private let laterBytes: Int
  private let maxLineBytes: Int
  private let wanted: Int
  private var raw: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var filled = 0
  private var consumed = 0
  private var ended = false
  /// Offset of raw[0] in the inflated bytes.
  private(set) var base: Int
  private var converter: iconv_t?

  /// The first `skip` bytes (a byte order mark) are passed over. `firstChunk` is the least size of the first chunk, if
  /// the source has so much.
  init(
    _ source: any ByteSource, charset: Charset, skip: Int = 0, firstChunk: Int = 0,
    chunkBytes: Int = LineReader.chunkBytes, maxLineBytes: Int = LineReader.maxLineBytes
  ) throws {
    laterBytes = min(chunkBytes, Self.laterChunkBytes)
    self.maxLineBytes = maxLineBytes
    self.source = source
    self.charset = charset
    wanted = max(firstChunk, chunkBytes)
    capacity = wanted + max(64, chunkBytes)
    raw = Self.allocate(capacity)
    base = skip
    text = raw
    textCapacity = 0
    var passed = 0
    while passed < skip {
      let n = try source.read(into: UnsafeMutableRawBufferPointer(start: raw, count: skip - passed))
      if n == 0 { break }
      passed += n
    }
    bytesRead = passed
    if charset != .utf8 {
      textCapacity = 1
      text = Self.allocate(textCapacity)
      let opened = iconv_open("UTF-8", charset.rawValue)
      if opened == iconv_t(bitPattern: -1) {
        throw Diagnostic(
          .error, "intake.no-converter", "this system's iconv does not know \(charset.rawValue)",
          remedy: "install the gconv modules of the C library (libc6 on Debian)")
      }
      converter = opened
    }
  }

  deinit {
    if charset != .utf8 { free(text - Self.padding) }
    free(raw - Self.padding)
    if let converter { iconv_close(converter) }
  }

  /// Zeros, of which no page costs anything before it is written to.
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    guard let memory = calloc(count + 2 * padding, 1) else { preconditionFailure("memory is exhausted") }
    return memory.assumingMemoryBound(to: UInt8.self) + padding
  }

  /// Reads the next chunk into `text`; false at the end. `lines` are left out of a sound chunk if nobody wants them.
  func next(first: Bool = false, wantsLines: Bool = true) throws -> Bool {
    lines.removeAll(keepingCapacity: true)
    isSound = false
    end = 0
    let carried = filled - consumed
    if consumed > 0 {
      memmove(raw, raw + consumed, carried)
      base += consumed
      filled = carried
      consumed = 0
    }
    var scanned = 0
    var end = 0
    let target = first ? wanted : laterBytes
    let most = first ? capacity : max(64, laterBytes)
    while true {
      if !ended, filled < target || end == 0 {
        if filled == capacity { grow() }
        let room = UnsafeMutableRawBufferPointer(start: raw + filled, count: min(most, capacity - filled))
        let n = try source.read(into: room)
        if n == 0 { ended = true }
        bytesRead += n
        filled += n
      }
      end = lastLineEnd(from: scanned, atLeast: end)
      scanned = charset == .utf8 || charset == .gb18030 ? filled : filled & ~1
      if ended {
        if end < filled { endsOpen = true }
        end = filled
        break
      }
      if end > 0, filled >= target { break }
      if end == 0, filled >= maxLineBytes {
        try passOverLongLine()
        return true
      }
    }
    if end == 0 { return false }
    consumed = end
    self.end = end
    var met = ByteScan.Met()
    isSound =
      charset == .utf8 && ByteScan.firstInvalidUTF8(raw, 0, end, &met) == end && memchr(raw, 0, end) == nil
    holdsBlank = met.blank
    if isSound, met.high { holdsBeyondASCII = true }
    if isSound, !wantsLines { return true }
    findLines(end)
    if isSound { return true }
    if charset == .utf8 { checkUTF8(end) } else { decode(end) }
    flagNULs()
    return true
  }

  private func grow() {
    let larger = capacity * 2
    let new = Self.allocate(larger)
    memcpy(new, raw, filled)
    free(raw - Self.padding)
    raw = new
    capacity = larger
    if charset == .utf8 { text = raw }
  }

  /// One past the last line feed in raw[..<filled], looking only behind `from`; `atLeast` if there is none.
  private func lastLineEnd(from: Int, atLeast: Int) -> Int {
    var top = filled
    while top > from, let hit = memrchr(raw + from, 0x0A, top - from) {
      let at = UnsafeMutableRawPointer(raw).distance(to: hit)
      if let end = lineEnd(at) { return end }
      top = at
    }
    return atLeast
  }

  /// One past the line feed whose 0x0A byte is at `at`; nil if that byte is part of another UTF-16 unit.
  private func lineEnd(_ at: Int) -> Int? {
    switch charset {
    case .utf8, .gb18030: return at + 1
    case .utf16LittleEndian: return at & 1 == 0 && at + 1 < filled && raw[at + 1] == 0 ? at + 2 : nil
    case .utf16BigEndian: return at & 1 == 1 && raw[at - 1] == 0 ? at + 1 : nil
    }
  }

  private func findLines(_ end: Int) {
    var start = 0
    var from = 0
    while from < end, let hit = memchr(raw + from, 0x0A, end - from) {
      let at = UnsafeMutableRawPointer(raw).distance(to: hit)
      from = at + 1
      guard let next = lineEnd(at) else { continue }
      lines.append(Line(start: start, end: at, offset: base + start, fault: nil))
      start = next
      from = next
    }
    if start < end { lines.append(Line(start: start, end: end, offset: base + start, fault: nil)) }
    if charset == .utf8 {
      for i in lines.indices where lines[i].end > lines[i].start && raw[lines[i].end - 1] == 0x0D { lines[i].end -= 1 }
    }
  }

  private func checkUTF8(_ end: Int) {
    var at = 0
    var line = 0
    while line < lines.count {
      at = ByteScan.firstInvalidUTF8(raw, at, end)
      if at >= end { break }
      line = indexOfLine(containing: at, from: line)
      lines[line].fault = .notUTF8
      if ByteScan.looksLikeGB(raw, lines[line].start, lines[line].end) { linesLikeGB += 1 }
      line += 1
      if line < lines.count { at = lines[line].start }
    }
    if holdsBeyondASCII { return }
    for line in lines where line.fault == nil && !holdsBeyondASCII {
      var met = ByteScan.Met()
      _ = ByteScan.firstInvalidUTF8(raw, line.start, line.end, &met)
      holdsBeyondASCII = met.high
    }
  }

  /// Index of the line in whose raw stretch the position lies.
  private func indexOfLine(containing at: Int, from: Int) -> Int {
    var low = from
    var high = lines.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if lines[middle].offset - base <= at { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Decodes raw[..<end] into `text`, at most 64 KiB a call; a character that a call's end cuts in two is taken up by
  /// the next. A line that does not decode is flagged and left empty.
  private func decode(_ end: Int) {
    // Two bytes give at most three; four give at most four.
    if textCapacity < end * 2 {
      free(text - Self.padding)
      textCapacity = end * 2
      text = Self.allocate(textCapacity)
    }
    let fault: RowFault = charset == .gb18030 ? .notGB18030 : .notUTF16
    var from = 0
    var written = 0
    var line = 0
    iconv(converter, nil, nil, nil, nil)
    while from < end {
      let piece = min(Self.decodeBytes, end - from)
      var input: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(raw + from).assumingMemoryBound(to: CChar.self)
      var output: UnsafeMutablePointer<CChar>? =
        UnsafeMutableRawPointer(text + written).assumingMemoryBound(to: CChar.self)
      var inputLeft = piece
      var outputLeft = textCapacity - written
      let result = iconv(converter, &input, &inputLeft, &output, &outputLeft)
      let problem = result == -1 ? errno : 0
      from += piece - inputLeft
      written = textCapacity - outputLeft
      if problem == 0 || (problem == EINVAL && from + inputLeft < end && inputLeft < piece) { continue }
      line = indexOfLine(containing: from, from: line)
      lines[line].fault = fault
      while written > 0, text[written - 1] != 0x0A { written -= 1 }
      line += 1
      guard line < lines.count else { break }
      text[written] = 0x0A
      written += 1
      from = lines[line].offset - base
      iconv(converter, nil, nil, nil, nil)
    }
    var start = 0
    for i in lines.indices {
      lines[i].start = start
      var stop = written
      if let hit = memchr(text + start, 0x0A, written - start) {
        stop = UnsafeMutableRawPointer(text).distance(to: hit)
      }
      lines[i].end = stop > start && text[stop - 1] == 0x0D ? stop - 1 : stop
      start = min(stop + 1, written)
    }
  }

  private func flagNULs() {
    guard let first = lines.first, let last = lines.last, last.end > first.start,
      memchr(text + first.start, 0, last.end - first.start) != nil
    else { return }
    for i in lines.indices where lines[i].fault == nil && lines[i].end > lines[i].start {
      if memchr(text + lines[i].start, 0, lines[i].end - lines[i].start) != nil { lines[i].fault = .nulByte }
    }
  }

  /// Gives a line that is longer than the buffer may grow as one faulty, empty line and goes on behind it.
  private func passOverLongLine() throws {
    lines.append(Line(start: 0, end: 0, offset: base, fault: .fieldTooLong))
    while true {
      var from = 0
      var found: Int?
      while found == nil, from < filled, let hit = memchr(raw + from, 0x0A, filled - from) {
        let at = UnsafeMutableRawPointer(raw).distance(to: hit)
        found = lineEnd(at)
        from = at + 1
      }
      if let found {
        consumed = found
        return
      }
      // Keep a possibly cut UTF-16 unit.
      let keep = charset == .utf8 || charset == .gb18030 ? 0 : min(filled, 2 + filled & 1)
      memmove(raw, raw + filled - keep, keep)
      base += filled - keep
      filled = keep
      let n = try source.read(into: UnsafeMutableRawBufferPointer(start: raw + filled, count: capacity - filled))
      if n == 0 {
        ended = true
        consumed = filled
        return
      }
      bytesRead += n
      filled += n
    }
  }

  /// The chunk has a carriage return that no line feed follows, before its first line feed.
  var firstLineHasBareReturn: Bool {
    guard let line = lines.first, line.end > line.start else { return false }
    return memchr(text + line.start, 0x0D, line.end - line.start) != nil
  }
}
