import ClaimModel
import Diagnostics
import Foundation
import Intake

/// Loads every registry of a folder and every shipped table of the knowledge folders.
///
/// One file a table, `<table>.csv` or `<table>.csv.gz` (Documentation/inputs.md). A missing file is no error: its
/// table is absent, and rules that need it are not runnable. Errors: a folder that is not there, a table given twice,
/// a header without a required column, a file that can't be read. An empty `folder` means none.
public func loadRegistries(folder: String, knowledge: [String] = [], codes: CodeTable) throws(Diagnostics)
  -> Registries
{
  var errors: [Diagnostic] = []
  var result = Registries()
  for (index, path) in ([folder] + knowledge).enumerated() where !path.isEmpty {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
        .sorted(by: bytesPrecede)
    } catch {
      errors.append(
        Diagnostic(
          .error, "registry.folder", "The folder of \(index == 0 ? "registries" : "knowledge") can't be read.",
          at: Place(file: path), remedy: "Check the path in the pipeline file."))
      continue
    }
    for name in names {
      let stem = name.hasSuffix(".csv.gz") ? name.dropLast(7) : name.hasSuffix(".csv") ? name.dropLast(4) : ""
      if stem.isEmpty { continue }
      let place = Place(file: path + "/" + name)
      guard let schema = RegistrySchema.named(String(stem)) else {
        result.notes.append(unknownTable(String(stem), place))
        continue
      }
      if let other = result.tables[schema.name] {
        errors.append(
          Diagnostic(
            .error, "registry.twice", "The table \(schema.name) is given twice.", at: place,
            notes: ["The other file is \(other.source)."],
            remedy: "Keep one of the two: a snapshot replaces the table whole."))
        continue
      }
      do {
        // Where a folder lies on this machine is nobody's business in a packet.
        let source = index == 0 ? name : "\(path.split(separator: "/").last ?? "knowledge")/\(name)"
        let table = try registry(
          schema, CSVRows(path: path + "/" + name), source: source, place: place, codes: codes)
        result.tables[schema.name] = table
        if let note = lostRows(table, place) { result.notes.append(note) }
        if !table.unknownColumns.isEmpty {
          result.notes.append(
            Diagnostic(
              .note, "registry.unknown-column",
              "Columns kept aside: \(table.unknownColumns.joined(separator: ", ")).", at: place,
              remedy: "Look whether a name is misspelt; else nothing needs to be done."))
        }
      } catch let problem as Diagnostic where problem.code.hasPrefix("intake.") {
        errors.append(
          Diagnostic(
            .error, "registry.unreadable", "The file can't be read: \(problem.message).", at: place,
            notes: [problem.code] + problem.notes, remedy: problem.remedy))
      } catch let problem as Diagnostic {
        errors.append(problem)
      } catch {
        errors.append(
          Diagnostic(.error, "registry.unreadable", "The file can't be read: \(error).", at: place))
      }
    }
  }
  if !errors.isEmpty { throw Diagnostics(errors) }
  return result
}

/// Says how many rows of a table count as if they were not there; nil: none.
private func lostRows(_ table: Registry, _ place: Place) -> Diagnostic? {
  // Others are kept in some way: their key can't be evaluated, or they hold as long as they may.
  let lost = table.rejected.filter { ["bad-row", "null-key", "null-date", "ends-before-begin"].contains($0.code) }
  guard let first = lost.first else { return nil }
  let column = first.column.map { "\($0): " } ?? ""
  return Diagnostic(
    .warning, "registry.rows-lost",
    "\(lost.count) \(lost.count == 1 ? "row counts" : "rows count") as absent; the first: \(column)\(first.reason).",
    at: Place(file: place.file, line: first.line),
    remedy: "Mend the table: a rule that argues from an absence may accuse for want of a row.")
}

/// A registry from its text; throws the `Diagnostic` that refuses the table, and then leaves no code behind.
func registry(_ schema: RegistrySchema, _ text: CSVRows, source: String, place: Place, codes: CodeTable)
  throws -> Registry
{
  let mark = codes.count
  do {
    return try readRegistry(schema, text, source: source, place: place, codes: codes)
  } catch {
    codes.rollBack(to: mark)
    throw error
  }
}

