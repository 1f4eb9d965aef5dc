import ClaimModel

/// Thin claims as bytes, so that they outlive the run: by entity its rows' cells, columns and links. Texts of a column
/// stand once each, numbers take as few bytes as the column's spread needs. Little-endian; no file of ours but the
/// evaluation state holds one, and another version of the program does not read it.
extension ThinClaims {
  /// What a run keeps of these claims. Every row must have been given a cell.
  public func image() -> [UInt8] {
    var out = ImageWriter()
    let all = tables.sorted { $0.key.rawValue < $1.key.rawValue }
    out.number(UInt64(all.count), bytes: 4)
    for (entity, table) in all {
      precondition(table.cells.count == table.count, "a row without a cell")
      out.text(entity.rawValue)
      out.number(UInt64(table.count), bytes: 4)
      out.pack(table.count, width: 4) { UInt64(table.cells[$0]) }
      let columns = table.columns.sorted { $0.key < $1.key }
      out.number(UInt64(columns.count), bytes: 4)
      for (name, column) in columns {
        out.text(name)
        switch column {
        case .text(let codes): out.texts(codes, self.codes)
        case .number(let numbers): out.numbers(numbers)
        }
      }
      let parents = table.parent.sorted { $0.key.rawValue < $1.key.rawValue }
      out.number(UInt64(parents.count), bytes: 4)
      for (parent, links) in parents {
        out.text(parent.rawValue)
        out.pack(table.count, width: 4) { UInt64(UInt32(bitPattern: links[$0])) }
      }
    }
    return out.bytes
  }

  /// Adds the rows of an image whose cells are wanted. What belongs together must be wanted together: a link to a row that
  /// is not is lost.
  ///
  /// - Returns: false if the image is not one that `image` of claims for these rules gave; then the claims must not be used.
  public mutating func append(_ image: UnsafeRawBufferPointer, where isWanted: (UInt32) -> Bool) -> Bool {
    var input = ImageReader(image)
    guard let sections = input.sections() else { return false }
    // Places of the wanted rows, behind those that are here already.
    var rows: [Entity: [Int32]] = [:]
    var places: [Entity: [Int32]] = [:]
    for entity in needs.entities.keys {
      guard let section = sections[entity] else { return false }
      var own: [Int32] = []
      var place = [Int32](repeating: -1, count: section.rows)
      let before = tables[entity]?.count ?? 0
      var last: (cell: UInt32, isWanted: Bool)?
      for row in 0..<section.rows {
        let cell = UInt32(truncatingIfNeeded: section.cells.value(row))
        if last?.cell != cell { last = (cell, isWanted(cell)) }
        if last?.isWanted == true {
          place[row] = Int32(before + own.count)
          own.append(Int32(row))
        }
      }
      rows[entity] = own
      places[entity] = place
    }
    for (entity, own) in needs.entities {
      guard let section = sections[entity], let chosen = rows[entity], var table = tables.removeValue(forKey: entity)
      else { return false }
      for name in own.columns {
        guard let stored = section.columns[name], let column = table.columns.removeValue(forKey: name) else {
          return false
        }
        switch column {
        case .text(var mine):
          guard stored.add(texts: chosen, to: &mine, codes) else { return false }
          table.columns[name] = .text(mine)
        case .number(var mine):
          guard stored.add(numbers: chosen, to: &mine) else { return false }
          table.columns[name] = .number(mine)
        }
      }
      for parent in own.parents {
        guard let links = section.parents[parent], var mine = table.parent.removeValue(forKey: parent),
          let place = places[parent]
        else { return false }
        mine.reserve(chosen.count)
        for row in chosen {
          let link = Int(Int32(truncatingIfNeeded: links.value(Int(row))))
          if link >= place.count { return false }
          mine.append(link < 0 ? -1 : place[link])
        }
        table.parent[parent] = mine
      }
      table.cells.reserve(chosen.count)
      for row in chosen { table.cells.append(UInt32(truncatingIfNeeded: section.cells.value(Int(row)))) }
      table.count += chosen.count
      tables[entity] = table
    }
    return true
  }
}

