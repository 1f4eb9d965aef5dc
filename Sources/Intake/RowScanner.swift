import CByteMasks

/// Memory without bounds that is reused from chunk to chunk: what it holds is forgotten when it must grow.
struct ScratchMemory<Element: BitwiseCopyable>: ~Copyable {
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var capacity: Int

  init() {
    base = .allocate(capacity: 1)
    capacity = 1
  }

  deinit { base.deallocate() }

  /// Room for so many elements; those there are kept up to `keeping`.
  @inline(__always)
  mutating func reserve(_ count: Int, keeping: Int = 0) {
    if count > capacity { grow(count, keeping) }
  }

  @inline(never)
  private mutating func grow(_ count: Int, _ keeping: Int) {
    let larger = max(count, capacity * 2)
    let new = UnsafeMutablePointer<Element>.allocate(capacity: larger)
    new.update(from: base, count: keeping)
    base.deallocate()
    base = new
    capacity = larger
  }
}

/// A row that has not the shape of its header.
struct FaultyRow: Equatable {
  /// Row of the chunk, from 0.
  var row: Int
  /// Offset of its first byte in the chunk.
  var start: Int
  var fault: RowFault
}

/// Finds the lines and fields of a chunk of sound UTF-8 without NUL.
///
/// A first pass over 64 bytes at a time notes where delimiters outside enclosures and line feeds stand. Where each line
/// has as many fields as wanted, none or all of them enclosed and none with ASCII blanks around it, which the first pass
/// sees, all fields of the chunk are what stands between two marks. Else line by line: one is taken if it has as many
/// fields as wanted and each enclosure in it stands first or last in a field. All others go to `RowSplitter`, which
/// says what a row means.
final class RowScanner {
  private let format: RowFormat
  private let splitter: RowSplitter
  private let fieldCount: Int
  private var marks = ScratchMemory<Int32>()
  private var lines = ScratchMemory<cbm_line>()
  /// Whether no mark and no enclosure of the chunk has a blank beside it; whether each mark has an enclosure on either
  /// side, a line feed at least behind it.
  private var marksAreBare = true
  private var marksAreEnclosed = true
  /// Words of a stripe of text: line feeds, delimiters, enclosures, blanks.
  private let words: UnsafeMutablePointer<UInt64>
  private static let stripeWords = 64
  private let isWide: Bool
  /// 1 for what is trimmed from fields.
  private let blanks: UnsafeMutablePointer<UInt8>

  /// Rows and fields of the last chunk: of row r and field f at `r * fieldCount + f`. Longer than needed.
  private(set) var starts: [Int32] = []
  private(set) var lengths: [Int32] = []
  /// 1 + its row in the chunk, and the offset of its first byte in the chunk, of each sound row.
  private(set) var rowNumbers = ScratchMemory<Int32>()
  private(set) var rowStarts = ScratchMemory<Int32>()
  private(set) var soundRows = 0
  /// Sound and faulty ones.
  private(set) var rows = 0
  private(set) var faults: [FaultyRow] = []

  /// - Parameter mayBeWide: wide vectors are used where the processor has them; the result is the same.
  init(_ format: RowFormat, fieldCount: Int, mayBeWide: Bool = true) {
    isWide = mayBeWide && cbm_is_wide() != 0
    self.format = format
    self.fieldCount = fieldCount
    splitter = RowSplitter(format)
    words = .allocate(capacity: 4 * Self.stripeWords)
    blanks = .allocate(capacity: 256)
    blanks.initialize(repeating: 0, count: 256)
    blanks[0x20] = 1
    if format.delimiter != 0x09 { blanks[0x09] = 1 }
  }

  deinit {
    blanks.deallocate()
    words.deallocate()
  }

