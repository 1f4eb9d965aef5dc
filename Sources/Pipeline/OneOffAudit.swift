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
import Reporting
import RulePacks

/// What the command line says of `yijian audit`; paths as given.
public struct AuditOptions: Sendable {
  public var pipeline: String
  public var input: String?
  public var output: String
  public var registries: String?
  public var jobs: Int?
  /// As `--memory` has it.
  public var memory: String?
  public var format = OutputFormat.text
  /// Rows of all tables that are evaluated together at most; nil: chosen by memory. Any number gives the same bytes.
  public var unitRows: Int?
  /// Bytes that units may keep for the second pass; nil: chosen by memory. Any number gives the same bytes.
  public var keptBytes: Int?

  public init(pipeline: String, output: String) {
    self.pipeline = pipeline
    self.output = output
  }
}

/// `yijian audit`: all batches of a folder, from exports to findings in one pass. Nothing is stored and nothing stored
/// is looked at: every finding is new. Gives the exit code.
public func auditExports(_ options: AuditOptions) -> Int32 {
  let printer = EventPrinter(format: options.format)
  do {
    let audit = try OneOffAudit(options, printer)
    return try audit.run()
  } catch {
    return report(error, printer)
  }
}

/// One audit without a store.
private final class OneOffAudit {
  private let options: AuditOptions
  private let printer: EventPrinter
  private let setup: RunSetup
  private let outputFolder: String
  private let memory: Int
  private let jobs: Int
  /// Row records that are held in memory at most; the rest is put aside, in pages of a file that are the system's to
  /// reclaim. 192 MiB instead of 96 saved 2 % of the time of 5 million lines and took 90 MB; all of them would be 290
  /// MB more.
  private static let heldBytes = 192 << 20

  init(_ options: AuditOptions, _ printer: EventPrinter) throws {
    self.options = options
    self.printer = printer
    outputFolder = RunSetup.absolute(options.output)
    try AtomicFolder.check(outputFolder, holdsOnly: ["findings.csv", "coverage.csv", "suppressed.csv"])
    memory = try MemoryLimit.resolve(options.memory)
    var run = RunOptions(pipeline: options.pipeline)
    run.input = options.input
    run.registries = options.registries
    // Neither is used; a pipeline file need not name them.
    run.output = options.output
    run.store = options.output
    setup = try RunSetup(run)
    jobs = options.jobs ?? setup.file.jobs ?? ProcessInfo.processInfo.activeProcessorCount
    for note in setup.pack.warnings + setup.registryNotes { printer.send(.diagnostic(note)) }
  }

  func run() throws -> Int32 {
    var stopwatch = Stopwatch(printer)
    let clock = RunClock.now()
    let label = setup.batches[setup.batches.count - 1].id
    printer.send(.started(pipeline: setup.file.name, batches: setup.batches.count))
    let folder = try AtomicFolder(for: outputFolder)

    // Exports → row records, by person. Registries are read meanwhile: by one thread, while the intake has all the
    // others.
    stopwatch.start("intake", batch: label)
    let codes = CodeTable()
    let registries = registriesBeside(codes)
    let partition = try partition(spillFolder: folder.path)
    let segments = ReadSegments()
    let delivered = try readBatches(into: partition, segments, clock)
    stopwatch.stop(rows: delivered.rowsRead, bytes: delivered.bytes)

    // Row records → findings, unit by unit.
    stopwatch.start("audit", batch: label)
    let shelf = try registries.value()
    let source = PartitionSource(partition: partition, segments: segments.all)
    let outcome = try evaluation(of: source, shelf, codes, delivered.incomplete, spillFolder: folder.path).run()
    for problem in outcome.result.diagnostics { printer.send(.diagnostic(problem)) }
    stopwatch.stop(rows: outcome.figures.countingLines, bytes: 0)

    // Findings → cases, so that each fen counts once; then the tables.
    stopwatch.start("report", batch: label)
    let assignment = cases(of: outcome.result, label)
    try writeTables(assignment, outcome.result, into: folder)
    stopwatch.stop(rows: assignment.records.count, bytes: 0)

    printResults(delivered, outcome, assignment)
    return delivered.incomplete.isEmpty && !delivered.isOverLimit ? ExitCode.done : ExitCode.incomplete
  }

  // MARK: Intake

  /// What was read of all batches.
  private struct Delivered {
    var incomplete: [BatchRevision] = []
    var rowsRead = 0
    var rowsRejected = 0
    /// Of one batch more rows were rejected than the pipeline allows.
    var isOverLimit = false
    /// Of all files.
    var bytes = 0
  }

  /// - Parameter codes: nobody else may use them until the registries are asked for.
  private func registriesBeside(_ codes: CodeTable) -> SideWork<RegistryShelf> {
    let rules = setup.pack.rules
    let (registriesFolder, knowledge) = (setup.registriesFolder, setup.file.knowledge)
    return SideWork(isBeside: jobs > 1) {
      let shelf = RegistryShelf(
        try loadRegistries(folder: registriesFolder, knowledge: knowledge, codes: codes), codes: codes)
      shelf.prepare(for: rules)
      return shelf
    }
  }

