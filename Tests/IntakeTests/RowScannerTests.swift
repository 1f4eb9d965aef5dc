import ClaimModel
import Diagnostics
import Testing

@testable import Intake

/// Lines of a text the slow way: at each line feed, one carriage return before it taken off.
private func slowLines(_ text: [UInt8]) -> [(start: Int, bytes: [UInt8])] {
  var lines: [(Int, [UInt8])] = []
  var start = 0
  while start < text.count {
    var end = start
    while end < text.count, text[end] != 0x0A { end += 1 }
    var bytes = Array(text[start..<end])
    if bytes.last == 0x0D { bytes.removeLast() }
    lines.append((start, bytes))
    start = end + 1
  }
  return lines
}

private struct Scanned: Equatable {
  var rows: [[[UInt8]]] = []
  var numbers: [Int32] = []
  var offsets: [Int64] = []
  var faults: [FaultyRow] = []
}

private func slowScan(_ text: [UInt8], _ format: RowFormat, _ fieldCount: Int) -> Scanned {
  var result = Scanned()
  for (row, line) in slowLines(text).enumerated() {
    let (fields, fault) = slowSplit(line.bytes, format, fieldCount: fieldCount)
    if let fault {
      result.faults.append(FaultyRow(row: row, start: line.start, fault: fault))
    } else {
      result.rows.append(fields)
      result.numbers.append(Int32(row + 1))
      result.offsets.append(Int64(line.start))
    }
  }
  return result
}

/// `shift` bytes stand before the text, and junk of every sort behind it.
private func fastScan(_ text: [UInt8], _ scanner: RowScanner, _ fieldCount: Int, shift: Int) -> Scanned {
  var bytes = [UInt8](repeating: 0x20, count: 64 + shift) + text + Array("' \",\n'\n\n".utf8)
  bytes += [UInt8](repeating: 0x27, count: 64)
  var result = Scanned()
  bytes.withUnsafeMutableBufferPointer { buffer in
    guard let p = buffer.baseAddress.map({ $0 + 64 }) else { return }
    scanner.scan(p, shift, shift + text.count)
    scanner.appendRows(firstLine: 0, base: -shift, &result.numbers, &result.offsets)
    for row in 0..<scanner.soundRows {
      result.rows.append(
        (0..<fieldCount).map { field in
          let at = row * fieldCount + field
          return Array(UnsafeBufferPointer(start: p + Int(scanner.starts[at]), count: Int(scanner.lengths[at])))
        })
    }
    result.faults = scanner.faults.map { FaultyRow(row: $0.row, start: $0.start - shift, fault: $0.fault) }
    #expect(scanner.rows == slowLines(text).count)
  }
  return result
}

/// The scanner of chunks against lines and fields taken one byte after the other.
struct RowScannerTests {
  /// Lines of random bytes, mostly of those that mean something.
  @Test(arguments: SplitterOracle.formats, [true, false])
  func agreesOnHostileText(format: RowFormat, mayBeWide: Bool) {
    var random = SeededBytes(seed: 20_250_304)
    let alphabet: [UInt8] = [
      format.delimiter, format.delimiter, format.delimiter, format.enclosure, format.enclosure, 0x20, 0x09, 0x0A, 0x0D,
      0x61, 0x7A, 0x30,
    ]
    .map { $0 == 0 ? 0x62 : $0 }
    for fieldCount in 1...4 {
      let scanner = RowScanner(format, fieldCount: fieldCount, mayBeWide: mayBeWide)
      for round in 0..<700 {
        let text = (0..<Int(random.next() % 300)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
        let fast = fastScan(text, scanner, fieldCount, shift: round % 67)
        #expect(fast == slowScan(text, format, fieldCount), "\(text)")
      }
    }
  }

  /// Mostly sound rows: unenclosed, all enclosed, some enclosed, padded with blanks, with now and then a wrong byte.
  @Test(arguments: SplitterOracle.formats, [true, false])
  func agreesOnMostlySoundText(format: RowFormat, mayBeWide: Bool) {
    var random = SeededBytes(seed: 20_250_305)
    let letters: [UInt8] = [0x61, 0xE4, 0xB8, 0xAD, 0x30, 0x2E, 0x20]
    let scanner = RowScanner(format, fieldCount: 5, mayBeWide: mayBeWide)
    for round in 0..<1200 {
      var text: [UInt8] = []
      let style = random.next() % 4
      for _ in 0..<Int(random.next() % 9) {
        for field in 0..<5 {
          if field > 0 { text.append(format.delimiter) }
          let blanks = [UInt8](repeating: 0x20, count: style == 3 ? Int(random.next() % 3) : 0)
          var body = (0..<Int(random.next() % 9)).map { _ in letters[Int(random.next() % (style == 3 ? 7 : 6))] }
          let isEnclosed = format.enclosure != 0 && (style == 1 || (style >= 2 && random.next() % 2 == 0))
          if isEnclosed {
            if random.next() % 40 == 0 { body += [format.enclosure, format.enclosure, 0x61] }
            if random.next() % 20 == 0 { body.append(format.delimiter) }
            body = [format.enclosure] + body + [format.enclosure]
          }
          text += blanks + body + blanks
        }
        text += random.next() % 3 == 0 ? [0x0D, 0x0A] : [0x0A]
      }
      if random.next() % 3 == 0, !text.isEmpty { text.removeLast() }
      if random.next() % 3 == 0, !text.isEmpty {
        let wrong = [format.enclosure, format.delimiter, 0x0A, 0x0D, 0x20][Int(random.next() % 5)]
        text[Int(random.next() % UInt64(text.count))] = wrong == 0 ? 0x61 : wrong
      }
      let fast = fastScan(text, scanner, 5, shift: round % 67)
      #expect(fast == slowScan(text, format, 5), "\(text)")
    }
  }

  @Test func aFieldAboveOneMebibyteIsTooLong() {
    let format = RowFormat(delimiter: 0x2C, enclosure: 0x22)
    let scanner = RowScanner(format, fieldCount: 2)
    for (length, fault) in [(1 << 20, nil), ((1 << 20) + 1, RowFault.fieldTooLong)] {
      let text = Array("a,".utf8) + [UInt8](repeating: 0x78, count: length) + Array("\nb,c\n".utf8)
      let result = fastScan(text, scanner, 2, shift: 0)
      #expect(result.faults.map(\.fault) == (fault.map { [$0] } ?? []))
      #expect(result.numbers == (fault == nil ? [1, 2] : [2]))
    }
  }
}
