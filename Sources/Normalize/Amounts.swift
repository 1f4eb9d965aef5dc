import ClaimModel
import Diagnostics

/// The fund money of one settlement and its share on each line (rule-definitions section 2). All in fen.
struct FundShare {
  /// P: what the fund paid, at least 0.
  var paid: Int64
  /// T: what the payment is spread over.
  var base: Int64
  /// A of the settlement: Σ A of its lines.
  var amount: Int64
  /// U: fund money that no line explains, at least 0.
  var unexplained: Int64
  /// F of each line, in the order given.
  var shares: [Int64]

  /// - Parameters:
  ///   - fund: fund_pay_sumamt, null as `ColumnData.null`.
  ///   - inScope: the settlement's inscp_amt, likewise.
  ///   - amounts: A of the lines, none below 0.
  ///   - precedes: order of two lines (indices into `amounts`) whose remainders are equal.
  /// - Returns: nil if Σ A does not fit 63 bits.
  init?(fund: Int64, inScope: Int64, amounts: [Int64], precedes: (Int, Int) -> Bool) {
    var sum: Int64 = 0
    for amount in amounts {
      let (next, overflow) = sum.addingReportingOverflow(amount)
      if overflow { return nil }
      sum = next
    }
    amount = sum
    paid = fund == ColumnData.null ? 0 : max(0, fund)
    base = max(sum, inScope == ColumnData.null ? 0 : inScope)
    if paid >= base {
      shares = amounts
      unexplained = paid - sum
      return
    }
    // paid < base, so base > 0; every amount is at most base, so every quotient fits 64 bits.
    let divisor = UInt64(base)
    let factor = UInt64(paid)
    var remainders: [(rest: UInt64, line: Int)] = []
    remainders.reserveCapacity(amounts.count)
    shares = []
    shares.reserveCapacity(amounts.count)
    var given: Int64 = 0
    for (line, amount) in amounts.enumerated() {
      let (quotient, rest) = divisor.dividingFullWidth(UInt64(amount).multipliedFullWidth(by: factor))
      shares.append(Int64(quotient))
      given += Int64(quotient)
      remainders.append((rest, line))
    }
    let whole = Int64(divisor.dividingFullWidth(UInt64(sum).multipliedFullWidth(by: factor)).quotient)
    let missing = Int(whole - given)
    if missing > 0 {
      remainders.sort { a, b in a.rest == b.rest ? precedes(a.line, b.line) : a.rest > b.rest }
      for i in 0..<missing { shares[remainders[i].line] += 1 }
    }
    unexplained = paid - whole
  }
}

/// A of a line: what the fund was asked to take part in, at least 0. Arguments are net, nulls as `ColumnData.null`.
///
/// - Returns: nil if the difference does not fit 63 bits.
func amountInScope(inScope: Int64, total: Int64, deductions: (Int64, Int64, Int64)) -> Int64? {
  if inScope != ColumnData.null { return max(0, inScope) }
  var rest = Int128(total == ColumnData.null ? 0 : total)
  for one in [deductions.0, deductions.1, deductions.2] where one != ColumnData.null { rest -= Int128(one) }
  return Int64(exactly: max(0, rest))
}
