import ClaimModel
import Registries
import RulePacks

extension RuleRun {
  /// Findings and suppressions of the hits: one of either kind for each distinct key.
  func assemble(_ hits: Frame) throws -> ([Finding], [Suppression], [PopulationFact]) {
    if hits.count == 0 { return ([], [], []) }
    let frame = try grouped(hits)
    let keys = try keyTexts(frame)
    let subjects = try evaluator.texts(rule.subject, frame)

    // Would it stand without exemptions? Then each that applies is recorded.
    var suppressions: [Suppression] = []
    var isExempt = [Bool](repeating: false, count: frame.count)
    if !rule.exemptions.isEmpty {
      let standing = try firstCase(frame)
      var reasons: [[String: [String]]] = []
      for exemption in rule.exemptions {
        let holds = try evaluator.truths(exemption.when, frame)
        for i in 0..<frame.count where holds[i] == Kleene.yes {
          isExempt[i] = true
          guard let finding = frame.finding else { continue }
          if reasons.isEmpty { reasons = [[String: [String]]](repeating: [:], count: finding.count) }
          let of = Int(finding.of[i])
          if reasons[of][exemption.id]?.contains(exemption.text) != true {
            reasons[of][exemption.id, default: []].append(exemption.text)
          }
        }
      }
      let representatives = representatives(frame)
      for (of, byID) in reasons.enumerated() where !byID.isEmpty && standing[of] != nil {
        let row = Int(representatives[of])
        for (id, texts) in byID.sorted(by: { bytesPrecede($0.key, $1.key) }) {
          suppressions.append(
            Suppression(
              findingID: StableID.finding(rule: rule.id, key: keys[row]), rule: rule.id, exemption: id,
              subjectType: rule.subjectType, subject: evaluator.codes.text(subjects[row]),
              evidence: texts.joined(separator: "; ")))
        }
      }
    }

    let remaining =
      isExempt.contains(true) ? try grouped(frame.keeping(isExempt.map { $0 ? Kleene.no : Kleene.yes })) : frame
    if remaining.count == 0 { return ([], suppressions, []) }
    return (try findings(remaining), suppressions, try facts(remaining))
  }

  /// The frame with its hits assigned to findings by key, each finding's hits in the order of their rows' ids; formed
  /// rows in the order that `Formed` gives.
  func grouped(_ hits: Frame) throws -> Frame {
    let codes = evaluator.codes
    let keyCodes = try keyTexts(hits).map { codes.intern($0) }
    var steps = [ColumnData.text(keyCodes)]
    if let day = hits.formed?.columns["day"] { steps.append(day) }
    for (binding, entity) in rule.shape.boundAtHits {
      let rows = hits.rows[binding]?.rows ?? []
      if entity == .line {
        steps.append(.text(input.claims.lineIDs(rows)))
        continue
      }
      let column = input.claims[entity].columns[entity.idColumn]?.codes ?? []
      steps.append(.text(rows.map { $0 < 0 || Int($0) >= column.count ? CodeTable.null : column[Int($0)] }))
    }
    for lookup in rule.lookups {
      // Groups of registry rows by their value, not by the order in which the registry's file has them.
      guard case .groups(let name) = lookup.take, let groups = hits.groups[lookup.name],
        let column = evaluator.registry(lookup)?.columns[name]
      else { continue }
      steps.append(column.selecting((0..<hits.count).map { groups.rows[Int(groups.start[$0])] }))
    }
    for by in rule.shape.formed?.by ?? [] { if let column = hits.formed?.columns[by.name] { steps.append(column) } }
    let byColumns = RowOrder(steps, codes)
    let order = (0..<hits.count).sorted { x, y in
      byColumns.precedes(x, y) || (!byColumns.precedes(y, x) && x < y)
    }
    let frame = hits.selecting(order.map { Int32($0) })
    var of: [Int32] = []
    of.reserveCapacity(order.count)
    var last: UInt32?
    var count = 0
    for i in order {
      if last != keyCodes[i] { count += 1 }
      last = keyCodes[i]
      of.append(Int32(count - 1))
    }
    frame.finding = (of, count)
    return frame
  }

  /// First hit of each finding: it stands for the finding where an expression is not an aggregate.
  private func representatives(_ frame: Frame) -> [Int32] {
    guard let finding = frame.finding else { return [] }
    var result = [Int32](repeating: -1, count: finding.count)
    for (i, of) in finding.of.enumerated() where result[Int(of)] < 0 { result[Int(of)] = Int32(i) }
    return result
  }

  /// For each finding the index of the first case that is TRUE.
  private func firstCase(_ frame: Frame) throws -> [Int?] {
    let representatives = representatives(frame)
    var result = [Int?](repeating: nil, count: representatives.count)
    for (c, verdict) in rule.cases.enumerated() {
      let holds = try evaluator.truths(verdict.when, frame)
      for (of, row) in representatives.enumerated() where result[of] == nil && holds[Int(row)] == Kleene.yes {
        result[of] = c
      }
    }
    return result
  }

  func keyTexts(_ frame: Frame) throws -> [String] {
    let parts = try rule.key.map { (try evaluator.vector($0, frame), $0.kind(in: rule) ?? .integer) }
    return (0..<frame.count).map { i in
      parts.map { vector, kind in printed(vector, i, kind) ?? "" }.joined(separator: "|")
    }
  }

