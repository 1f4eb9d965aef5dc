import Audit
import ClaimModel
import Diagnostics
import Registries
import RulePacks
import Testing

/// Rules of each shape over small claims, with what they must find worked out by hand.
struct ShapeTests {
  /// Two stays of one person in two hospitals, a pharmacy visit during the first, and their lines.
  ///
  ///     M1  H1  03-01 … 03-05  S1  L1 30.00  L2 20.00 (F 10.00)  U 5.00
  ///     M2  H2  03-04 … 03-06  S2  L1 40.00 (F 40.00)
  ///     M3  P1  03-03          S3  L1 12.00 (F 6.00)
  static let week: ClaimsFixture = {
    var f = ClaimsFixture()
    f.add(
      .stay,
      [
        "mdtrt_id": "M1", "psn_no": "p1", "fixmedins_code": "H1", "begin_day": "2025-03-01", "end_day": "2025-03-05",
        "nights": "4", "stay_A": "50", "stay_F": "45", "dscg_way": "1", "dx": "I10",
      ])
    f.add(
      .stay,
      [
        "mdtrt_id": "M2", "psn_no": "p1", "fixmedins_code": "H2", "begin_day": "2025-03-04", "end_day": "2025-03-06",
        "nights": "2", "stay_A": "40", "stay_F": "40", "dscg_way": "2", "dx": "J18",
      ])
    f.add(.visit, ["mdtrt_id": "M1", "psn_no": "p1"])
    f.add(.visit, ["mdtrt_id": "M2", "psn_no": "p1"])
    f.add(
      .settlement,
      [
        "setl_id": "S1", "mdtrt_id": "M1", "psn_no": "p1", "fixmedins_code": "H1", "P": "45", "U": "5", "A": "50",
        "visit_class": "inpatient", "fix_blng_admdvs": "330106", "day": "2025-03-01",
      ])
    f.add(
      .settlement,
      [
        "setl_id": "S2", "mdtrt_id": "M2", "psn_no": "p1", "fixmedins_code": "H2", "P": "40", "U": "0", "A": "40",
        "visit_class": "inpatient", "visit_med_type": "26", "fix_blng_admdvs": "330200", "day": "2025-03-04",
      ])
    f.add(
      .settlement,
      [
        "setl_id": "S3", "mdtrt_id": "M3", "psn_no": "p1", "fixmedins_code": "P1", "P": "6", "U": "0", "A": "12",
        "visit_class": "pharmacy", "bydise_setl_payamt": "0.01", "day": "2025-03-03",
      ])
    f.add(
      .line,
      [
        "id": "M1:1", "mdtrt_id": "M1", "setl_id": "S1", "psn_no": "p1", "fixmedins_code": "H1", "day": "2025-03-02",
        "A": "30", "F": "30", "med_list_codg": "XA01", "list_type": "101", "bilg_dr_code": "D1", "cnt": "2",
      ])
    f.add(
      .line,
      [
        "id": "M1:2", "mdtrt_id": "M1", "setl_id": "S1", "psn_no": "p1", "fixmedins_code": "H1", "day": "2025-03-03",
        "A": "20", "F": "10", "med_list_codg": "xb02", "list_type": "201", "cnt": "1",
      ])
    f.add(
      .line,
      [
        "id": "M2:1", "mdtrt_id": "M2", "setl_id": "S2", "psn_no": "p1", "fixmedins_code": "H2", "day": "2025-03-04",
        "A": "40", "F": "40", "med_list_codg": "XA01", "list_type": "101", "cnt": "3",
      ])
    f.add(
      .line,
      [
        "id": "M3:1", "mdtrt_id": "M3", "setl_id": "S3", "psn_no": "p1", "fixmedins_code": "P1", "day": "2025-03-03",
        "A": "12", "F": "6", "list_type": "101", "cnt": "1",
      ])
    return f
  }()

  /// The result, after checking that the order of rows changes nothing.
  func run(_ rule: Rule, _ fixture: ClaimsFixture = week, _ files: [String: String] = [:], floor: Int = 0) throws
    -> AuditResult
  {
    func once(_ fixture: ClaimsFixture) throws -> AuditResult {
      let codes = CodeTable()
      let tables = try registries(files, codes)
      return try audit(
        rules: [rule],
        AuditInput(claims: fixture.claims(codes), registries: tables, fillFloorPercent: floor))
    }
    let result = try once(fixture)
    let backwards = try once(fixture.reversed)
    #expect(result.findings == backwards.findings)
    #expect(result.suppressions == backwards.suppressions)
    #expect(result.coverage == backwards.coverage)
    return result
  }

