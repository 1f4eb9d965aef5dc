import ClaimModel

/// Numbers the different values of one chunk in the order of their first row.
///
/// The memory stays for the next chunk. Equal rows give equal dictionaries, whatever the codes are.
final class DictionaryBuilder {
  /// Index of each non-null value.
  let indices = NumberBuffer<UInt32>()
  /// Codes of the entries, in order.
  @exclusivity(unchecked) private(set) var codes: [UInt32] = []
  /// Numbers of the entries, in order.
  @exclusivity(unchecked) private(set) var numbers: [Int64] = []

  // By code: the chunk that saw it last in the upper half, its index there in the lower.
  @exclusivity(unchecked) private var codeSlots: [UInt64] = []
  @exclusivity(unchecked) private var stamp: UInt64 = 0
  // Open addressing: index + 1, 0 is free.
  @exclusivity(unchecked) private var numberSlots: [UInt32] = []

  /// Whether so many rows show that values hardly repeat.
  private static func isHopeless(entries: Int, rows: Int) -> Bool { rows == 16_384 && entries > 12_288 }

  /// Builds the dictionary of the codes that are not 0.
  ///
  /// - Parameter codeCount: every code is below it.
  /// - Returns: false if there are more entries than half the values, when a dictionary would only cost room.
  func build(codes given: UnsafeBufferPointer<UInt32>, values: Int, codeCount: Int) throws -> Bool {
    codes.removeAll(keepingCapacity: true)
    indices.prepare(values)
    if codeSlots.count < codeCount {
      codeSlots.append(contentsOf: repeatElement(0, count: codeCount - codeSlots.count))
    }
    stamp += 1
    let mark = stamp << 32
    let limit = values / 2
    let out = indices.base
    var n = 0
    return try codeSlots.withUnsafeMutableBufferPointer { slots in
      for code in given where code != 0 {
        if Int(code) >= codeCount { throw Defect.damaged("a code that the code table does not have") }
        let slot = slots[Int(code)]
        if slot & ~0xFFFF_FFFF == mark {
          out[n] = UInt32(truncatingIfNeeded: slot)
        } else {
          if codes.count >= limit { return false }
          slots[Int(code)] = mark | UInt64(codes.count)
          out[n] = UInt32(codes.count)
          codes.append(code)
        }
        n += 1
        if Self.isHopeless(entries: codes.count, rows: n) { return false }
      }
      return true
    }
  }

  /// Builds the dictionary of numbers, none of which is null.
  ///
  /// - Parameter size: bytes of a number in the file.
  /// - Returns: false unless dictionary and indices take at most half the bytes of the numbers; what is saved beyond
  ///   that zstd saves as well, and plain numbers are written and read faster.
  func build(numbers given: UnsafeBufferPointer<Int64>, size: Int) -> Bool {
    numbers.removeAll(keepingCapacity: true)
    let values = given.count
    if values == 0 { return false }
    indices.prepare(values)
    let limit = values / 2
    var bits = 12
    numberSlots.removeAll(keepingCapacity: true)
    numberSlots.append(contentsOf: repeatElement(0, count: 1 << bits))
    let out = indices.base
    var last = given[0]
    var lastIndex: UInt32 = 0
    numbers.append(last)
    numberSlots[Self.place(last, bits)] = 1
    out[0] = 0
    for i in 1..<values {
      let value = given[i]
      if value != last {
        last = value
        var place = Self.place(value, bits)
        while true {
          let found = numberSlots[place]
          if found == 0 {
            if numbers.count >= limit { return false }
            lastIndex = UInt32(numbers.count)
            numbers.append(value)
            numberSlots[place] = lastIndex + 1
            if numbers.count * 2 > numberSlots.count {
              bits += 1
              rehash(bits)
            }
            break
          }
          if numbers[Int(found - 1)] == value {
            lastIndex = found - 1
            break
          }
          place = (place + 1) & (numberSlots.count - 1)
        }
      }
      out[i] = lastIndex
      if Self.isHopeless(entries: numbers.count, rows: i + 1) { return false }
    }
    let width = BitPacking.width(entries: numbers.count)
    return numbers.count * size + values * width / 8 <= values * size / 2
  }

  private func rehash(_ bits: Int) {
    numberSlots = [UInt32](repeating: 0, count: 1 << bits)
    for (i, value) in numbers.enumerated() {
      var place = Self.place(value, bits)
      while numberSlots[place] != 0 { place = (place + 1) & (numberSlots.count - 1) }
      numberSlots[place] = UInt32(i + 1)
    }
  }

  @inline(__always)
  private static func place(_ value: Int64, _ bits: Int) -> Int {
    Int(truncatingIfNeeded: (UInt64(bitPattern: value) &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
  }
}
