import ClaimModel

extension RunReportModel {
  /// What stands beside every verdict.
  static let verdictCaption = "系统初判，以核查认定为准"

  /// index.html: one page in Chinese without network, script or outside files; also well-formed XML after its doctype.
  ///
  /// Person numbers stand in it only as subjects of person cases and findings, with their middle hidden.
  public func indexHTML() -> String {
    let sections: [(id: String, title: String, body: String)] = [
      ("cases", "重点案件", casesSection()),
      ("rules", "规则命中", rulesSection()),
      ("coverage", "规则覆盖", coverageSection()),
      ("changes", "与上次运行相比", changesSection()),
      ("rejects", "拒收与另列", rejectsSection()),
      ("reconciliation", "金额与行数核对", reconciliationSection()),
      ("profile", "数据质量", profileSection()),
      ("files", "文件", filesSection()),
      ("run", "运行记录", runSection()),
    ]
    var page = """
      <!DOCTYPE html>
      <html lang="zh-CN">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>医鉴 运行报告 \(escaped(label))</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      \(masthead())
      <nav><ul>

      """
    for section in sections { page += "<li><a href=\"#\(section.id)\">\(section.title)</a></li>\n" }
    page += "</ul></nav>\n<main>\n" + banners() + overview()
    for (i, section) in sections.enumerated() {
      page += "<section id=\"\(section.id)\">\n<h2><span class=\"no\">\(i + 1)</span>\(section.title)</h2>\n"
      page += section.body + "</section>\n"
    }
    page += """
      </main>
      <footer>\(Self.verdictCaption)。疑点与案件由规则自动产生，供核查人员使用，不是处理决定。 运行号 \
      <span class="mono">\(escaped(runID))</span> · yijian \(escaped(toolVersion))</footer>
      </body>
      </html>

      """
    return page
  }

  private func masthead() -> String {
    """
    <header class="masthead"><div class="in">
    <svg class="seal" viewBox="0 0 58 58" aria-hidden="true"><rect x="2" y="2" width="54" height="54" rx="7" \
    fill="none" stroke="#fff" stroke-width="2.5"/><text x="29" y="41" text-anchor="middle" font-size="33" \
    font-weight="700" fill="#fff" font-family="Noto Serif CJK SC,Source Han Serif SC,Songti SC,SimSun,serif">鉴</text></svg>
    <div><h1>医保基金使用核查 · 运行报告</h1>
    <p class="sub">按规则自动核查结算数据 · 内部核查材料</p></div>
    <dl><dt>批次</dt><dd>\(escaped(label))</dd>
    <dt>截至日期</dt><dd>\(escaped(asOf.map(CivilTime.text(day:)) ?? "–"))</dd>
    <dt>开始时间</dt><dd class="started">\(escaped(startedAt))</dd>
    <dt>运行号</dt><dd>\(escaped(runID))</dd></dl>
    </div></header>
    """
  }

  private func banners() -> String {
    var out = ""
    if !incomplete.isEmpty {
      out += "<div class=\"banner\" role=\"alert\"><h2>数据不完整：下列批次有文件缺失、被拒收，或与 delivery.csv 不符</h2><ul>"
      for batch in incomplete.sortedByBytes(\.label) {
        let wordings = batch.causes.sortedByBytes(\.file).map { cause in
          "\(escaped(cause.file))（\(escaped(RefusalWording.text(cause.code) ?? cause.code))）"
        }
        out += "<li><strong>\(escaped(batch.label))</strong>："
        out += wordings.isEmpty ? RefusalWording.noClaimFile : wordings.joined(separator: "、")
        out += "<br/><span class=\"sub\">\(escaped(batch.reason))</span>"
        if let reason = batch.acceptedReason { out += "（已接受，理由：\(escaped(reason))）" }
        out += "</li>"
      }
      out += "</ul><p>"
      out +=
        isBlocked
        ? "缺失的文件里可能有冲销记录：补齐或说明理由接受之前，不生成案件包；依靠“没有记录”判断的规则不运行。"
        : "已说明理由接受；依靠“没有记录”判断的规则仍不运行。"
      out += "</p></div>\n"
    }
    if exceedsRejectLimit {
      out += """
        <div class="banner soft"><h2>拒收行数超过上限</h2><p>读入 \(grouped(total.read)) 行，拒收 \
        \(grouped(total.rejected)) 行，超过每百万行 \(grouped(rejectLimitPerMillion)) 行的上限。请先核对导出。</p></div>

        """
    }
    let notRunnable = coverage.filter { $0.status == .notRunnable }
    if !notRunnable.isEmpty {
      out += """
        <div class="banner soft"><h2>\(notRunnable.count) 条规则无法运行</h2><p>\
        \(notRunnable.map(\.rule).sortedByBytes().map(escaped).joined(separator: "、"))：缺少所需数据，没有结果不等于没有问题，\
        见<a href="#coverage">规则覆盖</a>。</p></div>

        """
    }
    return out
  }

  private func overview() -> String {
    let total = total
    let holding = standingFindings
    var chips = ""
    for verdict in Verdict.allCases {
      chips += chip(verdict.style, "\(verdict.rawValue) \(grouped(holding.count { $0.finding.verdict == verdict }))")
    }
    let settlements = tables.first { $0.table == ClaimTable.settlements.name }?.counts.accepted ?? 0
    var out = "<div class=\"tiles\">\n"
    out += tile(
      "读入行数", grouped(total.read), "行",
      "<p>\(tables.count) 张表 · \(grouped(files.count)) 个文件</p>")
    out += tile("基金支付", FixedPoint.yuan(fundPaidFen), "元", "<p>本批次计入的 \(grouped(settlements)) 笔结算</p>")
    out += tile("疑点", grouped(holding.count), "条", "<div class=\"chips\">\(chips)</div>")
    out += tile(
      "案件计入金额", FixedPoint.yuan(totalCountedFen), "元",
      "<p>案件 \(grouped(cases.count)) 件 · 案件包 \(grouped(packets.count)) 个</p>")
    out += "</div>\n"
    out += "<p class=\"caption\"><strong>\(Self.verdictCaption)。</strong>计入金额：每一分基金支付在全部案件中只计一次；“线索”不计金额。</p>\n"
    let whole = Int64(total.read)
    out += "<div class=\"balance\">"
    out += bar(
      [("accent", Int64(total.accepted)), ("grey", Int64(total.setAsideTotal)), ("definite", Int64(total.rejected))],
      of: whole, label: "读入行数的去向")
    out += "<div class=\"legend\"><span>读入 \(grouped(total.read)) 行 =</span>"
    out += "<span><i class=\"key accent\"></i>计入 \(grouped(total.accepted))</span>"
    out += "<span><i class=\"key grey\"></i>另列 \(grouped(total.setAsideTotal))</span>"
    out += "<span><i class=\"key definite\"></i>拒收 \(grouped(total.rejected))</span>"
    out += total.isBalanced ? chip("ok", "行数相符") : chip("definite", "行数不符")
    return out + "</div></div>\n"
  }

  private func tile(_ title: String, _ big: String, _ unit: String, _ rest: String) -> String {
    "<div class=\"tile\"><h2>\(title)</h2><div class=\"big\">\(big)<small>\(unit)</small></div>\(rest)</div>\n"
  }
}
