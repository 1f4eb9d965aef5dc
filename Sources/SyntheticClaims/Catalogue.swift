/// A drug, service or consumable, as lines carry it.
struct Item: Sendable {
  var code: String
  /// hilist_code of the line; mostly the national code.
  var hilistCode: String
  var name: String
  var listType: Int
  /// 01 … 04 as lines carry it.
  var level: Int
  var chargeType: String
  var spec: String
  var form: String
  /// 1/1,000,000 yuan… here in fen × 10,000: the unit of `pric`.
  var pric: Int64
  /// What the patient pays first, 1/10,000; 10,000 for what is not payable.
  var selfpayRatio: Int64
  /// Days that one unit lasts, 0 if the item is not in drug_sup_b.
  var supplyDays: Int = 0
  var supplyKey: String = ""
  /// sup_days as written where they are no whole number; last day of the row.
  var supplyText: String = ""
  var supplyEnd: Int64?
}

/// A row of hilist_b. Days since 1970; nil end is open.
struct CatalogueRow: Sendable {
  var region: String
  var code: String
  var name: String
  var listType: Int
  var level: String
  var begin: Int64
  var end: Int64?
}

/// A chronic disease and the items its patients get.
struct Disease: Sendable {
  var code: String
  var name: String
  var items: [Int]
}

/// A row of opsp_dise_drug_b. Days since 1970; nil end is open.
struct DiseaseDrugRow: Sendable {
  var region: String
  var disease: String
  /// A national code or its beginning.
  var drug: String
  var begin: Int64
  var end: Int64?
}

/// What is sold: items, where they are listed, which diseases they belong to.
struct Catalogue: Sendable {
  var items: [Item] = []
  var rows: [CatalogueRow] = []
  var diseases: [Disease] = []
  /// Rows of opsp_dise_drug_b beside those of `diseases`.
  var diseaseRows: [DiseaseDrugRow] = []
  /// Items of the background by use.
  var drugs: [Int] = []
  var patent: [Int] = []
  var pieces: [Int] = []
  var winterDrugs: [Int] = []
  var infusions: [Int] = []
  var labs: [Int] = []
  var exams: [Int] = []
  var treatments: [Int] = []
  var surgery: [Int] = []
  var consumables: [Int] = []
  var notPayable: [Int] = []
  var bed = 0
  var nursing = 0
  var roundFee = 0
  var visitFee = 0
  var birth = 0
  var dialysis = 0

  static let opens: Int64 = 18_262  // 2020-01-01

  init() {
    addDrugs()
    addServices()
  }

  mutating func add(_ item: Item, region: String = "000000", level: String? = nil) -> Int {
    items.append(item)
    rows.append(
      CatalogueRow(
        region: region, code: item.hilistCode, name: item.name, listType: item.listType,
        level: level ?? "0\(item.level)", begin: Self.opens, end: nil))
    return items.count - 1
  }

