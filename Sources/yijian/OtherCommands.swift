import ArgumentParser
import Pipeline
import SyntheticClaims

struct SynthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synth", abstract: "Writes synthetic weeks of claims, registries and the truth about them.")

  @Option(help: "Seed; the same seed and options give the same bytes.")
  var seed: UInt64 = 1
  @Option(help: "Ordinary settlements; what is planted comes on top.")
  var settlements: Int = 1000
  @Option(help: "Folder to write: batches/, registries/, truth.csv.")
  var out: String?
  @Option(help: "wide: all columns as a national extract has them; narrow: only what rules read.")
  var layout: SynthOptions.Layout = .wide
  @Option(help: "clean, planted, broken or load.")
  var kind: SynthOptions.Kind = .planted
  @Option(help: "Number of weeks, the first is 2025-W10; the settlements are spread evenly over them.")
  var weeks: Int = 2
  @Flag(help: "All weeks in one batch, as a delivery of a whole year.")
  var oneBatch = false
  @Option(help: "Files of each table in a batch.")
  var parts: Int = 3
  @Option(help: "Write the project's three samples into this folder instead.")
  var samples: String?

  func run() throws {
    if let samples { throw ArgumentParser.ExitCode(writeSampleClaims(into: samples)) }
    guard let out else { throw ValidationError("--out DIR is missing") }
    if settlements < 1 { throw ValidationError("--settlements takes a whole number from 1") }
    if !(1...520).contains(weeks) { throw ValidationError("--weeks takes a whole number from 1 to 520") }
    if !(1...99).contains(parts) { throw ValidationError("--parts takes a whole number from 1 to 99") }
    throw ArgumentParser.ExitCode(
      synthesizeClaims(
        SynthOptions(
          seed: seed, settlements: settlements, layout: layout, planted: kind, batches: weeks, together: oneBatch,
          parts: parts),
        out: out))
  }
}

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Checks rule files, rule folders and pipeline files; prints every problem.")
  @Argument(help: "Files or folders.") var paths: [String] = []
  @Flag(help: "Print the JSON Schema of rule files, for editors.") var schema = false

  func validate() throws {
    if schema == !paths.isEmpty { throw ValidationError("name files or folders to check, or --schema alone") }
  }

  func run() throws {
    if schema { print(ruleFileSchema(), terminator: "") } else { throw ArgumentParser.ExitCode(checkPaths(paths)) }
  }
}

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Runs the tests beside rules.")
  @Argument(help: "Rule folders or test files.") var paths: [String]
  @Option(name: .customLong("run"), help: "Only tests whose name matches this regular expression.") var pattern: String?
  @Option(help: "Also write a JUnit XML file.") var junit: String?
  @Flag(help: "Change each part of the rules in turn; list the changes that no test notices.") var mutate = false
  @Flag(help: "Write what the rules find now into the tests that fail; exits with 1 if anything was written.")
  var record = false
  @Option(help: "Write a refuted finding of the last run, by its id, as a new test that must stay silent.")
  var fromFinding: String?
  @Option(help: "With --from-finding: name of the new test.") var name: String?
  @Option(help: "With --from-finding: pipeline file that names the store.") var pipeline = "Pipelines/weekly.yml"
  @Option(help: "With --from-finding: folder of the store.") var store: String?
  @Option(help: "With --from-finding: folder of registry tables, if the run was given another than the pipeline's.")
  var registries: String?

  func run() throws {
    if let fromFinding {
      if pattern != nil || junit != nil || record || mutate {
        throw ValidationError("--from-finding writes a test and runs none; give it without the options of runs")
      }
      throw ArgumentParser.ExitCode(
        saveSilentTest(
          fromFinding, into: paths, pipeline: pipeline, store: store, registries: registries, name: name))
    }
    if mutate {
      if pattern != nil || junit != nil || record {
        throw ValidationError("--mutate runs all tests of a rule; give it without --run, --junit and --record")
      }
      throw ArgumentParser.ExitCode(mutateRules(paths))
    }
    if record {
      if junit != nil { throw ValidationError("--record writes no JUnit file; give it without --junit") }
      throw ArgumentParser.ExitCode(recordTests(paths, matching: pattern))
    }
    throw ArgumentParser.ExitCode(testRules(paths, matching: pattern, junit: junit))
  }
}

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Checks a packet's digests and derives its findings anew from its evidence.")
  @Argument(help: "Packet folder.") var packet: String
  func run() throws { throw ArgumentParser.ExitCode(verifyPacketCommand(packet)) }
}

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Says what the store holds: batches, runs, findings, open cases.")
  @Option(help: "Pipeline file that names the store.") var pipeline = "Pipelines/weekly.yml"
  @Option(help: "Folder of the store.") var store: String?
  @Flag(help: "Print JSON.") var json = false
  func run() throws { throw ArgumentParser.ExitCode(printStatus(pipeline: pipeline, store: store, asJSON: json)) }
}

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Prints all that is behind a finding: rows, values, exemptions, registries, law, SQL.")
  @Argument(help: "Id of a finding or a suppressed hit, for example ADM-01-07fd9b625b4eee85.") var finding: String
  @Option(help: "Pipeline file that names the store, registries and rules.") var pipeline = "Pipelines/weekly.yml"
  @Option(help: "Folder of the store.") var store: String?
  @Option(help: "Folder of registry tables, if the run was given another than the pipeline's.") var registries: String?
  @Flag(help: "Cut no list short.") var all = false
  @Option(help: "Dialect of the SQL: sqlite, duckdb or spark.") var sql = "sqlite"
  @Flag(help: .hidden) var wholeStore = false
  func run() throws {
    throw ArgumentParser.ExitCode(
      explainFinding(
        finding, pipeline: pipeline, store: store, registries: registries, all: all, sql: sql, wholeStore: wholeStore))
  }
}
