import ClaimModel

/// How one database engine writes what the lowering needs. A value, not a class tree: another engine is another value.
///
/// Closures take and give SQL text; an operand is bracketed by whoever passes it unless it is a word, a literal or a
/// call. Whatever is written elsewhere in this module means the same in every engine; the measured differences stand
/// in Documentation/engine-semantics.md.
public struct Dialect: Sendable {
  /// As people write it: SQLite, DuckDB, Spark.
  public var name: String
  /// As the command line takes it.
  public var id: String

  // MARK: texts and names

  /// A text literal. NUL can't stand in a literal and is cut out: no rule file holds one.
  public var literal: @Sendable (_ text: String) -> String
  /// A quoted name; only ever written behind an alias or as a table or alias, because SQLite takes an unknown bare
  /// "name" for a text.
  public var quoted: @Sendable (_ name: String) -> String
  /// A whole number that is added or multiplied: always of 64 bits.
  public var wide: @Sendable (_ number: Int64) -> String
  /// The type of a stored column: text, or a whole number of 64 bits.
  public var type: @Sendable (_ kind: ValueKind) -> String
  /// A null of a column's type.
  public var null: @Sendable (_ kind: ValueKind) -> String

  // MARK: tables

  /// Starts a named intermediate result that is computed once: `… name AS SELECT …`.
  public var createTable: String
  /// A statement with its line break before it, or nothing where indexes do not help.
  public var createIndex: @Sendable (_ name: String, _ table: String, _ columns: [String]) -> String
  /// The row number by which a row of an evidence table is named; registry rows ascend in the order of their file.
  public var rowNumber: String
  /// `rowNumber` is a column of the evidence tables that whoever fills them writes.
  public var storesRowNumber: Bool
  /// A subquery may name rows of the query around the query it stands in, and an ordered subquery its first row.
  public var reachesOutward: Bool
  /// A subquery may compare its rows with the row outside by more than equal keys. Spark can, but makes every distinct
  /// row outside meet every row inside first.
  public var comparesOutward = true
  /// Rows lie on many machines: none may be asked to see all of them in order, and a row's registry rows are looked up
  /// once for all rows that ask the same.
  public var isDistributed = false
  /// Tells the cases apart where many stand in one database; nil where it holds one.
  public var caseColumn: String?

  // MARK: conditions

  /// `x` holds: never null.
  public var isTrue: @Sendable (_ condition: String) -> String
  /// Two values are the same, two nulls included; never null.
  public var isSame: @Sendable (_ a: String, _ b: String) -> String
  /// Two values are not the same; never null.
  public var differs: @Sendable (_ a: String, _ b: String) -> String
  /// The text has at least one character, digits only, and at most 18 of them behind leading zeros.
  public var isDigits: @Sendable (_ text: String) -> String
  /// `\(text) begins with` the literal, bytes compared.
  public var startsWith: @Sendable (_ text: String, _ prefix: String) -> String

  // MARK: numbers

  public var wholeNumber: @Sendable (_ digits: String) -> String
  /// A number that stops the script when an operation left the 64-bit integers.
  public var checked: @Sendable (_ number: String) -> String
  /// The sum over rows, null over none; it stops the script when it leaves the 64-bit integers. A window may follow
  /// only in `windowSum`.
  public var sum: @Sendable (_ number: String) -> String
  /// `sum` OVER a window, such as `PARTITION BY x.a ORDER BY x.b`; overflow as in `sum`.
  public var windowSum: @Sendable (_ number: String, _ window: String) -> String
  /// Whole-number division, cut towards zero; the divisor is never 0.
  public var quotient: @Sendable (_ a: String, _ b: String) -> String
  /// Null if any is null.
  public var least: @Sendable (_ values: [String]) -> String
  public var greatest: @Sendable (_ values: [String]) -> String
  /// ORDER BY terms that put null before all values ascending, behind them descending.
  public var ascending: @Sendable (_ value: String) -> String
  public var descending: @Sendable (_ value: String) -> String
  /// Rows (carried columns, `day`): each day from `low` to `high`, both included, of each row of `bounds`, a SELECT
  /// of `low`, `high` and the carried columns. No day where either is null or low is above high. A whole SELECT,
  /// to be bracketed in a FROM clause.
  public var daySeries: @Sendable (_ bounds: String, _ carried: [String]) -> String

  // MARK: text functions

