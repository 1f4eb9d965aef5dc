import Normalize

/// The keys of units until all units have been looked at: so many in memory, the rest in a file without a name.
final class KeysAside: Sendable {
  /// Where the keys of a unit are.
  struct Place: Sendable {
    fileprivate var bytes: RowsAside.Place
    /// By the keys' upper 8 bits where they begin; 257 numbers.
    fileprivate var starts: [Int32]
  }

  private let aside: RowsAside

  /// - Parameters:
  ///   - folder: where the file is made when it is needed; nil: all are held.
  ///   - held: bytes of keys that are held at most; a key has 8.
  init(folder: String?, held: Int) { aside = RowsAside(folder: folder, held: held) }

  /// - Parameter keys: what one call of `appendUnitKeys` gave.
  /// - Throws: `partition.disk-full` or `partition.io`.
  func keep(_ keys: [UInt64]) throws -> Place {
    var starts = [Int32](repeating: 0, count: 257)
    for key in keys { starts[Int(truncatingIfNeeded: key >> 56) + 1] += 1 }
    for upper in 0..<256 { starts[upper + 1] += starts[upper] }
    return Place(bytes: try aside.keep(keys.withUnsafeBytes { Array($0) }), starts: starts)
  }

  /// The slices that share a key, of the keys of these units whose upper 8 bits are in the range.
  ///
  /// - Throws: `partition.io`.
  func straddlingSlices(_ places: [Place], upper: Range<Int>) throws -> Set<UInt16> {
    try Normalize.straddlingSlices(upper: upper) { upper, part in
      for place in places {
        let (start, end) = (Int(place.starts[upper]), Int(place.starts[upper + 1]))
        if start == end { continue }
        let known = part.count
        part.append(contentsOf: repeatElement(0, count: end - start))
        try part.withUnsafeMutableBytes {
          try aside.read(
            place.bytes, from: start * 8, into: UnsafeMutableRawBufferPointer(rebasing: $0[(known * 8)...]))
        }
      }
    }
  }
}
