import ClaimModel
import RulePacks

/// Which lines and settlements a finding names, and the units of money that it claims.
struct FindingMoney {
  struct Named {
    var setlIDs: [String] = []
    var lineIDs: [String] = []
    var amount: Int64 = 0
    var fund: Int64 = 0
    var isEstimate = false
    var claims: [UnitClaim] = []
  }

  private let rule: Rule
  private let claims: EffectiveClaims
  private let codes: CodeTable
  // For each finding the positions of its hits, and the lines its rule gives it.
  private let positions: [[Int32]]
  private let lines: [[Int32]]
  private let bound: [String: (entity: Entity, rows: [Int32])]
  /// Names under which the base rows of formed rows go, and those rows.
  private let members: (names: Set<String>, entity: Entity, rows: GroupedRows)?
  /// For each finding its part k of n.
  private let parts: [AmountPart: [(k: Int64, n: Int64)]]
  /// For each finding the price of each line.
  private let prices: [AmountPart: [[Int32: Int64]]]
  private let priceScale: [AmountPart: Int128]

  private let lineTexts: LineTexts

  private enum AmountPart { case amount, fund }

  /// The texts that are asked of lines: a finding may name thousands.
  private struct LineTexts {
    let ids: [UInt32]
    let visits: [UInt32]
    let serials: [UInt32]
    let practitioners: [UInt32]
    let institutions: [UInt32]
    let persons: [UInt32]

    init(_ claims: EffectiveClaims) {
      let (line, settlement) = (claims[.line], claims[.settlement])
      ids = line.columns["id"]?.codes ?? []
      visits = line.columns["mdtrt_id"]?.codes ?? []
      serials = line.columns["bkkp_sn"]?.codes ?? []
      practitioners = line.columns["bilg_dr_code"]?.codes ?? []
      institutions = settlement.columns["fixmedins_code"]?.codes ?? []
      persons = settlement.columns["psn_no"]?.codes ?? []
    }
  }

  init(_ run: RuleRun, _ frame: Frame) throws {
    let rule = run.rule
    self.rule = rule
    claims = run.input.claims
    codes = run.input.claims.codes
    lineTexts = LineTexts(run.input.claims)
    let finding = frame.finding ?? ([], 0)
    var positions = [[Int32]](repeating: [], count: finding.count)
    for (i, of) in finding.of.enumerated() { positions[Int(of)].append(Int32(i)) }
    var lines = [[Int32]](repeating: [], count: finding.count)
    var members: (names: Set<String>, entity: Entity, rows: GroupedRows)?
    if let formed = rule.shape.formed, let rows = frame.formed {
      let names = formed.keepsBaseRow ? [formed.name] : [formed.name, formed.baseBinding]
      members = (Set(names), formed.baseEntity, rows.members)
    }
    self.members = members
    // The position of the hit that first names a line.
    var hitOf: [[Int32: Int32]] = []
    let needsPrices = rule.amountA.price != nil || rule.amountF.price != nil
    if needsPrices { hitOf = [[Int32: Int32]](repeating: [:], count: finding.count) }
    func add(_ line: Int32, _ position: Int32) {
      let of = Int(finding.of[Int(position)])
      lines[of].append(line)
      if needsPrices, hitOf[of][line] == nil { hitOf[of][line] = position }
    }
    switch rule.lines {
    case .none: break
    case .members:
      if let members, members.entity == .line {
        for i in 0..<frame.count { for row in members.rows.of(i) { add(row, Int32(i)) } }
      }
    case .hits(let binding):
      let (entity, rows) = try run.evaluator.rows(binding, [], frame)
      if entity == .line { for i in 0..<frame.count where rows[i] >= 0 { add(rows[i], Int32(i)) } }
    case .children(let binding, let variable, let condition):
      let chosen = Self.oncePerRun(run, frame, binding, condition)
      let asked = chosen.count == frame.count ? frame : frame.selecting(chosen)
      try run.evaluator.eachChildFrame(.line, binding, [], variable, where: condition, asked) { inner, left in
        let rows = inner.rows[variable]?.rows ?? []
        for i in left { add(rows[Int(i)], chosen[Int(inner.owner[Int(i)])]) }
      }
    }
    var parts: [AmountPart: [(k: Int64, n: Int64)]] = [:]
    var prices: [AmountPart: [[Int32: Int64]]] = [:]
    var scales: [AmountPart: Int128] = [:]
    for (part, term) in [(AmountPart.amount, rule.amountA), (.fund, rule.amountF)] {
      switch term {
      case .partA(let k, let n), .partF(let k, let n):
        let (k, n) = (try run.evaluator.numbers(k, frame), try run.evaluator.numbers(n, frame))
        parts[part] = positions.map { own in own.first.map { (k[Int($0)], n[Int($0)]) } ?? (0, 0) }
      case .overPriceA(let price), .overPriceF(let price):
        let values = try run.evaluator.numbers(price, frame)
        prices[part] = hitOf.map { $0.mapValues { values[Int($0)] } }
        // Fen are 10⁻² yuan, pieces 10⁻⁴; a price is 10⁻⁶ yuan unless it is an amount.
        scales[part] = price.kind(in: rule) == .money ? 10_000 : 100_000_000
      case .none, .sumA, .sumF, .settlementA, .settlementP, .stayA, .stayF: break
      }
    }
    self.parts = parts
    self.prices = prices
    priceScale = scales
    self.positions = positions
    self.lines = lines.map { Self.distinct($0) }
    var bound: [String: (entity: Entity, rows: [Int32])] = [:]
    for name in rule.settlements + [rule.amountA, rule.amountF].compactMap(\.binding)
    where bound[name] == nil && members?.names.contains(name) != true {
      bound[name] = try run.evaluator.rows(name, [], frame)
    }
    self.bound = bound
  }

