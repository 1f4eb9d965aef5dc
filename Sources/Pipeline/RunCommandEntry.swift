import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Registries
import RulePacks

/// `yijian run`: reads the pipeline, checks everything that can be wrong before the first byte of a claim, runs the
/// batches, and says where the results are. Gives the exit code.
public func runPipeline(_ options: RunOptions) -> Int32 {
  let printer = EventPrinter(format: options.format)
  do {
    if let text = options.asOf, CivilTime.parseDay(text) == nil || text.utf8.count != 10 {
      throw Diagnostic(.error, "usage.as-of", "--as-of is not a date", remedy: "write it as 2025-03-09")
    }
    let setup = try RunSetup(options)
    for note in setup.pack.warnings + setup.registryNotes { printer.send(.diagnostic(note)) }
    if options.plan {
      print(try setup.planText(), terminator: "")
      return ExitCode.done
    }
    let ledger = try Ledger.open(folder: setup.storeFolder)
    let run = try WeeklyRun(
      options: options, file: setup.file, pack: setup.pack, jurisdiction: setup.jurisdiction,
      registriesFolder: setup.registriesFolder, outputFolder: setup.outputFolder, ledger: ledger, printer: printer,
      clock: RunClock.now(), configurationDigests: try setup.configurationDigests())
    let code = try run.run(setup.batches)
    for line in run.results { print(options.format == .json ? jsonResult(line) : line) }
    return code
  } catch {
    return report(error, printer)
  }
}

/// A line of the results as a JSON object: its first word is the kind.
private func jsonResult(_ line: String) -> String {
  let kind = line.prefix { $0 != " " }
  let value = line.dropFirst(kind.count).drop { $0 == " " }
  return "{\"result\":\(EscapedText.json(String(kind))),\"value\":\(EscapedText.json(String(value)))}"
}

/// Prints an error's diagnostics and gives the exit code that its kind has.
func report(_ error: any Error, _ printer: EventPrinter) -> Int32 {
  let all: [Diagnostic]
  switch error {
  case let one as Diagnostic: all = [one]
  case let many as Diagnostics: all = many.all
  default:
    all = [Diagnostic(.error, "internal", "\(error)", remedy: "report this message to the developers")]
  }
  for diagnostic in all { printer.send(.diagnostic(diagnostic)) }
  return all.map { exitCode(for: $0.code) }.max() ?? ExitCode.couldNotRun
}

/// Exit code of a diagnostic that stops the command, by the first part of its code.
func exitCode(for code: String) -> Int32 {
  if code == "store.locked" { return ExitCode.locked }
  switch code.prefix(while: { $0 != "." }) {
  case "usage": return ExitCode.usage
  case "pipeline": return code == "pipeline.unreadable" ? ExitCode.usage : ExitCode.invalidData
  case "rule", "pack", "yaml", "expression", "registry", "knowledge", "jurisdiction", "law", "exempt", "exemption",
    "parameter", "test", "sql":
    return ExitCode.invalidData
  default: return ExitCode.couldNotRun
  }
}

/// Everything a run needs to know before it touches the store; every error here leaves the store as it is.
struct RunSetup {
  var file: PipelineFile
  var pack: RulePack
  var jurisdiction: Jurisdiction
  var batches: [BatchFolder]
  var storeFolder: String
  var outputFolder: String
  var registriesFolder: String
  /// Files and columns of the registries that no rule can look up.
  var registryNotes: [Diagnostic] = []

  init(_ options: RunOptions) throws {
    file = try PipelineFile.read(options.pipeline)
    guard let input = options.input.map(Self.absolute) ?? file.claims else {
      throw Diagnostic(
        .error, "usage.no-input", "no input folder is named",
        remedy: "give --input DIR or a line 'claims:' in the pipeline file")
    }
    let found = try BatchFinder.batches(in: input)
    batches = found.batches
    if batches.isEmpty {
      throw Diagnostic(
        .error, "usage.no-batch", "the input folder holds no batch", at: Place(file: input),
        remedy: "put each delivery into a folder of its own under it")
    }
    registriesFolder = options.registries.map(Self.absolute) ?? found.registries ?? file.registries ?? ""
    guard let store = options.store.map(Self.absolute) ?? file.store else {
      throw Diagnostic(
        .error, "usage.no-store", "no store folder is named",
        remedy: "give --store DIR or a line 'store:' in the pipeline file")
    }
    storeFolder = store
    guard let output = options.output.map(Self.absolute) ?? file.output else {
      throw Diagnostic(
        .error, "usage.no-output", "no output folder is named",
        remedy: "give --output DIR or a line 'output:' in the pipeline file")
    }
    outputFolder = output
    (jurisdiction, pack) = try loadRules(file)
    if !registriesFolder.isEmpty || !file.knowledge.isEmpty {
      registryNotes =
        try loadRegistries(folder: registriesFolder, knowledge: file.knowledge, codes: CodeTable()).notes
    }
  }

  static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

