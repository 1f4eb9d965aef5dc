import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Normalize
import Registries
import RulePacks
import SQLLowering

/// `yijian explain`: everything behind one finding, on standard output, in words that somebody who never saw the
/// program can follow.
///
/// - Parameters:
///   - all: no list is cut short.
///   - wholeStore: all claims are loaded, not only those that hang together with the finding's. The page is the same.
public func explainFinding(
  _ id: String, pipeline: String, store: String?, registries: String?, all: Bool, sql dialect: String,
  wholeStore: Bool = false
) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let dialect = try sqlDialect(dialect)
    let file = try PipelineFile.read(pipeline)
    let (jurisdiction, pack) = try loadRules(file)
    // Rule ids hold a hyphen, the digest behind them none.
    let ruleID = id.lastIndex(of: "-").map { String(id[..<$0]) } ?? id
    let rule = pack.rules.first { $0.id == ruleID }
    let stored = try StoredClaims(
      file: file, jurisdiction: jurisdiction, pack: pack, store: store, registries: registries,
      rules: rule.map { [$0] } ?? [])
    let record = try stored.ledger.finding(id)
    if record == nil, rule == nil { throw unknownFinding(id) }
    let text = try stored.ledger.reading {
      let found = try rule.flatMap { try stored.evidence(id, of: $0, amongAll: wholeStore) }
      if record == nil, found == nil { throw unknownFinding(id) }
      return try FindingExplanation(
        id: id, record: record, rule: rule, evidence: found?.evidence,
        claims: try found?.claims ?? stored.claims(of: []), stored: stored, isWhole: all, dialect: dialect
      ).text()
    }
    print(text, terminator: "")
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}

private func unknownFinding(_ id: String) -> Diagnostic {
  Diagnostic(
    .error, "explain.unknown", "neither the last run nor its suppressed hits have \(id)",
    remedy: "finding ids stand in the first column of findings.csv and suppressed.csv")
}

/// The dialect of that name.
func sqlDialect(_ name: String) throws -> Dialect {
  guard let dialect = Dialect.all.first(where: { $0.id == name }) else {
    throw Diagnostic(
      .error, "usage.dialect", "there is no SQL dialect \(name)",
      remedy: "write one of \(Dialect.all.map(\.id).joined(separator: ", "))")
  }
  return dialect
}

/// The page that `explain` prints.
struct FindingExplanation {
  var id: String
  /// As the last run left it; nil for a hit that an exemption stopped.
  var record: FindingRecord?
  var rule: Rule?
  /// nil where today's claims, rule and registries no longer give the finding.
  var evidence: FindingEvidence?
  /// Those among which the evidence was found; of nobody where there is none.
  var claims: StoreState
  var stored: StoredClaims
  var isWhole: Bool
  var dialect: Dialect

  /// Rows of a list that are shown unless all are asked for.
  private var limit: Int { isWhole ? Int.max : 20 }
  private var codes: CodeTable { claims.codes }
  private var finding: Finding? { record?.finding ?? evidence?.finding }

  func text() throws -> String {
    var page = TextPage()
    let name = rule.map { " \($0.nameZh) · \($0.nameEn)" } ?? ""
    page.line("\(id)  \(finding?.rule ?? rule?.id ?? "")\(name)", indent: 0)
    page.line("系统初判，以核查认定为准。 A first judgement by rule; the investigation decides.", indent: 0)
    writeRemarks(&page)
    writeFinding(&page)
    if let evidence, let rule {
      try writeRows(&page, evidence, rule)
      writeConditions(&page, evidence, rule)
      writeExemptions(&page, evidence, rule)
      writeParameters(&page, evidence, rule)
      writeRegistries(&page, evidence)
      writeFacts(&page, evidence, rule)
    }
    if let rule {
      writeLaw(&page, rule)
      try writeSQL(&page, rule)
    }
    return page.text
  }

  // MARK: What stands above all

