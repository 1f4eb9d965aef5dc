import ClaimModel
import Diagnostics
import Foundation
import Intake
import Normalize

/// What the ledger keeps of the values of one member, to report them again without reading the file.
struct ValueSummary: Codable {
  struct Problem: Codable {
    var column: String
    var code: String
    var action: Reject.Action
    var rows: Int
  }

  var table: String
  var accepted: Int
  var rejected: Int
  var problems: [Problem]
  var sums: [AmountSum]
  var profile: TableProfile

  init(_ member: NormalizedMember) {
    table = member.table.name
    accepted = member.accepted
    rejected = member.rejected
    problems = member.counts.map {
      Problem(column: $0.key.column, code: $0.key.code, action: $0.key.action, rows: $0.value)
    }
    .sorted { ($0.column, $0.code, $0.action.rawValue) < ($1.column, $1.code, $1.action.rawValue) }
    sums = member.sums
    profile = member.profile
  }

  func encoded() throws -> String { try jsonText(self) }
}

/// What the ledger keeps of one file as Intake saw it.
struct FileSummary: Codable {
  struct Member: Codable {
    var name: String?
    var table: String?
    var rowsRead: Int
    /// Damaged rows by code.
    var rejects: [String: Int]
    var charset: String
    var delimiter: String
    var enclosure: String
    var header: String
    var missingColumns: [String]
    var unknownColumns: [String]
    var inflatedBytes: Int
  }

  var members: [Member] = []
  var values: [ValueSummary] = []
  /// How far a refused file got.
  var reachedRows = 0
  var reachedBytes = 0
  var refusalCode: String?
  var refusalMessage: String?
  var refusalRemedy: String?

  static func read(_ report: FileReport, _ values: [ValueSummary]) -> FileSummary {
    var summary = FileSummary()
    summary.values = values
    summary.members = report.members.map { member in
      Member(
        name: member.name, table: member.table?.name, rowsRead: member.rowsRead, rejects: member.rejectCounts,
        charset: member.charset.rawValue, delimiter: name(of: member.delimiter),
        enclosure: member.enclosure.map { name(of: $0) } ?? "none", header: member.headerKind.rawValue,
        missingColumns: member.missingColumns, unknownColumns: member.unknownColumns,
        inflatedBytes: member.inflatedBytes)
    }
    return summary
  }

  static func refused(_ report: FileReport, _ refusal: Diagnostic) -> FileSummary {
    var summary = FileSummary()
    summary.reachedRows = report.reachedRows
    summary.reachedBytes = report.reachedBytes
    summary.refusalCode = refusal.code
    summary.refusalMessage = refusal.message
    summary.refusalRemedy = refusal.remedy
    return summary
  }

  /// Rows rejected, damaged ones and those with a bad value.
  var rejected: Int {
    members.reduce(0) { $0 + $1.rejects.values.reduce(0, +) } + values.reduce(0) { $0 + $1.rejected }
  }

  func encoded() throws -> String { try jsonText(self) }

  /// What `encoded` gave; throws `store.corrupt` for anything else, because only the ledger keeps it.
  static func decode(_ text: String) throws -> FileSummary {
    if text == "{}" { return FileSummary() }
    do { return try JSONDecoder().decode(FileSummary.self, from: Data(text.utf8)) } catch {
      throw Diagnostic(
        .error, "store.corrupt", "What was recorded of a file can't be decoded: the ledger is damaged",
        at: Place(file: "ledger.sqlite"),
        remedy: "Restore the store folder from a copy, or move it away and read the batches again.")
    }
  }

  private static func name(of byte: UInt8) -> String {
    switch byte {
    case 0x09: "tab"
    case 0x01: "U+0001"
    default: String(UnicodeScalar(byte))
    }
  }
}

/// JSON with sorted keys: equal values give equal bytes.
func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
