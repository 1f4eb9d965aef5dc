import ClaimModel

/// A hospital, clinic or pharmacy.
struct Institution: Sendable {
  var code: String
  var name: String
  var isPharmacy: Bool
  /// hosp_lv; empty is null.
  var level: String
  /// hosp_lv of the registry from a day on, where it changes.
  var levelFrom: (day: Int64, level: String)?
  var kind: String
  /// aprv_bed_cnt; 0 is null, −1 is written as 0.
  var beds: Int
  var region: Int
  var takesStays: Bool
  /// Approved beds and kind from a day on, where one of them changes.
  var bedsFrom: (day: Int64, beds: Int)?
  var kindFrom: (day: Int64, kind: String)?
}

struct Practitioner: Sendable {
  var code: String
  var name: String
  var institution: Int
  var department: Int
}

/// An insured person. Everything follows from the index, so that millions need no memory.
struct Person {
  var number: String
  var name: String
  var certificate: String
  /// 1 man, 2 woman.
  var sex: Int
  var born: Int64
  var region: Int
  var insutype: Int
  var psnType: String
  var phone: String
  var address: String
  var relative: String
}

/// Who is insured and who treats them. Regions begin with 99, which no province has.
struct World: Sendable {
  static let counties = [990101, 990102, 990103]
  /// A region without any row in opsp_reg_d.
  static let uncovered = 990109
  static let departments: [(code: String, name: String)] = [
    ("A0301", "内科"), ("A0401", "外科"), ("A0501", "妇产科"), ("A0701", "儿科"), ("A5001", "中医科"), ("A2101", "康复医学科"),
    // Not among the departments of practitioners: the same first three characters as the first.
    ("A0304", "呼吸内科专业"),
  ]

  /// So many of the departments have practitioners.
  static let staffed = 6

  let seed: UInt64
  var catalogue: Catalogue
  var institutions: [Institution] = []
  /// Eight a hospital, two a clinic; a pharmacy has none.
  var practitioners: [Practitioner] = []
  var practitionersOf: [Range<Int>] = []
  /// Institutions for stays, for outpatients and pharmacies, by falling size.
  var hospitals: [Int] = []
  var outpatient: [Int] = []
  var pharmacies: [Int] = []
  /// Persons 0 ..< population are the background's; planned persons come after.
  let population: Int

  init(seed: UInt64, settlementsPerBatch n: Int) {
    self.seed = seed
    catalogue = Catalogue()
    // A chronic patient buys once in four weeks: five times the settlements leaves enough of them (BackgroundWeeks).
    population = (max(1, n) * 5 + 127) / 128 * 128
    let copies = 1 + n / 5_000
    let hospitalData: [(String, String, String, Int, Int, Bool)] = [
      ("澄溪市第一人民医院", "02", "general", 900, 990101, true), ("栖原县人民医院", "05", "general", 420, 990102, true),
      ("澄溪市中医医院", "03", "tcm", 380, 990101, true), ("岚浦县人民医院", "06", "general", 300, 990103, true),
      ("澄溪市妇幼保健院", "13", "maternal", 180, 990101, true), ("栖原县康宁精神病医院", "07", "psychiatric", 160, 990102, false),
      ("澄溪康复医院", "14", "rehabilitation", 90, 990101, true), ("澄溪明视眼科医院", "11", "eye", 60, 990101, false),
      ("霁霞社区卫生服务中心", "09", "community", 30, 990101, false), ("栖原县榆川镇卫生院", "08", "community", 40, 990102, true),
      ("岚浦县芷汀乡卫生院", "10", "community", 24, 990103, false), ("澄溪惠和门诊部", "11", "clinic", 0, 990101, false),
      ("岚浦县安颐护理院", "10", "nursing", 80, 990103, false),
    ]
    let pharmacyNames = ["澄溪大药房人民路店", "澄溪大药房栖霞店", "栖原益民药店", "岚浦康源药店", "榆川福安药房", "霁霞百草堂"]
    for copy in 0..<copies {
      let suffix = copy == 0 ? "" : "第\(copy + 1)分院"
      for (k, h) in hospitalData.enumerated() {
        addInstitution(
          Institution(
            code: "H\(h.4)" + digits(1_000 + copy * 40 + k, 5), name: h.0 + suffix, isPharmacy: false, level: h.1,
            kind: h.2, beds: h.3 == 0 ? 0 : h.3 + n / 20, region: h.4, takesStays: h.5), practitioners: k == 11 ? 2 : 8)
      }
      for (k, name) in pharmacyNames.enumerated() {
        addInstitution(
          Institution(
            code: "P\(Self.counties[k % 3])" + digits(2_000 + copy * 40 + k, 5), name: name + suffix, isPharmacy: true,
            level: "", kind: k < 2 ? "chain_pharmacy" : "single_pharmacy", beds: 0, region: Self.counties[k % 3],
            takesStays: false), practitioners: 0)
      }
    }
    for (i, institution) in institutions.enumerated() {
      if institution.isPharmacy {
        pharmacies.append(i)
      } else {
        if institution.takesStays { hospitals.append(i) }
        if institution.kind != "nursing" { outpatient.append(i) }
      }
    }
  }

