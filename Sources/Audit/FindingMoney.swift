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
  private var positions: [[Int32]]
  private var lines: [[Int32]]
  private let bound: [String: (entity: Entity, rows: [Int32])]

  init(_ run: RuleRun, _ frame: Frame) throws {
    rule = run.rule
    claims = run.input.claims
    codes = run.input.claims.codes
    let finding = frame.finding ?? ([], 0)
    positions = [[Int32]](repeating: [], count: finding.count)
    for (i, of) in finding.of.enumerated() { positions[Int(of)].append(Int32(i)) }
    lines = [[Int32]](repeating: [], count: finding.count)
    switch rule.lines {
    case .none: break
    case .members: throw EvaluationFault.type("lines of formed rows")
    case .hits(let binding):
      let (entity, rows) = try run.evaluator.rows(binding, [], frame)
      if entity == .line { for (i, of) in finding.of.enumerated() { lines[Int(of)].append(rows[i]) } }
    case .children(let binding, let variable, let condition):
      let inner = try run.evaluator.childFrame(.line, binding, [], variable, frame)
      let holds = try run.evaluator.truths(condition, inner)
      let rows = inner.rows[variable]?.rows ?? []
      for i in 0..<inner.count where holds[i] == Kleene.yes {
        lines[Int(finding.of[Int(inner.owner[i])])].append(rows[i])
      }
    }
    for of in 0..<finding.count { lines[of] = Self.distinct(lines[of]) }
    var bound: [String: (entity: Entity, rows: [Int32])] = [:]
    for name in rule.settlements + [rule.amountA, rule.amountF].compactMap(\.binding) where bound[name] == nil {
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
    result.lineIDs = texts(.line, "id", lines[of])
    let table = claims[.settlement]
    let casePay = table.columns["bydise_setl_payamt"]?.numbers ?? []
    let medType = table.columns["visit_med_type"]?.codes ?? []
    let surgeryOfDay = codes.find("26")
    for row in settlements {
      if !casePay.isEmpty, casePay[Int(row)] != ColumnData.null, casePay[Int(row)] > 0 { result.isEstimate = true }
      if !medType.isEmpty, medType[Int(row)] == surgeryOfDay { result.isEstimate = true }
    }
    result.amount = try amount(rule.amountA, of)
    result.fund = try amount(rule.amountF, of)
    result.claims = try units(rule.amountF, of)
    return result
  }

  private func amount(_ term: AmountTerm, _ of: Int) throws(EvaluationFault) -> Int64 {
    switch term {
    case .none: 0
    case .sumA: try sum(.line, "A", lines[of])
    case .sumF: try sum(.line, "F", lines[of])
    case .settlementA(let binding): try sum(.settlement, "A", ownSettlements(binding, of))
    case .settlementP(let binding): try sum(.settlement, "P", ownSettlements(binding, of))
    case .stayA(let binding): try sum(.stay, "stay_A", stays(binding, of))
    case .stayF(let binding): try sum(.stay, "stay_F", stays(binding, of))
    case .partA, .partF, .overPriceA, .overPriceF: throw .type("not evaluated yet")
    }
  }

  private func units(_ term: AmountTerm, _ of: Int) throws(EvaluationFault) -> [UnitClaim] {
    var ofLines: [Int32] = []
    var ofSettlements: [Int32] = []
    switch term {
    case .sumF: ofLines = lines[of]
    case .settlementP(let binding): ofSettlements = ownSettlements(binding, of)
    case .stayF(let binding): ofSettlements = settlements(.stay, stays(binding, of))
    case .none, .sumA, .settlementA, .stayA: return []
    case .partA, .partF, .overPriceA, .overPriceF: throw .type("not evaluated yet")
    }
    let settlement = claims[.settlement]
    if let children = settlement.children[.line] {
      for row in ofSettlements { ofLines += children.of(Int(row)) }
    }
    var result: [UnitClaim] = []
    let fund = claims[.line].columns["F"]?.numbers ?? []
    let parent = claims[.line].parent[.settlement] ?? []
    for row in Self.distinct(ofLines) {
      let fen = fund.isEmpty ? 0 : fund[Int(row)]
      if fen == 0 || fen == ColumnData.null { continue }
      let payer = parent.isEmpty ? -1 : parent[Int(row)]
      result.append(
        UnitClaim(
          unit: text(.line, "id", row), fen: fen, fixmedinsCode: text(.settlement, "fixmedins_code", payer),
          psnNo: text(.settlement, "psn_no", payer), practitioner: text(.line, "bilg_dr_code", row)))
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
    return result.sorted { $0.unit.utf8.lexicographicallyPrecedes($1.unit.utf8) }
  }

  // MARK: Rows

  /// The rows of a binding over the hits of a finding, each once.
  private func own(_ binding: String, _ of: Int) -> (entity: Entity, rows: [Int32])? {
    guard let (entity, rows) = bound[binding] else { return nil }
    return (entity, Self.distinct(positions[of].map { rows[Int($0)] }))
  }

  /// A line's or settlement's own settlement, a stay's or visit's all counting ones.
  private func settlementRows(_ binding: String, _ of: Int) -> [Int32] {
    guard let (entity, rows) = own(binding, of) else { return [] }
    switch entity {
    case .settlement: return rows
    case .line: return parents(.line, .settlement, rows)
    case .stay, .visit: return settlements(entity, rows)
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

  private static func distinct(_ rows: [Int32]) -> [Int32] { Array(Set(rows.filter { $0 >= 0 })).sorted() }

  private func sum(_ entity: Entity, _ column: String, _ rows: [Int32]) throws(EvaluationFault) -> Int64 {
    let values = claims[entity].columns[column]?.numbers ?? []
    var total: Int64 = 0
    for row in rows where !values.isEmpty { total = try checkedSum(total, values[Int(row)]) }
    return total
  }

  private func text(_ entity: Entity, _ column: String, _ row: Int32) -> String {
    guard row >= 0, let values = claims[entity].columns[column]?.codes, !values.isEmpty else { return "" }
    return codes.text(values[Int(row)])
  }

  private func texts(_ entity: Entity, _ column: String, _ rows: [Int32]) -> [String] {
    rows.map { text(entity, column, $0) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension AmountTerm {
  /// The binding whose settlement or stay it reads.
  var binding: String? {
    switch self {
    case .none, .sumA, .sumF, .partA, .partF, .overPriceA, .overPriceF: nil
    case .settlementA(let name), .settlementP(let name), .stayA(let name), .stayF(let name): name
    }
  }
}
