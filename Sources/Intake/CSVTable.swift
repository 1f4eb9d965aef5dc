import CIconv
import ClaimModel
import Diagnostics

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
    let rows = try CSVRows(path: path, limits: limits)
    try self.init(rows, name: path)
    digest = try rows.finish()
  }

  /// Reads a text that is in memory already; `name` is for diagnostics, `digest` is that of the bytes.
  public init(bytes: [UInt8], name: String) throws {
    try self.init(CSVRows(bytes: bytes, name: name), name: name)
    digest = bytes.withUnsafeBytes { SHA256Hasher.hex(of: $0) }
  }

  private init(_ table: CSVRows, name: String) throws {
    digest = ""
    rows = []
    lines = []
    problems = []
    var isRead = false
    while !isRead {
      switch try table.next() {
      case .row:
        rows.append((0..<table.header.count).map { CSVRows.text(table.fields[$0]) })
        lines.append(table.line)
      case .fault(let message):
        problems.append(
          Diagnostic(
            .error, "csv.bad-row", message, at: Place(file: name, line: table.line),
            remedy: "mend the row; it was left out"))
      case .restart:
        rows = []
        lines = []
        problems = []
      case .end:
        isRead = true
      }
    }
    header = table.header
    charset = table.charset
  }

  /// Position of a column in each row, by its name, whatever the case; nil if there is none.
  public func index(of column: String) -> Int? {
    let wanted = column.lowercased()
    return header.firstIndex { $0.lowercased() == wanted }
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
}
