import ClaimModel

/// What is planted: records by batch, registry rows, and what must be found in them.
///
/// Each rule has a file `Plan+<rule>.swift`. Look-alikes are in every kind of sample, hits in all but `clean`.
struct Plan: Sendable {
  var world: World
  var limits: [LimitRow] = []
  var registrations: [Registration] = []
  /// Items with limits that ordinary stays of hospitals of rank 2 and 3 carry.
  var inpatientSpecials: [Int] = []
  private(set) var planned: [[ClaimRecord]]
  private(set) var items: [PlannedItem] = []
  let withHits: Bool
  let seed: UInt64
  private var visits = 0
  private var persons = 0
  /// Hospitals that plans made for themselves.
  var hospitalsMade = 0
  /// An item whose lines have no med_chrgitm_type.
  var untyped = 0

  /// How often each look-alike is planted.
  let copies = 2

  init(_ options: SynthOptions, _ world: World) {
    self.world = world
    seed = options.seed
    planned = [[ClaimRecord]](repeating: [], count: options.batches)
    withHits = options.planted == .planted || options.planted == .load
    plantLimits()
    if options.planted == .broken {
      // Its files are for reading, not for judging; the registries stay whole.
      planned = [[ClaimRecord]](repeating: [], count: options.batches)
      items = []
      return
    }
    plantDistantStays()
    plantCatalogue()
    plantOverlaps()
    plantElsewhere()
    plantChronic()
    plantOddRows()
    plantReadmissions()
    plantIdleDays()
    plantBeds()
    plantStock()
    plantDiseaseDrugs()
  }

  func records(_ batch: Int) -> [ClaimRecord] { planned[batch] }

  /// The second batch, or the only one.
  var second: Int { min(1, planned.count - 1) }

  // MARK: What the plans are made of

  /// A person of a household of their own; two relatives follow.
  mutating func newPerson() -> Int {
    persons += 1
    return (world.population / 3 + 2 + persons) * 3
  }

  /// A visit without lines, `day` counted from the batch's Monday.
  mutating func visit(
    _ batch: Int, _ person: Int, _ institution: Int, _ medType: Int, day: Int, hour: Int = 9, insutype: Int = 390,
    region: Int = 990101
  ) -> ClaimRecord {
    visits += 1
    var r = ClaimRecord()
    r.mdtrt = BackgroundWeeks.mdtrt(batch, 50_000_000 + visits)
    r.setl = BackgroundWeeks.setl(batch, 50_000_000 + visits)
    r.person = person
    r.institution = institution
    r.medType = medType
    r.insutype = insutype
    r.region = region
    r.begin = (BackgroundWeeks.monday(batch) + Int64(day)) * 86_400 + Int64(hour * 3_600 + visits % 3_000)
    r.end = r.begin + 1_200
    r.settled = r.begin + 1_800
    r.doctor = world.doctor(of: institution, visits)
    return r
  }

  /// A stay with its lines, not yet settled.
  mutating func stay(
    _ batch: Int, _ person: Int, _ institution: Int, from: Int, to: Int, medType: Int = 21, insutype: Int = 390,
    region: Int = 990101
  ) -> ClaimRecord {
    var r = visit(batch, person, institution, medType, day: from, insutype: insutype, region: region)
    var random = SplitMix64(seed ^ 0x7374_6179, visits)
    // The plan's own items come with each plan, so the world is taken as it is now.
    var weeks = BackgroundWeeks(world: world)
    weeks.inpatientSpecials = inpatientSpecials
    weeks.fillStay(
      &r, begin: BackgroundWeeks.monday(batch) + Int64(from), end: BackgroundWeeks.monday(batch) + Int64(to), &random)
    return r
  }

  /// Adds a line at a moment of the visit; gives its bkkp_sn.
  @discardableResult
  mutating func line(
    _ r: inout ClaimRecord, _ item: Int, _ count: Int64 = 1, after seconds: Int64 = 600,
    change: (inout LineRecord) -> Void = { _ in }
  ) -> Int64 {
    r.add(world.catalogue, item: item, count: count, at: r.begin + seconds, doctor: r.doctor)
    change(&r.lines[r.lines.count - 1])
    return r.lines[r.lines.count - 1].sn
  }

  func takeBack(_ r: inout ClaimRecord, line index: Int, linked: Bool = true) {
    r.takeBack(line: index, linked: linked)
  }

  mutating func put(_ r: ClaimRecord, in batch: Int) { planned[batch].append(r) }

  mutating func expect(_ item: PlannedItem) { items.append(item) }

