import ClaimModel
import Diagnostics

/// The sender's account of a batch, `delivery.csv` (Documentation/inputs.md): what should have arrived.
public struct Delivery: Sendable {
  /// One row: a file, or a whole table when `file` is empty.
  public struct Row: Sendable, Hashable {
    /// 1-based line in delivery.csv.
    public var line: Int
    /// Platform name, aliases resolved.
    public var table: String
    /// Relative to the batch folder; nil: the row speaks of all files of the table.
    public var file: String?
    /// Rows that were exported; nil: not stated.
    public var rows: Int?
    /// The column that was summed, by its national name.
    public var sumColumn: String?
    /// Its sum in fen.
    public var sumFen: Int64?
    public var exportedAt: String
    public var exporter: String
    public var query: String
  }

  public var rows: [Row]
  /// SHA-256 of the file.
  public var digest: String
  /// Rows that could not be read; each makes the batch incomplete, because its numbers cannot be compared.
  public var problems: [Diagnostic]

  /// Reads the file. Throws a `Diagnostic` if it cannot be read or lacks `table`, `file` or `rows`.
  public init(path: String) throws {
    try self.init(table: CSVTable(path: path), name: path)
  }

  /// From a table that is in memory; `name` is for diagnostics.
  public init(table csv: CSVTable, name: String) throws {
    digest = csv.digest
    problems = csv.problems
    rows = []
    let lacking = ["table", "file", "rows"].filter { csv.index(of: $0) == nil }
    if !lacking.isEmpty {
      throw Refusal.make(
        "delivery", name, nil, "delivery.csv lacks \(lacking.joined(separator: ", "))",
        "its header is table, file, rows, sum_column, sum_fen, exported_at, exporter, query")
    }
    for (fields, line) in zip(csv.rows, csv.lines) {
      func value(_ column: String) -> String { csv.index(of: column).map { fields[$0] } ?? "" }
      func wrong(_ column: String, _ what: String) {
        problems.append(
          Diagnostic(
            .error, "intake.delivery", "\(column) \(what)", at: Place(file: name, line: line, field: column),
            remedy: "mend delivery.csv"))
      }
      let tableName = value("table").lowercased()
      let table = ClaimTable.allCases.first { $0.name == tableName || $0.aliases.contains(tableName) }
      guard let table else {
        wrong("table", "names no claim table")
        continue
      }
      var count = value("rows").isEmpty ? nil : Int(value("rows"))
      if count == nil, !value("rows").isEmpty { wrong("rows", "is not a whole number") }
      if let stated = count, stated < 0 {
        wrong("rows", "is below 0")
        count = nil
      }
      var column = value("sum_column").isEmpty ? nil : table.column(named: value("sum_column"))
      if column == nil, !value("sum_column").isEmpty { wrong("sum_column", "names no column of \(table.name)") }
      if let named = column, !table.columns.contains(where: { $0.name == named && $0.kind == .money }) {
        wrong("sum_column", "names a column of \(table.name) that holds no amounts")
        column = nil
      }
      let sum = value("sum_fen").isEmpty ? nil : Int64(value("sum_fen"))
      if sum == nil, !value("sum_fen").isEmpty { wrong("sum_fen", "is not a whole number of fen") }
      if sum != nil, value("sum_column").isEmpty { wrong("sum_fen", "stands without a sum_column: a sum of what?") }
      rows.append(
        Row(
          line: line, table: table.name, file: value("file").isEmpty ? nil : value("file"), rows: count,
          sumColumn: column, sumFen: sum, exportedAt: value("exported_at"), exporter: value("exporter"),
          query: value("query")))
    }
  }
}