  static let catalogue = """
    admdvs,hilist_code,hilist_name,list_type,chrgitm_lv,begndate,enddate
    330000,XA01,甲,101,03,2025-01-01,
    000000,XA01,甲,101,01,2025-01-01,
    000000,XB02,乙,201,03,2025-03-03,2025-03-03

    """

  /// A line whose catalogue row is 03.
  var outOfCatalogue: Rule {
    var rule = Rule()
    rule.id = "T-1"
    rule.version = 3
    rule.status = .active
    rule.scope = .compare(.greater, line("A"), .integer(0))
    rule.lookups = [
      Lookup(
        name: "cat", table: "hilist_b", keys: [.init(column: "hilist_code", alternatives: [line("med_list_codg")])],
        region: line("settlement.fix_blng_admdvs"), day: line("day"))
    ]
    rule.unevaluable = [Unevaluable(when: .isNull(line("med_list_codg")), reason: "no code")]
    rule.condition = .compare(.equal, .registry(lookup: "cat", column: "chrgitm_lv", kind: .text), .text("03"))
    rule.cases = always(.definite, precedence: 7)
    rule.subject = line("fixmedins_code")
    rule.psnNo = line("psn_no")
    rule.key = [line("id")]
    rule.settlements = ["line"]
    rule.lines = .hits(binding: "line")
    rule.from = line("day")
    rule.measure = line("A")
    rule.threshold = .integer(0)
    rule.amountA = .sumA
    rule.amountF = .sumF
    rule.explain = [
      .value(line("day"), .day), .text(" "), .amountA, .text("/"), .amountF, .text(" "), .value(line("setl_id"), .text),
      .value(line("hilist_code"), .text),
    ]
    return rule
  }

  @Test func eachLineWithRegionOrderAndCase() throws {
    let result = try run(outOfCatalogue, Self.week, ["hilist_b": Self.catalogue])
    // M1:1 and M2:1 are in province 33, whose row 03 wins over the nation's 01; xb02 is found as XB02 on its one day.
    #expect(Set(result.findings.map(\.key)) == ["M1:1", "M1:2", "M2:1"])
    #expect(result.findings.map(\.id) == result.findings.map(\.id).sorted())
    let found = try #require(result.findings.first { $0.key == "M1:2" })
    #expect(found.id == StableID.finding(rule: "T-1", key: "M1:2"))
    #expect(found.ruleVersion == 3)
    #expect(found.verdict == .definite)
    #expect(found.precedence == 7)
    #expect(found.subject == "H1")
    #expect(found.psnNo == "p1")
    #expect(found.fixmedinsCode == "")
    #expect(found.setlIDs == ["S1"])
    #expect(found.lineIDs == ["M1:2"])
    #expect(found.from == day("2025-03-03"))
    #expect(found.to == nil)
    #expect(found.measure == 2000)
    #expect(found.amountFen == 2000)
    #expect(found.fundFen == 1000)
    #expect(found.isEstimate == false)
    #expect(found.explanation == "2025-03-03 20.00/10.00 S1无")
    #expect(found.claims == [UnitClaim(unit: "M1:2", fen: 1000, fixmedinsCode: "H1", psnNo: "p1", practitioner: "")])
    #expect(result.findings.first { $0.key == "M1:1" }?.claims.first?.practitioner == "D1")
    #expect(result.findings.first { $0.key == "M2:1" }?.isEstimate == true, "day surgery")
    var expected = RuleCoverage(rule: "T-1", ruleVersion: 3, status: .run)
    expected.rowsInScope = 4
    expected.rowsEvaluated = 3
    expected.rowsUnevaluable = 1
    expected.findings = 3
    expected.amountFen = 9000
    expected.fundFen = 8000
    #expect(result.coverage == [expected])
  }

  @Test(arguments: ["330106", "000000"])
  func overlappingRowsOnAnyLevelMakeTheRowUnevaluable(level: String) throws {
    let twice = "\(level),XA01,甲,101,01,2025-03-02,2025-03-02\n"
    // Two rows of the level on 2 March only (000000 has one more throughout): M1:1 is silent, M2:1 on the 4th is not
    // for 330106; the nation's open row is rejected whole, so there M2:1 is silent too.
    let result = try run(outOfCatalogue, Self.week, ["hilist_b": Self.catalogue + twice + twice])
    #expect(result.findings.map(\.key).sorted() == (level == "000000" ? ["M1:2"] : ["M1:2", "M2:1"]))
    #expect(result.coverage[0].rowsUnevaluable == (level == "000000" ? 3 : 2))
  }

