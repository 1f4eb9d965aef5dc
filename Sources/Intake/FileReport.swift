import ClaimModel
import Diagnostics

/// The charset in which a member was read.
public enum Charset: String, Sendable, Codable {
  case utf8 = "UTF-8"
  case gb18030 = "GB18030"
  case utf16LittleEndian = "UTF-16LE"
  case utf16BigEndian = "UTF-16BE"
}

/// How the columns of a member were found.
public enum HeaderKind: String, Sendable, Codable {
  /// The first line names them.
  case named
  /// No header; number of fields and types of the first rows agree with the documented order.
  case documentedOrder = "documented_order"
}

/// What one member of a file (the file itself, unless it is a zip) turned out to be.
public struct MemberReport: Sendable {
  /// Name inside the zip; nil for plain and gzip files.
  public var name: String?
  public var table: ClaimTable?
  /// Rows after the header, damaged ones included.
  public var rowsRead = 0
  /// Damaged rows, in line order.
  public var rejects: Rejects = []
  /// Damaged rows by code.
  public var rejectCounts: [String: Int] = [:]
  public var charset = Charset.utf8
  public var delimiter: UInt8 = 0x2C
  /// nil: fields are not enclosed.
  public var enclosure: UInt8?
  public var headerKind = HeaderKind.named
  /// National names of documented columns that the member does not have.
  public var missingColumns: [String] = []
  /// Header names that are no national column; `rn` (row number) is known and not listed.
  public var unknownColumns: [String] = []
  public var inflatedBytes = 0
  /// Line of the last row if that is damaged and has no line feed behind it: the member may be cut off there.
  public var cutOffLine: Int?

  public init(name: String?) { self.name = name }
}

/// What reading one file found. A refused file gives no row: then the counts of `reached` say how far it got.
public struct FileReport: Sendable {
  /// Path relative to the batch folder.
  public var file: String
  /// Bytes as stored (compressed).
  public var size: Int
  /// SHA-256 of the stored bytes, 64 hexadecimal digits; empty if the file could not be read to its end, or none was
  /// wanted (`IntakeLimits.takesDigest`).
  public var digest = ""
  /// In archive order; empty if the file was refused.
  public var members: [MemberReport] = []
  /// Why no row of the file counts; nil if the file is good.
  public var refusal: Diagnostic?
  /// Rows seen before a refusal, and inflated bytes.
  public var reachedRows = 0
  public var reachedBytes = 0

  public init(file: String, size: Int) {
    self.file = file
    self.size = size
  }

  /// Rows of all members, damaged ones included; 0 for a refused file.
  public var rowsRead: Int { members.reduce(0) { $0 + $1.rowsRead } }
  public var inflatedBytes: Int { members.reduce(0) { $0 + $1.inflatedBytes } }
  public var rejects: Rejects { members.reduce(into: []) { $0.append(contentsOf: $1.rejects) } }
  public var rejectCounts: [String: Int] {
    members.reduce(into: [:]) { $0.merge($1.rejectCounts, uniquingKeysWith: +) }
  }
}
