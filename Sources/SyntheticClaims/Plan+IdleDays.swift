import ClaimModel

// ADM-06: days in hospital on which nothing is done.

extension Plan {
  mutating func plantIdleDays() {
    untyped = listed("无收费类别的治疗", 40, yuan: 12, rows: [("000000", "02", nil, nil)], listType: 201)
    world.catalogue.items[untyped].chargeType = ""
    let ward = newHospital("栖原县中西医结合医院")
    ordinaryStays(ward, 10)
    if withHits {
      plantIdleRuns(ward)
      if planned.count > 1 { plantLateIdleDays(ward) }
    }
    for copy in 0..<copies { plantBusyStays(ward, copy == 0 ? 0 : second) }
    plantWardsOfSlowKinds()
    plantGuards()
  }

  private mutating func plantIdleRuns(_ ward: Int) {
    let b2 = second
    idle(0, ward, "aiiia", [(1, 3)], .hit, "边界：四夜，院内三日皆空")
    idle(0, ward, "iiiii", [(1, 3)], .hit, "入院日、出院日不计")
    idle(0, ward, "aiiiaaiiiia", [(1, 3), (6, 4)], .hit, "一次住院两段")
    idle(0, ward, "aa...aa", [(2, 3)], .hit, "三日无任何明细")
    idle(0, ward, "ai.iiaa", [(1, 4)], .hit, "床位日与无明细日相连")
    idle(0, ward, "airia", [(1, 3)], .hit, "当日治疗已冲销")
    idle(b2, ward, "aaaaiiiiiiia", [(4, 7)], .hit, "七日")
    idle(b2, ward, "aiiia", [(1, 3)], .hit, "边界：明细与结算相差 1.00 元") { $0.medfee += 100 }
    idle(b2, ward, "aiiia", [(1, 3)], .hit, "边界：明细比结算多 1.00 元") { $0.medfee -= 100 }
  }

  private mutating func plantBusyStays(_ ward: Int, _ b: Int) {
    func innocent(
      _ plan: inout Plan, _ days: String, _ run: (Int, Int), _ differs: String, _ note: String, medType: Int = 21,
      change: (inout ClaimRecord) -> Void = { _ in }
    ) {
      plan.idle(b, ward, days, [run], .lookalike, note, differs: differs, medType: medType, change: change)
    }
    let time = "fee_list_d.fee_ocur_time"
    innocent(&self, "aiia", (1, 2), "mdtrt_d.endtime", "边界：三夜")
    innocent(&self, "aiiaa", (1, 2), time, "两日")
    innocent(&self, "iiiaa", (1, 2), time, "入院日不计，院内只有两日")
    innocent(&self, "aaiii", (2, 2), time, "出院日不计，院内只有两日")
    innocent(&self, "aiaiiaia", (1, 3), time, "空日不连续")
    innocent(&self, "ai0ia", (1, 3), "fee_list_d.med_chrgitm_type", "收费类别为空视为有诊疗")
    innocent(&self, "aitia", (1, 3), time, "只有一笔治疗，无床位")
    innocent(&self, "aiiia", (1, 3), "mdtrt_d.med_type", "单病种", medType: 26)
    innocent(&self, "aiiia", (1, 3), "mdtrt_d.med_type", "家庭病床", medType: 28)
    let sum = "setl_d.medfee_sumamt"
    innocent(&self, "aiiia", (1, 3), sum, "边界：明细比结算少 1.01 元，不可评估") { $0.medfee += 101 }
    innocent(&self, "aiiia", (1, 3), sum, "边界：明细比结算多 1.01 元，不可评估") { $0.medfee -= 101 }
    innocent(&self, "aiiia", (1, 3), sum, "结算总额为空，不可评估") { $0.medfeeUnknown = true }
    innocent(&self, "aiaia", (1, 3), "fee_list_d.vali_flag", "一笔明细作废而结算未改，不可评估") { r in
      if let n = r.lines.firstIndex(where: { CivilTime.dayOf(time: $0.time) == Self.day(r) + 2 }) {
        r.lines[n + 1].valid = false
      }
    }
    innocent(&self, "aiiia", (1, 3), "setl_d.refd_setl_flag", "整笔已退费") { $0.refunded = true }
    innocent(&self, "aiiia", (1, 3), "mdtrt_d.inhosp_stas", "仍在院") { $0.inHospital = true }
  }

  /// EX-08, as the registry has the institution on the day of admission.
  private mutating func plantWardsOfSlowKinds() {
    let kinds = [
      ("psychiatric", "精神病医院"), ("rehabilitation", "康复医院"), ("nursing", "护理院"), ("hospice", "安宁疗护中心"),
    ]
    for (kind, name) in kinds {
      let place = newHospital("栖原县枕溪" + name, kind: kind)
      ordinaryStays(place, 9)
      idle(
        0, place, "aiiia", [(1, 3)], .lookalike, name, differs: "fixmedins_b.medins_kind", exemption: "EX-08")
    }
    let turned = newHospital("栖原县听泉医院", kind: "rehabilitation")
    world.institutions[turned].kindFrom = (calendar(0, -4), "general")
    ordinaryStays(turned, 9)
    idle(
      0, turned, "aiiiaa", [(1, 3)], .lookalike, "边界：入院次日起才为综合医院", differs: "fixmedins_b.begndate",
      exemption: "EX-08")
    if withHits { idle(0, turned, "aiiia", [(1, 3)], .hit, "边界：入院当日起为综合医院") }
  }

