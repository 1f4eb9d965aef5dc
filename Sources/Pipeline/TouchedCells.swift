import ClaimModel
import ClaimStore
import Normalize

/// Of one batch in which slices its rows are, and their ids, as `appendUnitKeys` names them, ascending. A cell is the
/// rows of a batch in one slice.
struct LinkKeys: Sendable {
  private let file: EvaluationBytes
  let presence: SlicePresence
  let count: Int

  /// nil if the file holds no keys.
  init?(_ file: EvaluationBytes) {
    guard file.bytes.count >= SlicePresence.byteCount, file.bytes.count % 8 == 0,
      let presence = SlicePresence(UnsafeRawBufferPointer(rebasing: file.bytes[..<SlicePresence.byteCount]))
    else { return nil }
    self.file = file
    self.presence = presence
    count = (file.bytes.count - SlicePresence.byteCount) / 8
  }

  subscript(i: Int) -> UInt64 {
    UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: SlicePresence.byteCount &+ i &* 8, as: UInt64.self))
  }

  static func bytes(_ keys: [UInt64], _ presence: SlicePresence) -> [UInt8] {
    presence.bytes + keys.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }
}

/// Which cells of older batches hang together with new rows, or with cells that are to be looked at anew: by an id that
/// both have, or through a third.
struct TouchedCells {
  /// Batch's place << 16 | slice.
  private(set) var cells: Set<UInt32> = []
  /// Slices that share an id with another, through one of the new rows.
  private(set) var straddling: Set<UInt16> = []

  /// - Parameters:
  ///   - new: keys of the new rows, ascending.
  ///   - old: of the older batches, in their places.
  ///   - changed: cells of older batches that are touched whatever the new rows are.
  init(new: [UInt64], old: [LinkKeys], changed: Set<UInt32>) {
    for i in new.indices.dropFirst() where new[i] >> 16 == new[i - 1] >> 16 && new[i] != new[i - 1] {
      straddling.insert(UInt16(truncatingIfNeeded: new[i]))
      straddling.insert(UInt16(truncatingIfNeeded: new[i - 1]))
    }
    cells = changed
    var asked = new
    for (batch, keys) in old.enumerated() {
      let slices = Set(changed.filter { $0 >> 16 == UInt32(batch) }.map { UInt16(truncatingIfNeeded: $0) })
      if !slices.isEmpty { asked += Self.named(slices, keys) }
    }
    asked.sort()
    while !asked.isEmpty {
      var found: [Int: Set<UInt16>] = [:]
      for (batch, keys) in old.enumerated() {
        eachMatch(asked, keys) { a, b in
          let (mine, other) = (UInt16(truncatingIfNeeded: a), UInt16(truncatingIfNeeded: b))
          // Between older rows it is known already; it does no harm here.
          if mine != other {
            straddling.insert(mine)
            straddling.insert(other)
          }
          if cells.insert(UInt32(batch) << 16 | UInt32(other)).inserted { found[batch, default: []].insert(other) }
        }
      }
      // What else these cells name may be in further ones.
      asked = []
      for (batch, slices) in found { asked += Self.named(slices, old[batch]) }
      asked.sort()
    }
  }

  /// The keys of some slices.
  private static func named(_ slices: Set<UInt16>, _ keys: LinkKeys) -> [UInt64] {
    let isIn = SlicePresence(slices)
    return (0..<keys.count).map { keys[$0] }.filter { isIn.contains(UInt16(truncatingIfNeeded: $0)) }
  }

  /// Calls the body with every key of `a` and of `b` that have the same id.
  private func eachMatch(_ a: [UInt64], _ b: LinkKeys, _ body: (UInt64, UInt64) -> Void) {
    var j = 0
    var i = 0
    while i < a.count, j < b.count {
      let id = a[i] >> 16
      let other = b[j] >> 16
      if id < other {
        i += 1
      } else if other < id {
        j += 1
      } else {
        var k = j
        while k < b.count, b[k] >> 16 == id {
          body(a[i], b[k])
          k += 1
        }
        i += 1
      }
    }
  }
}
