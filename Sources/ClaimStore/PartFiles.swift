import Diagnostics

/// Parts for another program that reads them itself.
extension Ledger {
  /// Where a part's file is.
  public func path(of part: PartRecord) -> String { partsFolder + "/" + part.path }

  /// Runs what reads parts without the lock. A run or a compaction may meanwhile remove parts that it has replaced: that
  /// is no damage, and is not called so.
  ///
  /// - Throws: what the body throws; `store.rewritten` instead of `store.part-missing` for a part that the catalogue does
  ///   not list any more.
  public func reading<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let problem as Diagnostic {
      throw try isReplaced(problem) ? StoreError.rewritten(folder) : problem
    }
  }

  /// Whether a part is missing because it was replaced.
  func isReplaced(_ problem: Diagnostic) throws -> Bool {
    guard problem.code == "store.part-missing" else { return false }
    return try !parts().contains { path(of: $0) == problem.place.file }
  }

  /// Holds the footers of parts against the catalogue, as `StoreReader` does before it reads one. The checksums of
  /// pages are left to whoever reads them.
  ///
  /// - Throws: `store.part-missing`, `store.part-damaged`, `store.io`.
  public func checkFooters(of parts: [PartRecord]) throws {
    for part in parts { _ = try OpenParts.open(part, folder: partsFolder) }
  }
}
