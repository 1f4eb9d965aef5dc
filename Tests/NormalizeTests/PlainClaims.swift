import ClaimModel
import Diagnostics
import Normalize

/// Rule-definitions sections 1 and 2 once more, row by row over dictionaries: slow, and plain enough to be read against
/// the text. What `effectiveClaims` gives must be exactly this.
struct PlainClaims {
  typealias Text = [UInt8]

  struct Row {
    var texts: [String: Text] = [:]
    var numbers: [String: Int64] = [:]
    var origin: RowOrigin?
    /// Place among the raw rows; nil for persons.
    var raw: Int?
    var parents: [Entity: Int] = [:]
    var children: [Entity: [Int]] = [:]

    /// Empty where null.
    func text(_ name: String) -> Text { texts[name] ?? [] }
    func number(_ name: String) -> Int64? { numbers[name] }
  }

  struct Overflow: Error, Equatable {
    var place: RowOrigin
    var what: String
  }

  var entities: [Entity: [Row]] = [:]
  var dispositions: [ClaimTable: [Disposition]] = [:]
  var isValid: [ClaimTable: [Bool]] = [:]
  var unknown: [UnknownMedType] = []

  private let input: NormalizationInput
  private var raw: [ClaimTable: [Row]] = [:]

  init(_ input: NormalizationInput) throws {
    self.input = input
    for table in ClaimTable.allCases { raw[table] = Self.rows(input, table) }
    for table in ClaimTable.allCases { keepNewest(table) }
    setAsideSettlements()
    try reduceLines()
    choose()
    link()
    try derive()
    try findStays()
    if input.linksPersons { findPersons() }
  }

  private static func rows(_ input: NormalizationInput, _ table: ClaimTable) -> [Row] {
    guard let loaded = input.raw[table] else { return [] }
    return (0..<loaded.count).map { i in
      var row = Row(origin: loaded.origin[i], raw: i)
      for (name, column) in loaded.columns {
        switch column {
        case .text(let codes): if codes[i] != 0 { row.texts[name] = input.codes.withBytes(codes[i]) { Text($0) } }
        case .number(let values): if values[i] != ColumnData.null { row.numbers[name] = values[i] }
        }
      }
      return row
    }
  }

  private func text(_ word: String) -> Text { Text(word.utf8) }
  private func precedes(_ a: Text, _ b: Text) -> Bool { a.lexicographicallyPrecedes(b) }

  // MARK: 1.1

  private func isNewer(_ a: Row, _ b: Row) -> Bool {
    let (x, y) = (a.number("updt_time") ?? Int64.min, b.number("updt_time") ?? Int64.min)
    if x != y { return x > y }
    guard let p = a.origin, let q = b.origin else { return false }
    let (s, t) = (input.segments[Int(p.segment)], input.segments[Int(q.segment)])
    if text(s.batch) != text(t.batch) { return precedes(text(t.batch), text(s.batch)) }
    if text(s.file) != text(t.file) { return precedes(text(t.file), text(s.file)) }
    return s.member != t.member ? s.member > t.member : p.line > q.line
  }

  private mutating func keepNewest(_ table: ClaimTable) {
    let rows = raw[table] ?? []
    var newest: [[Text]: Int] = [:]
    for (i, row) in rows.enumerated() {
      let key = table.key.map { row.text($0) }
      if let known = newest[key], !isNewer(row, rows[known]) { continue }
      newest[key] = i
    }
    var fates = [Disposition](repeating: .superseded, count: rows.count)
    for (key, i) in newest where key.count > 1 || !key[0].isEmpty {
      let lacksFlag =
        rows[i].origin.map { input.segments[Int($0.segment)].missingColumns.contains("vali_flag") } ?? false
      fates[i] = rows[i].text("vali_flag") == text("1") || lacksFlag ? .counts : .cancelled
    }
    dispositions[table] = fates
    isValid[table] = fates.map { $0 == .counts }
  }

  /// The valid row of a key; null names nothing.
  private func valid(_ table: ClaimTable, _ key: Text) -> Int? {
    key.isEmpty
      ? nil : raw[table]?.indices.first { isValid[table]?[$0] == true && raw[table]?[$0].text(table.key[0]) == key }
  }

  // MARK: 1.2-1.6

