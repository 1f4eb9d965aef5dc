import ClaimModel

// CHR-01: more days of a chronic drug in hand than anybody needs.

extension Plan {
  /// Drugs that last so many days a unit, all on the list of the first disease.
  private struct Drugs {
    /// One day; the same of another maker; another drug; one that no row of drug_sup_b has.
    var daily = 0
    var otherMaker = 0
    var otherDrug = 0
    var unknown = 0
    /// 45.5 and 45.45 days.
    var longer = 0
    var shorter = 0
    /// One day, pieces of herbs; and one day until a row ends.
    var herb = 0
    var lapsed = 0
  }

  private typealias Line = (item: Int, count: Int64)

  mutating func plantStock() {
    let drugs = stockDrugs()
    if withHits {
      plantHoards(drugs)
      if planned.count > 1 { plantLateStock(drugs) }
    }
    for copy in 0..<copies { plantThrift(drugs, copy == 0 ? 0 : second) }
  }

  private mutating func stockDrugs() -> Drugs {
    let disease = world.catalogue.diseases[0].code
    let lastDay = calendar(0, 1)
    func drug(
      _ plan: inout Plan, _ n: Int, _ name: String, key: String, days: String, listType: Int = 101, end: Int64? = nil
    ) -> Int {
      let index = plan.listed(name, n, yuan: 2, rows: [("000000", "02", nil, nil)], listType: listType)
      plan.world.catalogue.items[index].supplyKey = key
      plan.world.catalogue.items[index].supplyText = days
      plan.world.catalogue.items[index].supplyEnd = end
      plan.world.catalogue.diseaseRows.append(
        DiseaseDrugRow(
          region: "990000", disease: disease,
          drug: String(plan.world.catalogue.items[index].code.prefix(10)), begin: Catalogue.opens, end: nil))
      return index
    }
    return Drugs(
      daily: drug(&self, 50, "缬沙坦片(甲厂)", key: "XIESHATAN", days: "1"),
      otherMaker: drug(&self, 51, "缬沙坦片(乙厂)", key: "XIESHATAN", days: "1"),
      otherDrug: drug(&self, 52, "替米沙坦片", key: "TIMISHATAN", days: "1"),
      unknown: drug(&self, 53, "坎地沙坦酯片", key: "KANDISHATAN", days: ""),
      longer: drug(&self, 54, "奥美沙坦酯片", key: "AOMEISHATAN", days: "45.5"),
      shorter: drug(&self, 55, "依普利酮片", key: "YIPULITONG", days: "45.45"),
      herb: drug(&self, 56, "夏枯草配方颗粒", key: "XIAKUCAO", days: "1", listType: 102),
      lapsed: drug(&self, 57, "比索洛尔片", key: "BISUOLUOER", days: "1", end: lastDay))
  }

