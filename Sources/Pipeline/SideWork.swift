import Foundation
import Synchronization

/// Work that goes on beside other work, on a thread of its own, until its result is asked for.
final class SideWork<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let group = DispatchGroup()
  private let work: @Sendable () throws -> Value

  /// - Parameter isBeside: false: it is begun only when its result is asked for.
  init(isBeside: Bool, _ work: @escaping @Sendable () throws -> Value) {
    self.work = work
    if isBeside { DispatchQueue.global().async(group: group) { self.finish() } }
  }

  private func finish() {
    let done = Result { try work() }
    result.withLock { $0 = done }
  }

  /// Waits for the result; throws what the work threw.
  func value() throws -> Value {
    group.wait()
    if let done = result.withLock({ $0 }) { return try done.get() }
    finish()
    return try value()
  }
}
