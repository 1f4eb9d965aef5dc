/// Lines of CSV as this project writes them (Documentation/outputs.md): UTF-8 without BOM, comma, LF, `"` only where
/// needed; null is the empty text.
public struct CSVLines: Sendable {
  public private(set) var bytes: [UInt8] = []
  private let quotesOuterBlanks: Bool
  private var isFirst = true

  /// - Parameters:
  ///   - header: the first line.
  ///   - quotesOuterBlanks: a field that begins or ends with a blank is quoted too, for readers that trim what is not.
  public init(_ header: [String], quotesOuterBlanks: Bool = false) {
    self.quotesOuterBlanks = quotesOuterBlanks
    add(header)
  }

  /// All lines so far.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Adds a line.
  public mutating func add(_ fields: [String]) {
    for text in fields { field(text) }
    end()
  }

  /// Adds a field to the line that `end` ends.
  public mutating func field(_ text: String) {
    var text = text
    text.withUTF8 { field(UnsafeRawBufferPointer($0)) }
  }

  /// Adds a field of UTF-8 bytes.
  public mutating func field(_ text: UnsafeRawBufferPointer) {
    if !isFirst { bytes.append(0x2C) }
    isFirst = false
    if !needsQuotes(text) {
      bytes.append(contentsOf: text)
      return
    }
    bytes.append(0x22)
    for byte in text {
      if byte == 0x22 { bytes.append(0x22) }
      bytes.append(byte)
    }
    bytes.append(0x22)
  }

  /// Ends the line.
  public mutating func end() {
    bytes.append(0x0A)
    isFirst = true
  }

  /// The lines so far were written elsewhere.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  private func needsQuotes(_ text: UnsafeRawBufferPointer) -> Bool {
    // Ids of a finding's lines may be a hundred thousand bytes: all are looked at, side by side.
    var found: UInt8 = 0
    for byte in text {
      found |= (byte == 0x2C ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x0A ? 1 : 0) | (byte == 0x0D ? 1 : 0)
    }
    return found != 0 || quotesOuterBlanks && (text.first == 0x20 || text.last == 0x20)
  }
}
