import ClaimModel

/// The fund money of one settlement (claims.md 2). All in fen.
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
  // Of the settlement in hand, all kept for their room: what the division leaves of each line, in the lines' order; the
  // same moved about; lines whose remainders are equal.
  private var rests: [UInt64] = []
  private var moved: [UInt64] = []
  private var ties: [Int32] = []

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
    if rests.count < lines.count {
      rests = [UInt64](repeating: 0, count: 2 * lines.count)
      moved = rests
    }
    let given = rests.withUnsafeMutableBufferPointer { rests in
      var given: Int64 = 0
      for i in 0..<lines.count {
        let line = Int(lines[i])
        let (quotient, rest) = Self.part(UInt64(amounts[line]), factor, divisor)
        shares[line] = Int64(quotient)
        given += Int64(quotient)
        rests[i] = rest
      }
      return given
    }
    let whole = Int64(Self.part(UInt64(sum), factor, divisor).quotient)
    if whole > given { giveRest(Int(whole - given), lines, into: shares, precedes: precedes) }
    return FundShare(paid: paid, base: base, amount: sum, unexplained: paid - whole)
  }

  /// ⌊a·b / divisor⌋ and what remains; nearly always the product fits one word, which divides many times faster.
  @inline(__always)
  private static func part(_ a: UInt64, _ b: UInt64, _ divisor: UInt64) -> (quotient: UInt64, remainder: UInt64) {
    let product = a.multipliedFullWidth(by: b)
    return product.high == 0
      ? product.low.quotientAndRemainder(dividingBy: divisor) : divisor.dividingFullWidth(product)
  }

  /// One fen more for each of the lines with the greatest remainders; there are fewer of them than lines.
  private mutating func giveRest(
    _ missing: Int, _ lines: UnsafeBufferPointer<Int32>, into shares: UnsafeMutableBufferPointer<Int64>,
    precedes: (Int, Int) -> Bool
  ) {
    var left = missing
    ties.removeAll(keepingCapacity: true)
    rests.withUnsafeBufferPointer { rests in
      let least = moved.withUnsafeMutableBufferPointer { moved in
        let own = UnsafeMutableBufferPointer(rebasing: moved[0..<lines.count])
        for i in 0..<own.count { own[i] = rests[i] }
        return Self.greatest(own, missing)
      }
      for i in 0..<lines.count where rests[i] >= least {
        if rests[i] > least {
          shares[Int(lines[i])] += 1
          left -= 1
        } else {
          ties.append(lines[i])
        }
      }
    }
    // Lines whose remainders are equal get theirs in their order, as far as it goes.
    if left < ties.count { ties.sort { precedes(Int($0), Int($1)) } }
    for line in ties.prefix(left) { shares[Int(line)] += 1 }
  }

  /// The k-th greatest remainder, counted from 1; moves the remainders about.
  private static func greatest(_ all: UnsafeMutableBufferPointer<UInt64>, _ k: Int) -> UInt64 {
    var low = 0
    var high = all.count
    var rounds = 2 * (Int.bitWidth - all.count.leadingZeroBitCount)
    while high - low > 12 {
      // Remainders made so that every choice is a bad one are sorted.
      if rounds == 0 {
        var rest = UnsafeMutableBufferPointer(rebasing: all[low..<high])
        rest.sort(by: >)
        return all[k - 1]
      }
      rounds -= 1
      let (a, b, c) = (all[low], all[(low + high) / 2], all[high - 1])
      let pivot = max(min(a, b), min(max(a, b), c))
      // Greater ones in front, then those equal to it; every place is written, so that there is no branch to
      // mispredict.
      let greater = gather(all, low, high) { $0 > pivot }
      if k <= greater {
        high = greater
        continue
      }
      let equal = gather(all, greater, high) { $0 == pivot }
      if k <= equal { return pivot }
      low = equal
    }
    var i = low + 1
    while i < high {
      let one = all[i]
      var at = i
      while at > low, all[at &- 1] < one {
        all[at] = all[at &- 1]
        at &-= 1
      }
      all[at] = one
      i &+= 1
    }
    return all[k - 1]
  }

  /// Moves the remainders that are chosen to the front of a stretch; where they end.
  @inline(__always)
  private static func gather(
    _ all: UnsafeMutableBufferPointer<UInt64>, _ low: Int, _ high: Int, _ isChosen: (UInt64) -> Bool
  ) -> Int {
    var end = low
    for at in low..<high {
      let one = all[at]
      all[at] = all[end]
      all[end] = one
      end &+= isChosen(one) ? 1 : 0
    }
    return end
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
