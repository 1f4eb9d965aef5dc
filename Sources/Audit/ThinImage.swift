import ClaimModel

/// Thin claims as bytes, so that they outlive the run: by entity its rows' cells, columns and links, as `ImageWriter`
/// writes them. No file of ours but the evaluation state holds one, and another version of the program does not read it.
extension ThinClaims {
  /// What a run keeps of these claims: rows in the order of their slices. Every row must have been given a cell.
  public func image() -> [UInt8] {
    var out = ImageWriter()
    let all = tables.sorted { $0.key.rawValue < $1.key.rawValue }
    var orders: [Entity: [Int32]] = [:]
    var places: [Entity: [Int32]] = [:]
    for (entity, table) in all {
      precondition(table.cells.count == table.count, "a row without a cell")
      // Rows of a slice stay in their order.
      let order = table.cells.enumerated().map { UInt64($1 & 0xFFFF) << 32 | UInt64($0) }.sorted()
        .map { Int32(truncatingIfNeeded: $0) }
      var place = [Int32](repeating: 0, count: order.count)
      for (new, old) in order.enumerated() { place[Int(old)] = Int32(new) }
      orders[entity] = order
      places[entity] = place
    }
    out.number(UInt64(all.count), bytes: 4)
    for (entity, table) in all {
      let order = orders[entity] ?? []
      out.text(entity.rawValue)
      out.number(UInt64(table.count), bytes: 4)
      out.pack(table.count, width: 4) { UInt64(table.cells[Int(order[$0])]) }
      out.rows(
        columns: table.columns.mapValues { $0.selecting(order) }, self.codes,
        parents: table.parent.map { parent, links in
          let place = places[parent] ?? []
          return (parent, order.map { links[Int($0)] < 0 ? -1 : place[Int(links[Int($0)])] })
        })
    }
    return out.bytes
  }

  /// Adds the rows of an image whose cells are wanted. What belongs together must be wanted together: a link to a row
  /// that is not is lost.
  ///
  /// - Returns: false if the image is not one that `image` of claims for these rules gave; then the claims must not be
  ///   used.
  public mutating func append(_ image: UnsafeRawBufferPointer, where isWanted: (UInt32) -> Bool) -> Bool {
    append(image, slices: 0...UInt16.max, of: Array(needs.entities.keys)) { _, cell in isWanted(cell) }
  }

  /// The same of some slices, where it is said for each entity by its place in a list; those of a group in
  /// `linkedEntities` belong together.
  public mutating func append(
    _ image: UnsafeRawBufferPointer, slices: ClosedRange<UInt16>, of entities: [Entity],
    where isWanted: (Int, UInt32) -> Bool
  ) -> Bool {
    var input = ImageReader(image)
    guard let sections = input.sections() else { return false }
    // Places of the wanted rows, behind those that are here already.
    var rows: [Entity: [Int32]] = [:]
    var places: [Entity: [Int32]] = [:]
    for entity in needs.entities.keys {
      guard let section = sections[entity], let number = entities.firstIndex(of: entity) else { return false }
      var own: [Int32] = []
      let isParent = needs.entities.values.contains { $0.parents.contains(entity) }
      var place = isParent ? [Int32](repeating: -1, count: section.rows.count) : []
      let before = tables[entity]?.count ?? 0
      var last: (cell: UInt32, isWanted: Bool)?
      for row in section.firstRow(from: slices.lowerBound)..<section.rows.count {
        let cell = UInt32(truncatingIfNeeded: section.cells.value(row))
        if last?.cell != cell {
          if cell & 0xFFFF > UInt32(slices.upperBound) { break }
          last = (cell, isWanted(number, cell))
        }
        if last?.isWanted == true {
          if isParent { place[row] = Int32(before + own.count) }
          own.append(Int32(row))
        }
      }
      rows[entity] = own
      places[entity] = place
    }
    for entity in needs.entities.keys {
      guard let section = sections[entity], let chosen = rows[entity], var table = tables.removeValue(forKey: entity)
      else { return false }
      table.cells.reserveMore(chosen.count)
      for row in chosen { table.cells.append(UInt32(truncatingIfNeeded: section.cells.value(Int(row)))) }
      tables[entity] = table
    }
    return append(sections.mapValues(\.rows), chosen: rows, places: places)
  }
}

extension ThinClaims {
  /// Of each entity in an image the slices in which it has rows, by slice; nil if the bytes are no image.
  public static func slices(in image: UnsafeRawBufferPointer) -> [Entity: [Bool]]? {
    var input = ImageReader(image)
    return input.sections()?.mapValues { section in
      var isIn = [Bool](repeating: false, count: PersonSlice.count)
      for row in 0..<section.rows.count { isIn[Int(section.cells.value(row) & 0xFFFF)] = true }
      return isIn
    }
  }

  /// The entities whose rows the rules come to, put together where they follow links from one to the other.
  public var linkedEntities: [Set<Entity>] {
    var groups: [Set<Entity>] = []
    for (entity, own) in needs.entities {
      let together = own.parents.union([entity])
      let others = groups.filter { !$0.isDisjoint(with: together) }
      groups.removeAll { !$0.isDisjoint(with: together) }
      groups.append(others.reduce(together) { $0.union($1) })
    }
    return groups
  }
}

private struct ImageSection {
  var rows: RowsImage
  var cells: Packed

  /// The first row of a slice or of one behind it; rows lie in the order of their slices.
  func firstRow(from slice: UInt16) -> Int {
    var range = 0..<rows.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if cells.value(middle) & 0xFFFF < UInt64(slice) {
        range = middle + 1..<range.upperBound
      } else {
        range = range.lowerBound..<middle
      }
    }
    return range.lowerBound
  }
}

extension ImageReader {
  fileprivate mutating func sections() -> [Entity: ImageSection]? {
    var result: [Entity: ImageSection] = [:]
    guard let count = number(4), count <= Entity.allCases.count else { return nil }
    for _ in 0..<count {
      guard let name = text(), let entity = Entity(rawValue: name), let rows = number(4), rows <= Int(Int32.max),
        let cells = packed(rows, width: 4), let image = self.rows(rows)
      else { return nil }
      result[entity] = ImageSection(rows: image, cells: cells)
    }
    return isAtEnd ? result : nil
  }
}
