/// Counts inflated bytes against the limits; shared by all members of a file.
struct BombGuard {
  private let limits: IntakeLimits
  private let file: String
  private let member: String?
  private var produced = 0
  private let producedBefore: Int
  /// Consumed bytes at every whole MiB of output, the last 65 of them.
  private var marks: [Int] = []
  private static let window = 64
  /// Inflated bytes per compressed byte from which the file is refused.
  private var refusedRatio: Int

  /// `producedBefore`: inflated bytes of the members before this one.
  init(limits: IntakeLimits, file: String, member: String?, producedBefore: Int = 0) {
    self.limits = limits
    self.file = file
    self.member = member
    self.producedBefore = producedBefore
    refusedRatio = limits.maxRatio == Int.max ? Int.max : limits.maxRatio + 1
  }

  /// The same limits, the ratio a tenth lower: inflaters differ in how far they read ahead of what they give out, so
  /// what comes so near is left to the oracle.
  func cautious() -> BombGuard {
    var copy = self
    copy.refusedRatio = limits.maxRatio - limits.maxRatio / 10
    return copy
  }

  /// `produced` more bytes came out; `consumed` compressed bytes went in so far, in all.
  mutating func count(produced n: Int, consumed: Int) throws {
    let before = produced
    produced += n
    if produced > limits.maxMemberBytes {
      throw Refusal.bomb(file, member, "inflates to more than max_member_bytes, \(limits.maxMemberBytes) bytes")
    }
    if producedBefore + produced > limits.maxFileBytes {
      throw Refusal.bomb(file, member, "inflates to more than max_file_bytes, \(limits.maxFileBytes) bytes")
    }
    if before == 0, marks.isEmpty { marks.append(0) }
    guard produced >> 20 > before >> 20 else { return }
    for _ in (before >> 20)..<(produced >> 20) {
      marks.append(consumed)
      if marks.count > Self.window + 1 { marks.removeFirst() }
    }
    if marks.count == Self.window + 1 {
      let spent = max(1, consumed - marks[0])
      if (Self.window << 20) / spent >= refusedRatio {
        throw Refusal.bomb(
          file, member, "inflates \((Self.window << 20) / spent) to 1 over 64 MiB; max_ratio is \(limits.maxRatio)")
      }
    }
  }
}