  /// Scans p[start..<end]; `start` begins a line. 64 bytes before `start` and after `end` are readable. Lines that the
  /// splitter must look at may be changed in place.
  func scan(_ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) {
    faults.removeAll(keepingCapacity: true)
    soundRows = 0
    rows = findMarks(UnsafePointer(p), start, end)
    rowNumbers.reserve(rows)
    rowStarts.reserve(rows)
    // Each field of a sound row has a byte of its own, its delimiter or line end; the last row may have none.
    let room = end - start + 2 * fieldCount + 2
    if starts.count < room {
      starts = Array(unsafeUninitializedCapacity: room + room / 4) { $1 = $0.count }
      lengths = Array(unsafeUninitializedCapacity: room + room / 4) { $1 = $0.count }
    }
    starts.withUnsafeMutableBufferPointer { s in
      lengths.withUnsafeMutableBufferPointer { l in
        guard let s = s.baseAddress, let l = l.baseAddress else { return }
        if !splitAll(UnsafePointer(p), start, s, l) { split(p, start, s, l) }
      }
    }
  }

  /// Cuts off blanks that are not ASCII; to be called where the text of the chunk holds any.
  func trimWideBlanks(_ p: UnsafePointer<UInt8>) {
    Blank.trim(p, &starts, &lengths, count: soundRows * fieldCount, tab: format.delimiter != 0x09)
  }

  /// Appends the line and the offset of each sound row: `firstLine` lines stand before the chunk, `base` bytes too.
  func appendRows(firstLine: Int, base: Int, _ lines: inout [Int32], _ offsets: inout [Int64]) {
    let (rowNumbers, rowStarts) = (rowNumbers.base, rowStarts.base)
    lines.reserveCapacity(lines.count + soundRows)
    offsets.reserveCapacity(offsets.count + soundRows)
    for row in 0..<soundRows {
      lines.append(Int32(truncatingIfNeeded: firstLine &+ Int(rowNumbers[row])))
      offsets.append(Int64(base &+ Int(rowStarts[row])))
    }
  }

  /// Notes delimiters outside enclosures and line feeds; gives the number of lines.
  private func findMarks(_ p: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    let delimiter = format.delimiter
    // 0 is found nowhere: the text holds no NUL.
    let enclosure = format.enclosure
    let otherBlank: UInt8 = delimiter == 0x09 ? 0x20 : 0x09
    // At most a mark a byte. Memory that is not written to costs nothing.
    marks.reserve(end &- start &+ 80)
    let marks = marks.base
    var scan = cbm_scan()
    scan.behindMark = 1
    var at = start
    while at < end {
      let count = min(Self.stripeWords, (end &- at &+ 63) >> 6)
      lines.reserve(Int(scan.lines) &+ 64 &* count, keeping: Int(scan.lines))
      let last = end &- at &- 64 &* (count &- 1)
      let valid: UInt64 = last >= 64 ? ~0 : ~(~0 << UInt64(last))
      let base = Int32(truncatingIfNeeded: at)
      if isWide {
        cbm_marks_wide(p + at, count, delimiter, enclosure, 0x20, otherBlank, words)
        cbm_scan_wide(words, count, valid, base, &scan, marks, lines.base)
      } else {
        cbm_marks_plain(p + at, count, delimiter, enclosure, 0x20, otherBlank, words)
        cbm_scan_plain(words, count, valid, base, &scan, marks, lines.base)
      }
      at &+= 64 &* count
    }
    marksAreBare = scan.touching == 0
    marksAreEnclosed = scan.open == 0
    var lineCount = Int(scan.lines)
    let lastEnd = lineCount == 0 ? start : Int(lines.base[lineCount &- 1].end) &+ 1
    if lastEnd < end {
      // The last line of the member without line feed.
      lines.reserve(lineCount &+ 1, keeping: lineCount)
      marks[Int(scan.marks)] = Int32(truncatingIfNeeded: end)
      lines.base[lineCount] = cbm_line(
        end: Int32(truncatingIfNeeded: end), marks: scan.marks &+ 1, enclosures: scan.enclosures)
      lineCount &+= 1
    }
    return lineCount
  }

