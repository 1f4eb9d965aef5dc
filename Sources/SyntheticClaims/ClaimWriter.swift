import ClaimModel

/// Writes records into the five tables of one part.
final class ClaimWriter {
  private let world: World
  private let writers: [RowWriter]
  private let item: [ItemBytes]
  private let namesPersons: Bool
  private let s = SettlementColumns()
  private let f = FeeColumns()
  private let v = VisitColumns()
  private let d = ListColumns(.diagnoses)
  private let o = ListColumns(.operations)
  /// Σ det_item_fee_sumamt and Σ fund_pay_sumamt of what was written, for delivery.csv.
  private(set) var detSum: Int64 = 0
  private(set) var fundSum: Int64 = 0

  /// Writers in the order of `ClaimTable.allCases`. `namesPersons`: names, certificates and addresses are written too.
  init(world: World, items: [ItemBytes], writers: [RowWriter], namesPersons: Bool) {
    self.namesPersons = namesPersons
    self.world = world
    self.writers = writers
    item = items
  }

  func write(_ r: borrowing ClaimRecord) {
    let person = namesPersons ? world.person(r.person) : world.numberedPerson(r.person)
    let updated = r.updated == 0 ? r.settled + 3_600 : r.updated
    if r.writesSettlement { settlement(r, person, updated) }
    if r.writesVisit { visit(r, person, updated) }
    if !r.lines.isEmpty { lines(r, person) }
    if r.writesVisit, !r.diagnoses.isEmpty { diagnoses(r, updated) }
    if r.writesVisit, !r.operations.isEmpty { operations(r, updated) }
  }

  private func settlement(_ r: borrowing ClaimRecord, _ person: Person, _ updated: Int64) {
    let w = writers[0]
    let place = world.institutions[r.institution]
    let sign: Int64 = r.initSetl != 0 ? -1 : 1
    w.clear()
    w.set(s.setl, number: r.setl)
    w.set(s.clrOptins, number: Int64(r.region))
    w.set(s.mdtrt, number: r.mdtrt)
    if r.initSetl != 0 { w.set(s.initSetl, number: r.initSetl) }
    w.set(s.psn, person.number)
    w.set(s.name, person.name)
    w.set(s.certType, byte: 0x31)
    w.set(s.cert, person.certificate)
    w.set(s.sex, byte: 0x30 + UInt8(person.sex))
    w.set(s.nation, [0x30, 0x31])
    w.set(s.born, day: person.born)
    w.set(s.age, number: (CivilTime.dayOf(time: r.begin) - person.born) / 365)
    w.set(s.insutype, number: Int64(r.insutype))
    w.set(s.psnType, person.psnType)
    w.set(s.cvlserv, byte: 0x30)
    if r.newborn { w.set(s.newborn, byte: 0x31) }
    w.set(s.insuAdmdvs, number: Int64(r.region))
    w.set(s.fixmedins, place.code)
    w.set(s.fixmedinsName, place.name)
    if !place.level.isEmpty, !r.levelUnknown { w.set(s.level, place.level) }
    w.set(s.fixAdmdvs, number: Int64(place.region))
    w.set(s.begin, day: CivilTime.dayOf(time: r.begin))
    w.set(s.end, day: CivilTime.dayOf(time: r.end))
    w.set(s.time, time: r.settled)
    w.set(s.mdtrtCertType, [0x30, 0x32])
    w.set(s.mdtrtCertNo, person.certificate)
    w.set(s.medType, number: Int64(r.medType))
    w.set(s.setlType, byte: 0x32)
    w.set(s.clrType, [r.isStay ? 0x32 : place.isPharmacy ? 0x34 : 0x31, 0x31])
    w.set(s.clrWay, byte: 0x31)
    if !r.medfeeUnknown { w.set(s.medfee, fen: sign * r.medfee) }
    w.set(s.ownpay, fen: sign * r.ownpay)
    w.set(s.overlmt, fen: 0)
    w.set(s.preself, fen: sign * r.preself)
    if let inscp = r.inscp { w.set(s.inscp, fen: sign * inscp) }
    w.set(s.dedcStd, fen: sign * r.deductible)
    w.set(s.actDedc, fen: sign * r.deductible)
    w.set(s.hifp, fen: sign * r.fund)
    w.set(s.maf, fen: 0)
    w.set(s.fund, fen: sign * r.fund)
    let own = r.medfee - r.fund
    let account = r.insutype == 310 ? own / 2 : 0
    w.set(s.psnPay, fen: sign * own)
    w.set(s.acct, fen: sign * account)
    w.set(s.cash, fen: sign * (own - account))
    w.set(s.refd, byte: r.refunded ? 0x31 : 0x30)
    w.set(s.year, number: Int64(CivilTime.date(CivilTime.dayOf(time: r.settled)).year))
    if !r.disease.isEmpty {
      w.set(s.dise, r.disease)
      if let disease = world.catalogue.diseases.first(where: { $0.code == r.disease }) {
        w.set(s.diseName, disease.name)
      }
    }
    w.set(s.valid, byte: r.settlementValid ? 0x31 : 0x30)
    w.set(s.rid, number: r.setl % 100_000_000_000_000 * 100 + 1)
    w.set(s.updated, time: updated)
    w.set(s.created, time: r.settled + 60)
    w.set(s.opter, number: 990_100 + r.setl % 90)
    w.set(s.opted, time: r.settled + 60)
    w.set(s.optins, number: Int64(place.region))
    w.set(s.pool, number: 990_100)
    w.set(s.acctUsed, byte: account > 0 ? 0x31 : 0x30)
    w.set(s.partition, day: CivilTime.dayOf(time: r.settled))
    w.end()
    fundSum += sign * r.fund
  }

