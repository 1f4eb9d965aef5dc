/// What a file may cost before it is refused as a bomb, and how it is read. Sizes are bytes after inflation.
public struct IntakeLimits: Sendable, Hashable {
  /// Inflated bytes per compressed byte, over any 64 MiB of inflated bytes.
  public var maxRatio: Int
  /// Inflated bytes of one zip member or one plain or gzip file.
  public var maxMemberBytes: Int
  /// Inflated bytes of one file with all its members.
  public var maxFileBytes: Int
  /// Members of a zip archive.
  public var maxMembers: Int
  /// Members of a gzip file; block-compressing writers make one every 64 KiB.
  public var maxGzipMembers: Int
  /// Folders above a file in a batch, and components of a member name.
  public var maxPathDepth: Int
  /// Rows per million that may fail in a charset (pipeline key `reject_limit`).
  public var rejectLimitPerMillion: Int
  /// What inflates; the result is the same.
  public var inflater: InflaterChoice
  /// Inflating runs ahead in a thread of its own, so that one file keeps two cores busy; the result is the same.
  public var readsAhead: Bool
  /// The report gets the file's digest. Without, bytes that nobody asks about are not hashed.
  public var takesDigest: Bool

  public init(
    maxRatio: Int = 200, maxMemberBytes: Int = 64 << 30, maxFileBytes: Int = 256 << 30, maxMembers: Int = 10_000,
    maxGzipMembers: Int = 4_000_000, maxPathDepth: Int = 16, rejectLimitPerMillion: Int = 1000,
    inflater: InflaterChoice = .fastest, readsAhead: Bool = false, takesDigest: Bool = true
  ) {
    self.maxRatio = maxRatio
    self.maxMemberBytes = maxMemberBytes
    self.maxFileBytes = maxFileBytes
    self.maxMembers = maxMembers
    self.maxGzipMembers = maxGzipMembers
    self.maxPathDepth = maxPathDepth
    self.rejectLimitPerMillion = rejectLimitPerMillion
    self.inflater = inflater
    self.readsAhead = readsAhead
    self.takesDigest = takesDigest
  }
}
