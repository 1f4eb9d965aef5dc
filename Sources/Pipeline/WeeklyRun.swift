import Audit
import Cases
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Normalize
import Partition
import Registries
import RulePacks

/// The weekly job: every batch of the input, one after the other, from exports to packets.
///
/// The stages stand in `process(_:)` in the order in which data passes them.
final class WeeklyRun {
  let options: RunOptions
  let file: PipelineFile
  let pack: RulePack
  let jurisdiction: Jurisdiction
  let registriesFolder: String
  let outputFolder: String
  let printer: EventPrinter
  let ledger: Ledger
  /// Read once; civil time of the machine, or SOURCE_DATE_EPOCH.
  let clock: RunClock
  let jobs: Int
  /// Bytes that the run may take; see `MemoryLimit`.
  let memory: Int
  /// The engine that finds; nil: this program.
  let spark: SparkSetting?
  /// What decides how rows count; the registries are read once a command.
  let setting: StoreState.Setting
  let shelf: RegistryShelf
  /// The registries of the last run's state.
  private let earlier: EarlierRegistries.Comparison
  /// Digests of registries, rule files and the pipeline file, `name sha256` each, sorted.
  let configurationDigests: [String: [String: String]]
  /// What earlier runs know of delivered files.
  private var files: DeliveredFiles
  /// Trimmed batches that came corrected: their rows can't be replaced any more, so what rests on them may be wrong.
  private(set) var unreadCorrections: [BatchRevision] = []
  /// Lines for standard output: one a batch done.
  private(set) var results: [String] = []

  init(
    options: RunOptions, file: PipelineFile, pack: RulePack, jurisdiction: Jurisdiction, registriesFolder: String,
    outputFolder: String, ledger: Ledger, printer: EventPrinter, clock: RunClock,
    configurationDigests: [String: [String: String]]
  ) throws {
    memory = try MemoryLimit.resolve(options.memory)
    spark = try SparkSetting(options)
    let codes = CodeTable()
    setting = StoreState.Setting(
      rules: pack.rules,
      registries: try loadRegistries(folder: registriesFolder, knowledge: file.knowledge, codes: codes), codes: codes,
      excludedSetlTypes: jurisdiction.excludedSetlTypes)
    shelf = RegistryShelf(setting.registries, codes: codes)
    earlier = try EarlierRegistries.compare(ledger, shelf, rules: pack.rules, codes: codes)
    files = DeliveredFiles(try ledger.seenFiles(), openedAt: ledger.openedAt)
    self.options = options
    self.file = file
    self.pack = pack
    self.jurisdiction = jurisdiction
    self.registriesFolder = registriesFolder
    self.outputFolder = outputFolder
    self.ledger = ledger
    self.printer = printer
    self.clock = clock
    self.configurationDigests = configurationDigests
    jobs = options.jobs ?? file.jobs ?? ProcessInfo.processInfo.activeProcessorCount
  }

  /// All batches in byte order of their names; the worst exit code of them.
  func run(_ batches: [BatchFolder]) throws -> Int32 {
    printer.send(.started(pipeline: file.name, batches: batches.count))
    var code = ExitCode.done
    for (i, batch) in batches.enumerated() {
      let one = try process(batch, isLast: i == batches.count - 1)
      code = ExitCode.worse(code, one)
    }
    let incomplete = try ledger.incompleteBatches().filter(\.blocksPackets)
    if !incomplete.isEmpty { code = ExitCode.worse(code, ExitCode.incomplete) }
    for line in incomplete.map({ "incomplete \($0.label): \($0.incompleteReason ?? "")" }) where !results.contains(line)
    {
      results.append(line)
    }
    return code
  }

