import ClaimModel

// Rejects, reconciliation, data quality, files and stages: what the run read.

extension RunReportModel {
  private func tableCell(_ name: String) -> String {
    "<span class=\"nowrap\">\(escaped(Caption.table(name)))</span><br/><span class=\"sub mono\">\(escaped(name))</span>"
  }

  private func columnCell(_ table: String, _ column: String) -> String {
    let caption = Caption.column(table, column)
    if caption == column { return "<span class=\"mono\">\(escaped(column))</span>" }
    return "\(escaped(caption))<br/><span class=\"sub mono\">\(escaped(column))</span>"
  }

  func rejectsSection() -> String {
    var byTable = HTMLTable([.text("表"), .number("读入"), .number("计入"), .number("另列"), .number("拒收"), .text("行数核对")])
    for row in tables.sortedByBytes(\.table) {
      byTable.add([
        tableCell(row.table), grouped(row.counts.read), grouped(row.counts.accepted), grouped(row.counts.setAsideTotal),
        grouped(row.counts.rejected), row.counts.isBalanced ? chip("ok", "相符") : chip("definite", "不符"),
      ])
    }
    byTable.setTotal([
      "合计", grouped(total.read), grouped(total.accepted), grouped(total.setAsideTotal), grouped(total.rejected), "",
    ])
    var out = "<h3>各表行数</h3>\n\(byTable.html)"

    var problems = HTMLTable([.text("文件"), .text("列"), .code("代码"), .text("处理"), .number("行数")])
    for file in (files + registries).sortedByBytes(\.name) {
      for p in file.problems.sortedByBytes({ "\($0.action.rawValue)\u{1}\($0.code)\u{1}\($0.column ?? "")" }) {
        problems.add([
          escaped(file.name), p.column.map { columnCell(file.table ?? "", $0) } ?? "整行", escaped(p.code),
          chip(p.action == .rejected ? "definite" : "suspected", Caption.action(p.action)), grouped(p.count),
        ])
      }
    }
    out += "<h3>拒收与置空，按文件和代码</h3>\n"
    out +=
      problems.isEmpty
      ? "<p class=\"note\">没有。</p>\n"
      : problems.html + "<p class=\"note\">批次文件各行的位置见 rejects.csv；登记表只列行数。</p>\n"

    let reasons = Set(tables.flatMap { $0.counts.setAside.filter { $0.value != 0 }.keys }).sortedByBytes()
    out += "<h3>另列，按原因</h3>\n"
    if reasons.isEmpty {
      out += "<p class=\"note\">没有。</p>\n"
    } else {
      let shown = tables.sortedByBytes(\.table).filter { $0.counts.setAsideTotal != 0 }
      var matrix = HTMLTable([.text("原因")] + shown.map { .number(Caption.table($0.table)) } + [.number("合计")])
      for reason in reasons {
        let counts = shown.map { $0.counts.setAside[reason] ?? 0 }
        matrix.add(
          ["\(escaped(Caption.reason(reason))) <span class=\"sub mono\">\(escaped(reason))</span>"]
            + counts.map { $0 == 0 ? "–" : grouped($0) } + [grouped(counts.reduce(0, +))])
      }
      out += matrix.html
    }
    if !older.isEmpty {
      var table = HTMLTable([.text("表"), .text("原因"), .number("行数")])
      for row in older.sortedByBytes({ $0.table + "\u{1}" + $0.reason }) {
        table.add([tableCell(row.table), escaped(Caption.reason(row.reason)), grouped(row.rows)])
      }
      out += "<h3>较早批次中因本批次改变的行</h3>\n\(table.html)"
    }
    return out
  }

