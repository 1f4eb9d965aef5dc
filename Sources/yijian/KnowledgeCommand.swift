import ArgumentParser
import Knowledge

struct KnowledgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "knowledge", abstract: "Keeps the national knowledge points and writes the tables that rules look up.",
    subcommands: [
      KnowledgeImportCommand.self, KnowledgeListCommand.self, KnowledgeShowCommand.self, KnowledgeDiffCommand.self,
    ])
}

struct KnowledgeStoreOption: ParsableArguments {
  @Option(help: "Folder of the knowledge store.") var store = "Knowledge"
}

struct KnowledgeImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Adds workbooks (.xlsx) or CSV files to the store and writes its tables anew.")
  @Argument(help: "Files of one batch, as published. None: only write the tables anew.") var files: [String] = []
  @OptionGroup var store: KnowledgeStoreOption
  @Option(help: "Number of the batch, where the files do not name it.") var batch: String?
  @Option(help: "Day of publication, yyyy-MM-dd, where the files do not name it.") var published: String?
  @Option(help: "First day on which the points hold. Default: the day of publication.") var from: String?
  @Option(help: "List of the wordings that say nothing beyond a value.")
  var wordings = "Pipelines/knowledge/wordings/plain.csv"
  @Option(help: "CSV of national and local codes; replaces the store's.") var crosswalk: String?
  @Option(help: "Use only local codes of this region order (admdvs).") var region: String?
  func run() throws {
    throw ArgumentParser.ExitCode(
      importKnowledgeCommand(
        files: files, store: store.store, batch: batch, published: published, from: from, wordings: wordings,
        crosswalk: crosswalk, region: region))
  }
}

struct KnowledgeListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Prints the lists of the store: batch, day, class, shape, points, codes.")
  @OptionGroup var store: KnowledgeStoreOption
  func run() throws { throw ArgumentParser.ExitCode(listKnowledgeCommand(store: store.store)) }
}

struct KnowledgeShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Prints every point of a code with its validity, wording and source.")
  @Argument(help: "National code, or a local one of the crosswalk.") var code: String
  @OptionGroup var store: KnowledgeStoreOption
  func run() throws { throw ArgumentParser.ExitCode(showKnowledgeCommand(code: code, store: store.store)) }
}

struct KnowledgeDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Prints what the second says anew, no longer, or otherwise.")
  @Argument(help: "A store, or a batch of --store.") var before: String
  @Argument(help: "A store, or a batch of --store.") var after: String
  @OptionGroup var store: KnowledgeStoreOption
  func run() throws { throw ArgumentParser.ExitCode(diffKnowledgeCommand(before, after, store: store.store)) }
}