  /// An empty partition, for which there is room on the disk.
  private func partition(spillFolder: String) throws -> RowPartition {
    let rules = setup.pack.rules
    let plans = Dictionary(
      uniqueKeysWithValues: ClaimTable.allCases.map { table in
        (table, RowPlan(table: table, columns: StoreState.neededColumns(rules, table), keepsDelivered: false))
      })
    let held = min(memory / 8, Self.heldBytes)
    let files = setup.batches.flatMap(\.files)
    try DiskRoom.check(spillFolder, needed: DiskRoom.needed(for: files, memory: held, keepsParts: false))
    return try RowPartition(
      plans: plans, groups: ClaimUnits.groups(for: files), memoryBytes: held, spillFolder: spillFolder, profiles: false)
  }

  private func readBatches(
    into partition: RowPartition, _ segments: ReadSegments, _ clock: RunClock
  ) throws -> Delivered {
    // Nothing is written that would name files by their digests or say how their columns are filled.
    var limits = setup.file.limits
    limits.takesDigest = false
    var delivered = Delivered()
    for batch in setup.batches {
      // Of several, each of which has its delivery.csv, what is said next must be known to be of this one.
      if setup.batches.count > 1 { printer.send(.batch(label: batch.id, note: "\(batch.files.count) files")) }
      let intake = BatchIntake(
        batch: batch.id, partition: partition, segments: segments, limits: limits,
        startedAt: clock.seconds, jobs: jobs, printer: printer, reading: "")
      let files = try intake.read(batch.files, digests: nil)
      var records = files.map(\.record)
      let delivery = try DeliveryCheck(batch, records)
      for problem in delivery.problems { printer.send(.diagnostic(problem)) }
      records += delivery.missingFiles
      let revision = BatchRevision(
        name: batch.id, revision: 1, incompleteReason: incompleteReason(batch, records, delivery),
        files: records)
      if revision.isIncomplete { delivered.incomplete.append(revision) }
      let rejects = RejectCount(
        files.filter { $0.record.state == .read }.compactMap(\.summary), limit: setup.file.rejectLimit)
      delivered.rowsRead += rejects.read
      delivered.rowsRejected += rejects.rejected
      if let problem = rejects.problem(batch.id) {
        delivered.isOverLimit = true
        printer.send(.diagnostic(problem))
      }
      delivered.bytes += batch.files.reduce(0) { $0 + $1.size }
    }
    return delivered
  }

  // MARK: Findings

  private func evaluation(
    of source: PartitionSource, _ shelf: RegistryShelf, _ codes: CodeTable, _ incomplete: [BatchRevision],
    spillFolder: String
  ) -> ClaimEvaluation {
    ClaimEvaluation(
      source: source, rules: setup.pack.rules, shelf: shelf, codes: codes,
      excludedSetlTypes: setup.jurisdiction.excludedSetlTypes, fillFloor: setup.file.fillFloor,
      incompleteTables: incompleteTables(incomplete), ofBatch: source.identities.map { _ in true }, jobs: jobs,
      memory: memory, unitRows: options.unitRows ?? ClaimUnits.rows(within: memory, jobs: jobs),
      keptBytes: options.keptBytes ?? ClaimEvaluation.keptBytes(within: memory), reckonsFigures: false,
      spillFolder: spillFolder)
  }

  private func cases(of result: AuditResult, _ label: String) -> CaseAssignment {
    let records = FindingHistory.compare(
      current: result.findings, last: [], silentRules: [], cutoff: Int64.min, batchLabel: label)
    return assignCases(
      records: records, open: [], batchLabel: label,
      shadowRules: Set(result.coverage.filter { $0.status == .shadow }.map(\.rule)))
  }

  // MARK: Outputs

  private func writeTables(_ assignment: CaseAssignment, _ result: AuditResult, into folder: AtomicFolder) throws {
    try folder.write(MachineFiles.findings(assignment.records), to: "findings.csv")
    try folder.write(MachineFiles.coverage(result.coverage), to: "coverage.csv")
    try folder.write(MachineFiles.suppressed(result.suppressions), to: "suppressed.csv")
    try folder.commit()
  }

  private func printResults(
    _ delivered: Delivered, _ outcome: ClaimEvaluation.Outcome, _ assignment: CaseAssignment
  ) {
    print(
      "audit    \(delivered.rowsRead) rows, \(delivered.rowsRejected) rejected; "
        + "\(outcome.figures.countingLines) fee lines count in \(outcome.units) units")
    print(
      "findings \(assignment.records.count), \(assignment.cases.count) cases, "
        + "\(FixedPoint.yuan(assignment.totalCountedFen)) yuan counted")
    for batch in delivered.incomplete { print("incomplete \(batch.label): \(batch.incompleteReason ?? "")") }
    print("report   \(shown(outputFolder))/findings.csv")
  }
}