  private func writeRemarks(_ page: inout TextPage) {
    var remarks: [String] = []
    if record == nil, evidence?.finding != nil {
      remarks.append(
        "不在上次运行的发现中（规则状态 \(rule?.status.rawValue ?? "")）；以下按现有数据推导。 Not among the last run's findings; derived from today's data."
      )
    } else if record == nil {
      remarks.append("不是发现：命中后被豁免（见“豁免”）。 Not a finding: an exemption applies.")
    } else if let record, record.state == .withdrawn {
      remarks.append("上次运行中已撤销，以下为撤销前最后的内容。 Withdrawn in the last run; amounts as last known.")
    }
    if rule == nil {
      remarks.append("该规则已不在规则包中，无法重新推导。 The rule is no longer in the pack.")
    } else if evidence == nil {
      remarks.append("按现有数据、规则与登记表不再得出该发现，只能列出当时的记录。 Today's data no longer give it; only the record is shown.")
    } else if let record, let found = evidence?.finding, record.state != .withdrawn,
      !FindingHistory.isSame(found, record.finding)
    {
      remarks.append("现在推导的结论与记录不同（见金额、初判）；以重新运行为准。 Derived anew it differs from the record: run the pipeline again.")
    }
    if let rule, let finding, rule.version != finding.ruleVersion {
      remarks.append(
        "记录由规则第 \(finding.ruleVersion) 版得出，现为第 \(rule.version) 版。 The record is of another version of the rule.")
    }
    if stored.rulesChanged { remarks.append("规则、法规、豁免或辖区文件自上次运行后已改动。 Rule files differ from those of the last run.") }
    let changed = stored.changedRegistries
    if !changed.isEmpty {
      remarks.append(
        "登记表与上次运行所用的不同：\(changed.joined(separator: "、"))。 Registries differ from those of the last run; give --registries DIR."
      )
    }
    for remark in remarks { page.line("注意：\(remark)", indent: 0) }
  }

  private func writeFinding(_ page: inout TextPage) {
    page.heading("一、发现 · Finding")
    guard let finding else {
      let keys = evidence?.suppressions.map { "\($0.subjectType.zh) \($0.subject)" } ?? []
      if let first = keys.first { page.table([["对象", first]]) }
      return
    }
    page.line(finding.explanation)
    var rows = [
      ["系统初判", "\(finding.verdict.rawValue)，程度\(finding.severity.zh)"],
      ["对象", "\(finding.subjectType.zh) \(finding.subject)"],
    ]
    if let record {
      rows.append(["状态", "\(record.state.zh)，首见于批次 \(record.firstBatch)"])
      rows.append(["案件", record.caseID.isEmpty ? "无" : record.caseID])
    }
    if let from = finding.from {
      let to = finding.to ?? from
      rows.append(["日期", CivilTime.text(day: from) + (to == from ? "" : " 至 \(CivilTime.text(day: to))")])
    }
    if let measure = finding.measure {
      let threshold = finding.threshold.map { "，阈值 \(measured($0))" } ?? ""
      rows.append(["度量", measured(measure) + threshold])
    }
    let counted = record.map { "，计入案件 \(FixedPoint.yuan($0.countedFen)) 元" } ?? ""
    rows.append([
      "金额", "涉及 \(FixedPoint.yuan(finding.amountFen)) 元，基金支付 \(FixedPoint.yuan(finding.fundFen)) 元\(counted)",
    ])
    if finding.isEstimate { rows.append(["估算", "所在结算按病种等方式支付，明细金额为估算"]) }
    rows.append(["键", finding.key])
    rows.append(["结算", finding.setlIDs.isEmpty ? "无" : list(finding.setlIDs)])
    rows.append(["明细", finding.lineIDs.isEmpty ? "未逐条列出（以结算为准）" : list(finding.lineIDs)])
    page.table(rows)
  }

  private func measured(_ value: Int64) -> String {
    guard let rule, let kind = rule.measure?.kind(in: rule) else { return String(value) }
    return kind == .money ? "\(FixedPoint.yuan(value)) 元" : kind.text(value)
  }

  private func list(_ all: [String]) -> String {
    let shown = all.prefix(limit).joined(separator: "、")
    return all.count > limit ? "\(shown) 等 \(all.count) 个" : shown
  }

  // MARK: Claim rows

  private func writeRows(_ page: inout TextPage, _ evidence: FindingEvidence, _ rule: Rule) throws {
    page.heading("二、所依据的行 · Claim rows")
    page.line("值为交付时的原文；字节位置在解压后的文件中，从0起。 Values as delivered; the byte place is in the inflated file.")
    let wanted = neededColumns(rules: [rule])
    let rows = shownRows(evidence)
    for (entity, row) in rows.prefix(limit) {
      try writeRow(&page, entity, row, wanted[entity.table] ?? [])
    }
    if rows.count > limit { page.line("…… 另有 \(rows.count - limit) 行；--all 列出全部") }
  }

