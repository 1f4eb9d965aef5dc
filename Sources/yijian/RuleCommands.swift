import ArgumentParser
import Pipeline

struct PreviewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Says what a rule file would find on the stored claims: new, gone and changed. Writes nothing.")
  @Argument(help: "Rule file.") var rule: String
  @Option(help: "What it is compared with: a run's output folder or a store.") var against: String
  @Option(help: "Compare with this other version of the rule file instead of the run's findings.") var previous: String?
  @Option(help: "Pipeline file that names the store, registries and jurisdiction.") var pipeline =
    "Pipelines/weekly.yml"
  @Option(help: "Folder of the store; default: --against if it is one, else the pipeline's.") var store: String?
  @Option(help: "Folder of registry tables, if the run was given another than the pipeline's.") var registries: String?
  @Flag(help: "List every finding, not only the first twenty of each kind.") var all = false
  @Flag(help: "Print person numbers where a key holds one.") var showPersons = false

  func run() throws {
    let options = PreviewOptions(
      rule: rule, against: against, previous: previous, pipeline: pipeline, store: store, registries: registries,
      all: all, showPersons: showPersons)
    throw ArgumentParser.ExitCode(previewRule(options))
  }
}

struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules", abstract: "Lists the rules of a pipeline, or shows one of them.")
  @Argument(help: "Pipeline file, or the id of a rule.") var subject: String?
  @Option(help: "Pipeline file, when a rule is named.") var pipeline = "Pipelines/weekly.yml"
  @Flag(help: "The catalogue as a page of Markdown.") var markdown = false
  @Option(
    name: .customLong("as"),
    help: "How one rule is shown: summary, text (the file), form (as checked, names resolved), sql.")
  var form: RuleForm = .summary
  @Option(help: "Dialect of --as sql: sqlite, duckdb or spark.") var dialect = "sqlite"

  func run() throws {
    let isFile = subject.map { $0.hasSuffix(".yml") || $0.hasSuffix(".yaml") } ?? true
    if markdown, !isFile { throw ValidationError("--markdown is for the whole catalogue; name no rule") }
    throw ArgumentParser.ExitCode(
      listRules(
        pipeline: isFile ? subject ?? pipeline : pipeline, rule: isFile ? nil : subject, form: form,
        markdown: markdown, dialect: dialect))
  }
}

extension RuleForm: ExpressibleByArgument {}
