import Foundation
import Testing

// Data flows one way. What a module may import stands in Package.swift and, for readers, in Documentation/architecture.md;
// what it does import, in its sources. The three must agree.

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
private let sources = root.appendingPathComponent("Sources")

private let systemModules: Set<String> = ["Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Dispatch"]

/// Headers without a library of their own; architecture.md does not name them.
private let headers: Set<String> = ["CByteMasks", "CMalloc"]

/// Names of libraries in architecture.md.
private let libraries = [
  "CCrypto": "libcrypto", "CZstd": "libzstd", "CZlib": "zlib", "CZip": "libzip", "CIconv": "iconv", "CISAL": "ISA-L",
  "CExpat": "libexpat", "CXlsxWriter": "libxlsxwriter", "GRDB": "GRDB", "GRDBSQLite": "SQLite", "Yams": "Yams",
  "ArgumentParser": "ArgumentParser",
]

private func text(_ path: String) throws -> String {
  try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

private struct Module {
  var name: String
  var dependencies: Set<String>
}

/// The targets of Package.swift whose sources lie in `Sources`, in their order, with all that they declare.
private func declaredModules() throws -> [Module] {
  let manifest = try text("Package.swift")
  var modules: [Module] = []
  for match in manifest.matches(of: /(?:module\(|\.target\(|\.executableTarget\()\s*(?:name: )?"(\w+)"/) {
    // The target's text, to the parenthesis that closes it; dependencies come before all other arguments.
    var depth = 1
    var end = match.range.upperBound
    while end < manifest.endIndex, depth > 0 {
      if manifest[end] == "(" { depth += 1 }
      if manifest[end] == ")" { depth -= 1 }
      end = manifest.index(after: end)
    }
    let body = manifest[match.range.upperBound..<end]
    // Benchmarks lie elsewhere.
    if body.contains("path:") { continue }
    let list = String(body.prefix(upTo: body.firstRange(of: "exclude:")?.lowerBound ?? body.endIndex))
      .replacing(/, package: "[^"]*"/, with: "").replacing(/\bgrdb\b/, with: "\"GRDB\"")
      .replacing(/\bsqlite\b/, with: "\"GRDBSQLite\"")
    modules.append(
      Module(name: String(match.output.1), dependencies: Set(list.matches(of: /"(\w+)"/).map { String($0.output.1) })))
  }
  return modules
}

/// The table of modules in architecture.md.
private func describedModules() throws -> [Module] {
  try text("Documentation/architecture.md").split(separator: "\n").compactMap { line in
    guard let row = line.wholeMatch(of: /\| (\w+) \| [^|]+ \| ([^|]+) \|/), row.output.1 != "module" else { return nil }
    let names = row.output.2 == "–" ? [] : row.output.2.split(separator: ", ").map(String.init)
    return Module(name: String(row.output.1), dependencies: Set(names))
  }
}

private func imports(of file: URL) throws -> [String] {
  var isInText = false
  return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
    // A text over several lines may be a program in another language.
    if line.split(separator: "\"\"\"", omittingEmptySubsequences: false).count.isMultiple(of: 2) {
      isInText.toggle()
      return nil
    }
    if isInText { return nil }
    var words = line.split(separator: " ").map(String.init)
    while let first = words.first,
      ["public", "internal", "package", "private", "@_exported", "@preconcurrency"].contains(first)
    {
      words.removeFirst()
    }
    guard words.first == "import", words.count >= 2 else { return nil }
    let name = words[1] == "struct" || words[1] == "class" || words[1] == "func" ? words[2] : words[1]
    return String(name.split(separator: ".")[0])
  }
}

private func swiftFiles(of module: String) throws -> [String] {
  try FileManager.default.subpathsOfDirectory(atPath: sources.appendingPathComponent(module).path)
    .filter { $0.hasSuffix(".swift") }.sorted()
}

@Test func everySourceFolderIsAModuleOfThePackage() throws {
  let folders = try FileManager.default.contentsOfDirectory(atPath: sources.path)
    .filter { try !swiftFiles(of: $0).isEmpty }
  #expect(folders.count >= 15)
  #expect(Set(folders) == Set(try declaredModules().map(\.name)))
}

@Test func moduleDeclaresOnlyWhatStandsBeforeIt() throws {
  let modules = try declaredModules()
  let names = Set(modules.map(\.name))
  var before: Set<String> = []
  for module in modules {
    let later = module.dependencies.intersection(names).subtracting(before).sorted()
    #expect(later.isEmpty, "Package.swift: \(module.name) depends on \(later), which stand behind it")
    before.insert(module.name)
  }
}

@Test func moduleImportsWhatItDeclaresAndNothingElse() throws {
  for module in try declaredModules() {
    var imported: Set<String> = []
    for file in try swiftFiles(of: module.name) {
      let names = try imports(of: sources.appendingPathComponent(module.name).appendingPathComponent(file))
      for name in names where !systemModules.contains(name) {
        imported.insert(name)
        #expect(module.dependencies.contains(name), "\(module.name)/\(file) imports \(name), not in Package.swift")
      }
    }
    let unused = module.dependencies.subtracting(imported).sorted()
    #expect(unused.isEmpty, "Package.swift: \(module.name) declares \(unused) and imports none of them")
  }
}

@Test func architecturePageHasTheDependenciesOfThePackage() throws {
  let declared = try declaredModules()
  let described = try describedModules()
  #expect(described.map(\.name) == declared.map(\.name), "Documentation/architecture.md has the modules in their order")
  let names = Set(declared.map(\.name))
  for (page, package) in zip(described, declared) where page.name == package.name {
    let known = names.union(libraries.keys).union(headers)
    #expect(package.dependencies.isSubset(of: known), "a library without a name above: \(package)")
    let expected = Set(package.dependencies.compactMap { names.contains($0) ? $0 : libraries[$0] })
    let missing = expected.subtracting(page.dependencies).sorted()
    let wrong = page.dependencies.subtracting(expected).sorted()
    #expect(missing.isEmpty && wrong.isEmpty, "architecture.md, \(page.name): lacks \(missing), has too much \(wrong)")
  }
}

/// Hot modules keep Foundation out: no `String`, `Date` or `Data` where rows pass.
@Test(arguments: ["ClaimModel", "Diagnostics", "Parquet", "Audit", "SQLLowering", "Cases"])
func moduleKeepsFoundationOut(module: String) throws {
  for file in try swiftFiles(of: module) {
    let names = try imports(of: sources.appendingPathComponent(module).appendingPathComponent(file))
    #expect(!names.contains("Foundation"), "\(module)/\(file) imports Foundation")
  }
}