  private mutating func addDrugs() {
    // name, class and generic (9 characters after X), form, specification, fen a box, days a box, 甲/乙, disease
    let generics: [(String, String, String, String, Int64, Int, Int, String)] = [
      ("苯磺酸氨氯地平片", "C08CAA001", "片剂", "5mg×28片", 1_986, 28, 1, "M03900"),
      ("厄贝沙坦片", "C09CAE003", "片剂", "150mg×14片", 1_452, 14, 1, "M03900"),
      ("美托洛尔缓释片", "C07ABM005", "缓释片", "47.5mg×28片", 3_120, 28, 1, "M03900"),
      ("吲达帕胺片", "C03BAY002", "片剂", "2.5mg×28片", 986, 28, 1, "M03900"),
      ("盐酸二甲双胍片", "A10BAE006", "片剂", "0.5g×56片", 1_260, 28, 1, "M01600"),
      ("阿卡波糖片", "A10BFA007", "片剂", "50mg×42片", 2_388, 14, 1, "M01600"),
      ("格列美脲片", "A10BBG008", "片剂", "2mg×28片", 2_140, 28, 1, "M01600"),
      ("甘精胰岛素注射液", "A10AEG009", "注射剂", "3ml:300单位", 7_798, 14, 2, "M01600"),
      ("阿托伐他汀钙片", "C10AAA010", "片剂", "20mg×28片", 2_536, 28, 1, "M04600"),
      ("阿司匹林肠溶片", "B01ACA011", "肠溶片", "100mg×28片", 1_188, 28, 1, "M04600"),
      ("单硝酸异山梨酯片", "C01DAD012", "片剂", "20mg×56片", 1_672, 28, 1, "M04600"),
      ("硫酸氢氯吡格雷片", "B01ACL013", "片剂", "75mg×7片", 2_044, 7, 2, "M04600"),
      ("噻托溴铵粉吸入剂", "R03BBS014", "吸入剂", "18μg×28粒", 13_860, 28, 2, "M05300"),
      ("布地奈德福莫特罗吸入剂", "R03AKB015", "吸入剂", "160μg×60吸", 15_990, 28, 2, "M05300"),
      ("茶碱缓释片", "R03DAC016", "缓释片", "0.1g×28片", 1_210, 14, 1, "M05300"),
      ("百令胶囊", "R03DXB017", "胶囊剂", "0.5g×56粒", 5_432, 7, 2, "M07800"),
      ("复方α-酮酸片", "V06DDF018", "片剂", "0.63g×100片", 16_240, 14, 2, "M07800"),
      ("骨化三醇软胶囊", "A11CCG019", "软胶囊", "0.25μg×28粒", 4_864, 28, 2, "M07800"),
      ("阿莫西林胶囊", "J01CAA020", "胶囊剂", "0.25g×24粒", 1_130, 0, 1, ""),
      ("头孢呋辛酯片", "J01DCT021", "片剂", "0.25g×12片", 1_876, 0, 1, ""),
      ("左氧氟沙星片", "J01MAZ022", "片剂", "0.5g×4片", 1_422, 0, 1, ""),
      ("阿奇霉素片", "J01FAA023", "片剂", "0.25g×6片", 1_368, 0, 1, ""),
      ("布洛芬缓释胶囊", "M01AEB024", "胶囊剂", "0.3g×20粒", 1_586, 0, 1, ""),
      ("对乙酰氨基酚片", "N02BED025", "片剂", "0.5g×12片", 480, 0, 1, ""),
      ("氯雷他定片", "R06AXL026", "片剂", "10mg×6片", 1_230, 0, 1, ""),
      ("氨溴索口服溶液", "R05CBA027", "口服溶液", "100ml:0.6g", 2_256, 0, 2, ""),
      ("奥美拉唑肠溶胶囊", "A02BCA028", "胶囊剂", "20mg×14粒", 1_362, 0, 1, ""),
      ("铝碳酸镁咀嚼片", "A02AHL029", "咀嚼片", "0.5g×20片", 1_884, 0, 2, ""),
      ("蒙脱石散", "A07BCM030", "散剂", "3g×10袋", 1_268, 0, 1, ""),
      ("双歧杆菌三联活菌胶囊", "A07FAS031", "胶囊剂", "210mg×24粒", 2_690, 0, 2, ""),
      ("左甲状腺素钠片", "H03AAZ032", "片剂", "50μg×100片", 2_988, 0, 1, ""),
      ("甲钴胺片", "B03BAJ033", "片剂", "0.5mg×20片", 1_988, 0, 2, ""),
      ("碳酸钙D3片", "A12AXT034", "片剂", "600mg×30片", 3_260, 0, 2, ""),
      ("艾司唑仑片", "N05CDA035", "片剂", "1mg×20片", 386, 0, 1, ""),
      ("玻璃酸钠滴眼液", "S01KAB036", "滴眼剂", "5ml:5mg", 2_740, 0, 2, ""),
    ]
    var byDisease: [String: [Int]] = [:]
    for (n, g) in generics.enumerated() {
      // The same generic of three makers: codes that share their first ten characters.
      for maker in 0..<3 {
        let code = "X" + g.1 + "A001010" + "\(1 + maker)" + digits(10_000 + n * 7 + maker * 131, 5)
        let item = Item(
          code: code, hilistCode: code, name: g.0, listType: 101, level: g.6, chargeType: "09", spec: g.3, form: g.2,
          pric: (g.4 * Int64(100 - 9 * maker) / 100) * 10_000, selfpayRatio: g.6 == 1 ? 0 : 1_000, supplyDays: g.5,
          supplyKey: g.5 > 0 ? String(code.prefix(10)) : "")
        let index = add(item)
        drugs.append(index)
        if ["J01", "R05", "R06", "N02"].contains(String(g.1.prefix(3))) { winterDrugs.append(index) }
        if !g.7.isEmpty, maker == n % 3 { byDisease[g.7, default: []].append(index) }
      }
    }
    let names = [
      ("M03900", "高血压"), ("M01600", "糖尿病"), ("M04600", "冠心病"), ("M05300", "慢性阻塞性肺疾病"),
      ("M07800", "慢性肾功能衰竭"),
    ]
    diseases = names.map { Disease(code: $0.0, name: $0.1, items: byDisease[$0.0] ?? []) }
    let infusionData: [(String, String, String, Int64)] = [
      ("氯化钠注射液", "B05XAL037", "100ml:0.9g", 318), ("葡萄糖注射液", "B05BAP038", "250ml:12.5g", 356),
      ("注射用头孢曲松钠", "J01DDT039", "1g", 486), ("注射用泮托拉唑钠", "A02BCP040", "40mg", 720),
      ("盐酸氨溴索注射液", "R05CBA041", "2ml:15mg", 364), ("注射用哌拉西林钠他唑巴坦钠", "J01CRP042", "4.5g", 2_260),
      ("维生素C注射液", "A11GAW043", "5ml:1g", 210), ("复方氨基酸注射液('18AA-V')", "B05BAA044", "250ml:8.06g", 1_630),
    ]
    for (n, g) in infusionData.enumerated() {
      let code = "X" + g.1 + "B0020101" + digits(30_000 + n * 17, 5)
      infusions.append(
        add(
          Item(
            code: code, hilistCode: code, name: g.0, listType: 101, level: n % 3 == 2 ? 2 : 1, chargeType: "09",
            spec: g.2, form: "注射剂", pric: g.3 * 10_000, selfpayRatio: n % 3 == 2 ? 1_000 : 0)))
    }
    for (n, g) in [
      ("连花清瘟胶囊", 1_476), ("板蓝根颗粒", 1_120), ("感冒灵颗粒", 1_328), ("复方丹参滴丸", 2_680), ("六味地黄丸", 1_588),
      ("银杏叶片", 2_196), ("血府逐瘀胶囊", 3_340), ("蒲地蓝消炎口服液", 3_280),
    ].enumerated() {
      let code = "ZA04CA\(digits(23 + n, 4))01" + digits(60_100 + n, 8)
      patent.append(
        add(
          Item(
            code: code, hilistCode: code, name: g.0, listType: 101, level: 2, chargeType: "11", spec: "1盒",
            form: "中成药", pric: Int64(g.1) * 10_000, selfpayRatio: 1_000)))
    }
    for (n, name) in ["黄芪", "当归", "白术", "茯苓", "甘草", "丹参", "川芎", "党参", "陈皮", "半夏"].enumerated() {
      let code = "T" + digits(700_200 + n * 311, 9)
      // Prices with four decimals, as pieces are billed by the gram.
      pieces.append(
        add(
          Item(
            code: code, hilistCode: code, name: name, listType: 102, level: 1, chargeType: "10", spec: "1g", form: "饮片",
            pric: Int64(53_500 + n * 11_300), selfpayRatio: 0)))
    }
  }