  /// One batch through all stages.
  private func process(_ batch: BatchFolder, isLast: Bool) throws -> Int32 {
    var stopwatch = Stopwatch(printer)

    // What was delivered, and whether it is done already.
    if let removal = try ledger.removal(of: batch.id) {
      let note = "removed on \(removal.removedAt) because: \(removal.reason); not read again"
      printer.send(.batch(label: batch.id, note: note))
      return try removal.rowsKept > 0 && isCorrected(batch, removal) ? ExitCode.incomplete : ExitCode.done
    }
    let digests = try fingerprints(of: batch)
    guard let plan = try planRevision(batch, digests, isLast: isLast) else { return try reportFinished(batch) }
    var run = try begin(plan, of: batch)
    let label = run.label
    let startedAt = CivilTime.parseTime(run.startedAt) ?? clock.seconds

    // Exports → checked row records by person → Parquet parts of the store.
    stopwatch.start("intake", batch: label)
    let delivered = try receive(batch, plan.revision, digests: digests, startedAt: startedAt)
    stopwatch.stop(rows: delivered.rowsRead, bytes: batch.files.reduce(0) { $0 + $1.size })

    // Parts → claims that count → findings, unit by unit; and what changed since the last run.
    stopwatch.start("audit", batch: label)
    let audit = try auditStore(with: delivered.revision)
    let result = audit.outcome.result
    for problem in result.diagnostics { printer.send(.diagnostic(problem)) }
    let asOf = try asOfDay(audit.outcome.figures, startedAt: startedAt)
    let last = try ledger.baseline(of: plan.runID)
    let compared = try compare(result, with: last, asOf: asOf, label)
    stopwatch.stop(rows: audit.outcome.figures.countingLines, bytes: 0)

    // Findings → cases, one fen once.
    stopwatch.start("cases", batch: label)
    let standsOnly = FindingHistory.standsOnly(compared, current: result.findings)
    let shadowRules = Set(result.coverage.filter { $0.status == .shadow }.map(\.rule))
    let assignment = assignCases(
      records: compared, open: last.openCases, batchLabel: label, shadowRules: shadowRules, standsOnly: standsOnly)
    stopwatch.stop(rows: assignment.records.count, bytes: 0)

    // Everything a person reads: packets, report, tables. Written aside, synced, renamed; then the run is done.
    run.asOf = CivilTime.text(day: asOf)
    let accepted = acceptances(audit.blocking)
    stopwatch.start("packets", batch: label)
    let outputs = RunOutputs(
      run: self, segments: audit.segments, parts: audit.parts, guide: audit.lookedBack?.guide ?? SliceGuide(),
      setting: setting, outcome: audit.outcome, revision: acceptedRevision(delivered.revision, accepted),
      summaries: delivered.summaries, delivery: delivered.delivery, result: result, assignment: assignment,
      standsOnly: standsOnly, shadowRules: shadowRules, last: last, record: run, asOf: asOf, batch: batch,
      acceptedReasons: try acceptedReasons(accepted, with: delivered.revision),
      mayWritePackets: audit.blocking.isEmpty && unreadCorrections.isEmpty || options.acceptIncomplete != nil,
      blocking: audit.blocking)
    let exitCode = try publish(outputs, audit, accepted, &run, &stopwatch, isLast: isLast)
    if options.failOnFindings, exitCode == ExitCode.done, !result.findings.isEmpty { return ExitCode.saysNo }
    return exitCode
  }

  // MARK: What is to be done

  private struct RevisionPlan {
    var revision: Int
    var runID: String
    var digests: [String: [String: String]]
    var note: String
  }

  /// SHA-256 of each claim file and of delivery.csv, by name.
  private func fingerprints(of batch: BatchFolder) throws -> [String: String] {
    var result: [String: String] = [:]
    for claim in batch.files {
      // A file that cannot be opened is refused later, by name.
      result[claim.name] = (try? files.fingerprint(of: claim.path)) ?? ""
    }
    if let delivery = batch.delivery { result["delivery.csv"] = try files.fingerprint(of: delivery) }
    return result
  }

