/// Parts for another program that reads them itself.
extension Ledger {
  /// Where a part's file is.
  public func path(of part: PartRecord) -> String { partsFolder + "/" + part.path }

  /// Holds the footers of parts against the catalogue, as `StoreReader` does before it reads one. The checksums of
  /// pages are left to whoever reads them.
  ///
  /// - Throws: `store.part-missing`, `store.part-damaged`, `store.io`.
  public func checkFooters(of parts: [PartRecord]) throws {
    for part in parts { _ = try OpenParts.open(part, folder: partsFolder) }
  }
}
