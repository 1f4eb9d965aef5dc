import ClaimModel

// CAT-01: paid although the catalogue of the place and day says no.

extension Plan {
  /// A drug with the rows it has in hilist_b: (region, level, first day, last day).
  mutating func listed(
    _ name: String, _ n: Int, yuan: Int64, rows: [(String, String, Int64?, Int64?)], listType: Int = 101,
    hilist: String? = nil, noCodes: Bool = false
  ) -> Int {
    let code = "XL01XE" + "S" + digits(100 + n, 3) + "B001" + "0101" + digits(70_000 + n, 5)
    world.catalogue.items.append(
      Item(
        code: noCodes ? "" : code, hilistCode: noCodes ? "" : hilist ?? code, name: name, listType: listType, level: 2,
        chargeType: listType == 201 ? "05" : listType == 102 ? "10" : "09", spec: "1支", form: "注射剂",
        pric: yuan * 1_000_000, selfpayRatio: 1_000))
    for r in rows {
      world.catalogue.rows.append(
        CatalogueRow(
          region: r.0, code: code, name: name, listType: listType, level: r.1, begin: r.2 ?? Catalogue.opens, end: r.3))
    }
    return world.catalogue.items.count - 1
  }

  mutating func plantCatalogue() {
    let monday = BackgroundWeeks.monday(0)
    let nation = "000000"
    let excluded = listed("注射用胸腺法新", 1, yuan: 8_600, rows: [(nation, "03", nil, nil)])
    let cosmetic = listed("注射用A型肉毒毒素", 2, yuan: 1_260, rows: [(nation, "03", nil, nil)])
    let unlisted = listed("重组人生长激素注射液", 3, yuan: 640, rows: [])
    let unlistedService = listed("中药足浴理疗", 4, yuan: 180, rows: [], listType: 201)
    let unlistedPiece = listed("野山参饮片", 5, yuan: 320, rows: [], listType: 102)
    let ended = listed("复方倍他米松注射液", 6, yuan: 96, rows: [(nation, "02", nil, monday + 1)])
    let begun = listed("利拉鲁肽注射液", 7, yuan: 410, rows: [(nation, "02", monday + 3, nil)])
    let countyOut = listed(
      "脑苷肌肽注射液", 8, yuan: 230, rows: [(nation, "02", nil, nil), ("990102", "03", nil, nil)])
    let provinceIn = listed(
      "注射用骨肽", 9, yuan: 150, rows: [(nation, "03", nil, nil), ("990000", "02", nil, nil)])
    let national = listed("奥拉帕利片", 10, yuan: 520, rows: [(nation, "02", nil, nil)], hilist: "LOC9901000010")
    let local04 = listed("注射用鼠神经生长因子", 11, yuan: 380, rows: [(nation, "04", nil, nil)])
    let own103 = listed("院内制剂清肺合剂", 12, yuan: 45, rows: [], listType: 103)
    let doubtful = listed(
      "注射用小牛血去蛋白提取物", 13, yuan: 210, rows: [(nation, "03", nil, monday + 30), (nation, "03", monday, nil)])
    let noCode = listed("无编码项目", 14, yuan: 88, rows: [], noCodes: true)

    let h = world.hospitals
    func tuesday(_ k: Int) -> Int { 1 + k % 3 }
    if withHits {
      let batch2 = second
      for (k, institution) in [h[0], h[0], h[0], h[1], h[1], h[2]].enumerated() {
        hit(excluded, "明确违规", k < 4 ? 0 : batch2, institution, k == 2 ? 1_301 : 11, day: tuesday(k), "(a) 丙类由基金支付")
      }
      hit(cosmetic, "明确违规", 0, world.pharmacies[0], 41, day: 2, count: 2, "(a) 药店")
      hit(countyOut, "明确违规", 0, h[1], 11, day: 3, count: 3, "(a) 县级目录列丙类，优先于国家乙类")
      for (k, institution) in [h[0], h[3], world.pharmacies[1]].enumerated() {
        hit(unlisted, "可疑", k == 2 ? batch2 : 0, institution, k == 2 ? 41 : 11, day: tuesday(k), count: 3, "(b) 目录无此药")
      }
      hit(unlistedService, "可疑", 0, h[2], 11, day: 2, count: 4, "(b) 目录无此项目")
      hit(unlistedPiece, "可疑", 0, h[2], 11, day: 4, "(b) 目录无此饮片")
      hit(ended, "可疑", 0, h[0], 11, day: 2, count: 2, "(b) 边界：目录行前一日终止")
      hit(begun, "可疑", 0, h[3], 11, day: 2, "(b) 边界：目录行次日生效")
      plantChanges(excluded, unlisted)
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : second
      let place = h[copy]
      lookalike(excluded, b, place, "fee_list_d.inscp_amt", "全额自费，inscp_amt 0") {
        $0.inscp = 0
        $0.ownpay = $0.det
      }
      lookalike(excluded, b, place, "fee_list_d.inscp_amt", "inscp_amt 为空") { $0.inscp = nil }
      lookalike(local04, b, place, "hilist_b.chrgitm_lv", "04：按地方规定支付")
      lookalike(ended, 0, place, "fee_list_d.fee_ocur_time", "边界：目录行当日终止", day: 1)
      lookalike(begun, 0, place, "fee_list_d.fee_ocur_time", "边界：目录行当日生效", day: 3)
      lookalike(provinceIn, b, place, "hilist_b.admdvs", "省级乙类优先于国家丙类")
      lookalike(countyOut, b, h[0], "setl_d.fix_blng_admdvs", "同一药品在他县为乙类")
      lookalike(national, b, place, "fee_list_d.med_list_codg", "本地码未列，按国家码找到")
      lookalike(own103, b, place, "fee_list_d.list_type", "此类别目录无任何行：不可评估")
      lookalike(doubtful, b, place, "hilist_b.enddate", "目录行重叠被拒：不可评估")
      lookalike(noCode, b, place, "fee_list_d.med_list_codg", "两个编码皆空：不可评估")
      lookalike(excluded, b, place, "fee_list_d.vali_flag", "明细行已作废") { $0.valid = false }
      // Taken back by name and without a name.
      for linked in [true, false] {
        var r = visit(b, newPerson(), place, 11, day: 2)
        line(&r, world.catalogue.visitFee)
        line(&r, excluded)
        takeBack(&r, line: 1, linked: linked)
        r.settle(percent: 60)
        put(r, in: b)
        expectLine(r, 1, .lookalike, "", b, differs: "fee_list_d.cnt", linked ? "关联冲销后数量为 0" : "无关联号的冲销")
      }
      var refunded = visit(b, newPerson(), place, 11, day: 1)
      line(&refunded, world.catalogue.visitFee)
      line(&refunded, excluded)
      refunded.settle(percent: 60)
      refunded.refunded = true
      put(refunded, in: b)
      refund(refunded, in: b, resend: false, day: 1)
      expectLine(refunded, 1, .lookalike, "", b, differs: "setl_d.refd_setl_flag", "整笔已退费")
    }
  }

