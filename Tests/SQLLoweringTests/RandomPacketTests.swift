import Audit
import Cases
import ClaimModel
import Diagnostics
import Foundation
import Normalize
import Registries
import RulePacks
import Testing

@testable import Referral

/// Packets of random stores, of the ten rules with low thresholds and of twelve of other shapes: what the evidence gives is
/// what the run found.
@Suite struct RandomPacketTests {
  static func head(_ id: String, _ subject: String) -> String {
    """
    rule: \(id)
    version: 1
    name: {zh: 测试, en: Test}
    category: absent-inpatient
    status: active
    severity: medium
    subject: \(subject)
    basis: [条例38-6]
    explain: {zh: "测试"}
    false_positives: 无

    """
  }
  /// Rules by id: one of each shape, with conditions by chance.
  static func pool(_ g: inout SeededGenerator) -> [String: String] {
    var all: [String: String] = [:]
    func one(_ id: String, _ subject: String, _ body: String) { all[id] = head(id, subject) + body }
    let cond = g.pick([
      "line.A > 1.00", "line.list_type = '101'", "line.F > 0", "line.inscp_amt IS NULL",
      "line.settlement.visit_class IS NOT 'inpatient'",
    ])
    one(
      "TAA-01", "institution",
      """
      window: {of: line, as: w, by: {code: line.fixmedins_code, item: line.med_list_codg}, day: line.day, days: \(1 + g.below(5)), values: {n: COUNT(*), p: COUNT(DISTINCT line.psn_no), m: MAX(line.A)}}
      scope: \(cond)
      where: w.n > \(g.below(3))
      subject_id: w.code
      fixmedins_code: w.code
      cases: [{when: "AT_MAX(w.p, w.n) > 1", verdict: 明确违规, precedence: 10}, {verdict: 可疑, precedence: 50}]
      key: [w.code, w.item, w.day]
      amount: {A: sum_A, F: sum_F, part: w.p, of: w.n}
      """)
    one(
      "TAA-02", "institution",
      """
      group: {of: line, as: w, by: {code: line.fixmedins_code, \(g.pick(["day: line.day", "doctor: line.bilg_dr_code", "t: line.list_type"]))}, values: {n: COUNT(*), s: SUM(line.A), o: ONLY(line.psn_no)}}
      scope: \(cond)
      where: \(g.pick(["w.n > 1", "w.o IS NULL", "w.s > 10.00"]))
      subject_id: w.code
      fixmedins_code: w.code
      cases: [{when: COUNT(*) > 1, verdict: 明确违规, precedence: 9}, {verdict: 可疑, precedence: 51}]
      key: [w.code]
      amount: {A: sum_A, F: sum_F}
      """)
    one(
      "TAA-03", "person",
      """
      pair: {a: stay, b: stay, match: [[a.psn_no, b.psn_no]], \(g.pick(["unordered: mdtrt_id", "adjacent: [begin_day, mdtrt_id]", "adjacent: [nights, dx]", "unordered: fixmedins_code"]))}
      at_issue: {as: x, order: [stay_F asc, mdtrt_id desc]}
      where: \(g.pick(["a.begin_day <= b.end_day", "a.nights >= b.nights", "a.dx = b.dx OR a.dx IS NULL"]))
      subject_id: a.psn_no
      psn_no: a.psn_no
      fixmedins_code: x.fixmedins_code
      cases: [{verdict: 可疑, precedence: 20}]
      key: [a.mdtrt_id, b.mdtrt_id]
      amount: {A: stay_A(x), F: stay_F(x)}
      """)
    one(
      "TAA-04", "person",
      """
      each: person
      where: "COUNT(l IN person.lines WHERE l.A > 1.00) > \(g.below(4)) AND \(g.pick(["COUNT(DISTINCT s IN person.settlements: s.fixmedins_code) > 1", "EXISTS(s IN person.stays WHERE s.nights > 1)", "MAX(l IN person.lines: l.A) > 5.00"]))"
      key: [person.psn_no]
      cases: [{verdict: 可疑, precedence: 21}]
      lines: {of: person, as: l, where: l.A > 1.00}
      amount: {A: sum_A, F: sum_F}
      """)
    one(
      "TAA-05", "institution",
      """
      each: line
      needs: [hilist_lmt_b]
      lookup:
        lim: {table: hilist_lmt_b, key: {med_list_codg: line.med_list_codg}, on: line.day, take: {groups: lmt_type}}
      where: "\(g.pick(["NOT (lim CONTAINS lmt_val = line.settlement.visit_class)", "lim.MAX(sure_flag) >= 0", "lim.MIN(NUMBER(lmt_val)) > 1"]))"
      key: [line.id, lim.lmt_type]
      cases: [{when: "ALL(lim.MAX(sure_flag) = 1)", verdict: 明确违规, precedence: 5}, {verdict: 可疑, precedence: 22}]
      amount: {A: sum_A, F: sum_F}
      """)
    one(
      "TAA-06", "institution",
      """
      each: settlement
      population:
        all: {of: line, as: o, where: o.A > 0, match: [[o.fixmedins_code, settlement.fixmedins_code]], values: {n: COUNT(*), s: SUM(o.A), m: MAX(o.A), k: ONLY(o.list_type)}}
      where: "all.n > \(g.below(8)) AND settlement.P > 0 \(g.pick(["", "AND all.k IS NULL", "AND all.m > 5.00"]))"
      key: [settlement.setl_id]
      cases: [{verdict: 可疑, precedence: 23}]
      lines: {of: settlement, as: l, where: l.A > 0}
      amount: {A: settlement_A(settlement), F: settlement_P(settlement)}
      """)
    one(
      "TAA-07", "person",
      """
      stock: {of: settlement, as: w, by: {p: settlement.psn_no}, day: settlement.day, supply: [2, 1.5], values: {n: COUNT(*)}}
      where: w.held > \(g.below(6))
      subject_id: w.p
      psn_no: w.p
      cases: [{verdict: 可疑, precedence: 24}]
      key: [w.p, w.day]
      amount: none
      """)
    one(
      "TAA-08", "institution",
      """
      occupancy: {of: line, as: w, by: {c: line.fixmedins_code}, days: [line.day, line.day + \(g.below(3))], count: line.psn_no, at_least: \(1 + g.below(2))}
      where: w.count >= 1
      lines: none
      subject_id: w.c
      fixmedins_code: w.c
      cases: [{when: MAX(w.count) > 1, verdict: 明确违规, precedence: 25}, {verdict: 可疑, precedence: 26}]
      key: [w.c, w.run_first]
      amount: none
      """)
    one(
      "TAA-09", "institution",
      """
      each: line
      parameters: {cap: [{value: 5.00, kind: price, basis: x}, {value: 7.00, from: 2025-03-05, basis: x}]}
      where: line.cnt > 0 AND (line.A > 1.00 OR EXISTS(x IN line.stay.lines WHERE x.day = line.day AND x.list_type = '201') OR EXISTS(s IN line.person.settlements WHERE s.P > 100.00))
      key: [line.setl_id]
      cases: [{when: COUNT(*) > 2, verdict: 明确违规, precedence: 27}, {verdict: 可疑, precedence: 28}]
      amount: {A: sum_A, F: sum_F, over_price: $cap}
      """)
    one(
      "TAA-10", "institution",
      """
      runs: {of: stay, as: w, days: [stay.begin_day, stay.end_day], at_least: \(1 + g.below(2))}
      where: "\(g.pick(["NOT EXISTS(l IN stay.lines WHERE l.day = w.day)", "COUNT(l IN stay.lines WHERE l.day = w.day) < 2", "EXISTS(o IN stay.person.stays WHERE o.begin_day <= w.day AND o.end_day >= w.day AND o.mdtrt_id <> stay.mdtrt_id)"]))"
      key: [stay.mdtrt_id, w.run_first]
      cases: [{verdict: 可疑, precedence: 29}]
      amount: {A: stay_A(stay), F: stay_F(stay)}
      """)
    one(
      "TAA-11", "institution",
      """
      pair: {a: line, b: line, match: [[a.psn_no, b.psn_no], [a.med_list_codg, b.med_list_codg]], adjacent: [day, id]}
      where: b.day - a.day <= \(g.below(4)) AND a.fixmedins_code <> b.fixmedins_code
      subject_id: b.fixmedins_code
      psn_no: b.psn_no
      fixmedins_code: b.fixmedins_code
      lines: b
      cases: [{verdict: 可疑, precedence: 30}]
      key: [a.id, b.id]
      amount: {A: sum_A, F: sum_F}
      """)
    one(
      "TAA-12", "institution",
      """
      pair: {a: diagnosis, b: line, match: [[a.mdtrt_id, b.mdtrt_id]]}
      where: a.diag_code IS NOT 'I11' AND a.visit.dscg_way IS NOT '3'
      subject_id: b.fixmedins_code
      psn_no: b.psn_no
      fixmedins_code: b.fixmedins_code
      lines: b
      settlements: [b]
      cases: [{verdict: 可疑, precedence: 31}]
      key: [b.id]
      amount: {A: sum_A, F: sum_F}
      """)
    return all
  }

