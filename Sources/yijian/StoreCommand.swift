import ArgumentParser
import Pipeline

struct StoreOptions: ParsableArguments {
  @Option(help: "Pipeline file that names the store.") var pipeline = "Pipelines/weekly.yml"
  @Option(help: "Folder of the store.") var store: String?

  var choice: StoreChoice { StoreChoice(pipeline: pipeline, store: store) }
}

struct StoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store", abstract: "Looks at, checks, tidies, exports and trims the stored claims.",
    subcommands: [List.self, Verify.self, Compact.self, Export.self, Retain.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Says what lies in the store by batch: parts, bytes, rows, days; and what was removed.")
    @OptionGroup var options: StoreOptions
    @Flag(help: "Print JSON.") var json = false
    func run() throws { throw ArgumentParser.ExitCode(listStore(options.choice, asJSON: json)) }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Holds the SHA-256 of every part against the catalogue; exits with 1 and names each that differs.")
    @OptionGroup var options: StoreOptions
    func run() throws { throw ArgumentParser.ExitCode(verifyStore(options.choice)) }
  }

  struct Compact: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Merges the parts of each batch and leaves out rows of replaced files; no result changes.")
    @OptionGroup var options: StoreOptions
    @Option(help: "Only the parts of this batch; may be given several times.") var batch: [String] = []
    func run() throws { throw ArgumentParser.ExitCode(compactStore(options.choice, batches: batch)) }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes the live rows and segments.csv into a new folder, for DuckDB, pandas, Spark.")
    @OptionGroup var options: StoreOptions
    @Option(help: "Folder to write; not there, or empty.") var to: String
    @Option(help: "Only this batch; may be given several times.") var batch: [String] = []
    @Option(help: "Only this table, for example fee_list_d; may be given several times.") var table: [String] = []
    @Option(help: "parquet or csv.") var format: StoreFormat = .parquet
    func run() throws {
      throw ArgumentParser.ExitCode(
        exportStore(options.choice, to: to, batches: batch, tables: table, asCSV: format == .csv))
    }
  }

  struct Retain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Removes rows of batches whose newest settlement is before a day, but for those that findings still need.")
    @OptionGroup var options: StoreOptions
    @Option(help: "First day that is kept, yyyy-MM-dd.") var since: String?
    @Option(help: "Keep so many weeks before the day of the last run.") var weeks: Int?
    @Option(help: "Why; stands in the store's record of it.") var reason = "retention period over"
    @Option(help: "Folder of registry tables, if the last run was given another than the pipeline's.")
    var registries: String?
    @Flag(help: "Say what would be removed; remove nothing.") var dryRun = false

    func validate() throws {
      if (since == nil) == (weeks == nil) { throw ValidationError("give --since DATE or --weeks N") }
      if let weeks, weeks < 1 { throw ValidationError("--weeks takes a whole number from 1") }
      if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason takes a text") }
    }

    func run() throws {
      let line: RetentionLine = since.map { .since($0) } ?? .weeks(weeks ?? 0)
      throw ArgumentParser.ExitCode(
        retainStore(options.choice, keep: line, reason: reason, registries: registries, dryRun: dryRun))
    }
  }
}

enum StoreFormat: String, ExpressibleByArgument, CaseIterable { case parquet, csv }
