import ClaimModel

/// Ordinary settlements. Any of them can be made alone from (batch, index), so parts are independent of each other.
///
/// They fire no rule by construction. Persons are cut by index: index mod 8 is the week, of a cycle of eight, in which
/// a person may be discharged; nobody else visits in that week or the two before, which a stay of at most 13 nights
/// covers. Of the chronic (index / 8 mod 4 = 0) a quarter buys each week a supply of four weeks.
struct BackgroundWeeks: Sendable {
  let world: World
  /// Monday of the first batch.
  static let firstMonday: Int64 = 20_150  // 2025-03-03
  private let drugRank: Zipf
  private let patentRank: Zipf
  private let hospitalRank: Zipf
  private let outpatientRank: Zipf
  private let pharmacyRank: Zipf
  /// Items with limits that stays of hospitals of rank 2 and more may have.
  var inpatientSpecials: [Int] = []

  init(world: World) {
    self.world = world
    drugRank = Zipf(world.catalogue.drugs.count)
    patentRank = Zipf(world.catalogue.patent.count)
    hospitalRank = Zipf(world.hospitals.count)
    outpatientRank = Zipf(world.outpatient.count)
    pharmacyRank = Zipf(world.pharmacies.count)
  }

  static func monday(_ batch: Int) -> Int64 { firstMonday + Int64(7 * batch) }

  /// ISO week of the batch's Monday: `2025-W10`.
  static func label(_ batch: Int) -> String {
    let thursday = monday(batch) + 3
    let year = CivilTime.date(thursday).year
    let first = CivilTime.day(year: year, month: 1, day: 1) ?? thursday
    return "\(year)-W" + digits(Int(thursday - first) / 7 + 1, 2)
  }

  /// Year and week as a number, 202510, which begins the ids of a batch.
  static func stamp(_ batch: Int) -> Int64 {
    let text = label(batch)
    return (Int64(text.prefix(4)) ?? 0) * 100 + (Int64(text.suffix(2)) ?? 0)
  }

  static func mdtrt(_ batch: Int, _ n: Int) -> Int64 {
    9_901 * 100_000_000_000_000 + stamp(batch) * 100_000_000 + Int64(n)
  }
  static func setl(_ batch: Int, _ n: Int) -> Int64 {
    9_902 * 100_000_000_000_000 + stamp(batch) * 100_000_000 + Int64(n)
  }

  /// Fills the record with settlement `index` of a batch.
  func fill(_ r: inout ClaimRecord, batch: Int, index: Int) {
    var random = SplitMix64(world.seed, batch, index)
    r.clear()
    r.mdtrt = Self.mdtrt(batch, index)
    r.setl = Self.setl(batch, index)
    let turn = index / 25
    switch index % 25 {
    case 0..<4: chronic(&r, batch, turn * 4 + index % 25, &random)
    case 4..<6: stay(&r, batch, turn * 2 + index % 25 - 4, &random)
    case 6..<11: pharmacy(&r, batch, &random)
    default: outpatient(&r, batch, &random)
    }
  }

  private func setPerson(_ r: inout ClaimRecord, _ person: Int) {
    r.person = person
    r.region = world.region(of: person)
    r.insutype = world.insutype(of: person)
  }

  /// A person who is not near a stay this week.
  private func visitor(_ batch: Int, _ random: inout SplitMix64) -> Int {
    let block = random.below(world.population / 8)
    return block * 8 + (batch + 3 + random.below(5)) % 8
  }

  /// A day of the week after its rhythm, and an hour of the clinic.
  private func moment(_ batch: Int, _ random: inout SplitMix64, lastDay: Int = 6) -> Int64 {
    let weights = [18, 16, 15, 14, 15, 12, 10]
    var target = random.below(weights.prefix(lastDay + 1).reduce(0, +))
    var day = 0
    while target >= weights[day] {
      target -= weights[day]
      day += 1
    }
    let hour = random.percent(65) ? 8 + random.below(4) : 14 + random.below(4)
    return (Self.monday(batch) + Int64(day)) * 86_400 + Int64(hour * 3_600 + random.below(3_600))
  }

  private func isWinter(_ time: Int64) -> Bool {
    let month = CivilTime.date(CivilTime.dayOf(time: time)).month
    return month >= 11 || month <= 3
  }

  private func begin(_ r: inout ClaimRecord, at time: Int64) {
    r.begin = time
    r.end = time + 1_200
    r.settled = time + 1_800
  }