  /// Thresholds of the ten rules, so low that small stores reach them.
  static let eased: [String: Int] = [
    "posting_stays": 1, "posting_percent": 20, "min_nights": 2, "idle_days": 1, "over_days": 2, "over_percent": 60,
    "most_days": 2, "severe_days": 4,
  ]

  @Test(arguments: 0..<4)
  func areDerivedAgain(_ block: Int) throws {
    var packets = 0
    let rounds = Int(ProcessInfo.processInfo.environment["WIDE_ROUNDS"] ?? "") ?? 3
    for seed in (block * rounds)..<(block * rounds + rounds) {
      let store = RandomStore(seed: UInt64(12_000 + seed))
      var g = SeededGenerator(seed: UInt64(seed) &* 7 &+ 1)
      var files = Self.pool(&g)
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      for id in ["ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04"] {
        var text = try String(contentsOf: root.appendingPathComponent("Pipelines/rules/\(id).yml"), encoding: .utf8)
        for (name, value) in Self.eased {
          text = text.replacing(try Regex("\(name): \\{value: [0-9]+"), with: "\(name): {value: \(value)")
        }
        text = text.replacingOccurrences(of: "status: draft", with: "status: active").replacingOccurrences(
          of: "status: shadow", with: "status: active")
        text = text.replacingOccurrences(of: "at_least: 10", with: "at_least: 2").replacingOccurrences(
          of: "at_least: 8", with: "at_least: 2")
        files[id] = text
      }
      var rules: [Rule] = []
      for (id, text) in files.sorted(by: { $0.key < $1.key }) {
        let (rule, problems) = parseRule(text: text, path: id)
        if let rule { rules.append(rule) } else { Issue.record("\(id): \(problems.prefix(2).map { "\($0)" })") }
      }
      let codes = CodeTable()
      let registries = try store.loadedRegistries(codes)
      var raw: [ClaimTable: RawRows] = [:]
      var sources: [SourceFile] = []
      var segments: [SegmentIdentity] = []
      var blobs: [[[UInt8]]] = []
      for (index, table) in ClaimTable.allCases.enumerated() {
        var loader = RowLoader(table: table, columns: Set(table.columns.map(\.name)), codes: codes)
        blobs.append([])
        for (i, row) in (store.claims[table] ?? []).enumerated() {
          let blob = FieldsBlob.encode(table.columns.map { row[$0.name] ?? "" })
          blobs[index].append(blob)
          blob.withUnsafeBytes { loader.append(segment: Int32(index), line: Int32(i + 2), fields: $0) }
        }
        raw[table] = loader.finish()
        let file = "\(table.name)_\(index).csv.gz"
        segments.append(SegmentIdentity(batch: "b", file: file))
        sources.append(
          SourceFile(
            batch: "b", file: file, table: table.name, digest: SHA256Hasher.hex(of: file), rows: blobs[index].count))
      }
      let normalized = try effectiveClaims(
        NormalizationInput(
          raw: raw, segments: segments, medTypes: registries["med_type_b"].map { store.medTypes($0, codes) },
          excludedSetlTypes: ["9"], codes: codes))
      let audited = try audit(rules: rules, AuditInput(claims: normalized.claims, registries: registries))
      for d in audited.diagnostics { Issue.record("\(d)") }
      let assignment = assignCases(
        records: audited.findings.map { FindingRecord(finding: $0, state: .new, firstBatch: "b") }, open: [],
        batchLabel: "b")
      let evidence = EvidenceIndex(raw: raw, isValid: normalized.isValid, claims: normalized.claims)
      for caseFile in assignment.cases {
        let kept = blobs
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packets-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = PacketInput(
          caseFile: caseFile, findings: assignment.records.filter { $0.caseID == caseFile.id }, rules: rules,
          ruleFiles: files,
          laws: Dictionary(
            rules.flatMap(\.basis).map { ($0, LawText(title: $0, text: "x")) }, uniquingKeysWith: { a, _ in a }),
          exemptionNames: Dictionary(rules.flatMap(\.exemptions).map { ($0.id, "x") }, uniquingKeysWith: { a, _ in a }),
          coverage: audited.coverage, claims: normalized.claims, evidence: evidence, registries: registries,
          sources: sources,
          fetch: { segment, lines, row in
            for line in lines {
              try kept[Int(segment)][Int(line) - 2].withUnsafeBytes { try row(line, Int64(line) * 100, $0) }
            }
          }, excludedSetlTypes: ["9"], asOf: 20_170, runID: "b~1-0123abcd", batchLabel: "b", toolVersion: "0.1.0",
          facts: audited.facts)
        let bag = try folder.path + "/" + PacketWriter().write(input, into: folder.path)
        packets += 1
        let problems = verifyPacket(bag)
        if !problems.isEmpty {
          Issue.record(
            "seed \(seed) \(caseFile.subjectType) \(caseFile.subject): \(problems.prefix(3).map { "\($0)".replacingOccurrences(of: folder.path, with: "") })"
          )
        }
      }
    }
    #expect(packets > 0)
  }
}
