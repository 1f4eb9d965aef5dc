import ClaimModel
import Normalize
import Testing

@Suite("Keys between units")
struct UnitKeyTests {
  private func rows(_ table: ClaimTable, _ columns: [String: [String]], _ slices: [UInt16], _ codes: CodeTable)
    -> RawRows
  {
    var rows = RawRows(table: table)
    for (name, texts) in columns { rows.columns[name] = .text(texts.map { codes.intern($0) }) }
    rows.origin = slices.indices.map { RowOrigin(segment: 0, line: Int32($0 + 2)) }
    rows.slice = slices
    return rows
  }

  private func keys(_ raw: [RawRows], _ codes: CodeTable) -> [UInt64] {
    var keys: [UInt64] = []
    appendUnitKeys(Dictionary(uniqueKeysWithValues: raw.map { ($0.table, $0) }), codes: codes, to: &keys)
    return keys
  }

  @Test func aPersonsOwnRowsGiveOneKeyForEachID() {
    let codes = CodeTable()
    // Settlement S, visit S (another kind), a diagnosis; the lines name both in the same slice.
    let all = keys(
      [
        rows(.settlements, ["setl_id": ["S"], "mdtrt_id": ["S"], "init_setl_id": [""]], [7], codes),
        rows(.visits, ["mdtrt_id": ["S"]], [7], codes), rows(.diagnoses, ["setl_list_diag_id": ["D"]], [7], codes),
        rows(.feeLines, ["setl_id": ["S", "S", ""], "mdtrt_id": ["S", "S", "S"]], [7, 7, 7], codes),
      ], codes)
    #expect(all.count == 3)
    #expect(Set(all).count == 3)
    #expect(all.allSatisfy { $0 & 0xFFFF == 7 })
    #expect(all.map { $0 >> 56 } == all.map { $0 >> 56 }.sorted())
    #expect(straddlingSlices([all]).isEmpty)
  }

  @Test(arguments: [
    (ClaimTable.settlements, "setl_id", ClaimTable.feeLines, "setl_id"),
    (.settlements, "setl_id", .settlements, "init_setl_id"), (.visits, "mdtrt_id", .feeLines, "mdtrt_id"),
    (.visits, "mdtrt_id", .settlements, "mdtrt_id"), (.visits, "mdtrt_id", .diagnoses, "mdtrt_id"),
    (.visits, "mdtrt_id", .operations, "mdtrt_id"), (.diagnoses, "setl_list_diag_id", .diagnoses, "setl_list_diag_id"),
    (.operations, "setl_list_oprn_id", .operations, "setl_list_oprn_id"),
    (.feeLines, "mdtrt_id", .diagnoses, "mdtrt_id"),
  ])
  func anIDInTwoSlicesIsFound(_ a: ClaimTable, _ columnA: String, _ b: ClaimTable, _ columnB: String) {
    // In two units with code tables of their own, where the texts have different codes.
    let (one, other) = (CodeTable(), CodeTable())
    _ = other.intern("shift")
    let first = keys([rows(a, [columnA: ["x", "own"]], [3, 4], one)], one)
    let second = keys([rows(b, [columnB: ["x", "own2"]], [65535, 5], other)], other)
    #expect(straddlingSlices([first, second]) == [3, 65535])
    #expect(straddlingSlices([first + second]) == [3, 65535])
    #expect(straddlingSlices([first, first]).isEmpty)
  }

  @Test func idsOfDifferentKindsAreDifferent() {
    let codes = CodeTable()
    let one = keys([rows(.settlements, ["setl_id": ["x"]], [1], codes)], codes)
    let other = keys([rows(.visits, ["mdtrt_id": ["x"]], [2], codes)], codes)
    #expect(straddlingSlices([one, other]).isEmpty)
  }

  @Test(arguments: 1...30) func unitsGiveEveryPairOfIDAndSliceOnce(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    var units: [[UInt64]] = []
    var pairs: [Set<String>] = []
    for _ in 0..<4 {
      let codes = CodeTable()
      var ofUnit: Set<String> = []
      func column(_ kind: String, _ slices: [UInt16]) -> [String] {
        slices.map { slice in
          // Mostly the id of the slice alone.
          let id =
            Int.random(in: 0..<20, using: &random) == 0 ? "id\(Int.random(in: 0..<40, using: &random))" : "own\(slice)"
          if Int.random(in: 0..<9, using: &random) == 0 { return "" }
          ofUnit.insert("\(kind) \(id) \(slice)")
          return id
        }
      }
      func slices(_ count: Int) -> [UInt16] { (0..<count).map { _ in UInt16(random.next() % 200) } }
      let (s, l, v, d, o) = (slices(40), slices(200), slices(40), slices(30), slices(20))
      let raw = [
        rows(
          .settlements,
          ["setl_id": column("s", s), "init_setl_id": column("s", s), "mdtrt_id": column("v", s)], s, codes),
        rows(.feeLines, ["setl_id": column("s", l), "mdtrt_id": column("v", l)], l, codes),
        rows(.visits, ["mdtrt_id": column("v", v)], v, codes),
        rows(.diagnoses, ["setl_list_diag_id": column("d", d), "mdtrt_id": column("v", d)], d, codes),
        rows(.operations, ["setl_list_oprn_id": column("o", o), "mdtrt_id": column("v", o)], o, codes),
      ]
      let all = keys(raw, codes)
      #expect(all.count == ofUnit.count)
      #expect(Set(all).count == all.count)
      units.append(all)
      pairs.append(ofUnit)
    }
    var slicesOf: [Substring: Set<UInt16>] = [:]
    for pair in pairs.joined() {
      let cut = pair.lastIndex(of: " ") ?? pair.endIndex
      slicesOf[pair[..<cut], default: []].insert(UInt16(pair[cut...].dropFirst()) ?? 0)
    }
    let expected = slicesOf.values.filter { $0.count > 1 }.reduce(into: Set()) { $0.formUnion($1) }
    #expect(!expected.isEmpty)
    #expect(straddlingSlices(units) == expected)
  }

  /// Any keys in any order and number, also without a slice in common, against a dictionary.
  @Test(arguments: 1...20) func straddlingIsWhatADictionaryFinds(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let bits = [2, 8, 20, 48][seed % 4]
    let arrays = (0..<Int.random(in: 0...6, using: &random)).map { _ in
      var array = (0..<Int.random(in: 0...4000, using: &random)).map { _ in
        // Equal bits at the top, in the middle or at the end of the hash.
        (random.next() >> UInt64(64 - bits)) << UInt64(16 + [0, 48 - bits][Int(random.next() % 2)]) | random.next() % 70
          * 900
      }
      if Bool.random(using: &random) { array.sort() }
      return array
    }
    var slicesOf: [UInt64: Set<UInt16>] = [:]
    for key in arrays.joined() { slicesOf[key >> 16, default: []].insert(UInt16(key & 0xFFFF)) }
    let expected = slicesOf.values.filter { $0.count > 1 }.reduce(into: Set()) { $0.formUnion($1) }
    #expect(straddlingSlices(arrays) == expected)
    let cuts = [0] + (0..<2).map { _ in Int.random(in: 0...256, using: &random) }.sorted() + [256]
    let pieces = zip(cuts, cuts.dropFirst()).map { straddlingSlices(arrays, upper: $0..<$1) }
    #expect(pieces.reduce(into: Set()) { $0.formUnion($1) } == expected)
  }
}
