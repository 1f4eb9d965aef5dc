import ClaimModel

/// A JSON value with one spelling: keys in byte order, two blanks of indentation, integers only.
indirect enum JSONValue {
  case null
  case bool(Bool)
  case integer(Int128)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  static func integer(_ value: Int) -> JSONValue { .integer(Int128(value)) }
  static func integer(_ value: Int64) -> JSONValue { .integer(Int128(value)) }
  static func text(_ value: String?) -> JSONValue { value.map { .text($0) } ?? .null }
  static func texts(_ values: [String]) -> JSONValue { .list(values.map { .text($0) }) }

  func written() -> String {
    var out = ""
    write(to: &out, indent: 0)
    return out + "\n"
  }

  private func write(to out: inout String, indent: Int) {
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    case .text(let value): out += EscapedText.json(value)
    case .list(let values):
      if values.isEmpty {
        out += "[]"
        return
      }
      out += "[\n"
      for (i, value) in values.enumerated() {
        out += inner
        value.write(to: &out, indent: indent + 2)
        out += i + 1 < values.count ? ",\n" : "\n"
      }
      out += outer + "]"
    case .object(let members):
      if members.isEmpty {
        out += "{}"
        return
      }
      out += "{\n"
      let sorted = members.sortedByBytes(\.key)
      for (i, member) in sorted.enumerated() {
        out += inner + EscapedText.json(member.key) + ": "
        member.value.write(to: &out, indent: indent + 2)
        out += i + 1 < sorted.count ? ",\n" : "\n"
      }
      out += outer + "}"
    }
  }
}

extension RunReportModel {
  /// Version of run.json's shape; a change is noted in CHANGELOG.
  public static let schemaVersion = 1

  /// run.json: keys in byte order, integers only (fen, rows, bytes; seconds are decimal texts), one spelling.
  ///
  /// Two runs over the same inputs differ in `started_at` and in `seconds` only.
  public func runJSON() -> String {
    JSONValue.object([
      "schema_version": .integer(Self.schemaVersion),
      "run_id": .text(runID),
      "tool_version": .text(toolVersion),
      "pipeline": .text(pipeline),
      "batch": .text(batch),
      "revision": .integer(revision),
      "label": .text(label),
      "as_of": .text(asOf.map(CivilTime.text(day:))),
      "started_at": .text(startedAt),
      "compared_with": .text(comparedWith),
      "digests": .object([
        "files": .object(digests.files.mapValues { .text($0) }),
        "registries": .object(digests.registries.mapValues { .text($0) }),
        "rules": .text(digests.rules),
        "pipeline": .text(digests.pipeline),
      ]),
      "incomplete": .list(
        incomplete.sortedByBytes(\.label).map {
          .object(["batch": .text($0.label), "reason": .text($0.reason), "accepted_reason": .text($0.acceptedReason)])
        }),
      "files": .list(files.sortedByBytes { $0.name + "\u{1}" + ($0.table ?? "") }.map(Self.json)),
      "registries": .list(registries.sortedByBytes(\.name).map(Self.json)),
      "ignored_files": .texts(ignoredFiles.sortedByBytes()),
      "tables": .object(
        Dictionary(tables.map { ($0.table, Self.json($0.counts)) }, uniquingKeysWith: { first, _ in first })),
      "total": Self.json(total),
      "reject_limit_per_million": .integer(rejectLimitPerMillion),
      "reject_limit_exceeded": .bool(exceedsRejectLimit),
      "older": olderJSON,
      "sums": sumsJSON,
      "fund_paid_fen": .integer(fundPaidFen),
      "reconciliation": .list(reconciliation.sortedByBytes(\.kind.rawValue).map(Self.json)),
      "profile": profileJSON,
      "findings": findingsJSON,
      "cases": .object([
        "open": .integer(cases.count),
        "counted_fen": .integer(totalCountedFen),
        "packets": .texts(packets.keys.sortedByBytes()),
        "packet_threshold_fen": .integer(packetThresholdFen),
        "packets_withheld": .text(packetsWithheld),
        "cases_without_evidence": .list(casesWithoutEvidence.map { .text($0) }),
      ]),
      "stages": .list(
        stages.map {
          .object([
            "name": .text($0.name), "rows": .integer($0.rows), "bytes": .integer($0.bytes),
            "seconds": .text(FixedPoint.text(Int64($0.milliseconds), scale: 3)),
          ])
        }),
    ]).written()
  }

  private static func json(_ counts: Counts) -> JSONValue {
    .object([
      "read": .integer(counts.read), "accepted": .integer(counts.accepted), "rejected": .integer(counts.rejected),
      "set_aside": .object(counts.setAside.filter { $0.value != 0 }.mapValues { .integer($0) }),
    ])
  }

