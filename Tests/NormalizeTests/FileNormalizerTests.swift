import ClaimModel
import Intake
import Normalize
import Testing

@Suite("Values of a file")
struct FileNormalizerTests {
  /// Feeds rows (lists of column values) to a normalizer and keeps what it accepts.
  final class Feed {
    private(set) var accepted: [(line: Int32, offset: Int64, fields: [String])] = []
    private(set) var blobs: [[UInt8]] = []
    private(set) var restarts = 0
    private var normalizer: FileNormalizer?

    init(latest: Int64? = nil) {
      normalizer = FileNormalizer(
        fileName: "x.csv", latestSettlementTime: latest, onRestart: { [unowned self] in restarts += 1 }
      ) { [unowned self] line, offset, fields in
        accepted.append((line, offset, FieldsBlob.decode(fields)))
        blobs.append(Array(fields))
      }
    }

    func begin(_ table: ClaimTable, _ header: [String], member: String? = nil) throws {
      let layout = FileLayout(
        table: table, columnOfField: header.map { table.index(of: $0) }, header: header,
        missingColumns: table.columns.map(\.name).filter { !header.contains($0) },
        unknownColumns: header.filter { table.index(of: $0) == nil && $0 != "rn" })
      try normalizer?.begin(layout, member: member)
    }

    /// Rows from line 2 on; the offset of each is 100 times its line.
    func rows(_ rows: [[String]], from line: Int = 2) throws {
      var bytes: [UInt8] = []
      var starts: [Int32] = []
      var lengths: [Int32] = []
      for field in rows.joined() {
        starts.append(Int32(bytes.count))
        lengths.append(Int32(field.utf8.count))
        bytes += Array(field.utf8)
      }
      let lines = rows.indices.map { Int32(line + $0) }
      try bytes.withUnsafeBytes { buffer in
        let block = RecordBlock(
          bytes: buffer, fieldStarts: starts, fieldLengths: lengths, fieldCount: rows.first?.count ?? 0, lines: lines,
          byteOffsets: lines.map { Int64($0) * 100 })
        try normalizer?.consume(block)
      }
    }

    func restart() { normalizer?.restart() }
    var report: NormalizationReport { normalizer?.report ?? NormalizationReport() }
    var identities: IdentityIndex { normalizer?.identities ?? IdentityIndex() }
  }

  static let lineHeader = [
    "bkkp_sn", "mdtrt_id", "fee_ocur_time", "cnt", "det_item_fee_sumamt", "inscp_amt", "pric", "selfpay_prop",
    "updt_time",
  ]
  static let goodLine = [
    "L1", "M1", "2025-03-03 08:00:00", "1", "10.00", "8.00", "10.5", "0.1", "2025-03-04",
  ]

  @Test(arguments: [
    ("bkkp_sn", "", "missing-key"), ("mdtrt_id", "", "missing-key"), ("fee_ocur_time", "", "missing-value"),
    ("cnt", "", "missing-value"), ("det_item_fee_sumamt", "", "missing-value"),
    ("fee_ocur_time", "2025-02-30", "bad-date"), ("fee_ocur_time", "08:00:00", "bad-date"),
    ("cnt", "1.00001", "bad-quantity"), ("cnt", "one", "bad-quantity"),
    ("det_item_fee_sumamt", "1,000.00", "bad-amount"),
    ("det_item_fee_sumamt", "10.001", "bad-amount"), ("inscp_amt", "NULL", "bad-amount"),
  ])
  func aBadKeyAmountOrDateRejectsTheRow(_ column: String, _ value: String, _ code: String) throws {
    let feed = Feed()
    try feed.begin(.feeLines, Self.lineHeader)
    var bad = Self.goodLine
    bad[Self.lineHeader.firstIndex(of: column) ?? 0] = value
    try feed.rows([Self.goodLine, bad])
    #expect(feed.accepted.map(\.line) == [2])
    #expect(feed.accepted.map(\.offset) == [200])
    #expect(feed.report.accepted == 1)
    #expect(feed.report.rejected == 1)
    let rejects = Array(feed.report.rejects)
    let reject = try #require(rejects.first)
    #expect(rejects.count == 1)
    #expect(reject.file == "x.csv" && reject.table == "fee_list_d" && reject.line == 3 && reject.byteOffset == 300)
    #expect(reject.column == column && reject.code == code && reject.action == .rejected)
    #expect(value.isEmpty || !reject.reason.contains(value))
  }

