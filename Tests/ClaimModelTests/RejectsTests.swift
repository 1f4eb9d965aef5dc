import Testing

@testable import ClaimModel

/// Packed rows against the plain array of them.
@Suite struct RejectsTests {
  private let files = ["b.csv", "a.zip!费用.csv", "a.zip", "a.csv"]
  private let columns: [String?] = [nil, "cnt", "bkkp_sn", "setl_time"]

  private func random(_ seeded: inout Seeded, count: Int, goesBack: Bool) -> [Reject] {
    var line = 1
    return (0..<count).map { _ in
      line = goesBack ? Int.random(in: 1...40, using: &seeded) : line + Int.random(in: 0...300, using: &seeded)
      return Reject(
        file: files[goesBack ? Int.random(in: 0..<4, using: &seeded) : 0],
        table: Bool.random(using: &seeded) && goesBack ? "setl_d" : "fee_list_d", line: line,
        byteOffset: [0, line * 97, 1 << 40, Int.max, line][Int.random(in: 0..<5, using: &seeded)],
        column: columns[Int.random(in: 0..<4, using: &seeded)],
        code: ["short-row", "bad-date", "bad-amount"][Int.random(in: 0..<3, using: &seeded)], reason: "理由",
        action: [.rejected, .nulled, .setAside][Int.random(in: 0..<3, using: &seeded)])
    }
  }

  /// The order of rejects.csv, said once more over plain values.
  private func inFileOrder(_ rows: [Reject]) -> [Reject] {
    rows.sorted { a, b in
      for (x, y) in [(a.file, b.file), (a.table, b.table)] where x != y { return bytesPrecede(x, y) }
      if a.line != b.line { return a.line < b.line }
      if a.byteOffset != b.byteOffset { return a.byteOffset < b.byteOffset }
      for (x, y) in [(a.column ?? "", b.column ?? ""), (a.code, b.code), (a.action.rawValue, b.action.rawValue)]
      where x != y { return bytesPrecede(x, y) }
      return false
    }
  }

  @Test(arguments: 0..<40) func theSameRowsInBothOrders(_ seed: Int) {
    var seeded = Seeded(state: UInt64(seed))
    let rows = random(&seeded, count: [0, 1, 2, 50, 400][seed % 5], goesBack: seed % 2 == 0)
    let cut = rows.count / 3
    var packed = Rejects(rows[..<cut])
    packed.append(contentsOf: Rejects(rows[cut...]))
    #expect(packed.elementsEqual(rows))
    #expect(packed == Rejects(rows) && packed.isEmpty == rows.isEmpty)
    var ordered: [Reject] = []
    packed.inFileOrder { ordered.append($0) }
    #expect(ordered == inFileOrder(rows))
    if let last = rows.last {
      var other = rows
      other[other.count - 1].line = last.line + 1
      #expect(packed != Rejects(other))
    }
  }

  /// Lines before the first and offsets beyond 63 bits can't be, but nothing stops the program.
  @Test func theOddestNumbersComeBack() {
    let numbers = [Int.min, -1, 0, 1, 127, 128, Int.max, Int.min]
    let rows = numbers.flatMap { line in
      numbers.map {
        Reject(
          file: "a", table: "setl_d", line: line, byteOffset: $0, column: nil, code: "c", reason: "r",
          action: .rejected)
      }
    }
    #expect(Rejects(rows).elementsEqual(rows))
  }

  /// What the file of nothing but line feeds takes: 3 bytes a row.
  @Test func aDamagedRowTakesAFewBytes() {
    var packed = Rejects()
    for line in 2..<100_002 {
      packed.append(
        Reject(
          file: "a.csv", table: "fee_list_d", line: line, byteOffset: 300 + line, column: nil, code: "short-row",
          reason: "字段太少", action: .rejected))
    }
    #expect(packed.packedBytes < 300_100)
  }
}