  private static func json(_ file: FileRow) -> JSONValue {
    let problems = file.problems.sortedByBytes { "\($0.action.rawValue)\u{1}\($0.code)\u{1}\($0.column ?? "")" }
    return .object([
      "file": .text(file.name), "table": .text(file.table), "state": .text(file.state.rawValue),
      "sha256": .text(file.digest), "bytes": .integer(file.bytes), "inflated_bytes": .integer(file.inflatedBytes),
      "charset": .text(file.charset), "delimiter": .text(file.delimiter), "enclosure": .text(file.enclosure),
      "header": .text(file.headerKind), "missing_columns": .texts(file.missingColumns),
      "unknown_columns": .texts(file.unknownColumns), "rows": json(file.counts),
      "problems": .list(
        problems.map {
          .object([
            "column": .text($0.column), "code": .text($0.code), "action": .text($0.action.rawValue),
            "count": .integer($0.count),
          ])
        }),
      "refusal": file.refusalCode.map {
        .object([
          "code": .text($0), "message": .text(file.refusalMessage),
          "rows_before": file.rowsBeforeRefusal.map { .integer($0) } ?? .null,
        ])
      } ?? .null,
    ])
  }

  private var olderJSON: JSONValue {
    var byTable: [String: [String: JSONValue]] = [:]
    for row in older { byTable[row.table, default: [:]][row.reason] = .integer(row.rows) }
    return .object(byTable.mapValues { .object($0) })
  }

  private var sumsJSON: JSONValue {
    .list(
      sums.sortedByBytes { $0.table + "\u{1}" + $0.column }.map { sum in
        .object([
          "table": .text(sum.table), "column": .text(sum.column), "before_fen": .integer(sum.beforeFen),
          "set_aside_fen": .object(sum.setAsideFen.filter { $0.value != 0 }.mapValues { .integer($0) }),
          "netted_fen": .integer(sum.nettedFen), "after_fen": .integer(sum.afterFen),
          "balanced": .bool(sum.isBalanced),
        ])
      })
  }

  private static func json(_ check: ReconciliationCheck) -> JSONValue {
    .object([
      "check": .text(check.kind.rawValue), "checked": .integer(check.checked),
      "not_comparable": .integer(check.notComparable),
      "differences": .list(
        check.differences.sortedByBytes { $0.subject + "\u{1}" + $0.unit.rawValue }.map {
          .object([
            "subject": .text($0.subject), "unit": .text($0.unit.rawValue), "expected": .integer($0.expected),
            "found": .integer($0.found),
          ])
        }),
    ])
  }

  private var profileJSON: JSONValue {
    .object([
      "fill": .list(
        profile.sortedByBytes { "\($0.table)\u{1}\($0.institution ?? "")\u{1}\($0.column)" }.map {
          .object([
            "table": .text($0.table), "institution": .text($0.institution), "column": .text($0.column),
            "rows": .integer($0.rows), "filled": .integer($0.filled),
          ])
        }),
      "unknown_codes": .list(
        unknownCodes.sortedByBytes { "\($0.table)\u{1}\($0.column)\u{1}\($0.code)" }.map {
          .object([
            "table": .text($0.table), "column": .text($0.column), "code": .text($0.code), "rows": .integer($0.rows),
            "fen": .integer($0.fen),
          ])
        }),
      "identity_duplicates": .list(
        identityDuplicates.sortedByBytes { $0.table + "\u{1}" + $0.what }.map {
          .object(["table": .text($0.table), "what": .text($0.what), "count": .integer($0.count)])
        }),
    ])
  }

  private var findingsJSON: JSONValue {
    var byState: [String: JSONValue] = [:]
    for state in [FindingState.new, .standing, .changed, .withdrawn] {
      byState[state.rawValue] = .integer(findings.count { $0.state == state })
    }
    var withdrawnBecause: [String: JSONValue] = [:]
    for reason in Withdrawal.Reason.allCases {
      withdrawnBecause[reason.rawValue] = .integer(withdrawals.values.count { $0.reason == reason })
    }
    var byVerdict: [String: JSONValue] = [:]
    for verdict in Verdict.allCases {
      byVerdict[verdict.rawValue] = .integer(standingFindings.count { $0.finding.verdict == verdict })
    }
    return .object([
      "by_state": .object(byState), "by_verdict": .object(byVerdict), "suppressed": .integer(suppressions.count),
      "withdrawn_because": .object(withdrawnBecause),
    ])
  }
}
