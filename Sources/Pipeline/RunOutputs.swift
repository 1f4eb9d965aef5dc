import Audit
import Cases
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Normalize
import Referral
import Registries
import Reporting
import RulePacks

/// What a run leaves for people and programs: packets, index.html, run.json and the CSV files of one batch.
struct RunOutputs {
  let run: WeeklyRun
  let segments: [LiveSegment]
  let parts: [PartRecord]
  let guide: SliceGuide
  let setting: StoreState.Setting
  let outcome: ClaimEvaluation.Outcome
  let revision: BatchRevision
  let summaries: [FileSummary]
  let delivery: DeliveryCheck
  let result: AuditResult
  let assignment: CaseAssignment
  /// Findings that hold from earlier runs and that this run's claims do not give: older than look-back and changed
  /// since, or of a rule that could not run. They stay in findings.csv and out of packets.
  let standsOnly: Set<String>
  let shadowRules: Set<String>
  let last: RunSnapshot
  let record: RunRecord
  let asOf: Int64
  let batch: BatchFolder
  let acceptedReasons: [String]
  let mayWritePackets: Bool
  let blocking: [BatchRevision]

  private var label: String { record.label }

  /// 3 while a batch of the store is incomplete, a correction could not be read or too many rows of this batch were
  /// rejected, else 0.
  func exitCode() throws -> Int32 {
    let others = try run.ledger.incompleteBatches().contains { $0.name != revision.name }
    let isIncomplete = revision.isIncomplete || others || !run.unreadCorrections.isEmpty
    return isIncomplete || rejects.areOverLimit ? ExitCode.incomplete : ExitCode.done
  }

  private var rejects: RejectCount { RejectCount(summaries, limit: run.file.rejectLimit) }

  /// Why the exit code is 3, but for what is wrong with this batch's files, which is said when they are read.
  func exitReasons() throws -> [Diagnostic] {
    var reasons = rejects.problem(label).map { [$0] } ?? []
    for batch in try run.ledger.incompleteBatches() where batch.name != revision.name {
      reasons.append(
        Diagnostic(
          .note, "run.incomplete", "batch \(batch.label) is still incomplete: \(batch.incompleteReason ?? "")",
          remedy: "deliver it again, whole"))
    }
    return reasons
  }

  // MARK: Packets

  /// Refuses an output folder in which something stands that no run has put there; the run would remove it.
  static func checkFolder(_ path: String) throws {
    try AtomicFolder.check(
      path, holdsOnly: ["findings.csv", "rejects.csv", "coverage.csv", "suppressed.csv", "run.json", "index.html"],
      folders: ["packets"])
  }

