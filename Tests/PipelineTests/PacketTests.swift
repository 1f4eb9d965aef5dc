import Foundation
import Testing

/// A packet proves itself: what was forged is noticed though every manifest was computed anew.
@Suite struct PacketTests {
  /// The packet of the planted sample that holds a finding of the rule.
  func original(of rule: String) throws -> String {
    for path in try Samples.planted.get().packets("2025-W11") {
      let found = try Packet(copyOf: path).rows("SELECT 1 FROM finding WHERE rule = '\(rule)'")
      if !found.isEmpty { return path }
    }
    throw TestFailure("no packet of the sample holds a finding of \(rule)")
  }

  @Test(arguments: Samples.batches)
  func everyPacketVerifies(batch: String) throws {
    let packets = try Samples.planted.get().packets(batch)
    #expect(packets.count >= 3)
    for packet in packets {
      let outcome = try yijian(["verify", packet])
      #expect(outcome.code == 0, "\(outcome.out)\(outcome.err)")
      #expect(packet.hasSuffix("-含个人信息"))
      // Sealing an untouched copy again changes nothing: the forgeries below fail for their content alone.
      let copy = try Packet(copyOf: packet)
      try copy.sealAgain()
      #expect(try copy.verify().code == 0)
      #expect(differences(packet, copy.folder) == [])
    }
  }

  struct Forgery: CustomTestStringConvertible, Sendable {
    var rule: String
    var what: String
    /// Rows of the first finding's key, `?` stands for the key's first part.
    var sql: String
    var testDescription: String { "\(rule): \(what)" }
  }

  static let id = "mdtrt_id || ':' || bkkp_sn"
  static let line = "WHERE mdtrt_id || ':' || bkkp_sn = '?'"
  static let forgeries = [
    Forgery(rule: "CAT-01", what: "inscp_amt", sql: "UPDATE line SET inscp_amt = inscp_amt + 100 \(line)"),
    Forgery(
      rule: "CAT-01", what: "the item's code", sql: "UPDATE line SET hilist_code = 'XXX', med_list_codg = 'XXX' \(line)"
    ),
    Forgery(
      rule: "CAT-01", what: "the day", sql: "UPDATE line SET fee_ocur_time = fee_ocur_time - 86400 * 4000 \(line)"),
    Forgery(
      rule: "CAT-01", what: "the fund's part", sql: "UPDATE settlement SET fund_pay_sumamt = fund_pay_sumamt - 1"),
    Forgery(rule: "CAT-01", what: "the payment class of a catalogue row", sql: "UPDATE hilist_b SET chrgitm_lv = '01'"),
    Forgery(rule: "CAT-01", what: "a catalogue row's end", sql: "UPDATE hilist_b SET enddate = 0"),
    Forgery(rule: "CAT-03", what: "inscp_amt", sql: "UPDATE line SET inscp_amt = inscp_amt - 1 \(line)"),
    Forgery(rule: "CAT-03", what: "the institution's level", sql: "UPDATE fixmedins_b SET hosp_lv = '01'"),
    Forgery(rule: "CAT-03", what: "the limit", sql: "DELETE FROM hilist_lmt_b"),
    Forgery(rule: "CAT-03", what: "the line's code", sql: "UPDATE line SET med_list_codg = 'XXX' \(line)"),
    Forgery(rule: "ADM-01", what: "the end of a stay", sql: "UPDATE visit SET endtime = begntime WHERE mdtrt_id = '?'"),
    Forgery(rule: "ADM-01", what: "the way of discharge", sql: "UPDATE visit SET dscg_way = '2' WHERE mdtrt_id = '?'"),
    Forgery(
      rule: "ADM-01", what: "the fund's part", sql: "UPDATE settlement SET fund_pay_sumamt = fund_pay_sumamt + 100"),
    Forgery(rule: "ADM-01", what: "a whole stay taken out", sql: "DELETE FROM visit WHERE mdtrt_id = '?'"),
    Forgery(
      rule: "ADM-02", what: "the day of the lines", sql: "UPDATE line SET fee_ocur_time = 0 WHERE mdtrt_id <> '?'"),
    Forgery(
      rule: "ADM-02", what: "the kind of visit", sql: "UPDATE settlement SET med_type = '13' WHERE mdtrt_id <> '?'"),
    Forgery(
      rule: "ADM-02", what: "the begin of the stay", sql: "UPDATE visit SET begntime = endtime WHERE mdtrt_id = '?'"),
    Forgery(rule: "CHR-04", what: "the disease", sql: "UPDATE settlement SET dise_no = 'XXX' WHERE setl_id = '?'"),
    Forgery(
      rule: "CHR-04", what: "a registration put in",
      sql: """
        INSERT INTO opsp_reg_d (psn_no, insu_admdvs, opsp_dise_code, begndate, is_ambiguous, vali_flag)
        SELECT psn_no, insu_admdvs, dise_no, 0, 0, '1' FROM settlement WHERE setl_id = '?'
        """),
    Forgery(rule: "CHR-04", what: "the registrations' region", sql: "UPDATE opsp_reg_d SET insu_admdvs = '000000'"),
    // Read by no rule; each line carries the digest of its source row's fields.
    Forgery(rule: "ADM-01", what: "a name", sql: "UPDATE visit SET psn_name = '无名氏' WHERE mdtrt_id = '?'"),
    Forgery(rule: "CAT-01", what: "an item's name", sql: "UPDATE line SET hilist_name = '糖' \(line)"),
    Forgery(
      rule: "CAT-03", what: "the text of a row", sql: "UPDATE line SET source_fields = source_fields || 'x' \(line)"),
    Forgery(
      rule: "CAT-01", what: "the file of a row", sql: "UPDATE line SET source_file = '2025-W10/none.csv' \(line)"),
    Forgery(rule: "ADM-02", what: "a diagnosis", sql: "UPDATE diagnosis SET diag_code = 'Z99.9'"),
    // What is expected.
    Forgery(rule: "CHR-04", what: "the counted amount", sql: "UPDATE finding SET counted_fen = counted_fen + 1"),
    Forgery(rule: "CAT-03", what: "a finding taken out", sql: "DELETE FROM finding WHERE rule = 'CAT-03'"),
    Forgery(rule: "ADM-01", what: "a finding's id", sql: "UPDATE finding SET finding_id = 'ADM-01-0000000000000000'"),
  ]