  private func visit(_ r: borrowing ClaimRecord, _ person: Person, _ updated: Int64) {
    let w = writers[2]
    let place = world.institutions[r.institution]
    w.clear()
    w.set(v.mdtrt, number: r.mdtrt)
    w.set(v.psn, person.number)
    w.set(v.certType, byte: 0x31)
    w.set(v.cert, person.certificate)
    w.set(v.name, person.name)
    w.set(v.sex, byte: 0x30 + UInt8(person.sex))
    w.set(v.nation, [0x30, 0x31])
    w.set(v.born, day: person.born)
    w.set(v.age, number: (CivilTime.dayOf(time: r.begin) - person.born) / 365)
    if r.isStay {
      w.set(v.relative, person.relative)
      w.set(v.phone, person.phone)
      w.set(v.address, person.address)
    }
    w.set(v.insutype, number: Int64(r.insutype))
    w.set(v.psnType, person.psnType)
    w.set(v.cvlserv, byte: 0x30)
    if r.isStay || r.newborn { w.set(v.newborn, byte: r.newborn ? 0x31 : 0x30) }
    w.set(v.insuAdmdvs, number: Int64(r.region))
    w.set(v.fixmedins, place.code)
    w.set(v.fixmedinsName, place.name)
    if !place.level.isEmpty { w.set(v.level, place.level) }
    w.set(v.fixAdmdvs, number: Int64(place.region))
    w.set(v.begin, time: r.begin)
    if !r.inHospital { w.set(v.end, time: r.end) }
    w.set(v.mdtrtCertType, [0x30, 0x32])
    w.set(v.mdtrtCertNo, person.certificate)
    w.set(v.medType, number: Int64(r.medType))
    w.set(v.year, number: Int64(CivilTime.date(CivilTime.dayOf(time: r.end)).year))
    if r.referredFrom != 0 { w.set(v.referred, number: r.referredFrom) }
    w.set(v.iptOtp, number: r.mdtrt % 10_000_000_000)
    if r.doctor >= 0 {
      w.set(v.doctor, world.practitioners[r.doctor].code)
      w.set(v.doctorName, world.practitioners[r.doctor].name)
    }
    if r.isStay {
      w.set(v.medicalRecord, number: r.medicalRecord)
      let department = World.departments[r.department]
      let last = r.dischargeDepartment.map { World.departments[$0] } ?? department
      w.set(v.admDept, department.code)
      w.set(v.admDeptName, department.name)
      if !r.admissionDepartmentUnknown { w.set(v.admCaty, department.code) }
      if !r.dischargeDepartmentUnknown { w.set(v.dscgCaty, last.code) }
      w.set(v.dscgDept, last.code)
      w.set(v.dscgDeptName, last.name)
      w.set(v.bed, number: 1 + r.mdtrt % 40)
      if let first = r.diagnoses.first {
        let diagnosis = Catalogue.diagnoses[first]
        w.set(v.admDiagnosis, diagnosis.name)
        // Real extracts carry it for inpatients, and not for all of them.
        if r.mdtrt % 20 != 0 {
          w.set(v.mainDiagnosis, diagnosis.code)
          w.set(v.mainDiagnosisName, diagnosis.name)
        }
      }
      if r.dischargeWay > 0 { w.set(v.dischargeWay, byte: 0x30 + UInt8(r.dischargeWay)) }
      if r.acrossYears { w.set(v.acrossYears, byte: 0x31) }
      w.set(v.iptDays, number: max(1, CivilTime.dayOf(time: r.end) - CivilTime.dayOf(time: r.begin)))
    }
    w.set(v.inHospital, byte: r.inHospital ? 0x31 : 0x30)
    if !r.disease.isEmpty { w.set(v.dise, r.disease) }
    w.set(v.valid, byte: r.visitValid ? 0x31 : 0x30)
    w.set(v.rid, number: r.mdtrt % 100_000_000_000_000 * 100 + 2)
    w.set(v.updated, time: updated)
    w.set(v.created, time: r.begin + 60)
    w.set(v.opted, time: r.begin + 60)
    w.set(v.optins, number: Int64(place.region))
    w.set(v.pool, number: 990_100)
    w.set(v.partition, day: CivilTime.dayOf(time: r.settled))
    w.end()
  }

