import CZlib
import Diagnostics
import Foundation

/// Bytes of a file on their way: kept, or deflated to disk as they come.
final class ByteSink {
  private var memory: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private(set) var count = 0
  private(set) var total = 0
  private let stream: GzipFile?
  private(set) var failure: (any Error)?

  init(stream: GzipFile? = nil) {
    self.stream = stream
    capacity = 1 << 20
    memory = .allocate(capacity: capacity)
  }

  deinit { memory.deallocate() }

  var cursor: UnsafeMutablePointer<UInt8> { memory + count }

  func moveCursor(to p: UnsafeMutablePointer<UInt8>) { count = p - memory }

  /// Room for n more bytes.
  func reserve(_ n: Int) {
    if count + n <= capacity { return }
    if stream != nil, count > 0 {
      flush()
      if n <= capacity { return }
    }
    capacity = max(capacity * 2, count + n)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: memory, count: count)
    memory.deallocate()
    memory = larger
  }

  func append(_ byte: UInt8) {
    reserve(1)
    memory[count] = byte
    count += 1
  }

  func append(_ bytes: [UInt8]) {
    reserve(bytes.count)
    bytes.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { (memory + count).update(from: base, count: source.count) }
    }
    count += bytes.count
  }

  /// What was kept.
  var bytes: [UInt8] { Array(UnsafeBufferPointer(start: memory, count: count)) }

  private func flush() {
    total += count
    do {
      try stream?.write(UnsafeRawBufferPointer(start: memory, count: count))
    } catch {
      failure = failure ?? error
    }
    count = 0
  }

  /// Ends the stream; throws what went wrong on the way.
  func finish() throws {
    if stream != nil { flush() }
    if let failure { throw failure }
    try stream?.close()
  }
}

/// A gzip file that is written in pieces; its header carries neither time nor name.
final class GzipFile {
  private var z = z_stream()
  private let file: UnsafeMutablePointer<FILE>
  private let path: String
  private var out = [UInt8](repeating: 0, count: 1 << 18)
  private(set) var written = 0

  init(path: String, level: Int32) throws {
    guard let file = fopen(path, "wb") else { throw cannotWrite(path) }
    self.file = file
    self.path = path
    guard czlib_deflate_init_gzip(&z, level) == Z_OK else { throw cannotWrite(path) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws { try deflate(bytes, Z_NO_FLUSH) }

  func close() throws {
    try deflate(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH)
    deflateEnd(&z)
    guard fclose(file) == 0 else { throw cannotWrite(path) }
  }

  private func deflate(_ bytes: UnsafeRawBufferPointer, _ flush: Int32) throws {
    z.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
    z.avail_in = UInt32(bytes.count)
    repeat {
      let produced = out.withUnsafeMutableBufferPointer { buffer -> Int in
        z.next_out = buffer.baseAddress
        z.avail_out = UInt32(buffer.count)
        CZlib.deflate(&z, flush)
        return buffer.count - Int(z.avail_out)
      }
      if produced > 0 {
        guard fwrite(out, 1, produced, file) == produced else { throw cannotWrite(path) }
        written += produced
      }
    } while z.avail_out == 0
  }
}

/// The bytes as one gzip member.
func gzipped(_ bytes: [UInt8], level: Int32) -> [UInt8] {
  var z = z_stream()
  guard czlib_deflate_init_gzip(&z, level) == Z_OK else { return [] }
  var out = [UInt8](repeating: 0, count: Int(deflateBound(&z, UInt(bytes.count))) + 64)
  let size = out.count
  let used = out.withUnsafeMutableBufferPointer { buffer -> Int in
    bytes.withUnsafeBufferPointer { source -> Int in
      z.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
      z.avail_in = UInt32(source.count)
      z.next_out = buffer.baseAddress
      z.avail_out = UInt32(size)
      CZlib.deflate(&z, Z_FINISH)
      return size - Int(z.avail_out)
    }
  }
  deflateEnd(&z)
  return Array(out.prefix(used))
}

/// Writes a whole file.
func writeFile(_ bytes: [UInt8], to path: String) throws {
  guard let file = fopen(path, "wb") else { throw cannotWrite(path) }
  let n = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
  let closed = fclose(file)
  guard n == bytes.count, closed == 0 else { throw cannotWrite(path) }
}

func cannotWrite(_ path: String) -> Diagnostic {
  Diagnostic(
    .error, "synth.cannot-write", "the file can't be written: \(String(cString: strerror(errno)))",
    at: Place(file: path), remedy: "give a folder with room in which you may write")
}
