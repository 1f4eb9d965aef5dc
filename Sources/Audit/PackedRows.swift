import ClaimModel

/// Bytes that were put aside are not those that were written.
public struct DamagedImage: Error {
  public init() {}
}

/// Rows of the claims as bytes, which outlive the code table they were made with: a tenth of the memory of columns and
/// interned texts. Only of the rows that are taken from it columns are made again.
struct PackedRows {
  private let tables: [Entity: RowsImage]

  /// The bytes of all rows of some claims, with what is needed of them; what no file brought is null.
  static func bytes(of claims: EffectiveClaims, _ needs: ThinNeeds) -> [UInt8] {
    var out = ImageWriter()
    let entities = needs.entities.sorted { $0.key.rawValue < $1.key.rawValue }
    out.number(UInt64(entities.count), bytes: 4)
    for (entity, own) in entities {
      let table = claims[entity]
      out.text(entity.rawValue)
      out.number(UInt64(table.count), bytes: 4)
      var columns: [String: ColumnData] = [:]
      for name in own.columns {
        // A column that no file brought may have no values at all.
        if let column = table.columns[name], column.count == table.count {
          columns[name] = column
        } else {
          columns[name] =
            entity.kind(of: name) == .text
            ? .text([UInt32](repeating: CodeTable.null, count: table.count))
            : .number([Int64](repeating: ColumnData.null, count: table.count))
        }
      }
      out.rows(
        columns: columns, claims.codes,
        parents: own.parents.map { parent in
          let links = table.parent[parent] ?? []
          return (parent, links.count == table.count ? links : [Int32](repeating: -1, count: table.count))
        })
    }
    return out.bytes
  }

  /// nil if the bytes are not those of some rows. Valid as long as they are.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var input = ImageReader(bytes)
    var tables: [Entity: RowsImage] = [:]
    guard let count = input.number(4), count <= Entity.allCases.count else { return nil }
    for _ in 0..<count {
      guard let name = input.text(), let entity = Entity(rawValue: name), let rows = input.number(4),
        rows <= Int(Int32.max), let image = input.rows(rows)
      else { return nil }
      tables[entity] = image
    }
    if !input.isAtEnd { return nil }
    self.tables = tables
  }

  /// Adds rows to thin claims that need what is here.
  ///
  /// - Parameter seeds: only what these rows come to is added; nil: all.
  /// - Returns: false if the bytes are damaged; then the claims must not be used.
  func append(to thin: inout ThinClaims, seeds: [Entity: [Bool]]?) -> Bool {
    var rows = tables.mapValues { (0..<Int32($0.count)).map { $0 } }
    if let seeds {
      // Marks are of the rows that were packed; damage may say that these were others.
      guard seeds.allSatisfy({ tables[$0.key]?.count == $0.value.count }), let links = claimsOfLinks() else {
        return false
      }
      rows = links.rowsReached(for: thin.needs, seeds: seeds, isDirected: true)
    }
    var places: [Entity: [Int32]] = [:]
    for (entity, own) in rows {
      let before = thin.tables[entity]?.count ?? 0
      var place = [Int32](repeating: -1, count: tables[entity]?.count ?? 0)
      for (i, row) in own.enumerated() { place[Int(row)] = Int32(before + i) }
      places[entity] = place
    }
    return thin.append(tables, chosen: rows, places: places)
  }

  /// The rows with nothing but what they belong to.
  private func claimsOfLinks() -> EffectiveClaims? {
    var result: [Entity: EntityTable] = [:]
    for (entity, image) in tables {
      var table = EntityTable(entity: entity, count: image.count)
      for parent in image.parents.keys {
        guard let links = image.links(to: parent, within: tables[parent]?.count ?? 0) else { return nil }
        table.parent[parent] = links
      }
      result[entity] = table
    }
    return EffectiveClaims(codes: CodeTable(), tables: result)
  }
}

/// Rows of one entity in an image. Valid as long as the image is.
struct RowsImage {
  let count: Int
  fileprivate(set) var columns: [String: StoredColumn] = [:]
  fileprivate(set) var parents: [Entity: StoredColumn] = [:]

  /// Of each row its parent's place, or -1; nil if there is no such link, or it leads beyond so many rows.
  func links(to parent: Entity, within rows: Int) -> [Int32]? {
    var links: [Int64] = []
    guard let stored = parents[parent], stored.add(numbers: (0..<Int32(count)).map { $0 }, to: &links),
      links.allSatisfy({ $0 >= -1 && $0 < rows })
    else { return nil }
    return links.map { Int32(truncatingIfNeeded: $0) }
  }
}

extension ImageWriter {
  /// Columns and links of some rows, for `ImageReader.rows`.
  mutating func rows(columns: [String: ColumnData], _ codes: CodeTable, parents: [(Entity, [Int32])]) {
    number(UInt64(columns.count), bytes: 4)
    for (name, column) in columns.sorted(by: { bytesPrecede($0.key, $1.key) }) {
      text(name)
      switch column {
      case .text(let texts): self.texts(texts, codes)
      case .number(let numbers): self.numbers(numbers)
      }
    }
    number(UInt64(parents.count), bytes: 4)
    for (parent, links) in parents.sorted(by: { $0.0.rawValue < $1.0.rawValue }) {
      text(parent.rawValue)
      numbers(links.map { Int64($0) })
    }
  }
}

extension ImageReader {
  /// Columns and links of so many rows; nil if what follows is something else.
  mutating func rows(_ count: Int) -> RowsImage? {
    var result = RowsImage(count: count)
    guard let columns = number(4) else { return nil }
    for _ in 0..<columns {
      guard let name = text(), let column = column(count) else { return nil }
      result.columns[name] = column
    }
    guard let parents = number(4) else { return nil }
    for _ in 0..<parents {
      guard let name = text(), let parent = Entity(rawValue: name), let links = column(count) else { return nil }
      result.parents[parent] = links
    }
    return result
  }
}

extension ThinClaims {
  /// Adds chosen rows of an image.
  ///
  /// - Parameters:
  ///   - chosen: by entity the rows, ascending.
  ///   - places: of the image's rows where they are going to stand here; -1 for those that are not chosen. Only of
  ///     entities that are somebody's parent.
  /// - Returns: false if the image has not what is needed, or is damaged; then the claims must not be used.
  mutating func append(
    _ image: [Entity: RowsImage], chosen: [Entity: [Int32]], places: [Entity: [Int32]]
  ) -> Bool {
    for (entity, own) in needs.entities {
      guard let stored = image[entity], let rows = chosen[entity], var table = tables.removeValue(forKey: entity)
      else { return false }
      for name in own.columns {
        guard let column = stored.columns[name], let mine = table.columns.removeValue(forKey: name) else {
          return false
        }
        switch mine {
        case .text(var texts):
          guard column.add(texts: rows, to: &texts, codes) else { return false }
          table.columns[name] = .text(texts)
        case .number(var numbers):
          guard column.add(numbers: rows, to: &numbers) else { return false }
          table.columns[name] = .number(numbers)
        }
      }
      for parent in own.parents {
        var links: [Int64] = []
        guard stored.parents[parent]?.add(numbers: rows, to: &links) == true,
          var mine = table.parent.removeValue(forKey: parent), let place = places[parent]
        else { return false }
        mine.reserveMore(rows.count)
        for link in links {
          if link < -1 || link >= place.count { return false }
          mine.append(link < 0 ? -1 : place[Int(link)])
        }
        table.parent[parent] = mine
      }
      table.count += rows.count
      tables[entity] = table
    }
    return true
  }
}
