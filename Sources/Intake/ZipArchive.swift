import CZip
import ClaimModel
import Diagnostics
import Glibc

/// The directory of a zip file and its members, through libzip.
///
/// libzip reads through `StoredBytes`, so the digest of the archive is taken from the same reads.
final class ZipArchive {
  struct Member {
    var index: UInt64
    var name: String
    /// Inflated bytes, as the directory says.
    var size: Int
  }

  /// Members that are files, in directory order.
  let members: [Member]
  private let file: String
  private let stored: StoredBytes
  private let archive: OpaquePointer

  /// What libzip reads from.
  fileprivate final class StoredBytes {
    let file: HashedFile
    var offset = 0
    /// What went wrong in reading; libzip only hands on a number.
    var problem: (any Error)?
    var zipError = zip_error_t()
    init(_ file: HashedFile) { self.file = file }
  }

  /// Opens the archive and checks every member before one is read.
  init(_ stored: HashedFile, limits: IntakeLimits) throws {
    let context = StoredBytes(stored)
    // libzip holds the address alone.
    defer { withExtendedLifetime(context) {} }
    var failure = zip_error_t()
    zip_error_init(&failure)
    defer { zip_error_fini(&failure) }
    guard
      let source = zip_source_function_create(
        readStoredBytes, Unmanaged.passUnretained(context).toOpaque(), &failure)
    else { throw Refusal.unreadable(stored.name, "cannot be opened as a zip") }
    guard let archive = zip_open_from_source(source, Int32(ZIP_RDONLY), &failure) else {
      zip_source_free(source)
      if let problem = context.problem { throw problem }
      if zip_error_code_zip(&failure) == ZIP_ER_NOZIP { throw Refusal.truncated(stored.name, nil) }
      throw Refusal.corrupt(stored.name, nil, String(cString: zip_error_strerror(&failure)))
    }
    do {
      members = try Self.checkedMembers(archive, stored.name, limits)
    } catch {
      zip_discard(archive)
      throw error
    }
    self.archive = archive
    self.stored = context
    file = stored.name
  }

  deinit { zip_discard(archive) }

  private static func checkedMembers(
    _ archive: OpaquePointer, _ file: String, _ limits: IntakeLimits
  ) throws -> [Member] {
    let count = zip_get_num_entries(archive, 0)
    if count == 0 { throw Refusal.empty(file, nil) }
    if Int(count) > limits.maxMembers {
      throw Refusal.bomb(file, nil, "has \(count) members; at most \(limits.maxMembers) are read")
    }
    var members: [Member] = []
    var declared = 0
    for index in 0..<UInt64(count) {
      let raw = zip_get_name(archive, index, zip_flags_t(ZIP_FL_ENC_RAW)).map { Array($0.utf8Bytes) } ?? []
      let name = decodedName(raw)
      try check(name: name, file, limits)
      if name.hasSuffix("/") || name.hasSuffix("\\") { continue }
      var status = zip_stat_t()
      guard zip_stat_index(archive, index, 0, &status) == 0 else {
        throw Refusal.corrupt(file, name, "the directory entry cannot be read")
      }
      if status.encryption_method != 0 { throw Refusal.encrypted(file, name) }
      if status.comp_method != 0, status.comp_method != 8 {
        throw Refusal.method(file, name, Int(status.comp_method))
      }
      guard status.size <= UInt64(limits.maxMemberBytes) else {
        throw Refusal.bomb(file, name, "inflates to more than max_member_bytes, \(limits.maxMemberBytes) bytes")
      }
      // Both are at most what the limits allow, so that only the sum can be too large for its type.
      let (sum, overflow) = declared.addingReportingOverflow(Int(status.size))
      declared = sum
      if overflow || declared > limits.maxFileBytes {
        throw Refusal.bomb(file, nil, "inflates to more than max_file_bytes, \(limits.maxFileBytes) bytes")
      }
      members.append(Member(index: index, name: name, size: Int(status.size)))
    }
    if members.isEmpty { throw Refusal.empty(file, nil) }
    return members
  }

  /// Names are UTF-8 where they are valid UTF-8, else GB18030, which Chinese Windows writes without saying so.
  static func decodedName(_ raw: [UInt8]) -> String {
    if let name = String(validating: raw, as: UTF8.self) { return name }
    if let name = CSVTable.transcode(raw, .gb18030) { return String(decoding: name, as: UTF8.self) }
    return String(decoding: raw, as: UTF8.self)
  }

  private static func check(name: String, _ file: String, _ limits: IntakeLimits) throws {
    let parts = name.split(whereSeparator: { $0 == "/" || $0 == "\\" })
    if parts.contains("..") { throw Refusal.unsafeName(file, name, "leads out of the archive by `..`") }
    let bytes = Array(name.utf8)
    let drive = bytes.count >= 2 && bytes[1] == 0x3A
    if bytes.first == 0x2F || bytes.first == 0x5C || drive {
      throw Refusal.unsafeName(file, name, "is an absolute path")
    }
    if parts.count > limits.maxPathDepth {
      throw Refusal.bomb(file, nil, "has a member \(parts.count) folders deep; the limit is \(limits.maxPathDepth)")
    }
  }