  /// Ids, amounts and units of one finding.
  func named(_ of: Int) throws(EvaluationFault) -> Named {
    var result = Named()
    var settlements: [Int32] = []
    for name in rule.settlements { settlements += settlementRows(name, of) }
    settlements = Self.distinct(settlements)
    result.setlIDs = texts(.settlement, "setl_id", settlements)
    let ofLines = lines[of].map(lineID)
    result.lineIDs = Self.inByteOrder(ofLines)
    let table = claims[.settlement]
    let casePay = table.columns["bydise_setl_payamt"]?.numbers ?? []
    let medType = table.columns["visit_med_type"]?.codes ?? []
    let surgeryOfDay = codes.find("26")
    for row in settlements {
      if !casePay.isEmpty, casePay[Int(row)] != ColumnData.null, casePay[Int(row)] > 0 { result.isEstimate = true }
      if !medType.isEmpty, medType[Int(row)] == surgeryOfDay { result.isEstimate = true }
    }
    result.amount = try amount(rule.amountA, .amount, of)
    result.fund = try amount(rule.amountF, .fund, of)
    result.claims = try units(rule.amountF, of, ids: ofLines)
    return result
  }

  private func amount(_ term: AmountTerm, _ part: AmountPart, _ of: Int) throws(EvaluationFault) -> Int64 {
    switch term {
    case .none: 0
    case .sumA: try sum(.line, "A", lines[of])
    case .sumF: try sum(.line, "F", lines[of])
    case .settlementA(let binding): try sum(.settlement, "A", ownSettlements(binding, of))
    case .settlementP(let binding): try sum(.settlement, "P", ownSettlements(binding, of))
    case .stayA(let binding): try sum(.stay, "stay_A", stays(binding, of))
    case .stayF(let binding): try sum(.stay, "stay_F", stays(binding, of))
    case .partA: try share(of: sum(.line, "A", lines[of]), parts[part]?[of])
    case .partF: try share(of: sum(.line, "F", lines[of]), parts[part]?[of])
    case .overPriceA: try overPrices(part, of).amount
    case .overPriceF: try overPrices(part, of).fund
    }
  }

  /// Part k of n, rounded down; of a negative sum nothing.
  private func share(of sum: Int64, _ part: (k: Int64, n: Int64)?) throws(EvaluationFault) -> Int64 {
    guard let (k, n) = part, k > 0, n > 0, sum > 0 else { return 0 }
    return try whole(Int128(sum) * Int128(min(k, n)) / Int128(n))
  }

  private func overPrices(_ part: AmountPart, _ of: Int) throws(EvaluationFault) -> (amount: Int64, fund: Int64) {
    var total: (amount: Int64, fund: Int64) = (0, 0)
    for line in lines[of] {
      let over = try overPrice(line, part, of)
      total = (try checkedSum(total.amount, over.amount), try checkedSum(total.fund, over.fund))
    }
    return total
  }