  private mutating func setAsideSettlements() {
    let rows = raw[.settlements] ?? []
    let valid = isValid[.settlements] ?? []
    let excluded = Set(input.excludedSetlTypes.filter { !$0.isEmpty }.map { text($0) })
    let named = Set(rows.indices.filter { valid[$0] }.map { rows[$0].text("init_setl_id") })
    let known = Set(rows.map { $0.text("setl_id") })
    for i in rows.indices where valid[i] {
      let row = rows[i]
      let original = row.text("init_setl_id")
      let visit = self.valid(.visits, row.text("mdtrt_id"))
      var fate = Disposition.counts
      if !original.isEmpty && !known.contains(original) {
        fate = .orphanRefund
      } else if row.text("refd_setl_flag") == text("1") {
        fate = .refunded
      } else if !original.isEmpty {
        fate = .refund
      } else if named.contains(row.text("setl_id")) {
        fate = .refundedByOther
      } else if excluded.contains(row.text("setl_type")) {
        fate = .excludedSetlType
      } else if let visit, raw[.visits]?[visit].text("inhosp_stas") == text("1") {
        fate = .inHospital
      }
      dispositions[.settlements]?[i] = fate
    }
  }

  private mutating func reduceLines() throws {
    var rows = raw[.feeLines] ?? []
    var fates = dispositions[.feeLines] ?? []
    for i in rows.indices where fates[i] == .counts {
      let id = rows[i].text("setl_id")
      if id.isEmpty {
        fates[i] = .unsettled
      } else if let settlement = valid(.settlements, id) {
        if dispositions[.settlements]?[settlement] != .counts { fates[i] = .settlementSetAside }
      } else {
        fates[i] = .unknownSettlement
      }
    }
    // 1.4
    var links: [(reversal: Int, original: Int)] = []
    var unlinked: [Int] = []
    for i in rows.indices where fates[i] == .counts && (rows[i].number("cnt") ?? 0) < 0 {
      let name = rows[i].text("init_feedetl_sn")
      let original = rows.indices.first { j in
        fates[j] == .counts && rows[j].text("mdtrt_id") == rows[i].text("mdtrt_id") && rows[j].text("bkkp_sn") == name
          && (rows[j].number("cnt") ?? 0) > 0
      }
      if !name.isEmpty, let original { links.append((i, original)) } else { unlinked.append(i) }
    }
    for link in links { fates[link.reversal] = .linkedReversal }
    for name in ["cnt"] + ClaimTable.feeLines.columns.filter({ $0.kind == .money }).map(\.name) {
      for link in links {
        guard let own = rows[link.original].number(name), let add = raw[.feeLines]?[link.reversal].number(name) else {
          continue
        }
        let (sum, isOver) = own.addingReportingOverflow(add)
        if isOver || sum == Int64.min { throw overflow(ofLine: rows[link.original], "the net \(name) of a line") }
        rows[link.original].numbers[name] = sum
      }
    }
    // 1.5
    let touched = Set(links.map(\.original))
    let delivered = raw[.feeLines] ?? []
    for i in unlinked { fates[i] = .unpairedNegative }
    for i in unlinked where fates[i] == .unpairedNegative {
      guard let price = delivered[i].number("pric"), let cnt = delivered[i].number("cnt"),
        !delivered[i].text("med_list_codg").isEmpty
      else { continue }
      func isOfGroup(_ j: Int) -> Bool {
        ["mdtrt_id", "med_list_codg"].allSatisfy { delivered[j].text($0) == delivered[i].text($0) }
          && delivered[j].number("pric") == price
      }
      func latestFirst(_ a: Int, _ b: Int) -> Bool {
        let (x, y) = (delivered[a].number("fee_ocur_time"), delivered[b].number("fee_ocur_time"))
        if x != y { return (x ?? Int64.min) > (y ?? Int64.min) }
        return precedes(delivered[b].text("bkkp_sn"), delivered[a].text("bkkp_sn"))
      }
      let negatives = unlinked.filter { isOfGroup($0) && delivered[$0].number("cnt") == cnt }.sorted(by: latestFirst)
      // The group is dealt with at its first line.
      if negatives.min() != i { continue }
      let latest = delivered[negatives[0]].number("fee_ocur_time") ?? Int64.min
      let positives = rows.indices.filter { j in
        fates[j] == .counts && isOfGroup(j) && delivered[j].number("cnt") == -cnt && !touched.contains(j)
          && (delivered[j].number("fee_ocur_time") ?? Int64.min) <= latest
      }.sorted(by: latestFirst)
      for (negative, positive) in zip(negatives, positives) {
        fates[negative] = .pairedReversal
        fates[positive] = .pairedReversed
      }
    }
    // 1.6
    for i in rows.indices where fates[i] == .counts {
      if (rows[i].number("cnt") ?? 0) <= 0 {
        fates[i] = touched.contains(i) ? .reversed : .zeroQuantity
      } else if (rows[i].number("det_item_fee_sumamt") ?? -1) < 0 {
        fates[i] = .negativeAmount
      }
    }
    raw[.feeLines] = rows
    dispositions[.feeLines] = fates
  }

