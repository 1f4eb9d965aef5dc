import ClaimStore

/// Times the stages of a batch. What it measures stands in run.json and is left out where runs are compared.
struct Stopwatch {
  private let printer: EventPrinter
  private var name = ""
  private var began = ContinuousClock.now
  private(set) var stages: [StageRecord] = []

  init(_ printer: EventPrinter) { self.printer = printer }

  mutating func start(_ name: String, batch: String) {
    self.name = name
    began = ContinuousClock.now
    printer.send(.stage(name: name, batch: batch))
  }

  mutating func stop(rows: Int, bytes: Int) {
    let spent = (ContinuousClock.now - began).components
    let ms = Int(spent.seconds) * 1000 + Int(spent.attoseconds / 1_000_000_000_000_000)
    stages.append(StageRecord(name: name, rows: rows, bytes: bytes, milliseconds: ms))
    printer.send(.stageDone(name: name, rows: rows, bytes: Int64(bytes), milliseconds: Int64(ms)))
  }
}
