import CMalloc
import ClaimModel
import Diagnostics
import Dispatch
import Normalize

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What `effectiveClaims` costs for one unit of claims: `normalize-benchmark [LINES] [ROUNDS] [contiguous|byTime]
/// [THREADS] [named] [kept]`.
@main
struct NormalizeBenchmark {
  static func main() throws {
    keep_freed_memory()
    let arguments = CommandLine.arguments.dropFirst().map { $0 }
    func argument(_ i: Int) -> String? { arguments.indices.contains(i) ? arguments[i] : nil }
    let lines = argument(0).flatMap { Int($0) } ?? 250_000
    let rounds = argument(1).flatMap { Int($0) } ?? 10
    let isByTime = argument(2) == "byTime"
    let threads = argument(3).flatMap { Int($0) } ?? 1
    let namesLines = arguments.contains("named")
    let kept = arguments.contains("kept") ? SyntheticUnit.keptColumns : nil
    let keyTimes = Times(rounds * threads)
    let times = Times(rounds * threads)
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      var synthetic = SyntheticUnit(lines: lines, seed: UInt64(thread + 1), isByTime: isByTime)
      var unit = synthetic.input()
      unit.namesLines = namesLines
      unit.keptColumns = kept
      for round in 0..<rounds {
        var input = unit
        input.codes = CodeTable(copying: unit.codes)
        // The copy is made when the first text is added; here, not in the time measured.
        _ = input.codes.folded(input.codes.intern("round \(round)"))
        var keys: [UInt64] = []
        let beforeKeys = threadNanoseconds()
        appendUnitKeys(input.raw, codes: input.codes, to: &keys)
        keyTimes.set(thread * rounds + round, threadNanoseconds() - beforeKeys)
        let start = threadNanoseconds()
        do {
          let result = try effectiveClaims(input)
          times.set(thread * rounds + round, threadNanoseconds() - start)
          if thread == 0 && round == 0 {
            let counts = Entity.allCases.map { "\($0.rawValue) \(result.claims[$0].count)" }
            print(counts.joined(separator: ", "))
          }
        } catch {
          print(error)
        }
      }
    }
    report("effectiveClaims", times, lines, threads)
    report("appendUnitKeys", keyTimes, lines, threads)
    measureStraddling()
  }

  private static func report(_ what: String, _ times: Times, _ lines: Int, _ threads: Int) {
    let sorted = times.nanoseconds.sorted()
    func line(_ ns: Int64) -> String { String(Double(ns * 10 / Int64(lines)) / 10) }
    print(
      "\(what), \(lines) lines, \(threads) threads, ns of processor time a line: min \(line(sorted[0])), median",
      "\(line(sorted[sorted.count / 2])), max \(line(sorted[sorted.count - 1]))")
  }

  /// The keys of 300 units of 100,000 keys.
  private static func measureStraddling() {
    var random = SplitMix64(state: 1)
    let units = (0..<300).map { unit in
      (0..<100_000).map { _ in random.next() & ~0xFFFF | UInt64(unit) }.sorted()
    }
    let start = threadNanoseconds()
    let slices = straddlingSlices(units)
    print("straddlingSlices, 30 million keys: \((threadNanoseconds() - start) / 1_000_000) ms, \(slices.count) slices")
  }
}

/// Processor time of the calling thread: another process on the machine does not add to it.
func threadNanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Times of runs, each written by one thread to its own place.
final class Times: @unchecked Sendable {
  private let buffer: UnsafeMutableBufferPointer<Int64>

  init(_ count: Int) {
    buffer = .allocate(capacity: count)
    buffer.initialize(repeating: 0)
  }

  deinit { buffer.deallocate() }

  func set(_ place: Int, _ nanoseconds: Int64) { buffer[place] = nanoseconds }

  var nanoseconds: [Int64] { Array(buffer) }
}
