import ClaimModel
import Diagnostics
import Normalize
import Testing

/// Raw rows at random, without a file: null keys, odd ids and amounts near the edge come through here, which no reader
/// would let pass.
struct RandomRawClaims {
  enum Taste: CaseIterable {
    /// Few ids: versions, refunds, reversals and pairs everywhere.
    case crowded
    /// Ids with long shared beginnings, zeros and colons inside, one the beginning of another.
    case oddIDs
    /// Many rows in few visits and settlements.
    case bigGroups
    /// Many ids, all rows in order of their ids and no version: what a clean file is.
    case orderly
    /// Amounts near 2^63.
    case hugeAmounts
  }

  private var random: SplitMix64
  private let taste: Taste
  private let codes = CodeTable()
  private let segments = [("B1", "a", 0), ("B1", "b", 1), ("B1", "b", 0), ("B2", "A", 0)]

  init(seed: UInt64, _ taste: Taste) {
    random = SplitMix64(seed: seed)
    self.taste = taste
  }

  private mutating func below(_ n: Int) -> Int { Int(random.next() % UInt64(n)) }
  private mutating func pick(_ values: [String], null percent: Int = 0) -> UInt32 {
    below(100) < percent ? 0 : codes.intern(values[below(values.count)])
  }
  private mutating func pick(_ values: [Int64], null percent: Int = 0) -> Int64 {
    below(100) < percent ? ColumnData.null : values[below(values.count)]
  }

  private mutating func id(_ kind: String, of most: Int) -> UInt32 {
    if taste != .orderly, below(60) == 0 { return 0 }
    let n = below(max(1, most))
    switch taste {
    case .oddIDs:
      let long = kind + String(repeating: "9", count: 8 + n % 3 * 8)
      return codes.intern(
        [
          long + "\(n)", long, kind, kind + ":\(n % 5)", kind + "\0", kind + "\0\0\(n % 2)", "\(n)" + long,
          long + "\0", "院\(n)\(kind)", long + long + "\(n / 8)",
        ][n % 10])
    case .orderly: return codes.intern(kind + String(10000 + n))
    default: return codes.intern(kind + "\(n)")
    }
  }

  private struct Rows {
    var columns: [String: ColumnData] = [:]
    var origin: [RowOrigin] = []

    mutating func add(_ origin: RowOrigin, _ texts: [String: UInt32], _ numbers: [String: Int64]) {
      for (name, code) in texts { columns[name] = .text((columns[name]?.codes ?? []) + [code]) }
      for (name, value) in numbers { columns[name] = .number((columns[name]?.numbers ?? []) + [value]) }
      self.origin.append(origin)
    }
  }