  /// SHA-256 of registries, rule files and the pipeline file by name: with the claim files they make a run's id.
  func configurationDigests() throws -> [String: [String: String]] {
    var registries: [String: String] = [:]
    for folder in [registriesFolder] + file.knowledge where !folder.isEmpty {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      where name.hasSuffix(".csv") || name.hasSuffix(".csv.gz") {
        registries[name] = try fingerprint(path: folder + "/" + name)
      }
    }
    // The pack's digest covers rules, law, exemptions and the jurisdiction file.
    return ["registries": registries, "rules": ["pack": pack.digest], "pipeline": ["pipeline": file.digest]]
  }

  /// Files that a revision has with the same bytes, as far as their last times and lengths tell without reading them.
  private static func unchanged(_ batch: BatchFolder, _ known: BatchRevision?, _ seen: [String: SeenFile]) -> Set<
    String
  > {
    guard let known else { return [] }
    let digests = Dictionary(known.files.map { ($0.name, $0.digest) }, uniquingKeysWith: { first, _ in first })
    var paths = batch.files.map { (name: $0.name, path: $0.path) }
    if let delivery = batch.delivery { paths.append((name: "delivery.csv", path: delivery)) }
    return Set(
      paths.filter { file in
        guard let then = seen[file.path], let digest = digests[file.name] ?? nil else { return false }
        return then.sha256 == digest && FileIdentity(path: file.path)?.text == then.identity
      }.map(\.name))
  }

  /// What would run and what is missing (`--plan`).
  func planText() throws -> String {
    var lines = ["pipeline  \(file.name)", "store     \(storeFolder)", "output    \(outputFolder)"]
    lines.append("registries \(registriesFolder.isEmpty ? "none" : registriesFolder)")
    let ledger = try Ledger.inspect(folder: storeFolder)
    let seen = try ledger?.seenFiles() ?? [:]
    for batch in batches {
      if let removal = try ledger?.removal(of: batch.id) {
        lines.append(
          "batch     \(batch.id) (removed on \(removal.removedAt); not read again): \(batch.files.count) files")
        continue
      }
      let known = try ledger?.latestRevision(of: batch.id)
      let unchanged = Self.unchanged(batch, known, seen)
      let isSame = known.map { unchanged.count == $0.files.count && $0.files.count == batch.deliveredFiles } ?? false
      let state = known.map { "revision \($0.revision) in the store" + (isSame ? ", unchanged" : "") } ?? "new"
      lines.append("batch     \(batch.id) (\(state)): \(batch.files.count) files")
      for claim in batch.files {
        if unchanged.contains(claim.name) {
          lines.append("  known   \(claim.name)  \(claim.size) bytes  as in the store; not read again")
          continue
        }
        lines.append(
          "  reads   \(claim.name)  \(claim.size) bytes  \(ClaimTable(fileNamed: claim.name)?.name ?? "table from its header")"
        )
      }
      if batch.delivery != nil { lines.append("  compares with delivery.csv") }
      for table in ClaimTable.allCases where !batch.files.contains(where: { ClaimTable(fileNamed: $0.name) == table }) {
        lines.append("  no file is named \(table.name)")
      }
      for name in batch.ignored { lines.append("  ignores \(name)") }
      if batch.files.isEmpty { lines.append("  missing: no claim file; the batch would be incomplete") }
    }
    let codes = CodeTable()
    let registries = try loadRegistries(folder: registriesFolder, knowledge: file.knowledge, codes: codes)
    for name in registries.tables.keys.sorted() {
      guard let table = registries[name] else { continue }
      lines.append("table     \(name): \(table.count) rows, \(table.rejected.count) rejected")
    }
    for rule in pack.rules {
      let missing = rule.needs.filter { (registries[$0]?.count ?? 0) == 0 }
      let tables = rule.lookups.map(\.table).filter { !rule.needs.contains($0) && registries[$0] == nil }
      var line = "rule      \(rule.id) v\(rule.version) \(rule.status.rawValue)"
      if !missing.isEmpty { line += "; NOT RUNNABLE, missing: \(missing.joined(separator: ", "))" }
      if !tables.isEmpty { line += "; without optional \(Set(tables).sorted().joined(separator: ", "))" }
      lines.append(line)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension BatchFolder {
  /// Claim files and delivery.csv.
  fileprivate var deliveredFiles: Int { files.count + (delivery == nil ? 0 : 1) }
}

/// The rules of a pipeline with the jurisdiction's parameters put in.
func loadRules(_ file: PipelineFile) throws -> (Jurisdiction, RulePack) {
  var jurisdiction = Jurisdiction()
  if let path = file.jurisdiction {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Diagnostic(
        .error, "jurisdiction.unreadable", "the jurisdiction file can't be read", at: Place(file: path),
        remedy: "check the path in the pipeline file")
    }
    jurisdiction = try Jurisdiction(text: String(decoding: data, as: UTF8.self), path: path)
  }
  let pack = try loadRulePacks(
    folders: file.rules, exemptFolder: file.exempt, lawFolder: file.law, jurisdiction: jurisdiction)
  return (jurisdiction, pack)
}