  /// One bag for each case above the threshold; the folder of each, relative to the output folder, by case id.
  func writePackets(into folder: AtomicFolder) throws -> [String: String] {
    let chosen = casesOfPackets.filter { !casesWithoutEvidence.contains($0.id) }
    if chosen.isEmpty { return [:] }
    let state = try packetClaims(chosen)
    let delivered = DeliveredRows(state.raw, state.codes, segments: segments)
    let evidence = EvidenceIndex(
      raw: state.raw, isValid: state.normalized.isValid, claims: state.normalized.claims)
    let lookedAt = ClaimRowsLookedAt(
      rules: run.pack.rules, claims: state.normalized.claims, registries: setting.registries)
    // Once a run, not once a case: every case has some of them.
    let recordsOfCase = Dictionary(grouping: assignment.records, by: \.caseID)
    let suppressionsOfSubject = Dictionary(
      grouping: result.suppressions, by: { Subject(type: $0.subjectType, name: $0.subject) })
    let (laws, exemptionNames, sources) = (laws(), exemptionNames(), sources())
    var packets: [String: String] = [:]
    try AtomicFile.makeFolder(folder.path + "/packets")
    for caseFile in chosen.sorted(by: { bytesPrecede($0.id, $1.id) }) {
      let holding = (recordsOfCase[caseFile.id] ?? []).filter { $0.state != .withdrawn }
      let others = holding.filter { standsOnly.contains($0.finding.id) }
      let derived = holding.filter { !standsOnly.contains($0.finding.id) }
      // What the packet proves.
      var own = caseFile
      own.countedFen = derived.reduce(0) { $0 + Int128($1.countedFen) }
      let input = PacketInput(
        caseFile: own, findings: derived, standsOnly: (others.count, others.reduce(0) { $0 + Int128($1.countedFen) }),
        suppressions: suppressionsOfSubject[Subject(type: caseFile.subjectType, name: caseFile.subject)] ?? [],
        rules: run.pack.rules, ruleFiles: run.pack.texts, laws: laws, exemptionNames: exemptionNames,
        coverage: result.coverage, claims: state.normalized.claims, evidence: evidence, registries: setting.registries,
        sources: sources,
        fetch: { segment, lines, body in
          try delivered.fetch(state.segments[Int(segment)].record.key.table, segment, lines, body)
        },
        excludedSetlTypes: run.jurisdiction.excludedSetlTypes, asOf: asOf, runID: record.runID, batchLabel: label,
        toolVersion: toolVersion, acceptedReasons: acceptedReasons, facts: result.facts,
        lookedAt: lookedAt, census: outcome.thin)
      let name = try PacketWriter().write(input, into: folder.path + "/packets")
      packets[caseFile.id] = "packets/" + (name.split(separator: "/").last.map(String.init) ?? name)
    }
    return packets
  }

  private struct Subject: Hashable {
    var type: SubjectType
    var name: String
  }

  /// Cases over the threshold of which nothing that counts can be derived from today's rows: no packet could prove
  /// anything.
  var casesWithoutEvidence: Set<String> {
    var counted: [String: Int128] = [:]
    for record in assignment.records where record.state != .withdrawn && !standsOnly.contains(record.finding.id) {
      counted[record.caseID, default: 0] += Int128(record.countedFen)
    }
    return Set(casesOfPackets.map(\.id).filter { counted[$0, default: 0] == 0 })
  }

  private var casesOfPackets: [CaseFile] {
    mayWritePackets
      ? assignment.cases.filter { $0.countedFen >= run.file.minCountedFen && $0.countedFen > 0 } : []
  }

  /// All slices in which a person of the cases' findings is; nil if these may be anywhere.
  private func slices(of cases: [CaseFile]) -> Set<UInt16>? {
    let ids = Set(cases.map(\.id))
    let reach = Dictionary(uniqueKeysWithValues: run.pack.rules.map { ($0.id, $0) })
    var slices = Set(outcome.straddling)
    for record in assignment.records where ids.contains(record.caseID) && record.state != .withdrawn {
      let rule = reach[record.finding.rule]
      if rule?.reach == .everything, !record.finding.setlIDs.isEmpty || rule?.countsOccupancy != true {
        // Rows of other persons are part of what such a rule formed.
        return nil
      }
      slices.formUnion(outcome.homes[record.finding.id] ?? [])
    }
    return slices
  }

  /// The slices whose rows packets and the report are made of, but for a whole store.
  var slicesRead: Set<UInt16> {
    let cases = casesOfPackets
    let ofPackets = cases.isEmpty ? [] : slices(of: cases) ?? []
    return ofPackets.union(slices(ofWithdrawn: assignment.records.filter { $0.state == .withdrawn }))
  }

  /// The claims of all slices in which a person of the cases' findings is, with the delivered texts.
  private func packetClaims(_ cases: [CaseFile]) throws -> StoreState {
    try claims(slices(of: cases), delivered: true)
  }

  private func claims(_ slices: Set<UInt16>?, delivered: Bool) throws -> StoreState {
    do {
      return try StoreState.load(
        ledger: run.ledger, segments: segments, parts: parts, guide: guide, setting, slices: slices,
        delivered: delivered)
    } catch is EvaluationDamaged {
      return try StoreState.load(
        ledger: run.ledger, segments: segments, parts: parts, setting, slices: slices, delivered: delivered)
    }
  }

