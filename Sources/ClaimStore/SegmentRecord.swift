import ClaimModel

/// Names the accepted rows of one member of one claim file.
public struct SegmentKey: Hashable, Sendable {
  /// SHA-256 of the file's (compressed) bytes, 64 hexadecimal digits.
  public var digest: String
  /// What else decides which rows the bytes give (limits, version of the reader), as a short text of letters and
  /// digits; files read under another are read again.
  public var reading: String
  /// 0-based place of the member in its archive; 0 for a plain or gzip file.
  public var member: Int
  public var table: ClaimTable

  public init(digest: String, reading: String, member: Int, table: ClaimTable) {
    self.digest = digest
    self.reading = reading
    self.member = member
    self.table = table
  }

  /// All of it in one text, without a line break; two keys have the same text only if they are equal.
  public var text: String { "\(digest)-\(reading)-\(member)-\(table.name)" }
}

/// What a segment's member had for a header.
public struct SegmentHeader: Sendable, Hashable {
  /// National columns that the member had.
  public var columns: [String]
  /// Other columns, in header order; their texts end each row's delivered fields.
  public var unknownColumns: [String]

  public init(columns: [String], unknownColumns: [String]) {
    self.columns = columns
    self.unknownColumns = unknownColumns
  }
}

/// A segment in the ledger: what one member of a claim file gave.
public struct SegmentRecord: Sendable, Hashable {
  public var key: SegmentKey
  /// The member's name in its archive; nil for a plain or gzip file.
  public var memberName: String?
  public var rows: Int
  /// The caller's normalisation report (JSON): counts, sums, rejects by code; not interpreted.
  public var report: String
  /// From `PartSet.newSegment`: names its rows in the parts. 0: it has none yet and can't be committed.
  public var number: Int32
  /// What the member had for a header.
  public var header: SegmentHeader

  public init(
    key: SegmentKey, memberName: String? = nil, rows: Int, report: String = "{}", number: Int32 = 0,
    header: SegmentHeader = SegmentHeader(columns: [], unknownColumns: [])
  ) {
    self.key = key
    self.memberName = memberName
    self.rows = rows
    self.report = report
    self.number = number
    self.header = header
  }
}

/// A segment that belongs to the present claims, with the names by which its rows' versions are ordered.
public struct LiveSegment: Sendable, Hashable {
  /// Batch label is for people; versions are ordered by `batch`.
  public var batch: String
  public var revision: Int
  public var file: String
  public var record: SegmentRecord

  public init(batch: String, revision: Int, file: String, record: SegmentRecord) {
    self.batch = batch
    self.revision = revision
    self.file = file
    self.record = record
  }
}
