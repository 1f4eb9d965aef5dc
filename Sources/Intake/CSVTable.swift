import CIconv
import ClaimModel
import Diagnostics
import Glibc

/// A small CSV file read whole: registries, `delivery.csv`, `truth.csv`. Not for claim files.
///
/// Comma, `"` where needed (doubled inside, line feeds allowed inside), header line; plain or gzip; UTF-8 with or
/// without byte order mark, else GB18030 or UTF-16 by its mark. Values are trimmed of blanks.
public struct CSVTable: Sendable {
  /// As written, trimmed.
  public var header: [String]
  /// Rows with as many fields as the header. A row of other length is in `problems` only.
  public var rows: [[String]]
  /// 1-based line on which each row begins.
  public var lines: [Int]
  /// SHA-256 of the stored bytes.
  public var digest: String
  public var charset: Charset
  /// Rows left out, with line and cause, without values.
  public var problems: [Diagnostic]

  /// Reads a file. Throws a `Diagnostic` where `readClaimFile` would refuse, and for an unreadable charset.
  public init(path: String, limits: IntakeLimits = IntakeLimits()) throws {
    let stored = try HashedFile(path: path, name: path)
    if stored.size == 0 { throw Refusal.empty(path, nil) }
    var magic = [UInt8](repeating: 0, count: 2)
    _ = try magic.withUnsafeMutableBytes { try stored.read(at: 0, into: $0) }
    let guardian = BombGuard(limits: limits, file: path, member: nil)
    let isGzip = path.lowercased().hasSuffix(".gz") || magic == [0x1F, 0x8B]
    let plain = PlainSource(stored, guardian: isGzip ? nil : guardian)
    let source: any ByteSource =
      isGzip
      ? GzipSource(file: path, member: nil, limits: limits, guardian: guardian) { try plain.read(into: $0) } : plain
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let n = try chunk.withUnsafeMutableBytes { try source.read(into: $0) }
      if n == 0 { break }
      bytes.append(contentsOf: chunk[..<n])
    }
    try self.init(bytes: bytes, name: path)
    digest = try stored.finish()
  }

  /// Reads a text that is in memory already; `name` is for diagnostics, `digest` is that of the bytes.
  public init(bytes: [UInt8], name: String) throws {
    digest = bytes.withUnsafeBytes { SHA256Hasher.hex(of: $0) }
    let (text, charset) = try Self.decoded(bytes, name)
    self.charset = charset
    header = []
    rows = []
    lines = []
    problems = []
    parse(text, name)
    guard !header.isEmpty else { throw Refusal.empty(name, nil) }
  }

  /// Position of a column in each row, by its name, whatever the case; nil if there is none.
  public func index(of column: String) -> Int? {
    let wanted = column.lowercased()
    return header.firstIndex { $0.lowercased() == wanted }
  }

  private static func decoded(_ bytes: [UInt8], _ name: String) throws -> ([UInt8], Charset) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      let charset: Charset = bytes[0] == 0xFF ? .utf16LittleEndian : .utf16BigEndian
      if let text = transcode(Array(bytes.dropFirst(2)), charset) { return (text, charset) }
      throw Refusal.charset(name, nil, "the file is not valid \(charset.rawValue)")
    }
    var body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    let count = body.count
    let bad = body.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { ByteScan.firstInvalidUTF8($0, 0, count) } ?? 0
    }
    if bad == count { return (body, .utf8) }
    if let text = transcode(body, .gb18030) { return (text, .gb18030) }
    throw Refusal.charset(name, nil, "the file is neither valid UTF-8 (byte \(bad)) nor valid GB18030")
  }

  /// All bytes as UTF-8; nil if one is not of the charset.
  static func transcode(_ bytes: [UInt8], _ charset: Charset) -> [UInt8]? {
    let converter = iconv_open("UTF-8", charset.rawValue)
    if converter == iconv_t(bitPattern: -1) { return nil }
    defer { iconv_close(converter) }
    var input = bytes
    let capacity = bytes.count * 2 + 16
    return input.withUnsafeMutableBytes { source -> [UInt8]? in
      var failed = false
      let out = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
        var from = source.baseAddress?.assumingMemoryBound(to: CChar.self)
        var left = source.count
        var to: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(target.baseAddress)?
          .assumingMemoryBound(to: CChar.self)
        var room = capacity
        failed = iconv(converter, &from, &left, &to, &room) == -1
        count = capacity - room
      }
      return failed ? nil : out
    }
  }

  private mutating func parse(_ bytes: [UInt8], _ name: String) {
    var i = 0
    var line = 1
    while i < bytes.count {
      let firstLine = line
      var fields: [String] = []
      var fault: String?
      var ended = false
      while !ended {
        var field: [UInt8] = []
        while i < bytes.count, bytes[i] == 0x20 || bytes[i] == 0x09 { i += 1 }
        if i < bytes.count, bytes[i] == 0x22 {
          i += 1
          var closed = false
          while i < bytes.count {
            let byte = bytes[i]
            i += 1
            if byte == 0x22 {
              if i < bytes.count, bytes[i] == 0x22 {
                field.append(0x22)
                i += 1
                continue
              }
              closed = true
              break
            }
            if byte == 0x0A { line += 1 }
            field.append(byte)
          }
          if !closed { fault = "an enclosure is not closed" }
        }
        let plainFrom = i
        while i < bytes.count, bytes[i] != 0x2C, bytes[i] != 0x0A { i += 1 }
        var rest = bytes[plainFrom..<i]
        if i >= bytes.count || bytes[i] == 0x0A {
          ended = true
          if rest.last == 0x0D { rest = rest.dropLast() }
        }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
        field.append(contentsOf: rest)
        while let last = field.last, last == 0x20 || last == 0x09 { field.removeLast() }
        let start = field.firstIndex { $0 != 0x20 && $0 != 0x09 } ?? field.count
        fields.append(String(decoding: field[start...], as: UTF8.self))
        if i < bytes.count { i += 1 }
      }
      line += 1
      if fields == [""] { continue }
      if header.isEmpty {
        header = fields
      } else if let fault {
        problems.append(problem(name, firstLine, fault))
      } else if fields.count != header.count {
        problems.append(
          problem(name, firstLine, "the row has \(fields.count) fields, the header \(header.count)"))
      } else {
        rows.append(fields)
        lines.append(firstLine)
      }
    }
  }

  private func problem(_ name: String, _ line: Int, _ message: String) -> Diagnostic {
    Diagnostic(
      .error, "csv.bad-row", message, at: Place(file: name, line: line), remedy: "mend the row; it was left out")
  }
}
