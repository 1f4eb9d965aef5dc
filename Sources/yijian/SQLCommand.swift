import ArgumentParser
import Pipeline

struct SQLCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql", abstract: "Prints a rule as SQL that derives its findings from the claim tables.")
  @Argument(help: "Rule id, for example CAT-01.") var rule: String
  @Option(help: "sqlite, duckdb or spark.") var dialect = "sqlite"
  @Option(
    help: """
      all, prelude (which rows count: the same for all rules, but that those about persons have a table of them) or \
      rule, which runs behind it.
      """)
  var part = "all"
  @Option(help: "Pipeline file that names the rules.") var pipeline = "Pipelines/weekly.yml"
  func run() throws { throw ArgumentParser.ExitCode(printSQL(rule, dialect: dialect, part: part, pipeline: pipeline)) }
}
