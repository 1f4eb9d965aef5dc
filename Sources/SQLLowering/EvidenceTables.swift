import ClaimModel
import Diagnostics
import RulePacks

extension EvidenceSchema {
  /// `CREATE TABLE …;` of an evidence table as an engine writes it: `EvidenceSchema.Table.createSQL` with the engine's
  /// types, before them the column that tells cases apart and the row number, where the dialect has them.
  public static func createSQL(_ table: Table, dialect: Dialect) -> String {
    var columns: [String] = []
    if let column = dialect.caseColumn { columns.append("  \(column) \(dialect.type(.text))") }
    if dialect.storesRowNumber { columns.append("  \(dialect.rowNumber) \(dialect.type(.integer))") }
    columns += table.columns.map { column in
      let name = ["table", "column", "key"].contains(column.name) ? dialect.quoted(column.name) : column.name
      return "  \(name) \(dialect.type(column.type == "TEXT" ? .text : .integer))"
    }
    return "CREATE TABLE \(table.name) (\n\(columns.joined(separator: ",\n"))\n);"
  }

  /// The tables that the SQL of rules reads: all but those that explain or hold results.
  public static let read: [Table] = all.filter { $0.name != columnUnit.name && $0.name != finding.name }
}

/// What of a script is asked for. Two rules' scripts differ in `rule` alone.
public enum ScriptPart: String, Sendable, CaseIterable {
  /// Everything, to be run as it stands.
  case all
  /// What the tables hold and which rows count: the same for every rule, but for the persons.
  case prelude
  /// The rule and its findings; it runs behind the prelude.
  case rule
}

/// A rule as one script over the evidence tables: what they hold, which rows count, the rule, its findings; or one part
/// of the script.
///
/// The last statement yields rule, key, subject_type, subject, verdict, precedence, amount_fen, fund_fen by key; an
/// amount that can't be computed exactly is NULL. Throws as `ruleSQL`.
public func scriptSQL(_ rule: Rule, dialect: Dialect, part: ScriptPart = .all) throws(Diagnostics) -> String {
  switch part {
  case .all:
    "-- \(comment(rule.id)) v\(rule.version) · \(dialect.name)\n" + scriptPrelude(rule, dialect)
      + "\n-- ==== 二、规则 · The rule ====\n" + (try sourceSQL(rule, dialect: dialect))
  case .prelude: "-- \(dialect.name)\n" + scriptPrelude(rule, dialect)
  case .rule: try sourceSQL(rule, dialect: dialect)
  }
}

/// The columns of registries that hold words of ours, which are kept in lower case.
private let registryWords = Set(
  RegistrySchema.all.flatMap { $0.columns.filter { $0.form == .word }.map(\.name) }
).sorted(by: bytesPrecede).joined(separator: ", ")

/// The evidence tables as remarks, and `preludeSQL`.
private func scriptPrelude(_ rule: Rule, _ dialect: Dialect) -> String {
  let tables = EvidenceSchema.read.map { table in
    EvidenceSchema.createSQL(table, dialect: dialect).split(separator: "\n").map { "--   \($0)" }
      .joined(separator: "\n")
  }.joined(separator: "\n")
  return """
    -- 在下列表上运行；日期为自1970-01-01起的日数，时间为秒数，金额为分，数量为万分之一，单价为百万分之一元；空值为NULL。
    -- Runs over the tables below: days count from 1970-01-01, times are seconds, money is in fen, quantities in
    -- 1/10000, prices in 1/1000000 yuan; nothing is NULL. Claim tables hold valid rows as uploaded, registries their
    -- rows in the order of the file\(dialect.storesRowNumber
      ? "; \(dialect.rowNumber) numbers the rows of a table in that order" : ""). Of registries codes are in upper case,
    -- \(registryWords) in lower case; names and wordings are as they came.
    -- context holds excluded_setl_type rows.
    \(tables)

    -- ==== 一、哪些行计入，金额如何分摊 · Rows that count, and amounts ====
    \(preludeSQL(dialect: dialect, persons: rule.readsPersons))
    """
}
