import ClaimModel
import Diagnostics
import Foundation
internal import GRDB
import Synchronization

/// What a run leaves so that the next one need not evaluate the whole store: a text that only the caller reads, and
/// files beside it. It is worth only the time it saves: whoever finds it damaged or out of date evaluates everything.
public struct EvaluationState: Sendable, Hashable {
  public var header: String
  public var files: [EvaluationFile]

  public init(header: String, files: [EvaluationFile]) {
    self.header = header
    self.files = files
  }
}

/// A file in the store's folder `evaluation`, named after its bytes.
public struct EvaluationFile: Sendable, Hashable {
  public var bytes: Int
  /// `BlockDigest` of the bytes, 16 hexadecimal digits.
  public var digest: String

  public var name: String { "\(digest)-\(bytes)" }

  public init(bytes: Int, digest: String) {
    self.bytes = bytes
    self.digest = digest
  }
}

extension EvaluationFile: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    let parts = name.split(separator: "-")
    guard parts.count == 2, let bytes = Int(parts[1]) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no file of the evaluation state")
    }
    self.init(bytes: bytes, digest: String(parts[0]))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}

extension Ledger {
  public var evaluationFolder: String { folder + "/evaluation" }

  /// What the last finished run left; nil if it left none, or what is there is not what was written.
  public func evaluationState() throws -> EvaluationState? {
    try read { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT header, header_sha256 FROM evaluation_state") else {
        return nil
      }
      let header: String = row["header"]
      let digest: String = row["header_sha256"]
      guard SHA256Hasher.hex(of: header) == digest else { return nil }
      let files = try Row.fetchAll(
        db, sql: "SELECT byte_count, digest FROM evaluation_file ORDER BY digest, byte_count"
      )
      .map { EvaluationFile(bytes: $0[0], digest: $0[1]) }
      return EvaluationState(header: header, files: files)
    }
  }

  /// Writes a file for a state that `finishRun` will record. What is not recorded then is removed.
  ///
  /// It is not synced: should a power cut take it, the digest tells, and everything is evaluated anew.
  /// - Throws: `store.disk-full`, `store.io`.
  public func writeEvaluationFile(_ bytes: [UInt8]) throws -> EvaluationFile {
    let digest = bytes.withUnsafeBytes { BlockDigest.of($0) }
    let hex = String(digest, radix: 16)
    let file = EvaluationFile(bytes: bytes.count, digest: String(repeating: "0", count: 16 - hex.count) + hex)
    try AtomicFile.makeFolder(evaluationFolder)
    let temporary = evaluationFolder + "/" + AtomicFile.temporaryName(for: file.name)
    do {
      try AtomicFile.write(bytes, unsyncedTo: temporary)
      let path = evaluationFolder + "/" + file.name
      guard rename(temporary, path) == 0 else {
        throw StoreError.system(path, "The file can't be put in place", errno: errno)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    return file
  }

  /// The bytes of a file, checked; nil if they are not what was written.
  public func evaluationBytes(_ file: EvaluationFile) -> EvaluationBytes? {
    EvaluationBytes(evaluationFolder + "/" + file.name, file)
  }

  static func replaceEvaluation(_ state: EvaluationState?, _ db: Database) throws {
    try db.execute(sql: "DELETE FROM evaluation_state")
    try db.execute(sql: "DELETE FROM evaluation_file")
    guard let state else { return }
    try db.execute(
      sql: "INSERT INTO evaluation_state VALUES (1, ?, ?)",
      arguments: [state.header, SHA256Hasher.hex(of: state.header)])
    let insert = try db.makeStatement(sql: "INSERT INTO evaluation_file VALUES (?, ?)")
    // In one order: what the same work leaves is the same file, byte for byte.
    let files = Set(state.files).sorted { bytesPrecede($0.name, $1.name) }
    for file in files { try insert.execute(arguments: [file.digest, file.bytes]) }
  }

  /// Removes files that no recorded state names.
  func removeOrphanEvaluationFiles() throws {
    guard access(evaluationFolder, F_OK) == 0 else { return }
    let known = try read { db in
      try Set(
        Row.fetchAll(db, sql: "SELECT byte_count, digest FROM evaluation_file")
          .map { EvaluationFile(bytes: $0[0], digest: $0[1]).name })
    }
    for name in try AtomicFolder.entries(evaluationFolder) where !known.contains(name) {
      unlink(evaluationFolder + "/" + name)
    }
  }
}

/// The bytes of a file of the evaluation state, read as they are asked for.
public final class EvaluationBytes: @unchecked Sendable {
  /// Valid as long as this is.
  public let bytes: UnsafeRawBufferPointer

  fileprivate init?(_ path: String, _ file: EvaluationFile) {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, Int(info.st_size) == file.bytes else { return nil }
    if file.bytes == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      guard let base = mmap(nil, file.bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0), base != MAP_FAILED
      else { return nil }
      bytes = UnsafeRawBufferPointer(start: base, count: file.bytes)
    }
    let hex = String(BlockDigest.of(bytes), radix: 16)
    if String(repeating: "0", count: 16 - hex.count) + hex != file.digest { return nil }
  }

  deinit { if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) } }
}

/// A digest of 64 bits that costs about what reading the bytes costs. It finds damage; nobody is kept from forging it.
public enum BlockDigest {
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var lanes: (UInt64, UInt64, UInt64, UInt64) = (
      0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x27D4_EB2F_1656_67C5
    )
    @inline(__always) func word(_ at: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
    @inline(__always) func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
      let mixed = (lane ^ word) &* 0xFF51_AFD7_ED55_8CCD
      return mixed ^ mixed >> 32
    }
    var at = 0
    while at &+ 32 <= bytes.count {
      lanes.0 = step(lanes.0, word(at))
      lanes.1 = step(lanes.1, word(at &+ 8))
      lanes.2 = step(lanes.2, word(at &+ 16))
      lanes.3 = step(lanes.3, word(at &+ 24))
      at &+= 32
    }
    while at < bytes.count {
      lanes.0 = step(lanes.0, UInt64(bytes[at]))
      at &+= 1
    }
    var digest = UInt64(bytes.count)
    for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { digest = step(digest, lane) &* 0xC4CE_B9FE_1A85_EC53 }
    return digest ^ digest >> 33
  }
}
