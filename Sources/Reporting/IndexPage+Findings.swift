import ClaimModel

// Cases, rules, coverage and changes: what the run found.

extension RunReportModel {
  static let listed = 200

  /// How a subject is written: an institution with its name, a person with the middle of the number hidden.
  ///
  /// - Parameter separator: what stands between name and code: HTML.
  func subjectText(_ type: SubjectType, _ subject: String, separator: String = "<br/>") -> String {
    switch type {
    case .institution:
      guard let name = institutionNames[subject] else { return "<span class=\"mono\">\(escaped(subject))</span>" }
      return "\(escaped(name))\(separator)<span class=\"sub mono\">\(escaped(subject))</span>"
    case .person: return "<span class=\"mono\">\(escaped(maskedPerson(subject)))</span>"
    case .practitioner, .group: return "<span class=\"mono\">\(escaped(subject))</span>"
    }
  }

  func casesSection() -> String {
    if cases.isEmpty { return "<p class=\"note\">没有未结案件。</p>\n" }
    var persons: [String: Set<String>] = [:]
    var findingCount: [String: Int] = [:]
    for record in standingFindings where !record.caseID.isEmpty {
      findingCount[record.caseID, default: 0] += 1
      if !record.finding.psnNo.isEmpty { persons[record.caseID, default: []].insert(record.finding.psnNo) }
    }
    let byID = cases.sortedByBytes(\.id)
    // Equal cases by id, so that the order does not hang on the sort.
    let byMoney = byID.sorted { ($0.countedFen, $1.id) > ($1.countedFen, $0.id) }
    let byPersons = byID.sorted {
      (persons[$0.id]?.count ?? 0, $0.countedFen, $1.id) > (persons[$1.id]?.count ?? 0, $1.countedFen, $0.id)
    }
    let most = byMoney.first?.countedFen ?? 0
    let mostPersons = byPersons.first.map { persons[$0.id]?.count ?? 0 } ?? 0
    func table(_ cases: [CaseFile], money: Bool) -> String {
      var table = HTMLTable(
        money
          ? [.text("对象与案件"), .number("疑点"), .number("计入金额（元）")]
          : [.text("对象与案件"), .number("计入金额（元）"), .number("涉及人数")])
      for file in cases.prefix(10) {
        var id = "<span class=\"mono nowrap\">\(escaped(file.id))</span>"
        if let packet = packets[file.id] { id = "<a href=\"\(escaped(packet))\">\(id)</a>" }
        var subject = "<span class=\"sub\">\(Caption.subjectType(file.subjectType))</span> "
        subject += subjectText(file.subjectType, file.subject, separator: " ")
        subject += "<br/>\(id) <span class=\"sub nowrap\">\(escaped(file.openedIn)) 立</span>"
        let people = persons[file.id]?.count ?? 0
        let amount = FixedPoint.yuan(file.countedFen)
        if money {
          let line = bar([("accent", file.countedFen)], of: most, label: "\(amount) 元")
          table.add([subject, grouped(findingCount[file.id] ?? 0), amount + line])
        } else {
          let line = bar([("accent", Int64(people))], of: Int64(mostPersons), label: "\(people) 人")
          table.add([subject, amount, grouped(people) + line])
        }
      }
      return table.html
    }
    var out = "<p class=\"note\">共 \(grouped(cases.count)) 件未结，计入金额合计 \(FixedPoint.yuan(totalCountedFen)) 元。"
    out += "计入金额达到 \(FixedPoint.yuan(packetThresholdFen)) 元的生成案件包，本次 \(grouped(packets.count)) 个。"
    if !casesWithoutEvidence.isEmpty {
      out +=
        "<strong>另有 \(grouped(casesWithoutEvidence.count)) 件计入金额达到该数而未生成案件包：其疑点只由以前批次初判，本次数据不能重新推导（规则本次未运行，或明细已超出回溯期）：\(escaped(casesWithoutEvidence.joined(separator: "、")))。</strong>"
    }
    if let withheld = packetsWithheld { out += "<strong>未生成案件包：\(escaped(withheld))。</strong>" }
    out += "\(Self.verdictCaption)。</p>\n<div class=\"two\">\n"
    out += "<div><h3>按计入金额</h3>\n\(table(byMoney, money: true))</div>\n"
    out += "<div><h3>按涉及人数</h3>\n\(table(byPersons, money: false))</div>\n</div>\n"
    if cases.count > 10 { out += "<p class=\"note\">各列前 10 件；全部案件号见 findings.csv。</p>\n" }
    return out
  }

