import ClaimModel
import RulePacks

/// Of all claims only what some rules read: entities, columns and links. Parts of the claims are added one after the
/// other, each with a code table of its own, and forgotten; what is left is evaluated as one.
public struct ThinClaims: Sendable {
  let needs: ThinNeeds
  // Filled by one owner at a time; `claims(codes:)` interns its texts elsewhere.
  let codes: CodeTable
  var tables: [Entity: ThinTable] = [:]
  private var textBytes = 0

  /// For rules of any reach; `audit` of these rules over `claims(codes:)` finds what it finds over the claims
  /// themselves.
  ///
  /// `also` names columns that are kept beside those the rules read, of entities of which they read any. `codes`: the
  /// table in which texts are interned; copies of the claims share it, and one thread at a time may add to any of them.
  /// `named` false: rows cannot be named or put in byte order, which sieves do without.
  public init(
    for rules: [Rule], also: [Entity: Set<String>] = [:], codes: CodeTable = CodeTable(), named: Bool = true
  ) {
    self.init(ThinNeeds(rules, also: also, named: named), codes: codes)
  }

  init(_ needs: ThinNeeds, codes: CodeTable) {
    self.codes = codes
    self.needs = needs
    for (entity, own) in needs.entities {
      var table = ThinTable()
      for column in own.columns { table.columns[column] = entity.kind(of: column) == .text ? .text([]) : .number([]) }
      for parent in own.parents { table.parent[parent] = [] }
      tables[entity] = table
    }
  }

  /// Rows kept so far, of all entities.
  public var count: Int { tables.values.reduce(0) { $0 + $1.count } }

  /// About the memory that is taken, in bytes: 8 for each row and column or link, and the texts.
  public var bytes: Int {
    tables.values.reduce(textBytes) { $0 + $1.count * 8 * ($1.columns.count + $1.parent.count) }
  }

  /// Adds of a part only the rows that the rules can come to: those of the entities that they start from, and what
  /// hangs together with these by links that they follow. No row may be in two parts.
  ///
  /// For rules whose population facts are given (`AuditInput.facts`): of a population's own rows only those are kept
  /// that are come to.
  public mutating func appendReachable(_ claims: EffectiveClaims) { append(claims.reachable(for: needs)) }

  /// The same from some rows only; see `seeds(rules:_:shelf:)`.
  public mutating func appendReachable(_ claims: EffectiveClaims, seeds: [Entity: [Bool]]) {
    append(claims.reachable(for: needs, seeds: seeds))
  }

  /// The same from some rows of the one entity that the rules start from.
  mutating func appendReachable(_ claims: EffectiveClaims, from rows: [Int32]) {
    guard !rows.isEmpty, let base = needs.bases.first else { return }
    var seeds = [Bool](repeating: false, count: claims[base].count)
    for row in rows { seeds[Int(row)] = true }
    append(claims.reachable(for: needs, seeds: [base: seeds]))
  }

  /// As `appendReachable`, from some rows only, and each row is marked with its cell: see `image`.
  ///
  /// - Parameters:
  ///   - cells: of the claims' rows, by entity.
  ///   - seeds: of the rules; see `seeds(rules:_:shelf:)`.
  public mutating func appendReachable(
    _ claims: EffectiveClaims, cells: [Entity: [UInt32]], seeds: [Entity: [Bool]]
  ) {
    // A row's cell goes where its origin goes.
    var marked = claims
    for (entity, own) in cells {
      marked.tables[entity]?.origin = own.map { RowOrigin(segment: Int32(bitPattern: $0), line: 0) }
    }
    let reached = marked.reachable(for: needs, seeds: seeds, origins: true)
    append(reached)
    for (entity, table) in reached.tables {
      tables[entity]?.cells += table.origin.map { UInt32(bitPattern: $0.segment) }
    }
  }

  /// The cells of some rows, in the order in which rows were added.
  public func cells(_ rows: [Entity: Set<Int32>]) -> Set<UInt32> {
    var result: Set<UInt32> = []
    for (entity, own) in rows {
      guard let table = tables[entity] else { continue }
      for row in own where Int(row) < table.cells.count { result.insert(table.cells[Int(row)]) }
    }
    return result
  }

