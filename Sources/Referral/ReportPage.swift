import ClaimModel
import Registries
import RulePacks

/// Findings shown of one rule in the report; all stand in the workbook and in evidence.sqlite.
private let shownFindings = 200

/// `report.html`: the draft of the investigation report.
func reportPage(_ facts: CaseFacts) -> String {
  let input = facts.input
  let body: Markup = """
    <h1>调查报告（初稿）</h1>
    <p class="sub">\(facts.subjectName)涉嫌\(facts.rules.map(\.nameZh).joined(separator: "、"))案　案件编号 \(input.caseFile.id)　数据截至 \(CivilTime.text(day: input.asOf))</p>
    \(subjectSection(facts))\(summarySection(facts))\(factsSection(facts))\(amountSection(facts))\(timeSection(facts))
    \(evidenceSection(facts))\(peopleSection(facts))\(lawSection(facts))\(defenceSection(facts))\(limitsSection(facts))\(clockSection(facts))
    """
  return PacketPage.html(title: "调查报告（初稿） \(input.caseFile.id)", caseID: input.caseFile.id, body: body)
}

private func subjectSection(_ facts: CaseFacts) -> Markup {
  """
  <h2>一、主体</h2>
  \(Markup.table(["项目", "登记内容"], classes: ["k", ""], facts.subjectRows.map { ["\($0.0)", "\($0.1)"] }))
  """
}

private func summarySection(_ facts: CaseFacts) -> Markup {
  let input = facts.input
  let bars = facts.rules.compactMap { rule -> Charts.Bar? in
    let own = facts.findings(of: rule)
    let fund = own.sum { $0.finding.fundFen }
    return fund == 0
      ? nil
      : Charts.Bar(label: "\(rule.id) \(short(rule.nameZh))", fund: fund, counted: own.sum { $0.countedFen })
  }
  return """
    <h2>二、概述</h2>
    <p>经对结算数据作规则审核，\(facts.subjectName)在 \(period(facts)) 期间涉嫌 \(facts.rules.count) 类问题，形成线索与发现 \(facts.findings.count) 条，涉及参保人 \(facts.persons.count) 人，计入基金金额 <b>\(FixedPoint.yuan(input.caseFile.countedFen))</b> 元（待认定）。各类情况如下，均为系统初判，以核查认定为准。</p>
    \(standsOnlyNote(input))\(Charts.bars(bars))
    """
}

private func factsSection(_ facts: CaseFacts) -> Markup {
  let numerals = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"]
  let parts = facts.rules.enumerated().map { i, rule -> Markup in
    let own = facts.findings(of: rule)
    let verdicts = Verdict.allCases.compactMap { verdict -> String? in
      let n = own.filter { $0.finding.verdict == verdict }.count
      return n == 0 ? nil : "\(verdict.rawValue) \(n) 条"
    }
    let amount = own.sum { $0.finding.amountFen }
    let fund = own.sum { $0.finding.fundFen }
    let counted = own.sum { $0.countedFen }
    let parameters = rule.parameters.map { parameter in
      parameter.name + " = "
        + parameter.values.map { value in
          let from = value.from.map {
            "（自 \(CivilTime.text(day: $0)) 起" + (value.basis.isEmpty ? "）" : "，\(value.basis)）")
          }
          return "\(value.value)" + (from ?? (value.basis.isEmpty ? "" : "（\(value.basis)）"))
        }.joined(separator: "，")
    }
    let rows = own.prefix(shownFindings).map { record -> [Markup] in
      let f = record.finding
      let lines =
        f.lineIDs.isEmpty
        ? "结算 " + listed(f.setlIDs) : "明细 " + listed(f.lineIDs)
      return [
        "\(f.verdict.rawValue)<br>\(f.isEstimate ? "估算" : "")", dates(f),
        "\(f.explanation)<br><span class=\"code\">\(f.id)<br>键 \(f.key)<br>\(lines)</span>",
        "\(FixedPoint.yuan(f.amountFen))", "\(FixedPoint.yuan(f.fundFen))", "\(FixedPoint.yuan(record.countedFen))",
      ]
    }
    let rest: Markup =
      own.count > shownFindings
      ? "<p class=\"plain\">此处列出前 \(shownFindings) 条，其余 \(own.count - shownFindings) 条见 workbook.xlsx“线索汇总”和 evidence.sqlite。合计为全部 \(own.count) 条。</p>"
      : ""
    return """
      <h3>（\(i < numerals.count ? numerals[i] : String(i + 1))）\(rule.nameZh)（规则 \(rule.id) 第 \(rule.version) 版）</h3>
      <p>涉嫌\(rule.nameZh)：\(verdicts.joined(separator: "，"))；涉及金额 \(FixedPoint.yuan(amount)) 元，其中基金 \(FixedPoint.yuan(fund)) 元，计入 \(FixedPoint.yuan(counted)) 元。</p>
      <p><b>方法：</b>\(method(rule))\(rule.parameters.isEmpty ? "" : "所用参数：\(parameters.joined(separator: "；"))。")规则原文见 rules/\(rule.id).yml，由 verify.sql 可重算。</p>
      \(Markup.table(
        ["初判", "日期", "事实", "涉及金额（元）", "基金金额（元）", "计入金额（元）"], classes: ["k", "d", "w", "n", "n", "n"], rows,
        foot: ["合计", "", "\(own.count) 条", "\(FixedPoint.yuan(amount))", "\(FixedPoint.yuan(fund))", "\(FixedPoint.yuan(counted))"]))
      \(rest)
      """
  }
  return "<h2>三、事实与方法</h2>\n\(parts)"
}

