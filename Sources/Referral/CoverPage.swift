import ClaimModel
import RulePacks

/// `cover.html`: what the packet is, about whom, how much, and what must not be done with it.
func coverPage(_ facts: CaseFacts) -> String {
  let input = facts.input
  let findings = facts.findings
  let leads = findings.filter { $0.finding.verdict == .lead }.count
  let definite = findings.filter { $0.finding.verdict == .definite }.count
  let reasons: Markup =
    input.acceptedReasons.isEmpty
    ? ""
    : """
    <div class="note warn"><p><b>数据不完整</b>：有批次缺少或退回了文件，经记录的理由接受后生成本卷。缺失的文件可能含有退费、冲销记录，金额可能因此偏高。</p>
    \(input.acceptedReasons.map { "<p>接受理由：\($0)</p>" as Markup })</div>
    """
  let estimate: Markup =
    findings.contains { $0.finding.isEstimate }
    ? "<div class=\"note\"><p>部分结算按病种付费：金额为<b>估算</b>，损失应按支付标准之差另计。</p></div>" : ""
  let grid = input.caseFile.subjectType == .institution ? facts.subjectRows.filter { $0.0.hasPrefix("网格") } : []
  let rows: [[Markup]] =
    [
      ["案件编号", "<span class=\"code\">\(input.caseFile.id)</span>"],
      [
        "主体",
        "\(facts.subjectName)（\(subjectTypeText(input.caseFile.subjectType))，<span class=\"code\">\(input.caseFile.subject)</span>）",
      ],
      ["涉嫌事项", "\(facts.rules.map(\.nameZh).joined(separator: "、"))"],
      ["涉及期间", "\(period(facts))"],
      ["立卷批次", "\(input.caseFile.openedIn)；本次批次 \(input.batchLabel)"],
      ["数据截至", "\(CivilTime.text(day: input.asOf))"],
    ] + grid.map { ["\($0.0)", "\($0.1)"] } + [
      ["运行编号", "<span class=\"code\">\(input.runID)</span>"], ["工具版本", "医鉴 \(input.toolVersion)"],
    ]
  let body: Markup = """
    <h1>\(facts.subjectName)涉嫌违规使用<br>医疗保障基金案 · 核查材料</h1>
    <p class="sub">供医保部门内部核查；是否移送由有权机关决定</p>
    <div class="badges"><span class="badge">含个人信息</span><span class="badge">系统初判，以核查认定为准</span></div>
    <div class="figures">
    <div class="figure"><b>\(FixedPoint.yuan(input.caseFile.countedFen))</b><span>计入金额（元，待认定）<br>一分只计一次</span></div>
    <div class="figure"><b>\(findings.count)</b><span>线索与发现（条）<br>明确违规 \(definite)，可疑 \(findings.count - leads - definite)，线索 \(leads)</span></div>
    <div class="figure"><b>\(facts.persons.count)</b><span>涉及参保人（人）<br>单据所载医师 \(facts.practitioners.count) 人，待查</span></div>
    </div>
    \(reasons)\(estimate)\(standsOnlyNote(input))
    \(Markup.table(["项目", "内容"], classes: ["k", ""], rows))
    <h2>卷内文件</h2>
    \(Markup.table(["文件", "内容"], classes: ["c k", ""], [
      ["<a href=\"report.html\">report.html</a>", "调查报告（初稿）"],
      ["<a href=\"workbook.xlsx\">workbook.xlsx</a>", "线索汇总、费用明细、金额测算、涉及人员"],
      ["evidence.sqlite", "证据数据库：费用、结算、就诊、诊断各行及所查登记，每行附来源文件、行号和 SHA-256"],
      ["verify.sql", "重算语句：只用 sqlite3 即可重新得出每条发现和金额"],
      ["sources.csv", "来源文件清单及 SHA-256"],
      ["rules/", "所用规则的原文"],
      ["<a href=\"recheck.html\">recheck.html</a>", "复核说明"],
    ]))
    <div class="note warn"><p>本卷由程序根据结算数据生成，只表示<b>涉嫌</b>，不是认定。数据不能证明主观目的；是否建议移送审查，须由两名以上执法人员核实后按程序决定。</p>
    <p>本卷含姓名、证件号码等个人信息，只限经授权的核查人员使用，不得复制、外传。</p></div>
    """
  return PacketPage.html(title: "封面 \(input.caseFile.id)", caseID: input.caseFile.id, body: body)
}