  /// The rows that `appendReachable` would add for the rules, as bytes that outlive the part's code table: a tenth of
  /// what they take in memory otherwise.
  public static func packed(_ rules: [Rule], _ claims: EffectiveClaims, seeds: [Entity: [Bool]]) -> [UInt8] {
    let needs = ThinNeeds(rules)
    return PackedRows.bytes(of: claims.reachable(for: needs, seeds: seeds), needs)
  }

  /// Adds what `packed` gave for the same rules.
  ///
  /// - Parameter seeds: only the rows to which rules come from these; nil: all.
  /// - Throws: `DamagedImage` if the bytes are something else.
  public mutating func append(packed bytes: [UInt8], seeds: [Entity: [Bool]]? = nil) throws {
    let isWhole = bytes.withUnsafeBytes { PackedRows($0)?.append(to: &self, seeds: seeds) ?? false }
    if !isWhole { throw DamagedImage() }
  }

  /// Adds the rows of a part. No row may be in two parts.
  public mutating func append(_ claims: EffectiveClaims) {
    let before = tables.mapValues(\.count)
    var memo = CodeMemo(from: claims.codes, to: codes)
    for (entity, own) in needs.entities {
      let source = claims[entity]
      var table = tables.removeValue(forKey: entity) ?? ThinTable()
      for name in own.columns {
        guard let column = table.columns.removeValue(forKey: name) else { continue }
        var given = source.columns[name]
        if given == nil, entity == .line, name == entity.idColumn {
          given = .text(claims.lineIDs((0..<source.count).map { Int32($0) }))
        }
        switch (column, given) {
        case (.text(var mine), let more):
          mine.reserveMore(source.count)
          if case .text(let codes)? = more {
            for code in codes { mine.append(memo[code]) }
          } else {
            mine += [UInt32](repeating: CodeTable.null, count: source.count)
          }
          table.columns[name] = .text(mine)
        case (.number(var mine), let more):
          mine.reserveMore(source.count)
          if case .number(let numbers)? = more {
            mine += numbers
          } else {
            mine += [Int64](repeating: ColumnData.null, count: source.count)
          }
          table.columns[name] = .number(mine)
        }
      }
      for parent in own.parents {
        guard var mine = table.parent.removeValue(forKey: parent) else { continue }
        let start = Int32(before[parent] ?? 0)
        mine.reserveMore(source.count)
        if let links = source.parent[parent], links.count == source.count {
          for row in links { mine.append(row < 0 ? -1 : row + start) }
        } else {
          mine += [Int32](repeating: -1, count: source.count)
        }
        table.parent[parent] = mine
      }
      table.count += source.count
      tables[entity] = table
    }
    textBytes += memo.newBytes
  }

  /// Adds what another has kept, for the same rules.
  public mutating func append(_ other: ThinClaims) {
    append(
      EffectiveClaims(
        codes: other.codes,
        tables: Dictionary(
          uniqueKeysWithValues: other.tables.map { entity, table in
            (entity, EntityTable(entity: entity, count: table.count, columns: table.columns, parent: table.parent))
          })))
  }

  /// The rows of all parts, in byte order of their ids, with texts interned in a table: that of the registries, or a
  /// copy.
  ///
  public func claims(codes target: CodeTable) -> EffectiveClaims {
    // Where each row goes, and the rows in their new order.
    var order: [Entity: [Int32]] = [:]
    var place: [Entity: [Int32]] = [:]
    for (entity, table) in tables {
      let keys = entity.orderColumns.map { table.columns[$0]?.codes ?? [] }
      func precedes(_ x: Int32, _ y: Int32) -> Bool {
        for key in keys {
          let order = codes.order(key[Int(x)], key[Int(y)])
          if order != 0 { return order < 0 }
        }
        return x < y
      }
      // Those of one part are in order already.
      let rows = (0..<Int32(table.count)).map { $0 }
      if rows.indices.dropFirst().allSatisfy({ precedes(rows[$0 - 1], rows[$0]) }) {
        order[entity] = rows
        place[entity] = rows
        continue
      }
      let sorted = rows.sorted(by: precedes)
      var places = [Int32](repeating: 0, count: table.count)
      for (new, old) in sorted.enumerated() { places[Int(old)] = Int32(new) }
      order[entity] = sorted
      place[entity] = places
    }
    var memo = CodeMemo(from: codes, to: target)
    var result: [Entity: EntityTable] = [:]
    for (entity, table) in tables {
      let order = order[entity] ?? []
      var whole = EntityTable(entity: entity, count: table.count)
      for (name, column) in table.columns {
        switch column {
        case .text(let v): whole.columns[name] = .text(order.map { memo[v[Int($0)]] })
        case .number: whole.columns[name] = column.selecting(order)
        }
      }
      for (parent, links) in table.parent {
        let places = place[parent] ?? []
        whole.parent[parent] = order.map { row in links[Int(row)] < 0 ? -1 : places[Int(links[Int(row)])] }
      }
      result[entity] = whole
    }
    return linked(result, target)
  }

