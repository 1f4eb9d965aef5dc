import ClaimModel
import Foundation

/// A table of the knowledge store; null is empty. The registry reader trims fields that are not quoted.
func csvText(_ header: [String], _ rows: [[String?]]) -> String {
  var lines = CSVLines(header, quotesOuterBlanks: true)
  for row in rows { lines.add(row.map { $0 ?? "" }) }
  return lines.text
}

/// Whole or not at all; folders are made.
func writeFile(_ text: String, to path: String) throws {
  let url = URL(fileURLWithPath: path)
  try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(text.utf8).write(to: url, options: .atomic)
}

func fileExists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

func dayText(_ day: Int64?) -> String? { day.map { CivilTime.text(day: $0) } }
