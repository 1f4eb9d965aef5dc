import Diagnostics

/// Inflates all members of a gzip file; CRC-32 and length of each are checked.
///
/// With an inflater that is not the oracle, whatever it would refuse is `NeedsOracle`.
final class GzipSource: ByteSource {
  private let pull: (UnsafeMutableRawBufferPointer) throws -> Int
  private let file: String
  private let member: String?
  private let limits: IntakeLimits
  private var guardian: BombGuard
  private let inflater: any Inflater
  private let buffer: UnsafeMutablePointer<UInt8>
  private var input: InflaterInput
  private static let bufferBytes = 256 << 10
  private var consumed = 0
  private var inputEnded = false
  private var membersDone = 0
  private var insideMember = false
  private var finished = false

  /// `pull` fills a buffer with compressed bytes and returns 0 at the end.
  init(
    file: String, member: String?, limits: IntakeLimits, guardian: BombGuard, inflater: InflaterChoice = .zlib,
    pull: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) {
    self.pull = pull
    self.file = file
    self.member = member
    self.limits = limits
    self.inflater = makeInflater(inflater)
    self.guardian = self.inflater.isOracle ? guardian : guardian.cautious()
    buffer = .allocate(capacity: Self.bufferBytes)
    input = InflaterInput(next: buffer, count: 0)
  }

  deinit { buffer.deallocate() }

  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    if inflater.isOracle { return try inflated(into: target) }
    do { return try inflated(into: target) } catch { throw NeedsOracle() }
  }

  private func inflated(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    if finished { return 0 }
    var output = target
    while output.count > 0 {
      if input.count == 0, !inputEnded { try refill() }
      if !insideMember {
        if input.count == 0 {
          if membersDone == 0 { throw Refusal.empty(file, member) }
          finished = true
          break
        }
        if input.next[0] != 0x1F {
          if membersDone == 0 { throw Refusal.corrupt(file, member, "it does not begin as gzip does") }
          try skipZeros()
          finished = true
          break
        }
        if membersDone >= limits.maxGzipMembers {
          throw Refusal.bomb(file, member, "has more than \(limits.maxGzipMembers) gzip members")
        }
        inflater.begin()
        insideMember = true
      }
      let room = output.count
      switch inflater.step(&input, &output) {
      case .ended:
        insideMember = false
        membersDone += 1
      case .paused:
        if input.count == 0, inputEnded, output.count == room { throw Refusal.truncated(file, member) }
      case .damaged(let message):
        throw damage(message)
      }
    }
    let n = target.count - output.count
    try guardian.count(produced: n, consumed: consumed - input.count)
    return n
  }

  private func refill() throws {
    let n = try pull(UnsafeMutableRawBufferPointer(start: buffer, count: Self.bufferBytes))
    if n == 0 { inputEnded = true }
    consumed += n
    input.next = buffer
    input.count = n
  }

  private func skipZeros() throws {
    repeat {
      for i in 0..<input.count where input.next[i] != 0 { throw Refusal.trailing(file, member) }
      input.count = 0
      try refill()
    } while !inputEnded
  }

  private func damage(_ message: String) -> Diagnostic {
    switch message {
    case "incorrect data check": return Refusal.badChecksum(file, member, "CRC-32")
    case "incorrect length check": return Refusal.badChecksum(file, member, "length")
    case "incorrect header check" where membersDone > 0: return Refusal.trailing(file, member)
    default: return Refusal.corrupt(file, member, message)
    }
  }
}
