import ClaimModel

extension ClaimTable {
  /// The table whose name or alias the last part of a path begins with, followed by `_`, `-`, `.` or a digit, letters
  /// in either case; the longest wins. nil: the name promises none, and the header decides.
  public init?(fileNamed path: String) {
    let name = Array((path.split(separator: "/").last ?? "").lowercased().utf8)
    var best: (ClaimTable, Int)?
    for table in ClaimTable.allCases {
      for prefix in [table.name] + table.aliases {
        let bytes = Array(prefix.utf8)
        guard name.starts(with: bytes), name.count > bytes.count, best.map({ $0.1 < bytes.count }) ?? true else {
          continue
        }
        switch name[bytes.count] {
        case 0x5F, 0x2D, 0x2E, 0x30...0x39: best = (table, bytes.count)
        default: continue
        }
      }
    }
    guard let best else { return nil }
    self = best.0
  }
}