  /// Rows of the hits, then settlements and lines that the finding names, each once.
  private func shownRows(_ evidence: FindingEvidence) -> [(Entity, Int)] {
    let claims = claims.normalized.claims
    var result: [(Entity, Int)] = []
    var seen: Set<String> = []
    func add(_ entity: Entity, _ row: Int) {
      if seen.insert("\(entity.table.name) \(row) \([.stay, .person].contains(entity) ? entity.rawValue : "")").inserted
      {
        result.append((entity, row))
      }
    }
    func rows(_ entity: Entity, _ column: String, _ ids: [String]) -> [Int] {
      let values = claims[entity].columns[column]?.codes ?? []
      let wanted = Set(ids.compactMap { codes.find($0) }.filter { $0 != CodeTable.null })
      return wanted.isEmpty ? [] : values.indices.filter { wanted.contains(values[$0]) }
    }
    for hit in evidence.hits {
      for (_, entity, row) in hit.rows { add(entity, row) }
    }
    if let formed = rule?.shape.formed { for row in evidence.members { add(formed.baseEntity, row) } }
    if let finding {
      for row in rows(.settlement, "setl_id", finding.setlIDs) { add(.settlement, row) }
      for row in rows(.line, "id", finding.lineIDs) { add(.line, row) }
    }
    return result
  }

  private func writeRow(_ page: inout TextPage, _ entity: Entity, _ row: Int, _ wanted: Set<String>) throws {
    let table = claims.normalized.claims[entity]
    func own(_ column: String) -> String? {
      switch table.columns[column] {
      case .text(let v): v[row] == CodeTable.null ? nil : codes.text(v[row])
      case .number(let v): v[row] == ColumnData.null ? nil : entity.kind(of: column)?.text(v[row])
      case nil: nil
      }
    }
    let id = own(
      entity == .line
        ? "id"
        : entity == .settlement
          ? "setl_id" : entity == .diagnosis ? "setl_list_diag_id" : entity == .person ? "psn_no" : "mdtrt_id")
    page.line("")
    page.line("\(entity.zh) \(id ?? "")")
    // No row of a file is a person; the settlements, which are, follow.
    if entity == .person { return }
    let origin = table.origin[row]
    var fields: [String: String] = [:]
    if let delivered = try stored.delivered(origin, in: claims) {
      fields = delivered.fields
      page.line(
        "来源 \(stored.source(origin.segment)) 第 \(origin.line) 行，字节 \(delivered.byteOffset)，该行 SHA-256 \(delivered.sha256)",
        indent: 4)
    }
    var cells: [[String]] = []
    for column in entity.table.columns where wanted.contains(column.name) || Self.always.contains(column.name) {
      if Self.hidden.contains(column.name) { continue }
      let value = fields[column.name]
      cells.append([column.caption, column.name, value.map { worded($0, column.name) } ?? "（空）"])
    }
    for derived in entity.derived where derived.name != "id" {
      guard let value = own(derived.name) else { continue }
      let shown = derived.kind == .money ? "\(value) 元" : worded(value, derived.name)
      cells.append([derived.caption, derived.name, "\(shown)（推导）"])
    }
    page.table(cells, indent: 4)
    for reversal in entity == .line ? reversals(of: row) : [] {
      guard let delivered = try stored.delivered(reversal, in: claims) else { continue }
      page.line(
        "已冲减的退费行：\(stored.source(reversal.segment)) 第 \(reversal.line) 行，字节 \(delivered.byteOffset)，"
          + "数量 \(delivered.fields["cnt"] ?? "（空）")，金额 \(delivered.fields["det_item_fee_sumamt"] ?? "（空）")", indent: 4)
    }
  }

  /// Shown of every row that has them, whether the rule reads them or not.
  private static let always: Set<String> = [
    "fixmedins_code", "fixmedins_name", "fee_ocur_time", "hilist_name", "cnt", "pric", "det_item_fee_sumamt",
    "inscp_amt", "begntime", "endtime", "setl_time", "fund_pay_sumamt",
  ]
  /// Ids stand in the heading; keys of other rows beside them say little.
  private static let hidden: Set<String> = ["bkkp_sn", "bydise_setl_payamt"]

