import ClaimModel
import RulePacks

/// Amounts that are a part of the finding's lines: part k of n, and what a line costs beyond a price.
extension RuleLowering {
  /// The tables that those amounts are read from; nothing for other amounts.
  func partsSQL() throws -> String {
    var parts: [String] = []
    var over = ""
    for (name, term) in [("A", rule.amountA), ("F", rule.amountF)] {
      switch term {
      case .partA(let k, let n), .partF(let k, let n):
        if rule.lines == .none { continue }
        parts.append(
          """
          SELECT \(dialect.caseOf("f"))f.key, '\(name)' AS part, \(dialect.sum("l.\(name)")) AS total,
            CASE WHEN f.k > f.n THEN f.n ELSE f.k END AS k, f.n
          FROM (
            SELECT \(dialect.caseOf("r"))r.key, \(try lowering.sql(k)) AS k, \(try lowering.sql(n)) AS n
            FROM (SELECT h.*, row_number() OVER (PARTITION BY \(dialect.caseOf("h"))h.key ORDER BY h.hit) AS place FROM \(table("hits")) h) r
            WHERE r.place = 1) f
            JOIN \(table("lines")) l ON l.key = f.key\(dialect.sameCase("l", "f"))
          GROUP BY \(dialect.caseOf("f"))f.key, f.k, f.n
          """)
      case .overPriceA(let price), .overPriceF(let price):
        if over.isEmpty, rule.lines != .none { over = try overPriceSQL(price) }
      case .none, .sumA, .sumF, .settlementA, .settlementP, .stayA, .stayF: break
      }
    }
    if parts.isEmpty { return over }
    return over + """
      -- 金额的 n 分之 k：先合计，再乘 k 除以 n，向下取整，全程整数。
      -- Part k of n of the sum, rounded down, in whole numbers.
      \(dialect.createTable) \(table("part")) AS
      \(parts.joined(separator: "\nUNION ALL\n"));

      \(dialect.createTable) \(table("share")) AS
      \(dialect.shares("SELECT p.total % p.n AS a, p.k AS k, p.n AS n FROM \(table("part")) p WHERE p.n > 0 AND p.k >= 0"));


      """
  }

  /// The amount of a part, from those tables.
  func part(_ name: String) throws -> String {
    if rule.lines == .none { return "0" }
    return """
      COALESCE((SELECT \(dialect.sum("\(dialect.quotient("p.total", "p.n")) * p.k + s.q"))
            FROM \(table("part")) p JOIN \(table("share")) s ON s.a = p.total % p.n AND s.k = p.k AND s.n = p.n
            WHERE p.key = g.key\(dialect.sameCase("p", "g")) AND p.part = '\(name)'), 0)
      """
  }

  /// What each line costs beyond the price, of A and of F. A price is in 10⁻⁶ yuan, a quantity in 10⁻⁴: their
  /// product is in 10⁻⁸ fen.
  private func overPriceSQL(_ price: Expr) throws -> String {
    guard case .hits(let binding) = rule.lines else {
      throw lowering.diagnostic("a price is compared only with the lines that are hits")
    }
    let id = try lowering.sql(.claim(binding: binding, path: [], column: "id", kind: .text))
    let product = dialect.checked("(l.cnt * x.price)")
    let whole = dialect.quotient("x.cost", "100000000")
    let up = "(\(whole) + CASE WHEN x.cost > 0 AND x.cost % 100000000 <> 0 THEN 1 ELSE 0 END)"
    let beyond = dialect.greatest(["0", "x.det_item_fee_sumamt - \(up)"])
    return """
      -- 超出单价的金额：D = min(A, max(0, 总额 − ⌈数量 × 单价⌉))，基金部分为 ⌊F·D/A⌋。
      -- What each line costs beyond the price, and the fund's share of that.
      \(dialect.createTable) \(table("beyond price")) AS
      SELECT \(dialect.caseOf("x"))x.key, x.id, x.A, x.F,
        CASE WHEN x.cost IS NULL THEN 0 ELSE \(dialect.least(["x.A", beyond])) END AS d
      FROM (
        SELECT \(dialect.caseOf("x"))x.key, l.id, l.A, l.F, l.det_item_fee_sumamt, \(product) AS cost
        FROM (
          SELECT \(dialect.caseOf("r"))r.key AS key, \(id) AS id, min(\(try lowering.sql(price))) AS price
          FROM \(table("hits")) r GROUP BY \(dialect.caseOf("r"))r.key, \(id)) x
        JOIN counting_line l ON l.id = x.id\(dialect.sameCase("l", "x"))) x;

      \(dialect.createTable) \(table("over share")) AS
      \(dialect.shares("SELECT b.F AS a, b.d AS k, b.A AS n FROM \(table("beyond price")) b WHERE b.A > 0"));

      \(dialect.createTable) \(table("over price")) AS
      SELECT \(dialect.caseOf("b"))b.key, b.id, b.d AS over_fen, COALESCE(s.q, 0) AS fund_over
      FROM \(table("beyond price")) b LEFT JOIN \(table("over share")) s ON s.a = b.F AND s.k = b.d AND s.n = b.A;


      """
  }
}

extension AmountTerm {
  /// Fund money, not the amount at issue.
  var isFund: Bool {
    switch self {
    case .sumF, .settlementP, .stayF, .partF, .overPriceF: true
    case .none, .sumA, .settlementA, .stayA, .partA, .overPriceA: false
    }
  }
}