  @Test(arguments: [
    ("pric", "10.5000001", "bad-number"), ("selfpay_prop", "10%", "bad-number"),
    ("updt_time", "2025-13-01", "bad-date"),
  ])
  func anyOtherBadValueIsNull(_ column: String, _ value: String, _ code: String) throws {
    let feed = Feed()
    try feed.begin(.feeLines, Self.lineHeader)
    var bad = Self.goodLine
    bad[Self.lineHeader.firstIndex(of: column) ?? 0] = value
    try feed.rows([bad])
    let report = feed.report
    #expect(report.accepted == 1 && report.rejected == 0)
    #expect(report.counts == [ValueProblem(column: column, code: code, action: .nulled): 1])
    #expect(report.rejects.map(\.action) == [.nulled])
    // The text stays as delivered; typed again it is null, and it is not filled.
    let index = try #require(ClaimTable.feeLines.index(of: column))
    #expect(feed.accepted[0].fields[index] == value)
    #expect(report.members[0].profile.filled[index] == 0)
    var loader = RowLoader(table: .feeLines, columns: [column], codes: CodeTable())
    feed.blobs[0].withUnsafeBytes { loader.append(segment: 0, line: 2, fields: $0) }
    #expect(loader.finish().columns[column]?.numbers == [ColumnData.null])
  }

  @Test func theFirstBadColumnOfTheDocumentedOrderIsNamed() throws {
    let feed = Feed()
    try feed.begin(.feeLines, Self.lineHeader)
    try feed.rows([["", "", "x", "x", "x", "x", "x", "x", "x"]])
    #expect(feed.report.rejects.map(\.column) == ["bkkp_sn"])
    #expect(feed.report.counts.values.reduce(0, +) == 1)
  }

  @Test func nulledValuesAreListedToAThousandAndAllCounted() throws {
    let feed = Feed()
    try feed.begin(.feeLines, Self.lineHeader)
    var bad = Self.goodLine
    bad[6] = "x"
    bad[8] = "x"
    try feed.rows(Array(repeating: bad, count: 1_002))
    #expect(Array(feed.report.rejects).count == 2_000)
    #expect(feed.report.counts[ValueProblem(column: "pric", code: "bad-number", action: .nulled)] == 1_002)
    #expect(feed.report.rejected == 0)
  }

  @Test func aSettlementOfTheFutureIsABadDate() throws {
    let latest = CivilTime.parseTime("2025-03-10 12:00:00")
    let feed = Feed(latest: latest)
    try feed.begin(.settlements, ["setl_id", "setl_time", "updt_time"])
    try feed.rows([
      ["S1", "2025-03-10 12:00:00", "2999-01-01"], ["S2", "2025-03-10 12:00:01", ""], ["S3", "", ""],
    ])
    #expect(feed.accepted.map(\.line) == [2, 4])
    #expect(feed.report.rejects.map(\.code) == ["bad-date"])
    #expect(feed.report.rejects.map(\.column) == ["setl_time"])
  }

  @Test func textsNeedNoForm() throws {
    let feed = Feed()
    try feed.begin(.settlements, ["setl_id", "age", "brdy", "cal_ipt_cnt"])
    try feed.rows([["S1", "36天", "19990101", "1"], ["S2", "850", "", "1.5"]])
    #expect(feed.report.accepted == 2)
    #expect(feed.report.counts == [ValueProblem(column: "cal_ipt_cnt", code: "bad-number", action: .nulled): 1])
  }

  @Test func sumsOfAcceptedAndRejectedRows() throws {
    let feed = Feed()
    try feed.begin(.settlements, ["setl_id", "medfee_sumamt", "inscp_amt", "fund_pay_sumamt", "acct_pay"])
    try feed.rows([
      ["S1", "100.00", "80.00", "60.00", "x"], ["S2", "-0.01", "", "1", "2.00"], ["", "5.00", "4.00", "x", "0.50"],
    ])
    let sums = feed.report.sums(of: .settlements)
    #expect(sums.map(\.column) == ClaimTable.settlements.columns.filter { $0.kind == .money }.map(\.name))
    let named = Dictionary(uniqueKeysWithValues: sums.map { ($0.column, $0) })
    #expect(named["medfee_sumamt"] == AmountSum(column: "medfee_sumamt", acceptedFen: 9_999, rejectedFen: 500))
    #expect(named["inscp_amt"] == AmountSum(column: "inscp_amt", acceptedFen: 8_000, rejectedFen: 400))
    #expect(named["fund_pay_sumamt"] == AmountSum(column: "fund_pay_sumamt", acceptedFen: 6_100, rejectedFen: 0))
    #expect(named["acct_pay"] == AmountSum(column: "acct_pay", acceptedFen: 200, rejectedFen: 50))
    #expect(named["balc"] == AmountSum(column: "balc"))
  }