  @Test func laterAlternativesAreAskedOnlyIfEarlierFindNothing() throws {
    var rule = outOfCatalogue
    rule.lookups[0].keys[0].alternatives = [line("hilist_code"), line("med_list_codg")]
    rule.unevaluable = []
    var claims = Self.week
    // 01 nationally under hilist_code wins over 03 under med_list_codg; an unknown hilist_code does not.
    claims.rows[.line]?[0]["hilist_code"] = "ZZ99"
    claims.rows[.line]?[2]["hilist_code"] = "ZZ88"
    let result = try run(
      rule, claims, ["hilist_b": Self.catalogue + "000000,ZZ99,丙,101,01,2025-01-01,\n"])
    #expect(result.findings.map(\.key).sorted() == ["M1:2", "M2:1"])
  }

  @Test func existenceWithinDays() throws {
    var rule = outOfCatalogue
    rule.scope = .isSame(line("list_type"), .text("101"))
    rule.unevaluable = []
    rule.parameters = [
      Parameter(
        name: "span",
        values: [.init(from: nil, value: 1, basis: ""), .init(from: day("2025-03-03"), value: 2, basis: "")])
    ]
    rule.parameterDay = line("day")
    rule.lookups = [
      Lookup(
        name: "reg", table: "opsp_reg_d",
        keys: [
          .init(column: "psn_no", alternatives: [line("psn_no")]),
          .init(column: "opsp_dise_code", alternatives: [line("dise_codg")], anyWhenNull: true),
        ], day: line("day"), within: .parameter("span"), take: .any)
    ]
    rule.condition = .not(.found(lookup: "reg"))
    var claims = Self.week
    claims.rows[.line]?[0]["dise_codg"] = "M01"
    // The registration for M02 ends on 1 March: two days before the 3rd (span 2 from then on), one before the 2nd
    // but for another disease, three before the 4th.
    let result = try run(
      rule, claims,
      ["opsp_reg_d": "psn_no,insu_admdvs,opsp_dise_code,begndate,enddate\nP1,330100,m02,2025-01-01,2025-03-01\n"])
    #expect(result.findings.map(\.key).sorted() == ["M1:1", "M2:1"])
  }

  /// The limits of a line's item on its day, one group for each type.
  private static let limitsByType = Lookup(
    name: "lim", table: "hilist_lmt_b",
    keys: [.init(column: "med_list_codg", alternatives: [line("med_list_codg")])], day: line("day"),
    take: .groups(by: "lmt_type"))