  /// Whether a trimmed batch has other files than were read, and says so. Its rows that stayed are then not those of the
  /// delivery, and nothing replaces them.
  private func isCorrected(_ batch: BatchFolder, _ removal: RemovedBatch) throws -> Bool {
    guard var revision = try ledger.latestRevision(of: batch.id) else { return false }
    let digests = try fingerprints(of: batch)
    let known = Dictionary(revision.files.map { ($0.name, $0.digest ?? "") }, uniquingKeysWith: { first, _ in first })
    let changed = digests.keys.filter { known[$0] != digests[$0] }.sorted(by: bytesPrecede)
    if changed.isEmpty { return false }
    let code = "store.trimmed-batch"
    let message = "\(removal.rowsKept) rows of the batch still count, and it is not read again"
    for name in changed {
      printer.send(
        .diagnostic(
          Diagnostic(
            .error, code, "the file is not the one that was read before the batch was trimmed: \(message)",
            at: Place(file: "\(batch.id)/\(name)"),
            remedy: "put the old file back, and deliver the corrected rows in a batch of another name")))
    }
    revision.files = changed.map { name in
      BatchFileRecord(
        name: name, digest: digests[name], reading: nil, size: 0, state: .refused,
        refusal: Refusal(code: code, message: message))
    }
    revision.incompleteReason =
      "\(changed.joined(separator: ", ")) came corrected after the batch was trimmed: \(message)"
    unreadCorrections.append(revision)
    results.append("incomplete \(batch.id): \(revision.incompleteReason ?? "")")
    return true
  }

  /// Which revision this delivery is; nil if it is done already.
  private func planRevision(_ batch: BatchFolder, _ digests: [String: String], isLast: Bool) throws -> RevisionPlan? {
    var all = configurationDigests
    all["files"] = digests
    let previous = try ledger.latestRevision(of: batch.id)
    func plan(_ revision: Int, _ note: String) -> RevisionPlan {
      let text = all.keys.sorted().flatMap { kind in
        (all[kind] ?? [:]).values.sorted()
      }.sorted().joined(separator: "\n")
      return RevisionPlan(
        revision: revision, runID: "\(batch.id)~\(revision)-\(SHA256Hasher.hex(of: text).prefix(8))", digests: all,
        note: note)
    }
    guard let previous else { return plan(1, "\(batch.files.count) files") }
    let before = Set(previous.files.compactMap { file in file.digest.map { "\(file.name) \($0)" } })
    let now = Set(digests.map { "\($0.key) \($0.value)" })
    if before != now {
      return plan(previous.revision + 1, "files differ from revision \(previous.revision); corrected batch")
    }
    // What could not be read may be readable now, with the same bytes.
    if previous.files.contains(where: { ["intake.changed", "intake.unreadable"].contains($0.refusal?.code) }) {
      return plan(previous.revision + 1, "a file that could not be read is tried again")
    }
    let same = plan(previous.revision, "accepted though incomplete; evaluated again")
    let finished = try ledger.outputFolder(of: same.runID)
    if finished == nil, isLast {
      return plan(previous.revision + 1, "registries, rules or pipeline differ; evaluated again")
    }
    guard try ledger.newestBatch() == batch.id else { return nil }
    if options.acceptIncomplete != nil, try !ledger.incompleteBatches().filter(\.blocksPackets).isEmpty {
      return same
    }
    if let finished, !FileManager.default.fileExists(atPath: finished) {
      return plan(previous.revision, "its output folder is gone; written again")
    }
    // Who names another folder and has nothing new wants the last results there.
    let here = outputFolder + "/" + BatchRevision.label(batch.id, previous.revision)
    if let finished, isLast, finished != here, !FileManager.default.fileExists(atPath: here) {
      return plan(previous.revision, "written again, into another output folder")
    }
    return nil
  }

