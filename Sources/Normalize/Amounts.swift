import ClaimModel

/// The fund money of one settlement (rule-definitions section 2). All in fen.
struct FundShare {
  /// P: what the fund paid, at least 0.
  var paid: Int64
  /// T: what the payment is spread over.
  var base: Int64
  /// A of the settlement: Σ A of its lines.
  var amount: Int64
  /// U: fund money that no line explains, at least 0.
  var unexplained: Int64
}

/// Shares the fund money of settlements out over their lines, one settlement after the other.
struct FundSharing {
  private struct Remainder {
    var rest: UInt64
    var line: Int32
  }

  /// Those of the settlement in hand; kept for its room.
  private var remainders: [Remainder] = []

  /// - Parameters:
  ///   - fund: fund_pay_sumamt, null as `ColumnData.null`.
  ///   - inScope: the settlement's inscp_amt, likewise.
  ///   - lines: the settlement's lines: places in `amounts` and `shares`.
  ///   - amounts: A of all lines, none below 0.
  ///   - shares: F is written here.
  ///   - precedes: order of two lines whose remainders are equal.
  /// - Returns: nil if Σ A does not fit 63 bits.
  mutating func share(
    fund: Int64, inScope: Int64, lines: UnsafeBufferPointer<Int32>, amounts: UnsafeBufferPointer<Int64>,
    into shares: UnsafeMutableBufferPointer<Int64>, precedes: (Int, Int) -> Bool
  ) -> FundShare? {
    var sum: Int64 = 0
    for line in lines {
      let (next, overflow) = sum.addingReportingOverflow(amounts[Int(line)])
      if overflow { return nil }
      sum = next
    }
    let paid = fund == ColumnData.null ? 0 : max(0, fund)
    let base = max(sum, inScope == ColumnData.null ? 0 : inScope)
    if paid >= base {
      for line in lines { shares[Int(line)] = amounts[Int(line)] }
      return FundShare(paid: paid, base: base, amount: sum, unexplained: paid - sum)
    }
    // paid < base, so base > 0; every amount is at most base, so every quotient fits 64 bits.
    let divisor = UInt64(base)
    let factor = UInt64(paid)
    remainders.removeAll(keepingCapacity: true)
    var given: Int64 = 0
    for line in lines {
      let (quotient, rest) = part(UInt64(amounts[Int(line)]), factor, divisor)
      shares[Int(line)] = Int64(quotient)
      given += Int64(quotient)
      remainders.append(Remainder(rest: rest, line: line))
    }
    let whole = Int64(part(UInt64(sum), factor, divisor).quotient)
    if whole > given { giveRest(Int(whole - given), into: shares, precedes: precedes) }
    return FundShare(paid: paid, base: base, amount: sum, unexplained: paid - whole)
  }

  /// ⌊a·b / divisor⌋ and what remains; nearly always the product fits one word, which divides many times faster.
  @inline(__always)
  private func part(_ a: UInt64, _ b: UInt64, _ divisor: UInt64) -> (quotient: UInt64, remainder: UInt64) {
    let product = a.multipliedFullWidth(by: b)
    return product.high == 0
      ? product.low.quotientAndRemainder(dividingBy: divisor) : divisor.dividingFullWidth(product)
  }

  /// One fen more for each of the lines with the greatest remainders; there are fewer of them than lines.
  private mutating func giveRest(
    _ missing: Int, into shares: UnsafeMutableBufferPointer<Int64>, precedes: (Int, Int) -> Bool
  ) {
    func goesFirst(_ a: Remainder, _ b: Remainder) -> Bool {
      a.rest == b.rest ? precedes(Int(a.line), Int(b.line)) : a.rest > b.rest
    }
    if remainders.count > 24 {
      remainders.sort(by: goesFirst)
    } else {
      remainders.withUnsafeMutableBufferPointer { all in
        for i in 1..<all.count {
          let one = all[i]
          var at = i
          while at > 0, goesFirst(one, all[at &- 1]) {
            all[at] = all[at &- 1]
            at &-= 1
          }
          all[at] = one
        }
      }
    }
    for i in 0..<missing { shares[Int(remainders[i].line)] += 1 }
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