private struct ImageWriter {
  var bytes: [UInt8] = []

  mutating func number(_ value: UInt64, bytes count: Int) {
    for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }

  /// So many numbers of so many bytes each.
  mutating func pack(_ count: Int, width: Int, _ value: (Int) -> UInt64) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count * width))
    bytes.withUnsafeMutableBytes { bytes in
      for i in 0..<count {
        let value = value(i)
        switch width {
        case 1: bytes[start &+ i] = UInt8(truncatingIfNeeded: value)
        case 2:
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: value).littleEndian, toByteOffset: start &+ i &* 2, as: UInt16.self)
        case 4:
          bytes.storeBytes(
            of: UInt32(truncatingIfNeeded: value).littleEndian, toByteOffset: start &+ i &* 4, as: UInt32.self)
        default: bytes.storeBytes(of: value.littleEndian, toByteOffset: start &+ i &* 8, as: UInt64.self)
        }
      }
    }
  }

  mutating func text(_ text: String) {
    number(UInt64(text.utf8.count), bytes: 4)
    bytes += text.utf8
  }

  /// Width, least value, values: 0 is null, 1 the least value.
  mutating func numbers(_ values: [Int64]) {
    var least = Int64.max
    var greatest = Int64.min
    for value in values where value != ColumnData.null {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    if least > greatest { (least, greatest) = (0, 0) }
    let spread = UInt64(bitPattern: greatest &- least)
    // The whole of 64 bits needs the value that null would have.
    let width = spread < 0xFF ? 1 : spread < 0xFFFF ? 2 : spread < 0xFFFF_FFFF ? 4 : 8
    let start = width == 8 ? 0 : least
    number(0x4E, bytes: 1)
    number(UInt64(width), bytes: 1)
    number(UInt64(bitPattern: start), bytes: 8)
    pack(values.count, width: width) { i in
      if width == 8 { return UInt64(bitPattern: values[i]) }
      return values[i] == ColumnData.null ? 0 : UInt64(bitPattern: values[i] &- start) &+ 1
    }
  }

  /// The different texts in the order of first sight, then for each row the number of its own, from 1; 0 is null.
  mutating func texts(_ codes: [UInt32], _ table: CodeTable) {
    var numberOf = [UInt32](repeating: 0, count: table.count)
    var different: [UInt32] = []
    for code in codes where code != CodeTable.null && numberOf[Int(code)] == 0 {
      different.append(code)
      numberOf[Int(code)] = UInt32(different.count)
    }
    let width = different.count < 0xFF ? 1 : different.count < 0xFFFF ? 2 : 4
    number(0x54, bytes: 1)
    number(UInt64(width), bytes: 1)
    number(UInt64(different.count), bytes: 4)
    var end = 0
    number(0, bytes: 4)
    pack(different.count, width: 4) { i in
      end += table.withBytes(different[i]) { $0.count }
      return UInt64(end)
    }
    for code in different { table.withBytes(code) { bytes.append(contentsOf: $0) } }
    pack(codes.count, width: width) { UInt64(numberOf[Int(codes[$0])]) }
  }
}

/// Numbers of one width in an image.
private struct Packed {
  let base: UnsafeRawPointer
  let width: Int

  @inline(__always)
  func value(_ i: Int) -> UInt64 {
    switch width {
    case 1: UInt64(base.load(fromByteOffset: i, as: UInt8.self))
    case 2: UInt64(UInt16(littleEndian: base.loadUnaligned(fromByteOffset: i &* 2, as: UInt16.self)))
    case 4: UInt64(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self)))
    default: UInt64(littleEndian: base.loadUnaligned(fromByteOffset: i &* 8, as: UInt64.self))
    }
  }
}

private struct StoredColumn {
  var values: Packed
  /// Of numbers.
  var start: Int64 = 0
  /// Of texts: how many, where each ends, their bytes.
  var different = -1
  var ends: Packed?
  var texts: UnsafeRawBufferPointer?

