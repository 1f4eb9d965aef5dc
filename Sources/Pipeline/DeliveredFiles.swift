import ClaimStore
import Intake

/// Digests of delivered files. A file that an earlier run hashed, and that nobody can have written to since, is not
/// read again: a year's deliveries stand beside the new one.
struct DeliveredFiles {
  private let seen: [String: SeenFile]
  private let openedAt: Int64?
  private var asked: Set<String> = []
  /// What the next run may know.
  private(set) var noted: [SeenFile] = []

  /// Times of files may be as coarse as this, in seconds: one that changed less than this before it was hashed may have
  /// changed again without a trace.
  private static let coarsestTime: Int64 = 2

  /// - Parameters:
  ///   - seen: by absolute path.
  ///   - openedAt: before any file is read, in the clock of the files' times; nil: nothing is noted.
  init(_ seen: [String: SeenFile], openedAt: Int64?) {
    self.seen = seen
    self.openedAt = openedAt
  }

  /// Paths that were known and not asked for.
  var forgotten: [String] { seen.keys.filter { !asked.contains($0) } }

  /// SHA-256 of a file's bytes.
  ///
  /// - Throws: `intake.unreadable`, `intake.changed`.
  mutating func fingerprint(of path: String) throws -> String {
    let identity = FileIdentity(path: path)
    asked.insert(path)
    if let identity, let known = seen[path], known.identity == identity.text { return known.sha256 }
    let digest = try Intake.fingerprint(path: path)
    if let identity, let openedAt, identity.changedAt + Self.coarsestTime < openedAt,
      FileIdentity(path: path) == identity
    {
      noted.append(SeenFile(path: path, identity: identity.text, sha256: digest))
    }
    return digest
  }
}
