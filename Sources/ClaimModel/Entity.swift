/// What a rule can speak about: rows that count, after versions, refunds and reversals (claims.md 1.1-1.8).
public enum Entity: String, Sendable, CaseIterable, Codable {
  /// A counting fee line; cnt and amounts are net of linked reversals.
  case line
  /// A counting settlement.
  case settlement
  /// A valid visit.
  case visit
  /// An inpatient stay: a valid visit with the columns of `visit` and those derived here.
  case stay
  /// A valid diagnosis row, joined by mdtrt_id.
  case diagnosis
  /// A psn_no of counting settlements, each once; null is no person.
  ///
  /// Settlements are a person's by their psn_no, stays by their visit's, and lines by that of their settlement, so that
  /// Σ F + Σ U of what a person has is the Σ P of the settlements. A line's own psn_no is the
  /// line's in a line rule; here it is read as `l.psn_no` and decides nothing. A stay whose psn_no is in no counting
  /// settlement belongs to no person.
  case person

  /// The extract table its rows come from; no file lists persons, they are read off settlements.
  public var table: ClaimTable {
    switch self {
    case .line: .feeLines
    case .settlement, .person: .settlements
    case .visit, .stay: .visits
    case .diagnosis: .diagnoses
    }
  }

  /// The columns its rows have from their extract table: all of them, and of a person only psn_no.
  public var nationalColumns: [ClaimColumn] {
    self == .person ? table.columns.filter { $0.name == "psn_no" } : table.columns
  }

  /// Columns that no extract has, with their kinds.
  public var derived: [(name: String, kind: ValueKind, caption: String)] {
    switch self {
    case .line:
      [
        ("id", .text, "费用明细标识"), ("day", .day, "费用发生日"), ("A", .money, "涉及金额"), ("F", .money, "基金金额"),
      ]
    case .settlement:
      [
        ("day", .day, "就诊日"), ("P", .money, "基金支付"), ("T", .money, "分摊基数"), ("U", .money, "未分摊基金"),
        ("A", .money, "明细涉及金额合计"), ("visit_class", .text, "就诊类别"), ("opsp_flag", .text, "慢特病标志"),
        ("reg_flag", .text, "需备案标志"), ("visit_med_type", .text, "就诊医疗类别"),
      ]
    case .stay:
      [
        ("begin_day", .day, "入院日"), ("end_day", .day, "出院日"), ("nights", .integer, "住院夜数"),
        ("los", .integer, "住院天数"), ("stay_A", .money, "本次住院涉及金额"), ("stay_F", .money, "本次住院基金支付"),
        ("dx", .text, "主要诊断"), ("adm_dept", .text, "入院科别"), ("dscg_dept", .text, "出院科别"),
        ("visit_class", .text, "就诊类别"), ("opsp_flag", .text, "慢特病标志"), ("reg_flag", .text, "需备案标志"),
      ]
    case .visit, .diagnosis, .person: []
    }
  }

  /// The one row of another entity that a row belongs to, and the entities of which it has many.
  public var parents: [Entity] {
    switch self {
    case .line: [.settlement, .visit, .stay, .person]
    case .settlement: [.visit, .stay, .person]
    case .visit: [.stay]
    case .stay: [.visit, .person]
    case .diagnosis: [.visit, .stay]
    case .person: []
    }
  }

  /// Entities of which a row has many: lines by setl_id (settlement), by their own mdtrt_id (visit, stay) or by the
  /// psn_no of their settlement (person).
  public var children: [Entity] {
    switch self {
    case .settlement: [.line]
    case .visit, .stay: [.line, .settlement, .diagnosis]
    case .person: [.line, .settlement, .stay]
    case .line, .diagnosis: []
    }
  }

  /// Kind of a column, national or derived; nil if the entity has none of that name.
  public func kind(of column: String) -> ValueKind? {
    if let d = derived.first(where: { $0.name == column }) { return d.kind }
    if self == .person, column != "psn_no" { return nil }
    return table.index(of: column).map { table.columns[$0].kind }
  }
}

/// Where a row came from: the segment (an index into the run's list of segments) and the line in its file.
public struct RowOrigin: Sendable, Hashable, BitwiseCopyable {
  public var segment: Int32
  /// 1-based line in the claim file, header included.
  public var line: Int32

  public init(segment: Int32, line: Int32) {
    self.segment = segment
    self.line = line
  }
}

