import Glibc

/// Reads a source in a thread of its own, a few buffers ahead of whoever takes the bytes.
///
/// An error of the source is `NeedsOracle` here: who wants to know what is wrong reads again without this.
final class ReadAheadSource: ByteSource {
  private static let slots = 4
  private static let slotBytes = 256 << 10

  /// What both threads know. All but the slots' bytes is guarded by the mutex; a slot belongs to the reading thread
  /// from `taken` to `filled`, and to the taking one before.
  private final class Shared: @unchecked Sendable {
    let source: any ByteSource
    let mutex: UnsafeMutablePointer<pthread_mutex_t>
    let changed: UnsafeMutablePointer<pthread_cond_t>
    let memory: UnsafeMutableRawPointer
    var counts = [Int](repeating: 0, count: ReadAheadSource.slots)
    /// Slots filled and given back since the start.
    var filled = 0
    var taken = 0
    var hasEnded = false
    var hasFailed = false
    var isStopped = false

    init(_ source: any ByteSource) {
      self.source = source
      mutex = .allocate(capacity: 1)
      changed = .allocate(capacity: 1)
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(changed, nil)
      memory = .allocate(byteCount: ReadAheadSource.slots * ReadAheadSource.slotBytes, alignment: 64)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(mutex)
      changed.deallocate()
      mutex.deallocate()
      memory.deallocate()
    }

    func slot(_ number: Int) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(
        start: memory + number % ReadAheadSource.slots * ReadAheadSource.slotBytes, count: ReadAheadSource.slotBytes)
    }

    func locked<T>(_ body: () -> T) -> T {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return body()
    }

    /// The reading thread.
    func run() {
      while true {
        let next: Int? = locked {
          while filled - taken == ReadAheadSource.slots, !isStopped { pthread_cond_wait(changed, mutex) }
          return isStopped ? nil : filled
        }
        guard let next else { return }
        let n = try? source.read(into: slot(next))
        let goesOn = locked {
          if let n, n > 0 {
            counts[next % ReadAheadSource.slots] = n
            filled += 1
          } else {
            hasEnded = true
            hasFailed = n == nil
          }
          pthread_cond_signal(changed)
          return !hasEnded
        }
        if !goesOn { return }
      }
    }
  }

  private let shared: Shared
  private var thread: pthread_t?
  /// The part of the present slot that is not yet taken.
  private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
  private var holdsSlot = false

  /// From here on the source belongs to the thread, until `close`.
  init(_ source: any ByteSource) {
    shared = Shared(source)
    var thread = pthread_t()
    let context = Unmanaged.passRetained(shared)
    let status = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context.toOpaque())
    if status == 0 {
      self.thread = thread
    } else {
      // No thread to be had: the first read says so, and the member is read without one.
      context.release()
      shared.hasEnded = true
      shared.hasFailed = true
    }
  }

  deinit { close() }

  /// Stops the thread and waits for it; nothing can be read any more.
  func close() {
    guard let thread else { return }
    shared.locked {
      shared.isStopped = true
      pthread_cond_signal(shared.changed)
    }
    pthread_join(thread, nil)
    self.thread = nil
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var n = 0
    while n < buffer.count {
      if rest.isEmpty, try !takeSlot() { break }
      let count = min(rest.count, buffer.count - n)
      UnsafeMutableRawBufferPointer(rebasing: buffer[n..<n + count]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      n += count
    }
    return n
  }

  /// Gives back the present slot and waits for the next; false at the end.
  private func takeSlot() throws -> Bool {
    let (slot, hasFailed): (UnsafeRawBufferPointer?, Bool) = shared.locked {
      if holdsSlot {
        shared.taken += 1
        pthread_cond_signal(shared.changed)
      }
      while shared.filled == shared.taken, !shared.hasEnded { pthread_cond_wait(shared.changed, shared.mutex) }
      if shared.filled == shared.taken { return (nil, shared.hasFailed) }
      let count = shared.counts[shared.taken % Self.slots]
      return (UnsafeRawBufferPointer(rebasing: shared.slot(shared.taken)[..<count]), false)
    }
    holdsSlot = slot != nil
    if hasFailed { throw NeedsOracle() }
    guard let slot else { return false }
    rest = slot
    return true
  }
}
