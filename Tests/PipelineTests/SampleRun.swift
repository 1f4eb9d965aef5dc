import Foundation

/// One run of the weekly pipeline over a folder of claims, in folders of its own.
struct SampleRun {
  let input: String
  let folder: String
  let outcome: Outcome

  var output: String { folder + "/out" }
  var store: String { folder + "/store" }

  /// Arguments of the run's command, for the same command once more.
  var arguments: [String] { Self.arguments(input: input, folder: folder) }

  static func arguments(input: String, folder: String, pipeline: String = Project.pipeline) -> [String] {
    ["run", pipeline, "--input", input, "--output", folder + "/out", "--store", folder + "/store"]
  }

  init(_ input: String, pipeline: String = Project.pipeline, more: [String] = []) throws {
    self.input = input
    folder = try Scratch.folder("run")
    outcome = try yijian(Self.arguments(input: input, folder: folder, pipeline: pipeline) + more)
  }

  func table(_ batch: String, _ name: String) throws -> Table { try Table(path: output + "/\(batch)/\(name)") }

  func json(_ batch: String) throws -> [String: Any] {
    let data = FileManager.default.contents(atPath: output + "/\(batch)/run.json") ?? Data()
    guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw TestFailure("run.json of \(batch) is no object")
    }
    return object
  }

  /// Folders of all packets of a batch, sorted.
  func packets(_ batch: String) -> [String] {
    let folder = output + "/\(batch)/packets"
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().map { folder + "/" + $0 }
  }
}

/// The project's rules over small deliveries: packets of cases from so many fen on, with everything in them.
func writeSmallPipeline(minCountedFen: Int, to path: String) throws {
  let rules = Project.root + "/Pipelines"
  try write(
    """
    pipeline: small
    jurisdiction: \(rules)/jurisdictions/default.yml
    rules: [\(rules)/rules]
    knowledge: [\(rules)/knowledge]
    exempt: \(rules)/exempt
    law: \(rules)/law
    packets: {min_counted_fen: \(minCountedFen), disclosure: full}

    """, to: path)
}

/// The samples, each run once for all tests.
enum Samples {
  static let planted = Result { try SampleRun(Project.sample("planted")) }
  static let clean = Result { try SampleRun(Project.sample("clean")) }
  static let broken = Result { try SampleRun(Project.sample("broken")) }

  static func run(_ name: String) throws -> SampleRun {
    switch name {
    case "planted": try planted.get()
    case "clean": try clean.get()
    default: try broken.get()
    }
  }
  static let batches = ["2025-W10", "2025-W11"]
}
