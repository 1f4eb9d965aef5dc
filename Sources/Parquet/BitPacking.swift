/// Parquet's hybrid of runs and bit-packed numbers: dictionary indices and definition levels.
enum BitPacking {
  /// Values from which a run is written as a run; it costs at most six bytes and ends a packed stretch.
  private static let shortestRun = 16

  /// Bits that the indices of a dictionary with so many entries take; at least 1, as some readers refuse 0.
  static func width(entries: Int) -> Int { max(1, Int.bitWidth - max(0, entries - 1).leadingZeroBitCount) }

  // MARK: Writing

  static func encode(_ values: UnsafePointer<UInt32>, count: Int, width: Int, into out: ByteBuffer) {
    // A packed stretch takes whole groups of eight, so at most `count * width / 8` and one group; runs take less.
    out.reserve((count + 8) * width / 8 + count / shortestRun * 12 + 32)
    var literal = 0
    var i = 0
    while i < count {
      let value = values[i]
      var end = i + 1
      while end < count, values[end] == value { end += 1 }
      // The run gives what the packed stretch before it lacks to whole groups.
      let lent = (8 - (i - literal) & 7) & 7
      if end - i - lent >= shortestRun {
        pack(values + literal, count: i + lent - literal, width: width, into: out)
        out.append(varint: UInt64(end - i - lent) << 1)
        var rest = value
        for _ in 0..<(width + 7) / 8 {
          out.append(byte: UInt8(truncatingIfNeeded: rest))
          rest >>= 8
        }
        literal = end
      }
      i = end
    }
    pack(values + literal, count: count - literal, width: width, into: out)
  }

  private static func pack(_ values: UnsafePointer<UInt32>, count: Int, width: Int, into out: ByteBuffer) {
    if count == 0 { return }
    let groups = (count + 7) / 8
    out.append(varint: UInt64(groups) << 1 | 1)
    out.reserve(groups * width + 8)
    var target = out.base + out.count
    var bits: UInt64 = 0
    var used = 0
    for i in 0..<count {
      bits |= UInt64(values[i]) << UInt64(used)
      used += width
      if used >= 32 {
        target.storeBytes(of: UInt32(truncatingIfNeeded: bits).littleEndian, as: UInt32.self)
        target += 4
        bits >>= 32
        used -= 32
      }
    }
    // The last group is filled with zeros.
    target.storeBytes(of: bits.littleEndian, as: UInt64.self)
    let written = (count * width + 7) / 8
    let whole = groups * width
    if whole > written {
      (out.base + out.count + written).initializeMemory(as: UInt8.self, repeating: 0, count: whole - written)
    }
    out.advance(whole)
  }

  /// Writes levels of one bit, given as a bit map whose last byte is filled with zeros.
  static func encodeLevels(_ map: UnsafePointer<UInt8>, count: Int, into out: ByteBuffer) {
    let size = (count + 7) / 8
    var literal = 0
    var i = 0
    while i < size {
      let value = map[i]
      var end = i + 1
      if value == 0 || value == 0xFF {
        while end < size, map[end] == value { end += 1 }
        // The last byte may hold levels that are not there: zeros, which a run of zeros leaves out.
        let isRun = end - i >= 8 && (value == 0 || end * 8 <= count)
        if isRun {
          packLevels(map + literal, count: i - literal, into: out)
          out.append(varint: UInt64(min(end * 8, count) - i * 8) << 1)
          out.append(byte: value & 1)
          literal = end
        }
      }
      i = end
    }
    packLevels(map + literal, count: size - literal, into: out)
  }

  private static func packLevels(_ map: UnsafePointer<UInt8>, count: Int, into out: ByteBuffer) {
    if count == 0 { return }
    out.append(varint: UInt64(count) << 1 | 1)
    out.append(UnsafeRawBufferPointer(start: map, count: count))
  }

  // MARK: Reading

  /// The next run: its header, and for a stretch of equal values how many there are.
  private static func head(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) throws -> (isPacked: Bool, Int) {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      if position >= bytes.count { throw Defect.damaged("a page has too few indices or levels") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
      if shift > 28 { throw Defect.damaged("a run is too long") }
    }
    return (value & 1 == 1, Int(value >> 1))
  }

  /// Unpacks so many values; up to seven more may be written behind them, and up to `ByteBuffer.slack` bytes behind
  /// the given ones are read (and not used).
  static func decode(
    _ bytes: UnsafeRawBufferPointer, width: Int, count: Int, into out: UnsafeMutablePointer<UInt32>
  ) throws {
    if width > 32 { throw Defect.damaged("indices have more than 32 bits") }
    guard let base = bytes.baseAddress else {
      if count == 0 { return }
      throw Defect.damaged("a page has too few indices or levels")
    }
    var position = 0
    var done = 0
    while done < count {
      let (isPacked, n) = try head(bytes, &position)
      if isPacked {
        let groups = min(n, (count - done + 7) / 8)
        if groups * width > bytes.count - position { throw Defect.damaged("a page has too few indices or levels") }
        unpack(base + position, width: width, groups: groups, into: out + done)
        position += groups * width
        done += min(groups * 8, count - done)
      } else {
        let size = (width + 7) / 8
        if size > bytes.count - position { throw Defect.damaged("a page has too few indices or levels") }
        var value: UInt32 = 0
        for k in 0..<size { value |= UInt32(bytes[position + k]) << UInt32(8 * k) }
        position += size
        let length = min(n, count - done)
        (out + done).update(repeating: value, count: length)
        done += length
      }
    }
  }

