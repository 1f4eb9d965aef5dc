import ClaimModel

/// Inline SVG of a packet. Sizes are in a viewBox 720 wide; the page scales it.
enum Charts {
  struct Bar {
    var label: String
    var fund: Int128
    var counted: Int128
  }

  /// Fund amount (pale) and counted amount (dark) of each label.
  static func bars(_ bars: [Bar]) -> Markup {
    let greatest = max(1, bars.map { max($0.fund, $0.counted) }.max() ?? 1)
    // Tenths of a pixel: no amount becomes a binary fraction.
    let left: Int64 = 1900
    let height = bars.count * 40 + 34
    var body: Markup = ""
    for (i, bar) in bars.enumerated() {
      let y = i * 40 + 6
      func width(_ fen: Int128) -> Int64 { max(10, barTenths(fen, of: greatest)) }
      body += """
        <text x="\(tenths(left - 80))" y="\(y + 19)" text-anchor="end" font-size="12" fill="#1a1f26">\(bar.label)</text>
        <rect x="\(tenths(left))" y="\(y)" width="\(tenths(width(bar.fund)))" height="13" fill="#9db8d2"/>
        <text x="\(tenths(left + width(bar.fund) + 50))" y="\(y + 11)" font-size="11" fill="#5b6673">\(FixedPoint.yuan(bar.fund))</text>
        <rect x="\(tenths(left))" y="\(y + 14)" width="\(tenths(width(bar.counted)))" height="13" fill="#2f5d8a"/>
        <text x="\(tenths(left + width(bar.counted) + 50))" y="\(y + 25)" font-size="11" fill="#1a1f26">\(FixedPoint.yuan(bar.counted))</text>

        """
    }
    let y = bars.count * 40 + 12
    body += """
      <rect x="\(tenths(left))" y="\(y)" width="10" height="10" fill="#9db8d2"/><text x="\(tenths(left + 150))" y="\(y + 9)" font-size="11" fill="#5b6673">基金金额（元，可能重复）</text>
      <rect x="\(tenths(left + 1900))" y="\(y)" width="10" height="10" fill="#2f5d8a"/><text x="\(tenths(left + 2050))" y="\(y + 9)" font-size="11" fill="#5b6673">计入金额（元，一分只计一次）</text>

      """
    return svg(height, "各规则的基金金额与计入金额", body)
  }

  /// Length of a bar in tenths of a pixel, 0 to 4,000, rounded half up; of whole fen, as every figure beside it. 0 for
  /// an amount below 0; `greatest` is above 0 and at least `fen`.
  static func barTenths(_ fen: Int128, of greatest: Int128) -> Int64 {
    let whole = UInt128(greatest)
    let product = UInt128(max(0, fen)).multipliedFullWidth(by: 4000)
    let (quotient, rest) = whole.dividingFullWidth(product)
    return Int64(quotient) + (rest >= whole - rest ? 1 : 0)
  }

  struct Lane {
    var label: String
    /// First and last day of each finding.
    var spans: [(from: Int64, to: Int64)]
  }

  /// One lane a rule, one mark a finding; months (or days, in a short stretch) below.
  static func timeLine(_ lanes: [Lane]) -> Markup {
    let days = lanes.flatMap { $0.spans.flatMap { [$0.from, $0.to] } }
    guard var first = days.min(), var last = days.max() else { return "" }
    let margin = max(1, (last - first) / 40)
    first -= margin
    last += margin
    let left = 190.0
    let room = 510.0
    let height = lanes.count * 30 + 40
    func x(_ day: Int64) -> Double { left + Double(day - first) / Double(last - first + 1) * room }
    var body: Markup = ""
    for tick in ticks(first, last) {
      body += """
        <line x1="\(px(x(tick.day)))" y1="4" x2="\(px(x(tick.day)))" y2="\(lanes.count * 30 + 8)" stroke="#dde3e9"/>
        <text x="\(px(x(tick.day)))" y="\(lanes.count * 30 + 24)" font-size="10.5" fill="#5b6673" text-anchor="middle">\(tick.label)</text>

        """
    }
    for (i, lane) in lanes.enumerated() {
      let y = i * 30 + 8
      body += """
        <text x="\(px(left - 8))" y="\(y + 15)" text-anchor="end" font-size="12" fill="#1a1f26">\(lane.label)</text>
        <line x1="\(px(left))" y1="\(y + 11)" x2="\(px(left + room))" y2="\(y + 11)" stroke="#c9d1da"/>

        """
      var counts: [Int64: [Int64: Int]] = [:]
      for span in lane.spans { counts[span.from, default: [:]][span.to, default: 0] += 1 }
      for from in counts.keys.sorted() {
        for to in (counts[from] ?? [:]).keys.sorted() {
          let count = counts[from]?[to] ?? 0
          let width = max(3, x(to + 1) - x(from))
          body += """
            <rect x="\(px(x(from)))" y="\(y + 2)" width="\(px(width))" height="18" fill="#2f5d8a" fill-opacity="\(px(min(1, 0.35 + 0.15 * Double(count))))"><title>\(CivilTime.text(day: from)) 至 \(CivilTime.text(day: to))：\(count) 条</title></rect>

            """
        }
      }
    }
    return svg(height, "时间线", body)
  }

  /// Days in a stretch of three weeks, Mondays up to half a year, else firsts of months (quarters beyond two years).
  private static func ticks(_ first: Int64, _ last: Int64) -> [(day: Int64, label: String)] {
    let length = last - first
    return (first...last).compactMap { day in
      let (year, month, date) = CivilTime.date(day)
      // 1970-01-01 was a Thursday.
      let isMonday = ((day % 7) + 10) % 7 == 0
      let step = length <= 21 ? max(1, length / 7) : 0
      if step > 0 { return (day - first) % step == 0 ? (day, "\(month)-\(date)") : nil }
      if length <= 90 {
        return isMonday && (length <= 45 || ((day + 3) / 7) % 2 == 0) ? (day, "\(month)-\(date)") : nil
      }
      if date != 1 { return nil }
      if length <= 740 { return length <= 370 || month % 3 == 1 ? (day, month == 1 ? "\(year)-1" : "\(month)月") : nil }
      return month == 1 ? (day, "\(year)") : nil
    }
  }

  private static func svg(_ height: Int, _ title: String, _ body: Markup) -> Markup {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 \(height)" role="img" aria-label="\(title)">
    \(body)</svg>

    """
  }

  /// One decimal, so that the text is the same everywhere.
  private static func px(_ value: Double) -> Markup { tenths(Int64((value * 10).rounded())) }

  /// Tenths of a pixel, 0 or more.
  private static func tenths(_ value: Int64) -> Markup { "\(value / 10).\(value % 10)" }
}
