import Audit
import ClaimModel
import ClaimStore
import Normalize
import Registries
import RulePacks

/// Which rows of old batches stay when claims are removed, so that no finding of today or of a later run changes
/// because of their age.
///
/// Rows that hang together, by psn_no, setl_id, mdtrt_id or the id of a diagnosis or operation, stay or go together:
/// what one finding about a person rests on is never torn. They stay for one of the reasons of `Reason`.
struct RetentionPlan {
  /// A stay or purchase so many days before the line may still be paired with one behind it.
  static let leastMargin: Int64 = 31
  /// Where only the rows say how many days a rule's window has.
  private static let marginOfUnknownWindows: Int64 = 366

  /// The same, or the days of the longest window of a rule.
  private static func margin(_ rules: [Rule]) -> Int64 {
    rules.compactMap { rule in
      rule.hasWindow ? rule.mostWindowDays ?? marginOfUnknownWindows : nil
    }.reduce(leastMargin, max)
  }

  /// The first that holds is counted.
  enum Reason: Int, CaseIterable {
    case seen, finding, inHospital, stock, institution, delivered

    /// - Parameter margin: of the rules.
    func text(_ since: String, margin: Int64) -> String {
      switch self {
      case .seen: "seen less than \(margin) days before \(since), or later"
      case .finding: "named by a finding that reaches \(since) or later"
      case .inHospital: "still in hospital by the last row of a visit"
      case .stock: "may hold supplies that last until \(since)"
      case .institution: "at an institution whose finding counts over everybody"
      case .delivered: "a batch that stays delivers a row of theirs, too"
      }
    }
  }

  /// What stays of one reason.
  struct Kept: Equatable {
    var persons = 0
    var rows = 0
  }

  let margin: Int64
  /// Batches of which at least one row goes, by name.
  var batches: Set<String> = []
  /// Lines that stay, by segment number.
  var lines: [Int32: LineSet] = [:]
  /// By the raw value of `Reason`.
  var kept = [Kept](repeating: Kept(), count: Reason.allCases.count)
  /// Rows of each batch that go.
  var removed: [String: Int] = [:]

  /// What findings of the last run forbid.
  struct Protected {
    /// Settlements and persons whose rows stay.
    var settlements: Set<String> = []
    var persons: Set<String> = []
    /// By institution the day from which on whoever was there stays.
    var institutions: [String: Int64] = [:]
    /// The same wherever they were; nil: from the line on.
    var everywhere: Int64?

    /// - Parameters:
    ///   - findings: of the last run.
    ///   - since: findings that end before this day keep their amounts, whatever becomes of their rows.
    init(_ findings: [FindingRecord], rules: [Rule], since: Int64) {
      let byID = Dictionary(rules.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
      for record in findings where record.state != .withdrawn {
        let finding = record.finding
        if let to = finding.to, to < since { continue }
        settlements.formUnion(finding.setlIDs)
        if !finding.psnNo.isEmpty { persons.insert(finding.psnNo) }
        guard let rule = byID[finding.rule], rule.reach != .person else { continue }
        // A population is of all the store's rows; other groups are of the days that the finding names, and the day
        // before them must not become one of them.
        let from = rule.populations.isEmpty ? finding.from.map { $0 - 1 } ?? Int64.min : Int64.min
        if finding.fixmedinsCode.isEmpty {
          everywhere = min(everywhere ?? from, from)
        } else {
          institutions[finding.fixmedinsCode] = min(institutions[finding.fixmedinsCode] ?? from, from)
        }
      }
    }
  }

