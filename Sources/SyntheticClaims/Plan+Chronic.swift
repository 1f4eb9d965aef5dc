import ClaimModel

// CHR-04: chronic-disease billing without a registration.

extension Plan {
  private struct Span {
    var from: Int
    var to: Int?
    var disease = 0
    var valid = true
    var relative = false
  }

  mutating func plantChronic() {
    if withHits {
      let b2 = second
      bill(0, [], .hit, "可疑", "从无备案")
      bill(0, [], .hit, "可疑", "从无备案，门诊大病", medType: 140_101)
      bill(b2, [], .hit, "可疑", "从无备案，门诊特病", medType: 140_201)
      bill(0, [Span(from: -400, to: -31)], .hit, "可疑", "边界：备案 31 日前终止")
      bill(0, [Span(from: -400, to: -30)], .hit, "线索", "边界：备案 30 日前终止")
      bill(0, [Span(from: -400, to: -1)], .hit, "线索", "边界：备案前一日终止")
      bill(0, [Span(from: 1, to: nil)], .hit, "线索", "边界：备案次日生效")
      bill(b2, [Span(from: 30, to: nil)], .hit, "线索", "边界：备案 30 日后生效")
      bill(0, [Span(from: 31, to: nil)], .hit, "可疑", "边界：备案 31 日后生效")
      bill(0, [Span(from: -400, to: nil, disease: 2)], .hit, "可疑", "只备案了另一病种")
      bill(0, [Span(from: -400, to: nil, valid: false)], .hit, "可疑", "备案已作废")
      bill(b2, [Span(from: -400, to: nil, relative: true)], .hit, "可疑", "备案属于家庭成员")
      bill(0, [], .hit, "可疑", "病种为空且无任何备案", disease: "")
      if planned.count > 1 {
        let r = bill(0, [], .hit, "可疑", "第二批退费", withdrawnIn: 1)
        refund(r, in: 1)
      }
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : second
      bill(b, [Span(from: -400, to: 0)], .lookalike, "", "边界：备案当日终止", differs: "opsp_reg_d.enddate")
      bill(b, [Span(from: 0, to: nil)], .lookalike, "", "边界：备案当日生效", differs: "opsp_reg_d.begndate")
      bill(b, [Span(from: -400, to: nil)], .lookalike, "", "备案有效", differs: "opsp_reg_d.psn_no")
      bill(
        b, [Span(from: -400, to: nil, disease: 2)], .lookalike, "", "病种为空，有任一备案即可", differs: "setl_d.dise_no",
        disease: "")
      bill(
        b, [Span(from: -400, to: nil, disease: 2), Span(from: -100, to: nil)], .lookalike, "", "两个病种皆备案",
        differs: "opsp_reg_d.opsp_dise_code")
      bill(b, [], .lookalike, "", "两病无需备案", differs: "setl_d.med_type", medType: 1_403)
      bill(b, [], .lookalike, "", "两病无需备案", differs: "setl_d.med_type", medType: 1_404)
      bill(b, [], .lookalike, "", "9901 无需备案", differs: "setl_d.med_type", medType: 9_901)
      bill(b, [], .lookalike, "", "病种码对不上：不可评估", differs: "setl_d.dise_no", disease: "M99900")
      bill(b, [], .lookalike, "", "参保地无备案数据：不可评估", differs: "setl_d.insu_admdvs", region: World.uncovered)
      bill(b, [], .lookalike, "", "普通门诊", differs: "setl_d.med_type", medType: 11)
      let r = bill(b, [], .lookalike, "", "整笔已退费", differs: "setl_d.refd_setl_flag", refunded: true)
      refund(r, in: b, resend: false)
    }
  }

  /// A settlement of chronic drugs, and the person's registrations in days from its day.
  @discardableResult
  private mutating func bill(
    _ batch: Int, _ spans: [Span], _ kind: PlannedItem.Kind, _ verdict: String, _ note: String, differs: String = "",
    medType: Int = 140_104, disease: String? = nil, region: Int = 990101, refunded: Bool = false,
    withdrawnIn: Int? = nil
  ) -> ClaimRecord {
    let person = newPerson()
    let illness = world.catalogue.diseases[1]
    var r = visit(batch, person, world.hospitals[person % 5], medType, day: 1 + person % 3, region: region)
    r.disease = disease ?? illness.code
    r.refunded = refunded
    for item in illness.items.prefix(2) {
      line(&r, item, Int64(28 / max(1, world.catalogue.items[item].supplyDays)))
    }
    line(&r, world.catalogue.labs[1])
    r.settle(percent: 70)
    put(r, in: batch)
    let day = Self.day(r)
    for span in spans {
      registrations.append(
        Registration(
          person: span.relative ? person + 1 : person, region: 990101, insutype: 390,
          disease: span.disease == 0 ? illness.code : world.catalogue.diseases[span.disease].code,
          begin: day + Int64(span.from), end: span.to.map { day + Int64($0) }, valid: span.valid))
    }
    expect(
      PlannedItem(
        rule: "CHR-04", key: "\(r.setl)", kind: kind, verdict: verdict, subject: code(r.institution), setls: [r.setl],
        lines: r.lines.map { (r.mdtrt, $0.sn) }, from: day, to: day, measure: 0, amount: .settlement(r.setl),
        differsIn: differs, note: note, batch: batch, withdrawnIn: withdrawnIn))
    return r
  }
}
