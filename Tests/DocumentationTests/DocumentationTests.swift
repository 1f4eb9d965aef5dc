import Foundation
import Testing

/// What the pages say is held against the sources, so that a page cannot fall behind in silence.
let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

func text(_ path: String) throws -> String {
  try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

private func swiftFiles(_ folder: String) throws -> [String] {
  let base = root.appendingPathComponent(folder)
  let found = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
  return try found.filter { $0.hasSuffix(".swift") }.sorted().map {
    try String(contentsOf: base.appendingPathComponent($0), encoding: .utf8)
  }
}

func matches(_ pattern: String, _ texts: [String]) throws -> Set<String> {
  let regex = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
  var result: Set<String> = []
  for text in texts {
    for match in regex.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
      guard let range = Range(match.range(at: 1), in: text) else { continue }
      result.insert(String(text[range]))
    }
  }
  return result
}

private let families =
  "intake|csv|usage|explain|synth|pipeline|jurisdiction|law|exempt|registry|rule|sql|test|store|normalize|audit|packet|knowledge|parquet|engine|output|run|partition"

/// A file name or a column in a string literal looks like a code; these endings are never one.
private func isCode(_ text: String) -> Bool {
  !["csv", "sql", "html", "json", "sqlite", "xlsx", "txt", "yml", "day"].contains { text.hasSuffix("." + $0) }
}

@Suite struct DiagnosticPage {
  @Test func namesEveryDiagnosticCodeOfTheSources() throws {
    let sources = try swiftFiles("Sources")
    var codes = try matches("\"((?:\(families))\\.[a-z][a-z0-9-]+)\"", sources).filter(isCode)
    #expect(codes.count > 100, "the pattern no longer finds the codes")
    // Codes that are put together from a family and a literal.
    codes.formUnion(try matches("make\\(\\s*\"([a-z0-9-]+)\",", swiftFiles("Sources/Intake")).map { "intake." + $0 })
    codes.formUnion(
      try matches("problem\\(\\s*\"([a-z-]+)\"", [text("Sources/Pipeline/PipelineFile.swift")]).map { "pipeline." + $0 }
    )
    #expect(codes.contains("intake.truncated") && codes.contains("pipeline.unknown-key"))
    let page = try text("Documentation/diagnostics.md")
    let missing = codes.filter { !page.contains("`\($0)`") }.sorted()
    #expect(missing.isEmpty, "add to Documentation/diagnostics.md: \(missing.joined(separator: ", "))")
    // And the other way round: a code that no source has is not documented.
    let stale = try matches("`((?:\(families))\\.[a-z][a-z0-9-]+)`", [page]).filter(isCode).subtracting(codes).sorted()
    #expect(stale.isEmpty, "no source has \(stale.joined(separator: ", "))")
  }

  @Test func namesEveryRejectCodeAndReasonOfARow() throws {
    var codes = try matches("case [A-Za-z0-9]+ = \"([a-z0-9-]+)\"", [text("Sources/Intake/RowSplitter.swift")])
    codes.formUnion(
      try matches("case \\.(?:bad|missing)[A-Za-z]+: \"([a-z-]+)\"", [text("Sources/Normalize/RowChecks.swift")]))
    codes.formUnion(
      try matches("(?:code: |aside\\(|return \\(|line, )\"([a-z-]+)\"", swiftFiles("Sources/Registries")))
    codes.formUnion(
      try matches("case \\.[A-Za-z]+: \"([a-z_]+)\"", [text("Sources/ClaimModel/Disposition.swift")])
        .subtracting(["accepted"]))
    #expect(codes.count >= 42, "the patterns no longer find the codes")
    let page = try text("Documentation/diagnostics.md")
    let missing = codes.filter { !page.contains("`\($0)`") }.sorted()
    #expect(missing.isEmpty, "add to Documentation/diagnostics.md: \(missing.joined(separator: ", "))")
  }
}

