import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Intake
import Normalize
import Reporting

/// Compares a batch with its `delivery.csv`: every number that stands there (Documentation/inputs.md).
struct DeliveryCheck {
  /// What makes the batch incomplete.
  private(set) var problems: [Diagnostic] = []
  /// Files that delivery.csv names and that are not there.
  private(set) var missingFiles: [BatchFileRecord] = []
  /// For the report; nil without a delivery.csv.
  private(set) var check: RunReportModel.ReconciliationCheck?

  private static let differs = "intake.delivery-differs"

  /// The tables of which rows may be missing by a batch's delivery.csv; nil: of any, because some of it can't be read.
  static func lackingTables(_ files: [BatchFileRecord]) -> Set<ClaimTable>? {
    guard let problem = files.first(where: { $0.name == "delivery.csv" })?.refusal else { return [] }
    if problem.code != differs { return nil }
    let names = problem.message.split(separator: ",").map(String.init)
    return Set(ClaimTable.allCases.filter { names.contains($0.name) })
  }

  init(_ batch: BatchFolder, _ records: [BatchFileRecord]) throws {
    guard let path = batch.delivery else { return }
    let digest = try fingerprint(path: path)
    let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? nil
    // It belongs to the delivery: a mended one is a new revision.
    missingFiles.append(
      BatchFileRecord(name: "delivery.csv", digest: digest, reading: nil, size: size ?? 0, state: .read))
    let delivery: Delivery
    do {
      delivery = try Delivery(path: path)
    } catch let problem as Diagnostic {
      problems.append(problem)
      missingFiles[0].refusal = Refusal(code: problem.code, message: problem.message)
      return
    }
    problems += delivery.problems
    var result = RunReportModel.ReconciliationCheck(kind: .delivery, checked: 0)
    var differing: Set<String> = []
    for row in delivery.rows {
      let place = Place(file: "delivery.csv", line: row.line)
      var chosen = records.filter { $0.state == .read }
      if let file = row.file {
        let named = records.filter { $0.name == file || $0.name.hasSuffix("/" + file) }
        if named.isEmpty {
          let message = "\(file), which delivery.csv names, is not there"
          problems.append(
            Diagnostic(
              .error, "intake.missing-file", message, at: place, remedy: "deliver the file, then give the same command")
          )
          missingFiles.append(
            BatchFileRecord(
              name: file, digest: nil, reading: nil, size: 0, state: .missing,
              refusal: Refusal(code: "intake.missing-file", message: "named by delivery.csv, not delivered")))
          continue
        }
        chosen = named.filter { $0.state == .read }
        // A refused file is a reason of its own.
        if chosen.isEmpty { continue }
      }
      let summaries = try chosen.map { try FileSummary.decode($0.report) }
      let subject = row.file ?? row.table
      if let expected = row.rows {
        let found = summaries.flatMap(\.members).filter { $0.table == row.table }.reduce(0) { $0 + $1.rowsRead }
        result.checked += 1
        if found != expected {
          differing.insert(row.table)
          result.differences.append(
            .init(subject: subject, unit: .rows, expected: Int128(expected), found: Int128(found)))
          problems.append(
            Diagnostic(
              .error, "intake.delivery-differs", "\(subject) has \(found) rows, delivery.csv says \(expected)",
              at: place,
              remedy: "ask the exporter for the file again"))
        }
      }
      if let column = row.sumColumn, let expected = row.sumFen {
        // Of each member both sums fit 64 bits; added up they need not.
        var found: Int128? = 0
        for value in summaries.flatMap(\.values) where value.table == row.table {
          guard let sum = value.sums.first(where: { $0.column == column }) else { continue }
          if let a = sum.acceptedFen, let r = sum.rejectedFen, let f = found {
            found = f + Int128(a) + Int128(r)
          } else {
            found = nil
          }
        }
        result.checked += 1
        if let found, found != Int128(expected) {
          differing.insert(row.table)
          result.differences.append(
            .init(subject: "\(subject) \(column)", unit: .fen, expected: Int128(expected), found: found))
          problems.append(
            Diagnostic(
              .error, "intake.delivery-differs",
              "\(column) of \(subject) sums to \(FixedPoint.text(found, scale: 2)), delivery.csv says \(FixedPoint.text(expected, scale: 2))",
              at: place, remedy: "ask the exporter for the file again"))
        }
        if found == nil { result.notComparable += 1 }
      }
    }
    check = result
    // The next runs have to know it too: of which tables rows may be missing, or that a line which can't be read may
    // speak of any.
    if let problem = delivery.problems.first {
      missingFiles[0].refusal = Refusal(code: problem.code, message: problem.message)
    } else if !differing.isEmpty {
      missingFiles[0].refusal = Refusal(
        code: Self.differs, message: differing.sorted(by: bytesPrecede).joined(separator: ","))
    }
  }
}