  private func overflow(ofLine line: Row, _ what: String) -> Overflow {
    let settlement = valid(.settlements, line.text("setl_id")).flatMap { raw[.settlements]?[$0] }
    return Overflow(place: (settlement ?? line).origin ?? RowOrigin(segment: 0, line: 0), what: what)
  }

  // MARK: Entities and their links

  private mutating func choose() {
    for entity in [Entity.line, .settlement, .visit, .diagnosis] {
      let keys = entity.table.key
      let rows = (raw[entity.table] ?? []).enumerated().filter { dispositions[entity.table]?[$0.offset] == .counts }
      entities[entity] = rows.map(\.element).sorted { a, b in
        for key in keys where a.text(key) != b.text(key) { return precedes(a.text(key), b.text(key)) }
        return false
      }
    }
  }

  private mutating func link() {
    let entities = entities
    for (child, parent, key) in [
      (Entity.line, Entity.settlement, "setl_id"), (.line, .visit, "mdtrt_id"), (.settlement, .visit, "mdtrt_id"),
      (.diagnosis, .visit, "mdtrt_id"),
    ] {
      connect(child, parent) { row in
        row.text(key).isEmpty ? nil : entities[parent]?.firstIndex { $0.text(key) == row.text(key) }
      }
    }
  }

  private mutating func connect(_ child: Entity, _ parent: Entity, _ find: (Row) -> Int?) {
    let found = (entities[child] ?? []).map(find)
    for i in (entities[parent] ?? []).indices { entities[parent]?[i].children[child] = [] }
    for (i, p) in found.enumerated() {
      entities[child]?[i].parents[parent] = p ?? -1
      if let p { entities[parent]?[p].children[child]?.append(i) }
    }
  }

  // MARK: 2

  private func day(_ time: Int64?) -> Int64? { time.map { Int64((Double($0) / 86400).rounded(.down)) } }

