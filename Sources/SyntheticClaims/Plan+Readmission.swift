import ClaimModel

// ADM-05: one stay cut into two.

extension Plan {
  mutating func plantReadmissions() {
    if withHits {
      plantSplitStays()
      plantRows()
      if planned.count > 1 { plantLateReadmissions() }
    }
    for copy in 0..<copies {
      let b = copy == 0 ? 0 : second
      let place = world.hospitals[copy]
      func innocent(
        _ plan: inout Plan, _ gap: Int, _ differs: String, _ note: String, exemption: String = "",
        change: (inout ClaimRecord, inout ClaimRecord) -> Void = { _, _ in }
      ) {
        plan.readmission(
          b, place, gap: gap, .lookalike, "", note, differs: differs, exemption: exemption, change: change)
      }
      innocent(&self, 16, "mdtrt_d.begntime", "边界：间隔 16 日")
      let (a, s) = readmission(
        b, place, gap: -1, .lookalike, "", "边界：间隔 −1 日，属重叠", differs: "mdtrt_d.begntime"
      ) { $1.medicalRecord = $0.medicalRecord }
      expectOverlap(a, s, .lookalike, "同一病历的一夜重叠，不属分解", b, differs: "mdtrt_d.medrcdno", exemption: "EX-04")
      let way = "mdtrt_d.dscg_way"
      innocent(&self, 3, way, "首次医嘱转院", exemption: "EX-01") { a, _ in a.dischargeWay = 2 }
      innocent(&self, 3, way, "首次转社区", exemption: "EX-01") { a, _ in a.dischargeWay = 3 }
      innocent(&self, 4, "mdtrt_d.refl_old_mdtrt_id", "再次由他院转来", exemption: "EX-01") { a, s in
        s.referredFrom = a.mdtrt - 40_000_000
      }
      innocent(&self, 4, "mdtrt_d.med_type", "再次为转外诊治", exemption: "EX-01") { _, s in s.medType = 23 }
      innocent(&self, 2, "mdtrt_d.med_type", "再次为急诊转住院", exemption: "EX-02") { _, s in s.medType = 24 }
      let dx = "mdtrt_d.dscg_maindiag_code"
      for (code, note) in [(14, "化疗"), (15, "放疗"), (16, "透析"), (13, "慢性肾脏病")] {
        innocent(&self, 5, dx, note, exemption: "EX-03") { a, s in
          a.diagnoses = [code]
          s.diagnoses = [code]
        }
      }
      innocent(&self, 5, dx, "其中一次为化疗", exemption: "EX-03") { a, s in
        a.diagnoses = [17]
        s.diagnoses = [14]
      }
      innocent(&self, 1, "mdtrt_d.ars_year_ipt_flag", "首次跨年结算", exemption: "EX-04") { a, _ in a.acrossYears = true }
      innocent(&self, 1, "mdtrt_d.ars_year_ipt_flag", "再次跨年结算", exemption: "EX-04") { _, s in s.acrossYears = true }
      innocent(&self, 0, "mdtrt_d.medrcdno", "间隔 0 日且同一病历", exemption: "EX-04") { a, s in
        s.medicalRecord = a.medicalRecord
      }
      innocent(&self, 6, "mdtrt_d.med_type", "首次为单病种", exemption: "EX-06") { a, _ in a.medType = 26 }
      innocent(&self, 6, "mdtrt_d.med_type", "再次为家庭病床", exemption: "EX-06") { _, s in s.medType = 28 }
      innocent(&self, 7, "mdtrt_d.med_type", "生育住院", exemption: "EX-07") { _, s in s.medType = 52 }
      innocent(&self, 7, "mdtrt_d.nwb_flag", "新生儿", exemption: "EX-07") { a, _ in a.newborn = true }
      for code in [12, 18] {
        innocent(&self, 7, dx, code == 12 ? "产科诊断" : "围生期诊断", exemption: "EX-07") { a, s in
          a.diagnoses = [code]
          s.diagnoses = [code]
        }
      }
      innocent(&self, 3, dx, "主诊断前三位不同") { _, s in s.diagnoses = [11] }
      innocent(&self, 3, dx, "再次主诊断为空：不可评估") { _, s in s.diagnoses = [] }
      innocent(&self, 3, "mdtrt_d.adm_caty", "出院科室与再次入院科室不同") { _, s in s.department = 1 }
      innocent(&self, 3, "mdtrt_d.dscg_caty", "转科后出院，再次入院回原科室") { a, s in
        a.department = 1
        a.dischargeDepartment = 0
        s.department = 1
      }
      let other = world.hospitals[copy + 1]
      innocent(&self, 3, "mdtrt_d.fixmedins_code", "再次在他院") { _, s in s.institution = other }
      innocent(&self, 3, "mdtrt_d.psn_no", "家庭成员，不是同一人") { _, s in s.person += 1 }
      innocent(&self, 3, "mdtrt_d.inhosp_stas", "再次仍在院") { _, s in s.inHospital = true }
      innocent(&self, 3, "mdtrt_d.vali_flag", "首次住院已作废") { a, _ in a.visitValid = false }
      innocent(&self, 3, "setl_d.refd_setl_flag", "首次结算已退费") { a, _ in a.refunded = true }
    }
  }