  /// Of several groups of one line the one whose value comes first speaks for the finding, however the registry's file
  /// has them.
  @Test func theOrderOfARegistryDecidesNothing() throws {
    var rule = outOfCatalogue
    rule.lookups = [Self.limitsByType]
    let type = Expr.registry(lookup: "lim", column: "lmt_type", kind: .text)
    rule.unevaluable = []
    rule.unless = []
    rule.condition = .boolean(true)
    rule.cases = [
      VerdictCase(
        when: .isSame(.atGreatestOfHits(type, by: line("A")), .text("hosp_lv")), verdict: .definite, severity: .high,
        precedence: 1), VerdictCase(when: .boolean(true), verdict: .suspected, severity: .low, precedence: 2),
    ]
    rule.key = [line("id")]
    let head = "kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,begndate,enddate\n"
    let rows = [
      "1,XA01,visit,inpatient,1,t,2025-01-01,\n", "2,XA01,insutype,310,1,t,2025-01-01,\n",
      "3,XA01,hosp_lv,2,1,t,2025-01-01,\n",
    ]
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]] {
      let result = try run(rule, Self.week, ["hilist_lmt_b": head + order.map { rows[$0] }.joined()])
      #expect(!result.findings.isEmpty)
      #expect(result.findings.allSatisfy { $0.verdict == .definite }, "\(order)")
    }
  }

  @Test func groupsGiveOneRowForEachValue() throws {
    var rule = outOfCatalogue
    rule.lookups = [Self.limitsByType]
    let type = Expr.registry(lookup: "lim", column: "lmt_type", kind: .text)
    let value = Expr.number(.registry(lookup: "lim", column: "lmt_val", kind: .text))
    rule.unevaluable = []
    rule.condition = .or([
      .and([
        .isSame(type, .text("visit")),
        .not(.setContains(lookup: "lim", column: "lmt_val", line("settlement.visit_class"))),
      ]),
      .and([.isSame(type, .text("hosp_lv")), .compare(.less, .integer(2), .setGreatest(lookup: "lim", value))]),
    ])
    rule.cases = [
      VerdictCase(
        when: .compare(
          .equal, .setLeast(lookup: "lim", .registry(lookup: "lim", column: "sure_flag", kind: .integer)), .integer(1)),
        verdict: .definite, severity: .high, precedence: 1),
      VerdictCase(when: .boolean(true), verdict: .suspected, severity: .low, precedence: 2),
    ]
    rule.key = [line("id"), type]
    rule.fill = [line("med_list_codg")]
    rule.measure = .setGreatest(lookup: "lim", value)
    let limits = """
      kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,begndate,enddate
      1,XA01,visit,outpatient,1,t,2025-01-01,
      2,XA01,visit,emergency,0,t,2025-01-01,
      3,XA01,hosp_lv,2,1,t,2025-01-01,
      4,XA01,hosp_lv,3,1,t,2025-03-04,
      5,XB02,visit,inpatient,1,t,2025-01-01,

      """
    let result = try run(rule, Self.week, ["hilist_lmt_b": limits], floor: 75)
    // Rows in scope: M1:1 × 2, M1:2 × 1, M2:1 × 2. Level 3 from 4 March on.
    #expect(result.coverage[0].rowsInScope == 5)
    let byKey = Dictionary(uniqueKeysWithValues: result.findings.map { ($0.key, $0) })
    #expect(byKey.keys.sorted() == ["M1:1|visit", "M2:1|hosp_lv", "M2:1|visit"])
    #expect(byKey["M1:1|visit"]?.verdict == .suspected, "the lowest sure_flag holds")
    #expect(byKey["M1:1|visit"]?.measure == nil)
    #expect(byKey["M2:1|hosp_lv"]?.verdict == .definite)
    #expect(byKey["M2:1|hosp_lv"]?.measure == 3)
    // 3 of the 4 lines with A > 0 have a code: 75 %.
    let strict = try run(rule, Self.week, ["hilist_lmt_b": limits], floor: 76)
    #expect(strict.findings.isEmpty)
    #expect(strict.coverage[0].status == .notRunnable)
    #expect(strict.coverage[0].obstacle == .hardlyFilled(column: "med_list_codg", percent: 75, rows: 4, floor: 76))
  }

  func stay(_ path: String) -> Expr { claim(path, .stay) }

  /// Stays of one person that share at least a night.
  var overlap: Rule {
    var rule = Rule()
    rule.id = "T-2"
    rule.status = .active
    rule.shape = .pair(
      a: ("a", .stay), b: ("b", .stay), match: [PairMatch(a: stay("a.psn_no"), b: stay("b.psn_no"))],
      order: .unordered(column: "mdtrt_id"))
    let nights = Expr.subtract(
      .least([stay("a.end_day"), stay("b.end_day")]), .greatest([stay("a.begin_day"), stay("b.begin_day")]))
    rule.parameters = [Parameter(name: "n", values: [.init(from: nil, value: 1, basis: "")])]
    rule.condition = .compare(.greaterOrEqual, nights, .parameter("n"))
    rule.cases = always(.suspected)
    rule.atIssue = AtIssue(binding: "s", order: [.init(column: "stay_F", kind: .money, descending: false)])
    rule.subject = stay("s.fixmedins_code")
    rule.key = [stay("a.mdtrt_id"), stay("b.mdtrt_id")]
    rule.settlements = ["a", "b"]
    rule.from = .greatest([stay("a.begin_day"), stay("b.begin_day")])
    rule.measure = nights
    rule.amountA = .stayA(binding: "s")
    rule.amountF = .stayF(binding: "s")
    return rule
  }

  @Test func unorderedPairsOnceWithTheCheaperAtIssue() throws {
    let result = try run(overlap)
    #expect(result.findings.map(\.key) == ["M1|M2"])
    let found = try #require(result.findings.first)
    #expect(found.subject == "H2")
    #expect(found.setlIDs == ["S1", "S2"])
    #expect(found.lineIDs == [])
    #expect(found.measure == 1)
    #expect(found.from == day("2025-03-04"))
    #expect(found.amountFen == 4000)
    #expect(found.fundFen == 4000)
    #expect(found.claims.map(\.unit) == ["M2:1"])
    #expect(found.isEstimate)
    #expect(result.coverage[0].rowsInScope == 1)
    // The dearer one at issue brings its rest.
    var dear = overlap
    dear.atIssue?.order[0].descending = true
    let other = try #require(try run(dear).findings.first)
    #expect(other.subject == "H1")
    #expect(other.claims.map(\.unit) == ["M1:1", "M1:2", "U:S1"])
    #expect(other.claims.map(\.fen) == [3000, 1000, 500])
    #expect(other.fundFen == 4500)
  }

  @Test func exemptionsAreRecordedWhereTheFindingWouldStand() throws {
    var rule = overlap
    let nights = rule.measure ?? .integer(0)
    rule.exemptions = [
      Exemption(id: "EX-01", when: .compare(.equal, stay("b.dscg_way"), .text("2")), text: "b.dscg_way = '2'"),
      Exemption(id: "EX-04", when: .compare(.equal, stay("a.medrcdno"), stay("b.medrcdno")), text: "same record"),
      Exemption(id: "EX-01", when: .compare(.equal, nights, .integer(1)), text: "n = 1"),
      Exemption(id: "EX-00", when: .compare(.less, nights, .integer(2)), text: "n < 2"),
    ]
    let result = try run(rule)
    #expect(result.findings.isEmpty)
    // EX-04 compares two nulls: it never excuses.
    #expect(result.suppressions.map(\.exemption) == ["EX-00", "EX-01"])
    #expect(result.suppressions.map(\.evidence) == ["n < 2", "b.dscg_way = '2'; n = 1"])
    #expect(result.suppressions.first?.subject == "H2")
    #expect(result.suppressions.first?.findingID == StableID.finding(rule: "T-2", key: "M1|M2"))
    #expect(result.coverage[0].suppressed == 2)
    // Where no case would give a verdict there is nothing to suppress.
    rule.cases = [
      VerdictCase(when: .compare(.greater, nights, .integer(9)), verdict: .lead, severity: .low, precedence: 1)
    ]
    #expect(try run(rule).suppressions.isEmpty)
  }

  /// Stays and lines elsewhere within them, one finding for each stay and settlement.
  @Test func pairsOfTwoEntitiesMakeOneFindingForEachKey() throws {
    var rule = Rule()
    rule.id = "T-3"
    rule.status = .active
    let out = { claim("out." + $0, .line) }
    rule.shape = .pair(
      a: ("stay", .stay), b: ("out", .line),
      match: [PairMatch(a: stay("stay.psn_no"), b: out("settlement.psn_no"))], order: .every)
    rule.scope = .and([
      .compare(.notEqual, stay("stay.fixmedins_code"), out("fixmedins_code")),
      .compare(.greater, out("A"), .integer(0)),
    ])
    rule.condition = .and([
      .compare(.greaterOrEqual, out("day"), stay("stay.begin_day")),
      .compare(.lessOrEqual, out("day"), stay("stay.end_day")),
    ])
    rule.exemptions = [Exemption(id: "EX-02", when: .compare(.equal, out("list_type"), .text("201")), text: "x")]
    rule.cases = [
      VerdictCase(
        when: .allHits(.startsWith(out("list_type"), ["1"])), verdict: .lead, severity: .low, precedence: .max),
      VerdictCase(
        when: .anyHit(.startsWith(out("list_type"), ["1"])), verdict: .suspected, severity: .low, precedence: 2),
    ]
    rule.subjectType = .person
    rule.subject = stay("stay.psn_no")
    rule.key = [stay("stay.mdtrt_id"), out("setl_id")]
    rule.settlements = ["stay", "out"]
    rule.lines = .hits(binding: "out")
    rule.from = .leastOfHits(out("day"))
    rule.to = .greatestOfHits(out("day"))
    rule.measure = .countHits
    rule.threshold = .sumOfHits(out("cnt"))
    rule.amountA = .sumA
    rule.amountF = .sumF
    var claims = Self.week
    // Three more lines in the pharmacy: one on the admission day, one the day after discharge, one exempt.
    for (id, date, type) in [
      ("M3:2", "2025-03-01", "301"), ("M3:3", "2025-03-06", "101"), ("M3:4", "2025-03-02", "201"),
    ] {
      claims.add(
        .line,
        [
          "id": id, "mdtrt_id": "M3", "setl_id": "S3", "psn_no": "p1", "fixmedins_code": "P1", "day": date, "A": "1",
          "F": "0.5", "list_type": type, "cnt": "1",
        ])
    }
    let result = try run(rule, claims)
    // M1 with S3: M3:1 (drug) and M3:2 (not), M3:4 exempt; M1 with S2: M2:1 on the 4th; M2 with S3: M3:3 on the 6th.
    let byKey = Dictionary(uniqueKeysWithValues: result.findings.map { ($0.key, $0) })
    #expect(byKey.keys.sorted() == ["M1|S2", "M1|S3", "M2|S3"])
    let found = try #require(byKey["M1|S3"])
    #expect(found.verdict == .suspected)
    #expect(found.lineIDs == ["M3:1", "M3:2"])
    #expect(found.setlIDs == ["S1", "S3"])
    #expect(found.from == day("2025-03-01"))
    #expect(found.to == day("2025-03-03"))
    #expect(found.measure == 2)
    #expect(found.threshold == 20_000)
    #expect(found.amountFen == 1300)
    #expect(found.fundFen == 650)
    #expect(found.claims.map(\.unit) == ["M3:1", "M3:2"])
    #expect(found.isEstimate, "S3 is paid by case")
    #expect(byKey["M2|S3"]?.verdict == .lead)
    #expect(result.suppressions.map(\.findingID) == [found.id])
    // Candidates elsewhere: M1 with M2:1 and 4 lines of S3; M2 with 2 of S1 and 4 of S3.
    #expect(result.coverage[0].rowsInScope == 11)

    // Many lines of somebody without a stay, and of nobody, are in no pair.
    for (settlement, person) in [("S4", "p2"), ("S5", "")] {
      claims.add(
        .settlement,
        ["setl_id": settlement, "mdtrt_id": "M4", "psn_no": person, "fixmedins_code": "P1", "P": "1", "A": "20"])
      for k in 0..<10 {
        claims.add(
          .line,
          [
            "id": "M4:\(settlement)\(k)", "mdtrt_id": "M4", "setl_id": settlement, "psn_no": person,
            "fixmedins_code": "P1", "day": "2025-03-03", "A": "2", "F": "1", "list_type": "101", "cnt": "1",
          ])
      }
    }
    let more = try run(rule, claims)
    #expect(more.findings == result.findings)
    #expect(more.coverage[0].rowsInScope == 11)
  }

  @Test func settlementsWithWhatBelongsToThem() throws {
    var rule = Rule()
    rule.id = "T-4"
    rule.status = .shadow
    rule.shape = .each(binding: "settlement", entity: .settlement)
    let drug = Expr.startsWith(claim("l.list_type", .line), ["1"])
    func over(_ function: ChildAggregate.Function, _ value: Expr?) -> Expr {
      .children(
        ChildAggregate(
          function: function, variable: "l", of: .line, binding: "settlement", path: [], condition: drug, value: value))
    }
    rule.condition = .and([
      over(.exists, nil), .compare(.greaterOrEqual, over(.sum, claim("l.A", .line)), .integer(3000)),
    ])
    rule.cases = always(.suspected, precedence: 3)
    rule.subject = settlement("fixmedins_code")
    rule.key = [settlement("setl_id")]
    rule.settlements = ["settlement"]
    rule.lines = .children(binding: "settlement", variable: "l", condition: drug)
    rule.measure = over(.count, nil)
    rule.amountA = .settlementA(binding: "settlement")
    rule.amountF = .settlementP(binding: "settlement")
    var result = try run(rule)
    #expect(result.findings.map(\.key).sorted() == ["S1", "S2"])
    #expect(result.coverage[0].status == .shadow)
    #expect(result.findings.allSatisfy { $0.claims.isEmpty && $0.precedence == .max }, "a shadow rule takes no money")
    rule.status = .active
    result = try run(rule)
    let found = try #require(result.findings.first { $0.key == "S1" })
    #expect(found.lineIDs == ["M1:1"])
    #expect(found.measure == 1)
    #expect(found.amountFen == 5000)
    #expect(found.fundFen == 4500)
    #expect(found.claims.map(\.unit) == ["M1:1", "M1:2", "U:S1"])
    rule.status = .draft
    #expect(try run(rule).coverage[0].status == .off)
  }

  @Test func rulesWithoutTheirInputsDoNotRun() throws {
    let rule = outOfCatalogue
    #expect(try run(rule).coverage[0].obstacle == .missingRegistry("hilist_b"))
    let header = "admdvs,hilist_code,hilist_name,list_type,chrgitm_lv,begndate,enddate\n"
    let empty = try run(rule, Self.week, ["hilist_b": header])
    #expect(empty.coverage[0].status == .notRunnable)
    #expect(empty.coverage[0].obstacle == .emptyRegistry("hilist_b"))
    var absent = overlap
    absent.absence = [.feeLines]
    let claims = Self.week.claims()
    let result = try audit(
      rules: [absent, overlap],
      AuditInput(claims: claims, registries: Registries(), incompleteTables: [.feeLines: "2025-W10~2"]))
    #expect(result.coverage.map(\.status) == [.notRunnable, .run])
    #expect(result.coverage[0].obstacle == .incompleteTable(.feeLines, batch: "2025-W10~2"))
  }

  @Test func overflowStopsTheRuleAndNamesIt() throws {
    var rule = overlap
    rule.condition = .compare(.greater, .multiply(stay("a.stay_F"), .integer(.max)), .integer(0))
    let result = try run(rule)
    #expect(result.findings.isEmpty)
    #expect(result.coverage[0].status == .notRunnable)
    #expect(result.coverage[0].obstacle == .overflow)
    #expect(result.diagnostics.map(\.code) == ["audit.overflow"])
    #expect(result.diagnostics[0].message.contains("T-2"))
  }

  /// Ten lines of 10^18 − 1 fen: each finding fits 64 bits, their sum does not. They are kept, at once and over parts.
  @Test func aSumOverFindingsBeyond64BitsStopsNothing() throws {
    var f = ClaimsFixture()
    for i in 0..<10 {
      f.add(
        .settlement,
        ["setl_id": "S\(i)", "mdtrt_id": "M\(i)", "psn_no": "p\(i)", "fixmedins_code": "H1", "day": "2025-03-02"])
      f.add(
        .line,
        [
          "id": "M\(i):1", "mdtrt_id": "M\(i)", "setl_id": "S\(i)", "psn_no": "p\(i)", "fixmedins_code": "H1",
          "day": "2025-03-02", "A": "9999999999999999.99", "F": "9999999999999999.99", "hilist_code": "X",
        ])
    }
    var rule = outOfCatalogue
    rule.lookups = []
    rule.unevaluable = []
    rule.condition = .compare(.greater, line("A"), .integer(0))
    let codes = CodeTable()
    let claims = f.claims(codes)
    let shelf = RegistryShelf(Registries(), codes: codes)
    let part = auditPart(rules: [rule], AuditInput(claims: claims, registries: Registries()), shelf: shelf)
    for result in [try run(rule, f), try finish([part], rules: [rule], registries: Registries())] {
      #expect(result.findings.map(\.amountFen) == [Int64](repeating: 999_999_999_999_999_999, count: 10))
      #expect(result.coverage[0].status == .run)
      #expect(result.coverage[0].findings == 10)
      #expect(result.coverage[0].amountFen == 9_999_999_999_999_999_990)
      #expect(result.coverage[0].fundFen == 9_999_999_999_999_999_990)
      #expect(result.diagnostics.isEmpty)
    }
  }

  @Test func rowsAndColumnsForOthers() throws {
    let codes = CodeTable()
    let tables = try registries(["hilist_b": Self.catalogue + "110000,XA01,甲,101,01,2025-01-01,\n"], codes)
    let claims = Self.week.claims(codes)
    let rows = registryRowsLookedAt(rules: [outOfCatalogue], claims: claims, registries: tables, rows: [.line: [0]])
    #expect(rows == ["hilist_b": [0, 1]], "both levels of the code, not the other province or code")
    let columns = neededColumns(rules: [outOfCatalogue, overlap])
    #expect(columns[.feeLines]?.isSuperset(of: ["med_list_codg", "psn_no", "fixmedins_code", "bilg_dr_code"]) == true)
    #expect(columns[.feeLines]?.contains("A") == false)
    #expect(columns[.settlements]?.contains("fix_blng_admdvs") == true)
    #expect(columns[.visits]?.contains("psn_no") == true)
  }
}
