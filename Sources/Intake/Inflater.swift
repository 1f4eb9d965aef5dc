import CZlib

#if ISAL
  import CISAL
#endif

/// Which library inflates gzip files; members of a zip are inflated by libzip.
public enum InflaterChoice: String, Sendable, Hashable {
  /// ISA-L if the build found it, else zlib. What ISA-L finds wrong is read again by zlib, whose word counts.
  case fastest
  /// zlib alone: what the other is measured by.
  case zlib

  /// False if the build found no ISA-L; then both choices are zlib.
  public static var hasISAL: Bool {
    #if ISAL
      true
    #else
      false
    #endif
  }
}

/// Compressed bytes on their way into an inflater.
struct InflaterInput {
  var next: UnsafeMutablePointer<UInt8>
  var count: Int
}

/// What one step of inflating came to.
enum InflaterStep {
  /// The output is full or the input used up.
  case paused
  /// The stream ended; what `input` still holds comes after it.
  case ended
  /// The stream is damaged. The text is zlib's; an inflater that is not the oracle need not know a good one.
  case damaged(String)
}

/// Inflates one stream after another. Not for several threads at once.
protocol Inflater: AnyObject {
  /// What it refuses is refused. Otherwise zlib has to look at the same bytes from the start.
  var isOracle: Bool { get }
  /// A stream begins with the next byte.
  func begin()
  /// Moves `input` over what was used and `output` over what was written.
  func step(_ input: inout InflaterInput, _ output: inout UnsafeMutableRawBufferPointer) -> InflaterStep
}

/// zlib: always there, and the oracle.
final class ZlibInflater: Inflater {
  // zlib keeps a pointer back to the stream, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  let isOracle = true

  init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    _ = czlib_inflate_init_gzip(stream)
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  func begin() { inflateReset(stream) }

  func step(_ input: inout InflaterInput, _ output: inout UnsafeMutableRawBufferPointer) -> InflaterStep {
    stream.pointee.next_in = input.next
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    let room = min(output.count, 1 << 30)
    stream.pointee.avail_out = UInt32(room)
    let status = inflate(stream, Z_NO_FLUSH)
    input.next += input.count - Int(stream.pointee.avail_in)
    input.count = Int(stream.pointee.avail_in)
    output = UnsafeMutableRawBufferPointer(rebasing: output[(room - Int(stream.pointee.avail_out))...])
    switch status {
    case Z_STREAM_END: return .ended
    case Z_OK, Z_BUF_ERROR: return .paused
    default: return .damaged(stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)")
    }
  }
}

#if ISAL
  /// ISA-L, about three times as fast as zlib.
  ///
  /// The gzip header is read here: ISA-L 2.30 takes a header with a checksum of its own, cut in two by the end of a
  /// buffer, for damaged. Headers that are not plain are left to zlib.
  final class ISALInflater: Inflater {
    private enum Header {
      /// Of the ten fixed bytes so many were seen.
      case fixed(Int)
      /// Bytes of the length of the extra field that were seen, and their value.
      case extraLength(Int, Int)
      /// So many bytes of the extra field are left.
      case extra(Int)
      case name
      case comment
      case done
    }

    let isOracle = false
    // 87 kB, so never a Swift value.
    private let state: UnsafeMutablePointer<inflate_state>
    private var header = Header.fixed(0)
    private var flags: UInt8 = 0

    init() {
      state = .allocate(capacity: 1)
      isal_inflate_init(state)
    }

    deinit { state.deallocate() }

    func begin() {
      isal_inflate_reset(state)
      state.pointee.crc_flag = UInt32(ISAL_GZIP_NO_HDR_VER)
      header = .fixed(0)
    }

    func step(_ input: inout InflaterInput, _ output: inout UnsafeMutableRawBufferPointer) -> InflaterStep {
      while true {
        if case .done = header { break }
        if input.count == 0 { return .paused }
        let byte = input.next[0]
        input.next += 1
        input.count -= 1
        if !takesHeader(byte) { return .damaged("gzip header") }
      }
      state.pointee.next_in = input.next
      state.pointee.avail_in = UInt32(input.count)
      state.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      let room = min(output.count, 1 << 30)
      state.pointee.avail_out = UInt32(room)
      let status = isal_inflate(state)
      input.next += input.count - Int(state.pointee.avail_in)
      input.count = Int(state.pointee.avail_in)
      output = UnsafeMutableRawBufferPointer(rebasing: output[(room - Int(state.pointee.avail_out))...])
      if status != ISAL_DECOMP_OK && status != ISAL_END_INPUT { return .damaged("ISA-L status \(status)") }
      return state.pointee.block_state == ISAL_BLOCK_FINISH ? .ended : .paused
    }

    /// Takes the next byte of the header; false if zlib has to look at it.
    private func takesHeader(_ byte: UInt8) -> Bool {
      switch header {
      case .fixed(let seen):
        switch seen {
        case 0 where byte != 0x1F, 1 where byte != 0x8B, 2 where byte != 8: return false
        case 3:
          // Bits above 16 are not defined; 2 is the checksum of the header.
          if byte & 0xE2 != 0 { return false }
          flags = byte
        default: break
        }
        header = seen < 9 ? .fixed(seen + 1) : afterFixed()
      case .extraLength(let seen, let value):
        let value = value | Int(byte) << (8 * seen)
        header = seen == 0 ? .extraLength(1, value) : value > 0 ? .extra(value) : afterExtra()
      case .extra(let left):
        header = left > 1 ? .extra(left - 1) : afterExtra()
      case .name:
        if byte == 0 { header = afterName() }
      case .comment:
        if byte == 0 { header = .done }
      case .done: break
      }
      return true
    }

    private func afterFixed() -> Header { flags & 4 != 0 ? .extraLength(0, 0) : afterExtra() }
    private func afterExtra() -> Header { flags & 8 != 0 ? .name : afterName() }
    private func afterName() -> Header { flags & 16 != 0 ? .comment : .done }
  }
#endif

/// The inflater of a choice; it checks a gzip member's CRC-32 and length.
func makeInflater(_ choice: InflaterChoice) -> any Inflater {
  #if ISAL
    if choice == .fastest { return ISALInflater() }
  #endif
  return ZlibInflater()
}

/// Something is wrong, or near a limit, in bytes that did not come through the oracle: they must be read again with it.
///
/// Never leaves the module.
struct NeedsOracle: Error {}
