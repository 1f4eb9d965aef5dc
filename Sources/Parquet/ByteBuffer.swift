/// Growing raw memory that is used again and again without being cleared.
///
/// After `count` bytes there are always `slack` more that may be read and written, so that loops can go by whole words.
final class ByteBuffer {
  static let slack = 64

  // No method calls out while it changes a property, so the run time need not watch for overlapping access.
  @exclusivity(unchecked) private(set) var base: UnsafeMutableRawPointer
  @exclusivity(unchecked) private(set) var capacity: Int
  @exclusivity(unchecked) private(set) var count = 0

  init(capacity: Int = 4096) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity + Self.slack, alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: capacity + Self.slack)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  func clear() { count = 0 }

  /// Makes room for so many bytes after those that are there.
  func reserve(_ more: Int) {
    let needed = count + more
    if needed <= capacity { return }
    let size = max(needed, capacity * 2)
    let grown = UnsafeMutableRawPointer.allocate(byteCount: size + Self.slack, alignment: 64)
    grown.copyMemory(from: base, byteCount: count)
    // What lies behind is read by whole words but never used; it must still be defined.
    (grown + count).initializeMemory(as: UInt8.self, repeating: 0, count: size + Self.slack - count)
    base.deallocate()
    base = grown
    capacity = size
  }

  /// Takes over so many bytes that were written at the end, after `reserve`.
  func advance(_ n: Int) { count += n }

  func append(_ more: UnsafeRawBufferPointer) {
    reserve(more.count)
    if let start = more.baseAddress { (base + count).copyMemory(from: start, byteCount: more.count) }
    count += more.count
  }

  /// Adds a text as PLAIN has it: its length, then its bytes.
  func append(text: UnsafeRawBufferPointer) {
    reserve(4 + text.count)
    let target = base + count
    target.storeBytes(of: UInt32(text.count).littleEndian, as: UInt32.self)
    if let start = text.baseAddress { (target + 4).copyMemory(from: start, byteCount: text.count) }
    count += 4 + text.count
  }

  func append(byte: UInt8) {
    reserve(1)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  func append(littleEndian value: UInt32) {
    reserve(4)
    (base + count).storeBytes(of: value.littleEndian, as: UInt32.self)
    count += 4
  }

  func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(byte: UInt8(rest))
  }

  /// Puts a little-endian number over four bytes that are there.
  func overwrite(at offset: Int, littleEndian value: UInt32) {
    (base + offset).storeBytes(of: value.littleEndian, as: UInt32.self)
  }
}

/// Growing memory for numbers, as `ByteBuffer`.
final class NumberBuffer<Number: FixedWidthInteger> {
  @exclusivity(unchecked) private(set) var base: UnsafeMutablePointer<Number>
  @exclusivity(unchecked) private(set) var capacity: Int

  init(capacity: Int = 1024) {
    self.capacity = capacity
    base = .allocate(capacity: capacity + 64)
    base.initialize(repeating: 0, count: capacity + 64)
  }

  deinit { base.deallocate() }

  /// Makes room for so many numbers and 64 more; what was there is lost.
  func prepare(_ count: Int) {
    if count <= capacity { return }
    base.deallocate()
    capacity = max(count, capacity * 2)
    base = .allocate(capacity: capacity + 64)
    base.initialize(repeating: 0, count: capacity + 64)
  }
}