  /// The rows in the order in which they were added, which rules cannot tell, with texts in the table that was given
  /// for them.
  public func claimsAsAdded() -> EffectiveClaims {
    linked(
      Dictionary(
        uniqueKeysWithValues: tables.map { entity, table in
          (entity, EntityTable(entity: entity, count: table.count, columns: table.columns, parent: table.parent))
        }), codes)
  }

  /// With the children of the rows.
  private func linked(_ tables: [Entity: EntityTable], _ codes: CodeTable) -> EffectiveClaims {
    var result = tables
    for (entity, own) in needs.entities {
      for parent in own.parents where parent.children.contains(entity) {
        let links = result[entity]?.parent[parent] ?? []
        let parents = result[parent]?.count ?? 0
        result[parent]?.children[entity] = Children(parent: links, parents: parents)
      }
    }
    return EffectiveClaims(codes: codes, tables: result)
  }
}

struct ThinTable: Sendable {
  var count = 0
  /// Where each row is at home, if that was said; else empty.
  var cells: [UInt32] = []
  var columns: [String: ColumnData] = [:]
  var parent: [Entity: [Int32]] = [:]
}

/// Codes of one table in another, each text interned once.
private struct CodeMemo {
  private let from: CodeTable
  private let to: CodeTable
  private var known: [UInt32]
  /// Memory that new texts take in the second table, about.
  private(set) var newBytes = 0

  init(from: CodeTable, to: CodeTable) {
    self.from = from
    self.to = to
    known = from === to ? [] : [UInt32](repeating: UInt32.max, count: from.count)
  }

  subscript(code: UInt32) -> UInt32 {
    mutating get {
      if from === to { return code }
      // Ids of lines are interned while the columns are copied.
      if Int(code) >= known.count { known += repeatElement(UInt32.max, count: from.count - known.count) }
      let found = known[Int(code)]
      if found != UInt32.max { return found }
      let before = to.count
      let (new, length) = from.withBytes(code) { (to.intern($0), $0.count) }
      // Beside the text its entry and its share of the slots.
      if to.count > before { newBytes += length + 48 }
      known[Int(code)] = new
      return new
    }
  }
}

extension Entity {
  /// The columns in whose byte order its rows stand.
  fileprivate var orderColumns: [String] { self == .line ? ["mdtrt_id", "bkkp_sn"] : [idColumn] }
}

/// What rules read of the claims: by entity its columns and the parents that are asked for, from either side.
struct ThinNeeds: Sendable {
  struct Own: Sendable {
    var columns: Set<String> = []
    var parents: Set<Entity> = []
    /// Of which all rows that belong to one row are asked for.
    var children: Set<Entity> = []
  }
  private(set) var entities: [Entity: Own] = [:]
  /// Whose rows the rules start from.
  private(set) var bases: Set<Entity> = []

  init(_ rules: [Rule], also: [Entity: Set<String>] = [:], named: Bool = true) {
    for rule in rules { add(rule) }
    let ordered = Set(rules.filter(\.ordersByID).flatMap { $0.shape.bindings.map(\.entity) })
    for entity in Array(entities.keys) where named || ordered.contains(entity) {
      // A line's id is made of these two where it is asked for.
      if entity == .line { add(.line, "mdtrt_id", "bkkp_sn") } else { add(entity, entity.idColumn) }
      for column in also[entity] ?? [] { add(entity, column) }
    }
  }