  /// Notes in the ledger that a run begins. One that goes on after a kill began when it was begun first.
  ///
  /// - Throws: `usage.folder-not-empty`, errors of the store.
  private func begin(_ plan: RevisionPlan, of batch: BatchFolder) throws -> RunRecord {
    let label = BatchRevision.label(batch.id, plan.revision)
    try RunOutputs.checkFolder(outputFolder + "/" + label)
    printer.send(.batch(label: label, note: plan.note))
    var run = RunRecord(
      runID: plan.runID, batch: batch.id, revision: plan.revision, asOf: nil, startedAt: clock.text,
      toolVersion: toolVersion, digests: try jsonText(plan.digests), exitCode: 0,
      outputFolder: outputFolder + "/" + label)
    run.startedAt = try ledger.beginRun(run)
    return run
  }

  /// A batch that was done before: nothing changes, its results are named again.
  private func reportFinished(_ batch: BatchFolder) throws -> Int32 {
    guard let last = try ledger.lastRun(of: batch.id) else { return ExitCode.done }
    printer.send(.batch(label: last.label, note: "done before; nothing changed"))
    results.append("report   \(shown(last.outputFolder))/index.html")
    let packets = (try? FileManager.default.contentsOfDirectory(atPath: last.outputFolder + "/packets")) ?? []
    for name in packets.sorted() { results.append("packet   \(shown(last.outputFolder))/packets/\(name)") }
    var code = Int32(last.exitCode)
    if code != ExitCode.incomplete, !options.failOnFindings { return code }
    let figures = try ledger.lastReport(of: batch.id).map(StatusFigures.decode)
    // Another batch was incomplete then; whether one still is, is asked at the end.
    if code == ExitCode.incomplete, figures?.rejectsAreOverLimit == false,
      try ledger.latestRevision(of: batch.id)?.isIncomplete == false
    {
      code = ExitCode.done
    }
    if options.failOnFindings, code == ExitCode.done, figures.map({ $0.findings > 0 }) == true {
      return ExitCode.saysNo
    }
    return code
  }

  /// What else decides which rows bytes give: limits and the version of the reader.
  private func readingName() throws -> String {
    let limits = file.limits
    let text = [
      "reader 2", "\(limits.maxRatio)", "\(limits.maxMemberBytes)", "\(limits.maxFileBytes)",
      "\(limits.rejectLimitPerMillion)",
    ].joined(separator: "\n")
    return "r2" + SHA256Hasher.hex(of: text).prefix(8)
  }

  // MARK: Evaluation

  /// What the rules find over the whole store, and what of the store they looked at.
  private struct StoreAudit {
    let segments: [LiveSegment]
    let parts: [PartRecord]
    /// Incomplete batches that keep packets back.
    let blocking: [BatchRevision]
    let lookBack: LookBackEvaluation
    /// nil: the whole store was evaluated, and nothing is left for the next run.
    let lookedBack: LookBackEvaluation.Found?
    let outcome: ClaimEvaluation.Outcome
  }

  /// - Parameter revision: of the batch under work, which the ledger does not have yet.
  private func auditStore(with revision: BatchRevision) throws -> StoreAudit {
    let blocking = try blockingBatches(with: revision)
    let segments = try ledger.liveSegments(replacing: [revision])
    let parts = try ledger.parts()
    let whole = try evaluation(of: segments, parts, blocking, with: revision)
    let lookBack = LookBackEvaluation(
      whole: whole, ledger: ledger, segments: segments, batch: revision.name,
      columns: StoreState.columns(pack.rules, delivered: false),
      binding: LookBackEvaluation.binding(
        configuration: configurationDigests, rules: pack.rules, excludedSetlTypes: whole.excludedSetlTypes,
        fillFloor: whole.fillFloor, incompleteTables: whole.incompleteTables),
      parts: parts)
    let lookedBack = try spark == nil ? evaluate(lookBack) : nil
    let outcome =
      try lookedBack?.outcome
      ?? spark.map { setting in
        try SparkEvaluation(
          evaluation: whole, ledger: ledger, segments: segments, setting: setting, printer: printer
        ).run()
      } ?? whole.run()
    return StoreAudit(
      segments: segments, parts: parts, blocking: blocking, lookBack: lookBack, lookedBack: lookedBack,
      outcome: outcome)
  }

