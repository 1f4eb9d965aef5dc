import Audit
import ClaimModel
import Diagnostics
import GRDBSQLite
import Registries
import RulePacks

/// Rules over lines in memory: 1, 20 and 100 of them natively, and the same as one SQLite query each. Prints rows and
/// rules a second, minimum, median and maximum of alternating rounds, and fails if the two find different things.
///
///     swift run -c release evaluator-benchmark [LINES] [ROUNDS]
@main struct EvaluatorBenchmark {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    let lines = arguments.first ?? 1_000_000
    let rounds = arguments.dropFirst().first ?? 5
    let columns = BenchmarkColumns()
    let claims = columns.claims(lines: lines)
    let rules = try (0..<100).map { try columns.rule($0) }
    let database = try LineDatabase(claims, columns)
    print("\(lines) lines, \(columns.texts.count) text and \(columns.amounts.count) amount columns, \(rounds) rounds")

    var one: [Double] = []
    for count in [1, 20, 100] {
      let some = Array(rules.prefix(count))
      var native: [Double] = []
      var sqlite: [Double] = []
      for _ in 0..<rounds {
        var found = AuditResult()
        native.append(
          try seconds { found = try audit(rules: some, AuditInput(claims: claims, registries: Registries())) })
        var sums: [String: (Int64, Int64)] = [:]
        sqlite.append(
          try seconds { for (i, rule) in some.enumerated() { sums[rule.id] = try database.run(columns.query(i)) } })
        for row in found.coverage {
          let other = sums[row.rule] ?? (-1, -1)
          if other.0 != Int64(row.findings) || Int128(other.1) != row.amountFen {
            throw Diagnostic(
              .error, "benchmark.differs",
              "\(row.rule): \(row.findings) findings of \(row.amountFen) fen natively, \(other.0) of \(other.1) in SQLite"
            )
          }
        }
      }
      if count == 1 { one = native }
      report("native", count, lines, native, one)
      report("SQLite", count, lines, sqlite, nil)
      print("  SQLite / native, of the medians: \(fixed(median(sqlite) / median(native), 1))")
    }
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let took = try clock.measure(body)
    return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
  }

  private static func median(_ all: [Double]) -> Double { all.sorted()[all.count / 2] }

  private static func report(_ who: String, _ count: Int, _ lines: Int, _ all: [Double], _ one: [Double]?) {
    let middle = median(all)
    var text = "\(who), \(count) rule\(count == 1 ? "" : "s"): "
    text +=
      "min \(fixed((all.min() ?? 0) * 1000, 1)) median \(fixed(middle * 1000, 1)) max \(fixed((all.max() ?? 0) * 1000, 1)) ms"
    text += ", \(fixed(Double(lines) * Double(count) / middle / 1e6, 1)) M rows x rules/s"
    if let one, count > 1 { text += ", \(fixed(middle / median(one), 2)) times one rule" }
    print(text)
  }

  private static func fixed(_ value: Double, _ places: Int) -> String {
    let scale = places == 1 ? 10.0 : 100.0
    let whole = Int64((value * scale).rounded())
    let rest = String(whole % Int64(scale))
    return "\(whole / Int64(scale))." + String(repeating: "0", count: places - rest.utf8.count) + rest
  }
}

/// Which columns the made-up lines have, and rules over them that share no condition.
struct BenchmarkColumns {
  let texts: [String]
  let amounts: [String]
  static let values = 40

  init() {
    let all = ClaimTable.feeLines.columns
    let taken: Set<String> = [
      "mdtrt_id", "bkkp_sn", "setl_id", "psn_no", "fixmedins_code", "vali_flag", "init_feedetl_sn", "feedetl_sn",
    ]
    texts = Array(all.filter { $0.kind == .text && !taken.contains($0.name) }.map(\.name).prefix(12))
    amounts = Array(all.filter { $0.kind == .money }.map(\.name).prefix(8))
  }

  /// What the rule at a place asks: the columns and the literals.
  private func parts(_ i: Int) -> (text: String, other: String, amount: String, fen: Int64, first: Int) {
    (
      texts[i % texts.count], texts[(i * 5 + 3 + i / texts.count) % texts.count],
      amounts[(i * 3 + i / amounts.count) % amounts.count], Int64(980_000 + i * 101), i % 20 + 1
    )
  }

  /// About one line in 700 is a hit of each rule.
  func rule(_ i: Int) throws -> Rule {
    let (text, other, amount, fen, first) = parts(i)
    let yaml = """
      rule: BEN-\(i < 10 ? "0" : "")\(i)
      version: 1
      name: {zh: 测量, en: Benchmark}
      category: benchmark
      status: active
      severity: low
      subject: institution
      basis: [测量]
      each: line
      parameters: {least: {value: \(ValueKind.money.text(fen)), kind: money, basis: 测量}}
      where: >-
        line.\(text) IN ('\(value(i))', '\(value(i + 7))', '\(value(i + 19))') AND line.\(amount) > $least
        AND (line.\(other) = '\(value(i + 3))') IS NOT TRUE AND line.day >= DATE '2025-01-\(first < 10 ? "0" : "")\(first)'
      cases: [{verdict: 可疑, precedence: 5}]
      key: [line.id]
      amount: {A: sum_A, F: sum_F}
      explain: {zh: "{A}"}
      false_positives: 无
      """
    let (rule, problems) = parseRule(text: yaml, path: "benchmark.yml")
    guard let rule else { throw Diagnostics(problems) }
    return rule
  }