  mutating func input() -> NormalizationInput {
    let isBig = taste == .bigGroups
    let visits = taste == .orderly ? 400 : taste == .oddIDs ? 40 : isBig ? 3 : 8
    let flag = ["1", "1", "1", "1", "1", "1", "1", "0"]
    let times: [Int64] = [0, 86399, 86400, -1, 1_700_000_000, 1_700_000_000, 1_700_003_600, 1_700_100_000]
    let updates: [Int64] = taste == .orderly ? [5] : [1, 2, 2, 3]
    func edge(_ values: [Int64]) -> [Int64] {
      taste == .hugeAmounts ? values + [Int64.max, Int64.max / 2, Int64.max / 3 * 2] : values
    }
    let money = edge([0, 1, 2, 3, 10, 333, 999, 1000, 12345])
    let signed = edge([0, 1, 2, 3, 10, 333, 999, 1000, -1, -2, -10])
    let types = ["11", "21", "21", "21", "14", "77", "x1", "X1", "2102"]

    var rows: [ClaimTable: Rows] = [:]
    var line: Int32 = 1
    func origin(_ random: inout SplitMix64) -> RowOrigin {
      line += 1
      return RowOrigin(segment: Int32(random.next() % 4), line: line)
    }
    func add(_ table: ClaimTable, _ texts: [String: UInt32], _ numbers: [String: Int64]) {
      let origin = origin(&random)
      rows[table, default: Rows()].add(origin, texts, numbers)
    }

    for i in 0..<(taste == .orderly ? visits : visits + below(5)) {
      add(
        .visits,
        [
          "mdtrt_id": taste == .orderly ? codes.intern("M\(10000 + i)") : id("M", of: visits),
          "med_type": pick(types, null: 10),
          "inhosp_stas": pick(["0", "0", "0", "1"], null: 20), "vali_flag": pick(flag, null: 3),
          "dscg_maindiag_code": pick(["i10", "Z1"], null: 60), "adm_caty": pick(["A03.1", "内科一病区", "B"], null: 40),
          "dscg_caty": pick(["A03.2", "é́x內"], null: 40), "psn_no": pick(["p1", "p2", "P1", "p3"], null: 10),
        ],
        [
          "begntime": pick(times, null: 8), "endtime": pick(times.map { $0 + 200_000 }, null: 8),
          "updt_time": pick(updates, null: 30),
        ])
    }
    for i in 0..<(taste == .orderly ? visits : visits + below(8)) {
      add(
        .settlements,
        [
          "setl_id": taste == .orderly ? codes.intern("S\(10000 + i)") : id("S", of: visits),
          "mdtrt_id": taste == .orderly ? codes.intern("M\(10000 + i)") : id("M", of: visits),
          "init_setl_id": below(12) == 0 ? id("S", of: visits) : 0,
          "refd_setl_flag": pick(["0", "0", "0", "0", "1"], null: 20),
          "setl_type": pick(["1", "2", "2", "2", "9"], null: 20), "med_type": pick(types, null: 10),
          "vali_flag": pick(flag, null: 3), "psn_no": pick(["p1", "p2", "P1", "p4", "p10"], null: 10),
        ],
        [
          "begndate": pick([0, 19675, 19676, 20000], null: 40), "setl_time": pick(times, null: 10),
          "fund_pay_sumamt": pick(signed, null: 10), "inscp_amt": pick(money, null: 50),
          "medfee_sumamt": pick(signed, null: 10), "updt_time": pick(updates, null: 30),
        ])
    }
    let lines = isBig ? 900 : taste == .orderly ? 1500 : 20 + below(120)
    for i in 0..<lines {
      let cnt: Int64 = pick([10000, 10000, 10000, 10000, 20000, -10000, -20000, 0], null: 2)
      let sign: Int64 = cnt < 0 && cnt != ColumnData.null ? -1 : 1
      let serial = isBig ? 700 : taste == .orderly ? 0 : 50
      let amount = pick(money, null: 3)
      let inScope = pick(money, null: 30)
      add(
        .feeLines,
        [
          "bkkp_sn": taste == .orderly ? codes.intern("L\(10000 + i)") : id("L", of: serial),
          "mdtrt_id": taste == .orderly ? codes.intern("M\(10000 + i / 4)") : id("M", of: isBig ? 2 : visits),
          "setl_id": taste == .orderly ? codes.intern("S\(10000 + i / 4)") : id("S", of: visits),
          "init_feedetl_sn": below(4) == 0 ? id("L", of: serial) : 0, "med_list_codg": pick(["x", "y", "X"], null: 4),
          "vali_flag": pick(flag, null: 3), "bilg_dr_code": pick(["D1", "D2"], null: 30),
        ],
        [
          "cnt": cnt, "pric": pick([10, 20], null: 5), "fee_ocur_time": pick(times, null: 5),
          "det_item_fee_sumamt": amount == ColumnData.null ? amount : sign * amount,
          "inscp_amt": inScope == ColumnData.null ? inScope : sign * inScope,
          "fulamt_ownpay_amt": pick(signed, null: 70), "overlmt_selfpay": pick(signed, null: 80),
          "preselfpay_amt": pick(money, null: 80), "updt_time": pick(updates, null: 30),
        ])
    }
    for _ in 0..<below(40) {
      add(
        .diagnoses,
        [
          "setl_list_diag_id": id("D", of: 30), "mdtrt_id": id("M", of: visits),
          "maindiag_flag": pick(["1", "1", "0"], null: 10),
          "diag_type": pick(["1", "2"], null: 40), "diag_code": pick(["i10", "I10", "a9", "B1"], null: 10),
          "vali_flag": pick(flag, null: 3),
        ], ["updt_time": pick(updates, null: 30)])
      add(.operations, ["setl_list_oprn_id": id("O", of: 20), "vali_flag": pick(flag)], ["updt_time": pick(updates)])
    }
    var raw: [ClaimTable: RawRows] = [:]
    for (table, given) in rows {
      var loaded = RawRows(table: table)
      loaded.origin = given.origin
      loaded.columns = given.columns
      // Now and then a column that no file brought.
      for name in given.columns.keys.sorted() where !table.key.contains(name) && below(50) == 0 {
        loaded.columns[name] = nil
      }
      raw[table] = loaded
    }
    let missing: Set<String> = below(3) == 0 ? ["vali_flag"] : []
    var medTypes: [MedTypeRow]?
    if below(2) == 0 {
      medTypes = [
        row("21", "inpatient", nil, nil), row("11", "Outpatient", 19675, 19676), row("x1", "inpatient", nil, 19675),
        row("X1", "pharmacy", 19675, nil), row("14", "outpatient", 20001, 20000),
      ]
    }
    return NormalizationInput(
      raw: raw,
      segments: segments.enumerated().map { i, s in
        SegmentIdentity(batch: s.0, file: s.1, member: s.2, missingColumns: i == 1 ? missing : [])
      }, medTypes: medTypes, excludedSetlTypes: below(2) == 0 ? ["9", ""] : [], codes: codes,
      linksPersons: below(3) != 0)
  }

