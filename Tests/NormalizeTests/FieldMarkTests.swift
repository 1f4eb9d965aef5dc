import CByteMasks
import Glibc
import Testing

/// `cbm_fields_*`: which fields repeat the row before, which are not null, how long a row is.
@Suite struct FieldMarkTests {
  struct Marks: Equatable {
    var same: [UInt64]
    var filled: [UInt64]
    var totals: [Int32]
  }

  /// Rows in memory that ends where nothing may be read.
  final class Rows {
    let fields: Int
    private(set) var starts: [Int32] = []
    private(set) var lengths: [Int32] = []
    let rows: [[[UInt8]]]
    private let base: UnsafeMutableRawPointer
    private let pages: Int
    private let text: UnsafeMutablePointer<UInt8>
    private let count: Int

    init(_ rows: [[[UInt8]]], fields: Int) throws {
      self.rows = rows
      self.fields = fields
      let bytes = rows.flatMap { $0.flatMap { $0 } }
      let page = sysconf(Int32(_SC_PAGESIZE))
      let mapped = (bytes.count + page - 1) / page * page
      pages = mapped + page
      base = try #require(mmap(nil, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
      try #require(mprotect(base + mapped, page, PROT_NONE) == 0)
      count = bytes.count
      text = (base + (mapped - count)).bindMemory(to: UInt8.self, capacity: max(1, count))
      for (i, byte) in bytes.enumerated() { text[i] = byte }
      var at: Int32 = 0
      for field in rows.joined() {
        starts.append(at)
        lengths.append(Int32(field.count))
        at += Int32(field.count)
      }
    }

    deinit { munmap(base, pages) }

    func marks(wide: Bool) -> Marks {
      let words = (fields + 63) / 64
      var marks = Marks(
        same: [UInt64](repeating: ~0, count: rows.count * words),
        filled: [UInt64](repeating: ~0, count: rows.count * words), totals: [Int32](repeating: -1, count: rows.count))
      let run = wide ? cbm_fields_wide : cbm_fields_plain
      run(text, count, starts, lengths, rows.count, fields, &marks.same, &marks.filled, &marks.totals)
      return marks
    }

    /// What the marks mean.
    var expected: Marks {
      let words = (fields + 63) / 64
      var marks = Marks(
        same: [UInt64](repeating: 0, count: rows.count * words),
        filled: [UInt64](repeating: 0, count: rows.count * words), totals: [])
      for (r, row) in rows.enumerated() {
        for (f, field) in row.enumerated() {
          let bit: UInt64 = 1 << UInt64(f % 64)
          if r > 0, rows[r - 1][f] == field { marks.same[r * words + f / 64] |= bit }
          if !field.isEmpty { marks.filled[r * words + f / 64] |= bit }
        }
        marks.totals.append(Int32(row.reduce(0) { $0 + $1.count }))
      }
      return marks
    }
  }

  @Test(arguments: [1, 2, 7, 8, 9, 28, 63, 64, 65, 83, 130])
  func randomRows(_ fields: Int) throws {
    var state = UInt64(fields)
    func next(_ below: Int) -> Int { Int(FastValueTests.seeded(&state) % UInt64(below)) }
    for _ in 0..<20 {
      var rows: [[[UInt8]]] = []
      for r in 0..<40 {
        rows.append(
          (0..<fields).map { f in
            let before = r > 0 ? rows[r - 1][f] : []
            switch next(6) {
            case 0: return []
            case 1, 2: return before
            case 3:
              // As long as before, and another in one byte.
              var text = before
              if !text.isEmpty { text[next(text.count)] ^= 1 }
              return text
            default: return (0..<[1, 3, 8, 19, 31, 32, 33, 70][next(8)]).map { _ in UInt8(0x61 + next(3)) }
            }
          })
      }
      let memory = try Rows(rows, fields: fields)
      let expected = memory.expected
      #expect(memory.marks(wide: false) == expected)
      if cbm_is_wide() != 0 { #expect(memory.marks(wide: true) == expected) }
    }
  }

  @Test func noRowIsBeforeTheFirst() throws {
    let memory = try Rows([[Array("a".utf8), []], [Array("a".utf8), []]], fields: 2)
    let marks = memory.marks(wide: cbm_is_wide() != 0)
    #expect(marks == Marks(same: [0b00, 0b11], filled: [0b01, 0b01], totals: [1, 1]))
  }
}