/// `recheck.html`: how to re-derive the packet without this program.
func recheckPage(_ facts: CaseFacts) -> String {
  let body: Markup = """
    <h1>复核说明</h1>
    <p class="sub">不需要本软件，不需要网络；只需要 sqlite3（3.40 或更高版本）和 sha256sum</p>
    <h2>一、核对文件是否完整</h2>
    <p>在本卷文件夹（bagit.txt 所在处）执行。每行应显示 OK。</p>
    <pre>sha256sum -c tagmanifest-sha256.txt
    sha256sum -c manifest-sha256.txt</pre>
    <h2>二、重新计算</h2>
    <p>verify.sql 只读证据行、登记行和参数，不读结果表 finding。先删去结果表也得到同样的输出。副本含个人信息，放在只有本人可读的临时文件夹里：</p>
    <pre>d=$(mktemp -d)
    cp data/evidence.sqlite "$d/copy.sqlite"
    sqlite3 "$d/copy.sqlite" "DROP TABLE finding"
    sqlite3 -header "$d/copy.sqlite" &lt; data/verify.sql</pre>
    <p>输出各列：规则、键、涉及金额、基金金额、计入金额（单位：分）。与结果表比较：</p>
    <pre>sqlite3 -header data/evidence.sqlite "SELECT rule, key, amount_fen, fund_fen, counted_fen FROM finding ORDER BY rule, key"</pre>
    <h2>三、核对证据行</h2>
    <p>source_fields 是来源行各字段的原文，字段之间以 U+001F 隔开，次序同表的各列；source_sha256 是它的 SHA-256。各列的值都由它得出：金额单位分，数量万分之一，单价百万分之一元，日期为自 1970-01-01 起的日数，时间为秒数（见表 column_unit）。
    来源文件及其 SHA-256 见 sources.csv，可与原始导出文件核对。</p>
    <pre>sqlite3 data/evidence.sqlite "SELECT writefile('$d/row', source_fields), source_sha256 FROM line WHERE rowid = 1"; sha256sum "$d/row"</pre>
    <p>核对完毕，删去临时文件夹：</p>
    <pre>rm -r "$d"</pre>
    <p>发现编号是 规则 + “-” + SHA-256（规则、换行、键）的前 16 位：</p>
    <pre>printf 'ADM-01\\nM1|M2' | sha256sum</pre>
    <h2>四、用本软件</h2>
    <pre>yijian verify \(facts.input.caseFile.id)-含个人信息</pre>
    """
  return PacketPage.html(title: "复核说明 \(facts.input.caseFile.id)", caseID: facts.input.caseFile.id, body: body)
}

func subjectTypeText(_ type: SubjectType) -> String {
  switch type {
  case .institution: "定点医药机构"
  case .practitioner: "医务人员"
  case .person: "参保人"
  case .group: "人员组"
  }
}

/// First to last day of the findings.
func period(_ facts: CaseFacts) -> String {
  let from = facts.findings.compactMap(\.finding.from).min()
  let to = facts.findings.compactMap(\.finding.to).max()
  guard let from, let to else { return "未载明" }
  return "\(CivilTime.text(day: from)) 至 \(CivilTime.text(day: to))"
}

/// What the case counts beside what this packet proves; nothing if there is no such finding.
func standsOnlyNote(_ input: PacketInput) -> Markup {
  if input.standsOnly.count == 0 { return "" }
  return """
    <div class="note"><p>本案另有 \(input.standsOnly.count) 条以前批次系统初判的线索与发现仍然有效，计入 \(FixedPoint.yuan(input.standsOnly.fen)) 元，<b>不在本卷及本卷金额之内</b>：由本次数据不能重新推导（规则本次未能运行，或明细已超出回溯期并有变动），见以前批次的案件包。</p></div>
    """
}