  /// The inflated bytes of a member; CRC-32 and size are checked at its end.
  func open(_ member: Member, guardian: BombGuard?) throws -> any ByteSource {
    guard let handle = zip_fopen_index(archive, member.index, 0) else {
      let code = zip_error_code_zip(zip_get_error(archive))
      throw failure(code, member)
    }
    return ZipMemberSource(self, member, handle, guardian)
  }

  fileprivate func failure(_ code: Int32, _ member: Member) -> any Error {
    if let problem = stored.problem { return problem }
    switch code {
    case ZIP_ER_CRC: return Refusal.badChecksum(file, member.name, "CRC-32")
    case ZIP_ER_INCONS: return Refusal.badChecksum(file, member.name, "length")
    case ZIP_ER_EOF, ZIP_ER_READ, ZIP_ER_SEEK: return Refusal.truncated(file, member.name)
    case ZIP_ER_NOPASSWD, ZIP_ER_WRONGPASSWD, ZIP_ER_ENCRNOTSUPP: return Refusal.encrypted(file, member.name)
    default: return Refusal.corrupt(file, member.name, "libzip error \(code)")
    }
  }

  fileprivate var delivered: Int { stored.file.delivered }
}

/// One member while it is read.
private final class ZipMemberSource: ByteSource {
  private let archive: ZipArchive
  private let member: ZipArchive.Member
  private let handle: OpaquePointer
  private var guardian: BombGuard?
  private var produced = 0
  private let deliveredBefore: Int

  init(_ archive: ZipArchive, _ member: ZipArchive.Member, _ handle: OpaquePointer, _ guardian: BombGuard?) {
    self.archive = archive
    self.member = member
    self.handle = handle
    self.guardian = guardian
    deliveredBefore = archive.delivered
  }

  deinit { zip_fclose(handle) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let n = Int(zip_fread(handle, buffer.baseAddress, UInt64(buffer.count)))
    if n < 0 { throw archive.failure(zip_error_code_zip(zip_file_get_error(handle)), member) }
    produced += n
    if produced > member.size || (n == 0 && produced != member.size) {
      throw archive.failure(ZIP_ER_INCONS, member)
    }
    try guardian?.count(produced: n, consumed: archive.delivered - deliveredBefore)
    return n
  }
}

extension UnsafePointer where Pointee == CChar {
  /// The bytes before the terminating NUL.
  fileprivate var utf8Bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self, count: strlen(self)) }
}

/// libzip's view of `StoredBytes`: a readable, seekable source.
private func readStoredBytes(
  _ context: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ length: UInt64, _ command: zip_source_cmd_t
) -> Int64 {
  guard let context else { return -1 }
  let stored = Unmanaged<ZipArchive.StoredBytes>.fromOpaque(context).takeUnretainedValue()
  switch command {
  case ZIP_SOURCE_OPEN:
    stored.offset = 0
    return 0
  case ZIP_SOURCE_READ:
    do {
      let n = try stored.file.read(
        at: stored.offset, into: UnsafeMutableRawBufferPointer(start: data, count: Int(length)))
      stored.offset += n
      return Int64(n)
    } catch {
      stored.problem = error
      zip_error_set(&stored.zipError, ZIP_ER_READ, EIO)
      return -1
    }
  case ZIP_SOURCE_CLOSE, ZIP_SOURCE_FREE:
    return 0
  case ZIP_SOURCE_STAT:
    guard let data, length >= UInt64(MemoryLayout<zip_stat_t>.size) else { return -1 }
    let status = data.assumingMemoryBound(to: zip_stat_t.self)
    zip_stat_init(status)
    status.pointee.size = UInt64(stored.file.size)
    status.pointee.valid |= UInt64(ZIP_STAT_SIZE)
    return Int64(MemoryLayout<zip_stat_t>.size)
  case ZIP_SOURCE_ERROR:
    return zip_error_to_data(&stored.zipError, data, length)
  case ZIP_SOURCE_SEEK:
    let to = zip_source_seek_compute_offset(
      UInt64(stored.offset), UInt64(stored.file.size), data ?? context, length, &stored.zipError)
    if to < 0 { return -1 }
    stored.offset = Int(to)
    return 0
  case ZIP_SOURCE_TELL:
    return Int64(stored.offset)
  case ZIP_SOURCE_SUPPORTS:
    let commands = [
      ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
      ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS,
    ]
    return commands.reduce(0) { $0 | 1 << Int64($1.rawValue) }
  default:
    zip_error_set(&stored.zipError, ZIP_ER_OPNOTSUPP, 0)
    return -1
  }
}