  private func outpatient(_ r: inout ClaimRecord, _ batch: Int, _ random: inout SplitMix64) {
    let catalogue = world.catalogue
    setPerson(&r, visitor(batch, &random))
    r.institution = world.outpatient[outpatientRank.rank(&random)]
    let kind = random.below(100)
    r.medType = kind < 86 ? 11 : kind < 96 ? 1_301 : 51
    begin(&r, at: moment(batch, &random))
    r.doctor = world.doctor(of: r.institution, random.below(8))
    r.add(catalogue, item: catalogue.visitFee, count: 1, at: r.begin, doctor: r.doctor)
    let winter = isWinter(r.begin)
    for _ in 0..<1 + random.below(3) {
      let item =
        winter && random.percent(40)
        ? catalogue.winterDrugs[random.below(catalogue.winterDrugs.count)]
        : catalogue.drugs[drugRank.rank(&random)]
      r.add(catalogue, item: item, count: Int64(1 + random.below(2)), at: r.begin + 600, doctor: r.doctor)
    }
    if random.percent(45) {
      r.add(
        catalogue, item: catalogue.labs[random.below(catalogue.labs.count)], count: 1, at: r.begin + 300,
        doctor: r.doctor)
    }
    if random.percent(20) {
      r.add(
        catalogue, item: catalogue.exams[random.below(catalogue.exams.count)], count: 1, at: r.begin + 400,
        doctor: r.doctor)
    }
    if random.percent(8) {
      for _ in 0..<6 {
        r.add(
          catalogue, item: catalogue.pieces[random.below(catalogue.pieces.count)], count: Int64(30 + random.below(60)),
          at: r.begin + 700, doctor: r.doctor)
      }
    }
    if random.percent(4) {
      r.add(
        catalogue, item: catalogue.notPayable[random.below(catalogue.notPayable.count)], count: 1, at: r.begin + 800,
        doctor: r.doctor, payable: false)
    }
    giveBack(&r, &random)
    r.settle(percent: r.insutype == 310 ? 60 : 50)
  }

  private func pharmacy(_ r: inout ClaimRecord, _ batch: Int, _ random: inout SplitMix64) {
    let catalogue = world.catalogue
    setPerson(&r, visitor(batch, &random))
    r.institution = world.pharmacies[pharmacyRank.rank(&random)]
    r.medType = 41
    begin(&r, at: moment(batch, &random))
    for _ in 0..<1 + random.below(3) {
      let item =
        random.percent(60)
        ? catalogue.patent[patentRank.rank(&random)] : catalogue.drugs[drugRank.rank(&random)]
      r.add(catalogue, item: item, count: Int64(1 + random.below(2)), at: r.begin, doctor: -1)
    }
    giveBack(&r, &random)
    r.settle(percent: 50)
  }

  private func chronic(_ r: inout ClaimRecord, _ batch: Int, _ number: Int, _ random: inout SplitMix64) {
    let catalogue = world.catalogue
    // Blocks of 128: four purchase weeks of 8 chronic persons each, of whom five are not near a stay.
    let person = (number / 5 * 128 + batch % 4 * 32 + (batch + 3 + number % 5) % 8) % world.population
    setPerson(&r, person)
    r.institution = world.outpatient[outpatientRank.rank(&random)]
    r.medType = [140_104, 140_104, 140_101, 140_201][random.below(4)]
    let disease = catalogue.diseases[world.chronicDisease(of: person) ?? 0]
    r.disease = disease.code
    begin(&r, at: moment(batch, &random, lastDay: 4))
    r.doctor = world.doctor(of: r.institution, random.below(8))
    for n in 0..<min(disease.items.count, 2 + random.below(2)) {
      let item = catalogue.items[disease.items[n]]
      r.add(
        catalogue, item: disease.items[n], count: Int64(28 / max(1, item.supplyDays)), at: r.begin + 600,
        doctor: r.doctor)
    }
    if random.percent(50) {
      r.add(
        catalogue, item: catalogue.labs[random.below(catalogue.labs.count)], count: 1, at: r.begin + 300,
        doctor: r.doctor)
    }
    r.settle(percent: r.insutype == 310 ? 85 : 70)
  }

  private func stay(_ r: inout ClaimRecord, _ batch: Int, _ number: Int, _ random: inout SplitMix64) {
    // Every eight weeks the turn is other persons'.
    let turn = batch / 8 * ((world.population / 5 + 24) / 25 * 2)
    let person = ((turn + number) * 8 + batch % 8) % (world.population / 8 * 8)
    setPerson(&r, person)
    r.institution = world.hospitals[hospitalRank.rank(&random)]
    r.medType = 21
    let end = moment(batch, &random) / 86_400
    let nights = Int64(2 + random.below(6) + random.below(6))
    fillStay(&r, begin: end - nights, end: end, &random)
    if random.percent(25) { addOperation(&r, &random) }
    r.settle(percent: r.insutype == 310 ? 82 : 65, deductible: 60_000)
  }