/// Which rows the rule looks at and which registries it consults, from its form.
private func method(_ rule: Rule) -> String {
  let names: [Entity: String] = [
    .line: "费用明细", .settlement: "结算", .visit: "就诊", .stay: "住院", .diagnosis: "诊断", .person: "参保人",
  ]
  let bindings = rule.shape.bindings.map { names[$0.entity] ?? $0.entity.rawValue }
  let looks =
    switch rule.shape {
    case .each: "对每一条\(bindings.joined())逐一判断。"
    case .pair(_, _, _, .adjacent): "把同一关键信息下的\(bindings[0])按次序排列，逐对比较前后相邻的两次。"
    case .pair: "对同一关键信息下的\(bindings.joined(separator: "与"))两两比较。"
    case .formed(let formed):
      switch formed.kind {
      case .group: "把关键信息相同的\(bindings.joined())归为一组，逐组判断。"
      case .window: "对关键信息相同的\(bindings.joined())，在滚动的若干日内合计后判断。"
      case .stock: "对关键信息相同的\(bindings.joined())逐日滚动计算持有量：上次持有量减去经过的日数（不低于零），加上当日购入可用的日数。"
      case .runs: "对每一次\(bindings.joined())逐日判断，连续的日合为一段。"
      case .occupancy: "按关键信息逐日清点在册的\(bindings.joined())，连续的日合为一段。"
      }
    }
  let facts = rule.populations.isEmpty ? "" : "全库统计事实存于 evidence.sqlite 的 context 表，附算出它的 SQL。"
  let registries = Set(rule.lookups.map(\.table)).union(rule.needs).sorted(by: bytesPrecede)
  return looks + facts + (registries.isEmpty ? "" : "查登记表 \(registries.joined(separator: "、"))；有有效期的，取规则所定之日有效的一行。")
}

private func amountSection(_ facts: CaseFacts) -> Markup {
  let rows = facts.rules.map { rule -> [Markup] in
    let own = facts.findings(of: rule)
    return [
      "\(rule.id) \(rule.nameZh)", "\(own.count)", "\(FixedPoint.yuan(own.sum { $0.finding.amountFen }))",
      "\(FixedPoint.yuan(own.sum { $0.finding.fundFen }))",
      "\(FixedPoint.yuan(own.sum { $0.countedFen }))",
    ]
  }
  return """
    <h2>四、金额测算表（待认定）</h2>
    \(Markup.table(
      ["规则", "条数", "涉及金额（元）", "基金金额（元）", "计入金额（元）"], classes: ["", "n", "n", "n", "n"], rows,
      foot: ["合计", "\(facts.findings.count)", "不相加", "不相加", "\(FixedPoint.yuan(facts.input.caseFile.countedFen))"]))
    <div class="note"><p><b>一分只计一次。</b>同一笔费用可能有几条发现。金额单元是计入的费用明细的基金金额，或结算中没有明细解释的余额；本案内按次序先后分给各发现，已分出的不再计入。因此涉及金额、基金金额不相加，只有计入金额可以相加。线索和不含金额的指标不计入。逐单元的去重见 workbook.xlsx“金额测算”。</p>
    <p>计入金额只含付给本案主体（或为本案参保人支付）的基金，不含个人账户。</p></div>
    """
}