  /// The evaluation of the whole store.
  private func evaluation(
    of segments: [LiveSegment], _ parts: [PartRecord], _ blocking: [BatchRevision], with revision: BatchRevision
  ) throws -> ClaimEvaluation {
    let ofBatch = segments.map { $0.batch == revision.name }
    return ClaimEvaluation(
      source: StoreSource(
        reader: try StoreReader(
          ledger, live: segments, columns: StoreState.columns(pack.rules, delivered: false), places: ofBatch,
          parts: parts),
        segments: segments),
      rules: pack.rules, shelf: shelf, codes: setting.codes, excludedSetlTypes: jurisdiction.excludedSetlTypes,
      fillFloor: file.fillFloor, incompleteTables: try incompleteTables(blocking, with: revision), ofBatch: ofBatch,
      jobs: jobs, memory: memory, unitRows: options.unitRows ?? ClaimUnits.rows(within: memory, jobs: jobs),
      keptBytes: options.keptBytes ?? ClaimEvaluation.keptBytes(within: memory), spillFolder: ledger.folder)
  }

  /// What the rules find over the whole store, and what the next run may go on from. If the batch only adds to what the
  /// last run left, only what it changes is evaluated; the result is the same. nil: the whole store is to be evaluated,
  /// and nothing is left.
  private func evaluate(_ lookBack: LookBackEvaluation) throws -> LookBackEvaluation.Found? {
    if options.evaluatesWholeStore { return nil }
    func continued() throws -> LookBackEvaluation.Found? {
      guard let stored = try ledger.evaluationState() else { return nil }
      // Its digest was right: it is of another version of this program.
      guard let state = try? JSONDecoder().decode(LookBackState.self, from: Data(stored.header.utf8)) else {
        return nil
      }
      guard state.binding == lookBack.binding, state.isContinued(by: lookBack.segments, batch: lookBack.batch) else {
        return nil
      }
      var then: EarlierRegistries?
      if !lookBack.hasRegistries(of: state) {
        switch earlier {
        case .differing(let registries) where registries.digests == state.registries.mapValues(\.digest):
          // Whose row of a registry is meant, must be seen from the slice.
          if state.hasLowerCasePersons { return nil }
          then = registries
        case .damaged: throw LookBackEvaluation.Damaged()
        case .same, .unknown, .differing: return nil
        }
      }
      do {
        return try lookBack.run(from: state, then)
      } catch is EvaluationDamaged {
        throw LookBackEvaluation.Damaged()
      }
    }
    do {
      if let found = try continued() { return found }
    } catch is LookBackEvaluation.Damaged {
      printer.send(
        .diagnostic(
          Diagnostic(
            .warning, "store.evaluation-damaged", "What the last run left for this one is damaged",
            at: Place(file: ledger.evaluationFolder), notes: ["the whole store is evaluated; the result is the same"],
            remedy: "look after the disk if it happens again")))
    }
    // Nobody goes on from a first or second batch often enough to pay for it.
    let batches = Set(lookBack.segments.map(\.batch)).count
    return batches >= options.keepsStateFrom ? try lookBack.run(from: nil) : nil
  }

  /// The findings with what became of them since the last run, and those that fell.
  private func compare(
    _ result: AuditResult, with last: RunSnapshot, asOf: Int64, _ label: String
  ) throws -> [FindingRecord] {
    let silent = Set(result.coverage.filter { $0.status == .notRunnable }.map(\.rule))
    let keptSince = try ledger.keptSince()
    return FindingHistory.compare(
      current: result.findings, last: last.findings, silentRules: silent,
      cutoff: max(asOf - file.lookBackDays, keptSince ?? Int64.min), batchLabel: label,
      torn: keptSince.map { (Set(pack.rules.filter { $0.reach != .person }.map(\.id)), $0) })
  }