  private mutating func outpatientLine(
    _ item: Int, _ batch: Int, _ institution: Int, _ medType: Int, day: Int, count: Int64 = 1,
    change: (inout LineRecord) -> Void = { _ in }
  ) -> ClaimRecord {
    var r = visit(batch, newPerson(), institution, medType, day: day)
    if medType != 41 { line(&r, world.catalogue.visitFee) } else { line(&r, world.catalogue.patent[0]) }
    line(&r, item, count, change: change)
    r.settle(percent: 60)
    return r
  }

  private mutating func hit(
    _ item: Int, _ verdict: String, _ batch: Int, _ institution: Int, _ medType: Int, day: Int, count: Int64 = 1,
    _ note: String
  ) {
    let r = outpatientLine(item, batch, institution, medType, day: day, count: count)
    put(r, in: batch)
    expectLine(r, 1, .hit, verdict, batch, note)
  }

  private mutating func lookalike(
    _ item: Int, _ batch: Int, _ institution: Int, _ differs: String, _ note: String, day: Int = 2,
    change: (inout LineRecord) -> Void = { _ in }
  ) {
    let r = outpatientLine(item, batch, institution, 11, day: day, change: change)
    put(r, in: batch)
    expectLine(r, 1, .lookalike, "", batch, differs: differs, note)
  }

  private mutating func expectLine(
    _ r: ClaimRecord, _ index: Int, _ kind: PlannedItem.Kind, _ verdict: String, _ batch: Int, differs: String = "",
    _ note: String, withdrawnIn: Int? = nil
  ) {
    let sn = r.lines[index].sn
    expect(
      PlannedItem(
        rule: "CAT-01", key: "\(r.mdtrt):\(sn)", kind: kind, verdict: verdict, subject: code(r.institution),
        setls: [r.setl], lines: [(r.mdtrt, sn)], from: CivilTime.dayOf(time: r.lines[index].time),
        to: CivilTime.dayOf(time: r.lines[index].time), differsIn: differs, note: note, batch: batch,
        withdrawnIn: withdrawnIn, measuresAmount: true))
  }

  /// Hits of the first batch that the second takes back or changes.
  private mutating func plantChanges(_ excluded: Int, _ unlisted: Int) {
    if planned.count < 2 { return }
    let h = world.hospitals
    let refunded = outpatientLine(excluded, 0, h[0], 11, day: 4)
    put(refunded, in: 0)
    expectLine(refunded, 1, .hit, "明确违规", 0, "第二批退费并重传原结算", withdrawnIn: 1)
    refund(refunded, in: 1)
    let named = outpatientLine(unlisted, 0, h[1], 11, day: 4, count: 2)
    put(named, in: 0)
    expectLine(named, 1, .hit, "可疑", 0, "第二批退费，原结算未重传", withdrawnIn: 1)
    refund(named, in: 1, resend: false)

    var part = outpatientLine(unlisted, 0, h[3], 11, day: 4, count: 4)
    put(part, in: 0)
    expectLine(part, 1, .hit, "可疑", 0, "第二批冲销其中一支：金额变化")
    takeBack(&part, line: 1)
    laterLines(part, [part.lines[part.lines.count - 1]], in: 1)

    let again = outpatientLine(unlisted, 0, h[0], 11, day: 3, count: 2)
    put(again, in: 0)
    expectLine(again, 1, .hit, "可疑", 0, "第二批重传，数量减半：金额变化")
    var newer = again.lines[1]
    newer.cnt /= 2
    newer.det /= 2
    newer.inscp = newer.inscp.map { $0 / 2 }
    newer.preself /= 2
    newer.updated = again.settled + 200_000
    laterLines(again, [newer], in: 1)

    let void = outpatientLine(unlisted, 0, h[2], 11, day: 3)
    put(void, in: 0)
    expectLine(void, 1, .hit, "可疑", 0, "第二批作废此行", withdrawnIn: 1)
    var invalid = void.lines[1]
    invalid.valid = false
    invalid.updated = void.settled + 200_000
    laterLines(void, [invalid], in: 1)
  }
}