  /// The refund of a settlement: a negative row that names it, negative lines, and the original sent again.
  mutating func refund(_ original: ClaimRecord, in batch: Int, resend: Bool = true, day: Int = 2) {
    var back = original
    visits += 1
    back.setl = BackgroundWeeks.setl(batch, 50_000_000 + visits)
    back.initSetl = original.setl
    back.refunded = true
    back.settled = max(original.settled + 7_200, (BackgroundWeeks.monday(batch) + Int64(day)) * 86_400 + 36_000)
    back.writesVisit = false
    back.lines = []
    for line in original.lines where line.cnt > 0 {
      var negative = line
      negative.sn = (back.setl % 100_000_000_000_000) * 10_000 + Int64(back.lines.count + 1)
      negative.cnt = -line.cnt
      negative.det = -line.det
      negative.inscp = line.inscp.map { -$0 }
      negative.ownpay = -line.ownpay
      negative.preself = -line.preself
      negative.initSn = line.sn
      back.lines.append(negative)
    }
    put(back, in: batch)
    if resend {
      var again = original
      again.refunded = true
      again.updated = back.settled + 3_600
      again.writesVisit = false
      again.lines = []
      put(again, in: batch)
    }
  }

  /// Later rows of a visit: no settlement, no visit, only these lines.
  mutating func laterLines(_ original: ClaimRecord, _ lines: [LineRecord], in batch: Int) {
    var later = original
    later.lines = lines
    later.settled = max(original.settled + 7_200, BackgroundWeeks.monday(batch) * 86_400 + 36_000)
    later.writesSettlement = false
    later.writesVisit = false
    put(later, in: batch)
  }

  func code(_ institution: Int) -> String { world.institutions[institution].code }

  static func day(_ r: ClaimRecord) -> Int64 { CivilTime.dayOf(time: r.begin) }

  // MARK: Scope without violations

  /// Persons with two stays weeks apart and a visit elsewhere afterwards, so that the pair rules have pairs to judge.
  private mutating func plantDistantStays() {
    for n in 0..<110 {
      let batch = n % planned.count
      let person = newPerson()
      let first = world.hospitals[n % 4]
      let other = world.hospitals[(n + 1) % 4]
      var early = stay(batch, person, first, from: -34 - n % 5, to: -32 - n % 5)
      early.settle(percent: 65, deductible: 30_000)
      put(early, in: batch)
      var late = stay(batch, person, other, from: -1 - n % 2, to: 1 - n % 2)
      late.settle(percent: 65, deductible: 30_000)
      put(late, in: batch)
      var after = visit(batch, person, first, 11, day: 3 + n % 3)
      line(&after, world.catalogue.visitFee)
      line(&after, world.catalogue.labs[n % 8])
      after.settle(percent: 50)
      put(after, in: batch)
    }
  }

  /// Rows that are odd without being anybody's fault, and settlements that do not reconcile, each in another way.
  private mutating func plantOddRows() {
    let catalogue = world.catalogue
    func plain(_ plan: inout Plan, _ n: Int) -> ClaimRecord {
      var r = plan.visit(0, plan.newPerson(), plan.world.hospitals[n % 3], 11, day: n % 5)
      plan.line(&r, catalogue.visitFee)
      plan.line(&r, catalogue.drugs[n], 2)
      plan.line(&r, catalogue.labs[n % 8])
      r.settle(percent: 50)
      return r
    }
    // A line that the settlement holds and the lines do not.
    var lost = plain(&self, 1)
    lost.lines.removeLast()
    put(lost, in: 0)
    var fen = plain(&self, 2)
    fen.medfee += 1
    put(fen, in: 0)
    // Lines are taken back in part, the settlement is not changed.
    var part = plain(&self, 3)
    takeBack(&part, line: 1)
    put(part, in: 0)
    // A negative line without partner.
    var alone = plain(&self, 4)
    takeBack(&alone, line: 1, linked: false)
    alone.lines[3].pric += 10_000
    put(alone, in: 0)
    // A whole line taken back without naming it.
    var paired = plain(&self, 5)
    takeBack(&paired, line: 1, linked: false)
    paired.settle(percent: 50)
    put(paired, in: 0)
    // Not yet settled; a settlement that nobody knows.
    var open = plain(&self, 6)
    open.lines[2].unsettled = true
    put(open, in: 0)
    var unknown = plain(&self, 7)
    unknown.lines[2].setl = BackgroundWeeks.setl(0, 99_000_001)
    put(unknown, in: 0)
    // A refund of a settlement of long ago.
    var orphan = plain(&self, 8)
    orphan.initSetl = BackgroundWeeks.setl(0, 99_000_002)
    orphan.refunded = true
    orphan.writesVisit = false
    orphan.lines = []
    put(orphan, in: 0)
    // Sent twice: the later version in the next batch has another quantity; and one that is cancelled there.
    var twice = plain(&self, 9)
    put(twice, in: 0)
    twice.lines = [twice.lines[1]]
    twice.lines[0].updated = twice.settled + 90_000
    twice.lines[0].takeHome = true
    laterLines(twice, twice.lines, in: second)
    var cancelled = plain(&self, 10)
    put(cancelled, in: 0)
    cancelled.lines = [cancelled.lines[2]]
    cancelled.lines[0].valid = false
    cancelled.lines[0].updated = cancelled.settled + 90_000
    laterLines(cancelled, cancelled.lines, in: second)
    var voided = plain(&self, 11)
    put(voided, in: 0)
    voided.settlementValid = false
    voided.updated = voided.settled + 90_000
    voided.writesVisit = false
    voided.lines = []
    put(voided, in: second)
  }
}
