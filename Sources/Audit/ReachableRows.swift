import ClaimModel

extension EffectiveClaims {
  /// The rows that rules can come to, with the columns and links that they read: the rows of the entities they start
  /// from, and whatever hangs together with these by links that they follow, in either direction, however far.
  ///
  /// Rows stay in their order. Costs by the rows and links looked at, each once, whatever hangs together with what.
  ///
  /// - Parameters:
  ///   - seeds: by entity the rows from which to go; nil: all of the entities that the rules start from.
  ///   - origins: the rows keep their origin.
  func reachable(for needs: ThinNeeds, seeds: [Entity: [Bool]]? = nil, origins: Bool = false) -> EffectiveClaims {
    reached(for: needs, seeds: seeds, origins: origins, isDirected: false).claims
  }

  /// The same, and by entity which rows these are, ascending.
  ///
  /// `isDirected`: down to what belongs to a row only where rules ask for all of that; a row's siblings are come to no
  /// more.
  func reached(for needs: ThinNeeds, seeds: [Entity: [Bool]]?, origins: Bool = false, isDirected: Bool)
    -> (claims: EffectiveClaims, rows: [Entity: [Int32]])
  {
    let chosen = rowsReached(for: needs, seeds: seeds, isDirected: isDirected)
    var places: [Entity: [Int32]] = [:]
    for (entity, rows) in chosen {
      var place = [Int32](repeating: -1, count: self[entity].count)
      for (i, row) in rows.enumerated() { place[Int(row)] = Int32(i) }
      places[entity] = place
    }
    var tables: [Entity: EntityTable] = [:]
    for (entity, own) in needs.entities {
      let source = self[entity]
      let rows = chosen[entity] ?? []
      let areAll = rows.count == source.count
      var table = EntityTable(entity: entity, count: rows.count)
      if origins, source.origin.count == source.count {
        table.origin = areAll ? source.origin : rows.map { source.origin[Int($0)] }
      }
      for name in own.columns {
        guard let column = source.columns[name] else { continue }
        table.columns[name] = areAll ? column : column.selecting(rows)
      }
      if own.columns.contains("id"), entity == .line, table.columns["id"] == nil {
        table.columns["id"] = .text(lineIDs(rows))
      }
      for parent in own.parents {
        guard let links = source.parent[parent], links.count == source.count else { continue }
        // What a kept row belongs to is kept.
        let place = places[parent] ?? []
        table.parent[parent] = rows.map { links[Int($0)] < 0 ? -1 : place[Int(links[Int($0)])] }
      }
      tables[entity] = table
    }
    return (EffectiveClaims(codes: codes, tables: tables), chosen)
  }

  /// By entity which rows are come to, ascending. Only links are read.
  func rowsReached(for needs: ThinNeeds, seeds: [Entity: [Bool]]?, isDirected: Bool) -> [Entity: [Int32]] {
    var reached = Reach(self, needs, seeds, isDirected: isDirected)
    reached.follow()
    return reached.isIn.mapValues { isIn in isIn.indices.filter { isIn[$0] }.map { Int32($0) } }
  }
}

/// Which rows are come to.
private struct Reach {
  private let claims: EffectiveClaims
  private let needs: ThinNeeds
  private let isDirected: Bool
  /// By entity, for each row.
  private(set) var isIn: [Entity: [Bool]] = [:]
  /// Rows whose links are still to be followed.
  private var pending: [Entity: [Int32]] = [:]
  /// By parent and child, where the claims have none.
  private var made: [Entity: [Entity: Children]] = [:]

  init(_ claims: EffectiveClaims, _ needs: ThinNeeds, _ seeds: [Entity: [Bool]]?, isDirected: Bool) {
    self.claims = claims
    self.isDirected = isDirected
    self.needs = needs
    for entity in needs.entities.keys {
      let count = claims[entity].count
      if let seeds {
        let marks = seeds[entity] ?? [Bool](repeating: false, count: count)
        isIn[entity] = marks
        pending[entity] = marks.indices.filter { marks[$0] }.map { Int32($0) }
        continue
      }
      let isBase = needs.bases.contains(entity)
      isIn[entity] = [Bool](repeating: isBase, count: count)
      if isBase { pending[entity] = (0..<Int32(count)).map { $0 } }
    }
  }

  mutating func follow() {
    while let entity = Entity.allCases.first(where: { pending[$0]?.isEmpty == false }),
      let rows = pending.removeValue(forKey: entity), let own = needs.entities[entity]
    {
      let table = claims[entity]
      for parent in own.parents {
        guard let links = table.parent[parent], links.count == table.count else { continue }
        add(parent) { add in for row in rows { add(links[Int(row)]) } }
      }
      for child in entity.children
      where needs.entities[child]?.parents.contains(entity) == true && (!isDirected || own.children.contains(child)) {
        let children = children(entity, child, table)
        add(child) { add in for row in rows { for one in children.of(Int(row)) { add(one) } } }
      }
    }
  }

  /// Marks what the body names, but for -1, and has the new rows' links followed too.
  private mutating func add(_ entity: Entity, _ body: ((Int32) -> Void) -> Void) {
    var marks = isIn.removeValue(forKey: entity) ?? []
    var new = pending.removeValue(forKey: entity) ?? []
    body { row in
      if row < 0 || marks[Int(row)] { return }
      marks[Int(row)] = true
      new.append(row)
    }
    isIn[entity] = marks
    pending[entity] = new
  }

  private mutating func children(_ parent: Entity, _ child: Entity, _ table: EntityTable) -> Children {
    if let known = table.children[child] ?? made[parent]?[child] { return known }
    let links = claims[child].parent[parent] ?? []
    let children = Children(parent: links, parents: table.count)
    made[parent, default: [:]][child] = children
    return children
  }
}
