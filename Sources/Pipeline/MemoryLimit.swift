import Diagnostics
import Glibc

/// How much memory a run may take (`--memory`): a number with K, M, G or T behind it, in bytes of 1,024 and so on.
public enum MemoryLimit {
  /// Below this no run is begun: registries and one unit must find room.
  public static let least = 256 << 20

  /// Bytes of a text like `2G` or `1500M`; nil if it is none.
  public static func bytes(of text: String) -> Int? {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    guard let last = text.last else { return nil }
    let shift = units[Character(last.uppercased())]
    guard let number = Int(shift == nil ? text : String(text.dropLast())), number > 0 else { return nil }
    let (result, isOver) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    return isOver ? nil : result
  }

  /// Bytes that the machine has, or that the control group leaves of them: in a container that is less.
  static var machine: Int {
    let all = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    return groups.compactMap { limit(at: $0) }.reduce(all, min)
  }

  /// The number that a file of the kernel holds; nil if there is none, as in `max`.
  static func limit(at path: String) -> Int? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { return nil }
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 32)
    let count = read(file, &text, text.count)
    let digits = String(decoding: text[..<max(0, count)], as: UTF8.self).prefix { $0.isNumber }
    return Int(digits).flatMap { $0 > 0 ? $0 : nil }
  }

  /// A quarter of the machine's memory, at least 512 MiB.
  public static var standard: Int { max(512 << 20, machine / 4) }

  /// What `--memory` says, else the standard.
  static func resolve(_ text: String?) throws -> Int {
    guard let text else { return standard }
    guard let value = bytes(of: text), value >= least else {
      throw Diagnostic(
        .error, "usage.memory", "--memory is not a size of at least 256M",
        remedy: "write it as 2G or 1500M; without it a quarter of the machine's memory is used")
    }
    return value
  }
}
