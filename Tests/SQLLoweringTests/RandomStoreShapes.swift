import ClaimModel

extension RandomStore {
  /// Adds what rules over runs, censuses, stocks and disease lists need, from a generator of its own, so that the
  /// rows of `init(seed:)` stay what they are: long drug codes with days of supply and lists of diseases, and for
  /// every third seed an institution full of patients.
  mutating func addShapes(seed: UInt64) {
    var g = SeededGenerator(seed: seed ^ 0x5EED_5A9E)
    addChronicDrugs(&g)
    if seed % 3 == 0 { addCrowd(&g) }
  }

  private mutating func addChronicDrugs(_ g: inout SeededGenerator) {
    let codes = ["XAGBAB01001A01", "xagbab01001A02", "XBSTAT0100101", "XBSTAT01"]
    var lines = claims[.feeLines] ?? []
    for i in lines.indices where g.below(4) == 0 {
      lines[i]["med_list_codg"] = g.pick(codes, null: 4)
      lines[i]["list_type"] = g.pick(["101", "101", "101", "102"], null: 4)
      lines[i]["setl_id"] = g.pick(["S4", "S5"], null: 3)
      lines[i]["dise_codg"] = g.pick(["M1", "m2"], null: 60)
    }
    claims[.feeLines] = lines
    registries["drug_sup_b", default: []] += (0..<(3 + g.below(3))).map { _ in
      [
        "med_list_codg": g.pick(codes), "sup_key": g.pick(["K1", "K2"]),
        "sup_days": g.pick(["40", "60.5", "95", "200"]),
        "basis": "test", "begndate": g.pick(["2020-01-01", "2020-01-01", "2025-03-04"]),
        "enddate": g.pick(["2025-03-08"], null: 70),
      ]
    }
    registries["opsp_dise_drug_b", default: []] += (0..<(2 + g.below(5))).map { _ in
      [
        "admdvs": g.pick(["320102", "320100", "320000", "000000"]), "opsp_dise_code": g.pick(["M1", "M2"]),
        "drug_code": g.pick(["XAGBAB01001", "XBSTAT0100", "XCOTHR01001", "XB"]), "basis": "test",
        "begndate": g.pick(["2020-01-01", "2020-01-01", "2025-03-04"]), "enddate": g.pick(["2025-03-08"], null: 70),
      ]
    }
  }

  private mutating func addCrowd(_ g: inout SeededGenerator) {
    registries["fixmedins_b", default: []].append([
      "fixmedins_code": "H9", "fixmedins_name": "H9", "fixmedins_type": "1", "hosp_lv": "05",
      "medins_kind": g.pick(["general", "general", "nursing"]), "aprv_bed_cnt": g.pick(["4", "6", "8", "0"], null: 10),
      "admdvs": "320102", "begndate": "2020-01-01",
    ])
    // Every other person comes back within days, mostly with the same illness and to the same department.
    func day(_ number: Int) -> String { "2025-03-" + (number < 10 ? "0" : "") + "\(number)" }
    for i in 0..<(14 + g.below(4)) {
      let isReturn = i % 2 == 1 && g.below(4) != 0
      let begin = (isReturn ? 10 : 1) + g.below(3)
      let end = begin + 4 + g.below(4)
      claims[.visits, default: []].append([
        "mdtrt_id": "C\(i)", "psn_no": "Q\(isReturn ? i - 1 : i)", "fixmedins_code": "H9",
        "med_type": g.pick(["21", "21", "21", "52"], null: 3), "begntime": day(begin), "endtime": day(end),
        "nwb_flag": g.pick(["0", "1"], null: 90), "dscg_way": g.pick(["1", "1", "2", "4"], null: 10),
        "adm_caty": g.pick(["A03.1", "A03"], null: 10), "dscg_caty": g.pick(["A03.2", "A03", "B01"], null: 10),
        "dscg_maindiag_code": g.pick(["I10", "i10.x00", "I10.x05", "Z51.1"], null: 5),
        "vali_flag": "1",
      ])
      var total = 0
      for offset in 1..<(end - begin) where g.below(12) != 0 {
        let yuan = 1 + g.below(20)
        total += yuan
        claims[.feeLines, default: []].append([
          "bkkp_sn": "\(offset)", "mdtrt_id": "C\(i)", "setl_id": "Z\(i)", "psn_no": "Q\(i)",
          "fee_ocur_time": day(begin + offset), "cnt": "1", "pric": "\(yuan)", "det_item_fee_sumamt": "\(yuan)",
          "med_chrgitm_type": g.pick(["01", "02", "07", "07", "01", "02", "03"], null: 3), "vali_flag": "1",
        ])
      }
      claims[.settlements, default: []].append([
        "setl_id": "Z\(i)", "mdtrt_id": "C\(i)", "psn_no": "Q\(i)", "fixmedins_code": "H9", "med_type": "21",
        "begndate": day(end), "setl_time": day(end) + " 12:00:00", "fund_pay_sumamt": g.pick(["20", "33.33"], null: 5),
        "medfee_sumamt": g.pick(["\(total)", "\(total)", "\(total)", "\(total).99", "\(total + 2)"], null: 5),
        "inscp_amt": g.pick(["\(total)"], null: 40), "vali_flag": "1",
      ])
    }
  }
}