  /// Letters of ASCII in upper case, all else as it is.
  public var upper: @Sendable (_ text: String) -> String
  public var byteLength: @Sendable (_ text: String) -> String
  /// A whole number as it is written, null stays null.
  public var decimal: @Sendable (_ number: String) -> String
  /// A number not below zero in so many digits, zeros in front.
  public var padded: @Sendable (_ number: String, _ digits: Int) -> String
  /// 2025-03-01 of a day number.
  public var dayText: @Sendable (_ day: String) -> String
  /// 2025-03-01 08:00:00 of a second number.
  public var timeText: @Sendable (_ seconds: String) -> String
  /// The day number that 2025-03-01 writes.
  public var dayOfText: @Sendable (_ text: String) -> String
  /// Whether the text begins with what another text expression gives, bytes compared.
  public var beginsWith: @Sendable (_ text: String, _ beginning: String) -> String
  /// The first n characters of a text.
  public var prefix: @Sendable (_ text: String, _ count: Int) -> String

  // MARK: shares

  /// A SELECT of a, k, n, q = ⌊a·k/n⌋ and r = a·k − q·n over all 64 bits, each once, of a query of a, k and n with
  /// 0 ≤ a, 0 ≤ k ≤ n and n > 0.
  public var shares: @Sendable (_ source: String) -> String
}

extension Dialect {
  /// Every dialect, in the order of documentation.
  public static let all: [Dialect] = [.sqlite, .duckdb, .spark]

  /// SQLite 3.40 or later. Texts compare by bytes (BINARY) everywhere.
  public static let sqlite = Dialect(
    name: "SQLite", id: "sqlite", literal: { quote($0, "'") }, quoted: { quote($0, "\"") },
    wide: { String($0) }, type: { $0 == .text ? "TEXT" : "INTEGER" }, null: { _ in "NULL" },
    createTable: "CREATE TEMP TABLE",
    createIndex: { name, table, columns in
      "\nCREATE INDEX \(name) ON \(table) (\(columns.joined(separator: ", ")));"
    },
    rowNumber: "rowid", storesRowNumber: false, reachesOutward: true, caseColumn: nil,
    isTrue: { "(\($0)) IS TRUE" },
    isSame: { "(\($0) IS \($1))" },
    differs: { "\($0) IS NOT \($1)" },
    isDigits: { "(\($0) <> '' AND \($0) NOT GLOB '*[^0-9]*' AND length(ltrim(\($0), '0')) <= 18)" },
    startsWith: { text, prefix in
      "substr(\(text), 1, \(prefix.unicodeScalars.count)) = \(quote(prefix, "'"))"
    },
    wholeNumber: { "CAST(\($0) AS INTEGER)" },
    // SQLite turns an overflowing operation into a floating-point number without a word; abs() of the least integer
    // is its one built-in integer error.
    checked: {
      "CASE WHEN typeof(\($0)) = 'real' THEN abs(-9223372036854775807 - 1) ELSE \($0) END"
    },
    sum: { "sum(\($0))" },
    windowSum: { "sum(\($0)) OVER (\($1))" },
    quotient: { "\($0) / \($1)" },
    // min() and max() of several arguments are null if any is.
    least: { $0.count == 1 ? $0[0] : "min(\($0.joined(separator: ", ")))" },
    greatest: { $0.count == 1 ? $0[0] : "max(\($0.joined(separator: ", ")))" },
    ascending: { $0 }, descending: { "\($0) DESC" },
    daySeries: { bounds, carried in
      let own = carried.map { "s.\($0), " }.joined()
      return """
        WITH RECURSIVE s AS (
            SELECT b.* FROM (SELECT \(carried.map { "x.\($0), " }.joined())x.low AS day, x.high AS high FROM (\(bounds)) x) b
            WHERE b.day <= b.high
            UNION ALL
            SELECT \(own)s.day + 1, s.high FROM s WHERE s.day < s.high)
          SELECT \(own)s.day AS day FROM s
        """
    },
    upper: { "upper(\($0))" },
    byteLength: { "length(CAST(\($0) AS BLOB))" },
    decimal: { $0 },
    padded: { "printf('%0\($1)d', \($0))" },
    dayText: { "date(\($0) * 86400, 'unixepoch')" },
    timeText: { "datetime(\($0), 'unixepoch')" },
    dayOfText: { "CAST(strftime('%s', \($0)) AS INTEGER) / 86400" },
    beginsWith: { "substr(\($0), 1, length(\($1))) = \($1)" },
    prefix: { "substr(\($0), 1, \($1))" },
    shares: sqliteShares)