  /// What a line costs beyond its price, and how much of that the fund paid.
  private func overPrice(_ line: Int32, _ part: AmountPart, _ of: Int) throws(EvaluationFault)
    -> (amount: Int64, fund: Int64)
  {
    let table = claims[.line]
    func value(_ column: String) -> Int64 {
      guard let values = table.columns[column]?.numbers, !values.isEmpty else { return ColumnData.null }
      return values[Int(line)]
    }
    let (count, cost, a, f) = (value("cnt"), value("det_item_fee_sumamt"), value("A"), value("F"))
    guard let price = prices[part]?[of][line], let scale = priceScale[part], price != ColumnData.null,
      count != ColumnData.null, cost != ColumnData.null, a != ColumnData.null, a > 0
    else { return (0, 0) }
    let product = Int128(count) * Int128(price)
    let allowed = product / scale + (product > 0 && product % scale != 0 ? 1 : 0)
    let over = try whole(min(Int128(a), max(0, Int128(cost) - allowed)))
    return (over, f == ColumnData.null ? 0 : try whole(Int128(f) * Int128(over) / Int128(a)))
  }

  /// `ids`: of the finding's lines, in their order.
  private func units(_ term: AmountTerm, _ of: Int, ids: [String]) throws(EvaluationFault) -> [UnitClaim] {
    var ofLines: [Int32] = []
    var ofSettlements: [Int32] = []
    switch term {
    case .sumF, .partF, .overPriceF: ofLines = lines[of]
    case .settlementP(let binding): ofSettlements = ownSettlements(binding, of)
    case .stayF(let binding): ofSettlements = settlements(.stay, stays(binding, of))
    case .none, .sumA, .settlementA, .stayA, .partA, .overPriceA: return []
    }
    let settlement = claims[.settlement]
    if let children = settlement.children[.line] {
      for row in ofSettlements { ofLines += children.of(Int(row)) }
    }
    var result: [UnitClaim] = []
    let fund = claims[.line].columns["F"]?.numbers ?? []
    let parent = claims[.line].parent[.settlement] ?? []
    let rows = Self.distinct(ofLines)
    // Without settlements' lines they are the finding's own.
    let areNamed = ofSettlements.isEmpty && rows.count == ids.count
    // Lines of one settlement stand side by side.
    var last: (payer: Int32, institution: String, person: String)?
    for (i, row) in rows.enumerated() {
      var fen = fund.isEmpty ? 0 : fund[Int(row)]
      if case .overPriceF = term { fen = try overPrice(row, .fund, of).fund }
      if fen == 0 || fen == ColumnData.null { continue }
      let payer = parent.isEmpty ? -1 : parent[Int(row)]
      let own =
        last?.payer == payer
        ? last : (payer, text(lineTexts.institutions, payer), text(lineTexts.persons, payer))
      last = own
      result.append(
        UnitClaim(
          unit: areNamed ? ids[i] : lineID(row), fen: fen, fixmedinsCode: own?.institution ?? "",
          psnNo: own?.person ?? "", practitioner: text(lineTexts.practitioners, row)))
    }
    let rest = settlement.columns["U"]?.numbers ?? []
    for row in Self.distinct(ofSettlements) {
      let fen = rest.isEmpty ? 0 : rest[Int(row)]
      if fen == 0 || fen == ColumnData.null { continue }
      result.append(
        UnitClaim(
          unit: "U:" + text(.settlement, "setl_id", row), fen: fen,
          fixmedinsCode: text(.settlement, "fixmedins_code", row), psnNo: text(.settlement, "psn_no", row),
          practitioner: ""))
    }
    // Rows stand in the order of their ids more often than not.
    if zip(result, result.dropFirst()).allSatisfy({ !bytesPrecede($1.unit, $0.unit) }) { return result }
    return result.sorted { bytesPrecede($0.unit, $1.unit) }
  }

  // MARK: Rows

  /// The rows of a binding over the hits of a finding, each once.
  private func own(_ binding: String, _ of: Int) -> (entity: Entity, rows: [Int32])? {
    if let members, members.names.contains(binding) {
      return (members.entity, Self.distinct(positions[of].flatMap { members.rows.of(Int($0)) }))
    }
    guard let (entity, rows) = bound[binding] else { return nil }
    return (entity, Self.distinct(positions[of].map { rows[Int($0)] }))
  }

  /// A line's or settlement's own settlement, a stay's, visit's or person's all counting ones.
  private func settlementRows(_ binding: String, _ of: Int) -> [Int32] {
    guard let (entity, rows) = own(binding, of) else { return [] }
    switch entity {
    case .settlement: return rows
    case .line: return parents(.line, .settlement, rows)
    case .stay, .visit, .person: return settlements(entity, rows)
    case .diagnosis: return settlements(.visit, parents(.diagnosis, .visit, rows))
    }
  }