  @Test func aSumThatDoesNotFitIsNone() throws {
    let feed = Feed()
    try feed.begin(.settlements, ["setl_id", "fund_pay_sumamt"])
    try feed.rows((0..<10).map { ["S\($0)", "9999999999999999.99"] })
    #expect(feed.report.sums(of: .settlements).first { $0.column == "fund_pay_sumamt" }?.acceptedFen == nil)
  }

  @Test func theBlobHasNationalOrderThenUnknownColumns() throws {
    let feed = Feed()
    try feed.begin(.diagnoses, ["rn", "zz", "diag_code", "setl_list_diag_id", "extra"])
    try feed.rows([["7", "a\u{1F}b", "I10", "D1", "\u{1E}"]])
    var expected = [String](repeating: "", count: ClaimTable.diagnoses.columns.count)
    expected[0] = "D1"
    expected[6] = "I10"
    #expect(feed.accepted[0].fields == expected + ["a\u{1F}b", "\u{1E}"])
    #expect(feed.blobs[0] == FieldsBlob.encode(expected + ["a\u{1F}b", "\u{1E}"]))
  }

  @Test func aRestartForgetsTheMemberOnly() throws {
    let feed = Feed()
    try feed.begin(.diagnoses, ["setl_list_diag_id"], member: "one.csv")
    try feed.rows([["D1"]])
    try feed.begin(.operations, ["setl_list_oprn_id"], member: "two.csv")
    try feed.rows([["O1"], [""]])
    feed.restart()
    #expect(feed.restarts == 1)
    try feed.begin(.operations, ["setl_list_oprn_id"], member: "two.csv")
    try feed.rows([["O1"], ["O2"], ["O3"]])
    let members = feed.report.members
    #expect(members.map(\.file) == ["x.csv!one.csv", "x.csv!two.csv"])
    #expect(members.map(\.accepted) == [1, 3])
    #expect(feed.report.rejected == 0)
    // Without a new `begin` the layout holds.
    feed.restart()
    try feed.rows([["O1"]])
    #expect(feed.report.members.map(\.accepted) == [1, 1])
  }

  @Test func theProfileCountsFillCodesAndIdentities() throws {
    let feed = Feed()
    try feed.begin(.settlements, ["setl_id", "fixmedins_code", "med_type", "psn_no", "certno", "gend"])
    try feed.rows([
      ["S1", "H2", "11", "P1", "C1x", "1"], ["S2", "H1", "99", "P1", "C1X", ""], ["S3", "H2", "99", "P1", "C2", "3"],
      ["S4", "", "123456789", "P2", "C2", ""], ["S5", "", "王密", "P3", "C3", ""], ["S6", "", "1 1", "P3", "C3", ""],
      ["", "H1", "98", "P9", "C9", "7"],
    ])
    let profile = feed.report.members[0].profile
    #expect(profile.rows == 6)
    let gender = try #require(ClaimTable.settlements.index(of: "gend"))
    #expect(profile.filled[gender] == 2)
    #expect(profile.filled[try #require(ClaimTable.settlements.index(of: "fixmedins_code"))] == 3)
    #expect(profile.institutions.map(\.institution) == ["", "H1", "H2"])
    #expect(profile.institutions.map(\.rows) == [3, 1, 2])
    #expect(profile.institutions[2].filled[gender] == 2)
    #expect(
      profile.unknownCodes == [
        UnknownCode(column: "gend", code: "3", rows: 1), UnknownCode(column: "med_type", code: "(long)", rows: 1),
        UnknownCode(column: "med_type", code: "(other letters)", rows: 2),
        UnknownCode(column: "med_type", code: "99", rows: 2),
      ])
    #expect(profile.identity.personsWithSeveralCertificates == 1)
    #expect(profile.identity.certificatesWithSeveralPersons == 1)
    var twice = profile
    twice.merge(profile)
    #expect(twice.rows == 12)
    #expect(twice.institutions.map(\.rows) == [6, 2, 4])
    #expect(twice.unknownCodes.map(\.rows) == [2, 2, 4, 4])
  }

  @Test func duplicatesShowAcrossFiles() throws {
    var all = IdentityIndex()
    for certificate in ["C1", "C2"] {
      let feed = Feed()
      try feed.begin(.visits, ["mdtrt_id", "psn_no", "certno"])
      try feed.rows([["M1", "P1", certificate]])
      #expect(feed.report.members[0].profile.identity.personsWithSeveralCertificates == 0)
      all.merge(feed.identities)
    }
    #expect(all.duplicates.personsWithSeveralCertificates == 1)
    #expect(all.duplicates.certificatesWithSeveralPersons == 0)
  }
}
