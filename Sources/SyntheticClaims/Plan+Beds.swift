import ClaimModel

// ADM-09: more patients than approved beds.

extension Plan {
  /// Stays of as many persons, given by their last day and what is billed.
  private struct Patients {
    var count: Int
    var to: Int
    var days = "tttt"
    var change: (inout ClaimRecord) -> Void = { _ in }
  }

  mutating func plantBeds() {
    let end = "mdtrt_d.endtime"
    // "tttt" ending on day 0 counts on the days −3, −2 and −1: never on the day of discharge.
    crowd("十床十二人", 10, [Patients(count: 12, to: 0)], .lookalike, "边界：10 床 12 人", differs: "fixmedins_b.aprv_bed_cnt")
    crowd(
      "十床两日", 10, [Patients(count: 12, to: 0), Patients(count: 1, to: 0, days: "ttt")], .lookalike,
      "边界：10 床 13 人只两日", differs: "mdtrt_d.begntime")
    crowd(
      "出院日", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: -1)], .lookalike, "出院当日不计，超员只两日", differs: end)
    crowd(
      "家庭病床", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: 0) { $0.medType = 28 }], .lookalike, "家庭病床不占床",
      differs: "mdtrt_d.med_type")
    crowd(
      "新生儿", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: 0) { $0.newborn = true }], .lookalike, "新生儿不占床",
      differs: "mdtrt_d.nwb_flag")
    crowd("无床位数", 0, [Patients(count: 7, to: 0)], .lookalike, "核定床位为空，不可评估", differs: "fixmedins_b.aprv_bed_cnt")
    crowd("零床位数", -1, [Patients(count: 7, to: 0)], .lookalike, "核定床位为 0，不可评估", differs: "fixmedins_b.aprv_bed_cnt")
    crowd(
      "仍在院", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: 0) { $0.inHospital = true }], .lookalike,
      "第七人仍在院，只知下限", differs: "mdtrt_d.inhosp_stas")
    crowd(
      "增床", 5, [Patients(count: 7, to: 0)], .lookalike, "边界：第三日起核定床位增至 10", differs: "fixmedins_b.begndate",
      bedsFrom: (-1, 10))
    crowd(
      "退费", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: 0) { $0.refunded = true }], .lookalike, "第七人结算已退费",
      differs: "setl_d.refd_setl_flag")
    plantTwiceInBed()
    if withHits { plantCrowds() }
  }

  private mutating func plantCrowds() {
    crowd("十床三日", 10, [Patients(count: 13, to: 0)], .hit, "边界：10 床 13 人三日", runs: [(-3, -1, 13)])
    // Each comes and goes on one of the three days.
    crowd(
      "当日进出", 5,
      [Patients(count: 6, to: 0)] + [-3, -2, -1].map { Patients(count: 1, to: $0, days: "a") }, .hit, "当日进出按入院日计",
      runs: [(-3, -1, 7)])
    crowd(
      "两段", 5,
      [Patients(count: 7, to: -6), Patients(count: 7, to: -1), Patients(count: 1, to: -2, days: "tt")], .hit, "两段各成一条",
      runs: [(-9, -7, 7), (-4, -2, 8)])
    crowd(
      "减床", 10, [Patients(count: 7, to: -4), Patients(count: 7, to: -1)], .hit, "核定床位减为 5 之日起", bedsFrom: (-4, 5),
      runs: [(-4, -2, 7)])
    crowd(
      "入院日", 5, [Patients(count: 7, to: 1), Patients(count: 7, to: -2)], .hit, "前批出院当日后批入院，六日相连",
      runs: [(-5, 0, 7)])
    if planned.count == 1 { return }
    let seventh = crowd(
      "后退费", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: 0)], .hit, "第七人在第二批退费", runs: [(-3, -1, 7)],
      withdrawnIn: 1)
    refund(seventh, in: 1)
    crowd(
      "后补传", 5, [Patients(count: 6, to: 0), Patients(count: 1, to: 0)], .hit, "第七人随第二批到达", runs: [(-3, -1, 7)],
      lastIn: 1)
  }

  /// One person in two overlapping stays is one person; the stays have one medical record (EX-04 of ADM-01).
  private mutating func plantTwiceInBed() {
    let place = newHospital("栖原县双床医院", beds: 10)
    for n in 0..<12 {
      let person = newPerson()
      var r = bareStay(0, person, place, to: 0, days: "tttt")
      r.settle(percent: 65)
      put(r, in: 0)
      if n > 0 { continue }
      var again = bareStay(0, person, place, to: 0, days: "tttt")
      again.medicalRecord = r.medicalRecord
      again.settle(percent: 65)
      put(again, in: 0)
      expectOverlap(r, again, .lookalike, "同一病历的两次住院", 0, differs: "mdtrt_d.medrcdno", exemption: "EX-04")
    }
    expectCrowd(place, (-3, -1, 13), .lookalike, "边界：一人两次重叠住院只计一人", 0, differs: "mdtrt_d.psn_no")
  }

  /// An institution and its patients; `runs` are (first day, last day, greatest census). Gives the last stay.
  @discardableResult
  private mutating func crowd(
    _ name: String, _ beds: Int, _ patients: [Patients], _ kind: PlannedItem.Kind, _ note: String, differs: String = "",
    bedsFrom: (Int, Int)? = nil, runs: [(Int, Int, Int64)] = [(-3, -1, 7)], withdrawnIn: Int? = nil, lastIn: Int = 0
  ) -> ClaimRecord {
    let place = newHospital("栖原县\(name)医院", beds: beds)
    if let (day, count) = bedsFrom { world.institutions[place].bedsFrom = (calendar(0, day), count) }
    var last = ClaimRecord()
    for (group, some) in patients.enumerated() {
      for n in 0..<some.count {
        var r = bareStay(0, newPerson(), place, to: some.to, days: some.days)
        some.change(&r)
        r.settle(percent: 65)
        put(r, in: group == patients.count - 1 && n == some.count - 1 ? lastIn : 0)
        last = r
      }
    }
    for run in runs { expectCrowd(place, run, kind, note, lastIn, differs: differs, withdrawnIn: withdrawnIn) }
    return last
  }

  private mutating func expectCrowd(
    _ place: Int, _ run: (Int, Int, Int64), _ kind: PlannedItem.Kind, _ note: String, _ batch: Int,
    differs: String = "", withdrawnIn: Int? = nil
  ) {
    let first = calendar(0, run.0)
    expect(
      PlannedItem(
        rule: "ADM-09", key: "\(code(place))|\(CivilTime.text(day: first))", kind: kind,
        verdict: kind == .hit ? "可疑" : "", subject: code(place), from: first, to: calendar(0, run.1), measure: run.2,
        amount: .none, differsIn: differs, note: note, batch: batch, withdrawnIn: withdrawnIn))
  }
}