  /// - Parameters:
  ///   - old: names of the batches that may go.
  ///   - knowsRegistries: the setting's registries are those of the last run; else whoever may hold supplies by the
  ///     rows alone stays.
  init(
    _ ledger: Ledger, old: Set<String>, since: Int64, findings: [FindingRecord], rules: [Rule],
    setting: StoreState.Setting, knowsRegistries: Bool, unitRows: Int? = nil
  ) throws {
    let segments = try ledger.liveSegments()
    let stocks = rules.filter(\.carriesStock)
    var setting = setting
    setting.rules = stocks
    let shelf = RegistryShelf(setting.registries, codes: setting.codes)
    let protected = Protected(findings, rules: rules, since: since)
    margin = Self.margin(rules)
    let line = min(since - margin, protected.everywhere ?? Int64.max)

    // Segments of which rows may go: those of no batch that stays.
    var stays = Set<Int32>()
    var rowsOf: [Int32: Int] = [:]
    for segment in segments {
      rowsOf[segment.record.number] = segment.record.rows
      if !old.contains(segment.batch) { stays.insert(segment.record.number) }
    }

    let parts = try ledger.parts()
    let ids = try StoreReader(
      ledger, live: segments,
      columns: Dictionary(uniqueKeysWithValues: ClaimTable.allCases.map { ($0, Self.idColumns($0)) }),
      parts: parts)
    let reader = try StoreReader(
      ledger, live: segments,
      columns: Dictionary(
        uniqueKeysWithValues: ClaimTable.allCases.map { table in
          (table, Self.columns(table).union(stocks.isEmpty ? [] : StoreState.neededColumns(stocks, table)))
        }), parts: parts)
    var perTop = [Int](repeating: 0, count: 256)
    for table in ClaimTable.allCases { for (top, n) in reader.rows(table).enumerated() { perTop[top] += n } }
    let ranges = ClaimUnits(
      rows: perTop, most: unitRows ?? ClaimUnits.rows(within: MemoryLimit.standard, jobs: 1)
    ).ranges
    let codes = CodeTable(copying: setting.codes)
    let marks = Marks(protected, codes)
    let mark = codes.count
    var shared = StraddlingSlices([])
    if ranges.count > 1 {
      var keys: [[UInt64]] = []
      for range in ranges {
        var own: [UInt64] = []
        appendUnitKeys(try ids.load(slices: range, codes: codes), codes: codes, to: &own)
        keys.append(own)
        codes.rollBack(to: mark)
      }
      shared = StraddlingSlices(straddlingSlices(keys))
    }

    func look(_ raw: [ClaimTable: RawRows]) throws {
      var held = Set<RowOrigin>()
      if !stocks.isEmpty {
        let claims = try StoreState(segments: segments, raw: raw, codes: codes, setting).normalized.claims
        let input = AuditInput(claims: claims, registries: setting.registries)
        for rule in stocks {
          let found =
            try knowsRegistries
            ? rowsInStock(rule, input, shelf: shelf, from: line) : rowsPerhapsInStock(rule, input, shelf: shelf)
          guard let found else { continue }
          let origin = claims[found.entity].origin
          for row in found.rows { held.insert(origin[Int(row)]) }
        }
      }
      var groups = HangingTogether(codes)
      for (_, rows) in raw { groups.link(rows) }
      for (_, rows) in raw {
        groups.note(rows, line: line, marks, held: held)
        // A line whose reversal went would count again.
        groups.noteDelivered(rows) { stays.contains(segments[Int($0)].record.number) }
      }
      if let visits = raw[.visits] { groups.noteInHospital(visits) }
      for (_, rows) in raw {
        groups.eachKept(rows) { row, reason, isNewPerson in
          let number = segments[Int(rows.origin[row].segment)].record.number
          if stays.contains(number) { return }
          let before = lines[number]?.count ?? 0
          lines[number, default: LineSet()].insert(rows.origin[row].line)
          // A file that two old batches have gives its rows twice.
          if lines[number]?.count == before { return }
          kept[reason.rawValue].rows += 1
          if isNewPerson() { kept[reason.rawValue].persons += 1 }
        }
      }
    }
    for range in ranges {
      try look(reader.load(slices: range, codes: codes).mapValues { $0.without(shared) })
      codes.rollBack(to: mark)
    }
    if !shared.isEmpty { try look(reader.load(slices: Set(shared.slices), codes: codes)) }

    for segment in segments where old.contains(segment.batch) {
      let number = segment.record.number
      if stays.contains(number) { continue }
      let gone = (rowsOf[number] ?? 0) - (lines[number]?.count ?? 0)
      if gone > 0 {
        batches.insert(segment.batch)
        removed[segment.batch, default: 0] += gone
      }
    }
  }