  /// Fields of all lines at once; false if a line is not so plain, and nothing is said of any.
  private func splitAll(
    _ p: UnsafePointer<UInt8>, _ start: Int, _ s: UnsafeMutablePointer<Int32>, _ l: UnsafeMutablePointer<Int32>
  ) -> Bool {
    guard marksAreBare, rows > 0 else { return false }
    let lines = self.lines.base
    let fieldCount = self.fieldCount
    let isEnclosed = lines[rows &- 1].enclosures != 0
    guard !isEnclosed || marksAreEnclosed else { return false }
    let margin = isEnclosed ? 1 : 0
    var marks: Int32 = 0
    var enclosures: Int32 = 0
    var lineStart = start
    var odd = false
    let enclosuresOfLine = isEnclosed ? Int32(truncatingIfNeeded: 2 &* fieldCount) : 0
    for row in 0..<rows {
      let line = lines[row]
      marks &+= Int32(truncatingIfNeeded: fieldCount)
      enclosures &+= enclosuresOfLine
      odd = odd || line.marks != marks || line.enclosures != enclosures
      odd = odd || Int(line.end) &- lineStart > RowSplitter.maxFieldBytes
      lineStart = Int(line.end) &+ 1
    }
    if odd { return false }
    let (first, count) = (Int32(truncatingIfNeeded: start), rows &* fieldCount)
    if isWide {
      cbm_spans_wide(self.marks.base, count, first, Int32(truncatingIfNeeded: margin), s, l)
    } else {
      cbm_spans_plain(self.marks.base, count, first, Int32(truncatingIfNeeded: margin), s, l)
    }
    let rowNumbers = self.rowNumbers.base
    let rowStarts = self.rowStarts.base
    let enclosure = format.enclosure
    lineStart = start
    var last = fieldCount &- 1
    for row in 0..<rows {
      let feed = Int(lines[row].end)
      var end = feed
      if feed > lineStart, p[feed &- 1] == 0x0D {
        end &-= 1
        l[last] &-= 1
      }
      // What the marks don't say of the last field: what stands before a carriage return, or at the member's end.
      odd = odd || (isEnclosed ? p[end &- 1] != enclosure : blanks[Int(p[end &- 1])] != 0)
      rowNumbers[row] = Int32(truncatingIfNeeded: row &+ 1)
      rowStarts[row] = Int32(truncatingIfNeeded: lineStart)
      last &+= fieldCount
      lineStart = feed &+ 1
    }
    soundRows = rows
    return !odd
  }

  private func split(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ startsBase: UnsafeMutablePointer<Int32>,
    _ lengthsBase: UnsafeMutablePointer<Int32>
  ) {
    let lines = self.lines.base
    var mark = UnsafePointer(marks.base)
    let rowNumbers = self.rowNumbers.base
    let rowStarts = self.rowStarts.base
    let fieldCount = self.fieldCount
    let bothEnds = Int32(truncatingIfNeeded: 2 &* fieldCount)
    var s = startsBase
    var l = lengthsBase
    var lineStart = start
    var marksBefore: Int32 = 0
    var enclosuresBefore: Int32 = 0
    var sound = 0
    for row in 0..<rows {
      let line = lines[row]
      let found = line.marks &- marksBefore
      let enclosures = line.enclosures &- enclosuresBefore
      let feed = Int(line.end)
      let end = feed > lineStart && p[feed &- 1] == 0x0D ? feed &- 1 : feed
      var isSound = false
      if Int(found) == fieldCount, feed &- lineStart <= RowSplitter.maxFieldBytes {
        if enclosures == 0 {
          isSound =
            plainFields(p, lineStart, end, mark, s, l) || trimmedFields(p, lineStart, end, mark, s, l, enclosures: 0)
        } else {
          isSound =
            enclosures == bothEnds && enclosedFields(p, lineStart, end, mark, s, l)
            || trimmedFields(p, lineStart, end, mark, s, l, enclosures: Int(enclosures))
        }
      }
      if !isSound {
        if let fault = splitter.split(p, lineStart, end, fieldCount: fieldCount, s, l) {
          faults.append(FaultyRow(row: row, start: lineStart, fault: fault))
        } else {
          isSound = true
        }
      }
      if isSound {
        rowNumbers[sound] = Int32(truncatingIfNeeded: row &+ 1)
        rowStarts[sound] = Int32(truncatingIfNeeded: lineStart)
        sound &+= 1
        s += fieldCount
        l += fieldCount
      }
      mark += Int(found)
      marksBefore = line.marks
      enclosuresBefore = line.enclosures
      lineStart = feed &+ 1
    }
    soundRows = sound
  }