  /// A value as text; nil for null. Amounts are plain decimals.
  private func printed(_ vector: Vector, _ i: Int, _ kind: ValueKind) -> String? {
    switch vector {
    case .text(let v): v[i] == CodeTable.null ? nil : evaluator.codes.text(v[i])
    case .number(let v): v[i] == ColumnData.null ? nil : kind.text(v[i])
    case .truth(let v): v[i] == Kleene.null ? nil : v[i] == Kleene.yes ? "1" : "0"
    }
  }

  private func findings(_ frame: Frame) throws -> [Finding] {
    let chosen = try firstCase(frame)
    let representatives = representatives(frame)
    let keys = try keyTexts(frame)
    let subjects = try evaluator.texts(rule.subject, frame)
    let persons = try rule.psnNo.map { try evaluator.texts($0, frame) }
    let institutions = try rule.fixmedinsCode.map { try evaluator.texts($0, frame) }
    let from = try rule.from.map { try evaluator.numbers($0, frame) }
    let to = try rule.to.map { try evaluator.numbers($0, frame) }
    let measure = try rule.measure.map { try evaluator.numbers($0, frame) }
    let threshold = try rule.threshold.map { try evaluator.numbers($0, frame) }
    let ofCases = try rule.cases.map { try $0.threshold.map { try evaluator.numbers($0, frame) } }
    let explain = try explanation(frame)
    let money = try FindingMoney(self, frame)

    func number(_ values: [Int64]?, _ i: Int) -> Int64? { values.flatMap { $0[i] == ColumnData.null ? nil : $0[i] } }
    var result: [Finding] = []
    for (of, row) in representatives.enumerated() {
      guard let c = chosen[of] else { continue }
      let i = Int(row)
      let verdict = rule.cases[c]
      let named = try money.named(of)
      let isShadow = rule.status == .shadow
      result.append(
        Finding(
          id: StableID.finding(rule: rule.id, key: keys[i]), rule: rule.id, ruleVersion: rule.version, key: keys[i],
          verdict: verdict.verdict, severity: verdict.severity, subjectType: rule.subjectType,
          subject: evaluator.codes.text(subjects[i]), psnNo: persons.map { evaluator.codes.text($0[i]) } ?? "",
          fixmedinsCode: institutions.map { evaluator.codes.text($0[i]) } ?? "", setlIDs: named.setlIDs,
          lineIDs: named.lineIDs, from: number(from, i), to: number(to, i), measure: number(measure, i),
          threshold: number(ofCases[c] ?? threshold, i), amountFen: named.amount, fundFen: named.fund,
          precedence: isShadow ? Int.max : verdict.precedence, isEstimate: named.isEstimate,
          explanation: explain(i, named.amount, named.fund), claims: isShadow ? [] : named.claims))
    }
    return result
  }

  /// The texts of a column over each position's group: each once, by bytes, joined.
  private func groupTexts(_ lookup: String, _ column: String, _ frame: Frame) throws -> [UInt32] {
    let values = evaluator.registry(try evaluator.lookup(lookup))?.columns[column]?.codes ?? []
    guard let groups = frame.groups[lookup] else { return [UInt32](repeating: CodeTable.null, count: frame.count) }
    return (0..<frame.count).map { i in
      let texts = Set(groups.of(i).map { values[Int($0)] }).subtracting([CodeTable.null])
      let sorted = texts.sorted(by: evaluator.codes.precedes)
      return evaluator.codes.intern(sorted.map(evaluator.codes.text).joined(separator: "；"))
    }
  }

  /// Renders the explanation of a position: fen as yuan, days as dates, null as 无.
  private func explanation(_ frame: Frame) throws -> (Int, Int64, Int64) -> String {
    let values: [Vector?] = try rule.explain.map { part in
      switch part {
      case .value(let value, _), .word(let value, _): return try evaluator.vector(value, frame)
      case .texts(let lookup, let column): return .text(try groupTexts(lookup, column, frame))
      case .text, .amountA, .amountF: return nil
      }
    }
    return { [self] i, amount, fund in
      var text = ""
      for (part, vector) in zip(rule.explain, values) {
        switch (part, vector) {
        case (.text(let t), _): text += t
        case (.amountA, _): text += FixedPoint.yuan(amount)
        case (.amountF, _): text += FixedPoint.yuan(fund)
        case (.word(_, let column), .text(let v)?):
          let code = evaluator.codes.text(v[i])
          text += code.isEmpty ? "无" : CodeLists.word(code, column: column) ?? code
        case (.texts, .text(let v)?): text += v[i] == CodeTable.null ? "无" : evaluator.codes.text(v[i])
        case (.value(_, .money), .number(let v)?): text += v[i] == ColumnData.null ? "无" : FixedPoint.yuan(v[i])
        case (.value(_, let kind), let vector?): text += printed(vector, i, kind) ?? "无"
        case (.value, nil), (.word, _), (.texts, _): text += "无"
        }
      }
      return text
    }
  }
}

extension Entity {
  /// The column that names a row.
  var idColumn: String {
    switch self {
    case .line: "id"
    case .settlement: "setl_id"
    case .visit, .stay: "mdtrt_id"
    case .diagnosis: "setl_list_diag_id"
    case .person: "psn_no"
    }
  }
}