  private func lines(_ r: borrowing ClaimRecord, _ person: Person) {
    let w = writers[1]
    let place = world.institutions[r.institution]
    w.clear()
    w.set(f.mdtrt, number: r.mdtrt)
    w.set(f.fixmedins, place.code)
    w.set(f.fixmedinsName, place.name)
    w.set(f.psn, person.number)
    w.set(f.insuAdmdvs, number: Int64(r.region))
    w.set(f.medType, number: Int64(r.medType))
    w.set(f.overlmt, fen: 0)
    w.set(f.optins, number: Int64(place.region))
    w.set(f.pool, number: 990_100)
    w.set(f.created, time: r.settled + 60)
    w.set(f.opted, time: r.settled + 60)
    w.set(f.batch, number: r.setl % 1_000_000_000_000)
    w.set(f.partition, day: CivilTime.dayOf(time: r.settled))
    w.mark()
    var lastDoctor = -2
    for line in r.lines {
      w.rollback()
      w.set(f.sn, number: line.sn)
      w.set(f.time, time: line.time)
      if line.unsettled { w.null(f.setl) } else { w.set(f.setl, number: line.setl == 0 ? r.setl : line.setl) }
      w.set(f.order, number: line.sn % 10_000_000_000 / 4)
      w.set(f.cnt, scaled: line.cnt, scale: 4, least: 0)
      w.set(f.pric, scaled: line.pric, scale: 6, least: 2)
      w.set(f.det, fen: line.det)
      w.set(f.selfpay, scaled: line.selfpayRatio, scale: 4, least: 0)
      w.set(f.ownpay, fen: line.ownpay)
      w.set(f.preself, fen: line.preself)
      if let inscp = line.inscp { w.set(f.inscp, fen: inscp) } else { w.null(f.inscp) }
      let i = item[line.item]
      i.level.isEmpty ? w.null(f.level) : w.set(f.level, i.level)
      i.hilist.isEmpty ? w.null(f.hilist) : w.set(f.hilist, i.hilist)
      w.set(f.hilistName, i.name)
      w.set(f.listType, i.listType)
      i.code.isEmpty ? w.null(f.medList) : w.set(f.medList, i.code)
      w.set(f.ownCode, i.own)
      w.set(f.ownName, i.name)
      w.set(f.chargeType, i.chargeType)
      w.set(f.product, i.name)
      w.set(f.spec, i.spec)
      w.set(f.form, i.form)
      if line.doctor != lastDoctor, line.doctor < 0 {
        for column in f.doctorColumns { w.null(column) }
        lastDoctor = line.doctor
      }
      if line.doctor >= 0 {
        let doctor = world.practitioners[line.doctor]
        let department = World.departments[doctor.department]
        w.set(f.department, department.code)
        w.set(f.departmentName, department.name)
        w.set(f.doctor, doctor.code)
        w.set(f.doctorName, doctor.name)
        w.set(f.acordDepartment, department.code)
        w.set(f.acordDepartmentName, department.name)
        lastDoctor = line.doctor
      }
      w.set(f.lmtUsed, byte: 0x30)
      w.set(f.approved, byte: 0x32)
      w.set(f.basic, byte: i.isBasic ? 0x31 : 0x30)
      line.etip ? w.set(f.etip, byte: 0x31) : w.set(f.etip, byte: 0x30)
      line.etipInstitution >= 0
        ? w.set(f.etipHospital, world.institutions[line.etipInstitution].code) : w.null(f.etipHospital)
      w.set(f.takeHome, byte: line.takeHome ? 0x31 : 0x30)
      line.rxCirculation ? w.set(f.rxCirculation, byte: 0x31) : w.null(f.rxCirculation)
      w.set(f.valid, byte: line.valid ? 0x31 : 0x30)
      w.set(f.rid, number: line.sn)
      w.set(f.updated, time: line.updated == 0 ? r.settled + 3_600 : line.updated)
      let disease = line.disease ?? (r.medType / 10_000 == 14 || r.medType == 14 ? r.disease : "")
      disease.isEmpty ? w.null(f.dise) : w.set(f.dise, disease)
      line.initSn != 0 ? w.set(f.initSn, number: line.initSn) : w.null(f.initSn)
      w.end()
      detSum += line.det
    }
  }

