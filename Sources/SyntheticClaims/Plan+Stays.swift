import ClaimModel

// ADM-01: two stays at once. ADM-02: care elsewhere during a stay.

extension Plan {
  // MARK: ADM-01

  mutating func plantOverlaps() {
    let h = world.hospitals
    let c = world.catalogue
    if withHits {
      let b2 = second
      overlap(0, h[0], h[1], nights: 1, .hit, "边界：一夜，不同机构")
      overlap(0, h[2], h[2], nights: 1, .hit, "一夜，同机构不同病历")
      overlap(0, h[1], h[0], nights: 2, .hit, "转院也只容一夜") { a, _ in a.dischargeWay = 2 }
      overlap(0, h[3], h[0], nights: 2, .hit, "边界：两夜")
      overlap(b2, h[1], h[2], nights: 4, .hit, "四夜")
      overlap(b2, h[4], h[4], nights: 3, .hit, "同机构三夜，病历不同")
      // Dear enough for a packet of the institution at issue.
      overlap(0, h[2], h[0], nights: 5, .hit, "大额") { a, b in
        for _ in 0..<8 { a.add(c, item: c.surgery[3], count: 1, at: a.begin + 7_200, doctor: a.doctor) }
        for _ in 0..<20 { b.add(c, item: c.surgery[3], count: 1, at: b.begin + 7_200, doctor: b.doctor) }
      }
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : second
      let x = h[copy]
      let y = h[copy + 2]
      overlap(b, x, y, nights: 0, .lookalike, "边界：出院当日入院", differs: "mdtrt_d.begntime")
      overlap(b, x, y, nights: 0, .lookalike, "住院期间另一日进日出", differs: "mdtrt_d.endtime", sameDay: true)
      overlap(b, x, y, nights: 1, .lookalike, "医嘱转院", differs: "mdtrt_d.dscg_way", exemption: "EX-01") { a, _ in
        a.dischargeWay = 2
      }
      overlap(b, x, y, nights: 1, .lookalike, "转社区", differs: "mdtrt_d.dscg_way", exemption: "EX-01") { a, _ in
        a.dischargeWay = 3
      }
      overlap(b, x, y, nights: 1, .lookalike, "转诊号互指", differs: "mdtrt_d.refl_old_mdtrt_id", exemption: "EX-01") {
        a, b in b.referredFrom = a.mdtrt
      }
      overlap(b, x, y, nights: 1, .lookalike, "转外诊治", differs: "mdtrt_d.med_type", exemption: "EX-01") { _, b in
        b.medType = 23
      }
      overlap(b, x, x, nights: 2, .lookalike, "同机构同一病历", differs: "mdtrt_d.medrcdno", exemption: "EX-04") { a, b in
        b.medicalRecord = a.medicalRecord
      }
      overlap(b, x, y, nights: 2, .lookalike, "新生儿", differs: "mdtrt_d.nwb_flag", exemption: "EX-07") { _, b in
        b.newborn = true
      }
      overlap(b, x, h[4], nights: 2, .lookalike, "生育住院", differs: "mdtrt_d.med_type", exemption: "EX-07") { _, b in
        b.medType = 52
      }
      overlap(b, x, y, nights: 2, .lookalike, "家庭成员，不是同一人", differs: "mdtrt_d.psn_no") { _, b in b.person += 1 }
      overlap(b, x, y, nights: 2, .lookalike, "一次住院已作废", differs: "mdtrt_d.vali_flag") { _, b in
        b.visitValid = false
      }
      overlap(b, x, y, nights: 2, .lookalike, "结算作废", differs: "setl_d.vali_flag") { _, b in
        b.settlementValid = false
      }
      overlap(b, x, y, nights: 2, .lookalike, "一次住院的结算已退费", differs: "setl_d.refd_setl_flag") { _, b in
        b.refunded = true
      }
    }
  }

  /// Two stays of one person; `change` makes them differ before they are settled.
  private mutating func overlap(
    _ batch: Int, _ first: Int, _ other: Int, nights: Int, _ kind: PlannedItem.Kind, _ note: String,
    differs: String = "", exemption: String = "", sameDay: Bool = false,
    change: (inout ClaimRecord, inout ClaimRecord) -> Void = { _, _ in }
  ) {
    let person = newPerson()
    var a = stay(batch, person, first, from: -6, to: 0)
    // The other begins so many nights before the first ends, and is shorter.
    var b =
      sameDay
      ? stay(batch, person, other, from: -3, to: -3) : stay(batch, person, other, from: -nights, to: max(1, 2 - nights))
    change(&a, &b)
    a.settle(percent: 65, deductible: 60_000)
    b.settle(percent: 65, deductible: 60_000)
    put(a, in: batch)
    put(b, in: batch)
    let ids = [a.mdtrt, b.mdtrt].map(String.init).sorted(by: bytesPrecede)
    let from = max(Self.day(a), Self.day(b))
    let to = min(CivilTime.dayOf(time: a.end), CivilTime.dayOf(time: b.end))
    expect(
      PlannedItem(
        rule: "ADM-01", key: ids.joined(separator: "|"), kind: kind, verdict: kind == .hit ? "可疑" : "",
        subject: kind == .hit ? "" : code(other), setls: [a.setl, b.setl], from: from, to: to, measure: to - from,
        amount: .cheaperStay(a.mdtrt, b.mdtrt), exemption: exemption, differsIn: differs, note: note, batch: batch))
  }

  // MARK: ADM-02