  private mutating func plantHoards(_ d: Drugs) {
    let b2 = second
    // A single purchase: H and S are its days.
    for (batch, days, verdict, note) in [
      (0, 91, "线索", "边界：91 日"), (b2, 180, "线索", "边界：180 日"), (0, 181, "可疑", "边界：181 日"), (b2, 260, "可疑", "260 日"),
    ] {
      let person = chronicPerson()
      let r = purchase(batch, person, 2, [(d.daily, Int64(days))])
      expectStock(
        [r], d.daily, person, .hit, verdict, Int64(days), part: Int64(days - 90), of: Int64(days), note, batch)
    }
    var person = chronicPerson()
    let first = purchase(0, person, -8, [(d.daily, 90)])
    expectStock(
      [first], d.daily, person, .lookalike, "", 90, "边界：90 日", 0, differs: "fee_list_d.cnt")
    var r = purchase(0, person, 2, [(d.daily, 30)])
    expectStock([r], d.daily, person, .hit, "线索", 110, part: 20, of: 30, "边界：90 日，十日后再购 30 日", 0)
    // 90; five days later 85 + 60; ten days later 135 + 90.
    person = chronicPerson()
    purchase(0, person, -13, [(d.daily, 90)])
    r = purchase(0, person, -8, [(d.daily, 60)])
    expectStock([r], d.daily, person, .hit, "线索", 145, part: 55, of: 60, "三次连续：第二次", 0)
    r = purchase(0, person, 2, [(d.daily, 90)])
    expectStock([r], d.daily, person, .hit, "可疑", 225, part: 90, of: 90, "三次连续：第三次整笔超出", 0)
    person = chronicPerson()
    purchase(0, person, -93, [(d.daily, 90)])
    r = purchase(0, person, 2, [(d.daily, 91)])
    expectStock([r], d.daily, person, .hit, "线索", 91, part: 1, of: 91, "上次已用完，从 0 起算", 0)
    person = chronicPerson()
    r = purchase(b2, person, 2, [(d.daily, 60), (d.otherMaker, 60)])
    expectStock([r], d.daily, person, .hit, "线索", 120, part: 30, of: 120, "同药两厂同日合计", b2)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.daily, 60)])
    let elsewhere = purchase(0, person, 2, [(d.daily, 60)], at: 1)
    expectStock([r, elsewhere], d.daily, person, .hit, "线索", 120, part: 30, of: 120, "同日两家机构合计", 0)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.longer, 2)])
    expectStock([r], d.longer, person, .hit, "线索", 91, part: 1, of: 91, "每盒 45.5 日，两盒 91 日", 0)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.longer, 1), (d.longer, 1)])
    expectStock([r], d.longer, person, .hit, "线索", 91, part: 1, of: 91, "两行各 45.5 日，合计后取整", 0)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.daily, 95)]) { $0.takeBack(line: 0) }
    expectStock([r], d.daily, person, .hit, "线索", 94, part: 4, of: 94, "冲销一日后 94 日", 0)
    person = newPerson()
    r = purchase(0, person, 2, [(d.daily, 120)], medType: 1_403)
    expectStock([r], d.daily, person, .hit, "线索", 120, part: 30, of: 120, "两病用药", 0)
  }

  /// The second batch takes purchases back, or brings an earlier one.
  private mutating func plantLateStock(_ d: Drugs) {
    var person = chronicPerson()
    let first = purchase(0, person, -8, [(d.daily, 90)])
    var r = purchase(0, person, 2, [(d.daily, 30)])
    expectStock([r], d.daily, person, .hit, "线索", 110, part: 20, of: 30, "前一次购药在第二批退费", 0, withdrawnIn: 1)
    refund(first, in: 1)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.daily, 200)])
    expectStock([r], d.daily, person, .hit, "可疑", 200, part: 110, of: 200, "本次购药在第二批退费", 0, withdrawnIn: 1)
    refund(r, in: 1)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.daily, 90)])
    purchase(0, person, -8, [(d.daily, 30)], in: 1)
    expectStock([r], d.daily, person, .hit, "线索", 110, part: 20, of: 90, "较早的购药随第二批到达", 1)
    person = chronicPerson()
    r = purchase(0, person, 2, [(d.daily, 150)])
    purchase(0, person, -8, [(d.daily, 60)], in: 1)
    // 150; then 60 − 10 + 150.
    expectStock([r], d.daily, person, .hit, "线索", 150, part: 60, of: 150, "较早的购药到达之前", 0, until: 0)
    expectStock([r], d.daily, person, .hit, "可疑", 200, part: 110, of: 150, "较早的购药随第二批到达，升为可疑", 1)
  }

  private mutating func plantThrift(_ d: Drugs, _ b: Int) {
    func innocent(
      _ plan: inout Plan, _ lines: [Line], _ differs: String, _ note: String, medType: Int = 140_104,
      before: [(day: Int, count: Int64)] = [], change: (inout ClaimRecord) -> Void = { _ in }
    ) {
      let person = plan.chronicPerson()
      for earlier in before { plan.purchase(b, person, earlier.day, [(d.daily, earlier.count)]) }
      let r = plan.purchase(b, person, 2, lines, medType: medType, change: change)
      plan.expectStock([r], lines[0].item, person, .lookalike, "", 0, note, b, differs: differs)
    }
    let count = "fee_list_d.cnt"
    let time = "fee_list_d.fee_ocur_time"
    innocent(&self, [(d.daily, 90)], count, "边界：90 日")
    innocent(&self, [(d.daily, 84)], count, "长处方 12 周（EX-10 已含在 90 日内）")
    innocent(&self, [(d.daily, 10)], count, "边界：90 日，十日后再购 10 日", before: [(-8, 90)])
    innocent(&self, [(d.daily, 90)], time, "边界：90 日，九十日后再购 90 日", before: [(-88, 90)])
    innocent(&self, [(d.daily, 90)], time, "早已用完，从 0 起算", before: [(-150, 90)])
    innocent(&self, [(d.daily, 60), (d.otherDrug, 60)], "drug_sup_b.sup_key", "两种药各 60 日")
    innocent(&self, [(d.shorter, 2)], "drug_sup_b.sup_days", "边界：90.9 日取整为 90 日")
    innocent(&self, [(d.unknown, 120)], "fee_list_d.med_list_codg", "药品无供药天数：不可评估")
    innocent(&self, [(d.lapsed, 120)], "drug_sup_b.enddate", "供药天数已终止：不可评估")
    innocent(&self, [(d.herb, 120)], "fee_list_d.list_type", "中药饮片")
    innocent(&self, [(d.daily, 120)], "setl_d.med_type", "普通门诊", medType: 11)
    innocent(&self, [(d.daily, 120)], "fee_list_d.rx_circ_flag", "外购处方") { $0.lines[0].rxCirculation = true }
    innocent(&self, [(d.daily, 120)], "fee_list_d.inscp_amt", "全额自费") { r in
      r.lines[0].inscp = 0
      r.lines[0].ownpay = r.lines[0].det
      r.lines[0].preself = 0
    }
    innocent(&self, [(d.daily, 60), (d.daily, 61)], count, "一行已整行冲销") { $0.takeBack(line: 1, linked: false) }
    innocent(&self, [(d.daily, 120)], "fee_list_d.vali_flag", "明细行已作废") { $0.lines[0].valid = false }
    // The first purchase does not count.
    var person = chronicPerson()
    purchase(b, person, -8, [(d.daily, 90)]) { $0.refunded = true }
    var r = purchase(b, person, 2, [(d.daily, 30)])
    expectStock(
      [r], d.daily, person, .lookalike, "", 0, "前一次购药已退费", b, differs: "setl_d.refd_setl_flag")
    // Two members of a family.
    person = chronicPerson()
    registerChronic(person + 1)
    purchase(b, person + 1, -8, [(d.daily, 90)])
    r = purchase(b, person, 2, [(d.daily, 90)])
    expectStock([r], d.daily, person, .lookalike, "", 0, "家庭成员另购", b, differs: "setl_d.psn_no")
  }

  /// A new person with a registration for the first disease.
  private mutating func chronicPerson() -> Int {
    let person = newPerson()
    registerChronic(person)
    return person
  }

  private mutating func registerChronic(_ person: Int) {
    registrations.append(
      Registration(
        person: person, region: 990101, insutype: 390, disease: world.catalogue.diseases[0].code,
        begin: BackgroundWeeks.monday(0) - 400, end: nil))
  }

  /// A settlement of drugs, delivered with `later` where that is another batch than the one that dates it.
  @discardableResult
  private mutating func purchase(
    _ batch: Int, _ person: Int, _ day: Int, _ lines: [Line], at place: Int? = nil, medType: Int = 140_104,
    in later: Int? = nil, change: (inout ClaimRecord) -> Void = { _ in }
  ) -> ClaimRecord {
    var r = visit(batch, person, world.hospitals[place ?? 2], medType, day: day)
    if medType != 11 { r.disease = world.catalogue.diseases[0].code }
    for one in lines { line(&r, one.item, one.count) }
    change(&r)
    r.settle(percent: 70)
    put(r, in: later ?? batch)
    return r
  }

  private mutating func expectStock(
    _ records: [ClaimRecord], _ item: Int, _ person: Int, _ kind: PlannedItem.Kind, _ verdict: String, _ stock: Int64,
    part k: Int64 = 0, of n: Int64 = 1, _ note: String, _ batch: Int, differs: String = "", withdrawnIn: Int? = nil,
    until: Int? = nil
  ) {
    guard let first = records.first else { return }
    let key = world.catalogue.items[item].supplyKey
    let own = world.catalogue.items.indices.filter { world.catalogue.items[$0].supplyKey == key }
    let day = Self.day(first)
    let number = World.number(of: person)
    expect(
      PlannedItem(
        rule: "CHR-01", key: "\(number)|\(key)|\(CivilTime.text(day: day))", kind: kind, verdict: verdict,
        subjectType: "person", subject: number, setls: records.map(\.setl),
        lines: records.flatMap { r in
          r.lines.filter { $0.cnt > 0 && own.contains($0.item) }.map { (r.mdtrt, $0.sn) }
        }, from: day, to: day, measure: stock, amount: .part(k, of: n), differsIn: differs, note: note, batch: batch,
        withdrawnIn: withdrawnIn, until: until))
  }
}