  func reconciliationSection() -> String {
    var out = ""
    for check in reconciliation.sortedByBytes(\.kind.rawValue) {
      let title = check.kind == .delivery ? "批次与 delivery.csv" : "结算总额与明细合计"
      out += "<h3>\(title)</h3>\n<p>核对 \(grouped(check.checked)) 项，"
      out +=
        check.differences.isEmpty
        ? chip("ok", "全部相符") : chip("definite", "不符 \(grouped(check.differences.count)) 项")
      if check.notComparable > 0 {
        let reason = check.kind == .delivery ? "合计超出 64 位" : "金额为空"
        out += " 无法核对 \(grouped(check.notComparable)) 项（\(reason)）"
      }
      out += "</p>\n"
      if check.differences.isEmpty { continue }
      var table = HTMLTable([
        .code(check.kind == .delivery ? "文件与列" : "结算 ID"), .text("单位"), .number("应为"), .number("实为"), .number("差额"),
      ])
      for d in check.differences.sortedByBytes({ $0.subject + "\u{1}" + $0.unit.rawValue }).prefix(Self.listed) {
        func text(_ value: Int128) -> String { d.unit == .fen ? FixedPoint.yuan(value) : grouped(value) }
        table.add([
          escaped(d.subject), d.unit == .fen ? "元" : "行", text(d.expected), text(d.found), text(d.found - d.expected),
        ])
      }
      out += table.html
      if check.differences.count > Self.listed {
        out += "<p class=\"note\">只列前 \(Self.listed) 项，其余见 run.json。</p>\n"
      }
    }
    if reconciliation.isEmpty { out += "<p class=\"note\">没有可核对的项目。</p>\n" }
    if sums.isEmpty { return out }
    var table = HTMLTable([
      .text("金额列"), .number("上传合计（元）"), .number("减：另列（元）"), .number("加：冲销并入（元）"), .number("计入合计（元）"), .text("核对"),
    ])
    for sum in sums.sortedByBytes({ $0.table + "\u{1}" + $0.column }) {
      table.add([
        "<span class=\"sub\">\(escaped(Caption.table(sum.table)))</span> \(columnCell(sum.table, sum.column))",
        FixedPoint.yuan(sum.beforeFen), FixedPoint.yuan(sum.setAsideFen.values.reduce(0, +)),
        FixedPoint.yuan(sum.nettedFen), FixedPoint.yuan(sum.afterFen),
        sum.isBalanced ? chip("ok", "相符到分") : chip("definite", "不符"),
      ])
    }
    return out + "<h3>金额去向</h3>\n\(table.html)"
  }

  func profileSection() -> String {
    var out = ""
    for table in Set(profile.map(\.table)).sortedByBytes() {
      out += fillMatrix(table, profile.filter { $0.table == table })
    }
    if profile.isEmpty { out += "<p class=\"note\">没有填充率数据。</p>\n" }
    out += "<h3>代码表之外的代码</h3>\n"
    if unknownCodes.isEmpty {
      out += "<p class=\"note\">没有。</p>\n"
    } else {
      var codes = HTMLTable([.text("表"), .text("列"), .code("代码"), .number("行数"), .number("金额（元）")])
      for u in unknownCodes.sortedByBytes({ "\($0.table)\u{1}\($0.column)\u{1}\($0.code)" }).prefix(Self.listed) {
        codes.add([
          tableCell(u.table), columnCell(u.table, u.column), escaped(u.code), grouped(u.rows), FixedPoint.yuan(u.fen),
        ])
      }
      out += codes.html
    }
    out += "<h3>身份重复</h3>\n"
    if identityDuplicates.isEmpty { return out + "<p class=\"note\">没有。</p>\n" }
    var duplicates = HTMLTable([.text("表"), .text("情形"), .number("数量")])
    for d in identityDuplicates.sortedByBytes({ $0.table + "\u{1}" + $0.what }) {
      duplicates.add([tableCell(d.table), escaped(d.what), grouped(d.count)])
    }
    return out + duplicates.html
  }