  /// Negative lines that were added to a line (claims.md 1.4).
  private func reversals(of row: Int) -> [RowOrigin] {
    let table = claims.normalized.claims[.line]
    guard let raw = claims.raw[.feeLines], let initial = raw.columns["init_feedetl_sn"]?.codes,
      let visit = raw.columns["mdtrt_id"]?.codes, let serial = table.columns["bkkp_sn"]?.codes,
      let ownVisit = table.columns["mdtrt_id"]?.codes, let cnt = raw.columns["cnt"]?.numbers,
      let valid = claims.normalized.isValid[.feeLines]
    else { return [] }
    return raw.origin.indices.filter {
      initial[$0] != CodeTable.null && initial[$0] == serial[row] && visit[$0] == ownVisit[row] && cnt[$0] < 0
        && valid[$0]
    }.map { raw.origin[$0] }
  }

  // MARK: Conditions

  private func writeConditions(_ page: inout TextPage, _ evidence: FindingEvidence, _ rule: Rule) {
    page.heading("三、条件 · Conditions")
    page.line("只有 TRUE 才算成立；NULL 表示数据不足以判断，既不命中也不排除。 Only TRUE holds.")
    if let formed = rule.shape.formed {
      for hit in evidence.hits.prefix(limit) {
        page.line("\(formed.name): " + hit.formed.map { "\($0.name) = \(shown($0))" }.joined(separator: "，"))
      }
      if evidence.hits.count > limit { page.line("…… 另有 \(evidence.hits.count - limit) 个；--all 列出全部") }
    } else if evidence.hits.count > 1 {
      page.line("该发现由 \(evidence.hits.count) 个命中组成。")
    }
    var isDecided = false
    for judgement in evidence.judgements {
      let title: String
      switch judgement.part {
      case .scope: title = "范围 scope"
      case .unevaluable(let reason): title = "不可评价 unevaluable：\(reason)"
      case .condition: title = "命中条件 where"
      case .unless: title = "除外 unless"
      case .verdict(let n, let verdict):
        title = "第 \(n) 种情形 case → \(verdict.rawValue)"
        if isDecided {
          page.line("")
          page.line("\(title)：未轮到，前面的情形已成立")
          continue
        }
        isDecided = judgement.outcomes.first?.truth == .yes
      case .exemption: continue
      }
      write(judgement, title, &page)
    }
  }

  /// A condition with what it came to: hits with equal values once, with their number.
  private func write(_ judgement: FindingEvidence.Judgement, _ title: String, _ page: inout TextPage) {
    page.line("")
    var counts: [(outcome: FindingEvidence.Outcome, count: Int)] = []
    var places: [FindingEvidence.Outcome: Int] = [:]
    for outcome in judgement.outcomes {
      if let known = places[outcome] {
        counts[known].count += 1
      } else {
        places[outcome] = counts.count
        counts.append((outcome, 1))
      }
    }
    page.line(title)
    if judgement.text == "TRUE" {
      page.line("TRUE   其余情形，没有条件", indent: 4)
      return
    }
    // Names under let are shown as the author wrote them, then taken apart.
    if let first = counts.first, first.outcome.text != judgement.text {
      page.line("原文   " + judgement.text.split(whereSeparator: \.isWhitespace).joined(separator: " "), indent: 4)
    }
    for (outcome, count) in counts.prefix(limit) {
      if counts.count > 1 { page.line("\(count) \(judgement.isAboutMembers ? "行" : "个命中")：", indent: 4) }
      write(outcome, &page, indent: counts.count > 1 ? 6 : 4)
    }
    if counts.count > limit { page.line("…… 另有 \(counts.count - limit) 种取值；--all 列出全部", indent: 4) }
  }

  private func write(_ outcome: FindingEvidence.Outcome, _ page: inout TextPage, indent: Int) {
    let truth = padded(outcome.truth.rawValue, to: 7)
    guard let joint = outcome.joint else {
      let values = outcome.read.map { "\($0.name) = \(shown($0))" }.joined(separator: "，")
      page.line(truth + outcome.text + (values.isEmpty ? "" : "    ［\(values)］"), indent: indent)
      return
    }
    let words =
      switch joint {
      case .and: "以下全部成立 AND"
      case .or: "以下任一成立 OR"
      case .not: "以下不成立 NOT"
      }
    page.line(truth + words, indent: indent)
    for part in outcome.parts { write(part, &page, indent: indent + 7) }
  }