  /// DuckDB 1.2 or later.
  public static let duckdb = Dialect(
    name: "DuckDB", id: "duckdb", literal: { quote($0, "'") }, quoted: { quote($0, "\"") },
    wide: { "CAST(\($0) AS BIGINT)" }, type: { $0 == .text ? "VARCHAR" : "BIGINT" },
    null: { $0 == .text ? "CAST(NULL AS VARCHAR)" : "CAST(NULL AS BIGINT)" },
    createTable: "CREATE TEMP TABLE",
    createIndex: { _, _, _ in "" },
    rowNumber: "rowid", storesRowNumber: false, reachesOutward: true, caseColumn: nil,
    isTrue: { "(\($0)) IS TRUE" },
    isSame: { "(\($0) IS NOT DISTINCT FROM \($1))" },
    differs: { "\($0) IS DISTINCT FROM \($1)" },
    isDigits: {
      "(\($0) <> '' AND translate(\($0), '0123456789', '') = '' AND length(ltrim(\($0), '0')) <= 18)"
    },
    startsWith: { "starts_with(\($0), \(quote($1, "'")))" },
    wholeNumber: { "TRY_CAST(\($0) AS BIGINT)" },
    // An operation on BIGINT that overflows is an error.
    checked: { $0 },
    // A sum of BIGINT is HUGEINT; the cast back is an error where it does not fit.
    sum: { "CAST(sum(\($0)) AS BIGINT)" },
    windowSum: { "CAST(sum(\($0)) OVER (\($1)) AS BIGINT)" },
    quotient: { "\($0) // \($1)" },
    // least() and greatest() pass over nulls.
    least: { unlessNull("least", $0) }, greatest: { unlessNull("greatest", $0) },
    ascending: { "\($0) ASC NULLS FIRST" }, descending: { "\($0) DESC NULLS LAST" },
    daySeries: { bounds, carried in
      "SELECT \(carried.map { "b.\($0), " }.joined())unnest(range(b.low, b.high + 1)) AS day"
        + " FROM (\(bounds)) b WHERE b.low <= b.high"
    },
    upper: asciiUpper,
    byteLength: { "strlen(\($0))" },
    decimal: { "CAST(\($0) AS VARCHAR)" },
    padded: { "lpad(CAST(\($0) AS VARCHAR), \($1), '0')" },
    dayText: { "strftime(DATE '1970-01-01' + CAST(\($0) AS INTEGER), '%Y-%m-%d')" },
    timeText: { "strftime(make_timestamp(\($0) * 1000000), '%Y-%m-%d %H:%M:%S')" },
    dayOfText: { "CAST(date_diff('day', DATE '1970-01-01', CAST(\($0) AS DATE)) AS BIGINT)" },
    beginsWith: { "starts_with(\($0), \($1))" },
    prefix: { "substr(\($0), 1, \($1))" },
    // HUGEINT has 128 bits.
    shares: { source in
      """
      SELECT x.a, x.k, x.n, CAST(CAST(x.a AS HUGEINT) * x.k // x.n AS BIGINT) AS q,
        CAST(CAST(x.a AS HUGEINT) * x.k % x.n AS BIGINT) AS r
      FROM (SELECT DISTINCT y.a, y.k, y.n FROM (\(source)) y) x
      """
    })

  /// Spark SQL 4 with its defaults: ANSI on, backslash escapes in texts.
  public static let spark = Dialect(
    name: "Spark", id: "spark", literal: sparkLiteral, quoted: { quote($0, "`") },
    wide: { "\($0)L" }, type: { $0 == .text ? "STRING" : "BIGINT" },
    null: { $0 == .text ? "CAST(NULL AS STRING)" : "CAST(NULL AS BIGINT)" },
    createTable: "CACHE TABLE",
    createIndex: { _, _, _ in "" },
    rowNumber: "rowid", storesRowNumber: true, reachesOutward: false, comparesOutward: false, caseColumn: nil,
    isTrue: { "(\($0)) IS TRUE" },
    isSame: { "(\($0) <=> \($1))" },
    differs: { "NOT (\($0) <=> \($1))" },
    isDigits: {
      "(\($0) <> '' AND translate(\($0), '0123456789', '') = '' AND length(trim(LEADING '0' FROM \($0))) <= 18)"
    },
    startsWith: { "startswith(\($0), \(sparkLiteral($1)))" },
    wholeNumber: { "try_cast(\($0) AS BIGINT)" },
    // ANSI: an operation or a sum that overflows is an error.
    checked: { $0 }, sum: { "sum(\($0))" },
    windowSum: { "sum(\($0)) OVER (\($1))" },
    quotient: { "\($0) div \($1)" },
    // least() and greatest() pass over nulls.
    least: { unlessNull("least", $0) }, greatest: { unlessNull("greatest", $0) },
    ascending: { "\($0) ASC NULLS FIRST" }, descending: { "\($0) DESC NULLS LAST" },
    // sequence() counts down where low is above high, so such rows go first.
    daySeries: { bounds, carried in
      "SELECT \(carried.map { "b.\($0), " }.joined())explode(sequence(b.low, b.high)) AS day"
        + " FROM (\(bounds)) b WHERE b.low <= b.high"
    },
    upper: asciiUpper,
    byteLength: { "octet_length(\($0))" },
    decimal: { "CAST(\($0) AS STRING)" },
    padded: { "lpad(CAST(\($0) AS STRING), \($1), '0')" },
    dayText: { "CAST(date_from_unix_date(CAST(\($0) AS INT)) AS STRING)" },
    // Not TIMESTAMP, which is printed in the session's time zone.
    timeText: {
      "CAST(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, \($0)) AS STRING)"
    },
    dayOfText: { "CAST(datediff(CAST(\($0) AS DATE), DATE '1970-01-01') AS BIGINT)" },
    beginsWith: { "startswith(\($0), \($1))" },
    prefix: { "substr(\($0), 1, \($1))" },
    // A product of two numbers of 64 bits has at most 38 digits.
    shares: { source in
      """
      SELECT x.a, x.k, x.n, CAST(CAST(x.a AS DECIMAL(19, 0)) * CAST(x.k AS DECIMAL(19, 0)) div x.n AS BIGINT) AS q,
        CAST(CAST(x.a AS DECIMAL(19, 0)) * CAST(x.k AS DECIMAL(19, 0)) % x.n AS BIGINT) AS r
      FROM (SELECT DISTINCT y.a, y.k, y.n FROM (\(source)) y) x
      """
    })

  /// The same engine over a database that holds many cases, told apart by a column of every evidence table.
  public func over(cases column: String) -> Dialect {
    var copy = self
    copy.caseColumn = column
    return copy
  }

  /// ` AND a.case = b.case`, or nothing where the database holds one case. Behind every join and correlation.
  public func sameCase(_ a: String, _ b: String) -> String {
    caseColumn.map { " AND \(a).\($0) = \(b).\($0)" } ?? ""
  }

  /// `alias.case, `, or nothing: in front of SELECT lists, GROUP BY and PARTITION BY.
  public func caseOf(_ alias: String) -> String { caseColumn.map { "\(alias).\($0), " } ?? "" }
}

/// The text in quotes, quotes in it doubled, NUL cut out.
private func quote(_ text: String, _ mark: Unicode.Scalar) -> String {
  var quoted = String.UnicodeScalarView()
  quoted.append(mark)
  for scalar in text.unicodeScalars where scalar.value != 0 {
    quoted.append(scalar)
    if scalar == mark { quoted.append(scalar) }
  }
  quoted.append(mark)
  return String(quoted)
}

/// Spark reads backslash escapes, joins neighbouring literals, and replaces `${…}` by settings before it parses.
@Sendable private func sparkLiteral(_ text: String) -> String {
  var quoted = "'"
  for scalar in text.unicodeScalars where scalar.value != 0 {
    switch scalar {
    case "'", "\\": quoted += "\\" + String(scalar)
    case "$": quoted += "\\u0024"
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "'"
}

private let asciiUpper: @Sendable (String) -> String = {
  "translate(\($0), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"
}

/// A function that passes over nulls, made null by any.
private func unlessNull(_ function: String, _ values: [String]) -> String {
  if values.count == 1 { return values[0] }
  let nullable = values.filter { Int64($0) == nil }
  let call = "\(function)(\(values.joined(separator: ", ")))"
  if nullable.isEmpty { return call }
  return "CASE WHEN \(nullable.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")) THEN \(call) END"
}

extension Dialect {
  static func literal(_ text: String) -> String { quote(text, "'") }
  static func name(_ name: String) -> String { quote(name, "\"") }
}
