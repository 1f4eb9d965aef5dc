/// What `synthesize` makes. Equal options give equal bytes, on any number of threads.
public struct SynthOptions: Sendable, Hashable {
  /// Shape of the claim files.
  public enum Layout: String, Sendable, CaseIterable {
    /// All columns in documented order behind a row number, `'` around fields, CRLF: a national-platform extract.
    case wide
    /// The columns that rules and reading need, comma, no enclosure, LF.
    case narrow
  }

  /// What is planted among the ordinary weeks.
  public enum Kind: String, Sendable, CaseIterable {
    /// Only innocent look-alikes.
    case clean
    /// Violations, boundaries, exemptions, look-alikes; refunds, reversals, versions; files in three more dresses.
    case planted
    /// Each kind of damage once, with expected-rejects.csv and expected-refusals.csv.
    case broken
    /// As planted, all files plain `.csv.gz`, for measurements.
    case load
  }

  public var seed: UInt64
  /// Ordinary settlements over all batches; the planned ones come on top.
  public var settlements: Int
  public var layout: Layout
  public var planted: Kind
  /// Number of weeks, the first is 2025-W10; each is a batch of its own unless `together`.
  public var batches: Int
  /// All weeks are one delivery, its batch named after the first and the last of them.
  public var together: Bool
  /// Files a table and batch.
  public var parts: Int
  /// gzip level, 1 … 9.
  public var compression: Int

  public init(
    seed: UInt64 = 1, settlements: Int = 1_000, layout: Layout = .wide, planted: Kind = .planted, batches: Int = 2,
    together: Bool = false, parts: Int = 3, compression: Int = 1
  ) {
    self.seed = seed
    self.settlements = settlements
    self.layout = layout
    self.planted = planted
    self.batches = batches
    self.together = together
    self.parts = parts
    self.compression = compression
  }
}

/// What was written.
public struct SynthSummary: Sendable, Hashable {
  /// Batch ids in order.
  public var batches: [String] = []
  /// Rows by platform name of the table, over all batches.
  public var rows: [String: Int] = [:]
  /// Claim files written.
  public var files = 0
  /// Bytes of the claim files before compression.
  public var inflatedBytes = 0
  /// Rows of truth.csv by kind (hit, lookalike, withdrawn).
  public var truth: [String: Int] = [:]

  public init() {}
}