  private mutating func add(_ entity: Entity, _ columns: String...) {
    var own = entities[entity] ?? Own()
    for column in columns where entity.kind(of: column) != nil { own.columns.insert(column) }
    entities[entity] = own
  }

  /// `entity` belongs to `parent`. `isUp`: what a row belongs to is asked for, not what else belongs to that.
  private mutating func link(_ entity: Entity, _ parent: Entity, isUp: Bool = false) {
    entities[entity, default: Own()].parents.insert(parent)
    add(parent)
    if !isUp { entities[parent, default: Own()].children.insert(entity) }
  }

  private mutating func add(_ rule: Rule) {
    var bound: [String: Entity] = [:]
    for (binding, entity) in rule.shape.bindings {
      bound[binding] = entity
      bases.insert(entity)
      add(entity)
    }
    if let atIssue = rule.atIssue, let entity = rule.shape.bindings.first?.entity {
      bound[atIssue.binding] = entity
      for step in atIssue.order { add(entity, step.column) }
    }
    if case .pair(let a, _, _, let order) = rule.shape {
      switch order {
      case .every: break
      case .unordered(let column): add(a.entity, column)
      case .adjacent(let columns): for column in columns { add(a.entity, column) }
      }
    }
    var inner = bound
    if case .children(let binding, let variable, _) = rule.lines {
      inner[variable] = .line
      if let entity = bound[binding] { link(.line, entity) }
    }
    for expression in rule.expressions { add(expression, inner) }
    for population in rule.populations {
      add(population.entity)
      let own = bound.merging([population.binding: population.entity]) { $1 }
      for expression in population.memberExpressions { add(expression, own) }
    }
    addFindings(rule, bound)
  }

  private mutating func add(_ expression: Expr, _ bound: [String: Entity]) {
    switch expression {
    case .claim(let binding, let path, let column, _):
      if let entity = walk(binding, path, bound) { add(entity, column) }
    case .children(let aggregate):
      if let owner = walk(aggregate.binding, aggregate.path, bound) { link(aggregate.of, owner) }
      var inner = bound
      inner[aggregate.variable] = aggregate.of
      add(aggregate.condition, inner)
      if let value = aggregate.value { add(value, inner) }
    default: for part in expression.parts { add(part, bound) }
    }
  }

  private mutating func walk(_ binding: String, _ path: [Entity], _ bound: [String: Entity]) -> Entity? {
    guard var entity = bound[binding] else { return nil }
    for step in path {
      link(entity, step, isUp: true)
      entity = step
    }
    return entity
  }

  /// What lines, settlements, amounts and units of a finding are made of; see `FindingMoney`.
  private mutating func addFindings(_ rule: Rule, _ bound: [String: Entity]) {
    var namesLines = rule.lines != .none
    for name in Set(rule.settlements + [rule.amountA, rule.amountF].compactMap(\.binding)) {
      // A formed row stands for its base rows.
      guard let entity = bound[name] ?? (rule.shape.formed?.name == name ? rule.shape.formed?.baseEntity : nil) else {
        continue
      }
      switch entity {
      case .settlement: break
      case .line:
        link(.line, .settlement, isUp: true)
        link(.line, .stay, isUp: true)
      case .diagnosis:
        link(.diagnosis, .visit)
        link(.diagnosis, .stay)
        link(.settlement, .visit)
      case .visit:
        link(.settlement, .visit)
        link(.visit, .stay)
      case .stay, .person: link(.settlement, entity)
      }
      add(
        .settlement, "setl_id", "bydise_setl_payamt", "visit_med_type", "A", "P", "U", "fixmedins_code", "psn_no")
      add(.stay, "stay_A", "stay_F")
    }
    for term in [rule.amountA, rule.amountF] {
      switch term {
      case .settlementP, .stayF:
        namesLines = true
        link(.settlement, .stay)
        link(.line, .settlement)
      case .stayA: link(.settlement, .stay)
      case .none, .sumA, .sumF, .settlementA, .partA, .partF, .overPriceA, .overPriceF: break
      }
    }
    if namesLines {
      link(.line, .settlement, isUp: true)
      add(.line, "A", "F", "cnt", "det_item_fee_sumamt", "bilg_dr_code")
      add(.settlement, "fixmedins_code", "psn_no")
    }
  }
}
