import CMalloc
import Glibc

/// Memory that was freed and is kept for what comes next.
///
/// What the columns of one part leave free seldom fits the next one's: pieces of all sizes, with something that stays
/// between them. So a process that keeps all of it grows with the number of parts, up to twice what it ever held at a
/// time. Giving it back costs as much as asking for it again, page by page, so that is done only where it must be.
enum FreedMemory {
  /// Gives freed memory back if the process takes more than three quarters of `limit` bytes, and a quarter of `limit`
  /// lies idle.
  static func giveBack(within limit: Int) {
    if limit == .max || resident <= limit / 4 * 3 || freed_memory_kept() <= limit / 4 { return }
    give_back_freed_memory()
  }

  /// Bytes of memory that the process takes; 0 where the system does not say.
  static var resident: Int {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    if file < 0 { return 0 }
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 128)
    let count = read(file, &text, text.count)
    // Pages: all that are mapped, those in memory, and more.
    let numbers = text[..<max(0, count)].split(separator: 0x20)
    guard numbers.count > 1, let pages = Int(String(decoding: numbers[1], as: UTF8.self)) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }
}
