import ClaimModel
import RulePacks

/// Rows of the claims as bytes, which outlive the code table they were made with: each text once, numbers as narrow as
/// they fit. A tenth of the memory of columns and interned texts; reading gives the same columns and links back.
struct PackedRows {
  /// The rows, with texts by their place among `texts`: codes of no table.
  let claims: EffectiveClaims
  let texts: PackedTexts

  /// The bytes of some rows.
  static func bytes(of claims: EffectiveClaims) -> [UInt8] {
    var writer = PackWriter(claims.codes)
    let tables = claims.tables.sorted { $0.key.rawValue < $1.key.rawValue }
    writer.add(UInt64(tables.count))
    for (entity, table) in tables {
      writer.add(entity.rawValue)
      writer.add(UInt64(table.count))
      // A column that no file brought may have no values at all.
      let columns = table.columns.filter { $0.value.count == table.count }
      writer.add(UInt64(columns.count))
      for (name, column) in columns.sorted(by: { bytesPrecede($0.key, $1.key) }) {
        writer.add(name)
        switch column {
        case .text(let codes): writer.add(texts: codes)
        case .number(let numbers): writer.add(numbers: numbers)
        }
      }
      let parents = table.parent.filter { $0.value.count == table.count }
      writer.add(UInt64(parents.count))
      for (parent, links) in parents.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        writer.add(parent.rawValue)
        writer.add(numbers: links.map { Int64($0) })
      }
    }
    return writer.finished()
  }

  /// nil if the bytes are not those of some rows.
  init?(_ bytes: [UInt8]) {
    var reader = PackReader(bytes)
    guard let texts = reader.texts() else { return nil }
    var tables: [Entity: EntityTable] = [:]
    for _ in 0..<reader.number() {
      guard let entity = Entity(rawValue: reader.name()) else { return nil }
      var table = EntityTable(entity: entity, count: Int(reader.number()))
      for _ in 0..<reader.number() {
        let name = reader.name()
        table.columns[name] = reader.column(table.count)
      }
      for _ in 0..<reader.number() {
        guard let parent = Entity(rawValue: reader.name()), case .number(let links) = reader.column(table.count)
        else { return nil }
        table.parent[parent] = links.map { Int32(truncatingIfNeeded: $0) }
      }
      tables[entity] = table
    }
    self.texts = texts
    // No text is asked of this table: those that go through here take them from `texts`.
    claims = EffectiveClaims(codes: CodeTable(), tables: tables)
  }
}

/// Texts one after the other; 0 is null.
struct PackedTexts {
  fileprivate let bytes: [UInt8]
  /// Where each text begins, and where the last one ends.
  fileprivate let starts: [Int]

  /// How many there are, null included.
  var count: Int { starts.count }

  /// Calls the body with the bytes of a text that is not null.
  func withBytes<R>(_ text: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    bytes.withUnsafeBytes { all in
      body(UnsafeRawBufferPointer(rebasing: all[starts[Int(text) - 1]..<starts[Int(text)]]))
    }
  }
}

private struct PackWriter {
  private let codes: CodeTable
  private var out: [UInt8] = []
  /// By code its place among the texts; 0: none yet.
  private var places: [UInt32]
  private var count: UInt32 = 0
  private var text: [UInt8] = []
  private var lengths: [UInt32] = []

  init(_ codes: CodeTable) {
    self.codes = codes
    places = [UInt32](repeating: 0, count: codes.count)
  }

  mutating func add(_ number: UInt64) { appendBytes(number, 8, &out) }

  mutating func add(_ name: String) {
    add(UInt64(name.utf8.count))
    out += Array(name.utf8)
  }

  mutating func add(texts codes: [UInt32]) {
    // Ids of lines are interned while rows are chosen.
    if places.count < self.codes.count {
      places += [UInt32](repeating: 0, count: self.codes.count - places.count)
    }
    let local: [UInt32] = codes.map { code in
      if code == CodeTable.null { return 0 }
      if places[Int(code)] == 0 {
        count += 1
        places[Int(code)] = count
        self.codes.withBytes(code) { bytes in
          text.append(contentsOf: bytes)
          lengths.append(UInt32(bytes.count))
        }
      }
      return places[Int(code)]
    }
    out.append(0)
    let width = UInt8(count < 1 << 8 ? 1 : count < 1 << 16 ? 2 : 4)
    out.append(width)
    appendBytes(local, Int(width), &out) { UInt64($0) }
  }