  // MARK: Columns

  private static func idColumns(_ table: ClaimTable) -> Set<String> {
    Set(ids(table).map(\.column))
  }

  private static func columns(_ table: ClaimTable) -> Set<String> {
    var names = idColumns(table).union(days(table).map(\.column))
    if table == .settlements || table == .visits || table == .feeLines { names.insert("fixmedins_code") }
    if table == .visits { names.formUnion(["inhosp_stas", "updt_time"]) }
    return names
  }

  fileprivate static let idKinds = 5

  /// Columns that hold or name an id, with its kind; as `appendUnitKeys` has them, and psn_no.
  fileprivate static func ids(_ table: ClaimTable) -> [(column: String, kind: Int)] {
    switch table {
    case .settlements: [("psn_no", 0), ("setl_id", 1), ("init_setl_id", 1), ("mdtrt_id", 2)]
    case .feeLines: [("psn_no", 0), ("setl_id", 1), ("mdtrt_id", 2)]
    case .visits: [("psn_no", 0), ("mdtrt_id", 2)]
    case .diagnoses: [("psn_no", 0), ("mdtrt_id", 2), ("setl_list_diag_id", 3)]
    case .operations: [("psn_no", 0), ("mdtrt_id", 2), ("setl_list_oprn_id", 4)]
    }
  }

  /// Columns that say when a person was seen: seconds or days.
  fileprivate static func days(_ table: ClaimTable) -> [(column: String, isTime: Bool)] {
    let names: Set = ["begndate", "enddate", "begntime", "endtime", "setl_time", "fee_ocur_time", "oprn_oprt_date"]
    return table.columns.filter { names.contains($0.name) }.map { ($0.name, $0.kind == .time) }
  }
}

/// Codes of what findings name; they stand in the table before any claim's.
private struct Marks {
  /// By kind of id, as `RetentionPlan.ids` has them.
  private var named: [Int: Set<UInt32>]
  private var institutions: [UInt32: Int64]

  init(_ protected: RetentionPlan.Protected, _ codes: CodeTable) {
    named = [
      0: Set(protected.persons.map { codes.intern($0) }), 1: Set(protected.settlements.map { codes.intern($0) }),
    ]
    institutions = Dictionary(
      protected.institutions.map { (codes.intern($0.key), $0.value) }, uniquingKeysWith: { min($0, $1) })
  }

  func names(kind: Int, _ code: UInt32) -> Bool { named[kind]?.contains(code) ?? false }
  func day(institution code: UInt32) -> Int64? { institutions[code] }
}

/// Rows of one unit by what hangs together, with the reasons for which they stay.
private struct HangingTogether {
  private let codes: CodeTable
  private let count: Int
  /// By kind and code of an id: one that it hangs together with, or itself.
  private var next: [UInt32]
  /// Of the last one in the chain: bits of `Reason`.
  private var reasons: [UInt8]
  private var isCounted: [Bool]

  init(_ codes: CodeTable) {
    self.codes = codes
    count = codes.count
    next = (0..<UInt32(count * RetentionPlan.idKinds)).map { $0 }
    reasons = [UInt8](repeating: 0, count: next.count)
    isCounted = [Bool](repeating: false, count: count)
  }

  /// The ids of a table's rows, column by column.
  private struct IDs {
    var columns: [(kind: Int, codes: [UInt32])]

    init(_ rows: RawRows) {
      columns = RetentionPlan.ids(rows.table).compactMap { id in rows.columns[id.column].map { (id.kind, $0.codes) } }
    }
  }

  private func node(_ kind: Int, _ code: UInt32) -> Int { kind * count + Int(code) }

