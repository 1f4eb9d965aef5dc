import ClaimModel
import Diagnostics
import Foundation

/// The tables that stand in more than one of the folders, without reading them; `loadRegistries` refuses them too.
///
/// Folders that are not there are passed over: whether one is missing is another question.
public func tablesGivenTwice(folder: String, knowledge: [String]) -> [Diagnostic] {
  var seen: [String: String] = [:]
  var problems: [Diagnostic] = []
  for path in ([folder] + knowledge) where !path.isEmpty {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      let stem = name.hasSuffix(".csv.gz") ? name.dropLast(7) : name.hasSuffix(".csv") ? name.dropLast(4) : ""
      guard RegistrySchema.named(String(stem)) != nil else { continue }
      let file = path + "/" + name
      if let other = seen[String(stem)] {
        problems.append(
          Diagnostic(
            .error, "registry.twice", "The table \(stem) is given twice.", at: Place(file: file),
            notes: ["The other file is \(other)."],
            remedy: "Keep one of the two: a snapshot replaces the table whole."))
      } else {
        seen[String(stem)] = file
      }
    }
  }
  return problems
}