  private func shown(_ read: FindingEvidence.Read) -> String {
    guard let text = read.text else { return "空（NULL）" }
    return read.kind == .money ? "\(text) 元" : worded(text, read.column)
  }

  private func worded(_ code: String, _ column: String) -> String {
    guard let word = CodeLists.word(code, column: column) ?? CodeLists.word(code.lowercased(), column: column) else {
      return code
    }
    return "\(code)（\(word)）"
  }

  // MARK: Exemptions

  private func writeExemptions(_ page: inout TextPage, _ evidence: FindingEvidence, _ rule: Rule) {
    page.heading("四、豁免 · Exemptions considered")
    if rule.exemptions.isEmpty { page.line("该规则没有豁免。 The rule has none.") }
    for judgement in evidence.judgements {
      guard case .exemption(let id) = judgement.part else { continue }
      let entry = stored.pack.exemptions.first { $0.id == id }
      let truths = judgement.outcomes.map(\.truth)
      let verdict =
        truths.allSatisfy { $0 == .yes } && !truths.isEmpty
        ? "适用" : truths.contains(.yes) ? "只适用于部分命中" : truths.contains(.null) ? "未适用：数据不足（NULL 不豁免）" : "未适用：条件不成立"
      write(judgement, "\(id) \(entry?.name ?? "")：\(verdict)", &page)
      if let entry {
        page.line("理由：\(entry.reason)\(entry.law.isEmpty ? "" : "（\(entry.law)）")", indent: 4)
      }
    }
  }

  // MARK: Parameters, registries, facts

  private func writeParameters(_ page: inout TextPage, _ evidence: FindingEvidence, _ rule: Rule) {
    page.heading("五、当时有效的参数 · Parameters in force")
    if evidence.parameters.isEmpty { page.line("该规则没有参数。 The rule has none.") }
    page.table(
      evidence.parameters.map { parameter in
        let value =
          parameter.kind == .money ? "\(FixedPoint.yuan(parameter.value)) 元" : parameter.kind.text(parameter.value)
        let from = parameter.from.map { "自 \(CivilTime.text(day: $0)) 起" } ?? "一直有效"
        return ["$\(parameter.name)", value, from, parameter.basis]
      })
  }

  private func writeRegistries(_ page: inout TextPage, _ evidence: FindingEvidence) {
    page.heading("六、登记与知识 · Registries and knowledge")
    if evidence.answers.isEmpty { page.line("该规则不查登记表。 The rule looks nothing up.") }
    var named: [String] = []
    for answer in evidence.answers where !named.contains(answer.table) { named.append(answer.table) }
    for name in named {
      guard let table = stored.registries[name] else { continue }
      page.line("\(name)：\(table.source)，\(table.count) 行，SHA-256 \(table.digest)")
    }
    for (i, answer) in evidence.answers.prefix(limit).enumerated() {
      if i == 0 || evidence.answers[i - 1].lookup != answer.lookup { page.line("") }
      let asked = answer.asked.map { "\($0.name) = \(shown($0))" }.joined(separator: "，")
      let outcome =
        switch answer.truth {
        case .yes: "查到"
        case .no: "未查到"
        case .null: "不能判断（键或日期为空，或该编码当日的记录重叠或有效期无法读取）"
        }
      page.line("\(answer.lookup)（\(answer.table)）\(outcome)：\(asked)")
      writeRegistryRows(answer.used, answer.table, "用到", &page)
      writeRegistryRows(answer.passedOver, answer.table, "未用", &page)
    }
    if evidence.answers.count > limit { page.line("…… 另有 \(evidence.answers.count - limit) 次查询；--all 列出全部") }
  }

