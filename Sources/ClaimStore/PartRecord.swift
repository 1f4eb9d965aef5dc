import ClaimModel

/// One Parquet file of the store as the catalogue lists it. It is never changed: rows leave the store in new parts.
public struct PartRecord: Sendable, Hashable {
  /// Number in the catalogue; never used twice.
  public var id: Int32
  public var table: ClaimTable
  /// The batch with which its rows came first. Another batch that has the same file shares them.
  public var batch: String
  /// Every row's `PersonSlice` is in it.
  public var slices: ClosedRange<UInt16>
  /// 0: there is no file; `Ledger.commitFiles` leaves the record out.
  public var rows: Int
  /// Length of the file.
  public var bytes: Int
  /// Of the whole file, 64 hexadecimal digits.
  public var sha256: String
  /// Of the footer's bytes: what a reader checks before it believes a number of it.
  public var footerSHA256: String
  /// Below the store's folder `parts`.
  public var path: String
  /// Least time of a row, in seconds (`PartLayout.timeColumn`); nil if none has one.
  public var minTime: Int64?
  public var maxTime: Int64?
  /// Rows by top byte of the slice, 256 numbers: rows lie in this order.
  public var rowsByTopByte: [Int]
  /// Rows by segment number.
  public var segments: [Int32: Int]
  /// Codec of the pages.
  public var codec: String
  /// See `PartLayout.formatVersion`.
  public var formatVersion: Int

  public init(
    id: Int32, table: ClaimTable, batch: String, slices: ClosedRange<UInt16>, rows: Int, bytes: Int = 0,
    sha256: String = "", footerSHA256: String = "", path: String = "", minTime: Int64? = nil, maxTime: Int64? = nil,
    rowsByTopByte: [Int] = Array(repeating: 0, count: 256), segments: [Int32: Int] = [:],
    codec: String = PartLayout.codec, formatVersion: Int = PartLayout.formatVersion
  ) {
    self.id = id
    self.table = table
    self.batch = batch
    self.slices = slices
    self.rows = rows
    self.bytes = bytes
    self.sha256 = sha256
    self.footerSHA256 = footerSHA256
    self.path = path
    self.minTime = minTime
    self.maxTime = maxTime
    self.rowsByTopByte = rowsByTopByte
    self.segments = segments
    self.codec = codec
    self.formatVersion = formatVersion
  }
}
