/// Rejected, nulled and set-aside rows, packed: 3 to 8 bytes each, where a `Reject` takes more than 200. A file of
/// nothing but damaged rows is listed in full, so what one costs is what such a file takes of memory.
///
/// Iterates in the order of appending; `inFileOrder` in that of rejects.csv.
public struct Rejects: Sendable, Sequence, Equatable, ExpressibleByArrayLiteral {
  /// Rows of a file, column and code that are listed if they are not `rejected`; more are counted only.
  public static let listedPerCode = 1_000

  private var runs: [Run] = []

  public init() {}

  public init(arrayLiteral elements: Reject...) { self.init(elements) }

  public init(_ elements: some Sequence<Reject>) {
    for reject in elements { append(reject) }
  }

  public var isEmpty: Bool { runs.isEmpty }

  /// What the rows themselves take, without the names of files, columns and codes.
  var packedBytes: Int { runs.reduce(0) { $0 + $1.bytes.count } }

  /// Costs least where rows of one file and table come one after the other, by line.
  public mutating func append(_ reject: Reject) {
    let last = runs.count - 1
    if last >= 0, runs[last].isContinued(by: reject) {
      runs[last].append(reject)
    } else {
      runs.append(Run(reject))
    }
  }

  public mutating func append(contentsOf other: Rejects) { runs += other.runs }

  public func makeIterator() -> Iterator { Iterator(runs) }

  /// The same rows in the same order of appending.
  public static func == (a: Rejects, b: Rejects) -> Bool { a.elementsEqual(b) }

  /// Gives each row in order of file, table (both by bytes), line, byte offset, column, code and action.
  public func inFileOrder(_ body: (Reject) throws -> Void) rethrows {
    let ordered = runs.enumerated().sorted { a, b in
      let (x, y) = (a.element, b.element)
      if x.file != y.file { return bytesPrecede(x.file, y.file) }
      if x.table != y.table { return bytesPrecede(x.table, y.table) }
      return a.offset < b.offset
    }.map(\.element)
    var start = 0
    while start < ordered.count {
      var end = start + 1
      while end < ordered.count, ordered[end].file == ordered[start].file, ordered[end].table == ordered[start].table {
        end += 1
      }
      try Self.merge(ordered[start..<end], body)
      start = end
    }
  }

  /// Runs of one file and table, each in order of lines: line by line.
  private static func merge(_ runs: ArraySlice<Run>, _ body: (Reject) throws -> Void) rethrows {
    var rows = runs.map(RunIterator.init)
    var heads = rows.indices.map { rows[$0].next() }
    var sameLine: [Reject] = []
    while let line = heads.lazy.compactMap({ $0?.line }).min() {
      sameLine.removeAll(keepingCapacity: true)
      for i in heads.indices {
        while let head = heads[i], head.line == line {
          sameLine.append(head)
          heads[i] = rows[i].next()
        }
      }
      if sameLine.count > 1 { sameLine.sort(by: precedes) }
      for reject in sameLine { try body(reject) }
    }
  }

  /// Of two rows of one line.
  private static func precedes(_ a: Reject, _ b: Reject) -> Bool {
    if a.byteOffset != b.byteOffset { return a.byteOffset < b.byteOffset }
    if a.column != b.column { return bytesPrecede(a.column ?? "", b.column ?? "") }
    if a.code != b.code { return bytesPrecede(a.code, b.code) }
    return bytesPrecede(a.action.rawValue, b.action.rawValue)
  }

  public struct Iterator: IteratorProtocol {
    private var runs: ArraySlice<Run>
    private var rows: RunIterator?

    fileprivate init(_ runs: [Run]) { self.runs = runs[...] }

    public mutating func next() -> Reject? {
      while true {
        if let reject = rows?.next() { return reject }
        guard let run = runs.popFirst() else { return nil }
        rows = RunIterator(run)
      }
    }
  }

  /// Rows of one file and table whose lines do not go back.
  ///
  /// Each is three `VarInt`s: the place of its kind in `kinds`, and how far line and byte offset are from those of the row
  /// before (the offset's sign in its lowest bit).
  fileprivate struct Run: Sendable {
    let file: String
    let table: String
    private(set) var kinds: [Kind]
    private(set) var bytes: [UInt8] = []
    /// Of the last row.
    private var line = 0
    private var byteOffset = 0

    struct Kind: Sendable, Equatable {
      let column: String?
      let code: String
      let reason: String
      let action: Reject.Action
    }

    init(_ first: Reject) {
      (file, table, kinds) = (first.file, first.table, [])
      append(first)
    }

    func isContinued(by reject: Reject) -> Bool {
      line <= reject.line && table == reject.table && file == reject.file
    }

    mutating func append(_ reject: Reject) {
      let kind = Kind(column: reject.column, code: reject.code, reason: reject.reason, action: reject.action)
      let place = kinds.firstIndex(of: kind) ?? kinds.count
      if place == kinds.count { kinds.append(kind) }
      let lineStep = UInt64(bitPattern: Int64(reject.line &- line))
      let byteStep = Int64(reject.byteOffset &- byteOffset)
      withUnsafeTemporaryAllocation(byteCount: 3 * VarInt.mostBytes, alignment: 8) { room in
        guard let start = room.baseAddress else { return }
        var end = start
        VarInt.write(UInt64(place), &end)
        VarInt.write(lineStep, &end)
        VarInt.write(UInt64(bitPattern: byteStep &<< 1 ^ byteStep &>> 63), &end)
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: end - start))
      }
      (line, byteOffset) = (reject.line, reject.byteOffset)
    }
  }

  fileprivate struct RunIterator: IteratorProtocol {
    private let run: Run
    private var at = 0
    private var line = 0
    private var byteOffset = 0

    init(_ run: Run) { self.run = run }

    mutating func next() -> Reject? {
      guard at < run.bytes.count else { return nil }
      var (place, lineStep, byteStep): (UInt64, UInt64, UInt64) = (0, 0, 0)
      let (start, count) = (at, Swift.min(run.bytes.count - at, 3 * VarInt.mostBytes))
      // Numbers are read eight bytes at a time, and the last has fewer.
      withUnsafeTemporaryAllocation(byteCount: 3 * VarInt.mostBytes + 8, alignment: 8) { room in
        run.bytes.withUnsafeBytes { room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        room[count...].initializeMemory(as: UInt8.self, repeating: 0)
        guard let first = room.baseAddress else { return }
        var p = UnsafeRawPointer(first)
        place = VarInt.read(&p)
        lineStep = VarInt.read(&p)
        byteStep = VarInt.read(&p)
        at += p - UnsafeRawPointer(first)
      }
      let kind = run.kinds[Int(place)]
      line &+= Int(Int64(bitPattern: lineStep))
      byteOffset &+= Int(Int64(bitPattern: byteStep &>> 1) ^ -Int64(bitPattern: byteStep & 1))
      return Reject(
        file: run.file, table: run.table, line: line, byteOffset: byteOffset, column: kind.column, code: kind.code,
        reason: kind.reason, action: kind.action)
    }
  }
}