  private func laws() -> [String: LawText] {
    Dictionary(uniqueKeysWithValues: run.pack.law.map { ($0.key, LawText($0)) })
  }

  private func exemptionNames() -> [String: String] {
    Dictionary(uniqueKeysWithValues: run.pack.exemptions.map { ($0.id, $0.name) })
  }

  private func sources() -> [SourceFile] {
    segments.map { segment in
      SourceFile(
        batch: BatchRevision.label(segment.batch, segment.revision),
        file: segment.record.memberName.map { "\(segment.file)!\($0)" } ?? segment.file,
        table: segment.record.key.table.name, digest: segment.record.key.digest, rows: segment.record.rows)
    }
  }

  // MARK: Report

  /// index.html, run.json and the CSV files.
  func writeReport(into folder: AtomicFolder, stages: [StageRecord], packets: [String: String]) throws {
    let model = try reportModel(stages: stages, packets: packets)
    try folder.write(MachineFiles.findings(assignment.records), to: "findings.csv")
    try folder.write(to: "rejects.csv") { write in try MachineFiles.rejects(model.rejects, to: write) }
    try folder.write(MachineFiles.coverage(result.coverage), to: "coverage.csv")
    try folder.write(MachineFiles.suppressed(result.suppressions), to: "suppressed.csv")
    try folder.write(model.runJSON(), to: "run.json")
    try folder.write(model.indexHTML(), to: "index.html")
  }

  private func reportModel(stages: [StageRecord], packets: [String: String]) throws -> RunReportModel {
    var model = RunReportModel()
    model.runID = record.runID
    model.toolVersion = toolVersion
    model.pipeline = run.file.name
    model.batch = revision.name
    model.revision = revision.revision
    model.label = label
    model.asOf = asOf
    model.startedAt = record.startedAt
    model.digests.files = Dictionary(
      uniqueKeysWithValues: revision.files.compactMap { file in file.digest.map { (file.name, $0) } })
    model.digests.registries = setting.registries.tables.mapValues(\.digest)
    model.digests.rules = run.pack.digest
    model.digests.pipeline = run.file.digest
    model.comparedWith = last.run?.label
    model.incomplete = try incompleteBatches()
    model.ignoredFiles = batch.ignored
    model.rejectLimitPerMillion = run.file.rejectLimit

    let figures = outcome.figures
    model.files = try fileRows(figures)
    var tables: [String: RunReportModel.Counts] = [:]
    for row in model.files {
      if let table = row.table { tables[table, default: .init()] = tables[table, default: .init()] + row.counts }
    }
    model.tables = tables.map { .init(table: $0.key, counts: $0.value) }
    model.registries = registryRows()
    model.older = try olderRows(figures)
    model.sums = figures.sums
    model.fundPaidFen = figures.fundPaidFen
    model.reconciliation = [figures.settlementCheck] + (delivery.check.map { [$0] } ?? [])
    for file in revision.files {
      guard let digest = file.digest, let reading = file.reading else { continue }
      let content = try run.ledger.content(digest: digest, reading: reading, fileName: file.name)
      model.rejects.append(contentsOf: content?.rejects ?? [])
    }
    model.rejects.append(
      contentsOf: figures.setAsideRejects { segment in
        let live = segments[Int(segment)]
        return live.record.memberName.map { "\(live.file)!\($0)" } ?? live.file
      })
    fillProfile(&model)

    model.findings = assignment.records
    model.withdrawals = try withdrawals()
    model.suppressions = result.suppressions
    model.coverage = result.coverage
    model.ruleTitles = Dictionary(uniqueKeysWithValues: run.pack.rules.map { ($0.id, $0.nameZh) })
    model.cases = assignment.cases
    model.packets = packets
    model.packetThresholdFen = run.file.minCountedFen
    model.totalCountedFen = assignment.totalCountedFen
    if !mayWritePackets {
      model.packetsWithheld = "批次不完整，未经说明理由不生成移送材料"
    }
    model.casesWithoutEvidence = casesWithoutEvidence.sorted(by: bytesPrecede)
    if let institutions = setting.registries["fixmedins_b"] {
      let codes = institutions.columns["fixmedins_code"]?.codes ?? []
      let names = institutions.columns["fixmedins_name"]?.codes ?? []
      for i in 0..<institutions.count {
        model.institutionNames[setting.codes.text(codes[i])] = setting.codes.text(names[i])
      }
    }
    model.stages = stages.map { .init(name: $0.name, rows: $0.rows, bytes: $0.bytes, milliseconds: $0.milliseconds) }
    return model
  }