  func rulesSection() -> String {
    struct Hits {
      var byVerdict: [Verdict: Int] = [:]
      var amount: Int128 = 0
      var fund: Int128 = 0
      var counted: Int128 = 0
      var count: Int { byVerdict.values.reduce(0, +) }
    }
    var hits: [String: Hits] = [:]
    for c in coverage { hits[c.rule] = Hits() }
    for record in standingFindings {
      let f = record.finding
      hits[f.rule, default: Hits()].byVerdict[f.verdict, default: 0] += 1
      hits[f.rule]?.amount += Int128(f.amountFen)
      hits[f.rule]?.fund += Int128(f.fundFen)
      hits[f.rule]?.counted += Int128(record.countedFen)
    }
    if hits.isEmpty { return "<p class=\"note\">没有规则。</p>\n" }
    let most = Int64(hits.values.map(\.count).max() ?? 0)
    let mostMoney = hits.values.map(\.counted).max() ?? 0
    var table = HTMLTable([
      .text("规则"), .text("疑点（按判定）"), .number("明确违规"), .number("可疑"), .number("线索"), .number("涉及金额（元）"),
      .number("基金金额（元）"), .number("计入金额（元）"),
    ])
    var sum = Hits()
    for (rule, h) in hits.sortedByBytes(\.key) {
      let title = ruleTitles[rule].map { "<br/><span class=\"sub\">\(escaped($0))</span>" } ?? ""
      let parts = Verdict.allCases.map { (fill: $0.style, value: Int64(h.byVerdict[$0] ?? 0)) }
      table.add([
        "<span class=\"mono nowrap\">\(escaped(rule))</span>\(title)",
        bar(parts, of: most, label: "\(rule) \(h.count) 条") + "<span class=\"sub\">\(grouped(h.count)) 条</span>",
        grouped(h.byVerdict[.definite] ?? 0), grouped(h.byVerdict[.suspected] ?? 0), grouped(h.byVerdict[.lead] ?? 0),
        FixedPoint.yuan(h.amount), FixedPoint.yuan(h.fund),
        FixedPoint.yuan(h.counted) + bar([("accent", h.counted)], of: mostMoney, label: "计入金额"),
      ])
      sum.byVerdict.merge(h.byVerdict, uniquingKeysWith: +)
      sum.counted += h.counted
    }
    // Amounts of different rules may speak of the same fen, so only what counts once is summed.
    table.setTotal([
      "合计", grouped(sum.count) + " 条", grouped(sum.byVerdict[.definite] ?? 0),
      grouped(sum.byVerdict[.suspected] ?? 0), grouped(sum.byVerdict[.lead] ?? 0), "", "", FixedPoint.yuan(sum.counted),
    ])
    return """
      <p class="note">\(Self.verdictCaption)。涉及金额与基金金额按规则分别计算，规则之间可能重叠，不可相加；计入金额在一个案件内一分只计一次；\
      同一分钱可能同时属于机构案件和个人案件，去重后的合计见首页。</p>
      <div class="legend"><span><i class="key definite"></i>明确违规</span><span><i class="key suspected"></i>可疑</span>\
      <span><i class="key lead"></i>线索</span></div>
      \(table.html)
      """
  }

  func coverageSection() -> String {
    func count(_ status: RuleCoverage.Status) -> Int { coverage.count { $0.status == status } }
    var table = HTMLTable([
      .text("规则"), .text("状态"), .text("原因"), .number("范围内行数"), .number("已评估"), .number("无法评估"), .text("已评估比例"),
      .number("疑点"), .number("豁免"),
    ])
    for c in coverage.sortedByBytes(\.rule) {
      let style: String =
        switch c.status {
        case .run: "ok"
        case .notRunnable: "definite"
        case .shadow: "suspected"
        case .off: "plain"
        }
      let title = ruleTitles[c.rule].map { "<br/><span class=\"sub\">\(escaped($0))</span>" } ?? ""
      let share = percent(c.rowsEvaluated, of: c.rowsInScope)
      table.add([
        "<span class=\"mono nowrap\">\(escaped(c.rule))</span> <span class=\"sub\">v\(c.ruleVersion)</span>\(title)",
        chip(style, Caption.status(c.status)), c.obstacle.map { escaped($0.wording) } ?? "–", grouped(c.rowsInScope),
        grouped(c.rowsEvaluated), grouped(c.rowsUnevaluable),
        c.rowsInScope == 0
          ? "–"
          : bar([("accent", Int64(c.rowsEvaluated))], of: Int64(c.rowsInScope), label: share)
            + "<span class=\"sub\">\(share)</span>",
        grouped(c.findings), grouped(c.suppressed),
      ])
    }
    return """
      <p>共 \(coverage.count) 条规则：已运行 \(count(.run))，无法运行 \(count(.notRunnable))，试运行 \(count(.shadow))，已停用 \
      \(count(.off))。</p>
      <p class="note">“无法运行”和“无法评估”表示资料没有说明，不表示没有问题。豁免的每一条见 suppressed.csv。</p>
      \(table.html)
      """
  }

