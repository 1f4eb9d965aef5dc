import Diagnostics
import Foundation
import Testing

@testable import Partition

@Suite struct SpillFileTests {
  /// Pieces of all sizes around those of a stage, read while more are appended, and all again at the end.
  @Test func whatWasAppendedIsRead() throws {
    var random = Seeded(state: 11)
    let file = SpillFile(folder: FileManager.default.temporaryDirectory.path)
    var all: [UInt8] = []
    var pieces: [Range<Int>] = []
    let sizes = [0, 1, 15_900, 65_536, SpillFile.stageBytes - 1, SpillFile.stageBytes, 2 * SpillFile.stageBytes + 7]
    for round in 0..<60 {
      let size = round < sizes.count ? sizes[round] : Int(random.next() % 120_000)
      let piece = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      #expect(try piece.withUnsafeBytes { try file.append($0) } == Int64(all.count))
      pieces.append(all.count..<all.count + size)
      all += piece
      let again = pieces[Int(random.next() % UInt64(pieces.count))]
      #expect(try read(file, again) == Array(all[again]))
    }
    #expect(all.count > 6 * SpillFile.stageBytes)
    for piece in pieces { #expect(try read(file, piece) == Array(all[piece])) }
    // Across pieces and the border of what is staged.
    let last = all.count / SpillFile.stageBytes * SpillFile.stageBytes
    for range in [0..<all.count, last - 3..<all.count, last..<all.count, last - 5..<last] {
      #expect(try read(file, range) == Array(all[range]))
    }
  }

  /// They write side by side, each into a file of its own; all of what each wrote lies together.
  @Test func severalThreadsAppend() async throws {
    let file = SpillFile(folder: FileManager.default.temporaryDirectory.path)
    let places = try await withThrowingTaskGroup(of: [(Int64, UInt8)].self) { group in
      for thread in 0..<4 {
        group.addTask {
          try (0..<200).map { i in
            let byte = UInt8(thread * 50 + i % 50)
            let piece = [UInt8](repeating: byte, count: 9_001)
            return (try piece.withUnsafeBytes { try file.append($0) }, byte)
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(Set(places.map(\.0)).count == 800)
    for (offset, byte) in places {
      #expect(try read(file, Int(offset)..<Int(offset) + 9_001) == [UInt8](repeating: byte, count: 9_001))
    }
  }

  /// Where nothing was appended, nothing can be read.
  @Test func whatIsNotThereIsAnError() throws {
    let file = SpillFile(folder: FileManager.default.temporaryDirectory.path)
    _ = try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try file.append($0) }
    #expect(throws: Diagnostic.self) { try read(file, 5..<11) }
  }

  private func read(_ file: SpillFile, _ range: Range<Int>) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: range.count)
    try bytes.withUnsafeMutableBytes { try file.read(at: Int64(range.lowerBound), into: $0) }
    return bytes
  }
}