private func readRegistry(
  _ schema: RegistrySchema, _ text: CSVRows, source: String, place: Place, codes: CodeTable
) throws -> Registry {
  let mark = codes.count
  var header = RegistryHeader(text.header, schema, place)
  var reader = RegistryReader(schema, header.positions, file: source, codes)
  var isRead = false
  while !isRead {
    switch try text.next() {
    case .row:
      // A table with a bad header is read to its end all the same: a damaged file is refused for its damage.
      if header.problem == nil { reader.read(text.fields, line: text.line) }
    case .fault(let reason):
      // Rows that are lost unseen would be absences, and an absence can be a finding.
      if text.endsText {
        throw Diagnostic(
          .error, "registry.cut-off",
          "The table may be cut off: its last row, without a line feed, is none: \(reason).",
          at: Place(file: place.file, line: text.line),
          remedy:
            "Export or copy the table again. If the table is whole, take out the last line, or close its enclosure.")
      }
      reader.rejected.append(
        Reject(
          file: source, table: schema.name, line: text.line, byteOffset: 0, column: nil, code: "bad-row",
          reason: reason, action: .rejected))
    case .restart:
      codes.rollBack(to: mark)
      header = RegistryHeader(text.header, schema, place)
      reader = RegistryReader(schema, header.positions, file: source, codes)
    case .end:
      isRead = true
    }
  }
  let digest = try text.finish()
  if let problem = header.problem { throw problem }
  var rows = reader.finish()
  if schema.name == "hilist_lmt_b" {
    rows.rejectUnsureVisits(file: source, visit: codes.find("visit"))
    rows.rejectContradictingLimits(file: source, insurance: codes.intern("insutype"))
  }
  let isAmbiguous =
    schema.reading == .one ? rows.markOverlaps(file: source) : [Bool](repeating: false, count: rows.count)
  let rejected = rows.rejected.sorted { ($0.line, $0.code) < ($1.line, $1.code) }
  var table = Registry(
    schema: schema, count: rows.count, columns: rows.columns, isAmbiguous: isAmbiguous, digest: digest, source: source,
    rejected: rejected, unknownColumns: header.names.filter { schema.kind(of: $0) == nil && !$0.isEmpty })
  table.dropped = rows.dropped
  return table
}

/// Which field of a row is which column of the table.
private struct RegistryHeader {
  let names: [String]
  /// Field of each column of the schema; nil where the file lacks it.
  let positions: [Int?]
  /// What refuses the table.
  let problem: Diagnostic?

  init(_ header: [String], _ schema: RegistrySchema, _ place: Place) {
    let names = header.map { trimmed($0).lowercased() }
    self.names = names
    positions = schema.columns.map { names.firstIndex(of: $0.name) }
    let missing = schema.columns.filter { $0.required && !names.contains($0.name) }.map(\.name)
    var seen: Set<String> = []
    let isTwice = Set(names.filter { !seen.insert($0).inserted })
    if !names.contains(where: { schema.kind(of: $0) != nil }) {
      // What stands there may be a row, of which nothing is printed.
      problem = Diagnostic(
        .error, "registry.no-header", "The first line names no column of \(schema.name).",
        at: Place(file: place.file, line: 1), remedy: "Export the table with a header line.")
    } else if let twice = names.first(where: { isTwice.contains($0) }) {
      problem = Diagnostic(
        .error, "registry.duplicate-column", "The header names \(twice) twice.",
        at: Place(file: place.file, line: 1, field: twice), remedy: "Export the table again with each column once.")
    } else if !missing.isEmpty {
      problem = Diagnostic(
        .error, "registry.missing-column",
        "The table \(schema.name) lacks required columns: \(missing.joined(separator: ", ")).", at: place,
        remedy: "Export the columns, under these names.")
    } else {
      problem = nil
    }
  }
}

/// The name of a column without blanks around it.
private func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespaces) }