  mutating func add(numbers: [Int64]) {
    let spread = NumberSpread(numbers)
    out.append(1)
    out.append(UInt8(spread.width))
    if spread.width < 8 { appendBytes(UInt64(bitPattern: spread.least), 8, &out) }
    appendBytes(numbers, spread.width, &out) { spread.stored($0) }
  }

  /// The texts stand last; where they begin is told by the last eight bytes.
  mutating func finished() -> [UInt8] {
    let start = out.count
    appendBytes(UInt64(count), 8, &out)
    appendBytes(lengths, 4, &out) { UInt64($0) }
    out += text
    appendBytes(UInt64(start), 8, &out)
    return out
  }
}

private func appendBytes(_ number: UInt64, _ width: Int, _ to: inout [UInt8]) {
  for k in 0..<width { to.append(UInt8(truncatingIfNeeded: number &>> UInt64(8 * k))) }
}

@inline(__always)
private func appendBytes<T>(_ values: [T], _ width: Int, _ to: inout [UInt8], _ number: (T) -> UInt64) {
  let start = to.count
  to.append(contentsOf: repeatElement(0, count: values.count * width))
  to.withUnsafeMutableBytes { all in
    let bytes = UnsafeMutableRawBufferPointer(rebasing: all[start...])
    values.withUnsafeBufferPointer { values in
      switch width {
      case 1: for i in 0..<values.count { bytes[i] = UInt8(truncatingIfNeeded: number(values[i])) }
      case 2:
        for i in 0..<values.count {
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: number(values[i])).littleEndian, toByteOffset: 2 * i, as: UInt16.self)
        }
      case 4:
        for i in 0..<values.count {
          bytes.storeBytes(
            of: UInt32(truncatingIfNeeded: number(values[i])).littleEndian, toByteOffset: 4 * i, as: UInt32.self)
        }
      default:
        for i in 0..<values.count {
          bytes.storeBytes(of: number(values[i]).littleEndian, toByteOffset: 8 * i, as: UInt64.self)
        }
      }
    }
  }
}

private struct PackReader {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func number() -> UInt64 { number(8) }

  mutating func name() -> String {
    let length = Int(number())
    defer { at += length }
    return String(decoding: bytes[at..<at + length], as: UTF8.self)
  }

  /// The texts behind the rows; the rows are read next.
  mutating func texts() -> PackedTexts? {
    if bytes.count < 16 { return nil }
    at = bytes.count - 8
    at = Int(number())
    let count = Int(number())
    var starts: [Int] = []
    starts.reserveCapacity(count + 1)
    var end = at + 4 * count
    starts.append(end)
    for _ in 0..<count {
      end += Int(number(4))
      starts.append(end)
    }
    if end != bytes.count - 8 { return nil }
    at = 0
    return PackedTexts(bytes: bytes, starts: starts)
  }

  mutating func column(_ count: Int) -> ColumnData {
    let isText = bytes[at] == 0
    let width = Int(bytes[at + 1])
    at += 2
    if isText { return .text(values(count, width) { UInt32(truncatingIfNeeded: $0) }) }
    if width == 8 { return .number(values(count, 8) { Int64(bitPattern: $0) }) }
    let least = Int64(bitPattern: number())
    return .number(values(count, width) { $0 == 0 ? ColumnData.null : least &+ Int64($0 - 1) })
  }

  private mutating func number(_ width: Int) -> UInt64 {
    var result: UInt64 = 0
    for k in 0..<width { result |= UInt64(bytes[at + k]) &<< UInt64(8 * k) }
    at += width
    return result
  }

  @inline(__always)
  private mutating func values<T>(_ count: Int, _ width: Int, _ value: (UInt64) -> T) -> [T] {
    defer { at += count * width }
    return bytes.withUnsafeBytes { all in
      let bytes = UnsafeRawBufferPointer(rebasing: all[at..<at + count * width])
      switch width {
      case 1: return filled(count) { value(UInt64(bytes[$0])) }
      case 2:
        return filled(count) {
          value(UInt64(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))))
        }
      case 4:
        return filled(count) {
          value(UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))))
        }
      default:
        return filled(count) {
          value(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
        }
      }
    }
  }
}
