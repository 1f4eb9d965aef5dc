import ClaimModel

/// The tables of a packet's evidence database, as texts for whoever creates and fills it.
///
/// Values are uploaded values in whole units (`column_unit` says which); the SQL nets reversals itself. Null is NULL,
/// never the empty text.
public enum EvidenceSchema {
  /// A column of an evidence table. `unit` is empty for text.
  public struct Column: Sendable, Hashable {
    public var name: String
    /// `TEXT` or `INTEGER`.
    public var type: String
    /// What one unit of the stored number is, in Chinese and English.
    public var unit: String
    public var caption: String
  }

  /// A table of the evidence database; columns in the order of `createSQL` and `insertSQL`.
  public struct Table: Sendable, Hashable {
    public var name: String
    public var columns: [Column]
    /// `CREATE TABLE …;`
    public var createSQL: String
    /// `INSERT INTO … VALUES (?, …)`, one parameter a column.
    public var insertSQL: String
    /// Indexes the SQL of the rules uses; they change no result.
    public var indexSQL: [String]
  }

  /// The evidence tables of claims and the entity each holds; `stay` is derived from `visit`, `person` from
  /// `settlement`.
  public static let claimEntities: [Entity] = [.line, .settlement, .visit, .diagnosis]

  /// Where the row came from; behind the national columns of every claim table.
  public static let sourceColumns: [Column] = [
    Column(name: "source_file", type: "TEXT", unit: "", caption: "来源文件"),
    Column(name: "source_line", type: "INTEGER", unit: "行号 line, header is 1", caption: "来源行号"),
    Column(name: "source_byte_offset", type: "INTEGER", unit: "字节 byte of the inflated file", caption: "来源字节位置"),
    Column(name: "source_fields", type: "TEXT", unit: "", caption: "来源行各字段原文"),
    Column(name: "source_sha256", type: "TEXT", unit: "", caption: "来源行各字段的SHA-256"),
  ]

  /// Table of an entity's uploaded rows: every national column by its name, then `sourceColumns`.
  public static func table(of entity: Entity) -> Table {
    let columns = entity.table.columns.map {
      Column(name: $0.name, type: type($0.kind), unit: unit($0.kind), caption: $0.caption)
    }
    let holder: [Entity: Entity] = [.stay: .visit, .person: .settlement]
    let name = (holder[entity] ?? entity).rawValue
    let keys: [String] =
      switch entity {
      case .line: ["mdtrt_id", "setl_id"]
      case .settlement, .person: ["setl_id", "mdtrt_id"]
      case .visit, .stay, .diagnosis: ["mdtrt_id"]
      }
    return makeTable(name, columns + sourceColumns, indexes: keys.map { [$0] })
  }

  /// Table of a registry: the columns of its schema as loaded (text in upper case), then `is_ambiguous` (0 or 1: the
  /// row overlaps another of its key, so its days can't be evaluated) and the digest of its source row.
  /// Rows must be inserted in the order of the registry.
  public static func table(of schema: RegistrySchema) -> Table {
    let columns = schema.columns.map {
      Column(name: $0.name, type: type($0.kind), unit: unit($0.kind), caption: "")
    }
    let extra = [
      Column(name: "is_ambiguous", type: "INTEGER", unit: "0 或 1", caption: "有效期重叠或无法读取"),
      Column(name: "row_sha256", type: "TEXT", unit: "", caption: "来源行的SHA-256"),
    ]
    return makeTable(schema.name, columns + extra, indexes: [schema.key])
  }

  /// Facts about the case and its surroundings. `what` is `population` or `census` (keys as in `PopulationSource`, with
  /// the query in `sql`), `parameter` (key `RULE.name`), `subject_type`, `subject`
  /// or `excluded_setl_type` (one row a code, in `value`).
  public static let context = makeTable(
    "context",
    ["what", "key", "value", "sql", "run_id"].map { Column(name: $0, type: "TEXT", unit: "", caption: "") },
    indexes: [])

  /// What a re-derivation is compared with; `verify.sql` never reads it.
  public static let finding = makeTable(
    "finding",
    [
      Column(name: "rule", type: "TEXT", unit: "", caption: "规则"),
      Column(name: "key", type: "TEXT", unit: "", caption: "发现的键"),
      Column(name: "finding_id", type: "TEXT", unit: "", caption: "发现编号"),
      Column(name: "verdict", type: "TEXT", unit: "", caption: "结论"),
      Column(name: "amount_fen", type: "INTEGER", unit: "分 fen", caption: "涉及金额"),
      Column(name: "fund_fen", type: "INTEGER", unit: "分 fen", caption: "基金金额"),
      Column(name: "counted_fen", type: "INTEGER", unit: "分 fen", caption: "计入金额"),
    ], indexes: [])

  /// Explains the units of the other tables; filled from `columnUnits`.
  public static let columnUnit = makeTable(
    "column_unit",
    ["table", "column", "unit", "caption"].map { Column(name: $0, type: "TEXT", unit: "", caption: "") },
    indexes: [])

  /// Every table, in the order in which they are created.
  public static let all: [Table] =
    claimEntities.map(table(of:)) + RegistrySchema.all.map(table(of:)) + [context, columnUnit, finding]

  /// Rows of `column_unit`: every column that has a unit or a caption.
  public static let columnUnits: [(table: String, column: String, unit: String, caption: String)] =
    all.flatMap { table in
      table.columns.filter { !$0.unit.isEmpty || !$0.caption.isEmpty }.map {
        (table.name, $0.name, $0.unit, $0.caption)
      }
    }

  private static func makeTable(_ name: String, _ columns: [Column], indexes: [[String]]) -> Table {
    let list = columns.map { "  \(quotedIfKeyword($0.name)) \($0.type)" }.joined(separator: ",\n")
    let marks = columns.map { _ in "?" }.joined(separator: ", ")
    return Table(
      name: name, columns: columns, createSQL: "CREATE TABLE \(name) (\n\(list)\n);",
      insertSQL: "INSERT INTO \(name) VALUES (\(marks))",
      indexSQL: indexes.map { columns in
        "CREATE INDEX \(name)_by_\(columns.joined(separator: "_")) ON \(name) (\(columns.joined(separator: ", ")));"
      })
  }

  private static func quotedIfKeyword(_ name: String) -> String {
    ["table", "column", "key"].contains(name) ? "\"\(name)\"" : name
  }

  private static func type(_ kind: ValueKind) -> String { kind == .text ? "TEXT" : "INTEGER" }

  private static func unit(_ kind: ValueKind) -> String {
    switch kind {
    case .text: ""
    case .money: "分 fen (0.01 yuan)"
    case .quantity, .ratio: "万分之一 1/10000"
    case .price: "百万分之一元 1/1000000 yuan"
    case .integer: "1"
    case .day: "自1970-01-01起的日数 days since 1970-01-01"
    case .time: "自1970-01-01 00:00:00起的秒数 seconds since 1970-01-01 00:00:00"
    }
  }
}
