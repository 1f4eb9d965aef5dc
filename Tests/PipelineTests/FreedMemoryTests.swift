import Testing

@testable import Pipeline

@Suite(.serialized) struct FreedMemoryTests {
  /// Pieces below the size that the system takes back by itself, of which every hundredth stays: what is free between
  /// them is kept.
  private func fragmented(_ body: () -> Void) {
    var pieces = (0..<6_000).map { _ in UnsafeMutableRawPointer.allocate(byteCount: 64 << 10, alignment: 16) }
    for piece in pieces { piece.initializeMemory(as: UInt8.self, repeating: 1, count: 64 << 10) }
    let kept = stride(from: 99, to: pieces.count, by: 100).map { pieces[$0] }
    for i in pieces.indices where i % 100 != 99 { pieces[i].deallocate() }
    pieces = []
    body()
    for piece in kept { piece.deallocate() }
  }

  @Test func whatLiesIdleIsGivenBackWhereTooMuchIsTaken() {
    fragmented {
      // 371 MiB were freed, and nearly all of it is still there.
      let before = FreedMemory.resident
      #expect(before > 300 << 20)
      FreedMemory.giveBack(within: .max)
      FreedMemory.giveBack(within: 1 << 40)
      #expect(FreedMemory.resident > before - 100 << 20, "nothing is given back where there is enough")
      FreedMemory.giveBack(within: 256 << 20)
      #expect(FreedMemory.resident < before - 200 << 20)
    }
  }
}
