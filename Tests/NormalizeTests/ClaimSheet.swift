import ClaimModel
import Normalize

/// A handful of claims written down as texts, and what normalisation makes of them.
struct ClaimSheet {
  struct Row {
    var table: ClaimTable
    var segment: Int
    var line: Int
    var values: [String: String]
  }

  var segments = [SegmentIdentity(batch: "B1", file: "all.csv")]
  var rows: [Row] = []
  var medTypes: [MedTypeRow]?
  var excludedSetlTypes: Set<String> = []
  private var nextLine = 2

  /// A settlement of 100.00 yuan, paid 60.00, category 11; `values` replaces or adds, "" is null.
  mutating func settlement(_ id: String, _ values: [String: String] = [:], segment: Int = 0, line: Int? = nil) {
    add(
      .settlements, segment, line,
      [
        "setl_id": id, "mdtrt_id": "M1", "psn_no": "P1", "fixmedins_code": "H1", "vali_flag": "1",
        "begndate": "2025-03-03", "setl_time": "2025-03-05 10:00:00", "med_type": "11", "medfee_sumamt": "100.00",
        "inscp_amt": "100.00", "fund_pay_sumamt": "60.00",
      ], values)
  }

  /// One unit at 10.00 yuan, all of it in scope, in settlement S1 of visit M1.
  mutating func line(_ id: String, _ values: [String: String] = [:], segment: Int = 0, line: Int? = nil) {
    add(
      .feeLines, segment, line,
      [
        "bkkp_sn": id, "mdtrt_id": "M1", "setl_id": "S1", "psn_no": "P1", "vali_flag": "1", "cnt": "1", "pric": "10",
        "det_item_fee_sumamt": "10.00", "inscp_amt": "10.00", "med_list_codg": "X1",
        "fee_ocur_time": "2025-03-03 08:00:00",
      ], values)
  }

  /// An inpatient visit of two nights, discharged.
  mutating func visit(_ id: String, _ values: [String: String] = [:], segment: Int = 0, line: Int? = nil) {
    add(
      .visits, segment, line,
      [
        "mdtrt_id": id, "psn_no": "P1", "fixmedins_code": "H1", "vali_flag": "1", "med_type": "21",
        "begntime": "2025-03-03 09:00:00", "endtime": "2025-03-05 10:00:00", "inhosp_stas": "0",
      ], values)
  }

  /// A main diagnosis of visit M1.
  mutating func diagnosis(_ id: String, _ values: [String: String] = [:], segment: Int = 0, line: Int? = nil) {
    add(
      .diagnoses, segment, line,
      [
        "setl_list_diag_id": id, "mdtrt_id": "M1", "psn_no": "P1", "vali_flag": "1", "maindiag_flag": "1",
        "diag_type": "1", "diag_code": "I10",
      ], values)
  }

  /// What counts of these claims.
  func normalized() throws -> NormalizedSheet {
    let codes = CodeTable()
    var raw: [ClaimTable: RawRows] = [:]
    for table in ClaimTable.allCases {
      var loader = RowLoader(table: table, columns: table.index(of: "psn_no") == nil ? [] : ["psn_no"], codes: codes)
      for row in rows where row.table == table {
        FieldsBlob.encode(table.columns.map { row.values[$0.name] ?? "" }).withUnsafeBytes {
          loader.append(segment: Int32(row.segment), line: Int32(row.line), fields: $0)
        }
      }
      raw[table] = loader.finish()
    }
    let input = NormalizationInput(
      raw: raw, segments: segments, medTypes: medTypes, excludedSetlTypes: excludedSetlTypes, codes: codes)
    return NormalizedSheet(sheet: self, result: try effectiveClaims(input))
  }

  private mutating func add(
    _ table: ClaimTable, _ segment: Int, _ line: Int?, _ defaults: [String: String], _ values: [String: String]
  ) {
    for name in values.keys { precondition(table.index(of: name) != nil, "no column \(name)") }
    rows.append(
      Row(
        table: table, segment: segment, line: line ?? nextLine,
        values: defaults.merging(values, uniquingKeysWith: { $1 })))
    nextLine += 1
  }
}

/// The outcome in texts.
struct NormalizedSheet {
  var sheet: ClaimSheet
  var result: Normalized

  /// Ids of an entity's rows in their order: `mdtrt:bkkp`, setl_id, mdtrt_id, diagnosis id.
  func ids(_ entity: Entity) -> [String] {
    let name =
      switch entity {
      case .line: "id"
      case .settlement: "setl_id"
      case .visit, .stay: "mdtrt_id"
      case .diagnosis: "setl_list_diag_id"
      case .person: "psn_no"
      }
    return (0..<result.claims[entity].count).map { text(entity, row: $0, name) }
  }

  /// A value as written for people (money in yuan); "" is null, nil: no such row or column.
  func value(_ entity: Entity, _ id: String, _ column: String) -> String? {
    guard let row = ids(entity).firstIndex(of: id), result.claims[entity].columns[column] != nil else { return nil }
    return text(entity, row: row, column)
  }

  /// Fates of the rows of a table in the order they were written down.
  func fates(_ table: ClaimTable) -> [Disposition] { result.dispositions[table] ?? [] }

  /// The id of a row's parent; nil if it has none.
  func parent(_ entity: Entity, _ id: String, _ parent: Entity) -> String? {
    guard let row = ids(entity).firstIndex(of: id), let links = result.claims[entity].parent[parent], links[row] >= 0
    else { return nil }
    return ids(parent)[Int(links[row])]
  }

  /// Ids of a row's children.
  func children(_ entity: Entity, _ id: String, _ child: Entity) -> [String]? {
    guard let row = ids(entity).firstIndex(of: id), let links = result.claims[entity].children[child] else {
      return nil
    }
    return links.of(row).map { ids(child)[Int($0)] }
  }

  private func text(_ entity: Entity, row: Int, _ column: String) -> String {
    switch result.claims[entity].columns[column] {
    case .text(let codes): result.claims.codes.text(codes[row])
    case .number(let values): entity.kind(of: column)?.text(values[row]) ?? String(values[row])
    case nil: "?"
    }
  }
}
