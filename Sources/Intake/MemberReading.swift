import ClaimModel
import Diagnostics

/// One reading of a member from its start to its end in one charset.
final class MemberReading {
  /// Rows that fail before a pass in UTF-8 gives up early, if they are also one in fifty.
  static let hopelessRows = 1000

  enum Outcome {
    case complete
    /// So many rows fail that another charset is tried before the member is read to its end.
    case hopeless
    /// The header cannot be read in this charset.
    case unreadableHeader(Diagnostic)
  }

  private(set) var report: MemberReport
  /// Rows whose bytes are not of the charset.
  private(set) var failing = 0
  private let reader: LineReader
  private let mapping: LayoutMapping
  private let rejectName: String
  private var line = 0
  private var starts: [Int32] = []
  private var lengths: [Int32] = []
  private var blockLines: [Int32] = []
  private var blockOffsets: [Int64] = []

  init(_ reader: LineReader, mapping: LayoutMapping) {
    self.reader = reader
    self.mapping = mapping
    rejectName = mapping.member.map { mapping.file + "!" + $0 } ?? mapping.file
    report = MemberReport(name: mapping.member)
    report.charset = reader.charset
  }

  /// In UTF-8: all that is not ASCII looks like GB18030, and there is some. A few rows of Chinese text in a large file
  /// are no damage, however few.
  var looksLikeGB: Bool { failing > 0 && reader.linesLikeGB == failing && !reader.holdsBeyondASCII }

  /// How far the pass got, also when it throws.
  var bytesRead: Int { reader.bytesRead }

  /// There is no header, and the chunk held too few lines for the sample: nothing was handed on, whatever `run`
  /// returned; read again with a larger first chunk.
  private(set) var needsLongSample = false
  /// Line of the row that was rejected last.
  private var lastRejected = 0

  /// Reads the member. `longSample`: the first chunk is large enough for the sample of a file without header.
  func run(_ consumer: any RecordConsumer, mayGiveUp: Bool, longSample: Bool) throws -> Outcome {
    guard try reader.next(first: true) else { throw Refusal.empty(mapping.file, mapping.member) }
    if reader.firstLineHasBareReturn { throw Refusal.carriageReturns(mapping.file, mapping.member) }
    if let fault = reader.lines.first?.fault {
      return .unreadableHeader(
        Refusal.charset(mapping.file, mapping.member, "the first line is damaged: \(fault.reason)"))
    }
    let sample = texts(FormatDetection.sampleLines)
    let format = FormatDetection.detect(sample)
    let names = sample.first.flatMap { FormatDetection.fields(of: $0, format) } ?? []
    var firstLine = 0
    let layout: FileLayout
    do {
      if LayoutMapping.isHeader(names) {
        layout = try mapping.layout(header: names)
        firstLine = 1
        line = 1
      } else {
        if !longSample, reader.lines.count < LayoutMapping.sampleRows {
          needsLongSample = true
        }
        layout = try mapping.layout(withoutHeader: texts(LayoutMapping.sampleRows), format)
        report.headerKind = .documentedOrder
      }
    } catch let problem as Diagnostic {
      return .unreadableHeader(problem)
    }
    report.table = layout.table
    report.delimiter = format.delimiter
    report.enclosure = format.enclosure == 0 || format.enclosureAssumed ? nil : format.enclosure
    report.missingColumns = layout.missingColumns
    report.unknownColumns = layout.unknownColumns
    if needsLongSample { return .complete }
    try consumer.begin(layout, member: mapping.member)
    let splitter = RowSplitter(format)
    let scanner = RowScanner(format, fieldCount: layout.header.count)
    // The first chunk has its lines already, the others need none where they are sound.
    var from = reader.lines.count > firstLine ? reader.lines[firstLine].start : reader.end
    repeat {
      if reader.isSound {
        try scanChunk(from: from, scanner, layout, consumer)
      } else {
        try splitChunk(from: firstLine, splitter, layout, consumer)
      }
      firstLine = 0
      from = 0
      if mayGiveUp, failing >= Self.hopelessRows, failing * 50 >= report.rowsRead { return .hopeless }
    } while try reader.next(wantsLines: false)
    report.inflatedBytes = reader.bytesRead
    if reader.endsOpen, lastRejected == line { report.cutOffLine = line }
    return .complete
  }

