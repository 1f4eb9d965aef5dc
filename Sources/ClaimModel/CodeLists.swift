/// The closed code lists of the national extract. A value outside its list is kept and counted in
/// the data-quality profile; it is never changed or guessed.
public enum CodeLists {
  /// Column name → codes, for every column whose list is closed. psn_type is open (local codes) and has none.
  public static let values: [String: [String]] = [
    "med_type": [
      "11", "12", "13", "1301", "14", "1401", "140101", "140104", "140201", "1403", "1404", "15", "16", "18", "21",
      "2101", "2102", "2105", "2106", "22", "23", "24", "25", "26", "27", "28", "41", "51", "52", "61", "71", "81",
      "9901", "9929", "9940", "99331", "99332", "910202",
    ],
    "list_type": ["101", "102", "103", "104", "201", "301"],
    "chrgitm_lv": ["01", "02", "03", "04"],
    "med_chrgitm_type": [
      "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14",
    ],
    "insutype": ["310", "320", "330", "340", "350", "360", "370", "380", "390", "391", "392", "410", "510"],
    "gend": ["0", "1", "2", "9"],
    "hosp_lv": ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14"],
    "setl_type": ["1", "2", "3"],
    "clr_type": ["11", "21", "41"],
    "mdtrt_cert_type": ["01", "02", "03"],
    "dscg_way": ["1", "2", "3", "4", "5", "9"],
    "inhosp_stas": flag, "refd_setl_flag": flag, "mid_setl_flag": flag, "vali_flag": flag, "maindiag_flag": flag,
    "nwb_flag": flag, "ars_year_ipt_flag": flag, "etip_flag": flag, "rx_circ_flag": flag,
    "diag_type": ["1", "2", "3"],
    "adm_cond_type": ["1", "2", "3", "4"],
    "hosp_appr_flag": ["0", "1", "2"],
    "tcmdrug_used_way": ["1", "2"],
  ]

  /// Whether a code stands in the column's list; true for columns without a list. Local charge items 14xx are known.
  public static func isKnown(_ code: String, column: String) -> Bool {
    guard let list = values[column] else { return true }
    if list.contains(code) { return true }
    return column == "med_chrgitm_type" && code.utf8.count == 4 && code.hasPrefix("14")
  }

  private static let flag = ["0", "1"]
}
