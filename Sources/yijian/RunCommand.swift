import ArgumentParser
import Pipeline

let toolVersion = Pipeline.toolVersion

extension OutputFormat: ExpressibleByArgument {}

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Audits every batch of a folder and writes reports and packets.")

  @Argument(help: "Pipeline file, for example Pipelines/weekly.yml.")
  var pipeline: String
  @Option(help: "Folder whose folders are the batches (or with batches/ and registries/ in it).")
  var input: String?
  @Option(help: "Folder into which one folder a batch is written.")
  var output: String?
  @Option(help: "Folder of the claim store and ledger.")
  var store: String?
  @Option(help: "Folder of registry tables.")
  var registries: String?
  @Option(
    help: """
      Day from which look_back_days counts, yyyy-MM-dd. Default: the newest setl_time of the batch, else of the store, \
      else the newest fee line or admission.
      """)
  var asOf: String?
  @Option(
    help: """
      Files read, and parts of the claims evaluated and written, side by side. Default: the pipeline's jobs, else as \
      many as there are processors.
      """)
  var jobs: Int?
  @Option(
    help: ArgumentHelp(
      "Memory the run may take, for example 2G. Default: a quarter of the machine's.", valueName: "size"))
  var memory: String?
  @Option(help: .hidden)
  var unitRows: Int?
  @Option(help: .hidden)
  var keptBytes: Int?
  @Flag(help: .hidden)
  var wholeStore = false
  @Option(help: .hidden)
  var stateFrom = 3
  @Option(help: "What finds: embedded (this program), or spark, which reads the store's parts itself.")
  var engine = "embedded"
  @Option(
    help: ArgumentHelp(
      "Spark's master, for --engine spark: spark://host:7077, yarn, local-cluster[2,1,1024].", valueName: "url"))
  var master: String?
  @Option(help: "Path of spark-submit. Default: that of SPARK_HOME, else the first in PATH.")
  var sparkSubmit: String?
  @Option(help: ArgumentHelp("A setting for Spark, handed on; may be repeated.", valueName: "name=value"))
  var sparkConf: [String] = []
  @Option(help: "Seconds in which an executor of the master must answer. Default: 300.")
  var engineTimeout: Int?
  @Flag(help: "Say which files, tables and rules would run and what is missing; write nothing.")
  var plan = false
  @Option(
    help: ArgumentHelp(
      "Write packets although a batch is incomplete; the reason stands in every packet.", valueName: "reason"))
  var acceptIncomplete: String?
  @Flag(help: "Exit with 1 if there is a finding.")
  var failOnFindings = false
  @Option(help: "Form of progress and messages: text or json.")
  var format: OutputFormat = .text

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes a whole number from 1") }
    if let engineTimeout, engineTimeout < 1 { throw ValidationError("--engine-timeout takes seconds from 1") }
    if let reason = acceptIncomplete, reason.allSatisfy(\.isWhitespace) {
      throw ValidationError("--accept-incomplete needs a reason; it is printed in every packet")
    }
  }

  func run() throws {
    var options = RunOptions(pipeline: pipeline)
    options.input = input
    options.output = output
    options.store = store
    options.registries = registries
    options.asOf = asOf
    options.jobs = jobs
    options.memory = memory
    options.unitRows = unitRows
    options.keptBytes = keptBytes
    options.evaluatesWholeStore = wholeStore
    options.keepsStateFrom = stateFrom
    options.engine = engine
    options.master = master
    options.sparkSubmit = sparkSubmit
    options.sparkConfiguration = sparkConf
    options.engineTimeout = engineTimeout
    options.plan = plan
    options.acceptIncomplete = acceptIncomplete
    options.failOnFindings = failOnFindings
    options.format = format
    throw ArgumentParser.ExitCode(runPipeline(options))
  }
}

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Audits a folder of exports in one pass; keeps nothing but the findings.",
    discussion: """
      All batches of the folder are read as one. Nothing is stored, and no store is looked at: no look-back, no cases \
      from earlier runs, no packets. For a first look at exports, and for a second opinion beside `run`.
      """)

  @Argument(help: "Pipeline file, for example Pipelines/weekly.yml.")
  var pipeline: String
  @Option(help: "Folder whose folders are the batches (or with batches/ and registries/ in it).")
  var input: String?
  @Option(help: "Folder to write: findings.csv, coverage.csv, suppressed.csv.")
  var output: String
  @Option(help: "Folder of registry tables.")
  var registries: String?
  @Option(
    help: """
      Files read, and parts of the claims evaluated, side by side. Default: the pipeline's jobs, else as many as there \
      are processors.
      """)
  var jobs: Int?
  @Option(
    help: ArgumentHelp(
      "Memory the audit may take, for example 2G. Default: a quarter of the machine's.", valueName: "size"))
  var memory: String?
  @Option(help: .hidden)
  var unitRows: Int?
  @Option(help: .hidden)
  var keptBytes: Int?
  @Option(help: "Form of progress and messages: text or json.")
  var format: OutputFormat = .text

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes a whole number from 1") }
  }

  func run() throws {
    var options = AuditOptions(pipeline: pipeline, output: output)
    options.input = input
    options.registries = registries
    options.jobs = jobs
    options.memory = memory
    options.unitRows = unitRows
    options.keptBytes = keptBytes
    options.format = format
    throw ArgumentParser.ExitCode(auditExports(options))
  }
}
