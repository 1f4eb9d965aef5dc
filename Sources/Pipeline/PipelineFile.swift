import ClaimModel
import Diagnostics
import Foundation
import Intake
import Yams

/// A pipeline definition; its keys are explained in Pipelines/README.md. Paths are absolute after reading.
public struct PipelineFile: Sendable {
  public var name = "pipeline"
  public var path = ""
  /// SHA-256 of the file's bytes.
  public var digest = ""
  /// Folder of batches; nil when only the command line names one.
  public var claims: String?
  public var registries: String?
  public var jurisdiction: String?
  public var rules: [String] = []
  public var knowledge: [String] = []
  public var exempt: String?
  public var law: String?
  public var store: String?
  public var output: String?
  /// Days before as-of within which findings may still change.
  public var lookBackDays: Int64 = 365
  /// Rejected rows per million above which a run ends with exit code 3.
  public var rejectLimit = 1000
  /// Percent of a rule's rows in scope in which each column under its `fill` must be filled, or it is not runnable.
  public var fillFloor = 95
  /// Fen from which a case gets a packet.
  public var minCountedFen: Int64 = 1_000_000
  public var disclosure = "full"
  /// Files read, and parts of the claims evaluated and written, side by side; nil: as many as there are processors.
  public var jobs: Int?
  public var limits = IntakeLimits()

  public init() {}

