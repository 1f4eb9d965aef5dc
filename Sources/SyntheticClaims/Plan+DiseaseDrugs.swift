import ClaimModel

// CHR-03: a drug that the list of the disease does not have.

extension Plan {
  /// Diseases whose lists have one peculiarity each.
  private enum Illness {
    /// Only rows of less than ten characters, which list nothing.
    static let shortRows = "M90100"
    /// No row at all.
    static let noRows = "M90200"
    /// A row of nine characters beside an ordinary one.
    static let mixedRows = "M90300"
    /// One maker's whole code.
    static let wholeCode = "M90400"
    /// Rows that end on the second day, begin on the fourth, and one that is always valid.
    static let dated = "M90500"
    /// All rows ended long ago.
    static let lapsed = "M90600"
  }

  mutating func plantDiseaseDrugs() {
    let c = world.catalogue
    let listed = c.diseases[0].items[0]
    let sugar = c.diseases[1].items[0]
    let heart = c.diseases[2].items
    // Two makers of one drug stand next to each other.
    let maker = c.drugs[54]
    let rival = c.drugs[55]
    let begins = c.drugs[60]
    let ends = c.drugs[63]
    func list(
      _ plan: inout Plan, _ disease: String, _ item: Int, characters: Int = 10, region: String = "990000",
      begin: Int64 = Catalogue.opens, end: Int64? = nil
    ) {
      plan.world.catalogue.diseaseRows.append(
        DiseaseDrugRow(
          region: region, disease: disease, drug: String(c.items[item].code.prefix(characters)), begin: begin, end: end)
      )
    }
    list(&self, Illness.shortRows, sugar, characters: 9)
    list(&self, Illness.mixedRows, sugar, characters: 9)
    list(&self, Illness.mixedRows, listed)
    list(&self, Illness.wholeCode, maker, characters: 40)
    list(&self, Illness.dated, ends, end: calendar(0, 1))
    list(&self, Illness.dated, begins, begin: calendar(0, 3))
    list(&self, Illness.dated, listed)
    list(&self, Illness.lapsed, listed, end: calendar(0, -100))
    // The county adds one drug, the nation another.
    list(&self, c.diseases[0].code, heart[0], region: "990101")
    list(&self, c.diseases[0].code, heart[1], region: "000000")
    var bare = c.items[sugar]
    bare.listType = 0
    bare.supplyDays = 0
    bare.supplyKey = ""
    world.catalogue.items.append(bare)
    let noType = world.catalogue.items.count - 1
    let noCode = self.listed("无编码药品", 60, yuan: 36, rows: [], noCodes: true)

    if withHits {
      plantStrangers(sugar: sugar, antibiotic: maker)
      prescribe(0, rival, .hit, "名录只列另一厂家的完整编码", disease: Illness.wholeCode)
      prescribe(0, sugar, .hit, "名录行只有 9 位，不算在列", disease: Illness.mixedRows)
      prescribe(0, ends, .hit, "边界：名录行前一日终止", day: 2, disease: Illness.dated)
      prescribe(0, begins, .hit, "边界：名录行次日生效", day: 2, disease: Illness.dated)
      prescribe(0, heart[0], .hit, "只在邻县名录中", at: 1)
      prescribe(0, sugar, .hit, "结算病种无名录，以明细病种为准", disease: Illness.noRows) { r in
        for n in r.lines.indices { r.lines[n].disease = c.diseases[0].code }
      }
      prescribe(0, sugar, .hit, "明细病种为空，以结算病种为准") { r in
        for n in r.lines.indices { r.lines[n].disease = "" }
      }
      if planned.count > 1 { plantLateLines(sugar) }
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : second
      let other = [Span(disease: c.diseases[1].code)]
      let code = "fee_list_d.med_list_codg"
      let dise = "setl_d.dise_no"
      prescribe(b, listed, .lookalike, "本病种用药", differs: code)
      prescribe(b, sugar, .lookalike, "另一已备案病种的用药", differs: "opsp_reg_d.opsp_dise_code", also: other)
      prescribe(
        b, sugar, .lookalike, "边界：另一病种备案当日终止", differs: "opsp_reg_d.enddate",
        also: [Span(disease: c.diseases[1].code, to: 0)])
      prescribe(
        b, sugar, .lookalike, "边界：另一病种备案当日生效", differs: "opsp_reg_d.begndate",
        also: [Span(disease: c.diseases[1].code, from: 0)])
      prescribe(b, heart[0], .lookalike, "县级名录增列", differs: "opsp_dise_drug_b.admdvs")
      prescribe(b, heart[1], .lookalike, "国家名录增列", differs: "opsp_dise_drug_b.admdvs")
      prescribe(b, maker, .lookalike, "名录列出完整编码", differs: code, disease: Illness.wholeCode)
      prescribe(b, sugar, .lookalike, "病种无名录：不可评估", differs: dise, disease: Illness.noRows)
      prescribe(
        b, sugar, .lookalike, "名录行皆不足 10 位：不可评估", differs: "opsp_dise_drug_b.drug_code", disease: Illness.shortRows)
      prescribe(
        b, sugar, .lookalike, "名录已全部终止：不可评估", differs: "opsp_dise_drug_b.enddate", disease: Illness.lapsed)
      prescribe(b, sugar, .lookalike, "明细病种无名录：不可评估", differs: "fee_list_d.dise_codg") { r in
        for n in r.lines.indices { r.lines[n].disease = Illness.noRows }
      }
      prescribe(
        b, sugar, .lookalike, "病种为空：不可评估", differs: dise, disease: "", also: [Span(disease: c.diseases[0].code)])
      prescribe(
        b, sugar, .lookalike, "参保地无备案数据：不可评估", differs: "setl_d.insu_admdvs", region: World.uncovered)
      prescribe(b, sugar, .lookalike, "两病无需备案", differs: "setl_d.med_type", medType: 1_403)
      prescribe(b, sugar, .lookalike, "9901 无需备案", differs: "setl_d.med_type", medType: 9_901)
      prescribe(b, c.labs[2], .lookalike, "化验不是药品", differs: "fee_list_d.list_type")
      prescribe(b, noType, .lookalike, "目录类别为空，不算药品", differs: "fee_list_d.list_type")
      prescribe(b, noCode, .lookalike, "医保编码为空：不可评估", differs: code)
      prescribe(b, sugar, .lookalike, "全额自费", differs: "fee_list_d.inscp_amt") { r in
        r.lines[1].inscp = 0
        r.lines[1].ownpay = r.lines[1].det
        r.lines[1].preself = 0
      }
      prescribe(b, sugar, .lookalike, "明细行已作废", differs: "fee_list_d.vali_flag") { $0.lines[1].valid = false }
      prescribe(b, sugar, .lookalike, "已整行冲销", differs: "fee_list_d.cnt") { $0.takeBack(line: 1) }
      prescribe(b, sugar, .lookalike, "整笔已退费", differs: "setl_d.refd_setl_flag") { $0.refunded = true }
    }
    prescribe(
      0, ends, .lookalike, "边界：名录行当日终止", day: 1, differs: "fee_list_d.fee_ocur_time", disease: Illness.dated)
    prescribe(
      0, begins, .lookalike, "边界：名录行当日生效", day: 3, differs: "fee_list_d.fee_ocur_time", disease: Illness.dated)
  }

