import ClaimModel
import Diagnostics
import Foundation

/// Files that are there whole or not at all: written under a temporary name in the same folder, synced, renamed.
public enum AtomicFile {
  /// What every temporary name of the store and of outputs begins with.
  public static let temporaryPrefix = ".tmp-"

  /// Writes bytes, mode 0600. The old file, if any, stays until the new one is on disk.
  ///
  /// - Throws: `store.disk-full` or `store.io`; then nothing has changed.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    let folder = parent(path)
    let temporary = folder + "/" + temporaryName(for: last(path))
    do {
      try writeAndSync(bytes, to: temporary)
      guard rename(temporary, path) == 0 else {
        throw StoreError.system(path, "The file can't be put in place", errno: errno)
      }
      try syncFolder(folder)
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// As above, with a text's UTF-8 bytes.
  public static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

  /// Makes a folder and its parents, mode 0700; what is there already keeps its mode. A folder that was made stays
  /// after a power cut: the one in which it stands is synced.
  public static func makeFolder(_ path: String) throws {
    var built = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      let parent = built.isEmpty ? "." : built
      built += (built.isEmpty || built == "/" ? "" : "/") + part
      if mkdir(built, 0o700) == 0 {
        try syncFolder(parent)
      } else if errno != EEXIST {
        throw StoreError.system(built, "The folder can't be made", errno: errno)
      }
    }
  }

  static func writeAndSync(_ bytes: [UInt8], to path: String) throws {
    try write(to: path, syncs: true) { write in try write(bytes) }
  }

  /// Writes bytes that may be lost in a power cut, mode 0600.
  static func write(_ bytes: [UInt8], unsyncedTo path: String) throws {
    try write(to: path, syncs: false) { write in try write(bytes) }
  }

  /// Writes what `body` gives to its argument, a part after the other.
  fileprivate static func write(
    to path: String, syncs: Bool, _ body: (_ write: ([UInt8]) throws -> Void) throws -> Void
  ) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError.system(path, "The file can't be written", errno: errno) }
    defer { close(file) }
    try body { bytes in
      var done = 0
      try bytes.withUnsafeBytes { all in
        while done < all.count {
          guard let base = all.baseAddress else { break }
          let n = Glibc.write(file, base + done, all.count - done)
          if n < 0 {
            if errno == EINTR { continue }
            throw StoreError.system(path, "The file can't be written", errno: errno)
          }
          done += n
        }
      }
    }
    guard !syncs || fsync(file) == 0 else { throw StoreError.system(path, "The file can't be synced", errno: errno) }
  }

  /// Syncs a file's bytes to disk.
  static func syncFile(_ path: String) throws {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw StoreError.system(path, "The file can't be opened", errno: errno) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw StoreError.system(path, "The file can't be synced", errno: errno) }
  }

  /// Syncs a folder, so that a rename in it survives a power cut.
  static func syncFolder(_ path: String) throws {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw StoreError.system(path, "The folder can't be opened", errno: errno) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw StoreError.system(path, "The folder can't be synced", errno: errno) }
  }

  /// Unique among processes and threads; begins with `temporaryPrefix`.
  static func temporaryName(for name: String) -> String {
    counterLock.lock()
    counter += 1
    let n = counter
    counterLock.unlock()
    return "\(temporaryPrefix)\(getpid())-\(n)-\(name)"
  }

  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func last(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return path }
    return String(path[path.index(after: slash)...])
  }

  private static let counterLock = NSLock()
  // Guarded by counterLock.
  nonisolated(unsafe) private static var counter = 0
}

/// A folder that appears whole or not at all: filled under a hidden name beside its place, synced, renamed.
///
/// A killed run leaves only the hidden folder, which the next `AtomicFolder` for the same place removes.
public final class AtomicFolder {
  /// Where to write; hidden, mode 0700.
  public let path: String
  /// Where the folder will stand.
  public let destination: String
  private var isOpen = true