  func changesSection() -> String {
    func of(_ state: FindingState) -> [FindingRecord] {
      findings.filter { $0.state == state }.sortedByBytes(\.finding.id)
    }
    var out =
      comparedWith.map { "<p class=\"note\">与 \(escaped($0)) 的运行结果相比。\(Self.verdictCaption)。</p>\n" }
      ?? "<p class=\"note\">这是本库的第一次运行，没有可比的结果。\(Self.verdictCaption)。</p>\n"
    out += "<div class=\"counters\">"
    for state in [FindingState.new, .changed, .withdrawn, .standing] {
      out += "<div><b>\(grouped(of(state).count))</b>\(Caption.state(state))</div>"
    }
    out += "</div>\n"
    for state in [FindingState.new, .changed, .withdrawn] {
      let records = of(state)
      if records.isEmpty { continue }
      // Open where it is news: in a first run everything is new.
      let isOpen = comparedWith != nil && records.count <= 20
      out +=
        "<details\(isOpen ? " open=\"open\"" : "")><summary>\(Caption.state(state)) \(grouped(records.count)) 条</summary>\n"
      if state == .withdrawn { out += withdrawnWords(records.count) }
      var columns: [HTMLTable.Column] = [
        .code("疑点编号"), .text("判定"), .text("对象"), .number("基金金额（元）"), .number("计入金额（元）"), .text("首见批次"), .code("案件"),
      ]
      if state == .withdrawn { columns.append(.text("撤销原因")) }
      var table = HTMLTable(columns)
      for record in records.prefix(Self.listed) {
        let f = record.finding
        var cells = [
          escaped(f.id), chip(f.verdict),
          "<span class=\"sub\">\(Caption.subjectType(f.subjectType))</span> "
            + subjectText(f.subjectType, f.subject, separator: " "),
          FixedPoint.yuan(f.fundFen), FixedPoint.yuan(record.countedFen), escaped(record.firstBatch),
          record.caseID.isEmpty ? "–" : escaped(record.caseID),
        ]
        if state == .withdrawn { cells.append(withdrawals[f.id].map(withdrawalText) ?? "–") }
        table.add(cells)
      }
      out += table.html
      if records.count > Self.listed {
        out += "<p class=\"note\">只列前 \(Self.listed) 条，其余见 findings.csv。</p>\n"
      }
      out += "</details>\n"
    }
    return out
  }

  /// How many findings fell for what reason, and what that means for a case under way.
  private func withdrawnWords(_ count: Int) -> String {
    let parts = Withdrawal.Reason.allCases.compactMap { reason in
      let n = withdrawals.values.count { $0.reason == reason }
      return n == 0 ? nil : "\(Caption.withdrawal(reason)) \(grouped(n)) 条"
    }
    let sum = parts.isEmpty ? "" : "：\(parts.joined(separator: "；"))"
    return """
      <p class="note">以前批次报告过、现在不再成立的疑点 \(grouped(count)) 条\(sum)。\
      金额已从案件中扣除；已移送的材料请据此补充说明。</p>

      """
  }

  private func withdrawalText(_ withdrawal: Withdrawal) -> String {
    var text = escaped(Caption.withdrawal(withdrawal.reason))
    var source = withdrawal.batches.isEmpty ? "" : "批次 " + withdrawal.batches.map(escaped).joined(separator: "、")
    if let place = withdrawal.place {
      source += (source.isEmpty ? "" : "，") + "<span class=\"mono\">\(escaped(place))</span>"
    }
    if !source.isEmpty { text += "<br/><span class=\"sub\">\(source)</span>" }
    return text
  }
}
