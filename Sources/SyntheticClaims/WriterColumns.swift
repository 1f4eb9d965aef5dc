import ClaimModel

// Positions of the columns that the generator fills, looked up once by their national names.

private func at(_ table: ClaimTable, _ name: String) -> Int {
  guard let index = table.index(of: name) else { preconditionFailure("\(table.name) has no column \(name)") }
  return index
}

struct SettlementColumns {
  private static func at(_ name: String) -> Int { SyntheticClaims.at(.settlements, name) }
  let setl = at("setl_id"), clrOptins = at("clr_optins"), mdtrt = at("mdtrt_id"), initSetl = at("init_setl_id")
  let psn = at("psn_no"), name = at("psn_name"), certType = at("psn_cert_type"), cert = at("certno")
  let sex = at("gend"), nation = at("naty"), born = at("brdy"), age = at("age"), insutype = at("insutype")
  let psnType = at("psn_type"), cvlserv = at("cvlserv_flag"), newborn = at("nwb_flag")
  let insuAdmdvs = at("insu_admdvs"), fixmedins = at("fixmedins_code"), fixmedinsName = at("fixmedins_name")
  let level = at("hosp_lv"), fixAdmdvs = at("fix_blng_admdvs"), begin = at("begndate"), end = at("enddate")
  let time = at("setl_time"), mdtrtCertType = at("mdtrt_cert_type"), mdtrtCertNo = at("mdtrt_cert_no")
  let medType = at("med_type"), setlType = at("setl_type"), clrType = at("clr_type"), clrWay = at("clr_way")
  let medfee = at("medfee_sumamt"), ownpay = at("fulamt_ownpay_amt"), overlmt = at("overlmt_selfpay")
  let preself = at("preselfpay_amt"), inscp = at("inscp_amt"), dedcStd = at("dedc_std")
  let actDedc = at("act_pay_dedc"), hifp = at("hifp_pay"), maf = at("maf_pay"), fund = at("fund_pay_sumamt")
  let psnPay = at("psn_pay"), acct = at("acct_pay"), cash = at("cash_payamt"), refd = at("refd_setl_flag")
  let year = at("year"), dise = at("dise_no"), diseName = at("dise_name"), valid = at("vali_flag")
  let rid = at("rid"), updated = at("updt_time"), created = at("crte_time"), opter = at("opter_id")
  let opted = at("opt_time"), optins = at("optins_no"), pool = at("poolarea_no"), acctUsed = at("acct_used_flag")
  let partition = at("pt")
}

struct FeeColumns {
  private static func at(_ name: String) -> Int { SyntheticClaims.at(.feeLines, name) }
  let sn = at("bkkp_sn"), mdtrt = at("mdtrt_id"), time = at("fee_ocur_time"), setl = at("setl_id")
  let order = at("rx_drord_no"), fixmedins = at("fixmedins_code"), fixmedinsName = at("fixmedins_name")
  let psn = at("psn_no"), insuAdmdvs = at("insu_admdvs"), medType = at("med_type"), cnt = at("cnt")
  let pric = at("pric"), det = at("det_item_fee_sumamt"), selfpay = at("selfpay_prop")
  let ownpay = at("fulamt_ownpay_amt"), overlmt = at("overlmt_selfpay"), preself = at("preselfpay_amt")
  let inscp = at("inscp_amt"), level = at("chrgitm_lv"), hilist = at("hilist_code"), hilistName = at("hilist_name")
  let listType = at("list_type"), medList = at("med_list_codg"), ownCode = at("medins_list_codg")
  let ownName = at("medins_list_name"), chargeType = at("med_chrgitm_type"), product = at("prodname")
  let spec = at("spec"), form = at("dosform_name"), department = at("bilg_dept_codg")
  let departmentName = at("bilg_dept_name"), doctor = at("bilg_dr_code"), doctorName = at("bilg_dr_name")
  let acordDepartment = at("acord_dept_codg"), acordDepartmentName = at("acord_dept_name")
  let lmtUsed = at("lmt_used_flag"), approved = at("hosp_appr_flag"), basic = at("bas_medn_flag")
  let etip = at("etip_flag"), etipHospital = at("etip_hosp_code"), takeHome = at("dscg_tkdrug_flag")
  let valid = at("vali_flag"), rid = at("rid"), updated = at("updt_time"), created = at("crte_time")
  let opted = at("opt_time"), optins = at("optins_no"), pool = at("poolarea_no")
  let rxCirculation = at("rx_circ_flag"), dise = at("dise_codg"), batch = at("chrg_bchno")
  let initSn = at("init_feedetl_sn"), partition = at("pt")
  var doctorColumns: [Int] {
    [department, departmentName, doctor, doctorName, acordDepartment, acordDepartmentName]
  }
}