  /// A further registration in days from the day of the settlement.
  private struct Span {
    var disease: String
    var from = -300
    var to: Int?
    var valid = true
    var relative = false
  }

  private mutating func plantStrangers(sugar: Int, antibiotic: Int) {
    let b2 = second
    let diabetes = world.catalogue.diseases[1].code
    prescribe(0, sugar, .hit, "高血压备案，开降糖药")
    prescribe(b2, sugar, .hit, "高血压备案，开降糖药，门诊大病", medType: 140_101)
    prescribe(0, antibiotic, .hit, "任何病种名录皆无此药", at: 3)
    prescribe(b2, world.catalogue.pieces[1], .hit, "饮片也是药品")
    prescribe(0, sugar, .hit, "边界：另一病种备案前一日终止", also: [Span(disease: diabetes, to: -1)])
    prescribe(0, sugar, .hit, "边界：另一病种备案次日生效", also: [Span(disease: diabetes, from: 1)])
    prescribe(0, sugar, .hit, "另一病种备案已作废", also: [Span(disease: diabetes, valid: false)])
    prescribe(0, sugar, .hit, "另一病种备案属于家庭成员", also: [Span(disease: diabetes, relative: true)])
    prescribe(0, sugar, .hit, "两盒退一盒，计一盒", count: 2) { $0.takeBack(line: 1) }
    // Neither registered nor on the list: two findings.
    let r = prescribe(0, sugar, .hit, "无备案且用药不在名录", registered: false)
    expect(
      PlannedItem(
        rule: "CHR-04", key: "\(r.setl)", kind: .hit, verdict: "可疑", subject: code(r.institution), setls: [r.setl],
        lines: r.lines.map { (r.mdtrt, $0.sn) }, from: Self.day(r), to: Self.day(r), measure: 0,
        amount: .settlement(r.setl), note: "无备案且用药不在名录", batch: 0))
  }

