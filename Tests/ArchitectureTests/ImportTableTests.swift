import Foundation
import Testing

/// What each module may import of the house; data flows one way. Change it only with Documentation/architecture.md.
private let mayImport: [String: Set<String>] = [
  "Diagnostics": [],
  "ClaimModel": ["CCrypto"],
  "Parquet": ["Diagnostics", "ClaimModel", "CZstd"],
  "Intake": ["Diagnostics", "ClaimModel", "CZlib", "CISAL", "CByteMasks", "CZip", "CIconv", "CCrypto"],
  "Normalize": ["Diagnostics", "ClaimModel", "Intake", "CByteMasks"],
  "Partition": ["Diagnostics", "ClaimModel", "Intake", "Normalize"],
  "Registries": ["Diagnostics", "ClaimModel", "Intake", "Normalize"],
  "Knowledge": ["Diagnostics", "ClaimModel", "Intake", "CExpat"],
  "RulePacks": ["Diagnostics", "ClaimModel", "Registries", "Yams"],
  "ClaimStore": ["Diagnostics", "ClaimModel", "Parquet", "GRDB", "GRDBSQLite"],
  "Audit": ["Diagnostics", "ClaimModel", "Registries", "RulePacks"],
  "SQLLowering": ["Diagnostics", "ClaimModel", "Registries", "RulePacks"],
  "Cases": ["Diagnostics", "ClaimModel"],
  "Referral": [
    "Diagnostics", "ClaimModel", "Normalize", "Registries", "RulePacks", "ClaimStore", "Audit", "SQLLowering", "Cases",
    "CXlsxWriter", "GRDBSQLite",
  ],
  "Reporting": ["Diagnostics", "ClaimModel", "RulePacks", "Cases"],
  "SyntheticClaims": ["Diagnostics", "ClaimModel", "CZlib", "CZip", "CIconv"],
  "Pipeline": [
    "Diagnostics", "ClaimModel", "Parquet", "Intake", "Normalize", "Partition", "Registries", "RulePacks", "ClaimStore",
    "Audit", "SQLLowering", "Cases", "Referral", "Reporting", "CMalloc", "Yams",
  ],
  "yijian": ["Pipeline", "Knowledge", "SyntheticClaims", "Diagnostics", "CMalloc", "ArgumentParser"],
]

private let systemModules: Set<String> = ["Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Dispatch"]

private func sourcesFolder() -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources")
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

@Test(arguments: mayImport.keys.sorted())
func moduleImportsOnlyWhatStandsBeforeIt(module: String) throws {
  let folder = sourcesFolder().appendingPathComponent(module)
  let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
  #expect(!files.isEmpty, "\(module) has no source file")
  let allowed = try #require(mayImport[module])
  for file in files.sorted() {
    for name in try imports(of: folder.appendingPathComponent(file)) where !systemModules.contains(name) {
      #expect(allowed.contains(name), "\(module)/\(file) imports \(name)")
    }
  }
}

@Test func everySourceFolderIsInTheTable() throws {
  let folders = try FileManager.default.contentsOfDirectory(atPath: sourcesFolder().path)
  let swiftModules = folders.filter { !$0.hasPrefix("C") || ["ClaimModel", "ClaimStore", "Cases"].contains($0) }
  #expect(Set(swiftModules) == Set(mayImport.keys))
}

@Test(arguments: mayImport.keys.sorted())
func moduleHasAReadme(module: String) throws {
  let text = try String(
    contentsOf: sourcesFolder().appendingPathComponent(module).appendingPathComponent("README.md"), encoding: .utf8)
  #expect(text.split(separator: "\n").count >= 6, "\(module)/README.md says too little")
}

/// Hot modules keep Foundation out: no `String`, `Date` or `Data` where rows pass.
@Test(arguments: ["ClaimModel", "Diagnostics", "Parquet", "Audit", "SQLLowering", "Cases"])
func moduleKeepsFoundationOut(module: String) throws {
  let folder = sourcesFolder().appendingPathComponent(module)
  for file in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where file.hasSuffix(".swift") {
    let names = try imports(of: folder.appendingPathComponent(file))
    #expect(!names.contains("Foundation"), "\(module)/\(file) imports Foundation")
  }
}
