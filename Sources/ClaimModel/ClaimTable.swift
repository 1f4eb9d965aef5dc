/// The five tables of a national-platform extract (Documentation/inputs.md).
public enum ClaimTable: UInt8, Sendable, CaseIterable, Codable {
  case settlements = 0
  case feeLines = 1
  case visits = 2
  case diagnoses = 3
  case operations = 4

  /// The platform's name.
  public var name: String {
    switch self {
    case .settlements: "setl_d"
    case .feeLines: "fee_list_d"
    case .visits: "mdtrt_d"
    case .diagnoses: "setl_list_diag_d"
    case .operations: "setl_list_oprn_d"
    }
  }

  /// Other names under which files of the table come.
  public var aliases: [String] { self == .diagnoses ? ["setl_diag_list_d"] : [] }

  /// The columns whose values together name one thing; two rows with equal values are versions of it.
  public var key: [String] {
    switch self {
    case .settlements: ["setl_id"]
    case .feeLines: ["mdtrt_id", "bkkp_sn"]
    case .visits: ["mdtrt_id"]
    case .diagnoses: ["setl_list_diag_id"]
    case .operations: ["setl_list_oprn_id"]
    }
  }

  /// Bytes that a value of the column may not hold; empty: any. Lists and keys of findings join ids with `|`, the id of
  /// a line is `mdtrt_id:bkkp_sn`: with these in an id two different rows could have one name.
  public func separators(in column: String) -> [UInt8] {
    guard key.contains(column) || column == "psn_no" else { return [] }
    return column == "mdtrt_id" ? [UInt8(ascii: "|"), UInt8(ascii: ":")] : [UInt8(ascii: "|")]
  }

  /// The table of a platform name, without aliases; nil if there is none.
  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Index of a national column, nil if the table has none of that name.
  public func index(of column: String) -> Int? { Self.indices[Int(rawValue)][column] }

  /// National name of a header cell: lower case, blanks trimmed, aliases and Chinese captions resolved; nil if unknown.
  public func column(named header: String) -> String? {
    let name = header.lowercased()
    if index(of: name) != nil { return name }
    for (a, b) in Self.aliasPairs {
      if name == a, index(of: b) != nil { return b }
      if name == b, index(of: a) != nil { return a }
    }
    return columns.first { $0.caption == header }?.name
  }

  // Both names of a pair are met in exports; the first is the one most tables use.
  static let aliasPairs: [(String, String)] = [
    ("bilg_dept_codg", "bilg_dept_code"), ("bilg_dr_code", "bilg_dr_codg"),
    ("medins_list_codg", "medins_list_code"), ("overlmt_selfpay", "overlmt_amt"), ("inscp_amt", "inscp_scp_amt"),
    ("cash_payamt", "psn_cash_pay"), ("psn_pay", "psn_part_amt"), ("dise_no", "dise_codg"), ("begntime", "begndate"),
    ("comb_no", "comn_no"), ("crte_optins_no", "crte_options_no"), ("bkkp_sn", "feedetl_sn"),
    ("endtime", "enddate"),
  ]

  private static let indices: [[String: Int]] = allCases.map { table in
    var result: [String: Int] = [:]
    for (i, column) in table.columns.enumerated() { result[column.name] = i }
    return result
  }
}