  private mutating func addServices() {
    func service(_ n: Int, _ name: String, _ type: String, _ fen: Int64, level: Int = 1) -> Item {
      let code = "00" + digits(110_200_001 + n * 1_000, 9) + "0000"
      return Item(
        code: code, hilistCode: code, name: name, listType: 201, level: level, chargeType: type, spec: "次", form: "",
        pric: fen * 10_000, selfpayRatio: level == 1 ? 0 : level == 2 ? 1_000 : 10_000)
    }
    let province = "990000"
    bed = add(service(1, "普通病房床位费", "01", 4_000), region: province)
    roundFee = add(service(2, "住院诊察费", "02", 2_000), region: province)
    visitFee = add(service(3, "门诊诊察费", "02", 1_200), region: province)
    nursing = add(service(4, "Ⅱ级护理", "07", 1_500), region: province)
    birth = add(service(5, "单胎顺产接生", "05", 86_000), region: province)
    dialysis = add(service(6, "血液透析", "05", 38_000), region: province)
    for (n, g) in [
      ("血细胞分析", 1_800), ("葡萄糖测定", 700), ("肝功能常规", 4_200), ("肾功能常规", 3_600), ("血脂六项", 4_800),
      ("C反应蛋白测定", 2_600), ("尿液分析", 1_000), ("糖化血红蛋白测定", 5_500),
    ].enumerated() { labs.append(add(service(10 + n, g.0, "04", Int64(g.1)), region: "990100")) }
    for (n, g) in [
      ("常规心电图检查", 2_000), ("胸部X线摄影", 6_400), ("腹部彩色多普勒超声", 11_000), ("头颅CT平扫", 19_800), ("胃镜检查", 23_500),
    ].enumerated() {
      exams.append(add(service(30 + n, g.0, "03", Int64(g.1), level: n > 2 ? 2 : 1), region: province))
    }
    for (n, g) in [
      ("静脉输液", 900), ("肌肉注射", 300), ("雾化吸入", 1_100), ("氧气吸入", 400), ("针刺治疗", 2_600), ("运动疗法", 4_200), ("换药", 1_600),
    ].enumerated() { treatments.append(add(service(50 + n, g.0, "05", Int64(g.1)), region: province)) }
    for (n, g) in [("腹腔镜阑尾切除术", 142_000), ("白内障超声乳化术", 186_000), ("剖宫产术", 158_000), ("骨折切开复位内固定术", 235_000)]
      .enumerated()
    { surgery.append(add(service(70 + n, g.0, "06", Int64(g.1)), region: province)) }
    for (n, name) in ["整形美容咨询", "特需病房床位费", "自费体检套餐"].enumerated() {
      notPayable.append(add(service(90 + n, name, "14", Int64(9_900 + n * 8_000), level: 3), region: province))
    }
    for (n, g) in [("一次性使用输液器", 260), ("一次性使用注射器", 80), ("医用敷贴", 420), ("留置针", 1_850)].enumerated() {
      let code = "C14" + digits(5_000_100 + n * 97, 10) + digits(1_310 + n, 14)
      consumables.append(
        add(
          Item(
            code: code, hilistCode: code, name: g.0, listType: 301, level: 2, chargeType: "08", spec: "支", form: "",
            pric: Int64(g.1) * 10_000, selfpayRatio: 1_000), region: province))
    }
  }