  /// Eight values a group, by as few unaligned words as hold them.
  @inline(__always)
  private static func unpack(
    _ bytes: UnsafeRawPointer, width: Int, groups: Int, into out: UnsafeMutablePointer<UInt32>
  ) {
    if width == 0 {
      out.update(repeating: 0, count: groups * 8)
      return
    }
    let w = UInt64(truncatingIfNeeded: width)
    let mask: UInt64 = (1 << w) &- 1
    var source = bytes
    var target = out
    if width <= 8 {
      for _ in 0..<groups {
        let a = UInt64(littleEndian: source.loadUnaligned(as: UInt64.self))
        target[0] = UInt32(truncatingIfNeeded: a & mask)
        target[1] = UInt32(truncatingIfNeeded: a &>> w & mask)
        target[2] = UInt32(truncatingIfNeeded: a &>> (2 &* w) & mask)
        target[3] = UInt32(truncatingIfNeeded: a &>> (3 &* w) & mask)
        target[4] = UInt32(truncatingIfNeeded: a &>> (4 &* w) & mask)
        target[5] = UInt32(truncatingIfNeeded: a &>> (5 &* w) & mask)
        target[6] = UInt32(truncatingIfNeeded: a &>> (6 &* w) & mask)
        target[7] = UInt32(truncatingIfNeeded: a &>> (7 &* w) & mask)
        source += width
        target += 8
      }
    } else if width <= 16 {
      // The fifth value begins at bit 0 or 4 of its byte.
      let half = width / 2
      let shift = w &* 4 & 7
      for _ in 0..<groups {
        let a = UInt64(littleEndian: source.loadUnaligned(as: UInt64.self))
        let b = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: half, as: UInt64.self)) &>> shift
        target[0] = UInt32(truncatingIfNeeded: a & mask)
        target[1] = UInt32(truncatingIfNeeded: a &>> w & mask)
        target[2] = UInt32(truncatingIfNeeded: a &>> (2 &* w) & mask)
        target[3] = UInt32(truncatingIfNeeded: a &>> (3 &* w) & mask)
        target[4] = UInt32(truncatingIfNeeded: b & mask)
        target[5] = UInt32(truncatingIfNeeded: b &>> w & mask)
        target[6] = UInt32(truncatingIfNeeded: b &>> (2 &* w) & mask)
        target[7] = UInt32(truncatingIfNeeded: b &>> (3 &* w) & mask)
        source += width
        target += 8
      }
    } else {
      for _ in 0..<groups {
        for k in 0..<8 {
          let bit = k &* width
          let word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self))
          target[k] = UInt32(truncatingIfNeeded: word &>> UInt64(truncatingIfNeeded: bit & 7) & mask)
        }
        source += width
        target += 8
      }
    }
  }

  /// Reads levels of one bit into a bit map with room for `count` bits and a word more; gives back how many are set.
  ///
  /// Bits behind the last are zero.
  static func decodeLevels(
    _ bytes: UnsafeRawBufferPointer, count: Int, into map: UnsafeMutablePointer<UInt64>
  ) throws -> Int {
    var position = 0
    var done = 0
    map.update(repeating: 0, count: count / 64 + 1)
    let target = UnsafeMutableRawPointer(map)
    while done < count {
      let (isPacked, n) = try head(bytes, &position)
      if isPacked {
        let groups = min(n, (count - done + 7) / 8)
        if groups > bytes.count - position { throw Defect.damaged("a page has too few indices or levels") }
        if groups > 0, let base = bytes.baseAddress {
          // All writers begin a packed stretch at a whole byte: runs before it have a multiple of eight levels.
          if done & 7 != 0 { throw Defect.unsupported("levels that do not begin at a whole byte") }
          (target + done / 8).copyMemory(from: base + position, byteCount: groups)
        }
        position += groups
        done += min(groups * 8, count - done)
      } else {
        if position >= bytes.count { throw Defect.damaged("a page has too few indices or levels") }
        let value = bytes[position]
        position += 1
        if value > 1 { throw Defect.unsupported("nested values") }
        let length = min(n, count - done)
        if value == 1 { setBits(map, from: done, to: done + length) }
        done += length
      }
    }
    let tail = count & 63
    if tail != 0 { map[count / 64] &= (1 << UInt64(tail)) - 1 } else { map[count / 64] = 0 }
    var total = 0
    for i in 0..<count / 64 + 1 { total += map[i].littleEndian.nonzeroBitCount }
    return total
  }

  private static func setBits(_ map: UnsafeMutablePointer<UInt64>, from start: Int, to end: Int) {
    var i = start
    while i < end, i & 63 != 0 {
      map[i / 64] |= 1 << UInt64(i & 63)
      i += 1
    }
    while i + 64 <= end {
      map[i / 64] = UInt64.max
      i += 64
    }
    while i < end {
      map[i / 64] |= 1 << UInt64(i & 63)
      i += 1
    }
  }
}
