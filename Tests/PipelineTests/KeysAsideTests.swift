import Foundation
import Normalize
import Testing

@testable import Pipeline

@Suite struct KeysAsideTests {
  /// What is held and what lies in the file say the same as all keys in memory.
  @Test(arguments: [Int.max, 40_000, 0])
  func keysPutAsideNameTheSameSlices(held: Int) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "keys-aside-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var state: UInt64 = 20_261_122
    func random() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
    // Units of some thousand keys, which ascend by their upper 8 bits; some ids come again in another slice.
    var ids: [UInt64] = []
    var units: [[UInt64]] = []
    for unit in 0..<40 {
      let keys = (0..<(unit % 7 == 0 ? 0 : 3_000)).map { _ -> UInt64 in
        let isKnown = random() >> 40 & 0x3FF == 0 && !ids.isEmpty
        let id = isKnown ? ids[Int(random() >> 20) % ids.count] : random() & ~0xFFFF
        ids.append(id)
        return id | (random() >> 45 & 0xFF | UInt64(unit) << 8)
      }
      units.append(keys.sorted { $0 >> 56 < $1 >> 56 })
    }
    let expected = Normalize.straddlingSlices(units)
    #expect(expected.count > 50 && expected.count < 400)
    let aside = KeysAside(folder: folder.path, held: held)
    let places = try units.map { try aside.keep($0) }
    #expect(try aside.straddlingSlices(places, upper: 0..<256) == expected)
    let pieces = try [0..<100, 100..<101, 101..<256].map { try aside.straddlingSlices(places, upper: $0) }
    #expect(pieces.reduce(into: Set<UInt16>()) { $0.formUnion($1) } == expected)
  }

  @Test func aFolderThatIsNotThereIsAnError() throws {
    let aside = KeysAside(folder: "/nowhere/at-all", held: 0)
    #expect(throws: (any Error).self) { _ = try aside.keep([1 << 60]) }
  }
}