private func timeSection(_ facts: CaseFacts) -> Markup {
  let lanes = facts.rules.compactMap { rule -> Charts.Lane? in
    let spans = facts.findings(of: rule).compactMap { record -> (from: Int64, to: Int64)? in
      guard let from = record.finding.from else { return nil }
      return (from, max(from, record.finding.to ?? from))
    }
    return spans.isEmpty ? nil : Charts.Lane(label: "\(rule.id) \(short(rule.nameZh))", spans: spans)
  }
  return """
    <h2>五、时间线</h2>
    <div class="keep"><p class="plain">每一格是一条发现的起止日；颜色越深，同日的发现越多。</p>
    \(Charts.timeLine(lanes))</div>
    """
}

private func evidenceSection(_ facts: CaseFacts) -> Markup {
  let input = facts.input
  let files = facts.sources.enumerated().map { i, source -> [Markup] in
    [
      "\(i + 1)", "电子数据", "\(source.file.batch)/\(source.file.file)", "\(source.file.table)", "\(source.file.rows)",
      "\(source.rowsUsed)", "\(source.file.digest)",
    ]
  }
  var registries: [[Markup]] = []
  for name in Set(facts.rules.flatMap { $0.needs + $0.lookups.map(\.table) }).union(["med_type_b"]).sorted(
    by: bytesPrecede)
  {
    guard let registry = input.registries[name] else { continue }
    registries.append([
      "\(files.count + registries.count + 1)", "电子数据", "登记表 \(registry.source)", "\(name)", "\(registry.count)", "所查各行",
      "\(registry.digest)",
    ])
  }
  return """
    <h2>六、证据清单</h2>
    <p>来源文件的 SHA-256 按送达时的字节（压缩文件按压缩后的字节）计算。取用各行的原文、行号和 SHA-256 在 evidence.sqlite 中。提取工具：医鉴 \(input.toolVersion)，运行 \(input.runID)。</p>
    \(Markup.table(
      ["序号", "种类", "文件", "表", "行数", "取用行数", "SHA-256"], classes: ["n", "k", "", "c", "n", "n", "c"], files + registries))
    """
}

private func peopleSection(_ facts: CaseFacts) -> Markup {
  let shown = facts.practitioners.prefix(100)
  let rows = shown.map { p -> [Markup] in
    [
      "\(p.code)", "\(p.name)", "\(p.department)", "\(p.role)", "\(p.registered.isEmpty ? "未登记或未匹配" : p.registered)",
      "\(p.lines)", "\(FixedPoint.yuan(p.fundFen))", "待查",
    ]
  }
  let table: Markup =
    rows.isEmpty
    ? "<p class=\"plain\">所涉明细没有载明医务人员编码。</p>"
    : Markup.table(
      ["编码", "姓名", "科室", "所载位置", "登记", "明细数", "明细基金金额（元）", "身份及作用"],
      classes: ["c", "k", "", "", "k", "n", "n", "k"], rows)
  let rest: Markup =
    facts.practitioners.count > shown.count
    ? "<p class=\"plain\">其余 \(facts.practitioners.count - shown.count) 人见 workbook.xlsx“涉及人员”。</p>" : ""
  return """
    <h2>七、单据所载人员表</h2>
    <p>下列人员的编码出现在所涉单据上，不表示其实施或知晓所涉行为；<b>身份及作用待查</b>。</p>
    \(table)\(rest)
    """
}

private func lawSection(_ facts: CaseFacts) -> Markup {
  var keys: [String] = []
  for key in facts.rules.flatMap(\.basis) where !keys.contains(key) { keys.append(key) }
  let rows = keys.map { key -> [Markup] in
    let users = facts.rules.filter { $0.basis.contains(key) }.map(\.id).joined(separator: "、")
    guard let law = facts.input.laws[key] else { return ["\(key)", "法规登记中没有此键，请补登后引用", "\(users)"] }
    return ["\(law.title)", "\(law.text)", "\(users)"]
  }
  return """
    <h2>八、可能涉及的规定</h2>
    <p>只列规则登记的依据；“内容”是摘要，以官方文本为准。是否适用、是否以骗取为目的，数据不能说明，须由执法人员查证并记录。</p>
    \(Markup.table(["规定", "内容", "规则"], classes: ["k", "w", "k"], rows))
    """
}

