import ClaimModel
import ClaimStore
import Diagnostics
import Intake

/// Claim tables of which the batches, all incomplete, may lack rows, each with the label of the first such batch. An
/// incomplete batch counts even when it was accepted: what is lost is lost.
func incompleteTables(_ batches: [BatchRevision]) -> [ClaimTable: String] {
  var result: [ClaimTable: String] = [:]
  for batch in batches {
    // Which table a lost file held is not always known: every table may lack rows then.
    for table in ClaimTable.allCases where lacks(table, batch) {
      result[table] = result[table] ?? batch.label
    }
  }
  return result
}

private func lacks(_ table: ClaimTable, _ batch: BatchRevision) -> Bool {
  let lost = batch.files.filter { $0.state != .read }
  guard let differing = DeliveryCheck.lackingTables(batch.files) else { return true }
  if lost.isEmpty, differing.isEmpty { return true }
  return differing.contains(table)
    || lost.contains { file in
      // Of a folder nobody knows what was in it. A file with another table's header than its name promises: the rows
      // that are lost may be of either.
      if file.name.hasSuffix("/") || file.refusal?.code == "intake.other-table" { return true }
      return (ClaimTable(fileNamed: file.name) ?? table) == table
    }
}

/// Why a batch is incomplete; nil if nothing is missing.
func incompleteReason(
  _ batch: BatchFolder, _ records: [BatchFileRecord], _ delivery: DeliveryCheck
) -> String? {
  var reasons: [String] = []
  if batch.files.isEmpty { reasons.append("the folder holds no claim file") }
  for record in records where record.state == .refused {
    reasons.append("\(record.name) was refused: \(record.refusal?.message ?? "")")
  }
  reasons += delivery.problems.map(\.message)
  return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
}
