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
    let least = remainders.withUnsafeMutableBufferPointer { Self.greatest($0, missing) }
    var left = missing
    var ties: [Int32] = []
    for one in remainders {
      if one.rest > least {
        shares[Int(one.line)] += 1
        left -= 1
      } else if one.rest == least {
        ties.append(one.line)
      }
    }
    // Lines whose remainders are equal get theirs in their order, as far as it goes.
    if left < ties.count { ties.sort { precedes(Int($0), Int($1)) } }
    for line in ties.prefix(left) { shares[Int(line)] += 1 }
  }

  /// The k-th greatest remainder, counted from 1; moves the remainders about.
  private static func greatest(_ all: UnsafeMutableBufferPointer<Remainder>, _ k: Int) -> UInt64 {
    var low = 0
    var high = all.count
    var rounds = 2 * (Int.bitWidth - all.count.leadingZeroBitCount)
    while high - low > 12 {
      // Remainders made so that every choice is a bad one are sorted.
      if rounds == 0 {
        var rest = UnsafeMutableBufferPointer(rebasing: all[low..<high])
        rest.sort { $0.rest > $1.rest }
        return all[k - 1].rest
      }
      rounds -= 1
      let (a, b, c) = (all[low].rest, all[(low + high) / 2].rest, all[high - 1].rest)
      let pivot = max(min(a, b), min(max(a, b), c))
      // Greater ones in front, smaller ones behind.
      var i = low
      var at = low
      var end = high
      while at < end {
        let rest = all[at].rest
        if rest > pivot {
          all.swapAt(i, at)
          i &+= 1
          at &+= 1
        } else if rest < pivot {
          end &-= 1
          all.swapAt(at, end)
        } else {
          at &+= 1
        }
      }
      if k <= i { high = i } else if k > end { low = end } else { return pivot }
    }
    var i = low + 1
    while i < high {
      let one = all[i]
      var at = i
      while at > low, all[at &- 1].rest < one.rest {
        all[at] = all[at &- 1]
        at &-= 1
      }
      all[at] = one
      i &+= 1
    }
    return all[k - 1].rest
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
