import ClaimModel

/// How one database engine writes what the lowering needs. A value, not a class tree: another engine is another value.
public struct Dialect: Sendable {
  public var name: String
  /// Starts a named intermediate result that is computed once: `… name AS SELECT …`.
  public var createTable: String
  /// `x` holds: never null.
  public var isTrue: @Sendable (_ condition: String) -> String
  /// Two values are the same, two nulls included; never null.
  public var isSame: @Sendable (_ a: String, _ b: String) -> String
  /// The text has at least one character and digits only.
  public var isDigits: @Sendable (_ text: String) -> String
  public var wholeNumber: @Sendable (_ digits: String) -> String
  /// A number that stops the script when a sum left the 64-bit integers.
  public var checked: @Sendable (_ number: String) -> String
  public var least: @Sendable (_ values: [String]) -> String
  public var greatest: @Sendable (_ values: [String]) -> String
  /// `\(text) begins with` the literal, bytes compared.
  public var startsWith: @Sendable (_ text: String, _ prefix: String) -> String
  /// Letters of ASCII in upper case.
  public var upper: @Sendable (_ text: String) -> String
  /// Whether the text begins with what another text expression gives, bytes compared.
  public var beginsWith: @Sendable (_ text: String, _ beginning: String) -> String
  /// The first n characters of a text.
  public var prefix: @Sendable (_ text: String, _ count: Int) -> String
  /// A ÷ b of whole numbers, cut towards zero.
  public var quotient: @Sendable (_ a: String, _ b: String) -> String
  /// A SELECT of the whole numbers `n` from 0 to a number, both included; none where it is negative or null.
  public var numbers: @Sendable (_ last: String) -> String
  /// A SELECT of a, k, n, q = ⌊a·k/n⌋ and r = a·k − q·n over all 64 bits, each once, of a query of a, k and n with
  /// 0 ≤ a, 0 ≤ k ≤ n, n > 0 and q within 64 bits.
  public var shares: @Sendable (_ source: String) -> String
  /// A day as `yyyy-MM-dd`.
  public var dayText: @Sendable (_ day: String) -> String
  /// A time as `yyyy-MM-dd HH:mm:ss`.
  public var timeText: @Sendable (_ time: String) -> String
  /// The day that `yyyy-MM-dd` writes.
  public var dayOfText: @Sendable (_ text: String) -> String
  /// The row number by which a registry row is named.
  public var rowNumber: String

  /// SQLite 3.40 or later. Texts compare by bytes (BINARY) everywhere.
  public static let sqlite = Dialect(
    name: "SQLite", createTable: "CREATE TEMP TABLE",
    isTrue: { "(\($0)) IS TRUE" },
    isSame: { "(\($0) IS \($1))" },
    isDigits: { "(\($0) <> '' AND \($0) NOT GLOB '*[^0-9]*' AND length(ltrim(\($0), '0')) <= 18)" },
    wholeNumber: { "CAST(\($0) AS INTEGER)" },
    // SQLite turns an overflowing sum into a floating-point number without a word; abs() of the least integer is
    // its one built-in integer error.
    checked: {
      "CASE WHEN typeof(\($0)) = 'real' THEN abs(-9223372036854775807 - 1) ELSE \($0) END"
    },
    // min() and max() of several arguments are null if any is.
    least: { $0.count == 1 ? $0[0] : "min(\($0.joined(separator: ", ")))" },
    greatest: { $0.count == 1 ? $0[0] : "max(\($0.joined(separator: ", ")))" },
    startsWith: { text, prefix in
      "substr(\(text), 1, \(prefix.unicodeScalars.count)) = \(literal(prefix))"
    },
    upper: { "upper(\($0))" },
    beginsWith: { "substr(\($0), 1, length(\($1))) = \($1)" },
    prefix: { "substr(\($0), 1, \($1))" },
    quotient: { "\($0) / \($1)" },
    numbers: { last in
      """
      WITH RECURSIVE counting(n, last) AS (
        SELECT 0, x.last FROM (SELECT \(last) AS last) x WHERE x.last >= 0
        UNION ALL SELECT c.n + 1, c.last FROM counting c WHERE c.n < c.last)
      SELECT c.n AS n FROM counting c
      """
    },
    shares: sqliteShares,
    dayText: { "date(\($0) * 86400, 'unixepoch')" },
    timeText: { "datetime(\($0), 'unixepoch')" },
    dayOfText: { "CAST(strftime('%s', \($0)) AS INTEGER) / 86400" },
    rowNumber: "rowid")

  /// A text literal; quotes doubled. NUL can't stand in a literal and is cut out: no rule file holds one.
  public static func literal(_ text: String) -> String {
    let scalars = text.unicodeScalars.filter { $0.value != 0 }
    var quoted = "'"
    for scalar in scalars {
      quoted.unicodeScalars.append(scalar)
      if scalar == "'" { quoted.unicodeScalars.append(scalar) }
    }
    return quoted + "'"
  }

  /// A quoted name; only ever written behind an alias, because SQLite takes an unknown bare "name" for a text.
  static func name(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
