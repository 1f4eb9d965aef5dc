/// The inner loops of intake one by one, for benchmarks that count instructions.
package enum IntakeKernels {
  /// Finds rows and fields. One object is used for many chunks.
  package final class Rows {
    private let scanner: RowScanner

    package init(delimiter: UInt8, enclosure: UInt8, fieldCount: Int) {
      scanner = RowScanner(RowFormat(delimiter: delimiter, enclosure: enclosure), fieldCount: fieldCount)
    }

    /// Sound rows of bytes[..<count]; 64 bytes before and behind are readable. Damaged lines may be changed.
    package func scan(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
      scanner.scan(bytes, 0, count)
      return scanner.soundRows
    }
  }

  /// Length of the well-formed UTF-8 at the start of the bytes.
  package static func soundUTF8(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
    ByteScan.firstInvalidUTF8(bytes, 0, count)
  }

  /// Bytes that a gzip file inflates to; -1 if it is damaged, or the inflater is unsure.
  package static func inflate(_ gzip: [UInt8], _ choice: InflaterChoice) -> Int {
    let limits = IntakeLimits(maxRatio: 1 << 20)
    var at = 0
    let source = GzipSource(
      file: "", member: nil, limits: limits, guardian: BombGuard(limits: limits, file: "", member: nil),
      inflater: choice
    ) { buffer in
      let n = min(buffer.count, gzip.count - at)
      buffer.copyBytes(from: gzip[at..<at + n])
      at += n
      return n
    }
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: LineReader.laterChunkBytes, alignment: 64)
    defer { chunk.deallocate() }
    var total = 0
    while true {
      guard let n = try? source.read(into: chunk) else { return -1 }
      if n == 0 { return total }
      total += n
    }
  }
}
