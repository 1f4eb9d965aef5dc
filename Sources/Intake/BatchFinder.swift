import ClaimModel
import Diagnostics
import Glibc

/// A file of a batch that is to be read.
public struct BatchFile: Sendable, Hashable {
  /// As it can be opened.
  public var path: String
  /// Relative to the batch folder; the name under which diagnostics and version order know it.
  public var name: String
  /// Bytes as stored.
  public var size: Int

  public init(path: String, name: String, size: Int) {
    self.path = path
    self.name = name
    self.size = size
  }

  /// By its name; a compressed file holds some times its size.
  public var isCompressed: Bool {
    let name = name.lowercased()
    return name.hasSuffix(".gz") || name.hasSuffix(".zip")
  }
}

/// A delivery: one folder of claim files (Documentation/inputs.md).
public struct BatchFolder: Sendable, Hashable {
  /// The folder's name.
  public var id: String
  public var path: String
  /// Claim files in byte order of their names; empty makes the batch incomplete.
  public var files: [BatchFile]
  /// Names of files that are not read because of their ending, or hidden, for the report.
  public var ignored: [String]
  /// Path of `delivery.csv`, if the batch has one.
  public var delivery: String?

  public init(id: String, path: String, files: [BatchFile], ignored: [String], delivery: String?) {
    self.id = id
    self.path = path
    self.files = files
    self.ignored = ignored
    self.delivery = delivery
  }
}

/// Finds the batches under an input folder and the files of each.
public enum BatchFinder {
  /// Endings of files that are read; upper case is the same.
  public static let endings = [".csv", ".txt", ".gz", ".zip"]

  /// The batches under `dir` in byte order of their names, and the registries folder beside `batches`, if any.
  ///
  /// Throws a `Diagnostic` of code `usage.*` (exit 64): no such folder, files beside folders, `~` in a batch name.
  public static func batches(
    in dir: String, maxPathDepth: Int = IntakeLimits().maxPathDepth
  ) throws -> (batches: [BatchFolder], registries: String?) {
    guard let top = list(dir) else {
      throw Diagnostic(
        .error, "usage.no-input", "the input folder cannot be read", at: Place(file: dir), remedy: "check --input")
    }
    if top.contains(where: { $0.name == "batches" && $0.kind == .folder }) {
      let registries = top.contains { $0.name == "registries" && $0.kind == .folder } ? join(dir, "registries") : nil
      return (try batchFolders(in: join(dir, "batches"), maxPathDepth), registries)
    }
    return (try batchFolders(in: dir, maxPathDepth), nil)
  }

  private static func batchFolders(in dir: String, _ depth: Int) throws -> [BatchFolder] {
    guard let entries = list(dir) else {
      throw Diagnostic(
        .error, "usage.no-input", "the input folder cannot be read", at: Place(file: dir), remedy: "check --input")
    }
    let visible = entries.filter { !$0.name.hasPrefix(".") }
    let folders = visible.filter { $0.kind == .folder }
    let files = visible.filter { $0.kind != .folder }
    if !folders.isEmpty, !files.isEmpty {
      throw Diagnostic(
        .error, "usage.files-and-folders", "the input folder has both batch folders and files", at: Place(file: dir),
        notes: ["for example \(folders[0].name) and \(files[0].name)"],
        remedy: "put the files into a folder of their own, or give --input the folder of one batch")
    }
    if !files.isEmpty { return [try batch(dir, id: try lastComponent(dir), depth)] }
    return try folders.map { try batch(join(dir, $0.name), id: $0.name, depth) }
  }

  private static func batch(_ path: String, id: String, _ depth: Int) throws -> BatchFolder {
    if id.utf8.contains(0x7E) {
      throw Diagnostic(
        .error, "usage.batch-name", "the name of a batch holds `~`, which stands before the number of a revision",
        at: Place(file: path), remedy: "rename the folder")
    }
    var result = BatchFolder(id: id, path: path, files: [], ignored: [], delivery: nil)
    collect(path, prefix: "", depth: depth, &result)
    result.files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    result.ignored.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return result
  }

  private static func collect(_ folder: String, prefix: String, depth: Int, _ result: inout BatchFolder) {
    for entry in list(folder) ?? [] {
      let name = prefix + entry.name
      let path = join(folder, entry.name)
      if entry.name.hasPrefix(".") || (entry.kind == .folder && (depth <= 1 || entry.isLink)) {
        result.ignored.append(entry.kind == .folder ? name + "/" : name)
      } else if entry.kind == .folder {
        collect(path, prefix: name + "/", depth: depth - 1, &result)
      } else if prefix.isEmpty, entry.name == "delivery.csv" {
        result.delivery = path
      } else if endings.contains(where: { entry.name.lowercased().hasSuffix($0) }) {
        result.files.append(BatchFile(path: path, name: name, size: entry.size))
      } else {
        result.ignored.append(name)
      }
    }
  }

  private enum Kind { case folder, file }

  private struct Entry {
    var name: String
    var kind: Kind
    var isLink: Bool
    var size: Int
  }

  /// The entries of a folder in byte order; nil if it cannot be read.
  private static func list(_ folder: String) -> [Entry]? {
    guard let stream = opendir(folder) else { return nil }
    defer { closedir(stream) }
    var entries: [Entry] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      var link = stat()
      var s = stat()
      let path = join(folder, name)
      let isLink = lstat(path, &link) == 0 && link.st_mode & S_IFMT == S_IFLNK
      // What cannot be examined (a dangling link, a name that is not UTF-8) stays in the list and is refused later.
      let found = stat(path, &s) == 0
      let isFolder = found && s.st_mode & S_IFMT == S_IFDIR
      entries.append(
        Entry(name: name, kind: isFolder ? .folder : .file, isLink: isLink, size: found ? Int(s.st_size) : 0))
    }
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private static func lastComponent(_ dir: String) throws -> String {
    guard let real = realpath(dir, nil) else {
      throw Diagnostic(.error, "usage.no-input", "the input folder cannot be read", at: Place(file: dir))
    }
    defer { free(real) }
    return String(String(cString: real).split(separator: "/").last ?? "root")
  }

  private static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }
}
