import ClaimModel

// CAT-03: paid although the item is limited to higher hospitals, other visits or another insurance.

extension Plan {
  mutating func plantLimits() {
    var number = 20
    func drug(_ plan: inout Plan, _ name: String, _ yuan: Int64) -> Int {
      number += 1
      return plan.listed(name, number, yuan: yuan, rows: [("000000", "02", nil, nil)])
    }
    func limit(
      _ plan: inout Plan, _ item: Int, _ type: String, _ values: [String], sure: Bool, _ text: String, end: Int64? = nil
    ) {
      for value in values {
        plan.limits.append(
          LimitRow(
            id: "SYN01-0\(type == "hosp_lv" ? 5 : type == "visit" ? 4 : 3)-" + digits(plan.limits.count + 1, 3),
            code: plan.world.catalogue.items[item].code, type: type, value: value, sure: sure, text: text, end: end))
      }
    }
    let monday = BackgroundWeeks.monday(0)
    let second2 = drug(&self, "注射用头孢哌酮钠舒巴坦钠", 86)
    let third = drug(&self, "注射用替加环素", 420)
    let second2Unsure = drug(&self, "吸入用布地奈德混悬液", 62)
    let inpatientOnly = drug(&self, "人血白蛋白", 380)
    let inpatientOrEmergency = drug(&self, "注射用丹参多酚酸盐", 118)
    let workInjury = drug(&self, "康复踝足矫形支具药物组", 260)
    let maternity = drug(&self, "注射用缩宫素", 34)
    let twoLimits = drug(&self, "注射用美罗培南", 146)
    let lapsed = drug(&self, "注射用头孢他啶", 58)
    limit(&self, second2, "hosp_lv", ["2"], sure: true, "限二级及以上医疗机构使用")
    limit(&self, third, "hosp_lv", ["3"], sure: true, "限三级医疗机构使用")
    limit(&self, second2Unsure, "hosp_lv", ["2"], sure: false, "限二级及以上医疗机构或呼吸专科医院使用")
    limit(&self, inpatientOnly, "visit", ["inpatient"], sure: true, "限住院使用")
    limit(&self, inpatientOrEmergency, "visit", ["inpatient", "emergency"], sure: false, "限急诊或住院使用")
    limit(&self, workInjury, "insutype", ["work_injury"], sure: true, "限工伤保险")
    limit(&self, maternity, "insutype", ["maternity"], sure: true, "限生育保险")
    limit(&self, twoLimits, "hosp_lv", ["2"], sure: true, "限二级及以上医疗机构使用")
    limit(&self, twoLimits, "visit", ["inpatient"], sure: true, "限住院使用")
    limit(&self, lapsed, "hosp_lv", ["2"], sure: true, "限二级及以上医疗机构使用", end: monday + 1)
    inpatientSpecials = [second2, inpatientOnly]

    // Institutions whose level is not known, and one that rises in the first week.
    let unknownLevel = world.addInstitution(
      Institution(
        code: "H99010103901", name: "澄溪大学校医院", isPharmacy: false, level: "", kind: "clinic", beds: 0,
        region: 990101, takesStays: false), practitioners: 2)
    let rising = world.addInstitution(
      Institution(
        code: "H99010203902", name: "栖原县第二人民医院", isPharmacy: false, level: "08",
        levelFrom: (monday + 3, "06"), kind: "general", beds: 60, region: 990102, takesStays: false),
      practitioners: 4)
    var byLevel: [String: Int] = [:]
    for (n, i) in world.institutions.enumerated() where !i.isPharmacy && i.levelFrom == nil {
      byLevel[i.level] = byLevel[i.level] ?? n
    }
    func place(_ level: String) -> Int { byLevel[level] ?? 0 }
    let pharmacy = world.pharmacies[0]
    let b2 = second

    if withHits {
      let byRank: [(Int, String, Int64, String)] = [
        (second2, "08", 1, "明确违规"), (second2, "14", 1, "明确违规"), (second2, "11", 0, "可疑"),
        (third, "05", 2, "明确违规"), (third, "09", 1, "明确违规"), (second2Unsure, "09", 1, "可疑"),
        (third, "11", 0, "可疑"),
      ]
      for (item, level, rank, verdict) in byRank {
        limited(item, "hosp_lv", 0, place(level), 11, day: 2, .hit, verdict, rank, "级别 \(level)")
      }
      limited(second2, "hosp_lv", 0, rising, 11, day: 2, .hit, "明确违规", 1, "边界：次日起升为二级")
      limited(lapsed, "hosp_lv", 0, place("08"), 11, day: 1, .hit, "明确违规", 1, "边界：限制当日终止")
      limited(inpatientOnly, "visit", 0, world.hospitals[0], 11, day: 1, count: 3, .hit, "明确违规", 1, "普通门诊")
      limited(inpatientOnly, "visit", b2, pharmacy, 41, day: 1, .hit, "明确违规", 1, "药店")
      limited(inpatientOrEmergency, "visit", b2, world.hospitals[1], 11, day: 3, .hit, "可疑", 1, "限急诊或住院")
      limited(
        workInjury, "insutype", 0, world.hospitals[0], 11, day: 2, insutype: 310, .hit, "明确违规", 1, "职工医保")
      limited(maternity, "insutype", 0, world.hospitals[4], 11, day: 2, .hit, "明确违规", 1, "居民医保普通门诊")
      limited(
        twoLimits, "hosp_lv", 0, place("08"), 11, day: 3, .hit, "明确违规", 1, "同一行两种限制",
        also: [("visit", "明确违规", 1)])
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : b2
      func innocent(
        _ plan: inout Plan, _ item: Int, _ type: String, _ institution: Int, _ medType: Int, _ differs: String,
        _ note: String, day: Int = 2, insutype: Int = 390, change: (inout LineRecord) -> Void = { _ in },
        settlement: (inout ClaimRecord) -> Void = { _ in }
      ) {
        plan.limited(
          item, type, b, institution, medType, day: day, insutype: insutype, .lookalike, "", nil, note,
          differs: differs, change: change, settlement: settlement)
      }
      for level in ["05", "07", "13"] {
        innocent(&self, second2, "hosp_lv", place(level), 11, "fixmedins_b.hosp_lv", "级别 \(level) 为二级")
      }
      innocent(&self, second2, "hosp_lv", pharmacy, 41, "setl_d.fixmedins_code", "药店不看级别")
      innocent(&self, second2, "hosp_lv", place("08"), 13, "setl_d.med_type", "急诊不看级别")
      innocent(&self, second2, "hosp_lv", unknownLevel, 11, "fixmedins_b.hosp_lv", "级别不明")
      innocent(&self, inpatientOrEmergency, "visit", world.hospitals[1], 1_301, "setl_d.med_type", "急诊在许可之内")
      innocent(&self, inpatientOnly, "visit", world.hospitals[1], 13, "setl_d.med_type", "急诊从不")
      innocent(
        &self, workInjury, "insutype", world.hospitals[0], 11, "setl_d.insutype", "工伤保险", insutype: 410)
      innocent(
        &self, maternity, "insutype", world.hospitals[4], 51, "setl_d.med_type", "310 的生育门诊", insutype: 310)
      innocent(&self, maternity, "insutype", world.hospitals[4], 11, "setl_d.insutype", "生育保险", insutype: 510)
      innocent(
        &self, second2, "hosp_lv", place("08"), 11, "fee_list_d.inscp_amt", "全额自费，涉及金额 0",
        change: {
          $0.inscp = 0
          $0.ownpay = $0.det
        })
      plantLimitedStays(b, inpatientOnly, maternity)
    }
    limited(
      lapsed, "hosp_lv", 0, place("08"), 11, day: 2, .lookalike, "", nil, "边界：限制前一日终止",
      differs: "fee_list_d.fee_ocur_time")
    limited(
      second2, "hosp_lv", 0, rising, 11, day: 3, .lookalike, "", nil, "边界：当日起为二级", differs: "fixmedins_b.begndate")
  }