  /// Why each withdrawn finding fell; only the slices of their persons are read.
  private func withdrawals() throws -> [String: Withdrawal] {
    let fallen = assignment.records.filter { $0.state == .withdrawn }
    if fallen.isEmpty { return [:] }
    let reasons = WithdrawalReasons(try claims(slices(ofWithdrawn: fallen), delivered: false))
    return Dictionary(
      uniqueKeysWithValues: fallen.map { record in
        // A finding about several persons does not say whose rows it rested on.
        let finding = record.finding
        return (finding.id, finding.psnNo.isEmpty ? Withdrawal(reason: .other) : reasons.reason(of: finding))
      })
  }

  private func slices(ofWithdrawn records: [FindingRecord]) -> Set<UInt16> {
    if records.isEmpty { return [] }
    var slices = Set(outcome.straddling)
    for record in records where !record.finding.psnNo.isEmpty {
      slices.insert(PersonSlice.of(record.finding.psnNo))
    }
    return slices
  }

  /// The registries that were looked up: their rejected rows are shown like those of claim files.
  private func registryRows() -> [RunReportModel.FileRow] {
    setting.registries.tables.keys.sorted().compactMap { name in
      guard let table = setting.registries[name] else { return nil }
      let file = table.source.contains("/") ? table.source : "registries/\(table.source)"
      var row = RunReportModel.FileRow(name: file, table: name, state: .read, digest: table.digest)
      row.counts.accepted = table.isAmbiguous.count { !$0 }
      row.counts.rejected = table.rejected.count
      if table.dropped > 0 { row.counts.setAside["cancelled"] = table.dropped }
      row.counts.read = row.counts.accepted + row.counts.rejected + table.dropped
      row.unknownColumns = table.unknownColumns
      var problems: [String: Int] = [:]
      for reject in table.rejected { problems["\(reject.column ?? "")\n\(reject.code)", default: 0] += 1 }
      for (key, count) in problems.sorted(by: { $0.key < $1.key }) {
        let parts = key.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        row.problems.append(
          .init(column: parts[0].isEmpty ? nil : parts[0], code: parts[1], action: .rejected, count: count))
      }
      return row
    }
  }

  private func incompleteBatches() throws -> [RunReportModel.IncompleteBatch] {
    var all = try run.ledger.incompleteBatches().filter { $0.name != revision.name }
    if revision.isIncomplete { all.append(revision) }
    all += run.unreadCorrections
    return all.map { one in
      .init(
        label: one.label, reason: one.incompleteReason ?? "",
        causes: one.files.compactMap { file in file.refusal.map { .init(file: file.name, code: $0.code) } },
        acceptedReason: one.acceptedReason
          ?? ((blocking + run.unreadCorrections).contains { $0.name == one.name } ? run.options.acceptIncomplete : nil))
    }
  }