@Suite struct Readme {
  @Test(arguments: ["README.md", "README.zh-CN.md"])
  func showsTheTwoCommandsAndEveryExitCode(_ path: String) throws {
    let page = try text(path)
    #expect(page.contains("\nmake run\n") && page.contains("\nmake test\n"))
    let codes = try matches("static let [a-zA-Z]+: Int32 = ([0-9]+)", [text("Sources/Pipeline/RunEvents.swift")])
    #expect(codes.count >= 8)
    for code in codes.sorted() { #expect(page.contains("\n| \(code) |"), "\(path) lacks exit code \(code)") }
  }

  @Test(arguments: ["README.md", "README.zh-CN.md"])
  func namesEveryRuleAndCommand(_ path: String) throws {
    let page = try text(path)
    let rules = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Pipelines/rules").path)
      .filter { $0.hasSuffix(".yml") && !$0.hasSuffix(".test.yml") }
    #expect(!rules.isEmpty)
    for rule in rules { #expect(page.contains("| \(rule.dropLast(4)) |"), "\(path) lacks \(rule)") }
    // The page of commands is made of what `yijian --help` lists.
    let commands = try matches("^## yijian ([a-z]+)$", [text("Documentation/commands.md")])
    #expect(commands.isSuperset(of: ["run", "audit", "store", "sql", "preview", "rules"]))
    for command in commands { #expect(page.contains("`yijian \(command)`"), "\(path) lacks \(command)") }
  }

  /// The pasted lines of `make run` say how many findings and yuan; the kept sample report must say the same.
  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: root.appendingPathComponent("Reports/sample").path)),
    arguments: ["README.md", "README.zh-CN.md"], ["2025-W10", "2025-W11"])
  func showsTheFiguresOfTheSampleReport(_ path: String, _ batch: String) throws {
    struct RunFigures: Decodable {
      struct Cases: Decodable {
        var open: Int
        var counted_fen: Int
      }
      struct Findings: Decodable { var by_state: [String: Int] }
      var cases: Cases
      var findings: Findings
    }
    let run = try JSONDecoder().decode(RunFigures.self, from: Data(text("Reports/sample/\(batch)/run.json").utf8))
    let states = run.findings.by_state
    let held = (states["new"] ?? 0) + (states["standing"] ?? 0) + (states["changed"] ?? 0)
    let fen = run.cases.counted_fen
    let cents = String(fen % 100)
    var yuan = String(fen / 100)
    var end = yuan.count - 3
    while end > 0 {
      yuan.insert(",", at: yuan.index(yuan.startIndex, offsetBy: end))
      end -= 3
    }
    let line =
      "batch    \(batch): \(held) findings (\(states["new"] ?? 0) new), \(run.cases.open) cases, "
      + "\(yuan).\(cents.count == 1 ? "0" : "")\(cents) yuan counted\n"
    #expect(try text(path).contains(line), "\(path) should show: \(line)")
  }

  /// Of the pasted lines of `make test` these say what files say; Tools/check-generated.sh compares all of them.
  @Test(arguments: ["README.md", "README.zh-CN.md"])
  func showsTheNumberOfRuleTests(_ path: String) throws {
    let folder = root.appendingPathComponent("Pipelines/rules").path
    let tests = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".test.yml") }
      .reduce(0) { try $0 + text("Pipelines/rules/\($1)").components(separatedBy: "\n  - name: ").count - 1 }
    #expect(tests > 0)
    #expect(try text(path).contains("\n\(tests) tests hold, 0 fail\n"), "\(path) should show \(tests) tests")
  }

  /// Links of the pages to files of the repository lead somewhere.
  @Test func linksLeadToFiles() throws {
    var pages = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SampleClaims/README.md", "Pipelines/README.md"]
    pages += try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Documentation").path)
      .filter { $0.hasSuffix(".md") }.sorted().map { "Documentation/" + $0 }
    var checked = 0
    for page in pages {
      let folder = root.appendingPathComponent(page).deletingLastPathComponent()
      for link in try matches("\\]\\(([^)#:]+)\\)", [text(page)]).sorted() {
        checked += 1
        #expect(
          FileManager.default.fileExists(atPath: folder.appendingPathComponent(link).standardizedFileURL.path),
          "\(page) links to \(link), which is not there")
      }
    }
    #expect(checked > 5)
  }
}

@Suite struct ContributingPage {
  /// "Follow one fee line" names functions of the stage's module.
  @Test func namesFunctionsThatAreThere() throws {
    var checked = 0
    for line in try text("CONTRIBUTING.md").split(separator: "\n") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, cells[1].contains("`") else { continue }
      let module = try swiftFiles("Sources/\(cells[0])")
      for name in try matches("`(?:\\w+\\.)?(\\w+)[^`]*`", [cells[1]]).sorted() {
        checked += 1
        #expect(module.contains { $0.contains("func \(name)(") }, "\(cells[0]) has no function \(name)")
      }
    }
    #expect(checked >= 12, "the pattern no longer finds the functions")
  }
}

@Suite struct ModuleReadmes {
  @Test func everyModuleSaysWhatItIs() throws {
    let modules = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Sources").path)
      .filter { name in
        let folder = root.appendingPathComponent("Sources/\(name)").path
        return (try? FileManager.default.contentsOfDirectory(atPath: folder))?.contains { $0.hasSuffix(".swift") }
          ?? false
      }.sorted()
    #expect(modules.count >= 15)
    for module in modules {
      let readme = (try? text("Sources/\(module)/README.md")) ?? ""
      #expect(readme.hasPrefix("# \(module)\n"), "Sources/\(module)/README.md is missing or has another title")
      #expect(readme.split(separator: "\n").count >= 6, "Sources/\(module)/README.md says too little")
    }
  }

  /// A comment may name a page by its path, or one of Documentation by its name alone.
  @Test func sourcesNamePagesThatAreThere() throws {
    let base = root.appendingPathComponent("Sources")
    let files = try FileManager.default.subpathsOfDirectory(atPath: base.path).sorted()
    var checked = 0
    for file in files where file.hasSuffix(".swift") || file.hasSuffix(".md") {
      let folder = base.appendingPathComponent(file).deletingLastPathComponent()
      for page in try matches("([A-Za-z0-9./-]*[A-Za-z0-9-]\\.md)\\b", [text("Sources/\(file)")]).sorted() {
        checked += 1
        let isThere = [root, root.appendingPathComponent("Documentation"), folder].contains {
          FileManager.default.fileExists(atPath: $0.appendingPathComponent(page).standardizedFileURL.path)
        }
        #expect(isThere, "Sources/\(file) names \(page), which is not there")
      }
    }
    #expect(checked > 40)
  }
}
