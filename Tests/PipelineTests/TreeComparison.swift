import ClaimModel
import Foundation

func sha256(_ data: Data) -> String { data.withUnsafeBytes { SHA256Hasher.hex(of: $0) } }

/// Files that differ between two output folders, byte for byte; of run.json and index.html the lines that hold the
/// start and the seconds of stages are left out (they are all that may differ).
func differences(_ a: String, _ b: String) -> [String] {
  let names = Set(files(in: a)).union(files(in: b)).sorted()
  var result: [String] = names.isEmpty ? ["both are empty"] : []
  for name in names {
    guard let one = FileManager.default.contents(atPath: a + "/" + name),
      let other = FileManager.default.contents(atPath: b + "/" + name)
    else {
      result.append("\(name) is not in both")
      continue
    }
    if one == other { continue }
    let last = name.split(separator: "/").last ?? ""
    if last == "run.json" || last == "index.html", timeless(one) == timeless(other) { continue }
    result.append(name)
  }
  return result
}

private func timeless(_ data: Data) -> [Substring] {
  String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).filter {
    !$0.contains("\"seconds\":") && !$0.contains("\"started_at\":") && !$0.contains("class=\"seconds\"")
      && !$0.contains("class=\"started\"")
  }
}
