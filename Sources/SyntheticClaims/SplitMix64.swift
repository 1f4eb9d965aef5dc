/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, the same on every machine.
struct SplitMix64: Sendable {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  /// A stream of its own for each tuple of numbers, so that parts can be made in any order.
  init(_ seed: UInt64, _ a: Int, _ b: Int = 0, _ c: Int = 0) {
    var mixer = SplitMix64(seed)
    for part in [a, b, c] {
      mixer.state = mixer.next() ^ UInt64(bitPattern: Int64(part)) &* 0xD6E8_FEB8_6659_FD93
    }
    self = SplitMix64(mixer.next())
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in 0..<n; the bias of the multiplication is below 2⁻³² for the small n used here.
  mutating func below(_ n: Int) -> Int { Int(((next() >> 32) &* UInt64(n)) >> 32) }

  /// True p times in a hundred.
  mutating func percent(_ p: Int) -> Bool { below(100) < p }
}

/// Draws ranks so that rank k comes with weight 1/(k+1): few drugs make most lines.
struct Zipf: Sendable {
  private let cumulative: [UInt64]

  init(_ count: Int) {
    var sum: UInt64 = 0
    // Scaled integers: floating point may differ between machines.
    cumulative = (0..<max(1, count)).map { rank in
      sum += 1_000_000_000 / UInt64(rank + 1)
      return sum
    }
  }

  func rank(_ random: inout SplitMix64) -> Int {
    let target = random.next() % (cumulative.last ?? 1)
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
