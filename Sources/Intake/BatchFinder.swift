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
  /// Why it can't be read, if that is known before it is opened: a folder is among the files then, its name with `/`
  /// behind it, because nobody knows what was in it.
  public var problem: Problem?

  /// A sentence each, without values.
  public struct Problem: Sendable, Hashable {
    public var cause: String
    public var remedy: String
    public init(cause: String, remedy: String) {
      self.cause = cause
      self.remedy = remedy
    }
  }

  public init(path: String, name: String, size: Int, problem: Problem? = nil) {
    self.path = path
    self.name = name
    self.size = size
    self.problem = problem
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
    if let twice = firstThatReadsAlike(folders.map(\.name)) {
      throw Diagnostic(
        .error, "usage.batch-name", "two batches have the same name, letters with marks composed in different ways",
        at: Place(file: join(dir, twice)), remedy: "rename one of the folders")
    }
    return try folders.map { try batch(join(dir, $0.name), id: $0.name, depth) }
  }

  /// The first name that is another's but for how letters with marks are composed, which no program shows. Texts that
  /// read alike are the same text to us, so one of the two would be lost.
  private static func firstThatReadsAlike(_ names: [String]) -> String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
  }

  private static func batch(_ path: String, id: String, _ depth: Int) throws -> BatchFolder {
    if id.utf8.contains(0x7E) {
      throw Diagnostic(
        .error, "usage.batch-name", "the name of a batch holds `~`, which stands before the number of a revision",
        at: Place(file: path), remedy: "rename the folder")
    }
    var result = BatchFolder(id: id, path: path, files: [], ignored: [], delivery: nil)
    collect(path, prefix: "", depth: depth, &result)
    result.files.sort { bytesPrecede($0.name, $1.name) }
    while let twice = firstThatReadsAlike(result.files.map(\.name)),
      let place = result.files.lastIndex(where: { $0.name == twice })
    {
      // One of them is refused under a name of its own, so that neither stands for the other.
      // Names that are not UTF-8 may read alike, too; they have their own cause.
      result.files[place].problem =
        result.files[place].problem
        ?? .init(
          cause: "another file has the same name, letters with marks composed in different ways",
          remedy: "rename one of them")
      result.files[place].name += "(2)"
    }
    result.ignored.sort(by: bytesPrecede)
    return result
  }

  private static func collect(_ folder: String, prefix: String, depth: Int, _ result: inout BatchFolder) {
    guard let entries = list(folder) else {
      let problem = BatchFile.Problem(
        cause: "the folder can't be read: \(String(cString: strerror(errno)))", remedy: "check its permissions")
      result.files.append(BatchFile(path: folder, name: prefix.isEmpty ? "./" : prefix, size: 0, problem: problem))
      return
    }
    for entry in entries {
      let name = prefix + entry.name
      let path = join(folder, entry.name)
      func refuse(_ cause: String, _ remedy: String) {
        result.files.append(
          BatchFile(
            path: path, name: entry.kind == .folder ? name + "/" : name, size: 0,
            problem: .init(cause: cause, remedy: remedy)))
      }
      if entry.name.hasPrefix(".") {
        result.ignored.append(entry.kind == .folder ? name + "/" : name)
      } else if !entry.hasName {
        refuse("the name is not UTF-8", "rename it, or unpack it with the right charset")
      } else if entry.kind == .folder, entry.isLink {
        // Whoever reads it all the same may read it for ever, or what lies outside the delivery.
        refuse("the folder is a link to another", "put the folder itself there")
      } else if entry.kind == .folder, depth <= 1 {
        refuse("the folder lies too deep in others", "put its files further up")
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
    /// The name is UTF-8; else nothing can be opened by it.
    var hasName: Bool
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
      let (name, hasName) = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { name in
          (String(cString: name), String(validatingCString: name) != nil)
        }
      }
      if name == "." || name == ".." { continue }
      var link = stat()
      var s = stat()
      let path = join(folder, name)
      let isLink = lstat(path, &link) == 0 && link.st_mode & S_IFMT == S_IFLNK
      // What can't be examined, such as a link to nothing, stays in the list and is refused later.
      let found = stat(path, &s) == 0
      let isFolder = found && s.st_mode & S_IFMT == S_IFDIR
      entries.append(
        Entry(
          name: name, hasName: hasName, kind: isFolder ? .folder : .file, isLink: isLink,
          size: found ? Int(s.st_size) : 0))
    }
    return entries.sorted { bytesPrecede($0.name, $1.name) }
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
