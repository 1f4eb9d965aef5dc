import ClaimModel
import Testing

@testable import Partition

@Suite struct RecordNumberTests {
  /// Bytes of each value, by hand: a byte that counts, then as many as twice the value's magnitude needs.
  @Test(
    arguments: [
      (ColumnData.null, 1), (0, 2), (1, 2), (-1, 2), (127, 2), (128, 3), (-128, 2), (-129, 3), (32_767, 3), (32_768, 4),
      (1_743_379_200, 5), (1 << 55, 9), (Int64.max, 9), (Int64.min + 1, 9),
    ] as [(Int64, Int)])
  func comesBack(_ value: Int64, _ bytes: Int) {
    var memory = [UInt8](repeating: 0xFF, count: 2 * RecordNumber.mostBytes)
    memory.withUnsafeMutableBytes { memory in
      guard let base = memory.baseAddress else { return }
      var end = base
      RecordNumber.write(value, &end)
      #expect(base.distance(to: end) == bytes)
      // What stands behind does not matter.
      end.storeBytes(of: 0xFFFF_FFFF_FFFF_FFFF, as: UInt64.self)
      var from = UnsafeRawPointer(base)
      #expect(RecordNumber.read(&from) == value)
      #expect(from == UnsafeRawPointer(end))
    }
  }
}