  /// Dates, diagnoses and lines of a stay; every day has something done to the patient.
  func fillStay(_ r: inout ClaimRecord, begin: Int64, end: Int64, _ random: inout SplitMix64) {
    let catalogue = world.catalogue
    r.isStay = true
    r.begin = begin * 86_400 + Int64(8 * 3_600 + random.below(28_000))
    r.end = end * 86_400 + Int64(9 * 3_600 + random.below(20_000))
    if r.end <= r.begin { r.end = r.begin + 3_600 }
    r.settled = r.end + 1_800
    r.doctor = world.doctor(of: r.institution, random.below(8))
    r.department = r.doctor < 0 ? 0 : world.practitioners[r.doctor].department
    r.medicalRecord = 30_000_000 + r.mdtrt % 10_000_000
    let winter = isWinter(r.begin)
    var main = random.below(Catalogue.ordinaryDiagnoses)
    while Catalogue.diagnoses[main].winter && !winter || Catalogue.diagnoses[main].code.hasPrefix("O") {
      main = random.below(Catalogue.ordinaryDiagnoses)
    }
    r.diagnoses = [main]
    for other in 1..<4 where random.percent(50) && other != main { r.diagnoses.append(other) }
    for day in begin...end {
      let morning = day * 86_400 + 8 * 3_600 + Int64(random.below(1_200))
      // Nothing is billed before admission.
      let time = max(morning, r.begin)
      if day < end || begin == end {
        r.add(catalogue, item: catalogue.bed, count: 1, at: time, doctor: r.doctor)
        r.add(catalogue, item: catalogue.nursing, count: 1, at: time, doctor: r.doctor)
        r.add(catalogue, item: catalogue.roundFee, count: 1, at: time, doctor: r.doctor)
        r.add(catalogue, item: catalogue.treatments[0], count: 1, at: time + 1_800, doctor: r.doctor)
        r.add(catalogue, item: catalogue.consumables[0], count: 1, at: time + 1_800, doctor: r.doctor)
        for _ in 0..<1 + random.below(3) {
          r.add(
            catalogue, item: catalogue.infusions[random.below(catalogue.infusions.count)],
            count: Int64(1 + random.below(2)), at: time + 1_800, doctor: r.doctor)
        }
      }
      if day == begin || random.percent(12) {
        r.add(
          catalogue, item: catalogue.labs[random.below(catalogue.labs.count)], count: 1, at: time + 2_400,
          doctor: r.doctor)
      }
      if day == begin {
        r.add(
          catalogue, item: catalogue.exams[random.below(catalogue.exams.count)], count: 1, at: time + 3_000,
          doctor: r.doctor)
      }
    }
    for item in inpatientSpecials where rank(r.institution) >= 2 {
      r.add(catalogue, item: item, count: 1, at: r.begin + 3_600, doctor: r.doctor)
    }
    if random.percent(50) {
      r.add(catalogue, item: catalogue.drugs[drugRank.rank(&random)], count: 1, at: r.end, doctor: r.doctor)
      r.lines[r.lines.count - 1].takeHome = true
    }
    if random.percent(30) {
      // One unit of the last infusion is taken back; what is left still counts.
      r.takeBack(line: r.lines.count / 2)
    }
  }

  private func addOperation(_ r: inout ClaimRecord, _ random: inout SplitMix64) {
    let n = random.below(Catalogue.operations.count)
    r.operations = [n]
    r.add(
      world.catalogue, item: world.catalogue.surgery[n], count: 1, at: r.begin + 7_200, doctor: r.doctor)
  }

  /// Rank of an institution's level as the registry has it on the first Monday (hosp_lv_rank).
  func rank(_ institution: Int) -> Int { Self.rank(level: world.institutions[institution].level) }

  static func rank(level: String) -> Int {
    switch level {
    case "01", "02", "03", "04", "12": 3
    case "05", "06", "07", "13": 2
    case "08", "09", "10", "14": 1
    case "11": 0
    default: -1
    }
  }

  /// Five in a hundred lines of a real extract are negative: part of them name their original, part do not.
  private func giveBack(_ r: inout ClaimRecord, _ random: inout SplitMix64) {
    let n = random.below(100)
    if n < 8 { r.takeBack(line: r.lines.count - 1, linked: n < 5) }
  }
}
