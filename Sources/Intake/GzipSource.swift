import CZlib
import Diagnostics

/// Inflates all members of a gzip file; zlib checks CRC-32 and length of each.
final class GzipSource: ByteSource {
  private let pull: (UnsafeMutableRawBufferPointer) throws -> Int
  private let file: String
  private let member: String?
  private let limits: IntakeLimits
  private var guardian: BombGuard
  // zlib keeps a pointer back to the stream, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let input: UnsafeMutableRawBufferPointer
  private var consumed = 0
  private var inputEnded = false
  private var membersDone = 0
  private var insideMember = false
  private var finished = false

  /// `pull` fills a buffer with compressed bytes and returns 0 at the end.
  init(
    file: String, member: String?, limits: IntakeLimits, guardian: BombGuard,
    pull: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) {
    self.pull = pull
    self.file = file
    self.member = member
    self.limits = limits
    self.guardian = guardian
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    input = .allocate(byteCount: 256 << 10, alignment: 16)
    _ = czlib_inflate_init_gzip(stream)
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
    input.deallocate()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if finished { return 0 }
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(buffer.count)
    while stream.pointee.avail_out > 0 {
      if stream.pointee.avail_in == 0, !inputEnded { try refill() }
      if !insideMember {
        if stream.pointee.avail_in == 0 {
          if membersDone == 0 { throw Refusal.empty(file, member) }
          finished = true
          break
        }
        if stream.pointee.next_in[0] != 0x1F {
          if membersDone == 0 { throw Refusal.corrupt(file, member, "it does not begin as gzip does") }
          try skipZeros()
          finished = true
          break
        }
        if membersDone >= limits.maxGzipMembers {
          throw Refusal.bomb(file, member, "has more than \(limits.maxGzipMembers) gzip members")
        }
        inflateReset(stream)
        insideMember = true
      }
      let roomBefore = stream.pointee.avail_out
      let status = inflate(stream, Z_NO_FLUSH)
      switch status {
      case Z_STREAM_END:
        insideMember = false
        membersDone += 1
      case Z_OK, Z_BUF_ERROR:
        if stream.pointee.avail_in == 0, inputEnded, stream.pointee.avail_out == roomBefore {
          throw Refusal.truncated(file, member)
        }
      default:
        throw damage(status)
      }
    }
    let n = buffer.count - Int(stream.pointee.avail_out)
    try guardian.count(produced: n, consumed: consumed - Int(stream.pointee.avail_in))
    return n
  }

  private func refill() throws {
    let n = try pull(input)
    if n == 0 { inputEnded = true }
    consumed += n
    stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(n)
  }

  private func skipZeros() throws {
    repeat {
      for i in 0..<Int(stream.pointee.avail_in) where stream.pointee.next_in[i] != 0 {
        throw Refusal.trailing(file, member)
      }
      stream.pointee.avail_in = 0
      try refill()
    } while !inputEnded
  }

  private func damage(_ status: Int32) -> Diagnostic {
    let message = stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
    switch message {
    case "incorrect data check": return Refusal.badChecksum(file, member, "CRC-32")
    case "incorrect length check": return Refusal.badChecksum(file, member, "length")
    case "incorrect header check" where membersDone > 0: return Refusal.trailing(file, member)
    default: return Refusal.corrupt(file, member, message)
    }
  }
}
