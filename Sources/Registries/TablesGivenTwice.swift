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
    for name in names.sorted(by: bytesPrecede) {
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

/// Files of the folders that no rule can look up, by their names alone: perhaps a registry whose name is misspelt.
public func unknownTables(folder: String, knowledge: [String]) -> [Diagnostic] {
  var notes: [Diagnostic] = []
  for path in ([folder] + knowledge) where !path.isEmpty {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names.sorted(by: bytesPrecede) {
      let stem = name.hasSuffix(".csv.gz") ? name.dropLast(7) : name.hasSuffix(".csv") ? name.dropLast(4) : ""
      if stem.isEmpty || RegistrySchema.named(String(stem)) != nil { continue }
      notes.append(unknownTable(String(stem), Place(file: path + "/" + name)))
    }
  }
  return notes
}

func unknownTable(_ name: String, _ place: Place) -> Diagnostic {
  Diagnostic(
    .note, "registry.unknown-table", "No rule can look up \(name); the file is not read.", at: place,
    remedy: "If it is meant to be a registry, give it that registry's name.")
}