  private mutating func root(_ node: Int) -> Int {
    var at = node
    while Int(next[at]) != at {
      next[at] = next[Int(next[at])]
      at = Int(next[at])
    }
    return at
  }

  private mutating func root(_ ids: IDs, _ row: Int) -> Int? {
    for (kind, codes) in ids.columns where codes[row] != CodeTable.null { return root(node(kind, codes[row])) }
    return nil
  }

  mutating func link(_ rows: RawRows) {
    let ids = IDs(rows)
    for row in 0..<rows.count {
      guard let first = root(ids, row) else { continue }
      for (kind, codes) in ids.columns where codes[row] != CodeTable.null {
        next[root(node(kind, codes[row]))] = UInt32(first)
      }
    }
  }

  /// Why rows stay; after all are linked.
  mutating func note(_ rows: RawRows, line: Int64, _ marks: Marks, held: Set<RowOrigin>) {
    let ids = IDs(rows)
    let days = RetentionPlan.days(rows.table).compactMap { day in
      rows.columns[day.column].map { (values: $0.numbers, isTime: day.isTime) }
    }
    let institutions = rows.columns["fixmedins_code"]?.codes
    for row in 0..<rows.count {
      guard let root = root(ids, row) else { continue }
      var last = Int64.min
      for (values, isTime) in days where values[row] != ColumnData.null {
        last = max(last, isTime ? CivilTime.dayOf(time: values[row]) : values[row])
      }
      if last >= line { note(.seen, root) }
      if !held.isEmpty, held.contains(rows.origin[row]) { note(.stock, root) }
      for (kind, codes) in ids.columns where marks.names(kind: kind, codes[row]) { note(.finding, root) }
      if let code = institutions?[row], let from = marks.day(institution: code), last >= from {
        note(.institution, root)
      }
    }
  }

  /// Rows of segments that stay, whatever becomes of the others.
  mutating func noteDelivered(_ rows: RawRows, _ stays: (Int32) -> Bool) {
    let ids = IDs(rows)
    for row in 0..<rows.count where stays(rows.origin[row].segment) {
      if let root = root(ids, row) { note(.delivered, root) }
    }
  }

  /// Visits whose newest row says that the person has not left.
  mutating func noteInHospital(_ visits: RawRows) {
    guard let ids = visits.columns["mdtrt_id"]?.codes, let status = visits.columns["inhosp_stas"]?.codes,
      let updated = visits.columns["updt_time"]?.numbers, let one = codes.find("1")
    else { return }
    var newest: [UInt32: (time: Int64, isIn: Bool)] = [:]
    for row in 0..<visits.count where ids[row] != CodeTable.null {
      let isIn = status[row] == one
      // Null is the least number; of rows of one time either may be the newest.
      if let known = newest[ids[row]], known.time > updated[row] || (known.time == updated[row] && known.isIn) {
        continue
      }
      newest[ids[row]] = (updated[row], isIn)
    }
    for (id, visit) in newest where visit.isIn { note(.inHospital, root(node(2, id))) }
  }

  private mutating func note(_ reason: RetentionPlan.Reason, _ root: Int) {
    reasons[root] |= 1 << UInt8(reason.rawValue)
  }

  /// Calls with each row that stays, and with whether it is the first of its person.
  mutating func eachKept(_ rows: RawRows, _ body: (Int, RetentionPlan.Reason, () -> Bool) -> Void) {
    let ids = IDs(rows)
    let persons = rows.columns["psn_no"]?.codes
    for row in 0..<rows.count {
      // A row without any id hangs together with none; nothing says that it may go.
      let bits = root(ids, row).map { reasons[$0] } ?? 1
      guard let reason = RetentionPlan.Reason.allCases.first(where: { bits & 1 << UInt8($0.rawValue) != 0 }) else {
        continue
      }
      body(row, reason) {
        guard let person = persons?[row], person != CodeTable.null, !isCounted[Int(person)] else { return false }
        isCounted[Int(person)] = true
        return true
      }
    }
  }
}
