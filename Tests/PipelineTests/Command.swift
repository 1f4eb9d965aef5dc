import Foundation

/// What a child process left behind.
struct Outcome {
  /// Exit code; 128 + n when signal n ended it.
  var code: Int32
  var out: String
  var err: String
}

/// A running child process whose output goes to files, so that no pipe can fill up and stop it.
final class Child {
  let pid: pid_t
  private let folder: String

  init(_ executable: String, _ arguments: [String], environment: [String: String]) throws {
    folder = try Scratch.folder("child")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, folder + "/out", O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, folder + "/err", O_WRONLY | O_CREAT, 0o600)
    var all = ProcessInfo.processInfo.environment
    for (name, value) in environment { all[name] = value }
    let argv = ([executable] + arguments).map { strdup($0) } + [nil]
    let envp = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, executable, &actions, nil, argv, envp)
    guard code == 0 else { throw TestFailure("\(executable) can't be started: error \(code)") }
    self.pid = pid
  }

  func kill() { _ = Foundation.kill(pid, SIGKILL) }

  /// What it has written to standard error so far.
  var errSoFar: String { text(of: folder + "/err") }

  /// Whether it has not ended yet. Not to be asked after `wait`.
  var isRunning: Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == 0
  }

  func wait() -> Outcome {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return Outcome(code: code, out: text(of: folder + "/out"), err: text(of: folder + "/err"))
  }
}

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Where things are.
enum Project {
  static let root: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.path
  }()
  /// The command as built beside this test bundle.
  static let executable: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    var folder = URL(fileURLWithPath: own).deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("yijian").path
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue {
        return candidate
      }
      folder.deleteLastPathComponent()
    }
    return root + "/.build/debug/yijian"
  }()
  static func sample(_ name: String) -> String { root + "/SampleClaims/" + name }
  static let pipeline = root + "/Pipelines/weekly.yml"
}

/// Folders of this test run; removed when it ends.
enum Scratch {
  static let root: String = {
    let path = FileManager.default.temporaryDirectory.path + "/yijian-pipeline-tests-\(getpid())"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: Scratch.root) }
    return path
  }()

  /// A new empty folder.
  static func folder(_ name: String) throws -> String {
    let path = root + "/" + name + "-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}

/// A moment long after the samples' last settlement, so that none lies in the future.
let fixedClock = ["SOURCE_DATE_EPOCH": "1743465600"]

@discardableResult
func yijian(_ arguments: [String], environment: [String: String] = fixedClock) throws -> Outcome {
  try Child(Project.executable, arguments, environment: environment).wait()
}

/// Runs a tool of the system that must succeed; gives its standard output.
@discardableResult
func tool(_ name: String, _ arguments: String...) throws -> String {
  let outcome = try Child(name, arguments, environment: [:]).wait()
  guard outcome.code == 0 else {
    throw TestFailure("\(name) \(arguments.joined(separator: " ")) gave \(outcome.code): \(outcome.err)")
  }
  return outcome.out
}

func text(of path: String) -> String {
  String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
}

func write(_ text: String, to path: String) throws {
  try FileManager.default.createDirectory(
    atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

func copy(_ from: String, _ to: String) throws { try FileManager.default.copyItem(atPath: from, toPath: to) }

/// Relative names of all files of a folder, sorted.
func files(in folder: String) -> [String] {
  let all = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
  return all.filter {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: folder + "/" + $0, isDirectory: &isFolder) && !isFolder.boolValue
  }.sorted()
}