  private mutating func plantLateLines(_ sugar: Int) {
    let r = prescribe(0, sugar, .hit, "第二批退费", withdrawnIn: 1)
    refund(r, in: 1)
    let cancelled = prescribe(0, sugar, .hit, "明细在第二批作废", withdrawnIn: 1)
    var line = cancelled.lines[1]
    line.valid = false
    line.updated = cancelled.settled + 90_000
    laterLines(cancelled, [line], in: 1)
    let back = prescribe(0, sugar, .hit, "明细在第二批冲销", withdrawnIn: 1)
    var less = back
    less.takeBack(line: 1)
    laterLines(back, Array(less.lines.suffix(1)), in: 1)
  }

  /// A settlement of a laboratory test and, as its second line, the item that is looked at.
  @discardableResult
  private mutating func prescribe(
    _ batch: Int, _ item: Int, _ kind: PlannedItem.Kind, _ note: String, count: Int64 = 1, at place: Int = 0,
    day: Int = 2, differs: String = "", disease: String? = nil, medType: Int = 140_104, region: Int = 990101,
    registered: Bool = true, also: [Span] = [], withdrawnIn: Int? = nil,
    change: (inout ClaimRecord) -> Void = { _ in }
  ) -> ClaimRecord {
    let person = newPerson()
    var r = visit(batch, person, world.hospitals[place], medType, day: day, region: region)
    r.disease = disease ?? world.catalogue.diseases[0].code
    line(&r, world.catalogue.labs[1])
    line(&r, item, count)
    change(&r)
    r.settle(percent: 70)
    put(r, in: batch)
    let date = Self.day(r)
    var spans = also
    if registered, !r.disease.isEmpty { spans.append(Span(disease: r.disease)) }
    for span in spans {
      registrations.append(
        Registration(
          person: span.relative ? person + 1 : person, region: 990101, insutype: 390, disease: span.disease,
          begin: date + Int64(span.from), end: span.to.map { date + Int64($0) }, valid: span.valid))
    }
    let sn = r.lines[1].sn
    expect(
      PlannedItem(
        rule: "CHR-03", key: "\(r.mdtrt):\(sn)", kind: kind, verdict: kind == .hit ? "可疑" : "",
        subject: code(r.institution), setls: [r.setl], lines: [(r.mdtrt, sn)], from: date, to: date, measure: 0,
        differsIn: differs, note: note, batch: batch, withdrawnIn: withdrawnIn))
    return r
  }
}