  private func row(_ code: String, _ visitClass: String, _ begin: Int64?, _ end: Int64?) -> MedTypeRow {
    MedTypeRow(
      medType: code, visitClass: visitClass, opspFlag: code == "14" ? "1" : "0", regFlag: "0", beginDay: begin,
      endDay: end, isAmbiguous: false)
  }
}

@Suite("Against the rule definitions row by row")
struct PlainComparisonTests {
  @Test(arguments: RandomRawClaims.Taste.allCases) func isWhatThePlainWayGives(_ taste: RandomRawClaims.Taste) throws {
    var overflows = 0
    for seed in 1...(taste == .bigGroups || taste == .orderly ? 6 : 60) {
      var random = RandomRawClaims(seed: UInt64(seed), taste)
      let input = random.input()
      switch (Result { try PlainClaims(input) }, Result { try effectiveClaims(input) }) {
      case (.success(let plain), .success(let result)): compare(plain, result, "\(taste), seed \(seed)")
      case (.failure(let expected as PlainClaims.Overflow), .failure(let error as Diagnostic)):
        overflows += 1
        #expect(error.code == "normalize.overflow")
        #expect(error.message.hasPrefix(expected.what + " exceeds"), "\(taste), seed \(seed): \(expected.what)")
        #expect(error.place.line == Int(expected.place.line), "\(taste), seed \(seed)")
      case let (plain, result): Issue.record("\(taste), seed \(seed): \(plain) but \(result)")
      }
    }
    #expect(overflows > 5 || taste != .hugeAmounts)
  }

  private func compare(_ plain: PlainClaims, _ result: Normalized, _ what: String) {
    let codes = result.claims.codes
    #expect(
      plain.dispositions.filter { !$0.value.isEmpty } == result.dispositions.filter { !$0.value.isEmpty }, "\(what)")
    #expect(plain.isValid.filter { !$0.value.isEmpty } == result.isValid.filter { !$0.value.isEmpty }, "\(what)")
    #expect(plain.unknown == result.unknownMedTypes, "\(what)")
    for entity in Entity.allCases {
      let expected = plain.entities[entity] ?? []
      let table = result.claims[entity]
      #expect(expected.count == table.count, "\(what), \(entity)")
      if expected.count != table.count { continue }
      #expect(entity == .person || expected.map(\.origin) == table.origin, "\(what), \(entity)")
      for (name, column) in table.columns {
        switch column {
        case .text(let values):
          #expect(
            expected.map { $0.text(name) } == values.map { codes.withBytes($0) { [UInt8]($0) } }, "\(what), \(name)")
        case .number(let values):
          #expect(expected.map { $0.number(name) ?? ColumnData.null } == values, "\(what), \(entity).\(name)")
        }
      }
      let known = Set(expected.flatMap { Array($0.texts.keys) + Array($0.numbers.keys) })
      #expect(known.subtracting(table.columns.keys).isEmpty, "\(what), \(entity)")
      for parent in entity.parents {
        let links = table.parent[parent] ?? []
        #expect(
          links.isEmpty || expected.map { Int32($0.parents[parent] ?? -1) } == links, "\(what), \(entity)<\(parent)")
        #expect(
          !links.isEmpty || expected.allSatisfy { $0.parents[parent] ?? -1 == -1 }, "\(what), \(entity)<\(parent)")
      }
      for child in entity.children {
        let links = table.children[child]
        let given = expected.indices.map { i in (links?.of(i)).map { $0.map(Int.init) } ?? [] }
        #expect(expected.map { $0.children[child] ?? [] } == given, "\(what), \(entity)>\(child)")
      }
    }
  }

  @Test(arguments: 1...20) func whatIsNotAskedForIsLeftOutAndTheRestIsTheSame(_ seed: Int) throws {
    var random = RandomRawClaims(seed: UInt64(seed), .crowded)
    var input = random.input()
    let all = try effectiveClaims(input)
    input.keptColumns = [.feeLines: ["mdtrt_id", "bkkp_sn", "cnt"], .settlements: ["med_type"]]
    input.namesLines = false
    let some = try effectiveClaims(input)
    for entity in Entity.allCases {
      let derived = Set(entity.derived.map(\.name)).subtracting(["id"])
      let kept = (input.keptColumns?[entity.table] ?? []).union(derived).union(entity == .person ? ["psn_no"] : [])
      let (whole, part) = (all.claims[entity], some.claims[entity])
      #expect(Set(part.columns.keys) == kept.intersection(whole.columns.keys), "\(entity)")
      for (name, column) in part.columns {
        #expect(column.codes == whole.columns[name]?.codes && column.numbers == whole.columns[name]?.numbers)
      }
      #expect(whole.parent == part.parent)
    }
    #expect(some.dispositions == all.dispositions)
    let lines = 0..<Int32(all.claims[.line].count)
    #expect(some.claims.lineIDs(lines) == all.claims[.line].columns["id"]?.codes ?? [])
    #expect(all.claims.lineIDs(lines) == some.claims.lineIDs(lines))
    #expect(some.claims.lineIDs([-1]) == [CodeTable.null])
  }
}
