extension CodeTable {
  /// The text of a fee line's id, `mdtrt_id:bkkp_sn`; nothing is interned.
  public func lineIDText(visit: UInt32, serial: UInt32) -> String {
    withBytes(visit) { visit in
      withBytes(serial) { serial in
        String(unsafeUninitializedCapacity: visit.count + 1 + serial.count) { text in
          let id = UnsafeMutableRawBufferPointer(text)
          id.copyMemory(from: visit)
          id[visit.count] = 0x3A
          UnsafeMutableRawBufferPointer(rebasing: id[(visit.count + 1)...]).copyMemory(from: serial)
          return visit.count + 1 + serial.count
        }
      }
    }
  }

  /// The code of a fee line's id, `mdtrt_id:bkkp_sn`; interned if it was not known.
  public func lineID(visit: UInt32, serial: UInt32) -> UInt32 {
    let length = withBytes(visit) { $0.count } + 1 + withBytes(serial) { $0.count }
    return withUnsafeTemporaryAllocation(byteCount: length, alignment: 1) { id in
      let colon = withBytes(visit) { bytes in
        id.copyMemory(from: bytes)
        return bytes.count
      }
      id[colon] = 0x3A
      withBytes(serial) { UnsafeMutableRawBufferPointer(rebasing: id[(colon + 1)...]).copyMemory(from: $0) }
      return intern(UnsafeRawBufferPointer(id))
    }
  }
}

extension EffectiveClaims {
  /// The codes of lines' ids, from the column `id` where it was made, else interned here; null for row -1.
  ///
  /// To be called from the thread that has the code table.
  public func lineIDs(_ rows: some Sequence<Int32>) -> [UInt32] {
    let table = self[.line]
    if let ids = table.columns["id"]?.codes, !ids.isEmpty { return rows.map { $0 < 0 ? CodeTable.null : ids[Int($0)] } }
    let visit = table.columns["mdtrt_id"]?.codes ?? []
    let serial = table.columns["bkkp_sn"]?.codes ?? []
    return rows.map { row in
      if row < 0 || visit.isEmpty || serial.isEmpty { return CodeTable.null }
      return codes.lineID(visit: visit[Int(row)], serial: serial[Int(row)])
    }
  }
}
