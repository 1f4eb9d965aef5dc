import ClaimModel

/// Reads fields blobs of one table back into typed columns.
///
/// Values are typed by the same `ValueKind.parse` that `FileNormalizer` used, so a nulled value is null here too.
/// The columns that `effectiveClaims` needs are always loaded.
public struct RowLoader {
  private struct Wanted {
    /// Index in the blob; ascending.
    var index: Int
    var name: String
    var kind: ValueKind
    /// Index into `texts` or `numbers`.
    var slot: Int
  }

  private let table: ClaimTable
  private let codes: CodeTable
  private let wanted: [Wanted]
  private var texts: [[UInt32]]
  private var numbers: [[Int64]]
  private var origin: [RowOrigin] = []

  /// - Parameter columns: national names; those the table does not have are ignored.
  public init(table: ClaimTable, columns: Set<String>, codes: CodeTable) {
    self.table = table
    self.codes = codes
    var texts = 0
    var numbers = 0
    var wanted: [Wanted] = []
    let names = columns.union(Self.neededColumns(of: table))
    for (i, column) in table.columns.enumerated() where names.contains(column.name) {
      let isText = column.kind == .text
      wanted.append(Wanted(index: i, name: column.name, kind: column.kind, slot: isText ? texts : numbers))
      if isText { texts += 1 } else { numbers += 1 }
    }
    self.wanted = wanted
    self.texts = Array(repeating: [], count: texts)
    self.numbers = Array(repeating: [], count: numbers)
  }

  /// The columns that decide what counts and for how much (claims.md 1 and 2).
  public static func neededColumns(of table: ClaimTable) -> Set<String> {
    let versions = Set(table.key + ["updt_time", "vali_flag"])
    switch table {
    case .settlements:
      return versions.union([
        "mdtrt_id", "init_setl_id", "refd_setl_flag", "setl_type", "begndate", "setl_time", "med_type",
        "fund_pay_sumamt", "inscp_amt", "medfee_sumamt",
      ])
    case .feeLines:
      return versions.union([
        "setl_id", "init_feedetl_sn", "med_list_codg", "pric", "cnt", "fee_ocur_time", "det_item_fee_sumamt",
        "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_amt",
      ])
    case .visits:
      return versions.union([
        "med_type", "inhosp_stas", "begntime", "endtime", "dscg_maindiag_code", "adm_caty", "dscg_caty",
      ])
    case .diagnoses: return versions.union(["mdtrt_id", "maindiag_flag", "diag_type", "diag_code"])
    case .operations: return versions
    }
  }

  /// Makes room for so many more rows.
  public mutating func reserve(_ rows: Int) {
    origin.reserveCapacity(origin.count + rows)
    for i in texts.indices { texts[i].reserveCapacity(texts[i].count + rows) }
    for i in numbers.indices { numbers[i].reserveCapacity(numbers[i].count + rows) }
  }

  /// Adds one row. Fields that a blob lacks at its end are null.
  ///
  /// - Parameters:
  ///   - segment: index into `NormalizationInput.segments`.
  ///   - line: 1-based line in the claim file, header included.
  ///   - fields: a blob as `FieldsBlob` describes it.
  public mutating func append(segment: Int32, line: Int32, fields: UnsafeRawBufferPointer) {
    origin.append(RowOrigin(segment: segment, line: line))
    var at = 0
    var index = 0
    for want in wanted {
      while index < want.index, at < fields.count {
        if fields[at] == FieldsBlob.separator { index += 1 }
        at += 1
      }
      let start = at
      var isEscaped = false
      if index == want.index {
        while at < fields.count, fields[at] != FieldsBlob.separator {
          if fields[at] == FieldsBlob.escape { isEscaped = true }
          at += 1
        }
      }
      let field = UnsafeRawBufferPointer(rebasing: fields[start..<at])
      if isEscaped {
        FieldsBlob.unescape(field).withUnsafeBytes { add($0, to: want) }
      } else {
        add(field, to: want)
      }
    }
  }

  /// The rows so far, in the order they were added.
  public consuming func finish() -> RawRows {
    var rows = RawRows(table: table)
    rows.origin = origin
    for want in wanted {
      rows.columns[want.name] = want.kind == .text ? .text(texts[want.slot]) : .number(numbers[want.slot])
    }
    return rows
  }

  private mutating func add(_ field: UnsafeRawBufferPointer, to want: Wanted) {
    if want.kind == .text {
      texts[want.slot].append(codes.intern(field))
    } else {
      numbers[want.slot].append(field.isEmpty ? ColumnData.null : want.kind.parse(field) ?? ColumnData.null)
    }
  }
}