  /// ICD-10 diagnoses of stays.
  static let ordinaryDiagnoses = 14
  static let diagnoses: [(code: String, name: String, winter: Bool)] = [
    ("J18.900", "肺炎", true), ("I10.x00", "原发性高血压", false), ("E11.900", "2型糖尿病", false),
    ("I25.103", "冠状动脉粥样硬化性心脏病", false), ("J44.100", "慢性阻塞性肺疾病急性加重", true), ("K35.800", "急性阑尾炎", false),
    ("I63.900", "脑梗死", false), ("M51.202", "腰椎间盘突出", false), ("K29.500", "慢性胃炎", false), ("H25.900", "老年性白内障", false),
    ("S82.200", "胫骨骨折", false), ("J20.900", "急性支气管炎", true), ("O80.000", "头位顺产", false), ("N18.900", "慢性肾脏病", false),
    // From here on only in plans.
    ("Z51.100", "恶性肿瘤化学治疗", false), ("Z51.000", "恶性肿瘤放射治疗", false), ("Z49.100", "体外透析", false),
    ("Z51.800", "其他特指的医疗照顾", false),
    ("P07.300", "早产儿", false), ("J18.000", "支气管肺炎", false), ("j18.901", "社区获得性肺炎", false),
  ]

  /// ICD-9-CM-3 operations.
  static let operations: [(code: String, name: String)] = [
    ("47.0100", "腹腔镜下阑尾切除术"), ("13.4100", "白内障超声乳化抽吸术"), ("74.1x00", "低位子宫下段剖宫产"), ("79.3600", "胫骨骨折切开复位内固定"),
  ]
}

/// A number with leading zeros.
func digits(_ n: Int, _ width: Int) -> String {
  let s = String(n)
  return s.utf8.count >= width ? s : String(repeating: "0", count: width - s.utf8.count) + s
}
