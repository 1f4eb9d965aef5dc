import ClaimModel
import Intake
import Normalize
import Partition
import Testing

/// What `FileNormalizer` must report, worked out a row and a column at a time from the rules alone.
struct SlowReport {
  var accepted = 0
  var rejected = 0
  var rejects: [Reject] = []
  var counts: [ValueProblem: Int] = [:]
  var sums: [String: (accepted: Int128, rejected: Int128)] = [:]
  var filled: [String: [Int]] = [:]
  var rows: [String: Int] = [:]
  var unknown: [String: Int] = [:]
  var pairs: Set<[String]> = []

  init(_ member: Member, latest: Int64?) {
    let table = member.table
    for (i, row) in member.rows.enumerated() {
      let line = 2 + i
      var value: [String: String] = [:]
      for (name, text) in zip(member.header, row) { value[name] = text }
      var rejection: (ClaimColumn, String)?
      var nulled: [(ClaimColumn, String)] = []
      var amounts: [String: Int64] = [:]
      for column in table.columns {
        var text = value[column.name] ?? ""
        if text.isEmpty {
          if column.required, rejection == nil {
            rejection = (column, table.key.contains(column.name) ? "missing-key" : "missing-value")
          }
          continue
        }
        if column.kind == .text {
          let isID = table.key.contains(column.name) || column.name == "psn_no"
          if isID, text.contains("|") || column.name == "mdtrt_id" && text.contains(":") {
            rejection = rejection ?? (column, "bad-key")
          }
          continue
        }
        var number = text.withUTF8 { column.kind.parse(UnsafeRawBufferPointer($0)) }
        if let latest, column.name == "setl_time", table == .settlements, (number ?? 0) > latest { number = nil }
        if let number {
          if column.kind == .money { amounts[column.name] = number }
          continue
        }
        let code: String
        switch column.kind {
        case .money: code = "bad-amount"
        case .quantity: code = "bad-quantity"
        case .day, .time: code = "bad-date"
        default: code = "bad-number"
        }
        if column.rejectsRow { rejection = rejection ?? (column, code) } else { nulled.append((column, code)) }
      }
      for (name, fen) in amounts {
        if rejection == nil {
          sums[name, default: (0, 0)].accepted += Int128(fen)
        } else {
          sums[name, default: (0, 0)].rejected += Int128(fen)
        }
      }
      let found = rejection.map { [$0] } ?? nulled
      for (column, code) in found {
        let action: Reject.Action = rejection == nil ? .nulled : .rejected
        counts[ValueProblem(column: column.name, code: code, action: action), default: 0] += 1
        rejects.append(
          Reject(
            file: "x.csv", table: table.name, line: line, byteOffset: line * 100, column: column.name, code: code,
            reason: "", action: action))
      }
      if rejection != nil {
        rejected += 1
        continue
      }
      accepted += 1
      let institution = value["fixmedins_code"] ?? ""
      rows[institution, default: 0] += 1
      for (c, column) in table.columns.enumerated() {
        let text = value[column.name] ?? ""
        if text.isEmpty || nulled.contains(where: { $0.0.name == column.name }) { continue }
        filled[institution, default: table.columns.map { _ in 0 }][c] += 1
        if CodeLists.values[column.name] != nil {
          if text.utf8.count > 8 {
            unknown["\(column.name) (long)", default: 0] += 1
          } else if text.utf8.contains(where: { $0 < 0x21 || $0 > 0x7E }) {
            unknown["\(column.name) (other letters)", default: 0] += 1
          } else if !CodeLists.isKnown(text, column: column.name) {
            unknown["\(column.name) \(text)", default: 0] += 1
          }
        }
      }
      if let person = value["psn_no"], let certificate = value["certno"], !person.isEmpty, !certificate.isEmpty {
        pairs.insert([person.uppercased(), certificate.uppercased()])
      }
    }
  }

  var identity: IdentityDuplicates {
    var result = IdentityDuplicates()
    result.personsWithSeveralCertificates = Dictionary(grouping: pairs) { $0[0] }.values.count { $0.count > 1 }
    result.certificatesWithSeveralPersons = Dictionary(grouping: pairs) { $0[1] }.values.count { $0.count > 1 }
    return result
  }
}