  /// The first sound lines of the present chunk.
  private func texts(_ most: Int) -> [[UInt8]] {
    reader.lines.lazy.filter { $0.fault == nil }.prefix(most).map { line in
      Array(UnsafeBufferPointer(start: reader.text + line.start, count: line.end - line.start))
    }
  }

  /// The fast way, for a sound chunk.
  private func scanChunk(
    from: Int, _ scanner: RowScanner, _ layout: FileLayout, _ consumer: any RecordConsumer
  ) throws {
    scanner.scan(reader.text, from, reader.end)
    for faulty in scanner.faults {
      reject(line + 1 + faulty.row, reader.base + faulty.start, faulty.fault, layout.table)
    }
    let firstLine = line
    line += scanner.rows
    report.rowsRead += scanner.rows
    if scanner.soundRows == 0 { return }
    if reader.holdsBlank { scanner.trimWideBlanks(reader.text) }
    blockLines.removeAll(keepingCapacity: true)
    blockOffsets.removeAll(keepingCapacity: true)
    scanner.appendRows(firstLine: firstLine, base: reader.base, &blockLines, &blockOffsets)
    let block = RecordBlock(
      bytes: UnsafeRawBufferPointer(start: reader.text, count: reader.end), fieldStarts: scanner.starts,
      fieldLengths: scanner.lengths, fieldCount: layout.header.count, lines: blockLines, byteOffsets: blockOffsets)
    try consumer.consume(block)
  }

  /// The slow way, and what the fast one is measured by: line by line, each looked at byte after byte.
  private func splitChunk(
    from firstLine: Int, _ splitter: RowSplitter, _ layout: FileLayout, _ consumer: any RecordConsumer
  ) throws {
    let fieldCount = layout.header.count
    let lineCount = reader.lines.count - firstLine
    if starts.count < lineCount * fieldCount {
      starts = [Int32](repeating: 0, count: lineCount * fieldCount)
      lengths = starts
    }
    blockLines.removeAll(keepingCapacity: true)
    blockOffsets.removeAll(keepingCapacity: true)
    var faults: [(line: Int, offset: Int, fault: RowFault)] = []
    starts.withUnsafeMutableBufferPointer { startBuffer in
      lengths.withUnsafeMutableBufferPointer { lengthBuffer in
        guard var s = startBuffer.baseAddress, var l = lengthBuffer.baseAddress else { return }
        for i in firstLine..<reader.lines.count {
          let this = reader.lines[i]
          line += 1
          let fault =
            this.fault ?? splitter.split(reader.text, this.start, this.end, fieldCount: fieldCount, s, l)
          if let fault {
            faults.append((line, this.offset, fault))
          } else {
            blockLines.append(Int32(truncatingIfNeeded: line))
            blockOffsets.append(Int64(this.offset))
            s += fieldCount
            l += fieldCount
          }
        }
      }
    }
    report.rowsRead += lineCount
    for (line, offset, fault) in faults { reject(line, offset, fault, layout.table) }
    guard !blockLines.isEmpty else { return }
    let textEnd = reader.lines.last.map(\.end) ?? 0
    Blank.trim(
      reader.text, &starts, &lengths, count: blockLines.count * fieldCount, tab: splitter.format.delimiter != 0x09)
    let block = RecordBlock(
      bytes: UnsafeRawBufferPointer(start: reader.text, count: textEnd), fieldStarts: starts, fieldLengths: lengths,
      fieldCount: fieldCount, lines: blockLines, byteOffsets: blockOffsets)
    try consumer.consume(block)
  }

  private func reject(_ line: Int, _ offset: Int, _ fault: RowFault, _ table: ClaimTable) {
    if fault == .notUTF8 || fault == .notGB18030 || fault == .notUTF16 { failing += 1 }
    lastRejected = line
    report.rejectCounts[fault.rawValue, default: 0] += 1
    report.rejects.append(
      Reject(
        file: rejectName, table: table.name, line: line, byteOffset: offset, column: nil, code: fault.rawValue,
        reason: fault.reason, action: .rejected))
  }
}
