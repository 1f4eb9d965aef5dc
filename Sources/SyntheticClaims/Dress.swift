import ClaimModel

extension Synthesis {
  /// Compresses kept files and puts some of them in other dresses; gives the files that are there now.
  func dress(_ files: [WrittenFile], batch: Int, path: String) throws -> [WrittenFile] {
    if options.planted == .load { return files }
    for file in files {
      try writeFile(gzipped(file.bytes, level: Int32(options.compression)), to: path + "/" + file.name)
    }
    return files
  }

  /// truth.csv, from the plan alone; counts by kind.
  func writeTruth() throws -> [String: Int] {
    var csv = CSVText([
      "batch", "rule", "key", "kind", "verdict", "subject_type", "subject", "setl_ids", "line_ids", "from_date",
      "to_date", "measure", "amount_fen", "fund_fen", "exemption", "differs_in", "note",
    ])
    let states = (0..<options.batches).map { last in PlannedState((0...last).map(plan.records)) }
    var counts: [String: Int] = [:]
    for batch in 0..<options.batches {
      let rows = plan.items.compactMap { $0.row(after: batch, states, world) }
      for row in rows.sorted(by: { bytewise($0[1] + "\n" + $0[2], $1[1] + "\n" + $1[2]) }) {
        csv.add(row)
        counts[row[3], default: 0] += 1
      }
    }
    try writeFile(csv.bytes, to: folder + "/truth.csv")
    return counts
  }
}