  // MARK: Incomplete batches

  /// Latest revisions that are incomplete and that nobody accepted, the one under work included.
  private func blockingBatches(with revision: BatchRevision) throws -> [BatchRevision] {
    var all = try incompleteBatches(but: revision)
    all.append(revision)
    return all.filter(\.isIncomplete).filter { $0.blocksPackets }
      .sorted { bytesPrecede($0.name, $1.name) }
  }

  /// Claim tables of which an incomplete batch may lack rows, with the reason. Incomplete batches count here even when
  /// they were accepted: what is lost is lost.
  private func incompleteTables(
    _ blocking: [BatchRevision], with revision: BatchRevision
  ) throws -> [ClaimTable: String] {
    let accepted = try incompleteBatches(but: revision).filter { batch in
      !blocking.contains { $0.name == batch.name }
    }
    return Pipeline.incompleteTables(blocking + accepted + unreadCorrections)
  }

  /// Latest revisions that are incomplete. What the ledger knows of the batch under work is out of date: it may be
  /// mended.
  private func incompleteBatches(but revision: BatchRevision) throws -> [BatchRevision] {
    try ledger.incompleteBatches().filter { $0.name != revision.name }
  }

  private func acceptances(_ blocking: [BatchRevision]) -> [(batch: String, reason: String)] {
    guard let reason = options.acceptIncomplete else { return [] }
    return blocking.map { ($0.name, reason) }
  }

  /// The batch under work as the ledger is to have it.
  private func acceptedRevision(
    _ revision: BatchRevision, _ accepted: [(batch: String, reason: String)]
  ) -> BatchRevision {
    var revision = revision
    if accepted.contains(where: { $0.batch == revision.name }) { revision.acceptedReason = options.acceptIncomplete }
    return revision
  }

  private func acceptedReasons(
    _ now: [(batch: String, reason: String)], with revision: BatchRevision
  ) throws -> [String] {
    let before = try incompleteBatches(but: revision).compactMap { batch in
      batch.acceptedReason.map { "\(batch.label): \($0)" }
    }
    let unread = unreadCorrections.compactMap { batch in options.acceptIncomplete.map { "\(batch.label): \($0)" } }
    return (before + now.map { "\($0.batch): \($0.reason)" } + unread).sorted()
  }

  /// `--as-of`, else the newest setl_time of the batch, of the store, else the newest day of a fee line or an admission,
  /// if it is no later than the run. Only for a store without a time it is the day of the run: of claims a year old,
  /// every finding would be out of reach from the start, and no reversal would withdraw it.
  private func asOfDay(_ figures: UnitFigures, startedAt: Int64) throws -> Int64 {
    if let text = options.asOf, let day = CivilTime.parseDay(text) { return day }
    for newest in [figures.newestOfBatch, figures.newestOfStore] where newest != Int64.min {
      return CivilTime.dayOf(time: newest)
    }
    let newest = try ledger.parts().filter { $0.table == .feeLines || $0.table == .visits }.compactMap(\.maxTime).max()
    return CivilTime.dayOf(time: min(newest ?? startedAt, startedAt))
  }

  // MARK: Intake

  /// A batch whose rows are in the store.
  private struct Delivered {
    let revision: BatchRevision
    let delivery: DeliveryCheck
    /// Of each file.
    let summaries: [FileSummary]

    var rowsRead: Int { summaries.reduce(0) { $0 + $1.members.reduce(0) { $0 + $1.rowsRead } } }
  }

