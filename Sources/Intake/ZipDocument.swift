import Diagnostics

/// Members of a small zip file read whole, as a workbook is one. Not for claim files.
///
/// Sizes, names, encryption and methods are checked as those of claim archives are, and each member's CRC-32.
public struct ZipDocument: Sendable {
  /// Inflated bytes of each wanted member by its name.
  public let members: [String: [UInt8]]
  /// SHA-256 of the stored bytes of the archive.
  public let digest: String

  /// Throws a `Diagnostic` of the `intake.` family where the archive is refused.
  public init(path: String, limits: IntakeLimits, where isWanted: (String) -> Bool) throws {
    let stored = try HashedFile(path: path, name: path)
    if stored.size == 0 { throw Refusal.empty(path, nil) }
    let archive = try ZipArchive(stored, limits: limits)
    var members: [String: [UInt8]] = [:]
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    for member in archive.members where isWanted(member.name) {
      let source = try archive.open(member, guardian: BombGuard(limits: limits, file: path, member: member.name))
      var bytes: [UInt8] = []
      while true {
        let n = try chunk.withUnsafeMutableBytes { try source.read(into: $0) }
        if n == 0 { break }
        bytes.append(contentsOf: chunk[..<n])
      }
      members[member.name] = bytes
    }
    self.members = members
    digest = try stored.finish()
  }
}

/// The first bytes of a file, fewer if it is shorter. Throws a `Diagnostic` (`intake.unreadable`).
public func firstBytes(of path: String, count: Int) throws -> [UInt8] {
  let file = try HashedFile(path: path, name: path)
  var bytes = [UInt8](repeating: 0, count: count)
  let n = try bytes.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
  return Array(bytes[..<n])
}
