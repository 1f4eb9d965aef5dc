/// A fee line before it is written. Money is fen, cnt 1/10,000, pric 1/1,000,000, time seconds since 1970.
struct LineRecord: Sendable {
  var sn: Int64
  var time: Int64
  /// Index into `Catalogue.items`.
  var item: Int
  var cnt: Int64
  var pric: Int64
  var det: Int64
  /// nil is written as null; the rules then fall back on det less what the patient pays.
  var inscp: Int64?
  var ownpay: Int64 = 0
  var preself: Int64 = 0
  var selfpayRatio: Int64 = 0
  /// bkkp_sn of the line that this one takes back; 0 is null.
  var initSn: Int64 = 0
  /// Index into `World.practitioners`; -1 is null.
  var doctor: Int
  var etip = false
  /// Institution of an outside examination; -1 is null.
  var etipInstitution = -1
  var rxCirculation = false
  var takeHome = false
  var valid = true
  /// 0: an hour after the settlement.
  var updated: Int64 = 0
  /// The line is not yet settled.
  var unsettled = false
  /// Settlement of the line where it is not its record's; 0 otherwise.
  var setl: Int64 = 0
  /// dise_codg; nil is the settlement's disease (where it is billed as chronic), empty is null.
  var disease: String?
}

/// A visit with its settlement, lines, diagnoses and operations.
struct ClaimRecord: Sendable {
  var mdtrt: Int64 = 0
  var setl: Int64 = 0
  /// Index of a person, see `World.person`.
  var person = 0
  var institution = 0
  var medType = 11
  var insutype = 390
  /// insu_admdvs.
  var region = 990101
  var begin: Int64 = 0
  var end: Int64 = 0
  var settled: Int64 = 0
  var lines: [LineRecord] = []
  /// Indices into `Catalogue.diagnoses`; the first is the main one.
  var diagnoses: [Int] = []
  /// Indices into `Catalogue.operations`.
  var operations: [Int] = []
  /// dise_no; empty is null.
  var disease: String = ""
  var isStay = false
  /// Department of admission, and of discharge where `dischargeDepartment` is nil.
  var department = 0
  var dischargeDepartment: Int?
  /// adm_caty or dscg_caty is not written.
  var admissionDepartmentUnknown = false
  var dischargeDepartmentUnknown = false
  var doctor = -1
  /// dscg_way; 0 is null.
  var dischargeWay = 1
  /// ars_year_ipt_flag: the stay was settled once at the end of the year and went on.
  var acrossYears = false
  var medicalRecord: Int64 = 0
  /// refl_old_mdtrt_id; 0 is null.
  var referredFrom: Int64 = 0
  var newborn = false
  var inHospital = false
  var refunded = false
  /// init_setl_id; 0 is null.
  var initSetl: Int64 = 0
  var settlementValid = true
  var visitValid = true
  var medfee: Int64 = 0
  /// medfee_sumamt is not written.
  var medfeeUnknown = false
  var ownpay: Int64 = 0
  var preself: Int64 = 0
  var inscp: Int64?
  var deductible: Int64 = 0
  var fund: Int64 = 0
  /// hosp_lv of the settlement is not written.
  var levelUnknown = false
  /// updt_time of settlement and visit; 0: an hour after the settlement.
  var updated: Int64 = 0
  /// What of the record this batch carries: a re-sent original has no visit, no lines.
  var writesSettlement = true
  var writesVisit = true

  mutating func clear() {
    lines.removeAll(keepingCapacity: true)
    let kept = lines
    self = ClaimRecord()
    lines = kept
  }

  /// Adds a line of `count` units of an item, priced as the item says.
  mutating func add(
    _ catalogue: Catalogue, item index: Int, count: Int64, at time: Int64, doctor: Int, payable: Bool = true
  ) {
    let item = catalogue.items[index]
    let det = (count * item.pric + 5_000) / 10_000
    let ratio = payable ? item.selfpayRatio : 10_000
    let self1 = (det * ratio + 5_000) / 10_000
    lines.append(
      LineRecord(
        sn: (setl % 100_000_000_000_000) * 10_000 + Int64(lines.count + 1), time: time, item: index,
        cnt: count * 10_000, pric: item.pric, det: det, inscp: det - self1, ownpay: ratio == 10_000 ? self1 : 0,
        preself: ratio == 10_000 ? 0 : self1, selfpayRatio: ratio, doctor: doctor))
  }

  /// Sums the lines into the settlement and lets the fund pay its share.
  mutating func settle(percent: Int64, deductible limit: Int64 = 0) {
    medfee = 0
    ownpay = 0
    preself = 0
    var scope: Int64 = 0
    for line in lines {
      medfee += line.det
      ownpay += line.ownpay
      preself += line.preself
      scope += line.inscp ?? (line.det - line.ownpay - line.preself)
    }
    inscp = scope
    deductible = max(0, min(limit, scope))
    fund = max(0, scope - deductible) * percent / 100
  }

  /// Takes back one unit of a line (all of it where it has one), named or not.
  mutating func takeBack(line index: Int, linked: Bool = true) {
    let original = lines[index]
    var back = original
    back.sn = (setl % 100_000_000_000_000) * 10_000 + Int64(lines.count + 1)
    back.time = original.time + 900
    // A reversal without a name takes back the whole line, or it would find no partner.
    let share: Int64 = linked && original.cnt > 10_000 ? original.cnt / 10_000 : 1
    back.cnt = -(original.cnt / share)
    back.det = -(original.det / share)
    back.inscp = original.inscp.map { -($0 / share) }
    back.ownpay = -(original.ownpay / share)
    back.preself = -(original.preself / share)
    back.initSn = linked ? original.sn : 0
    lines.append(back)
  }
}