  /// In stays what is limited to them is allowed, also to take home; a birth is one under any insurance.
  private mutating func plantLimitedStays(_ b: Int, _ inpatientOnly: Int, _ maternity: Int) {
    var r = stay(b, newPerson(), world.hospitals[4], from: 0, to: 2, medType: 52, insutype: 310)
    r.diagnoses = [12]
    line(&r, inpatientOnly)
    line(&r, inpatientOnly, after: r.end - r.begin) { $0.takeHome = true }
    line(&r, maternity)
    r.settle(percent: 70)
    put(r, in: b)
    let n = r.lines.count
    for (index, type, differs, note) in [
      (n - 3, "visit", "setl_d.med_type", "住院"), (n - 2, "visit", "setl_d.med_type", "出院带药仍属住院"),
      (n - 1, "insutype", "setl_d.med_type", "310 的生育住院"),
    ] {
      expectLimit(r, index, type, .lookalike, "", nil, b, note, differs: differs)
    }
  }

  fileprivate mutating func limited(
    _ item: Int, _ type: String, _ batch: Int, _ institution: Int, _ medType: Int, day: Int, insutype: Int = 390,
    count: Int64 = 1, _ kind: PlannedItem.Kind, _ verdict: String, _ measure: Int64?, _ note: String,
    differs: String = "", also: [(String, String, Int64)] = [], change: (inout LineRecord) -> Void = { _ in },
    settlement: (inout ClaimRecord) -> Void = { _ in }
  ) {
    var r = visit(batch, newPerson(), institution, medType, day: day, insutype: insutype)
    if medType == 41 { line(&r, world.catalogue.patent[1]) } else { line(&r, world.catalogue.visitFee) }
    line(&r, item, count, change: change)
    r.settle(percent: 55)
    settlement(&r)
    put(r, in: batch)
    expectLimit(r, 1, type, kind, verdict, measure, batch, note, differs: differs)
    for other in also { expectLimit(r, 1, other.0, kind, other.1, other.2, batch, note, differs: differs) }
  }

  private mutating func expectLimit(
    _ r: ClaimRecord, _ index: Int, _ type: String, _ kind: PlannedItem.Kind, _ verdict: String, _ measure: Int64?,
    _ batch: Int, _ note: String, differs: String
  ) {
    let sn = r.lines[index].sn
    let day = CivilTime.dayOf(time: r.lines[index].time)
    expect(
      PlannedItem(
        rule: "CAT-03", key: "\(r.mdtrt):\(sn)|\(type)", kind: kind, verdict: verdict, subject: code(r.institution),
        setls: [r.setl], lines: [(r.mdtrt, sn)], from: day, to: day, measure: measure, differsIn: differs, note: note,
        batch: batch))
  }
}
