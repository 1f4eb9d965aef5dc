import Foundation
import SQLLowering
import Testing

/// Rows of Tests/engines/semantics.json that ask the engines what `Dialect` prints. The engines' answers are measured
/// by semantics.py; here the questions are held against the code, so that the table can't speak of texts nobody prints.
@Suite struct SemanticsTable {
  private struct Row: Decodable {
    var id: String
    var sql: Text
    var dialect: String?
  }

  /// One text for every engine, or one each.
  private enum Text: Decodable {
    case same(String)
    case each([String: String])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .same(text)
      } else {
        self = .each(try container.decode([String: String].self))
      }
    }

    func of(_ dialect: Dialect) -> String? {
      switch self {
      case .same(let text): text
      case .each(let texts): texts[dialect.id]
      }
    }
  }

  private static let nullable = "FROM (SELECT 1 AS x UNION ALL SELECT CAST(NULL AS INTEGER)) t"
  private static let large =
    "FROM (SELECT CAST(9223372036854775807 AS BIGINT) AS x UNION ALL SELECT CAST(1 AS BIGINT)) t"

  private static func number(_ d: Dialect, _ text: String) -> String {
    let literal = d.literal(text)
    return "CASE WHEN \(d.isDigits(literal)) THEN \(d.wholeNumber(literal)) END"
  }

  private static func days(_ d: Dialect, _ bounds: String) -> String {
    "x.day FROM (\(d.daySeries(bounds, []))) x ORDER BY x.day"
  }

  /// What stands behind SELECT.
  private static let printed: [String: @Sendable (Dialect) -> String] = [
    "division-printed": { $0.quotient("(-5)", "2") },
    "overflow-printed": { $0.checked("(9223372036854775807 + 1)") },
    "sum-overflow-printed": { "\($0.sum("t.x")) \(large)" },
    "running-sum-overflow-printed": { "\($0.windowSum("t.x", "ORDER BY t.x")) \(large)" },
    "number-printed-bad": { number($0, "12a") },
    "number-printed-wide": { number($0, "１２") },
    "number-printed": { number($0, "0000000000000000000012") },
    "same-printed": { "\($0.isSame("NULL", "NULL")), \($0.isSame("NULL", "'a'"))" },
    "differs-printed": { "\($0.differs("NULL", "NULL")), \($0.differs("NULL", "'a'"))" },
    "is-true-printed": { "\($0.isTrue("NULL = 1")), \($0.isTrue("1 = 1"))" },
    "least-printed": {
      "\($0.least(["t.x", "2"])), \($0.greatest(["t.x", "2"])) \(nullable) ORDER BY \($0.ascending("t.x"))"
    },
    "nulls-ascending-printed": { "t.x \(nullable) ORDER BY \($0.ascending("t.x"))" },
    "nulls-descending-printed": { "t.x \(nullable) ORDER BY \($0.descending("t.x"))" },
    "begins-printed": { $0.startsWith("'ABC'", "ab") },
    "begins-printed-beyond-16-bits": { $0.startsWith("'𠮷%_野'", "𠮷%_") },
    "length-in-bytes-printed": { $0.byteLength("'𠮷A'") },
    "substr": { "\($0.prefix("'𠮷野家'", 2)), \($0.prefix("'医'", 3))" },
    "upper-printed": { $0.upper("'äb'") },
    "begins-with-a-column-printed": {
      "\($0.beginsWith("'C50.9'", "'C50'")), \($0.beginsWith("'C50'", "NULL"))"
    },
    "pad": { "\($0.padded("7", 2)), \($0.padded("123", 2))" },
    "days-printed": { days($0, "SELECT 1 AS low, 3 AS high") },
    "days-downwards-printed": { days($0, "SELECT 3 AS low, 1 AS high") },
    "day-of-text-printed": { $0.dayOfText("'2024-02-29'") },
    "text-of-day-printed": { $0.dayText("19782") },
    "text-of-time-printed": { $0.timeText("CAST(1740816000 AS BIGINT)") },
    "literal-printed": { $0.literal("a\\n'${spark.app.name}") },
    "unknown-name-printed": { "t.\($0.quoted("医")) FROM (SELECT 1 AS x) t" },
  ]

  private static func rows() throws -> [Row] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("engines/semantics.json")
    return try JSONDecoder().decode([Row].self, from: Data(contentsOf: file))
  }

  @Test func asksAboutEveryFormThatIsListedHere() throws {
    let asked = Set(try Self.rows().filter { $0.dialect != nil }.map(\.id))
    #expect(asked == Set(Self.printed.keys))
  }

  @Test(arguments: Dialect.all.map(\.id)) func asksWhatTheDialectPrints(_ id: String) throws {
    let dialect = try #require(Dialect.all.first { $0.id == id })
    for row in try Self.rows() {
      guard let print = Self.printed[row.id] else { continue }
      #expect(row.sql.of(dialect) == "SELECT " + print(dialect), "\(row.id)")
    }
  }
}
