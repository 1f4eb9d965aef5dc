import ClaimModel

/// Fee lines in byte order of mdtrt_id, then of bkkp_sn, all versions: one order finds versions, reversals and
/// neighbours.
struct LineOrder {
  /// Raw rows in order; those of one key in raw order.
  private(set) var rows: [Int32]
  /// The lines of the visit of rank r are `rows[offsets[r]..<offsets[r + 1]]`.
  let offsets: [Int32]
  /// The number of each rank's mdtrt_id.
  let visitOfRank: [Int32]
  /// The rank of each visit's number.
  let rankOfVisit: [Int32]
  /// Whether a key occurs twice.
  private(set) var hasVersions: Bool

  /// - Parameters:
  ///   - visits: number of each line's mdtrt_id.
  ///   - serials: codes of bkkp_sn.
  ///   - visitOrder: the numbers in byte order of their texts.
  init(visits: [Int32], serials: [UInt32], visitOrder: [Int32], _ codes: CodeTable) {
    let count = serials.count
    let ranks = visitOrder.count
    var rankOf = [Int32](repeating: 0, count: ranks)
    for (rank, visit) in visitOrder.enumerated() { rankOf[Int(visit)] = Int32(rank) }
    var offsets = [Int32](repeating: 0, count: ranks + 1)
    var hasVersions = false
    let sorted = [Int32](unsafeUninitializedCapacity: count) { sorted, initialized in
      hasVersions = codes.withTexts { texts in
        Self.sort(
          visits: visits, serials: serials, rankOf: rankOf, &offsets, TextBytes(texts), into: sorted)
      }
      initialized = count
    }
    rows = sorted
    self.offsets = offsets
    visitOfRank = visitOrder
    rankOfVisit = rankOf
    self.hasVersions = hasVersions
  }

  private static func sort(
    visits: [Int32], serials: [UInt32], rankOf: [Int32], _ offsets: inout [Int32], _ texts: TextBytes,
    into sorted: UnsafeMutableBufferPointer<Int32>
  ) -> Bool {
    let count = serials.count
    let ranks = rankOf.count
    return visits.withUnsafeBufferPointer { visits in
      serials.withUnsafeBufferPointer { serials in
        rankOf.withUnsafeBufferPointer { rankOf in
          offsets.withUnsafeMutableBufferPointer { offsets in
            withUnsafeTemporaryAllocation(of: TextItem.self, capacity: count) { items in
              // Counted one place ahead, so that placing the rows leaves the offsets where they belong.
              for row in 0..<count {
                let rank = Int(rankOf[Int(visits[row])])
                if rank &+ 2 <= ranks { offsets[rank &+ 2] &+= 1 }
              }
              for rank in 0..<ranks { offsets[rank &+ 1] &+= offsets[rank] }
              for row in 0..<count {
                let rank = Int(rankOf[Int(visits[row])])
                let place = Int(offsets[rank &+ 1])
                offsets[rank &+ 1] &+= 1
                items[place] = TextItem(word: 0, code: serials[row], row: Int32(truncatingIfNeeded: row))
              }
              return sortVisits(items, offsets, texts, into: sorted)
            }
          }
        }
      }
    }
  }

  /// - Returns: whether a key occurs twice.
  private static func sortVisits(
    _ items: UnsafeMutableBufferPointer<TextItem>, _ offsets: UnsafeMutableBufferPointer<Int32>,
    _ texts: TextBytes, into sorted: UnsafeMutableBufferPointer<Int32>
  ) -> Bool {
    var hasVersions = false
    for rank in 0..<offsets.count - 1 {
      let start = Int(offsets[rank])
      let end = Int(offsets[rank &+ 1])
      if end &- start > 1 {
        let ofVisit = UnsafeMutableBufferPointer(rebasing: items[start..<end])
        if ofVisit.count <= 256 {
          texts.sort(ofVisit, spare: ofVisit)
        } else {
          withUnsafeTemporaryAllocation(of: TextItem.self, capacity: ofVisit.count) { spare in
            spare.initialize(repeating: TextItem(word: 0, code: 0, row: 0))
            texts.sort(ofVisit, spare: spare)
          }
        }
        for i in start &+ 1..<end where items[i].code == items[i &- 1].code { hasVersions = true }
      }
      for i in start..<end { sorted[i] = items[i].row }
    }
    return hasVersions
  }

  /// The lines of a visit's number, in order of bkkp_sn.
  func lines(ofVisit number: Int) -> Range<Int> {
    let rank = Int(rankOfVisit[number])
    return Int(offsets[rank])..<Int(offsets[rank + 1])
  }

  /// Keeps the newest of each key's rows as that key's line: the others become superseded.
  func supersede(
    _ serials: [UInt32], _ order: VersionOrder, _ dispositions: inout [Disposition], _ isValid: inout [Bool]
  ) {
    for rank in 0..<visitOfRank.count {
      var newest = Int(offsets[rank])
      for place in Int(offsets[rank])..<Int(offsets[rank + 1]) where place != newest {
        let (a, b) = (Int(rows[newest]), Int(rows[place]))
        if serials[a] != serials[b] {
          newest = place
          continue
        }
        let isNewer = order.isNewer(b, a)
        let older = isNewer ? a : b
        dispositions[older] = .superseded
        isValid[older] = false
        if isNewer { newest = place }
      }
    }
  }
}