  /// The same as one query, written by hand: how many lines, and their amount.
  func query(_ i: Int) -> String {
    let (text, other, amount, fen, first) = parts(i)
    return """
      SELECT count(*), COALESCE(sum(A), 0) FROM line
      WHERE \(text) IN ('\(value(i))', '\(value(i + 7))', '\(value(i + 19))') AND \(amount) > \(fen)
        AND (\(other) = '\(value(i + 3))') IS NOT TRUE AND day >= \(Self.january + Int64(first) - 1)
      """
  }

  /// 2025-01-01.
  static let january: Int64 = 20_089

  func value(_ i: Int) -> String { "V\(i % Self.values)" }

  /// Lines with nulls in every column, from a fixed seed.
  func claims(lines: Int) -> EffectiveClaims {
    let codes = CodeTable()
    var random = SplitMix(state: 20_250_303)
    let words = (0..<Self.values).map { codes.intern(value($0)) }
    let institutions = (0..<50).map { codes.intern("H\($0)") }
    var table = EntityTable(entity: .line, count: lines)
    for name in texts {
      table.columns[name] = .text(
        (0..<lines).map { _ in
          let r = random.next()
          return r % 16 == 0 ? CodeTable.null : words[Int((r >> 8) % UInt64(Self.values))]
        })
    }
    for name in amounts {
      table.columns[name] = .number(
        (0..<lines).map { _ in
          let r = random.next()
          return r % 16 == 0 ? ColumnData.null : Int64((r >> 8) % 1_000_000)
        })
    }
    table.columns["id"] = .text((0..<lines).map { codes.intern("M\($0 / 20):\($0)") })
    table.columns["fixmedins_code"] = .text((0..<lines).map { institutions[$0 % 50] })
    table.columns["day"] = .number((0..<lines).map { _ in Self.january + Int64(random.next() % 60) })
    let amount = (0..<lines).map { _ in Int64(random.next() % 100_000) }
    table.columns["A"] = .number(amount)
    table.columns["F"] = .number(amount.map { $0 / 2 })
    table.origin = (0..<lines).map { RowOrigin(segment: 0, line: Int32($0)) }
    table.parent[.settlement] = [Int32](repeating: -1, count: lines)
    return EffectiveClaims(codes: codes, tables: [.line: table])
  }
}

struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The same lines in SQLite, in memory.
final class LineDatabase {
  private var db: OpaquePointer?

  init(_ claims: EffectiveClaims, _ columns: BenchmarkColumns) throws {
    sqlite3_open(":memory:", &db)
    let line = claims[.line]
    let numbers = columns.amounts + ["day", "A"]
    let all = columns.texts + numbers
    try execute(
      "CREATE TABLE line (\(all.map { "\($0) \(numbers.contains($0) ? "INTEGER" : "TEXT")" }.joined(separator: ", ")))")
    try execute("BEGIN")
    var statement: OpaquePointer?
    let places = all.map { _ in "?" }.joined(separator: ",")
    sqlite3_prepare_v2(db, "INSERT INTO line VALUES (\(places))", -1, &statement, nil)
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    for row in 0..<line.count {
      for (i, name) in all.enumerated() {
        switch line.columns[name] {
        case .text(let codes) where codes[row] != CodeTable.null:
          sqlite3_bind_text(statement, Int32(i + 1), claims.codes.text(codes[row]), -1, transient)
        case .number(let values) where values[row] != ColumnData.null:
          sqlite3_bind_int64(statement, Int32(i + 1), values[row])
        default: sqlite3_bind_null(statement, Int32(i + 1))
        }
      }
      sqlite3_step(statement)
      sqlite3_reset(statement)
    }
    sqlite3_finalize(statement)
    try execute("COMMIT")
  }

  deinit { sqlite3_close_v2(db) }

  /// Number of hits and their amount.
  func run(_ query: String) throws -> (Int64, Int64) {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(db, query, -1, &statement, nil) == SQLITE_OK else {
      throw Diagnostic(.error, "benchmark.sqlite", String(cString: sqlite3_errmsg(db)))
    }
    defer { sqlite3_finalize(statement) }
    sqlite3_step(statement)
    return (sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1))
  }

  private func execute(_ sql: String) throws {
    var message: UnsafeMutablePointer<CChar>?
    if sqlite3_exec(db, sql, nil, nil, &message) != SQLITE_OK {
      let text = message.map { String(cString: $0) } ?? "?"
      sqlite3_free(message)
      throw Diagnostic(.error, "benchmark.sqlite", text)
    }
  }
}
