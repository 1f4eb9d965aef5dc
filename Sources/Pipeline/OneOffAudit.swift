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
    let rules = setup.pack.rules
    let codes = CodeTable()
    let (registriesFolder, knowledge) = (setup.registriesFolder, setup.file.knowledge)
    let registries = SideWork(isBeside: jobs > 1) {
      let shelf = RegistryShelf(
        try loadRegistries(folder: registriesFolder, knowledge: knowledge, codes: codes), codes: codes)
      shelf.prepare(for: rules)
      return shelf
    }
    let plans = Dictionary(
      uniqueKeysWithValues: ClaimTable.allCases.map { table in
        (table, RowPlan(table: table, columns: StoreState.neededColumns(rules, table), keepsDelivered: false))
      })
    try DiskRoom.check(
      folder.path,
      needed: DiskRoom.needed(
        for: setup.batches.flatMap(\.files), memory: min(memory / 8, Self.heldBytes), keepsParts: false))
    let partition = try RowPartition(
      plans: plans, memoryBytes: min(memory / 8, Self.heldBytes), spillFolder: folder.path, profiles: false)
    let segments = ReadSegments()
    var incomplete: [BatchRevision] = []
    var read = 0
    var rejected = 0
    var isOverLimit = false
    var bytes = 0
    // Nothing is written that would name files by their digests or say how their columns are filled.
    var limits = setup.file.limits
    limits.takesDigest = false
    for batch in setup.batches {
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
      if revision.isIncomplete { incomplete.append(revision) }
      let rejects = RejectCount(
        files.filter { $0.record.state == .read }.compactMap(\.summary), limit: setup.file.rejectLimit)
      read += rejects.read
      rejected += rejects.rejected
      if let problem = rejects.problem(batch.id) {
        isOverLimit = true
        printer.send(.diagnostic(problem))
      }
      bytes += batch.files.reduce(0) { $0 + $1.size }
    }
    stopwatch.stop(rows: read, bytes: bytes)

    // Row records → findings, unit by unit.
    stopwatch.start("audit", batch: label)
    let shelf = try registries.value()
    let source = PartitionSource(partition: partition, segments: segments.all)
    let evaluation = ClaimEvaluation(
      source: source, rules: rules, shelf: shelf, codes: codes,
      excludedSetlTypes: setup.jurisdiction.excludedSetlTypes, fillFloor: setup.file.fillFloor,
      incompleteTables: incompleteTables(incomplete), ofBatch: source.identities.map { _ in true }, jobs: jobs,
      unitRows: options.unitRows ?? ClaimUnits.rows(within: memory, jobs: jobs),
      keptBytes: options.keptBytes ?? ClaimEvaluation.keptBytes(within: memory), reckonsFigures: false,
      spillFolder: folder.path)
    let outcome = try evaluation.run()
    for problem in outcome.result.diagnostics { printer.send(.diagnostic(problem)) }
    stopwatch.stop(rows: outcome.figures.countingLines, bytes: 0)

    // Findings → cases, so that each fen counts once; then the tables.
    stopwatch.start("report", batch: label)
    let result = outcome.result
    let records = FindingHistory.compare(
      current: result.findings, last: [], silentRules: [], cutoff: Int64.min, batchLabel: label)
    let assignment = assignCases(
      records: records, open: [], batchLabel: label,
      shadowRules: Set(result.coverage.filter { $0.status == .shadow }.map(\.rule)))
    try folder.write(MachineFiles.findings(assignment.records), to: "findings.csv")
    try folder.write(MachineFiles.coverage(result.coverage), to: "coverage.csv")
    try folder.write(MachineFiles.suppressed(result.suppressions), to: "suppressed.csv")
    try folder.commit()
    stopwatch.stop(rows: records.count, bytes: 0)

    print(
      "audit    \(read) rows, \(rejected) rejected; \(outcome.figures.countingLines) fee lines count in "
        + "\(outcome.units) units")
    print(
      "findings \(records.count), \(assignment.cases.count) cases, \(FixedPoint.yuan(assignment.totalCountedFen)) "
        + "yuan counted")
    for batch in incomplete { print("incomplete \(batch.label): \(batch.incompleteReason ?? "")") }
    print("report   \(shown(outputFolder))/findings.csv")
    return incomplete.isEmpty && !isOverLimit ? ExitCode.done : ExitCode.incomplete
  }
}
