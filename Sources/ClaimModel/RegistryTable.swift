/// What the weekly job knows of a registry or reference table. Documentation/inputs.md lists them for exporters, and a
/// test compares.
public struct RegistrySchema: Sendable {
  public struct Column: Sendable, Hashable {
    public var name: String
    public var kind: ValueKind
    /// The header must name it.
    public var required: Bool
    public init(_ name: String, _ kind: ValueKind = .text, required: Bool = false) {
      self.name = name
      self.kind = kind
      self.required = required
    }
  }

  public enum Reading: Sendable {
    /// One row holds on a day. Rows of a key that overlap, or whose days can't be read, are kept, never found: the key
    /// is unevaluable on the days on which they may hold.
    case one
    /// Any number of rows may hold.
    case existence
  }

  public var name: String
  public var columns: [Column]
  /// Columns that, with begndate, name a row; a row that lacks one is rejected.
  public var key: [String]
  public var reading: Reading
  /// Has begndate and enddate.
  public var hasValidity: Bool
  /// Has admdvs and is read in region order.
  public var hasRegion: Bool

  public init(
    name: String, columns: [Column], key: [String], reading: Reading, hasValidity: Bool = true, hasRegion: Bool = false
  ) {
    self.name = name
    self.columns = columns
    self.key = key
    self.reading = reading
    self.hasValidity = hasValidity
    self.hasRegion = hasRegion
  }

  public func kind(of column: String) -> ValueKind? { columns.first { $0.name == column }?.kind }

  /// The tables the weekly job loads when they are there.
  public static let all: [RegistrySchema] = [
    RegistrySchema(
      name: "fixmedins_b",
      columns: [
        .init("fixmedins_code", required: true), .init("fixmedins_name", required: true),
        .init("fixmedins_type", required: true), .init("uscc"), .init("hosp_lv", required: true),
        .init("medins_kind", required: true), .init("aprv_bed_cnt", .integer), .init("hi_crtf_bed_cnt", .integer),
        .init("admdvs", required: true), .init("grid_code"), .init("grid_resper"), .init("grid_tel"),
        .init("legrep_name"), .init("hi_resper_name"), .init("begndate", .day, required: true),
        .init("enddate", .day), .init("vali_flag"),
      ], key: ["fixmedins_code"], reading: .one),
    RegistrySchema(
      name: "prac_psn_b",
      columns: [
        .init("prac_psn_code", required: true), .init("prac_psn_name"), .init("prac_psn_type", required: true),
        .init("prac_cert_no"), .init("hi_dr_flag"), .init("fixmedins_code", required: true), .init("mul_prac_flag"),
        .init("dr_prac_scp_code"), .init("prac_stas", required: true), .init("psn_no"),
        .init("begndate", .day, required: true), .init("enddate", .day), .init("chg_rea"), .init("vali_flag"),
      ], key: ["prac_psn_code", "fixmedins_code"], reading: .existence),
    RegistrySchema(
      name: "hilist_b",
      columns: [
        .init("admdvs", required: true), .init("hilist_code", required: true), .init("hilist_name", required: true),
        .init("list_type", required: true), .init("chrgitm_lv", required: true), .init("lmt_used_flag"),
        .init("lmt_cpnd_type"), .init("med_chrgitm_type"), .init("begndate", .day, required: true),
        .init("enddate", .day), .init("vali_flag"),
      ], key: ["admdvs", "hilist_code"], reading: .one, hasRegion: true),
    RegistrySchema(
      name: "med_hilist_b",
      columns: [
        .init("med_list_codg", required: true), .init("hilist_code", required: true), .init("list_type"),
        .init("admdvs", required: true), .init("begndate", .day, required: true), .init("enddate", .day),
        .init("vali_flag"),
      ], key: ["admdvs", "med_list_codg"], reading: .one, hasRegion: true),
    RegistrySchema(
      name: "hilist_lmt_b",
      columns: [
        .init("kp_id", required: true), .init("med_list_codg", required: true), .init("lmt_type", required: true),
        .init("lmt_val", required: true), .init("sure_flag", .integer, required: true),
        .init("lmt_text", required: true), .init("gz_code"), .init("batch_no"), .init("publ_date", .day),
        .init("begndate", .day, required: true), .init("enddate", .day), .init("vali_flag"),
      ], key: ["kp_id"], reading: .existence),
    RegistrySchema(
      name: "opsp_reg_d",
      columns: [
        .init("psn_no", required: true), .init("insu_admdvs", required: true), .init("insutype"),
        .init("opsp_dise_code", required: true), .init("opsp_dise_name"), .init("dise_type_code"),
        .init("begndate", .day, required: true), .init("enddate", .day), .init("ide_fixmedins_no"),
        .init("hosp_ide_date", .day), .init("appy_date", .day), .init("trt_dcla_detl_sn"), .init("vali_flag"),
        .init("updt_time", .time),
      ], key: ["psn_no", "opsp_dise_code"], reading: .existence),
    RegistrySchema(
      name: "opsp_dise_drug_b",
      columns: [
        .init("admdvs", required: true), .init("opsp_dise_code", required: true), .init("drug_code", required: true),
        .init("begndate", .day, required: true), .init("enddate", .day), .init("basis", required: true),
        .init("vali_flag"),
      ], key: ["admdvs", "opsp_dise_code", "drug_code"], reading: .existence, hasRegion: true),
    RegistrySchema(
      name: "drug_sup_b",
      columns: [
        .init("med_list_codg", required: true), .init("sup_key", required: true),
        .init("sup_days", .quantity, required: true), .init("prcunt"), .init("min_pac_cnt"),
        .init("basis", required: true), .init("begndate", .day, required: true), .init("enddate", .day),
        .init("vali_flag"),
      ], key: ["med_list_codg"], reading: .one),
    RegistrySchema(
      name: "med_type_b",
      columns: [
        .init("med_type", required: true), .init("visit_class", required: true), .init("opsp_flag", required: true),
        .init("reg_flag", required: true), .init("begndate", .day, required: true), .init("enddate", .day),
        .init("basis"), .init("vali_flag"),
      ], key: ["med_type"], reading: .one),
    // Ours: the rank of a hosp_lv code, for CAT-03; shipped under Pipelines/knowledge.
    RegistrySchema(
      name: "hosp_lv_rank",
      columns: [.init("hosp_lv", required: true), .init("rank", .integer, required: true), .init("basis")],
      key: ["hosp_lv"], reading: .one, hasValidity: false),
  ]

  /// The schema of a table; nil if the weekly job does not know it.
  public static func named(_ name: String) -> RegistrySchema? { all.first { $0.name == name } }
}

/// How the text of a registry column is kept.
public enum RegistryTextForm: Sendable {
  /// A code: ASCII letters in upper case.
  case code
  /// A word of ours (`hosp_lv`, `inpatient`, `psychiatric`): ASCII letters in lower case.
  case word
  /// A name or official wording, printed as it came.
  case verbatim
}

extension RegistrySchema.Column {
  /// How the loader keeps the column's text; lookups compare regardless of ASCII case.
  public var form: RegistryTextForm {
    switch name {
    case "lmt_type", "lmt_val", "visit_class", "medins_kind": return .word
    case "lmt_text", "basis", "grid_resper", "grid_tel", "prcunt", "chg_rea": return .verbatim
    default: return name.hasSuffix("_name") ? .verbatim : .code
    }
  }
}