  /// Reads and checks a pipeline file; every problem of it at once.
  public static func read(_ path: String) throws(Diagnostics) -> PipelineFile {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Diagnostics([
        Diagnostic(
          .error, "pipeline.unreadable", "the pipeline file cannot be read", at: Place(file: path),
          remedy: "give the path of a pipeline file, for example Pipelines/weekly.yml")
      ])
    }
    let root = try rootNode(of: String(decoding: data, as: UTF8.self), path)
    var reading = Reading(path, digest: data.withUnsafeBytes { SHA256Hasher.hex(of: $0) })
    reading.read(root)
    if !reading.problems.isEmpty { throw Diagnostics(reading.problems) }
    return reading.file
  }

  private static func rootNode(of text: String, _ path: String) throws(Diagnostics) -> Node {
    do {
      if let root = try Yams.compose(yaml: text) { return root }
    } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
      let twice = keys.sorted(by: bytesPrecede)
      throw Diagnostics(
        twice.map { key in
          Diagnostic(
            .error, "pipeline.duplicate-key", "'\(key)' is given twice",
            at: Place(file: path, line: Self.secondLine(of: key, in: text, from: context.mark.line)),
            remedy: "keep one of the two")
        })
    } catch let error as YamlError {
      throw Diagnostics([
        Diagnostic(
          .error, "pipeline.yaml", "this is not valid YAML: \(error)", at: Place(file: path),
          remedy: "mend the syntax at the place named")
      ])
    } catch {
      throw Diagnostics([Diagnostic(.error, "pipeline.yaml", "this is not valid YAML", at: Place(file: path))])
    }
    throw Diagnostics([
      Diagnostic(
        .error, "pipeline.empty", "the pipeline file is empty", at: Place(file: path),
        remedy: "start from Pipelines/weekly.yml")
    ])
  }

  /// The line on which a key comes again, with the blanks before it that the first had; the parser tells only where the
  /// mapping begins.
  private static func secondLine(of key: String, in text: String, from start: Int) -> Int {
    var seen: Set<String> = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard number + 1 >= start, let colon = line.firstIndex(of: ":") else { continue }
      let name = line[..<colon]
      guard name.drop(while: { $0 == " " }).allSatisfy({ $0 != " " }), name.hasSuffix(key) else { continue }
      if name.filter({ $0 != " " }) == key, !seen.insert(String(name)).inserted { return number + 1 }
    }
    return start
  }

  /// Takes the keys of a file one by one, and notes what is wrong with them.
  private struct Reading {
    private(set) var file = PipelineFile()
    private(set) var problems: [Diagnostic] = []
    /// What relative paths are relative to.
    private let base: URL

    private static let keys = [
      "pipeline", "claims", "registries", "jurisdiction", "rules", "knowledge", "exempt", "law", "store", "output",
      "look_back_days", "reject_limit", "intake", "fill_floor", "packets", "jobs",
    ]
    private static let intakeKeys = ["max_ratio", "max_member_bytes", "max_file_bytes"]
    private static let packetKeys = ["min_counted_fen", "disclosure"]

    init(_ path: String, digest: String) {
      file.path = path
      file.digest = digest
      base = URL(fileURLWithPath: path).deletingLastPathComponent()
    }

    mutating func read(_ root: Node) {
      for entry in entries(root, "the pipeline file") { read(entry) }
      if file.rules.isEmpty {
        problem("no-rules", "no rule folder is named", nil, remedy: "add a line 'rules: [rules]'")
      }
      file.limits.rejectLimitPerMillion = file.rejectLimit
    }

    private mutating func read(_ entry: Entry) {
      let value = entry.value
      switch entry.name {
      case "pipeline": file.name = value.scalar?.string ?? file.name
      case "claims": file.claims = folder(value)
      case "registries": file.registries = folder(value)
      case "jurisdiction": file.jurisdiction = folder(value)
      case "rules": file.rules = folders(value)
      case "knowledge": file.knowledge = folders(value)
      case "exempt": file.exempt = folder(value)
      case "law": file.law = folder(value)
      case "store": file.store = folder(value)
      case "output": file.output = folder(value)
      case "look_back_days": file.lookBackDays = Int64(number(value, 0...36_500) ?? 365)
      case "reject_limit": file.rejectLimit = number(value, 0...1_000_000) ?? file.rejectLimit
      case "fill_floor": file.fillFloor = number(value, 0...100) ?? file.fillFloor
      case "jobs": file.jobs = number(value, 1...256)
      case "intake": for entry in entries(value, "intake") { readIntake(entry) }
      case "packets": for entry in entries(value, "packets") { readPackets(entry) }
      default: unknown(entry, Self.keys)
      }
    }

    private mutating func readIntake(_ entry: Entry) {
      let value = entry.value
      switch entry.name {
      case "max_ratio": file.limits.maxRatio = number(value, 1...1_000_000) ?? file.limits.maxRatio
      case "max_member_bytes": file.limits.maxMemberBytes = number(value, 1...Int.max) ?? file.limits.maxMemberBytes
      case "max_file_bytes": file.limits.maxFileBytes = number(value, 1...Int.max) ?? file.limits.maxFileBytes
      default: unknown(entry, Self.intakeKeys)
      }
    }

    private mutating func readPackets(_ entry: Entry) {
      switch entry.name {
      case "min_counted_fen": file.minCountedFen = Int64(number(entry.value, 0...Int.max) ?? 1_000_000)
      case "disclosure":
        file.disclosure = entry.value.scalar?.string ?? ""
        if file.disclosure != "full" {
          problem(
            "disclosure", "disclosure '\(file.disclosure)' is not available; masking does not exist yet", entry.value,
            remedy: "write 'disclosure: full'")
        }
      default: unknown(entry, Self.packetKeys)
      }
    }

    // MARK: Values

    private struct Entry {
      let name: String
      let key: Node
      let value: Node
    }

    /// Those of a mapping in the order of the file; keys that are no text are passed over.
    private mutating func entries(_ node: Node, _ what: String) -> [Entry] {
      guard let mapping = node.mapping else {
        problem("bad-value", "\(what) must be a mapping of keys to values", node)
        return []
      }
      var seen: Set<String> = []
      var result: [Entry] = []
      for (key, value) in mapping {
        guard let name = key.scalar?.string else { continue }
        if !seen.insert(name).inserted { problem("duplicate-key", "'\(name)' is given twice", key) }
        result.append(Entry(name: name, key: key, value: value))
      }
      return result
    }

    private mutating func folder(_ node: Node) -> String? {
      guard let text = node.scalar?.string, !text.isEmpty else {
        problem("bad-value", "a path is expected here", node)
        return nil
      }
      return URL(fileURLWithPath: text, relativeTo: base).standardizedFileURL.path
    }

    /// One, or a list of them.
    private mutating func folders(_ node: Node) -> [String] {
      guard let list = node.sequence else { return folder(node).map { [$0] } ?? [] }
      var result: [String] = []
      for node in list { if let path = folder(node) { result.append(path) } }
      return result
    }

    private mutating func number(_ node: Node, _ range: ClosedRange<Int>) -> Int? {
      guard let text = node.scalar?.string, let value = Int(text.filter { $0 != "_" }), range.contains(value) else {
        problem("bad-value", "a whole number from \(range.lowerBound) to \(range.upperBound) is expected here", node)
        return nil
      }
      return value
    }

    // MARK: Problems

    private mutating func unknown(_ entry: Entry, _ known: [String]) {
      problem(
        "unknown-key", "unknown key '\(entry.name)'", entry.key, remedy: "known keys: \(known.joined(separator: ", "))")
    }

    private mutating func problem(_ code: String, _ message: String, _ node: Node?, remedy: String? = nil) {
      problems.append(
        Diagnostic(
          .error, "pipeline.\(code)", message,
          at: Place(file: file.path, line: node?.mark?.line, column: node?.mark?.column), remedy: remedy))
    }
  }
}