  /// Fields without enclosures; false if one begins or ends with a blank.
  @inline(__always)
  private func plainFields(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, _ marks: UnsafePointer<Int32>,
    _ s: UnsafeMutablePointer<Int32>, _ l: UnsafeMutablePointer<Int32>
  ) -> Bool {
    let blanks = self.blanks
    var from = start
    var blank: UInt8 = 0
    let last = fieldCount &- 1
    for field in 0..<last {
      let to = Int(marks[field])
      // Of an empty field these are the delimiters around it, which are no blanks.
      blank |= blanks[Int(p[from])] | blanks[Int(p[to &- 1])]
      s[field] = Int32(truncatingIfNeeded: from)
      l[field] = Int32(truncatingIfNeeded: to &- from)
      from = to &+ 1
    }
    blank |= blanks[Int(p[from])] | blanks[Int(p[end &- 1])]
    s[last] = Int32(truncatingIfNeeded: from)
    l[last] = Int32(truncatingIfNeeded: end &- from)
    return blank == 0
  }

  /// Fields of which each is enclosed; the line has two enclosure bytes a field. False if one field is not enclosed, or
  /// begins or ends with a blank.
  @inline(__always)
  private func enclosedFields(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, _ marks: UnsafePointer<Int32>,
    _ s: UnsafeMutablePointer<Int32>, _ l: UnsafeMutablePointer<Int32>
  ) -> Bool {
    let blanks = self.blanks
    let enclosure = format.enclosure
    var from = start
    var odd: UInt8 = 0
    let last = fieldCount &- 1
    for field in 0..<fieldCount {
      let to = field == last ? end : Int(marks[field])
      odd |= (p[from] ^ enclosure) | (p[to &- 1] ^ enclosure)
      odd |= blanks[Int(p[from &+ 1])] | blanks[Int(p[to &- 2])]
      s[field] = Int32(truncatingIfNeeded: from &+ 1)
      l[field] = Int32(truncatingIfNeeded: to &- from &- 2)
      from = to &+ 1
    }
    return odd == 0
  }

  /// Fields with blanks around them, some of them enclosed; false if the enclosures are not the first and last bytes
  /// of fields, each once.
  @inline(never)
  private func trimmedFields(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, _ marks: UnsafePointer<Int32>,
    _ s: UnsafeMutablePointer<Int32>, _ l: UnsafeMutablePointer<Int32>, enclosures: Int
  ) -> Bool {
    let blanks = self.blanks
    let enclosure = format.enclosure
    var left = enclosures
    var next = start
    for field in 0..<fieldCount {
      var from = next
      var to = field == fieldCount &- 1 ? end : Int(marks[field])
      next = to &+ 1
      while from < to, blanks[Int(p[from])] != 0 { from &+= 1 }
      while from < to, blanks[Int(p[to &- 1])] != 0 { to &-= 1 }
      if left > 0, to &- from >= 2, p[from] == enclosure, p[to &- 1] == enclosure {
        left &-= 2
        from &+= 1
        to &-= 1
        while from < to, blanks[Int(p[from])] != 0 { from &+= 1 }
        while from < to, blanks[Int(p[to &- 1])] != 0 { to &-= 1 }
      }
      s[field] = Int32(truncatingIfNeeded: from)
      l[field] = Int32(truncatingIfNeeded: to &- from)
    }
    return left == 0
  }
}
