import ClaimModel
import Diagnostics

/// One registry table in memory: rows that were not rejected, column by column.
public struct Registry: Sendable {
  public let schema: RegistrySchema
  public var count: Int
  /// Every column of the schema; codes in upper case (ASCII), words of ours in lower case, names as they came
  /// (`RegistrySchema.Column.form`), so look up by `CodeTable.folded` on both sides. An open enddate is null. A column
  /// the file lacks is all null.
  public var columns: [String: ColumnData]
  /// Rows of a table read for one row that overlap another of their key, or can't be dated: they are kept to make their days
  /// unevaluable, and never found. Same length as the columns.
  public var isAmbiguous: [Bool]
  /// SHA-256 of the file's bytes; of the shipped text for shipped sets.
  public var digest: String
  /// Path relative to the registries folder, or `<knowledge folder>/<file>`, or `shipped`.
  public var source: String
  public var rejected: [Reject]
  /// Header names that the schema does not have.
  public var unknownColumns: [String]
  /// Rows whose vali_flag was not 1: not loaded, no reject.
  public var dropped = 0

  public init(
    schema: RegistrySchema, count: Int, columns: [String: ColumnData], isAmbiguous: [Bool], digest: String,
    source: String, rejected: [Reject] = [], unknownColumns: [String] = []
  ) {
    self.schema = schema
    self.count = count
    self.columns = columns
    self.isAmbiguous = isAmbiguous
    self.digest = digest
    self.source = source
    self.rejected = rejected
    self.unknownColumns = unknownColumns
  }
}

/// All registries of a run by table name.
public struct Registries: Sendable {
  public var tables: [String: Registry]
  /// What was seen on loading and refuses nothing: unknown columns, files of tables that no rule can look up.
  public var notes: [Diagnostic] = []
  public init(tables: [String: Registry] = [:]) { self.tables = tables }
  /// nil when the table is missing.
  public subscript(_ name: String) -> Registry? { tables[name] }
}

/// The levels on which rows of a region are looked for (Documentation/inputs.md): six digits, prefecture, province,
/// nation, each once.
/// A null or malformed code starts at 000000.
public func regionOrder(_ admdvs: String) -> [String] {
  var order: [String] = []
  if admdvs.utf8.count == 6 {
    for level in [admdvs, String(admdvs.prefix(4)) + "00", String(admdvs.prefix(2)) + "0000"]
    where !order.contains(level) {
      order.append(level)
    }
  }
  if !order.contains("000000") { order.append("000000") }
  return order
}