  private func diagnoses(_ r: borrowing ClaimRecord, _ updated: Int64) {
    let w = writers[3]
    for (n, index) in r.diagnoses.enumerated() {
      let diagnosis = Catalogue.diagnoses[index]
      listRow(w, d, r, n, updated)
      w.set(d.kind, byte: 0x31)
      w.set(d.main, byte: n == 0 ? 0x31 : 0x30)
      w.set(d.code, diagnosis.code)
      w.set(d.name, diagnosis.name)
      w.set(d.condition, byte: 0x31)
      w.end()
    }
  }

  private func operations(_ r: borrowing ClaimRecord, _ updated: Int64) {
    let w = writers[4]
    for (n, index) in r.operations.enumerated() {
      let operation = Catalogue.operations[index]
      let start = (CivilTime.dayOf(time: r.begin) + 1) * 86_400 + 9 * 3_600
      listRow(w, o, r, n, updated)
      w.set(o.main, byte: n == 0 ? 0x31 : 0x30)
      w.set(o.code, operation.code)
      w.set(o.name, operation.name)
      w.set(o.date, day: CivilTime.dayOf(time: start))
      w.set(o.anaesthesia, [0x30, 0x31])
      if r.doctor >= 0 {
        w.set(o.doctor, world.practitioners[r.doctor].code)
        w.set(o.doctorName, world.practitioners[r.doctor].name)
      }
      w.set(o.begin, time: start)
      w.set(o.end, time: start + 5_400)
      w.end()
    }
  }

  private func listRow(_ w: RowWriter, _ c: ListColumns, _ r: borrowing ClaimRecord, _ n: Int, _ updated: Int64) {
    w.clear()
    w.set(c.id, number: (r.mdtrt % 100_000_000_000_000) * 100 + Int64(n + 1))
    w.set(c.setl, number: r.setl)
    w.set(c.mdtrt, number: r.mdtrt)
    w.set(c.psn, World.number(of: r.person))
    w.set(c.valid, byte: 0x31)
    w.set(c.rid, number: (r.mdtrt % 100_000_000_000_000) * 100 + Int64(n + 51))
    w.set(c.updated, time: updated)
    w.set(c.created, time: r.settled + 60)
    w.set(c.optins, number: Int64(world.institutions[r.institution].region))
    w.set(c.partition, day: CivilTime.dayOf(time: r.settled))
  }
}

/// The texts of an item as bytes, made once.
struct ItemBytes: Sendable {
  let code, hilist, name, own, listType, level, chargeType, spec, form: [UInt8]
  let isBasic: Bool

  /// `plain`: the layout has no enclosure, so a delimiter inside a text becomes its full-width form.
  init(_ item: Item, plain: Bool) {
    func bytes(_ text: String) -> [UInt8] {
      plain ? Array(text.map { $0 == "," ? "，" : String($0) }.joined().utf8) : Array(text.utf8)
    }
    code = bytes(item.code)
    hilist = bytes(item.hilistCode)
    name = bytes(item.name)
    own = bytes("YN" + item.code.suffix(8))
    listType = item.listType == 0 ? [] : bytes(String(item.listType))
    level = item.level == 0 ? [] : bytes("0\(item.level)")
    chargeType = bytes(item.chargeType)
    spec = bytes(item.spec)
    form = bytes(item.form)
    isBasic = item.level == 1
  }
}