  /// Institutions down, columns across; only columns that are empty somewhere, the emptiest first.
  private func fillMatrix(_ table: String, _ rates: [FillRate]) -> String {
    let shownColumns = 10
    let shownRows = 30
    var whole: [String: FillRate] = [:]
    var cells: [String: [String: FillRate]] = [:]
    for rate in rates {
      if let institution = rate.institution {
        cells[institution, default: [:]][rate.column] = rate
      } else {
        whole[rate.column] = rate
      }
    }
    func share(_ rate: FillRate?) -> Int {
      guard let rate, rate.rows > 0 else { return 1000 }
      return rate.filled * 1000 / rate.rows
    }
    let all = Set(rates.map(\.column)).sortedByBytes()
    func worst(_ column: String) -> Int {
      min(share(whole[column]), cells.values.map { share($0[column]) }.min() ?? 1000)
    }
    let full = all.filter { worst($0) == 1000 }
    let gaps = all.filter { worst($0) < 1000 }.enumerated()
      .map { (share(whole[$1]), worst($1), $0, $1) }.sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }.map(\.3)
    var out = "<h3>填充率：\(escaped(Caption.table(table))) <span class=\"sub mono\">\(escaped(table))</span></h3>\n"
    if !full.isEmpty {
      out += "<p class=\"note\">全部填写：\(full.map { escaped(Caption.column(table, $0)) }.joined(separator: "、"))。</p>\n"
    }
    if gaps.isEmpty { return out }
    let columns = Array(gaps.prefix(shownColumns))
    var html = "<div class=\"scroll\"><table class=\"heat\"><thead><tr><th scope=\"col\">机构</th>"
    for column in columns {
      html += "<th scope=\"col\" class=\"n\">\(escaped(Caption.column(table, column)))"
      html += "<br/><span class=\"sub mono\">\(escaped(column))</span></th>"
    }
    html += "</tr></thead><tbody>\n"
    func row(_ head: String, _ rate: (String) -> FillRate?) -> String {
      var out = "<tr><td>\(head)</td>"
      for column in columns {
        let r = rate(column)
        let s = share(r)
        let heat = s < 500 ? " h0" : s < 900 ? " h1" : s < 1000 ? " h2" : ""
        out += "<td class=\"n\(heat)\">\(r.map { percent($0.filled, of: $0.rows) } ?? "–")</td>"
      }
      return out + "</tr>\n"
    }
    html += row("<strong>全部机构</strong>") { whole[$0] }
    let institutions = cells.keys.sortedByBytes().enumerated()
      .map { n, name in (columns.reduce(0) { $0 + share(cells[name]?[$1]) }, n, name) }
      .sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    for institution in institutions.prefix(shownRows) {
      html += row(subjectText(.institution, institution)) { cells[institution]?[$0] }
    }
    out += html + "</tbody></table></div>\n"
    var notes: [String] = []
    if gaps.count > shownColumns { notes.append("另有 \(gaps.count - shownColumns) 列未填满") }
    if institutions.count > shownRows { notes.append("只列填充率最低的 \(shownRows) 家机构，共 \(institutions.count) 家") }
    if !notes.isEmpty { out += "<p class=\"note\">\(notes.joined(separator: "；"))，见 run.json。</p>\n" }
    return out
  }

  func filesSection() -> String {
    var table = HTMLTable([
      .text("文件"), .text("表"), .text("状态"), .number("读入"), .number("计入"), .number("另列"), .number("拒收"), .text("字符集"),
      .text("格式"), .number("大小"), .number("解压后"),
    ])
    for file in (files + registries).sortedByBytes({ $0.name + "\u{1}" + ($0.table ?? "") }) {
      var name = escaped(file.name)
      if let digest = file.digest { name += "<span class=\"digest\">\(escaped(digest))</span>" }
      if let code = file.refusalCode {
        let wording = RefusalWording.text(code).map { $0 + " · " } ?? ""
        name += "<br/>\(wording)<span class=\"mono\">\(escaped(code))</span> \(escaped(file.refusalMessage ?? ""))"
        if let rows = file.rowsBeforeRefusal { name += "（读到第 \(grouped(rows)) 行，均不计）" }
      }
      if !file.missingColumns.isEmpty {
        name += "<br/><span class=\"sub\">缺列：\(file.missingColumns.map(escaped).joined(separator: "、"))</span>"
      }
      if !file.unknownColumns.isEmpty {
        name += "<br/><span class=\"sub\">未知列：\(file.unknownColumns.map(escaped).joined(separator: "、"))</span>"
      }
      let state: String =
        switch file.state {
        case .read: chip("ok", "已读")
        case .refused: chip("definite", "拒收")
        case .missing: chip("definite", "缺失")
        }
      let format = [file.delimiter, file.enclosure, file.headerKind].compactMap { $0 }.map(escaped)
      table.add([
        name, escaped(file.table.map(Caption.table) ?? "–"), state, grouped(file.counts.read),
        grouped(file.counts.accepted), grouped(file.counts.setAsideTotal), grouped(file.counts.rejected),
        escaped(file.charset ?? "–"), "<span class=\"mono\">\(format.joined(separator: " "))</span>",
        bytesText(file.bytes), bytesText(file.inflatedBytes),
      ])
    }
    var out = files.isEmpty ? "<p class=\"note\">没有文件。</p>\n" : table.html
    if !ignoredFiles.isEmpty {
      out += "<p class=\"note\">未读取的文件：\(ignoredFiles.sortedByBytes().map(escaped).joined(separator: "、"))。</p>\n"
    }
    return out
  }

  func runSection() -> String {
    var table = HTMLTable([.text("阶段"), .number("行数"), .number("字节"), .number("秒")])
    for stage in stages {
      table.add([
        escaped(stage.name), grouped(stage.rows), grouped(stage.bytes),
        "<span class=\"seconds\">\(FixedPoint.text(Int64(stage.milliseconds), scale: 3))</span>",
      ])
    }
    var inputs = HTMLTable([.text("输入"), .code("SHA-256")])
    inputs.add(["流水线 \(escaped(pipeline))", escaped(digests.pipeline)])
    inputs.add(["规则包", escaped(digests.rules)])
    for (name, digest) in digests.registries.sortedByBytes(\.key) {
      inputs.add(["目录 <span class=\"mono\">\(escaped(name))</span>", escaped(digest)])
    }
    return "\(stages.isEmpty ? "" : table.html)<h3>输入摘要</h3>\n\(inputs.html)"
  }
}