  mutating func plantElsewhere() {
    let h = world.hospitals
    let c = world.catalogue
    let pharmacy = world.pharmacies[0]
    let disease = c.diseases[0]
    if withHits {
      let b2 = second
      elsewhere(0, h[0], h[1], 11, .hit, "可疑", "普通门诊") { [($0, c.visitFee), ($0, c.labs[1])] }
      elsewhere(0, h[1], h[0], 11, .hit, "可疑", "边界：入院次日", day: -4) { [($0, c.exams[3])] }
      elsewhere(0, h[2], h[3], 11, .hit, "可疑", "边界：出院前一日", day: -1) { [($0, c.exams[2])] }
      elsewhere(b2, h[2], h[1], 11, .hit, "可疑", "检查与药品") { [($0, c.exams[4]), ($0, c.drugs[3])] }
      elsewhere(0, h[0], pharmacy, 41, .hit, "线索", "药店购药") { [($0, c.patent[0]), ($0, c.drugs[20])] }
      elsewhere(b2, h[3], pharmacy, 41, .hit, "线索", "药店购药") { [($0, c.patent[2])] }
      elsewhere(0, h[1], h[2], 140_104, .hit, "线索", "慢特病结算，全为药品", disease: disease) {
        [($0, disease.items[0]), ($0, disease.items[1])]
      }
      elsewhere(0, h[1], h[0], 140_104, .hit, "可疑", "慢特病结算，含化验", disease: disease) {
        [($0, disease.items[0]), ($0, c.labs[4])]
      }
      // Dear enough for a packet of the person.
      elsewhere(0, h[1], h[0], 11, .hit, "可疑", "大额：个人案件") { last in
        (0..<9).map { (last - Int64($0 % 3) * 60, c.surgery[$0 % 2]) }
      }
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : second
      func innocent(
        _ plan: inout Plan, _ institution: Int, _ medType: Int, _ differs: String, _ note: String,
        exemption: String = "", day: Int = -2, change: (inout ClaimRecord, inout ClaimRecord) -> Void = { _, _ in }
      ) {
        let item = medType == 41 ? c.patent[0] : c.labs[1]
        plan.elsewhere(
          b, h[copy], institution, medType, .lookalike, "", note, differs: differs, exemption: exemption, day: day,
          change: change
        ) { [($0, item)] }
      }
      let x = h[copy + 1]
      innocent(&self, x, 11, "fee_list_d.fee_ocur_time", "边界：入院当日", day: -5)
      innocent(&self, x, 11, "fee_list_d.fee_ocur_time", "边界：出院当日", day: 0)
      innocent(&self, x, 11, "fee_list_d.etip_flag", "外检标志") { _, out in out.lines[0].etip = true }
      innocent(&self, pharmacy, 41, "fee_list_d.rx_circ_flag", "外购处方") { _, out in out.lines[0].rxCirculation = true }
      innocent(&self, x, 11, "fee_list_d.etip_hosp_code", "住院明细记有送该院外检") { stay, _ in
        stay.lines[0].etip = true
        stay.lines[0].etipInstitution = x
      }
      innocent(&self, x, 99_331, "setl_d.med_type", "血透", exemption: "EX-03")
      innocent(&self, x, 99_332, "setl_d.med_type", "腹透", exemption: "EX-03")
      innocent(&self, x, 910_202, "setl_d.med_type", "国谈药门诊", exemption: "EX-12")
      innocent(&self, x, 1_301, "setl_d.med_type", "急诊抢救", exemption: "EX-02")
      innocent(&self, h[copy], 11, "setl_d.fixmedins_code", "同一机构")
      innocent(&self, pharmacy, 41, "setl_d.psn_no", "家庭成员购药") { _, out in out.person += 1 }
      innocent(&self, x, 11, "fee_list_d.inscp_amt", "全额自费") { _, out in
        out.lines[0].inscp = 0
        out.lines[0].ownpay = out.lines[0].det
      }
      innocent(&self, x, 11, "setl_d.refd_setl_flag", "院外结算已退费") { _, out in out.refunded = true }
    }
  }

  /// A stay of five nights and a settlement of the same person elsewhere on `day` of the batch's week.
  private mutating func elsewhere(
    _ batch: Int, _ institution: Int, _ outside: Int, _ medType: Int, _ kind: PlannedItem.Kind, _ verdict: String,
    _ note: String, differs: String = "", exemption: String = "", disease: Disease? = nil, day: Int = -2,
    change: (inout ClaimRecord, inout ClaimRecord) -> Void = { _, _ in }, lines: (Int64) -> [(Int64, Int)]
  ) {
    let person = newPerson()
    var inside = stay(batch, person, institution, from: -5, to: 0)
    var out = visit(batch, person, outside, medType, day: day, hour: 10)
    if let disease {
      out.disease = disease.code
      registrations.append(
        Registration(
          person: person, region: out.region, insutype: 390, disease: disease.code,
          begin: BackgroundWeeks.monday(0) - 200, end: nil))
    }
    for (time, item) in lines(out.begin) {
      out.add(world.catalogue, item: item, count: 1, at: time, doctor: out.doctor)
    }
    change(&inside, &out)
    inside.settle(percent: 65, deductible: 60_000)
    out.settle(percent: 90)
    put(inside, in: batch)
    put(out, in: batch)
    let hit = out.lines.map { (out.mdtrt, $0.sn) }
    expect(
      PlannedItem(
        rule: "ADM-02", key: "\(inside.mdtrt)|\(out.setl)", kind: kind, verdict: verdict, subjectType: "person",
        subject: World.number(of: out.person), setls: [inside.setl, out.setl], lines: hit, from: Self.day(out),
        to: Self.day(out), measure: Int64(hit.count), exemption: exemption, differsIn: differs, note: note,
        batch: batch))
  }
}