  private func ownSettlements(_ binding: String, _ of: Int) -> [Int32] { Self.distinct(settlementRows(binding, of)) }

  private func stays(_ binding: String, _ of: Int) -> [Int32] {
    guard let (entity, rows) = own(binding, of) else { return [] }
    return entity == .stay ? rows : Self.distinct(parents(entity, .stay, rows))
  }

  private func parents(_ entity: Entity, _ parent: Entity, _ rows: [Int32]) -> [Int32] {
    guard let links = claims[entity].parent[parent], !links.isEmpty else { return [] }
    return rows.map { links[Int($0)] }.filter { $0 >= 0 }
  }

  private func settlements(_ entity: Entity, _ rows: [Int32]) -> [Int32] {
    guard let children = claims[entity].children[.settlement] else { return [] }
    return rows.flatMap { children.of(Int($0)) }
  }

  /// The positions at which the children of a binding are worth asking for: of the days of one run the first, where the
  /// condition does not tell them apart.
  private static func oncePerRun(_ run: RuleRun, _ frame: Frame, _ binding: String, _ condition: Expr) -> [Int32] {
    let all: [Int32] = filled(frame.count) { Int32($0) }
    guard let formed = run.rule.shape.formed, formed.keepsBaseRow, binding == formed.baseBinding,
      !condition.readsFormedColumn("day"), let rows = frame.rows[binding]?.rows, let finding = frame.finding,
      case .number(let first)? = frame.formed?.columns["run_first"]
    else { return all }
    var seen: Set<[Int64]> = []
    return all.filter { i in seen.insert([Int64(finding.of[Int(i)]), Int64(rows[Int(i)]), first[Int(i)]]).inserted }
  }

  /// Ascending, each once, without those that are none.
  private static func distinct(_ rows: [Int32]) -> [Int32] {
    func isAscending() -> Bool {
      rows.withUnsafeBufferPointer { rows in
        for i in 1..<max(1, rows.count) where rows[i] <= rows[i - 1] { return false }
        return true
      }
    }
    if rows.isEmpty || rows[0] >= 0 && isAscending() { return rows }
    var result: [Int32] = []
    for row in rows.sorted() where row >= 0 && result.last != row { result.append(row) }
    return result
  }

  private func sum(_ entity: Entity, _ column: String, _ rows: [Int32]) throws(EvaluationFault) -> Int64 {
    let values = claims[entity].columns[column]?.numbers ?? []
    var total: Int64 = 0
    for row in rows where !values.isEmpty { total = try checkedSum(total, values[Int(row)]) }
    return total
  }

  private func text(_ entity: Entity, _ column: String, _ row: Int32) -> String {
    text(claims[entity].columns[column]?.codes ?? [], row)
  }

  private func text(_ values: [UInt32], _ row: Int32) -> String {
    row < 0 || values.isEmpty ? "" : codes.text(values[Int(row)])
  }

  private func texts(_ entity: Entity, _ column: String, _ rows: [Int32]) -> [String] {
    Self.inByteOrder(rows.map { text(entity, column, $0) })
  }

  private static func inByteOrder(_ texts: [String]) -> [String] {
    if zip(texts, texts.dropFirst()).allSatisfy({ !bytesPrecede($1, $0) }) { return texts }
    return texts.sorted(by: bytesPrecede)
  }

  /// The id of a line, as `lineIDs` has it; it is not interned, since a finding may name thousands.
  private func lineID(_ row: Int32) -> String {
    if row < 0 { return "" }
    if !lineTexts.ids.isEmpty { return codes.text(lineTexts.ids[Int(row)]) }
    if lineTexts.visits.isEmpty || lineTexts.serials.isEmpty { return "" }
    return codes.lineIDText(visit: lineTexts.visits[Int(row)], serial: lineTexts.serials[Int(row)])
  }
}

extension AmountTerm {
  /// The price that it compares with.
  var price: Expr? {
    switch self {
    case .overPriceA(let price), .overPriceF(let price): price
    default: nil
    }
  }

  /// The binding whose settlement or stay it reads.
  var binding: String? {
    switch self {
    case .none, .sumA, .sumF, .partA, .partF, .overPriceA, .overPriceF: nil
    case .settlementA(let name), .settlementP(let name), .stayA(let name), .stayF(let name): name
    }
  }
}