  /// Both bands, with the last day of each.
  private mutating func plantSplitStays() {
    let h = world.hospitals
    let b2 = second
    readmission(0, h[0], gap: 0, .hit, "可疑", "边界：出院当日再入院，病历不同")
    readmission(0, h[1], gap: 7, .hit, "可疑", "边界：间隔 7 日")
    readmission(b2, h[2], gap: 3, .hit, "可疑", "间隔 3 日")
    readmission(0, h[3], gap: 8, .hit, "线索", "边界：间隔 8 日")
    readmission(b2, h[0], gap: 15, .hit, "线索", "边界：间隔 15 日")
    readmission(0, h[2], gap: 2, .hit, "线索", "首次非医嘱离院") { a, _ in a.dischargeWay = 4 }
    readmission(0, h[2], gap: 2, .hit, "可疑", "首次离院方式为空") { a, _ in a.dischargeWay = 0 }
    readmission(0, h[1], gap: 4, .hit, "线索", "首次科室不明") { a, _ in
      a.admissionDepartmentUnknown = true
      a.dischargeDepartmentUnknown = true
    }
    readmission(b2, h[1], gap: 4, .hit, "线索", "再次科室不明") { _, s in
      s.admissionDepartmentUnknown = true
      s.dischargeDepartmentUnknown = true
    }
    readmission(0, h[3], gap: 5, .hit, "可疑", "再次入院科室为空，由出院科室代替") { _, s in s.admissionDepartmentUnknown = true }
    readmission(0, h[3], gap: 5, .hit, "可疑", "首次出院科室为空，由入院科室代替") { a, _ in a.dischargeDepartmentUnknown = true }
    readmission(0, h[4], gap: 1, .hit, "可疑", "同一病历但间隔 1 日") { a, s in s.medicalRecord = a.medicalRecord }
    readmission(0, h[0], gap: 3, .hit, "可疑", "主诊断前三位相同") { _, s in s.diagnoses = [19] }
    readmission(0, h[0], gap: 3, .hit, "可疑", "主诊断小写") { _, s in s.diagnoses = [20] }
    readmission(0, h[0], gap: 3, .hit, "可疑", "Z51.8 不在豁免之列") { a, s in
      a.diagnoses = [17]
      s.diagnoses = [17]
    }
    readmission(0, h[0], gap: 3, .hit, "可疑", "科室前三位相同") { _, s in s.department = 6 }
    readmission(0, h[0], gap: 3, .hit, "可疑", "首次转科后出院") { a, s in
      a.dischargeDepartment = 1
      s.department = 1
    }
    // Its neighbour a day before also overlaps it, in another medical record.
    let (a, s) = readmission(
      0, h[1], gap: -1, .lookalike, "", "边界：间隔 −1 日，属重叠", differs: "mdtrt_d.begntime")
    expectOverlap(a, s, .hit, "同机构一夜重叠，不属分解", 0)
  }

  /// Three stays of one person.
  private mutating func plantRows() {
    let place = world.hospitals[3]
    // In a row: each with its neighbour, never the first with the third.
    var stays = threeStays(place, [(-6, "aaa"), (-2, "aa"), (3, "aaa")])
    expectReadmission(stays[0], stays[1], gap: 3, .hit, "可疑", "三次连续：前两次", 0)
    expectReadmission(stays[1], stays[2], gap: 3, .hit, "可疑", "三次连续：后两次", 0)
    expectReadmission(
      stays[0], stays[2], gap: 7, .lookalike, "", "三次连续：首末不相邻", 0, differs: "mdtrt_d.begntime")
    // A short one inside a long one stands between it and the third.
    stays = threeStays(place, [(0, "aaaaaaaaaaa"), (-6, "aaa"), (4, "aaa")])
    expectOverlap(stays[0], stays[1], .hit, "同机构两夜重叠，其后再入院", 0)
    expectReadmission(stays[1], stays[2], gap: 8, .hit, "线索", "与重叠的短住院相邻", 0)
    expectReadmission(
      stays[0], stays[2], gap: 2, .lookalike, "", "中间隔着重叠的短住院，不相邻", 0, differs: "mdtrt_d.begntime")
  }

