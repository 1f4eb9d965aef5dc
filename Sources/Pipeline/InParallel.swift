import Foundation
import Synchronization

/// Calls the body for each of `count` pieces of work, on as many threads as there are jobs; the results in their order.
///
/// Pieces are begun in ascending order, each thread's with a worker of its own. After an error none is begun any more;
/// what is thrown is the error of the first piece that failed, on any number of threads: all before it were begun
/// before it.
///
/// - Parameter memory: bytes that the process may take: where it takes more, what pieces freed is given back after each.
func inParallel<Worker, R: Sendable>(
  _ count: Int, jobs: Int, memory: Int = .max, worker: @Sendable () -> Worker,
  _ body: @Sendable (Int, Worker) throws -> R
) throws -> [R] {
  let shared = Mutex(Progress<R>(results: Array(repeating: nil, count: count)))
  @Sendable func work() {
    let worker = worker()
    while true {
      let i = shared.withLock { progress -> Int? in
        guard progress.failure == nil, progress.next < count else { return nil }
        progress.next += 1
        return progress.next - 1
      }
      guard let i else { return }
      do {
        let result = try body(i, worker)
        FreedMemory.giveBack(within: memory)
        shared.withLock { $0.results[i] = result }
      } catch {
        shared.withLock { progress in
          if let known = progress.failure, known.piece < i { return }
          progress.failure = (i, error)
        }
      }
    }
  }
  let threads = max(1, min(jobs, count))
  if threads == 1 {
    work()
  } else {
    DispatchQueue.concurrentPerform(iterations: threads) { _ in work() }
  }
  return try shared.withLock { progress in
    if let failure = progress.failure { throw failure.error }
    return progress.results.compactMap { $0 }
  }
}

private struct Progress<R: Sendable>: Sendable {
  var next = 0
  var results: [R?]
  var failure: (piece: Int, error: any Error)?
}