  private func fileRows(_ figures: UnitFigures) throws -> [RunReportModel.FileRow] {
    var segmentOf: [String: Int32] = [:]
    for (i, segment) in segments.enumerated() where segment.batch == revision.name {
      segmentOf["\(segment.file)\n\(segment.record.key.member)"] = Int32(i)
    }
    var rows: [RunReportModel.FileRow] = []
    for (file, summary) in zip(revision.files, summaries) {
      if file.name == "delivery.csv", file.reading == nil { continue }
      if file.state != .read {
        var row = RunReportModel.FileRow(
          name: file.name, table: nil, state: file.state == .missing ? .missing : .refused, digest: file.digest)
        row.bytes = file.size
        row.refusalCode = file.refusal?.code
        row.refusalMessage = file.refusal?.message
        row.rowsBeforeRefusal = file.state == .refused ? summary.reachedRows : nil
        rows.append(row)
        continue
      }
      for (ordinal, member) in summary.members.enumerated() {
        var row = RunReportModel.FileRow(
          name: member.name.map { "\(file.name)!\($0)" } ?? file.name, table: member.table, state: .read,
          digest: file.digest)
        row.bytes = file.size
        row.inflatedBytes = member.inflatedBytes
        row.charset = member.charset
        row.delimiter = member.delimiter
        row.enclosure = member.enclosure
        row.headerKind = member.header
        row.missingColumns = member.missingColumns
        row.unknownColumns = member.unknownColumns
        row.counts.read = member.rowsRead
        row.counts.rejected = member.rejects.values.reduce(0, +)
        for (code, n) in member.rejects.sorted(by: { $0.key < $1.key }) {
          row.problems.append(.init(column: nil, code: code, action: .rejected, count: n))
        }
        if ordinal < summary.values.count {
          row.counts.rejected += summary.values[ordinal].rejected
          for p in summary.values[ordinal].problems {
            row.problems.append(.init(column: p.column, code: p.code, action: p.action, count: p.rows))
          }
        }
        if let segment = segmentOf["\(file.name)\n\(ordinal)"] {
          for (disposition, n) in figures.dispositions(of: Int(segment)) {
            if disposition == .counts {
              row.counts.accepted += n
            } else {
              row.counts.setAside[disposition.reason, default: 0] += n
            }
          }
        }
        rows.append(row)
      }
    }
    return rows
  }

  /// Rows of older batches that this batch set aside: what is set aside now and was not after the last run.
  private func olderRows(_ figures: UnitFigures) throws -> [RunReportModel.OlderRows] {
    let before = try previousSetAside()
    var change: [String: Int] = [:]
    for (i, segment) in segments.enumerated() where segment.batch != revision.name {
      for (disposition, n) in figures.dispositions(of: i) where disposition != .counts {
        let key = "\(segment.batch)\n\(segment.record.key.text)\n\(disposition.reason)"
        let more = n - (before[key] ?? 0)
        if more > 0 { change["\(segment.record.key.table.name)\n\(disposition.reason)", default: 0] += more }
      }
    }
    return change.map { key, rows in
      let parts = key.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      return .init(table: parts[0], reason: parts[1], rows: rows)
    }
  }

  private func previousSetAside() throws -> [String: Int] {
    guard let text = last.run?.report else { return [:] }
    return try StatusFigures.decode(text).setAside
  }

  /// What `status` and the next run want to know of this one.
  func statusJSON() throws -> String {
    var figures = StatusFigures()
    for (i, segment) in segments.enumerated() {
      for (disposition, n) in outcome.figures.dispositions(of: i) where disposition != .counts {
        figures.setAside["\(segment.batch)\n\(segment.record.key.text)\n\(disposition.reason)"] = n
      }
    }
    figures.findings = assignment.records.count { $0.state != .withdrawn }
    figures.cases = assignment.cases.count
    figures.countedFen = assignment.totalCountedFen
    figures.rejectsAreOverLimit = rejects.areOverLimit
    return try jsonText(figures)
  }