  /// Stays of one person, given by their last day and what is billed.
  private mutating func threeStays(_ place: Int, _ days: [(Int, String)]) -> [ClaimRecord] {
    let person = newPerson()
    var result: [ClaimRecord] = []
    for (to, text) in days {
      var r = bareStay(0, person, place, to: to, days: text)
      r.settle(percent: 65)
      put(r, in: 0)
      result.append(r)
    }
    return result
  }

  /// The second batch takes findings back, brings one, and puts a stay between two neighbours.
  private mutating func plantLateReadmissions() {
    let h = world.hospitals
    let (_, again) = readmission(0, h[1], gap: 4, .hit, "可疑", "再次住院在第二批退费", withdrawnIn: 1)
    refund(again, in: 1)
    let (first, _) = readmission(0, h[2], gap: 9, .hit, "线索", "首次住院在第二批退费", withdrawnIn: 1)
    refund(first, in: 1)
    let person = newPerson()
    var a = bareStay(0, person, h[0], to: -9, days: "aaa")
    a.settle(percent: 65)
    put(a, in: 0)
    var c = bareStay(0, person, h[0], to: 2, days: "aaa")
    c.settle(percent: 65)
    put(c, in: 0)
    // Settled late: it is delivered with the second batch.
    var b = bareStay(0, person, h[0], to: -4, days: "aaa")
    b.settle(percent: 65)
    b.settled += 7 * 86_400
    put(b, in: 1)
    expectReadmission(a, c, gap: 9, .hit, "线索", "第二批补传中间的住院后不再相邻", 0, withdrawnIn: 1)
    expectReadmission(a, b, gap: 3, .hit, "可疑", "第二批补传的住院与前一次", 1)
    expectReadmission(b, c, gap: 4, .hit, "可疑", "第二批补传的住院与后一次", 1)
  }

  /// Two stays of one person at one institution; `change` makes them differ before they are settled.
  @discardableResult
  private mutating func readmission(
    _ batch: Int, _ institution: Int, gap: Int, _ kind: PlannedItem.Kind, _ verdict: String, _ note: String,
    differs: String = "", exemption: String = "", withdrawnIn: Int? = nil,
    change: (inout ClaimRecord, inout ClaimRecord) -> Void = { _, _ in }
  ) -> (ClaimRecord, ClaimRecord) {
    let person = newPerson()
    var a = bareStay(batch, person, institution, to: -gap, days: "aaa")
    var s = bareStay(batch, person, institution, to: 2, days: "aaa")
    change(&a, &s)
    a.settle(percent: 65)
    s.settle(percent: 65)
    put(a, in: batch)
    put(s, in: batch)
    expectReadmission(
      a, s, gap: gap, kind, verdict, note, batch, differs: differs, exemption: exemption, withdrawnIn: withdrawnIn)
    return (a, s)
  }

  private mutating func expectReadmission(
    _ a: ClaimRecord, _ s: ClaimRecord, gap: Int, _ kind: PlannedItem.Kind, _ verdict: String, _ note: String,
    _ batch: Int, differs: String = "", exemption: String = "", withdrawnIn: Int? = nil
  ) {
    expect(
      PlannedItem(
        rule: "ADM-05", key: "\(a.mdtrt)|\(s.mdtrt)", kind: kind, verdict: verdict, subject: code(s.institution),
        setls: [a.setl, s.setl], from: CivilTime.dayOf(time: a.end), to: Self.day(s), measure: Int64(gap),
        amount: .stay(s.mdtrt), exemption: exemption, differsIn: differs, note: note, batch: batch,
        withdrawnIn: withdrawnIn))
  }

  /// ADM-01 of two stays that a plan of another rule needs.
  mutating func expectOverlap(
    _ a: ClaimRecord, _ s: ClaimRecord, _ kind: PlannedItem.Kind, _ note: String, _ batch: Int, differs: String = "",
    exemption: String = ""
  ) {
    let ids = [a.mdtrt, s.mdtrt].map(String.init).sorted(by: bytesPrecede)
    let from = max(Self.day(a), Self.day(s))
    let to = min(CivilTime.dayOf(time: a.end), CivilTime.dayOf(time: s.end))
    expect(
      PlannedItem(
        rule: "ADM-01", key: ids.joined(separator: "|"), kind: kind, verdict: kind == .hit ? "可疑" : "",
        subject: kind == .hit ? "" : code(s.institution), setls: [a.setl, s.setl], from: from, to: to,
        measure: to - from, amount: .cheaperStay(a.mdtrt, s.mdtrt), exemption: exemption, differsIn: differs,
        note: note, batch: batch))
  }
}
