import ClaimModel

/// Short, because it stands in nearly every line of the page.
func escaped(_ text: String) -> String { EscapedText.html(text) }

/// `1,234,567`.
func grouped(_ number: Int) -> String { grouped(Int128(number)) }

/// As above, of a difference or a sum over many rows.
func grouped(_ number: Int128) -> String {
  let digits = String(number.magnitude)
  var out = number < 0 ? "-" : ""
  for (i, c) in digits.enumerated() {
    if i > 0, (digits.count - i) % 3 == 0 { out.append(",") }
    out.append(c)
  }
  return out
}

/// `98.7%`, cut off and not rounded: 100.0% means all. Nothing of nothing is a dash.
func percent(_ part: Int, of whole: Int) -> String {
  if whole == 0 { return "–" }
  let thousandths = part * 1000 / whole
  return "\(thousandths / 10).\(thousandths % 10)%"
}

/// `12.3 MB`, for people.
func bytesText(_ bytes: Int) -> String {
  var unit = 1
  for name in ["B", "KB", "MB", "GB"] {
    if bytes < unit * 1000 || name == "GB" {
      return unit == 1 ? "\(bytes) B" : "\(bytes / unit).\(bytes % unit * 10 / unit) \(name)"
    }
    unit *= 1000
  }
  return "\(bytes) B"
}

/// A person number with its middle hidden: a third of it is shown at either end, four characters at most.
func maskedPerson(_ number: String) -> String {
  let scalars = Array(number.unicodeScalars)
  let shown = min(4, scalars.count / 3)
  var out = String.UnicodeScalarView()
  out.append(contentsOf: scalars.prefix(shown))
  out.append(contentsOf: repeatElement("*", count: scalars.count - 2 * shown))
  out.append(contentsOf: scalars.suffix(shown))
  return String(out)
}

/// A table of the page. Columns with `number` are set right, in figures of equal width.
struct HTMLTable {
  enum Column {
    case text(String)
    case number(String)
    /// Wide text that may break anywhere: digests, ids.
    case code(String)
    var title: String {
      switch self {
      case .text(let t), .number(let t), .code(let t): t
      }
    }
    var style: String {
      switch self {
      case .text: ""
      case .number: " class=\"n\""
      case .code: " class=\"c\""
      }
    }
  }

  private let columns: [Column]
  private var body = ""
  private var foot = ""
  private(set) var isEmpty = true

  init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row of cells that are HTML already.
  mutating func add(_ cells: [String]) {
    isEmpty = false
    body += row(cells, "td") + "\n"
  }

  /// The last row: sums.
  mutating func setTotal(_ cells: [String]) { foot = "<tfoot>" + row(cells, "td") + "</tfoot>\n" }

  private func row(_ cells: [String], _ tag: String) -> String {
    "<tr>" + zip(columns, cells).map { "<\(tag)\($0.style)>\($1)</\(tag)>" }.joined() + "</tr>"
  }

  var html: String {
    let head = columns.map { "<th scope=\"col\"\($0.style)>\(escaped($0.title))</th>" }.joined()
    return
      "<div class=\"scroll\"><table>\n<thead><tr>\(head)</tr></thead>\n<tbody>\n\(body)</tbody>\n\(foot)</table></div>\n"
  }
}

/// A horizontal bar of coloured parts, as inline SVG; lengths in thousandths of the whole width.
func bar<N: FixedWidthInteger>(_ parts: [(fill: String, value: N)], of whole: N, label: String) -> String {
  var out =
    "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(escaped(label))\">"
  out += "<rect class=\"track\" x=\"0\" y=\"0\" width=\"1000\" height=\"10\"/>"
  var x = 0
  if whole > 0 {
    for part in parts where part.value > 0 {
      let (product, overflow) = part.value.multipliedReportingOverflow(by: 1000)
      // What is there is seen: at least four thousandths.
      let width = max(4, Int(overflow ? part.value / max(1, whole / 1000) : product / whole))
      out += "<rect class=\"\(part.fill)\" x=\"\(x)\" y=\"0\" width=\"\(min(width, 1000 - x))\" height=\"10\"/>"
      x = min(1000, x + width)
    }
  }
  return out + "</svg>"
}

/// Names as Chinese readers know them.
enum Caption {
  static func table(_ name: String) -> String {
    switch ClaimTable(name: name) {
    case .settlements: "结算"
    case .feeLines: "费用明细"
    case .visits: "就诊"
    case .diagnoses: "诊断"
    case .operations: "手术操作"
    case nil: name
    }
  }

  static func column(_ table: String, _ column: String) -> String {
    guard let table = ClaimTable(name: table), let index = table.index(of: column) else { return column }
    return table.columns[index].caption
  }

  static func reason(_ reason: String) -> String {
    guard let disposition = Disposition.allCases.first(where: { $0.reason == reason }) else { return reason }
    return switch disposition {
    case .counts: "计入"
    case .superseded: "已有更新版本"
    case .cancelled: "已作废"
    case .refunded: "已退费"
    case .refund: "退费记录"
    case .refundedByOther: "被退费记录冲销"
    case .orphanRefund: "退费找不到原结算"
    case .excludedSetlType: "结算类别不纳入"
    case .inHospital: "仍在院"
    case .unsettled: "未结算明细"
    case .unknownSettlement: "结算不在库中"
    case .settlementSetAside: "所属结算不计入"
    case .linkedReversal: "冲销明细（已并入原明细）"
    case .reversed: "已被冲销的明细"
    case .pairedReversal: "配对冲销的负明细"
    case .pairedReversed: "配对冲销的原明细"
    case .unpairedNegative: "无原明细的负明细"
    case .zeroQuantity: "数量为零"
    case .negativeAmount: "净额为负"
    }
  }

  static func subjectType(_ type: SubjectType) -> String {
    switch type {
    case .institution: "机构"
    case .practitioner: "医务人员"
    case .person: "参保人"
    case .group: "群体"
    }
  }

  static func state(_ state: FindingState) -> String {
    switch state {
    case .new: "新增"
    case .standing: "延续"
    case .changed: "变化"
    case .withdrawn: "撤销"
    }
  }

  static func withdrawal(_ reason: Withdrawal.Reason) -> String {
    switch reason {
    case .reversed: "结算或明细已冲销、退费"
    case .corrected: "已有更正或作废的新版本"
    case .gone: "所依据的行已不在库中"
    case .other: "本身的行未变，其他资料、登记表或规则已变"
    }
  }

  static func status(_ status: RuleCoverage.Status) -> String {
    switch status {
    case .run: "已运行"
    case .notRunnable: "无法运行"
    case .shadow: "试运行"
    case .off: "已停用"
    }
  }

  static func action(_ action: Reject.Action) -> String {
    switch action {
    case .rejected: "整行拒收"
    case .nulled: "该值置空"
    case .setAside: "另列"
    }
  }
}

/// A small label of a fixed meaning: colour and words, never colour alone.
func chip(_ style: String, _ text: String) -> String { "<span class=\"chip \(style)\">\(escaped(text))</span>" }

func chip(_ verdict: Verdict) -> String { chip(verdict.style, verdict.rawValue) }

extension Verdict {
  /// Class of the style sheet.
  var style: String {
    switch self {
    case .definite: "definite"
    case .suspected: "suspected"
    case .lead: "lead"
    }
  }
}