  /// Refuses a destination that holds what the writer would not put there itself: putting a folder in its place removes
  /// what stands there. To be asked before anything is done, because a refusal after an hour's work helps nobody.
  ///
  /// - Parameters:
  ///   - files, folders: names of what the writer makes in the destination.
  /// - Throws: `usage.folder-not-empty`; `store.io` if the destination is no folder or can't be read.
  public static func check(_ destination: String, holdsOnly files: Set<String>, folders: Set<String> = []) throws {
    var info = stat()
    guard lstat(destination, &info) == 0 else { return }
    let foreign = try entries(destination).filter { name in
      var info = stat()
      guard lstat(destination + "/" + name, &info) == 0 else { return false }
      switch info.st_mode & S_IFMT {
      case S_IFREG: return !files.contains(name)
      case S_IFDIR: return !folders.contains(name)
      default: return true
      }
    }
    guard let first = foreign.first else { return }
    let more = foreign.count > 1 ? " and \(foreign.count - 1) more" : ""
    throw Diagnostic(
      .error, "usage.folder-not-empty", "The folder to write to holds something else: \(first)\(more)",
      at: Place(file: destination), remedy: "Give a new folder or an empty one; what stands in it would be removed.")
  }

  /// Starts an empty hidden folder beside the destination; leftovers of killed runs for it are removed.
  public init(for destination: String) throws {
    var destination = destination
    while destination.count > 1, destination.hasSuffix("/") { destination.removeLast() }
    self.destination = destination
    let parent = AtomicFile.parent(destination)
    let name = AtomicFile.last(destination)
    try AtomicFile.makeFolder(parent)
    // One run at a time writes here (the store's lock), so a fixed name finds what a killed one left.
    path = "\(parent)/\(AtomicFile.temporaryPrefix)\(name)"
    try Self.removeTree(path)
    if access(destination, F_OK) != 0, access(path + ".old", F_OK) == 0 { rename(path + ".old", destination) }
    try Self.removeTree(path + ".old")
    try AtomicFile.makeFolder(path)
  }

  /// Writes one file of the folder, mode 0600; makes the folders its relative name needs.
  public func write(_ bytes: [UInt8], to name: String) throws {
    let target = path + "/" + name
    try AtomicFile.makeFolder(AtomicFile.parent(target))
    try AtomicFile.writeAndSync(bytes, to: target)
  }

  /// As above, with a text's UTF-8 bytes.
  public func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  /// As above, with bytes that `body` gives to its argument, a part after the other.
  public func write(to name: String, _ body: (_ write: ([UInt8]) throws -> Void) throws -> Void) throws {
    let target = path + "/" + name
    try AtomicFile.makeFolder(AtomicFile.parent(target))
    try AtomicFile.write(to: target, syncs: true, body)
  }

  /// Sets modes (0600, 0700), syncs every file and folder and puts the folder in its place. A folder that stands there
  /// is moved aside first and removed last; after a kill in between, the next `AtomicFolder` moves it back.
  public func commit() throws {
    try Self.syncTree(path)
    let parent = AtomicFile.parent(destination)
    var isOldAside = false
    if access(destination, F_OK) == 0 {
      guard rename(destination, path + ".old") == 0 else {
        throw StoreError.system(destination, "The old folder can't be moved aside", errno: errno)
      }
      isOldAside = true
    }
    guard rename(path, destination) == 0 else {
      let problem = StoreError.system(destination, "The folder can't be put in place", errno: errno)
      // If even that fails, the next `AtomicFolder` tries it again.
      if isOldAside { rename(path + ".old", destination) }
      throw problem
    }
    try AtomicFile.syncFolder(parent)
    isOpen = false
    try Self.removeTree(path + ".old")
  }

  /// Gives up; the destination is as it was.
  public func discard() {
    guard isOpen else { return }
    isOpen = false
    try? Self.removeTree(path)
  }

  deinit { discard() }

  static func removeTree(_ path: String) throws {
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw StoreError.foundation(path, "A left-over folder can't be removed", error)
    }
  }

  private static func syncTree(_ path: String) throws {
    for name in try entries(path) {
      let child = path + "/" + name
      var info = stat()
      guard lstat(child, &info) == 0 else { throw StoreError.system(child, "The file is gone", errno: errno) }
      switch info.st_mode & S_IFMT {
      case S_IFDIR: try syncTree(child)
      case S_IFREG:
        chmod(child, 0o600)
        try AtomicFile.syncFile(child)
      default: break
      }
    }
    chmod(path, 0o700)
    try AtomicFile.syncFolder(path)
  }

  /// Names in a folder, in byte order.
  static func entries(_ path: String) throws -> [String] {
    guard let folder = opendir(path) else { throw StoreError.system(path, "The folder can't be read", errno: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted(by: bytesPrecede)
  }
}
