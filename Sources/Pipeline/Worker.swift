import ClaimModel

/// What a thread keeps from unit to unit: its code table, with the texts of the registries and, for as long as it is
/// under work, those of a unit. Used by one thread at a time.
final class Worker: @unchecked Sendable {
  let codes: CodeTable
  private let mark: Int

  init(_ codes: CodeTable) {
    self.codes = CodeTable(copying: codes)
    mark = codes.count
  }

  /// The texts of the unit go.
  func forget() { codes.rollBack(to: mark) }
}
