/// Types of Thrift's compact protocol that a Parquet footer uses.
enum ThriftType {
  static let yes: UInt8 = 1
  static let no: UInt8 = 2
  static let byte: UInt8 = 3
  static let int16: UInt8 = 4
  static let int32: UInt8 = 5
  static let int64: UInt8 = 6
  static let double: UInt8 = 7
  static let binary: UInt8 = 8
  static let list: UInt8 = 9
  static let set: UInt8 = 10
  static let map: UInt8 = 11
  static let structure: UInt8 = 12
}

/// Writes structures in Thrift's compact protocol.
struct ThriftWriter {
  private(set) var bytes: [UInt8] = []
  /// The last field of each structure that is open; the outermost is there from the start.
  private var last: [Int] = [0]

  mutating func int32(_ id: Int, _ value: Int) {
    field(id, ThriftType.int32)
    zigzag(value)
  }

  mutating func int64(_ id: Int, _ value: Int) {
    field(id, ThriftType.int64)
    zigzag(value)
  }

  mutating func bool(_ id: Int, _ value: Bool) { field(id, value ? ThriftType.yes : ThriftType.no) }

  mutating func binary(_ id: Int, _ value: [UInt8]) {
    field(id, ThriftType.binary)
    element(value)
  }

  mutating func text(_ id: Int, _ value: String) { binary(id, Array(value.utf8)) }

  mutating func structure(_ id: Int, _ body: (inout ThriftWriter) -> Void) {
    field(id, ThriftType.structure)
    element(body)
  }

  mutating func list(_ id: Int, of type: UInt8, count: Int) {
    field(id, ThriftType.list)
    if count < 15 {
      bytes.append(UInt8(count) << 4 | type)
    } else {
      bytes.append(0xF0 | type)
      varint(UInt64(count))
    }
  }

  /// An element of a list of structures.
  mutating func element(_ body: (inout ThriftWriter) -> Void) {
    last.append(0)
    body(&self)
    end()
    last.removeLast()
  }

  /// An element of a list of numbers.
  mutating func element(_ value: Int) { zigzag(value) }

  /// An element of a list of texts.
  mutating func element(_ value: [UInt8]) {
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// Ends the outermost structure.
  mutating func end() { bytes.append(0) }

  mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    last = [0]
  }

  private mutating func field(_ id: Int, _ type: UInt8) {
    let delta = id - last[last.count - 1]
    if delta > 0, delta <= 15 {
      bytes.append(UInt8(delta) << 4 | type)
    } else {
      bytes.append(type)
      zigzag(id)
    }
    last[last.count - 1] = id
  }

  private mutating func zigzag(_ value: Int) { varint(UInt64(bitPattern: Int64(value << 1 ^ value >> 63))) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Reads structures in Thrift's compact protocol from bytes that nobody vouches for.
struct ThriftReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0
  private var depth = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Calls the body for each field of a structure with its number and type; the body reads the value or skips it.
  mutating func structure(_ body: (inout ThriftReader, Int, UInt8) throws -> Void) throws {
    depth += 1
    // Nothing that is read lies deeper; unknown fields could.
    if depth > 16 { throw Defect.damaged("its structures lie too deep") }
    defer { depth -= 1 }
    var id = 0
    while true {
      let head = try byte()
      if head == 0 { return }
      let delta = Int(head >> 4)
      id = delta == 0 ? try zigzag16() : id + delta
      if id < 1 || id > 0x7FFF { throw Defect.damaged("a field has no number") }
      try body(&self, id, head & 15)
    }
  }

  /// Calls the body for each element of a list whose elements have the type.
  mutating func list(_ type: UInt8, of elements: UInt8, _ body: (inout ThriftReader) throws -> Void) throws {
    try expect(type, ThriftType.list)
    let (count, found) = try listHead()
    if count > 0 { try expect(found, elements) }
    for _ in 0..<count { try body(&self) }
  }

  mutating func int(_ type: UInt8) throws -> Int {
    guard type == ThriftType.int32 || type == ThriftType.int64 || type == ThriftType.int16 else {
      throw Defect.damaged("a field of its footer or of a page has the wrong type")
    }
    return try element()
  }

  /// A number that counts or places something.
  mutating func size(_ type: UInt8) throws -> Int {
    let value = try int(type)
    if value < 0 { throw Defect.damaged("a size is negative") }
    return value
  }

  mutating func binary(_ type: UInt8) throws -> UnsafeRawBufferPointer {
    try expect(type, ThriftType.binary)
    return try binaryElement()
  }

  mutating func text(_ type: UInt8) throws -> String { String(decoding: try binary(type), as: UTF8.self) }

  func bool(_ type: UInt8) throws -> Bool {
    if type == ThriftType.yes { return true }
    try expect(type, ThriftType.no)
    return false
  }

  /// An element of a list of numbers.
  mutating func element() throws -> Int {
    let v = try varint()
    return Int(truncatingIfNeeded: v >> 1) ^ -Int(truncatingIfNeeded: v & 1)
  }

  /// An element of a list of texts.
  mutating func binaryElement() throws -> UnsafeRawBufferPointer {
    let count = try varint()
    if count > UInt64(bytes.count - position) { throw Defect.cut }
    let result = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
    position += Int(count)
    return result
  }

  /// Passes over a value of any type.
  mutating func skip(_ type: UInt8) throws {
    switch type {
    case ThriftType.yes, ThriftType.no: return
    case ThriftType.byte: _ = try byte()
    case ThriftType.int16, ThriftType.int32, ThriftType.int64: _ = try varint()
    case ThriftType.double: for _ in 0..<8 { _ = try byte() }
    case ThriftType.binary: _ = try binaryElement()
    case ThriftType.structure: try structure { reader, _, type in try reader.skip(type) }
    case ThriftType.list, ThriftType.set:
      depth += 1
      if depth > 16 { throw Defect.damaged("its structures lie too deep") }
      defer { depth -= 1 }
      let (count, found) = try listHead()
      for _ in 0..<count {
        // In a list a truth value takes a byte.
        if found == ThriftType.yes || found == ThriftType.no { _ = try byte() } else { try skip(found) }
      }
    default: throw Defect.damaged("a field of its footer or of a page has an unknown type")
    }
  }

  private func expect(_ found: UInt8, _ wanted: UInt8) throws {
    if found != wanted { throw Defect.damaged("a field of its footer or of a page has the wrong type") }
  }

  private mutating func listHead() throws -> (Int, UInt8) {
    let head = try byte()
    let count = head >> 4 == 15 ? try varint() : UInt64(head >> 4)
    // Each element takes a byte at least.
    if count > UInt64(bytes.count - position) { throw Defect.cut }
    return (Int(count), head & 15)
  }

  private mutating func zigzag16() throws -> Int {
    let value = try element()
    if value < 1 || value > 0x7FFF { throw Defect.damaged("a field has no number") }
    return value
  }

  private mutating func byte() throws -> UInt8 {
    if position >= bytes.count { throw Defect.cut }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte()
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return value }
      shift += 7
      if shift > 63 { throw Defect.damaged("a number is too long") }
    }
  }
}
