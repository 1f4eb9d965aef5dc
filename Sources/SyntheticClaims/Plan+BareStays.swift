import ClaimModel

// Stays whose every line is planned, for rules that look at single days.

extension Plan {
  /// A stay whose last day is `to`, counted from the batch's Monday; `days` says what is billed on each day, the day of
  /// discharge included.
  ///
  /// `a` bed and an infusion · `t` an infusion · `i` bed, round and nursing: the patient is there and nothing is done ·
  /// `.` nothing · `0` an item without med_chrgitm_type · `r` bed, and an infusion that is taken back.
  mutating func bareStay(
    _ batch: Int, _ person: Int, _ institution: Int, to: Int, days: String, medType: Int = 21, diagnosis: Int = 0
  ) -> ClaimRecord {
    let from = to - (days.utf8.count - 1)
    let catalogue = world.catalogue
    var r = visit(batch, person, institution, medType, day: from, hour: 8)
    r.isStay = true
    r.end = (BackgroundWeeks.monday(batch) + Int64(to)) * 86_400 + 15 * 3_600
    r.settled = r.end + 1_800
    r.department = 0
    r.medicalRecord = 30_000_000 + r.mdtrt % 10_000_000
    r.diagnoses = [diagnosis]
    for (n, day) in days.utf8.enumerated() {
      let time = (BackgroundWeeks.monday(batch) + Int64(from + n)) * 86_400 + 10 * 3_600
      func add(_ item: Int, _ seconds: Int64 = 0) {
        r.add(catalogue, item: item, count: 1, at: time + seconds, doctor: r.doctor)
      }
      switch day {
      case UInt8(ascii: "a"):
        add(catalogue.bed)
        add(catalogue.treatments[0], 1_800)
      case UInt8(ascii: "t"): add(catalogue.treatments[0], 1_800)
      case UInt8(ascii: "i"):
        add(catalogue.bed)
        add(catalogue.roundFee, 600)
        add(catalogue.nursing, 1_200)
      case UInt8(ascii: "0"): add(untyped, 1_800)
      case UInt8(ascii: "r"):
        add(catalogue.bed)
        add(catalogue.treatments[0], 1_800)
        r.takeBack(line: r.lines.count - 1)
      default: break
      }
    }
    return r
  }

  /// A hospital of its own, so that what it needs or lacks touches no other plan.
  mutating func newHospital(_ name: String, kind: String = "general", beds: Int = 200) -> Int {
    hospitalsMade += 1
    return world.addInstitution(
      Institution(
        code: "H990102" + digits(4_000 + hospitalsMade, 5), name: name, isPharmacy: false, level: "06", kind: kind,
        beds: beds, region: 990102, takesStays: false), practitioners: 2)
  }

  /// Calendar day of a day counted from the batch's Monday.
  func calendar(_ batch: Int, _ day: Int) -> Int64 { BackgroundWeeks.monday(batch) + Int64(day) }
}