  private mutating func derive() throws {
    var lines = entities[.line] ?? []
    var settlements = entities[.settlement] ?? []
    for i in lines.indices {
      let line = lines[i]
      lines[i].texts["id"] = line.text("mdtrt_id") + text(":") + line.text("bkkp_sn")
      lines[i].numbers["day"] = day(line.number("fee_ocur_time"))
      var amount = Int128(line.number("det_item_fee_sumamt") ?? 0)
      for name in ["fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt"] {
        amount -= Int128(line.number(name) ?? 0)
      }
      if let inScope = line.number("inscp_amt") { amount = Int128(inScope) }
      guard let fits = Int64(exactly: max(0, amount)) else { throw overflow(ofLine: line, "the amount of a line") }
      lines[i].numbers["A"] = fits
    }
    for s in settlements.indices {
      let of = settlements[s].children[.line] ?? []
      let amounts = of.map { Int128(lines[$0].number("A") ?? 0) }
      let sum = amounts.reduce(0, +)
      guard let fits = Int64(exactly: sum), let origin = settlements[s].origin else {
        throw Overflow(place: settlements[s].origin ?? RowOrigin(segment: 0, line: 0), what: "the sum of A")
      }
      _ = origin
      let paid = max(0, Int128(settlements[s].number("fund_pay_sumamt") ?? 0))
      let base = max(sum, Int128(settlements[s].number("inscp_amt") ?? 0))
      var shares = amounts
      if paid < base {
        shares = amounts.map { Self.wide($0, paid, base).quotient }
        let first = of.indices.sorted { a, b in
          let (x, y) = (Self.wide(amounts[a], paid, base).rest, Self.wide(amounts[b], paid, base).rest)
          if x != y { return x > y }
          let (l, m) = (lines[of[a]], lines[of[b]])
          let (t, u) = (l.number("fee_ocur_time") ?? Int64.min, m.number("fee_ocur_time") ?? Int64.min)
          if t != u { return t < u }
          if l.text("bkkp_sn") != m.text("bkkp_sn") { return precedes(l.text("bkkp_sn"), m.text("bkkp_sn")) }
          return precedes(l.text("mdtrt_id"), m.text("mdtrt_id"))
        }
        let missing = Self.wide(sum, paid, base).quotient - shares.reduce(0, +)
        for i in first.prefix(Int(missing)) { shares[i] += 1 }
      }
      for (line, share) in zip(of, shares) { lines[line].numbers["F"] = Int64(share) }
      settlements[s].numbers["day"] = settlements[s].number("begndate") ?? day(settlements[s].number("setl_time"))
      settlements[s].numbers["P"] = Int64(paid)
      settlements[s].numbers["T"] = Int64(base)
      settlements[s].numbers["A"] = fits
      settlements[s].numbers["U"] = Int64(paid - shares.reduce(0, +))
    }
    var sums: [Text: (rows: Int, fen: Int128, fund: Int128)] = [:]
    for s in settlements.indices {
      let row = settlements[s]
      let visit = row.parents[.visit].flatMap { $0 < 0 ? nil : entities[.visit]?[$0].text("med_type") } ?? []
      let type = visit.isEmpty ? row.text("med_type") : visit
      let meaning = meaning(of: type, on: row.number("day"))
      settlements[s].texts["visit_med_type"] = type
      settlements[s].texts.merge(meaning.texts) { $1 }
      if meaning.isUnknown {
        let sum = sums[type] ?? (0, 0, 0)
        sums[type] = (
          sum.rows + 1, sum.fen + Int128(row.number("medfee_sumamt") ?? 0), sum.fund + Int128(row.number("P") ?? 0)
        )
      }
    }
    unknown = sums.sorted { precedes($0.key, $1.key) }.map { type, sum in
      UnknownMedType(
        code: String(decoding: type, as: UTF8.self), rows: sum.rows, fen: sum.fen, fundFen: sum.fund)
    }
    entities[.line] = lines
    entities[.settlement] = settlements
  }

  /// ⌊a·b / c⌋ and a·b mod c of numbers below 2^63, bit by bit where the product exceeds 127 bits.
  static func wide(_ a: Int128, _ b: Int128, _ c: Int128) -> (quotient: Int128, rest: Int128) {
    if c == 0 { return (0, 0) }
    var quotient: Int128 = 0
    var rest: Int128 = 0
    for bit in (0..<63).reversed() {
      rest = rest * 2 + (a >> bit & 1) * b
      quotient = quotient * 2 + rest / c
      rest %= c
    }
    return (quotient, rest)
  }

  // MARK: 1.8