  func add(numbers rows: [Int32], to mine: inout [Int64]) -> Bool {
    if different >= 0 { return false }
    mine.reserve(rows.count)
    for row in rows {
      let value = values.value(Int(row))
      if values.width == 8 {
        mine.append(Int64(bitPattern: value))
      } else {
        mine.append(value == 0 ? ColumnData.null : start &+ Int64(value) &- 1)
      }
    }
    return true
  }

  func add(texts rows: [Int32], to mine: inout [UInt32], _ codes: CodeTable) -> Bool {
    guard let ends, let texts, different >= 0 else { return false }
    mine.reserve(rows.count)
    var known = [UInt32](repeating: UInt32.max, count: different + 1)
    known[0] = CodeTable.null
    for row in rows {
      let number = Int(values.value(Int(row)))
      if number > different { return false }
      if known[number] == UInt32.max {
        let (from, to) = (Int(ends.value(number - 1)), Int(ends.value(number)))
        if from > to || to > texts.count { return false }
        known[number] = codes.intern(UnsafeRawBufferPointer(rebasing: texts[from..<to]))
      }
      mine.append(known[number])
    }
    return true
  }
}

private struct ImageSection {
  var rows: Int
  var cells: Packed
  var columns: [String: StoredColumn] = [:]
  var parents: [Entity: Packed] = [:]
}

/// Finds its way through an image; never beyond its end.
private struct ImageReader {
  private let image: UnsafeRawBufferPointer
  private var at = 0

  init(_ image: UnsafeRawBufferPointer) { self.image = image }

  mutating func sections() -> [Entity: ImageSection]? {
    var result: [Entity: ImageSection] = [:]
    guard let count = number(4), count <= Entity.allCases.count else { return nil }
    for _ in 0..<count {
      guard let name = text(), let entity = Entity(rawValue: name), let rows = number(4), rows <= Int(Int32.max),
        let cells = packed(rows, width: 4), let columns = number(4)
      else { return nil }
      var section = ImageSection(rows: rows, cells: cells)
      for _ in 0..<columns {
        guard let name = text(), let column = column(rows) else { return nil }
        section.columns[name] = column
      }
      guard let parents = number(4) else { return nil }
      for _ in 0..<parents {
        guard let name = text(), let parent = Entity(rawValue: name), let links = packed(rows, width: 4) else {
          return nil
        }
        section.parents[parent] = links
      }
      result[entity] = section
    }
    return at == image.count ? result : nil
  }

  private mutating func column(_ rows: Int) -> StoredColumn? {
    guard let kind = number(1), let width = number(1), [1, 2, 4, 8].contains(width) else { return nil }
    if kind == 0x4E {
      guard let start = take(8), let values = packed(rows, width: width) else { return nil }
      return StoredColumn(
        values: values, start: Int64(littleEndian: start.loadUnaligned(as: Int64.self)))
    }
    guard kind == 0x54, let different = number(4), let ends = packed(different + 1, width: 4),
      let texts = take(Int(ends.value(different))), let values = packed(rows, width: width)
    else { return nil }
    return StoredColumn(values: values, different: different, ends: ends, texts: texts)
  }

  private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, image.count - at >= count else { return nil }
    defer { at += count }
    return UnsafeRawBufferPointer(rebasing: image[at..<at + count])
  }

  private mutating func packed(_ count: Int, width: Int) -> Packed? {
    let (length, isOver) = count.multipliedReportingOverflow(by: width)
    // An empty stretch has no place of its own, and none is asked for.
    guard !isOver, let stretch = take(length), let base = stretch.baseAddress ?? image.baseAddress else { return nil }
    return Packed(base: base, width: width)
  }

  private mutating func number(_ width: Int) -> Int? {
    guard let bytes = take(width) else { return nil }
    var value = 0
    for i in 0..<width { value |= Int(bytes[i]) << (8 * i) }
    return value
  }

  private mutating func text() -> String? {
    guard let count = number(4), let bytes = take(count) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
