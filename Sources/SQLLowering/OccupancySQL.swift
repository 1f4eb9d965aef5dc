import ClaimModel
import Diagnostics
import RulePacks

/// The query of the days that an occupancy counts, over the whole store: `preludeSQL`, then this.
public func censusSQL(_ rule: Rule, dialect: Dialect = .sqlite) throws(Diagnostics) -> String {
  guard let formed = rule.shape.formed, case .occupancy = formed.kind else { return "" }
  do {
    let writer = RuleLowering(rule, dialect, .store)
    writer.demandKeys()
    writer.lowering.stage = .formed
    let steps = try writer.formedSQL(formed)
    // Everything up to the formed rows.
    guard let last = steps.firstIndex(where: { $0.contains("\(dialect.quoted(rule.id + " formed")) AS") }) else {
      return ""
    }
    return steps[...last].joined(separator: "\n") + "SELECT * FROM \(dialect.quoted(rule.id + " formed")) f;\n"
  } catch let error as Diagnostics {
    throw error
  } catch {
    throw Diagnostics([Diagnostic(.error, "sql.unsupported", "rule \(rule.id): \(error)")])
  }
}

extension RuleLowering {
  /// `occupancy`: one row for each set of `by` values and day; how many different values are there at once.
  func occupancySQL(_ formed: Formed) -> String {
    let names = by(formed, "b").joined(separator: ", ")
    return formedTable(
      formed, note: "每组每日一行：当日不同取值的个数。 One row for each group and day: how many at once.",
      order: ["z.\(column(formed, "day"))"] + formedBy(formed, "z"),
      """
      SELECT \(byColumns(formed, "b")), d.day AS \(column(formed, "day")),
          count(DISTINCT b.counted) AS \(column(formed, "count"))
        FROM (\(daysOfBase)) d
          JOIN \(table("base")) b ON b.base_row = d.base_row
        GROUP BY \(names), d.day
      """)
  }

  /// The same rows as a run counted them over the whole store; the evidence of one case can't count them.
  func censusFromContextSQL(_ formed: Formed) throws -> String {
    let start = rule.id.unicodeScalars.count + 2
    // The key without the rule and without the day at its end.
    var rest = "substr(c.key, \(start), length(c.key) - \(start + 10))"
    var columns: [String] = []
    for (place, by) in formed.by.enumerated() {
      let isLast = place == formed.by.count - 1
      let part = isLast ? rest : "substr(\(rest), 1, instr(\(rest), '|') - 1)"
      let value: String
      switch by.kind {
      case .text: value = part
      case .integer: value = "CAST(\(part) AS INTEGER)"
      case .day: value = dialect.dayOfText(part)
      case .time, .money, .quantity, .price, .ratio:
        throw lowering.diagnostic("a census by \(by.name) can't be read from a packet")
      }
      columns.append("\(value) AS \(column(formed, by.name)), ")
      rest = "substr(\(rest), instr(\(rest), '|') + 1)"
    }
    if formed.by.isEmpty { columns = ["1 AS always, "] }
    return formedTable(
      formed, note: "每日人数，由全部数据算得，记在 context 表。 Counted over the whole store; kept in `context`.",
      order: ["z.\(column(formed, "day"))"] + formedBy(formed, "z"),
      """
      SELECT \(columns.joined())\(dialect.dayOfText("substr(c.key, length(c.key) - 9)")) AS \(column(formed, "day")),
          CAST(c.value AS INTEGER) AS \(column(formed, "count"))
        FROM context c
        WHERE c.what = 'census' AND substr(c.key, 1, \(start - 1)) = \(dialect.literal(rule.id + "|"))
      """)
  }
}
