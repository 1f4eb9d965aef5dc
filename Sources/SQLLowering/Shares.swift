/// ⌊a·k/n⌋ and its remainder in SQLite, which has no number wider than 64 bits.
///
/// Up to n = 10¹² the product is made in two steps (k = hi·10⁶ + lo). Above, long multiplication: the bits of `a` from
/// the highest down, each doubling quotient and remainder and adding `k` where the bit is set. To add x modulo n
/// without leaving 64 bits, r ≥ n − x is asked instead of r + x ≥ n.
let sqliteShares: @Sendable (_ source: String) -> String = { source in
  let added = "(CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END)"
  return """
    WITH RECURSIVE asked(a, k, n) AS (
      \(source)),
    big(a, k, n, bit, is_doubled, q, r) AS (
      SELECT x.a, x.k, x.n, 4611686018427387904, 0, 0, 0 FROM (SELECT DISTINCT y.a, y.k, y.n FROM asked y) x
      WHERE x.n > 1000000000000
      UNION ALL
      SELECT b.a, b.k, b.n, CASE WHEN b.is_doubled = 0 THEN b.bit ELSE b.bit / 2 END, 1 - b.is_doubled,
        CASE WHEN b.is_doubled = 0 THEN b.q + b.q ELSE b.q END + (b.r >= b.n - \(added)),
        CASE WHEN b.r >= b.n - \(added) THEN b.r - (b.n - \(added)) ELSE b.r + \(added) END
      FROM big b WHERE b.bit > 0)
    SELECT x.a, x.k, x.n,
      x.a * (x.k / 1000000) / x.n * 1000000
        + (x.a * (x.k / 1000000) % x.n * 1000000 + x.a * (x.k % 1000000)) / x.n AS q,
      (x.a * (x.k / 1000000) % x.n * 1000000 + x.a * (x.k % 1000000)) % x.n AS r
    FROM (SELECT DISTINCT y.a, y.k, y.n FROM asked y) x WHERE x.n <= 1000000000000
    UNION ALL
    SELECT b.a, b.k, b.n, b.q, b.r FROM big b WHERE b.bit = 0
    """
}