struct VisitColumns {
  private static func at(_ name: String) -> Int { SyntheticClaims.at(.visits, name) }
  let mdtrt = at("mdtrt_id"), psn = at("psn_no"), certType = at("psn_cert_type"), cert = at("certno")
  let name = at("psn_name"), sex = at("gend"), nation = at("naty"), born = at("brdy"), age = at("age")
  let relative = at("coner_name"), phone = at("tel"), address = at("addr"), insutype = at("insutype")
  let psnType = at("psn_type"), cvlserv = at("cvlserv_flag"), newborn = at("nwb_flag")
  let insuAdmdvs = at("insu_admdvs"), fixmedins = at("fixmedins_code"), fixmedinsName = at("fixmedins_name")
  let level = at("hosp_lv"), fixAdmdvs = at("fix_blng_admdvs"), begin = at("begntime"), end = at("endtime")
  let mdtrtCertType = at("mdtrt_cert_type"), mdtrtCertNo = at("mdtrt_cert_no"), medType = at("med_type")
  let year = at("year"), referred = at("refl_old_mdtrt_id"), iptOtp = at("ipt_otp_no")
  let medicalRecord = at("medrcdno"), doctor = at("chfpdr_code"), doctorName = at("chfpdr_name")
  let admDiagnosis = at("adm_diag_dscr"), admDept = at("adm_dept_codg"), admDeptName = at("adm_dept_name")
  let admCaty = at("adm_caty"), dscgCaty = at("dscg_caty"), dscgDept = at("dscg_dept_codg")
  let dscgDeptName = at("dscg_dept_name"), bed = at("adm_bed"), mainDiagnosis = at("dscg_maindiag_code")
  let mainDiagnosisName = at("dscg_maindiag_name"), dischargeWay = at("dscg_way"), iptDays = at("ipt_days")
  let acrossYears = at("ars_year_ipt_flag")
  let inHospital = at("inhosp_stas"), dise = at("dise_no"), valid = at("vali_flag"), rid = at("rid")
  let updated = at("updt_time"), created = at("crte_time"), opted = at("opt_time"), optins = at("optins_no")
  let pool = at("poolarea_no"), partition = at("pt")
}

/// Diagnoses and operations: what they share, and what only one of them has (-1 in the other).
struct ListColumns {
  let id, setl, mdtrt, psn, valid, rid, updated, created, optins, partition, code, name, main: Int
  let kind, condition, date, anaesthesia, doctor, doctorName, begin, end: Int

  init(_ table: ClaimTable) {
    func at(_ name: String) -> Int { SyntheticClaims.at(table, name) }
    let diagnoses = table == .diagnoses
    id = at(table.key[0])
    setl = at("setl_id")
    mdtrt = at("mdtrt_id")
    psn = at("psn_no")
    valid = at("vali_flag")
    rid = at("rid")
    updated = at("updt_time")
    created = at("crte_time")
    optins = at("optins_no")
    partition = at("pt")
    code = at(diagnoses ? "diag_code" : "oprn_oprt_code")
    name = at(diagnoses ? "diag_name" : "oprn_oprt_name")
    main = at(diagnoses ? "maindiag_flag" : "main_oprn_flag")
    kind = diagnoses ? at("diag_type") : -1
    condition = diagnoses ? at("adm_cond_type") : -1
    date = diagnoses ? -1 : at("oprn_oprt_date")
    anaesthesia = diagnoses ? -1 : at("anst_way")
    doctor = diagnoses ? -1 : at("oper_dr_code")
    doctorName = diagnoses ? -1 : at("oper_dr_name")
    begin = diagnoses ? -1 : at("oprn_oprt_begntime")
    end = diagnoses ? -1 : at("oprn_oprt_endtime")
  }
}