private func defenceSection(_ facts: CaseFacts) -> Markup {
  let explanations = facts.rules.filter { !$0.falsePositives.isEmpty }.map { rule -> Markup in
    let lines = rule.falsePositives.split(whereSeparator: \.isNewline).map(String.init)
    return "<li><b>\(rule.id) \(rule.nameZh)</b>：\(lines.joined(separator: " "))</li>\n"
  }
  var counts: [String: Int] = [:]
  for suppression in facts.input.suppressions {
    counts[suppression.rule + "\n" + suppression.exemption, default: 0] += 1
  }
  var rows: [[Markup]] = []
  for rule in facts.rules {
    for id in rule.exemptions.map(\.id).reduce(into: [String](), { if !$0.contains($1) { $0.append($1) } }) {
      let text = rule.exemptions.filter { $0.id == id }.map(\.text).joined(separator: "；或 ")
      rows.append([
        "\(rule.id)", "\(id) \(facts.input.exemptionNames[id] ?? "")", "\(text)", "\(counts[rule.id + "\n" + id] ?? 0)",
      ])
    }
  }
  let table: Markup =
    rows.isEmpty
    ? "<p class=\"plain\">本案各规则没有登记排除情形。</p>"
    : Markup.table(["规则", "排除情形", "条件", "本主体因此排除（条）"], classes: ["k", "k", "c", "n"], rows)
  return """
    <h2>九、其他可能的解释与已考虑的排除情形</h2>
    <p>下列情况可使发现不成立，核查时应先予排除：</p>
    <ul>\(explanations)</ul>
    \(table)
    """
}

private func limitsSection(_ facts: CaseFacts) -> Markup {
  let input = facts.input
  var items: [Markup] = []
  let estimates = facts.findings.filter(\.finding.isEstimate).count
  items.append(
    estimates == 0
      ? "所涉结算没有按病种付费的。"
      : "\(estimates) 条发现所涉结算按病种付费：金额为估算，按病种付费另计（损失为支付标准之差，不是项目费用）。")
  items.append("基金金额按结算的基金支付总额和各明细的符合政策范围金额分摊到明细，分摊到分；个人账户支付不在其内。")
  items.append("数据只反映上传的结算、费用和登记；病历、医嘱、检查报告、现场情况不在其中。")
  for row in input.coverage where row.status == .notRunnable {
    items.append("规则 \(row.rule) 未能运行：\(row.obstacle?.wording ?? "")")
  }
  for row in input.coverage where row.rowsUnevaluable > 0 && facts.rule(row.rule) != nil {
    items.append("规则 \(row.rule)：本次全库 \(row.rowsUnevaluable) 行因所需的值、登记或数据缺失、不能确定而无法判断，未计入；情形见该规则的 unevaluable。")
  }
  let reasons = input.acceptedReasons.map { "<p><b>数据不完整，接受理由</b>：\($0)</p>" as Markup }
  let accepted: Markup =
    reasons.isEmpty
    ? "" : "<div class=\"note warn\">\(reasons)<p>缺失的文件可能含有退费、冲销记录，金额可能因此偏高。</p></div>"
  return """
    <h2>十、估算与局限</h2>
    \(accepted)<ul>\(items.map { "<li>\($0)</li>\n" as Markup })</ul>
    """
}

private func clockSection(_ facts: CaseFacts) -> Markup {
  let steps = [
    ("两名以上执法人员核实，提出移送涉嫌犯罪案件的书面报告", "—"), ("本机关正职负责人或主持工作的负责人决定是否移送", "接报告之日起 3 日"),
    ("决定移送的，向同级公安机关移送，附清单", "24 小时内"), ("公安机关审查，决定是否立案", "接受之日起 3 日"),
    ("不予立案的，提请复议或者建议立案监督", "接通知之日起 3 日"),
  ]
  let blank: Markup = "　　　　"
  return """
    <h2>十一、移送时限表（空白，由经办人填写）</h2>
    \(Markup.table(
      ["步骤", "时限", "起算日", "届满日", "办结日", "经办人"], classes: ["w", "k", "k", "k", "k", "k"],
      steps.map { ["\($0.0)", "\($0.1)", blank, blank, blank, blank] }))
    <p class="plain">不移送的理由：<span class="blank" style="min-width: 120mm">&nbsp;</span></p>
    """
}

private func short(_ name: String) -> String { name.count <= 10 ? name : String(name.prefix(9)) + "…" }

private func dates(_ f: Finding) -> Markup {
  guard let from = f.from else { return "" }
  guard let to = f.to, to != from else { return "\(CivilTime.text(day: from))" }
  return "\(CivilTime.text(day: from))<br>至 \(CivilTime.text(day: to))"
}

/// The first six of a list, and how many more.
private func listed(_ ids: [String]) -> String {
  ids.count <= 6 ? ids.joined(separator: " ") : ids.prefix(6).joined(separator: " ") + " 等 \(ids.count) 项"
}