  /// Institutions that do not send their lines daily, or of whom too little is known.
  private mutating func plantGuards() {
    let mdtrt = "mdtrt_d.fixmedins_code"
    let few = newHospital("栖原县芷汀医院")
    ordinaryStays(few, 8)
    idle(0, few, "aiiia", [(1, 3)], .lookalike, "边界：机构只有 9 次住院，不可评估", differs: mdtrt)
    // A stay of one night has no inner day.
    ordinaryStays(few, 1, days: "aa")
    let often = newHospital("栖原县霁霞医院")
    ordinaryStays(often, 9)
    // 9 and 15 inner days, five of them without any line: 19 of 24 are posted, 79.2 %.
    idle(
      0, often, "aaaaa.....aaaaaaa", [(5, 5)], .lookalike, "机构 24 个院内日有明细的只有 19 个，不可评估",
      differs: "fee_list_d.fee_ocur_time")
    if !withHits { return }
    let ten = newHospital("岚浦县听泉医院")
    ordinaryStays(ten, 9)
    idle(0, ten, "aiiia", [(1, 3)], .hit, "边界：机构恰有 10 次住院")
    let edge = newHospital("岚浦县枕溪医院")
    ordinaryStays(edge, 9)
    // 9 and 11 inner days, four of them without any line: 16 of 20 are posted, 80 %.
    idle(0, edge, "aaa....aaaaaa", [(3, 4)], .hit, "边界：机构 20 个院内日有明细的恰为 16 个")
    if planned.count == 1 { return }
    let late = newHospital("岚浦县芷汀医院")
    ordinaryStays(late, 8)
    ordinaryStays(late, 1, batch: 1)
    idle(0, late, "aiiia", [(1, 3)], .hit, "第十次住院随第二批到达", from: 1)
  }

  private mutating func plantLateIdleDays(_ ward: Int) {
    // Lines and a new sum come with the second batch.
    let r = idle(0, ward, "aiiia", [(1, 3)], .hit, "第二批补传明细", withdrawnIn: 1)
    var more = r
    line(&more, world.catalogue.treatments[1], after: 2 * 86_400)
    more.settle(percent: 65)
    more.updated = r.settled + 90_000
    more.writesVisit = false
    more.lines = more.lines.suffix(1)
    put(more, in: 1)
    let refunded = idle(0, ward, "aiiia", [(1, 3)], .hit, "第二批退费", withdrawnIn: 1)
    refund(refunded, in: 1)
    // What was done is taken back in the second batch: with the settlement it is a finding, without it lines are
    // missing.
    for resent in [true, false] {
      let busy = idle(
        0, ward, "aiaia", [(1, 3)], resent ? .hit : .lookalike, resent ? "第二批冲销治疗，结算随之更正" : "第二批冲销治疗，结算未改：不可评估",
        differs: resent ? "" : "setl_d.medfee_sumamt", from: 1, without: 1)
      var less = busy
      let day = Self.day(busy) + 2
      guard
        let n = less.lines.firstIndex(where: {
          CivilTime.dayOf(time: $0.time) == day && $0.item == world.catalogue.treatments[0]
        })
      else { continue }
      less.takeBack(line: n)
      less.settle(percent: 65)
      less.updated = busy.settled + 90_000
      less.writesVisit = false
      less.writesSettlement = resent
      less.lines = less.lines.suffix(1)
      put(less, in: 1)
    }
  }

  /// Stays of two nights with lines on every day, by which an institution is known to post daily.
  private mutating func ordinaryStays(_ institution: Int, _ count: Int, days: String = "tta", batch: Int = 0) {
    for n in 0..<count {
      var r = bareStay(batch, newPerson(), institution, to: -(n % 4), days: days)
      r.settle(percent: 65)
      put(r, in: batch)
    }
  }

  /// A stay and its runs of idle days, (days after admission, length). `without` leaves out the lines of activity of a
  /// run that fall away later; `from` is the batch after which it holds.
  @discardableResult
  private mutating func idle(
    _ batch: Int, _ institution: Int, _ days: String, _ runs: [(Int, Int)], _ kind: PlannedItem.Kind, _ note: String,
    differs: String = "", exemption: String = "", medType: Int = 21, from: Int? = nil, without: Int? = nil,
    withdrawnIn: Int? = nil, change: (inout ClaimRecord) -> Void = { _ in }
  ) -> ClaimRecord {
    var r = bareStay(batch, newPerson(), institution, to: 0, days: days, medType: medType)
    r.settle(percent: 65)
    change(&r)
    put(r, in: batch)
    let gone = Set(r.lines.map(\.initSn))
    for (offset, length) in runs {
      let first = Self.day(r) + Int64(offset)
      let last = first + Int64(length) - 1
      let lines = r.lines.filter {
        let day = CivilTime.dayOf(time: $0.time)
        return day >= first && day <= last && $0.cnt > 0 && !gone.contains($0.sn)
          && !(without != nil && $0.item == world.catalogue.treatments[0])
      }
      expect(
        PlannedItem(
          rule: "ADM-06", key: "\(r.mdtrt)|\(CivilTime.text(day: first))", kind: kind,
          verdict: kind == .hit ? "可疑" : "", subject: code(institution), setls: [r.setl],
          lines: lines.map { (r.mdtrt, $0.sn) }, from: first, to: last, measure: Int64(length), exemption: exemption,
          differsIn: differs, note: note, batch: from ?? batch, withdrawnIn: withdrawnIn))
    }
    return r
  }
}
