import Diagnostics

/// How many of a batch's rows were rejected, against the pipeline's reject_limit (Pipelines/README.md).
struct RejectCount {
  let read: Int
  let rejected: Int
  /// Rows per million.
  private let limit: Int

  init(_ summaries: [FileSummary], limit: Int) {
    read = summaries.reduce(0) { $0 + $1.members.reduce(0) { $0 + $1.rowsRead } }
    rejected = summaries.reduce(0) { $0 + $1.rejected }
    self.limit = limit
  }

  var areOverLimit: Bool {
    // Neither product is beyond 64 bits: rows are fewer than 2^40, and so is the limit.
    rejected * 1_000_000 > limit * read
  }

  /// What to tell if there are too many.
  func problem(_ label: String) -> Diagnostic? {
    if !areOverLimit { return nil }
    return Diagnostic(
      .warning, "run.reject-limit",
      "batch \(label): \(rejected) of \(read) rows were rejected, more than \(limit) in a million (reject_limit)",
      notes: ["the findings are made from the other rows; exit code 3 says so"],
      remedy: "look into rejects.csv for the column and the reason, and ask the exporter for the files again")
  }
}
