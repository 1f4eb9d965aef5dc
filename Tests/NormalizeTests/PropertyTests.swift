import ClaimModel
import Normalize
import Testing

/// Seeded random numbers (SplitMix64); a failure names the seed.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite("What holds for all claims")
struct PropertyTests {
  /// Few ids and values, so that versions, links, pairs, refunds and ties are frequent.
  private func randomSheet(_ random: inout SplitMix64) -> ClaimSheet {
    var sheet = ClaimSheet()
    sheet.segments = ["a", "b", "c"].map { SegmentIdentity(batch: $0 == "c" ? "B2" : "B1", file: $0) }
    func pick(_ values: [String]) -> String { values.randomElement(using: &random) ?? "" }
    func fen() -> String { FixedPoint.text(Int64.random(in: -3...40, using: &random), scale: 2) }
    for i in 0..<Int.random(in: 1...6, using: &random) {
      sheet.visit(
        "M\(i % 4)",
        ["med_type": pick(["21", "11", ""]), "inhosp_stas": pick(["0", "0", "0", "1"]), "updt_time": day(i)],
        segment: i % 3)
    }
    for i in 0..<Int.random(in: 1...8, using: &random) {
      sheet.settlement(
        "S\(i % 6)",
        [
          "mdtrt_id": "M\(i % 4)", "fund_pay_sumamt": fen(), "inscp_amt": pick(["", fen()]),
          "vali_flag": pick(["1", "1", "1", "1", "0"]), "refd_setl_flag": pick(["0", "", "0", "1"]),
          "init_setl_id": pick(["", "", "", "", "S0", "S9"]), "updt_time": pick(["", day(1), day(2)]),
        ], segment: i % 3)
    }
    for i in 0..<Int.random(in: 0...40, using: &random) {
      let sign = pick(["", "", "", "-"])
      let amount = FixedPoint.text(Int64.random(in: 0...30, using: &random), scale: 2)
      sheet.line(
        "L\(i % 30)",
        [
          "mdtrt_id": pick(["M0", "M1", "M2"]), "setl_id": pick(["S0", "S1", "S2", "S3", "", "S8"]),
          "cnt": sign + pick(["1", "2"]), "inscp_amt": pick(["", sign + amount, sign + amount]),
          "det_item_fee_sumamt": sign + amount, "pric": pick(["10", "10", ""]),
          "fee_ocur_time": pick(["2025-03-01", "2025-03-02", "2025-03-02 10:00:00"]),
          "init_feedetl_sn": sign.isEmpty ? "" : pick(["", "L1", "L2", "L3", "L4"]),
          "updt_time": pick(["", day(1), day(2)]), "vali_flag": pick(["1", "1", "1", "1", "1", "0"]),
        ], segment: i % 3)
    }
    for i in 0..<Int.random(in: 0...5, using: &random) {
      sheet.diagnosis("D\(i)", ["mdtrt_id": "M\(i % 3)", "diag_code": pick(["a1", "B2", "C3"])], segment: i % 3)
    }
    return sheet
  }

  private func day(_ n: Int) -> String { "2025-04-0\(n + 1)" }

  /// Everything that a rule can see, as texts.
  private func picture(_ sheet: NormalizedSheet) -> [String] {
    var out: [String] = []
    for entity in Entity.allCases {
      for id in sheet.ids(entity) {
        var text = "\(entity.rawValue) \(id)"
        for column in (sheet.result.claims[entity].columns.keys.sorted()) {
          text += " \(column)=\(sheet.value(entity, id, column) ?? "?")"
        }
        for parent in entity.parents { text += " \(parent.rawValue)<\(sheet.parent(entity, id, parent) ?? "-")" }
        for child in entity.children { text += " \(child.rawValue)>\(sheet.children(entity, id, child) ?? [])" }
        out.append(text)
      }
    }
    return out
  }

  @Test(arguments: 1...60) func theFundIsSharedToTheFen(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let result = try randomSheet(&random).normalized().result
    let settlement = result.claims[.settlement]
    let line = result.claims[.line]
    let paid = settlement.columns["P"]?.numbers ?? []
    let rest = settlement.columns["U"]?.numbers ?? []
    let amount = line.columns["A"]?.numbers ?? []
    let share = line.columns["F"]?.numbers ?? []
    for row in 0..<settlement.count {
      let lines = settlement.children[.line]?.of(row) ?? []
      #expect(lines.reduce(0) { $0 + share[Int($1)] } + rest[row] == paid[row], "seed \(seed)")
      #expect(rest[row] >= 0, "seed \(seed)")
    }
    for row in 0..<line.count { #expect(share[row] >= 0 && share[row] <= amount[row], "seed \(seed)") }
  }

  @Test(arguments: 1...60) func theOrderOfRowsAndSegmentsIsIrrelevant(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let sheet = randomSheet(&random)
    var shuffled = sheet
    shuffled.rows.shuffle(using: &random)
    let order = [2, 0, 1]
    shuffled.segments = order.map { sheet.segments[$0] }
    for i in shuffled.rows.indices {
      shuffled.rows[i].segment = order.firstIndex(of: shuffled.rows[i].segment) ?? 0
    }
    #expect(picture(try sheet.normalized()) == picture(try shuffled.normalized()), "seed \(seed)")
  }

  /// A file split in two keeps its version order when the parts' names sort as the rows stood.
  @Test(arguments: 1...60) func splittingAFileIsIrrelevant(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let sheet = randomSheet(&random)
    var split = sheet
    split.segments.append(SegmentIdentity(batch: "B1", file: "b~2"))
    let border = Int.random(in: 2...60, using: &random)
    for i in split.rows.indices where split.rows[i].segment == 1 && split.rows[i].line > border {
      split.rows[i].segment = 3
      split.rows[i].line -= border - 1
    }
    #expect(picture(try sheet.normalized()) == picture(try split.normalized()), "seed \(seed)")
  }

  @Test(arguments: 1...60) func aReuploadChangesNothing(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let sheet = randomSheet(&random)
    var again = sheet
    again.segments += ["a", "b", "c"].map { SegmentIdentity(batch: "B3", file: "B\($0 == "c" ? 2 : 1)\($0)") }
    again.rows += sheet.rows.map { row in
      var row = row
      row.segment += 3
      return row
    }
    #expect(picture(try sheet.normalized()) == picture(try again.normalized()), "seed \(seed)")
  }

  @Test(arguments: 1...60) func aFullLinkedReversalRemovesTheLine(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["fund_pay_sumamt": "0.50", "inscp_amt": ""])
    for i in 0..<8 {
      let amount = FixedPoint.text(Int64.random(in: 1...30, using: &random), scale: 2)
      sheet.line("L\(i)", ["inscp_amt": amount, "det_item_fee_sumamt": amount, "med_list_codg": "X\(i % 2)"])
    }
    var without = sheet
    let gone = Int.random(in: 1...8, using: &random)
    let removed = without.rows.remove(at: gone)
    var values = removed.values
    values["init_feedetl_sn"] = values["bkkp_sn"]
    values["bkkp_sn"] = "R"
    for name in ["cnt", "inscp_amt", "det_item_fee_sumamt"] { values[name] = "-" + (values[name] ?? "") }
    sheet.rows.append(ClaimSheet.Row(table: .feeLines, segment: 0, line: 99, values: values))
    #expect(picture(try sheet.normalized()) == picture(try without.normalized()), "seed \(seed)")
  }
}