@Suite struct ReportTests {
  @Test(arguments: ClaimTable.allCases, [7, 300])
  func theReportIsWhatTheRulesSay(_ table: ClaimTable, _ blockRows: Int) throws {
    var random = Seeded(state: UInt64(table.rawValue) * 31 + UInt64(blockRows))
    let some = table.columns.map(\.name).filter { table.key.contains($0) || random.next() % 5 != 0 }
    let latest = CivilTime.parseTime("2025-06-01")
    for columns in [nil, some] {
      let member = RandomMember.make(table, rows: 900, persons: 12, unknown: 1, columns: columns, &random)
      let slow = SlowReport(member, latest: latest)
      let partition = try RowPartition(
        plans: [table: RowPlan(table: table, columns: [], keepsDelivered: false)], memoryBytes: 1 << 24,
        spillFolder: "/tmp")
      let consumer = partition.consumer(fileName: "x.csv", latestSettlementTime: latest) { _, _ in 0 }
      try member.feed(consumer, blockRows: blockRows)
      try consumer.finish()
      let report = consumer.report
      #expect(report.accepted == slow.accepted && report.rejected == slow.rejected)
      #expect(report.counts == slow.counts)
      let place: (Reject) -> String = {
        "\($0.line) \($0.byteOffset) \($0.column ?? "") \($0.code) \($0.action) \($0.file)"
      }
      var listed: [ValueProblem: Int] = [:]
      let expected = slow.rejects.filter { reject in
        let problem = ValueProblem(column: reject.column ?? "", code: reject.code, action: reject.action)
        listed[problem, default: 0] += 1
        return reject.action == .rejected || listed[problem, default: 0] <= Rejects.listedPerCode
      }
      #expect(report.rejects.map(place) == expected.map(place))
      for sum in report.sums(of: table) {
        // nil beyond 63 bits, which hostile amounts come to with some seeds.
        #expect(sum.acceptedFen == Int64(exactly: slow.sums[sum.column]?.accepted ?? 0), "\(sum.column)")
        #expect(sum.rejectedFen == Int64(exactly: slow.sums[sum.column]?.rejected ?? 0), "\(sum.column)")
      }
      let profile = try #require(report.members.first?.profile)
      #expect(profile.rows == slow.accepted)
      var rows: [String: Int] = [:]
      var filled: [String: [Int]] = [:]
      for one in profile.institutions {
        rows[one.institution] = one.rows
        filled[one.institution] = one.filled
      }
      #expect(rows == slow.rows)
      #expect(filled == slow.filled)
      var unknown: [String: Int] = [:]
      for one in profile.unknownCodes { unknown["\(one.column) \(one.code)"] = one.rows }
      #expect(unknown == slow.unknown)
      #expect(profile.identity == slow.identity)
    }
  }

  /// Who wants no profile gets everything else.
  @Test(arguments: ClaimTable.allCases)
  func aReportWithoutProfileIsOtherwiseTheSame(_ table: ClaimTable) throws {
    var random = Seeded(state: UInt64(table.rawValue) + 77)
    let member = RandomMember.make(table, rows: 500, persons: 12, unknown: 1, columns: nil, &random)
    let members = try [true, false].map { profiles in
      let partition = try RowPartition(
        plans: [table: RowPlan(table: table, columns: nil, keepsDelivered: false)], memoryBytes: 1 << 24,
        spillFolder: "/tmp", profiles: profiles)
      let consumer = partition.consumer(fileName: "x.csv", latestSettlementTime: nil) { _, _ in 0 }
      try member.feed(consumer, blockRows: 100)
      try consumer.finish()
      return try #require(consumer.report.members.first)
    }
    let (full, bare) = (members[0], members[1])
    #expect(full.accepted > 0 && full.profile.institutions.count > 0)
    var rowsOnly = TableProfile(table: table)
    rowsOnly.rows = full.accepted
    #expect(bare.profile == rowsOnly)
    #expect(bare.accepted == full.accepted && bare.rejected == full.rejected && bare.counts == full.counts)
    #expect(bare.sums == full.sums && bare.rejects == full.rejects)
  }
}