  /// Reads what is not known yet, and reconciles all with what the sender says of it; problems of that are reported.
  private func receive(
    _ batch: BatchFolder, _ revision: Int, digests: [String: String], startedAt: Int64
  ) throws -> Delivered {
    var records = try intake(batch, digests: digests, startedAt: startedAt)
    let delivery = try DeliveryCheck(batch, records)
    for problem in delivery.problems { printer.send(.diagnostic(problem)) }
    records += delivery.missingFiles
    records.sort { bytesPrecede($0.name, $1.name) }
    let revision = BatchRevision(
      name: batch.id, revision: revision, incompleteReason: incompleteReason(batch, records, delivery),
      acceptedReason: nil, files: records)
    return Delivered(
      revision: revision, delivery: delivery, summaries: try records.map { try FileSummary.decode($0.report) })
  }

  /// The batch's files as the ledger keeps them, in byte order of names; those whose bytes the store does not know yet
  /// are read, and their rows become parts of the store, all of them in one transaction.
  private func intake(_ batch: BatchFolder, digests: [String: String], startedAt: Int64) throws -> [BatchFileRecord] {
    let plans = Dictionary(
      uniqueKeysWithValues: ClaimTable.allCases.map {
        ($0, RowPlan(table: $0, columns: nil, keepsDelivered: true))
      })
    let partition = try RowPartition(plans: plans, memoryBytes: min(memory / 4, 256 << 20), spillFolder: ledger.folder)
    let numbers = ReadSegments()
    let intake = BatchIntake(
      batch: batch.id, partition: partition, segments: numbers, limits: file.limits, startedAt: startedAt, jobs: jobs,
      printer: printer, reading: try readingName())
    var records: [BatchFileRecord] = []
    var toRead: [BatchFile] = []
    for file in batch.files {
      let digest = digests[file.name] ?? ""
      if !digest.isEmpty,
        let content = try ledger.content(digest: digest, reading: intake.fileReading(file), fileName: nil)
      {
        records.append(intake.record(file, content))
      } else {
        toRead.append(file)
      }
    }
    try DiskRoom.check(
      ledger.folder, needed: DiskRoom.needed(for: toRead, memory: min(memory / 4, 256 << 20), keepsParts: true))
    let read = try intake.read(toRead, digests: digests)
    records += read.map(\.record)
    try StorePartition(partition: partition, segments: numbers.all, jobs: jobs, memory: memory).commit(
      read, to: ledger, batch: batch.id)
    return records.sorted { bytesPrecede($0.name, $1.name) }
  }

  // MARK: Outputs

  /// Writes what people and programs read. The folder is put in its place before the ledger says that the run is done: a
  /// run that is killed in between is made again, with the same bytes.
  private func publish(
    _ outputs: RunOutputs, _ audit: StoreAudit, _ accepted: [(batch: String, reason: String)], _ run: inout RunRecord,
    _ stopwatch: inout Stopwatch, isLast: Bool
  ) throws -> Int32 {
    let folder = try AtomicFolder(for: run.outputFolder)
    let packets = try outputs.writePackets(into: folder)
    let state = try audit.lookedBack.map { found in
      let state = try audit.lookBack.keeping(found.slices.union(outputs.slicesRead), of: found)
      return EvaluationState(header: try jsonText(state), files: state.files)
    }
    stopwatch.stop(rows: packets.count, bytes: 0)
    stopwatch.start("report", batch: run.label)
    for problem in try outputs.exitReasons() { printer.send(.diagnostic(problem)) }
    let exitCode = try outputs.exitCode()
    run.exitCode = Int(exitCode)
    try outputs.writeReport(into: folder, stages: stopwatch.stages, packets: packets)
    try folder.commit()
    stopwatch.stop(rows: outputs.assignment.records.count, bytes: 0)
    run.stages = stopwatch.stages
    run.finishedAt = nil
    run.report = try outputs.statusJSON()
    try ledger.finishRun(
      run, revision: outputs.revision, findings: outputs.assignment.records, openCases: outputs.assignment.cases,
      accepted: accepted, evaluation: state, seen: files.noted, forgotten: isLast ? files.forgotten : [])
    results += outputs.resultLines(packets)
    return exitCode
  }
}
