import ClaimModel
import Diagnostics
import Testing

@testable import Intake

/// SplitMix64.
struct SeededBytes: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Splits a line the slow and obvious way, one byte after the other.
func slowSplit(_ line: [UInt8], _ format: RowFormat, fieldCount: Int) -> (fields: [[UInt8]], fault: RowFault?) {
  func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte == 0x09 && format.delimiter != 0x09) }
  func trimmed(_ field: [UInt8]) -> [UInt8] {
    Array(field.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
  var fields: [[UInt8]] = []
  var rest = line[...]
  while true {
    if fields.count == fieldCount { return (fields, .longRow) }
    var field: [UInt8] = []
    rest = rest.drop(while: isBlank)
    if format.enclosure != 0, rest.first == format.enclosure {
      rest = rest.dropFirst()
      var closed = false
      while let byte = rest.popFirst() {
        if byte == format.enclosure {
          if rest.first == format.enclosure {
            field.append(byte)
            rest = rest.dropFirst()
            continue
          }
          closed = true
          break
        }
        field.append(byte)
      }
      if !closed { return (fields, .unclosedEnclosure) }
      rest = rest.drop(while: isBlank)
      if let next = rest.first, next != format.delimiter { return (fields, .strayEnclosure) }
    } else {
      while let byte = rest.first, byte != format.delimiter {
        if byte == format.enclosure, format.enclosure != 0, !format.enclosureAssumed {
          return (fields, .strayEnclosure)
        }
        field.append(byte)
        rest = rest.dropFirst()
      }
    }
    fields.append(trimmed(field))
    if rest.popFirst() == nil { break }
  }
  return (fields, fields.count == fieldCount ? nil : .shortRow)
}

func fastSplit(_ line: [UInt8], _ format: RowFormat, fieldCount: Int, shift: Int) -> ([[UInt8]], RowFault?) {
  var bytes = [UInt8](repeating: 0x2C, count: shift) + line + [UInt8](repeating: 0x27, count: 8)
  var starts = [Int32](repeating: 0, count: fieldCount)
  var lengths = starts
  return bytes.withUnsafeMutableBufferPointer { b in
    starts.withUnsafeMutableBufferPointer { s in
      lengths.withUnsafeMutableBufferPointer { l in
        guard let p = b.baseAddress, let sp = s.baseAddress, let lp = l.baseAddress else { return ([], .shortRow) }
        let fault = RowSplitter(format).split(p, shift, shift + line.count, fieldCount: fieldCount, sp, lp)
        if fault != nil { return ([], fault) }
        return ((0..<fieldCount).map { i in Array(b[Int(s[i])..<Int(s[i]) + Int(l[i])]) }, nil)
      }
    }
  }
}

/// Gives bytes in pieces of a fixed length.
final class PiecewiseSource: ByteSource {
  private let bytes: [UInt8]
  private let piece: Int
  private var at = 0
  init(_ bytes: [UInt8], piece: Int) {
    self.bytes = bytes
    self.piece = piece
  }
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let n = min(piece, buffer.count, bytes.count - at)
    buffer.copyBytes(from: bytes[at..<at + n])
    at += n
    return n
  }
}

struct SplitterOracle {
  static let formats: [RowFormat] = [
    RowFormat(delimiter: 0x2C, enclosure: 0x27), RowFormat(delimiter: 0x2C, enclosure: 0x22),
    RowFormat(delimiter: 0x2C, enclosure: 0x22, enclosureAssumed: true), RowFormat(delimiter: 0x09, enclosure: 0x27),
    RowFormat(delimiter: 0x7C, enclosure: 0), RowFormat(delimiter: 0x01, enclosure: 0),
  ]

  @Test(arguments: formats)
  func agreesWithSlowSplitter(format: RowFormat) {
    var random = SeededBytes(seed: 20_250_303)
    let alphabet: [UInt8] = [
      format.delimiter, format.delimiter, format.enclosure, format.enclosure, 0x20, 0x09, 0x61, 0x7A, 0xE4, 0x30,
    ]
    for round in 0..<10_000 {
      var line: [UInt8] = []
      if round % 2 == 0 {
        line = (0..<Int(random.next() % 30)).map { _ in alphabet[Int(random.next() % 10)] }
      } else {
        // Mostly sound rows with now and then a wrong byte.
        for f in 0..<4 {
          if f > 0 { line.append(format.delimiter) }
          let body = (0..<Int(random.next() % 12)).map { _ in alphabet[4 + Int(random.next() % 6)] }
          let quoted = format.enclosure != 0 && random.next() % 4 != 0
          line += quoted ? [format.enclosure] + body + [format.enclosure] : body
        }
        if random.next() % 3 == 0 { line[Int(random.next() % UInt64(line.count))] = format.enclosure }
      }
      line.removeAll { $0 == 0 }
      let slow = slowSplit(line, format, fieldCount: 4)
      let fast = fastSplit(line, format, fieldCount: 4, shift: round % 9)
      #expect(fast.1 == slow.fault, "\(line)")
      if slow.fault == nil { #expect(fast.0 == slow.fields, "\(line)") }
    }
  }

  @Test(arguments: [Charset.utf8, .gb18030, .utf16LittleEndian, .utf16BigEndian])
  func linesAreTheSameAtEveryChunkBoundary(charset: Charset) throws {
    let text = "a,中文\r\n\n𠀀€|b\nĊ上\r\nlast亅"
    let good = charset == .utf8 ? Array(text.utf8) : encoded(text, charset.rawValue)
    let offsets: [Int] =
      switch charset {
      case .utf8: [0, 10, 11, 21, 28]
      case .gb18030: [0, 8, 9, 18, 26]
      default: [0, 12, 14, 26, 34]
      }
    for chunk in 1...good.count + 2 {
      for piece in [1, 2, 3, 1000] {
        let reader = try LineReader(PiecewiseSource(good, piece: piece), charset: charset, chunkBytes: chunk)
        var lines: [String] = []
        var starts: [Int] = []
        while try reader.next() {
          for line in reader.lines {
            #expect(line.fault == nil)
            lines.append(
              String(
                decoding: UnsafeBufferPointer(start: reader.text + line.start, count: line.end - line.start),
                as: UTF8.self))
            starts.append(line.offset)
          }
        }
        #expect(lines == ["a,中文", "", "𠀀€|b", "Ċ上", "last亅"])
        #expect(starts == offsets)
        #expect(reader.bytesRead == good.count)
      }
    }
  }

  @Test(arguments: [Charset.utf8, .gb18030, .utf16LittleEndian])
  func longLinesArePassedOver(charset: Charset) throws {
    let text = "head\n" + String(repeating: "长", count: 300) + "\nnext\n" + String(repeating: "x", count: 400)
    let bytes = charset == .utf8 ? Array(text.utf8) : encoded(text, charset.rawValue)
    for chunk in [1, 7, 64, 150] {
      for piece in [1, 3, 50] {
        let reader = try LineReader(
          PiecewiseSource(bytes, piece: piece), charset: charset, chunkBytes: chunk, maxLineBytes: 200)
        var seen: [String] = []
        while try reader.next() {
          for line in reader.lines {
            seen.append(
              line.fault?.rawValue
                ?? String(
                  decoding: UnsafeBufferPointer(start: reader.text + line.start, count: line.end - line.start),
                  as: UTF8.self))
          }
        }
        #expect(seen == ["head", "field-too-long", "next", "field-too-long"], "\(chunk) \(piece)")
      }
    }
  }
}