  private func meaning(of type: Text, on day: Int64?) -> (texts: [String: Text], isUnknown: Bool) {
    func upper(_ text: Text) -> Text { text.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 } }
    let rows = (input.medTypes ?? MedTypeRow.shipped).filter { row in
      guard let day, !type.isEmpty else { return false }
      return upper(text(row.medType)) == upper(type) && (row.beginDay ?? Int64.min) <= day
        && day <= (row.endDay ?? Int64.max)
    }
    // Two rows of a code with a day in common are ambiguous on all their days.
    let all = (input.medTypes ?? MedTypeRow.shipped).filter {
      upper(text($0.medType)) == upper(type) && ($0.beginDay ?? Int64.min) <= ($0.endDay ?? Int64.max)
    }
    guard let row = rows.last else {
      return (["visit_class": text("other"), "opsp_flag": text("0"), "reg_flag": text("0")], true)
    }
    let isAmbiguous = rows.contains { one in
      one.isAmbiguous
        || all.filter {
          ($0.beginDay ?? Int64.min) <= (one.endDay ?? Int64.max)
            && (one.beginDay ?? Int64.min) <= ($0.endDay ?? Int64.max)
        }.count > 1
    }
    if isAmbiguous { return (["visit_class": [], "opsp_flag": [], "reg_flag": []], false) }
    return (
      [
        "visit_class": text(row.visitClass.lowercased()), "opsp_flag": text(row.opspFlag),
        "reg_flag": text(row.regFlag),
      ], false
    )
  }

  // MARK: 1.7

  private mutating func findStays() throws {
    var stays: [Row] = []
    var ofVisit: [Int: Int] = [:]
    let visits = entities[.visit] ?? []
    for (v, visit) in visits.enumerated() {
      guard let b = day(visit.number("begntime")), let e = day(visit.number("endtime")), e >= b,
        visit.text("inhosp_stas") != text("1"), let settlements = visit.children[.settlement], !settlements.isEmpty
      else { continue }
      let meaning = meaning(of: visit.text("med_type"), on: b)
      if meaning.texts["visit_class"] != text("inpatient") { continue }
      var stay = visit
      stay.parents = [.visit: v]
      stay.children = [:]
      stay.texts.merge(meaning.texts) { $1 }
      stay.numbers["begin_day"] = b
      stay.numbers["end_day"] = e
      stay.numbers["nights"] = e - b
      stay.numbers["los"] = max(1, e - b)
      func sum(_ rows: [Int], _ entity: Entity, _ column: String) -> Int128 {
        rows.reduce(0) { $0 + Int128(entities[entity]?[$1].number(column) ?? 0) }
      }
      guard let a = Int64(exactly: sum(visit.children[.line] ?? [], .line, "A")),
        let f = Int64(exactly: sum(settlements, .settlement, "P"))
      else {
        let first = entities[.settlement]?[settlements[0]].origin
        throw Overflow(place: first ?? RowOrigin(segment: 0, line: 0), what: "the amount of a stay")
      }
      stay.numbers["stay_A"] = a
      stay.numbers["stay_F"] = f
      func upper(_ text: Text) -> Text { text.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 } }
      let diagnoses = (visit.children[.diagnosis] ?? []).compactMap { entities[.diagnosis]?[$0] }.filter {
        $0.text("maindiag_flag") == text("1") && ($0.text("diag_type") == text("1") || $0.text("diag_type").isEmpty)
      }.map { upper($0.text("diag_code")) }.filter { !$0.isEmpty }.sorted(by: precedes)
      let own = upper(visit.text("dscg_maindiag_code"))
      stay.texts["dx"] = own.isEmpty ? diagnoses.first ?? [] : own
      let (admission, discharge) = (visit.text("adm_caty"), visit.text("dscg_caty"))
      func firstThree(_ text: Text) -> Text {
        Text(String(String.UnicodeScalarView(String(decoding: text, as: UTF8.self).unicodeScalars.prefix(3))).utf8)
      }
      stay.texts["adm_dept"] = firstThree(admission.isEmpty ? discharge : admission)
      stay.texts["dscg_dept"] = firstThree(discharge.isEmpty ? admission : discharge)
      ofVisit[v] = stays.count
      stays.append(stay)
    }
    entities[.stay] = stays
    for entity in [Entity.line, .settlement, .diagnosis] {
      connect(entity, .stay) { row in row.parents[.visit].flatMap { ofVisit[$0] } }
    }
    for v in visits.indices { entities[.visit]?[v].parents[.stay] = ofVisit[v] ?? -1 }
  }

  private mutating func findPersons() {
    let ids = Set((entities[.settlement] ?? []).map { $0.text("psn_no") }).filter { !$0.isEmpty }.sorted(by: precedes)
    entities[.person] = ids.map { Row(texts: ["psn_no": $0]) }
    connect(.settlement, .person) { ids.firstIndex(of: $0.text("psn_no")) }
    connect(.stay, .person) { ids.firstIndex(of: $0.text("psn_no")) }
    let settlements = entities[.settlement] ?? []
    connect(.line, .person) { line in
      line.parents[.settlement].flatMap { $0 < 0 ? nil : settlements[$0].parents[.person] }.flatMap {
        $0 < 0 ? nil : $0
      }
    }
  }
}