  private func fillProfile(_ model: inout RunReportModel) {
    var profiles: [ClaimTable: TableProfile] = [:]
    for value in summaries.flatMap(\.values) {
      if profiles[value.profile.table] == nil {
        profiles[value.profile.table] = value.profile
      } else {
        profiles[value.profile.table]?.merge(value.profile)
      }
    }
    for (table, profile) in profiles {
      for (i, column) in table.columns.enumerated() {
        model.profile.append(
          .init(table: table.name, column: column.name, rows: profile.rows, filled: profile.filled[i]))
      }
      // A whole matrix of institutions and columns is no reading matter: columns that rules and keys need.
      let needed = Set(table.columns.filter { $0.needed || $0.required || $0.rejectsRow }.map(\.name))
        .union(["list_type", "med_list_codg", "hilist_code", "insutype", "dise_no", "dscg_way", "hosp_lv"])
      for institution in profile.institutions where !institution.institution.isEmpty {
        for (i, column) in table.columns.enumerated()
        where needed.contains(column.name) && institution.filled[i] < institution.rows {
          model.profile.append(
            .init(
              table: table.name, institution: institution.institution, column: column.name, rows: institution.rows,
              filled: institution.filled[i]))
        }
      }
      for code in profile.unknownCodes {
        model.unknownCodes.append(.init(table: table.name, column: code.column, code: code.code, rows: code.rows))
      }
      if profile.identity.personsWithSeveralCertificates > 0 {
        model.identityDuplicates.append(
          .init(
            table: table.name, what: "一个 psn_no 对应多个 certno", count: profile.identity.personsWithSeveralCertificates))
      }
      if profile.identity.certificatesWithSeveralPersons > 0 {
        model.identityDuplicates.append(
          .init(
            table: table.name, what: "一个 certno 对应多个 psn_no", count: profile.identity.certificatesWithSeveralPersons))
      }
    }
    for unknown in outcome.figures.unknownMedTypes {
      model.unknownCodes.append(
        .init(
          table: "med_type_b", column: "med_type", code: UnknownCode.shown(unknown.code), rows: unknown.rows,
          fen: unknown.fen))
    }
  }

  /// The run's last words on standard output.
  func resultLines(_ packets: [String: String]) -> [String] {
    let standing = assignment.records.filter { $0.state != .withdrawn }
    var lines = [
      "batch    \(label): \(standing.count) findings (\(assignment.records.count { $0.state == .new }) new), \(assignment.cases.count) cases, \(FixedPoint.yuan(assignment.totalCountedFen)) yuan counted"
    ]
    if let reason = revision.incompleteReason {
      lines.append("incomplete \(label): \(reason)")
    }
    if !mayWritePackets {
      lines.append("packets  none: a batch is incomplete; see the report, or give --accept-incomplete REASON")
    }
    for id in casesWithoutEvidence.sorted(by: bytesPrecede) {
      lines.append("packets  none for \(id): its findings can't be derived from today's rows; see the report")
    }
    lines.append("report   \(shown(record.outputFolder))/index.html")
    for id in packets.keys.sorted() { lines.append("packet   \(shown(record.outputFolder))/\(packets[id] ?? "")") }
    return lines
  }
}

/// Figures of a finished run that the ledger keeps.
struct StatusFigures: Codable {
  /// Rows set aside by batch, segment and reason (line feeds between).
  var setAside: [String: Int] = [:]
  var findings = 0
  var cases = 0
  var countedFen: Int128 = 0
  /// nil: the run did not note it.
  var rejectsAreOverLimit: Bool?

  /// - Throws: `store.corrupt`: only this program writes the text, so it was damaged.
  static func decode(_ text: String) throws -> StatusFigures {
    do { return try JSONDecoder().decode(StatusFigures.self, from: Data(text.utf8)) } catch {
      throw Diagnostic(
        .error, "store.corrupt", "The ledger's figures of a run can't be read",
        remedy: "Restore the store folder from a copy, or move it away and read the batches again.")
    }
  }
}

/// A path as the user would type it here: relative where it lies under the working folder.
func shown(_ path: String) -> String {
  let here = FileManager.default.currentDirectoryPath + "/"
  return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
}

extension Rule {
  /// What its findings rest on is counts of days, which a packet holds as facts.
  fileprivate var countsOccupancy: Bool {
    if case .occupancy? = shape.formed?.kind { true } else { false }
  }
}
