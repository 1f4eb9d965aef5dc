import ClaimModel

/// What is planted: records by batch, registry rows, and what must be found.
struct Plan: Sendable {
  var world: World
  var limits: [LimitRow] = []
  var registrations: [Registration] = []
  /// Items with limits that ordinary stays of hospitals of rank 2 and 3 carry.
  var inpatientSpecials: [Int] = []
  private var planned: [[ClaimRecord]]

  init(_ options: SynthOptions, _ world: World) {
    self.world = world
    planned = [[ClaimRecord]](repeating: [], count: options.batches)
  }

  func records(_ batch: Int) -> [ClaimRecord] { planned[batch] }
}
