import ClaimModel

/// Place of each segment among all in byte order of batch, file, and member ordinal.
struct SegmentRanks {
  let rank: [Int32]

  init(_ segments: [SegmentIdentity]) {
    let order = segments.indices.sorted { a, b in
      let (x, y) = (segments[a], segments[b])
      // Swift's == on String is canonical equivalence; compare bytes only.
      if bytesPrecede(x.batch, y.batch) { return true }
      if bytesPrecede(y.batch, x.batch) { return false }
      if bytesPrecede(x.file, y.file) { return true }
      if bytesPrecede(y.file, x.file) { return false }
      return x.member < y.member
    }
    var rank = [Int32](repeating: 0, count: segments.count)
    for (place, segment) in order.enumerated() { rank[segment] = Int32(place) }
    self.rank = rank
  }
}

/// What makes one version newer than another (claims.md 1.1). Only for tables in which a key occurs twice.
struct VersionOrder {
  private let updated: [Int64]
  private let origin: [RowOrigin]
  private let rank: [Int32]

  init(_ source: Source) {
    updated = source.numbers("updt_time")
    origin = source.rows.origin
    rank = SegmentRanks(source.segments).rank
  }

  /// Whether row a is newer than row b; null is the lowest update time.
  func isNewer(_ a: Int, _ b: Int) -> Bool {
    if updated[a] != updated[b] { return updated[a] > updated[b] }
    let x = rank[Int(origin[a].segment)]
    let y = rank[Int(origin[b].segment)]
    return x == y ? origin[a].line > origin[b].line : x > y
  }
}

/// Whether each row says that it is valid; a file without the column says so of all, an empty field does not.
func saysValid(_ source: Source) -> [Bool] {
  let one = source.codeTable.intern("1")
  let flags = source.codes("vali_flag")
  var result = flags.map { $0 == one }
  if !result.contains(false) { return result }
  let lacksFlag = source.segments.map { $0.missingColumns.contains("vali_flag") }
  if !lacksFlag.contains(true) { return result }
  for row in 0..<flags.count where !result[row] { result[row] = lacksFlag[Int(source.rows.origin[row].segment)] }
  return result
}

/// The newest version of each key of a table with one key column.
struct Versions {
  var dispositions: [Disposition]
  let isValid: [Bool]
  /// Newest row of a key's number whatever its validity, -1 if no row has the key.
  private let newest: [Int32]

  /// - Parameters:
  ///   - numbers: the number of each row's key.
  ///   - keys: how many numbers there are.
  init(_ source: Source, _ numbers: [Int32], keys: Int) {
    var newest = [Int32](repeating: -1, count: keys)
    var valid = saysValid(source)
    var dispositions = [Disposition](repeating: .counts, count: source.count)
    var order: VersionOrder?
    for row in 0..<source.count {
      let key = Int(numbers[row])
      // A row without a key is no version of anything, and none may be joined.
      if key == 0 {
        dispositions[row] = .superseded
        valid[row] = false
        continue
      }
      let known = Int(newest[key])
      if known < 0 {
        newest[key] = Int32(row)
        continue
      }
      let versions = order ?? VersionOrder(source)
      order = versions
      let older = versions.isNewer(row, known) ? known : row
      if older == known { newest[key] = Int32(row) }
      dispositions[older] = .superseded
      valid[older] = false
    }
    for row in 0..<source.count where !valid[row] && dispositions[row] == .counts { dispositions[row] = .cancelled }
    self.dispositions = dispositions
    isValid = valid
    self.newest = newest
  }

  /// The valid row of a key's number; nil for null, unknown and cancelled ones.
  func valid(_ number: Int) -> Int? {
    guard number < newest.count, newest[number] >= 0, isValid[Int(newest[number])] else { return nil }
    return Int(newest[number])
  }

  /// Whether there is any row of the key, superseded or cancelled ones included.
  func isKnown(_ number: Int) -> Bool { number < newest.count && newest[number] >= 0 }
}
