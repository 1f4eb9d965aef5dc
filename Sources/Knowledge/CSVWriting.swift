import ClaimModel
import Foundation

/// A row of CSV: comma, `"` only where needed, LF; null is empty.
func csvLine(_ fields: [String?]) -> String {
  fields.map { field in
    guard let field else { return "" }
    let needsQuotes =
      field.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
      || field.first == " " || field.last == " "
    return needsQuotes
      ? "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : field
  }.joined(separator: ",") + "\n"
}

func csvText(_ header: [String], _ rows: [[String?]]) -> String {
  csvLine(header) + rows.map(csvLine).joined()
}

/// Whole or not at all; folders are made.
func writeFile(_ text: String, to path: String) throws {
  let url = URL(fileURLWithPath: path)
  try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(text.utf8).write(to: url, options: .atomic)
}

func fileExists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

func dayText(_ day: Int64?) -> String? { day.map { CivilTime.text(day: $0) } }