  /// Adds an institution and gives its index.
  @discardableResult
  mutating func addInstitution(_ institution: Institution, practitioners count: Int) -> Int {
    institutions.append(institution)
    let start = practitioners.count
    for k in 0..<count {
      let n = institutions.count * 10 + k
      var random = SplitMix64(seed ^ 0x6472, n)
      practitioners.append(
        Practitioner(
          code: "D\(institution.region)" + digits(100_000 + n, 6), name: Self.name(&random),
          institution: institutions.count - 1, department: k % Self.staffed))
    }
    practitionersOf.append(start..<practitioners.count)
    return institutions.count - 1
  }

  /// A practitioner of an institution; -1 if it has none.
  func doctor(of institution: Int, _ n: Int) -> Int {
    let range = practitionersOf[institution]
    return range.isEmpty ? -1 : range.lowerBound + n % range.count
  }

  /// Registrations of a background person: every fourth of eight neighbours is chronic (BackgroundWeeks).
  func chronicDisease(of person: Int) -> Int? {
    guard person < population, person / 8 % 4 == 0 else { return nil }
    return SplitMix64.hash(seed, person) % catalogue.diseases.count
  }

  func region(of person: Int) -> Int { Self.counties[SplitMix64.hash(seed ^ 7, person / 3) % 3] }

  func insutype(of person: Int) -> Int { SplitMix64.hash(seed ^ 11, person / 3) % 10 < 3 ? 310 : 390 }

  static func number(of person: Int) -> String { "9901" + digits(2_000_000_000 + person, 16) }

  /// Name, dates and numbers of a person. Families of three share surname, address and insurance.
  func person(_ index: Int) -> Person {
    var family = SplitMix64(seed ^ 0x66, index / 3)
    var own = SplitMix64(seed ^ 0x70, index)
    let surname = Self.surnames[family.below(Self.surnames.count)]
    let street = Self.streets[family.below(Self.streets.count)]
    let house = 1 + family.below(400)
    let region = region(of: index)
    let insutype = insutype(of: index)
    let sex = 1 + own.below(2)
    // Chronic patients are old; others of any age.
    let age = chronicDisease(of: index) != nil ? 48 + own.below(42) : 1 + own.below(88)
    let born = 20_089 - Int64(age) * 365 - Int64(own.below(365))
    let given = Self.given[own.below(Self.given.count)] + Self.given[own.below(Self.given.count)]
    let date = CivilTime.text(day: born).utf8.filter { $0 != 0x2D }
    let stem =
      "\(region)" + String(decoding: date, as: UTF8.self) + digits(SplitMix64.hash(seed ^ 13, index) % 1_000, 3)
    return Person(
      number: Self.number(of: index), name: surname + given, certificate: stem + Self.wrongCheckDigit(stem), sex: sex,
      born: born, region: region, insutype: insutype,
      psnType: insutype == 310 ? (age >= 60 ? "12" : "11") : age < 18 ? "1403" : "14",
      phone: "100" + digits(SplitMix64.hash(seed ^ 17, index) % 100_000_000, 8),
      address: "澄溪市" + street + "\(house)号", relative: surname + Self.given[family.below(Self.given.count)] + "珩")
  }

  /// As `person`, with the number only: names and addresses cost more than all else of a narrow row.
  func numberedPerson(_ index: Int) -> Person {
    Person(
      number: Self.number(of: index), name: "", certificate: "", sex: 1, born: 0, region: 0, insutype: 0, psnType: "",
      phone: "", address: "", relative: "")
  }

  /// A digit that fails ISO 7064 MOD 11-2, so that no certificate number can be a real person's.
  static func wrongCheckDigit(_ stem: String) -> String {
    var power = 1
    var sum = 0
    for byte in stem.utf8.reversed() {
      power = power * 2 % 11
      sum += Int(byte &- 0x30) * power
    }
    let right = (12 - sum % 11) % 11
    return String((right + 1) % 10 == right ? (right + 2) % 10 : (right + 1) % 10)
  }

  static func name(_ random: inout SplitMix64) -> String {
    surnames[random.below(surnames.count)] + given[random.below(given.count)] + given[random.below(given.count)]
  }

  // Rare characters: a search for these names in logs and reports finds no ordinary word.
  private static let surnames = [
    "佘", "厍", "郏", "郗", "郤", "逯", "阚", "隗", "麴", "亓", "璩", "晁", "庹", "昝", "笪", "谯", "闫", "缑",
  ]
  private static let given = [
    "翀", "珩", "昀", "烨", "彧", "琬", "棽", "沅", "翊", "瑨", "淼", "婳", "槿", "煊", "柠", "骞", "倓", "玥", "旻", "嫄", "祎", "骐", "绾",
    "垚",
  ]
  private static let streets = ["栖霞里", "榆川巷", "芷汀路", "霁霞街", "岚浦东路", "枕溪巷", "听泉里"]
}

extension SplitMix64 {
  /// One number of a stream, for attributes that follow from an index.
  static func hash(_ seed: UInt64, _ index: Int) -> Int {
    var random = SplitMix64(seed ^ UInt64(bitPattern: Int64(index)) &* 0x9E37_79B9_7F4A_7C15)
    return Int(random.next() >> 33)
  }
}