/// Rows of one extract table as the store holds them, in memory, column by column; every accepted row, all versions.
public struct RawRows: Sendable {
  public let table: ClaimTable
  public var origin: [RowOrigin] = []
  /// Loaded columns by national name.
  public var columns: [String: ColumnData] = [:]
  /// `PersonSlice` of each row; empty where it was not asked for, as the three below.
  public var slice: [UInt16] = []
  /// Offset of each row's first byte in the inflated bytes of its file.
  public var byteOffset: [Int64] = []
  /// Codes of `DeliveredText.forms`: how each number was written.
  public var forms: [UInt32] = []
  /// Codes of `DeliveredText.other`: texts that no column can give back; 0 where there is none.
  public var other: [UInt32] = []
  public var count: Int { origin.count }

  public init(table: ClaimTable) { self.table = table }
}

/// Rows of one entity, column by column, with links to the rows they belong to.
public struct EntityTable: Sendable {
  public let entity: Entity
  public var count: Int
  /// National (where loaded) and all derived columns by name.
  public var columns: [String: ColumnData]
  /// Empty for persons: no row of a file is one.
  public var origin: [RowOrigin]
  /// Row of the parent, -1 where there is none.
  public var parent: [Entity: [Int32]]
  /// Rows of the children; see `Entity.children`.
  public var children: [Entity: Children]

  public init(
    entity: Entity, count: Int = 0, columns: [String: ColumnData] = [:], origin: [RowOrigin] = [],
    parent: [Entity: [Int32]] = [:], children: [Entity: Children] = [:]
  ) {
    self.entity = entity
    self.count = count
    self.columns = columns
    self.origin = origin
    self.parent = parent
    self.children = children
  }
}

/// For each row the rows that belong to it, in one array: row i has `rows[offsets[i]..<offsets[i + 1]]`.
public struct Children: Sendable {
  public var offsets: [Int32]
  public var rows: [Int32]

  public init(offsets: [Int32], rows: [Int32]) {
    self.offsets = offsets
    self.rows = rows
  }

  /// Inverts a parent array (-1 = none); children keep their order.
  public init(parent: [Int32], parents: Int) {
    var offsets = [Int32](repeating: 0, count: parents + 1)
    var isAscending = true
    parent.withUnsafeBufferPointer { parent in
      offsets.withUnsafeMutableBufferPointer { offsets in
        // Children of one parent mostly stand together: they are counted before they are noted.
        var last: Int32 = -1
        var greatest: Int32 = 0
        var count: Int32 = 0
        for p in parent {
          if p != last {
            if last >= 0 { offsets[Int(last) &+ 1] &+= count }
            precondition(p < parents, "a parent that is no row")
            if p >= 0 {
              if p < greatest { isAscending = false }
              greatest = p
            }
            last = p
            count = 0
          }
          count &+= 1
        }
        if last >= 0 { offsets[Int(last) &+ 1] &+= count }
        for i in 0..<parents { offsets[i &+ 1] &+= offsets[i] }
      }
    }
    let count = Int(offsets[parents])
    let rows = [Int32](unsafeUninitializedCapacity: count) { rows, initialized in
      parent.withUnsafeBufferPointer { parent in
        if isAscending {
          var at = 0
          for child in 0..<parent.count where parent[child] >= 0 {
            rows[at] = Int32(truncatingIfNeeded: child)
            at &+= 1
          }
        } else {
          var next = offsets
          next.withUnsafeMutableBufferPointer { next in
            for child in 0..<parent.count where parent[child] >= 0 {
              let p = Int(parent[child])
              rows[Int(next[p])] = Int32(truncatingIfNeeded: child)
              next[p] &+= 1
            }
          }
        }
      }
      initialized = count
    }
    self.init(offsets: offsets, rows: rows)
  }

  public func of(_ row: Int) -> ArraySlice<Int32> { rows[Int(offsets[row])..<Int(offsets[row + 1])] }
}

/// The claims that count, ready for rules.
public struct EffectiveClaims: Sendable {
  public let codes: CodeTable
  public var tables: [Entity: EntityTable]

  public init(codes: CodeTable, tables: [Entity: EntityTable]) {
    self.codes = codes
    self.tables = tables
  }

  /// The table of an entity; empty if nothing was loaded.
  public subscript(_ entity: Entity) -> EntityTable { tables[entity] ?? EntityTable(entity: entity) }
}