  @Test(arguments: forgeries)
  func forgeryFails(forgery: Forgery) throws {
    let packet = try Packet(copyOf: try original(of: forgery.rule))
    let keys = try packet.rows("SELECT key FROM finding WHERE rule = '\(forgery.rule)' ORDER BY key")
    let key = try #require(keys.first?.first ?? nil)
    let part = String(key.split(separator: "|")[0])
    #expect(try packet.change(forgery.sql.replacing("?", with: part)) > 0, "the forgery must change a row")
    try packet.sealAgain()
    let outcome = try packet.verify()
    #expect(outcome.code == 1, "\(outcome.out)")
    #expect(!outcome.err.contains("bag-digest"))
    #expect(!(outcome.out + outcome.err).contains("bag-"), "only the content may give it away: \(outcome.out)")
  }

  /// A forger who also computes the row's digests anew is given away by the rule alone.
  @Test func aRegistryRowWithItsDigestIsFoundByTheRule() throws {
    let packet = try Packet(copyOf: try original(of: "CAT-01"))
    let columns = try packet.rows("SELECT name FROM pragma_table_info('hilist_b')").compactMap { $0[0] }
    try packet.change("UPDATE hilist_b SET chrgitm_lv = '01'")
    let values = columns.dropLast().map { "COALESCE(\($0), '')" }.joined(separator: " || char(31) || ")
    for row in try packet.rows("SELECT rowid, \(values) FROM hilist_b") {
      let digest = sha256(Data((row[1] ?? "").utf8))
      try packet.change("UPDATE hilist_b SET row_sha256 = '\(digest)' WHERE rowid = \(row[0] ?? "")")
    }
    try packet.sealAgain()
    let outcome = try packet.verify()
    #expect(outcome.code == 1)
    #expect(!(outcome.out + outcome.err).contains("packet.row-changed"), "\(outcome.out)")
  }

  @Test func aChangedFileWithoutANewManifestFails() throws {
    let packet = try Packet(copyOf: try original(of: "CAT-01"))
    let page = text(of: packet.folder + "/data/report.html")
    try write(page + "\n", to: packet.folder + "/data/report.html")
    let outcome = try packet.verify()
    #expect(outcome.code == 1)
    #expect((outcome.out + outcome.err).contains("report.html"))
  }

  /// The results are no input: with their table dropped, sqlite3 alone gives the same.
  @Test(arguments: Samples.batches)
  func verifySQLDoesNotReadTheResults(batch: String) throws {
    for path in try Samples.planted.get().packets(batch) {
      let packet = try Packet(copyOf: path)
      let expected = try packet.rows(
        "SELECT rule, key, amount_fen, fund_fen, counted_fen FROM finding ORDER BY rule, key"
      ).map { $0.map { $0 ?? "" }.joined(separator: "|") }
      let script = "sqlite3 \"$0/evidence.sqlite\" < \"$0/verify.sql\""
      let before = try tool("sh", "-c", script, packet.folder + "/data")
      try packet.change("DROP TABLE finding")
      let after = try tool("sh", "-c", script, packet.folder + "/data")
      #expect(before == after)
      #expect(after.split(separator: "\n").map(String.init) == expected)
      #expect(!expected.isEmpty)
    }
  }

  /// Σ counted_fen of a case is what findings.csv says of it, and reaches the threshold of 10,000 yuan.
  @Test func packetsAreThoseOfTheCasesAboveTheThreshold() throws {
    let run = try Samples.planted.get()
    for batch in Samples.batches {
      var counted: [String: Int] = [:]
      for row in try run.table(batch, "findings.csv").rows where row["state"] != "withdrawn" {
        counted[row["case_id"] ?? "", default: 0] += Int(row["counted_fen"] ?? "") ?? -1
      }
      counted[""] = nil
      let names = run.packets(batch).map { URL(fileURLWithPath: $0).lastPathComponent }
      #expect(Set(names) == Set(counted.filter { $0.value >= 1_000_000 }.keys.map { $0 + "-含个人信息" }))
      for path in run.packets(batch) {
        let id = String(URL(fileURLWithPath: path).lastPathComponent.prefix(13))
        let sum = try Packet(copyOf: path).rows("SELECT sum(counted_fen) FROM finding")
        #expect(sum == [[counted[id].map(String.init)]], "\(id)")
      }
    }
  }
}