  private func writeRegistryRows(_ rows: [Int], _ name: String, _ title: String, _ page: inout TextPage) {
    guard let table = stored.registries[name] else { return }
    for row in rows.prefix(limit) {
      // A row that only shows that the table speaks of a region or a code belongs to somebody else.
      let person = table.columns["psn_no"].map { codes.text($0.codes[row]) } ?? ""
      let isOthers = !person.isEmpty && !persons.contains(person.uppercased())
      let cells = table.schema.columns.compactMap { column -> String? in
        if isOthers, !Self.shownOfOthers.contains(column.name) { return nil }
        let value: String? =
          switch table.columns[column.name] {
          case .text(let v): v[row] == CodeTable.null ? nil : worded(codes.text(v[row]), column.name)
          case .number(let v): v[row] == ColumnData.null ? nil : column.kind.text(v[row])
          case nil: nil
          }
        return value.map { "\(column.name) \($0)" }
      }
      let rejected = table.isAmbiguous[row] ? "（有效期无法读取或与另一行重叠，被拒）" : ""
      page.line("\(title)\(rejected)\(isOthers ? "（他人的登记，只列与查询有关的列）" : "")：\(cells.joined(separator: "，"))", indent: 4)
    }
    if rows.count > limit { page.line("…… 另有 \(rows.count - limit) 行；--all 列出全部", indent: 4) }
  }

  /// Columns of a row about another person that may be shown.
  private static let shownOfOthers: Set<String> = ["insu_admdvs", "opsp_dise_code", "fixmedins_code", "admdvs"]

  /// Person numbers that the finding and its rows speak of, as registries keep them.
  private var persons: Set<String> {
    var result: Set<String> = finding.map { [$0.psnNo] } ?? []
    for answer in evidence?.answers ?? [] {
      for read in answer.asked where read.column == "psn_no" { if let text = read.text { result.insert(text) } }
    }
    return Set(result.map { $0.uppercased() })
  }

  private func writeFacts(_ page: inout TextPage, _ evidence: FindingEvidence, _ rule: Rule) {
    if rule.populations.isEmpty { return }
    page.heading("七、整体事实 · Population facts")
    page.table(evidence.facts.map { [$0.name, shown($0)] })
  }

  // MARK: Law, innocent explanations, SQL

  private func writeLaw(_ page: inout TextPage, _ rule: Rule) {
    page.heading("八、依据 · Law")
    for key in rule.basis {
      guard let law = stored.pack.law.first(where: { $0.key == key }) else {
        page.line(key)
        continue
      }
      let number = law.number.isEmpty || law.instrument.contains(law.number) ? "" : "（\(law.number)）"
      page.line("\(key)  \(law.instrument)\(number) \(law.article)")
      page.line(law.text, indent: 4)
    }
    page.heading("九、可能的合理解释 · What else could look like this")
    for line in rule.falsePositives.split(separator: "\n") { page.line(String(line)) }
  }

  private func writeSQL(_ page: inout TextPage, _ rule: Rule) throws {
    page.heading("十、复算 · SQL that finds it again")
    page.line("规则 \(rule.id) 第 \(rule.version) 版，\(shown(rule.path))，SHA-256 \(rule.digest)")
    do {
      let text = try sourceSQL(rule, dialect: dialect)
      page.line(
        "以下为规则部分（\(dialect.name)）；含准备步骤的完整脚本：yijian sql \(rule.id) --dialect \(dialect.id)，在案件包证据库的表上运行，只读。")
      page.line(
        "The rule's part; `yijian sql` prints the whole script, to be run over the tables of a packet's evidence.")
      page.line("")
      page.line(text, indent: 0)
    } catch {
      // A rule that one dialect can't say is no reason to keep the rest back.
      for problem in error.all { page.line("无法用该方言写出：\(problem.message)") }
    }
  }

  private func shown(_ path: String) -> String { Pipeline.shown(path) }
}

extension FindingSeverity {
  fileprivate var zh: String {
    switch self {
    case .high: "高"
    case .medium: "中"
    case .low: "低"
    }
  }
}

extension SubjectType {
  var zh: String {
    switch self {
    case .institution: "机构"
    case .practitioner: "医务人员"
    case .person: "参保人"
    case .group: "群体"
    }
  }
}

extension FindingState {
  var zh: String {
    switch self {
    case .new: "新增"
    case .standing: "持续"
    case .changed: "有变化"
    case .withdrawn: "已撤销"
    }
  }
}

extension Entity {
  var zh: String {
    switch self {
    case .line: "费用明细"
    case .settlement: "结算"
    case .visit: "就诊"
    case .stay: "住院"
    case .diagnosis: "诊断"
    case .person: "参保人"
    }
  }
}
