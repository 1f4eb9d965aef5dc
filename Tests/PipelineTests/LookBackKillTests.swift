import Foundation
import Testing

/// SIGKILL in a run that goes on from the state of earlier weeks: before, between and after everything that it writes.
///
/// A run is not killed somewhere near a point but held at it: a pipe lies where it opens a file, or a lock that SQLite
/// respects lies on the ledger. So no point is missed because a machine is fast, or busy.
@Suite struct LookBackKillTests {
  /// Where a run is held and killed.
  enum Point: Hashable, CustomStringConvertible {
    /// After the stage's line on standard error.
    case stage(String)
    /// When it opens the n-th of the state's new files, in the order of their names.
    case stateFile(Int)
    /// All files and outputs are in their places, the transaction has not begun.
    case beforeTransaction
    /// All of the transaction is done but its commit.
    case beforeCommit
    /// After the first commit since intake. It is the only one, so the run may end; a second one would be held.
    case afterCommit

    var description: String {
      switch self {
      case .stage(let name): "after \(name)"
      case .stateFile(let n): "at file \(n)"
      case .beforeTransaction: "before the transaction"
      case .beforeCommit: "before the commit"
      case .afterCommit: "after the commit"
      }
    }
  }

  /// A store with the state of three weeks, a fourth with a late reversal, and what that gives undisturbed.
  private struct Begun {
    let pipeline: String
    let input: String
    let last: String
    /// With the store after three weeks, and its outputs.
    let begun: String
    /// The same after four.
    let undisturbed: String
    let code: Int32
    /// Names of the state's files that the fourth week brings.
    let new: [String]
    /// The finding that the reversal takes back.
    let reversed: String

    init() throws {
      let weeks = try LookBackTests.Weeks(seed: 41, weeks: 4, settlements: 60, packetsFrom: 400_000)
      let input = weeks.input
      self.input = input
      pipeline = weeks.pipeline
      last = weeks.batches[3]
      begun = try Scratch.folder("begun")
      let aside = begun + "/last"
      try FileManager.default.moveItem(atPath: input + "/batches/" + last, toPath: aside)
      let first = try yijian(Self.arguments(input, begun, pipeline))
      guard [0, 3].contains(first.code) else { throw TestFailure(first.err) }
      // A settlement that a finding of the third week rests on alone is reversed in the fourth.
      let found = try Table(path: begun + "/out/\(weeks.batches[2])/findings.csv").rows
      let settlements = try Dictionary(
        files(in: input + "/batches").filter { $0.contains("/setl_d_") }.flatMap { name in
          try Table(path: input + "/batches/" + name).rows.map { ($0["setl_id"] ?? "", $0) }
        }, uniquingKeysWith: { one, _ in one })
      guard
        let finding = found.first(where: { $0["state"] != "withdrawn" && settlements[$0["setl_ids"] ?? ""] != nil }),
        let id = finding["finding_id"], let setl = finding["setl_ids"], var row = settlements[setl]
      else { throw TestFailure("no finding of the third week rests on one settlement") }
      reversed = id
      row["init_setl_id"] = setl
      row["setl_id"] = setl + "9"
      row["refd_setl_flag"] = "1"
      for name in ["medfee_sumamt", "inscp_amt", "fund_pay_sumamt"] { row[name] = "-" + (row[name] ?? "") }
      let columns = row.keys.sorted()
      try write(
        [columns, columns.map { row[$0] ?? "" }].map { $0.joined(separator: ",") + "\n" }.joined(),
        to: aside + "/setl_d_reversal.csv")
      try FileManager.default.moveItem(atPath: aside, toPath: input + "/batches/" + last)

      undisturbed = try Scratch.folder("undisturbed")
      try copy(begun + "/store", undisturbed + "/store")
      let done = try yijian(Self.arguments(input, undisturbed, pipeline))
      guard [0, 3].contains(done.code) else { throw TestFailure(done.err) }
      code = done.code
      let old = files(in: begun + "/store/evaluation")
      new = files(in: undisturbed + "/store/evaluation").filter { !old.contains($0) }
    }

    static func arguments(_ input: String, _ folder: String, _ pipeline: String) -> [String] {
      SampleRun.arguments(input: input, folder: folder, pipeline: pipeline) + ["--state-from", "1"]
    }

    func arguments(_ folder: String) -> [String] { Self.arguments(input, folder, pipeline) }
  }

  private static let begun = Result { try Begun() }

  /// What the ledger says of the state: a digest of its header, and its files.
  private static func recorded(_ store: String) throws -> (header: String, files: [String]) {
    let header = try tool("sqlite3", store + "/ledger.sqlite", "SELECT header_sha256 FROM evaluation_state")
    let names = try tool(
      "sqlite3", store + "/ledger.sqlite", "SELECT digest || '-' || byte_count FROM evaluation_file")
    return (header, names.split(separator: "\n").map(String.init).sorted())
  }

  /// Whether the ledger says that the fourth week is done.
  private static func isDone(_ begun: Begun, _ store: String) -> Bool {
    let runs = try? tool(
      "sqlite3", store + "/ledger.sqlite",
      "SELECT count(*) FROM run WHERE batch = '\(begun.last)' AND sequence IS NOT NULL")
    return runs == "1\n"
  }

  /// A lock as SQLite takes it, on bytes of the ledger; gone with the descriptor.
  private final class Lock {
    enum Kind {
      /// Nobody else may begin to write.
      case reserved
      /// Somebody reads: others may write, but not commit.
      case shared
    }
    private let descriptor: Int32
    private let kind: Kind
    private static let pendingByte: off_t = 0x4000_0000

    init(_ store: String, _ kind: Kind) throws {
      descriptor = open(store + "/ledger.sqlite", O_RDWR | O_CLOEXEC)
      self.kind = kind
      try take()
    }

    private func set(_ type: Int32) -> Bool {
      var lock = flock()
      lock.l_whence = Int16(SEEK_SET)
      lock.l_type = Int16(type)
      lock.l_start = Self.pendingByte + (kind == .reserved ? 1 : 2)
      lock.l_len = kind == .reserved ? 1 : 510
      return fcntl(descriptor, F_SETLKW, &lock) == 0
    }

    /// Waits for others.
    func take() throws {
      guard set(kind == .shared ? F_RDLCK : F_WRLCK) else { throw TestFailure("no lock: \(errno)") }
    }

    func leave() { _ = set(F_UNLCK) }

    deinit { close(descriptor) }

    /// Whether somebody waits for readers to go, to commit.
    var isCommitAwaited: Bool {
      var lock = flock()
      lock.l_whence = Int16(SEEK_SET)
      lock.l_type = Int16(F_RDLCK)
      lock.l_start = Self.pendingByte
      lock.l_len = 1
      return fcntl(descriptor, F_GETLK, &lock) == 0 && lock.l_type == Int16(F_WRLCK)
    }
  }

  /// Waits until something is so; false if the child ends before, or after two minutes.
  private func wait(for child: Child, until isSo: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(120)
    while !isSo() {
      if !child.isRunning || ContinuousClock.now > end { return false }
      usleep(500)
    }
    return true
  }

  /// Runs the fourth week, holds it at a point and kills it there.
  private func kill(_ begun: Begun, in folder: String, at point: Point) throws {
    let store = folder + "/store"
    let child = try Child(Project.executable, begun.arguments(folder), environment: fixedClock)
    var isThere = false
    switch point {
    case .stage(let name):
      isThere = wait(for: child) { child.errSoFar.contains("  \(name): ") }
    case .stateFile(let n):
      // The store has been opened, which removes what killed runs left: pipes stay from here on. Whoever opens one to
      // write waits for a reader. The number in the name counts what the process has written.
      guard wait(for: child, until: { child.errSoFar.contains("batch \(begun.last): ") }) else { break }
      for i in 1...400 { mkfifo("\(store)/evaluation/.tmp-\(child.pid)-\(i)-\(begun.new[n])", 0o600) }
      isThere = wait(for: child) { Self.isHeldAtAPipe(child.pid) }
    case .beforeTransaction, .beforeCommit, .afterCommit:
      guard wait(for: child, until: { child.errSoFar.contains("  intake: ") }) else { break }
      let lock = try Lock(store, point == .beforeTransaction ? .reserved : .shared)
      if point != .beforeTransaction {
        isThere = wait(for: child) { lock.isCommitAwaited }
        #expect(files(in: store).contains("ledger.sqlite-journal"))
      } else {
        isThere = wait(for: child) { child.errSoFar.contains("  report: ") }
        // The report's line comes before the transaction; what it could still do, it has time for.
        usleep(300_000)
      }
      #expect(files(in: store + "/evaluation").filter(begun.new.contains) == begun.new, "\(point): files are missing")
      #expect(files(in: folder + "/out/" + begun.last).contains("index.html"))
      if point == .afterCommit {
        lock.leave()
        isThere = isThere && wait(for: child) { access(store + "/ledger.sqlite-journal", F_OK) != 0 }
        try lock.take()
        _ = wait(for: child) { lock.isCommitAwaited }
      }
      // Before the lock goes.
      child.kill()
    }
    child.kill()
    let outcome = child.wait()
    let codes = point == .afterCommit ? [137, begun.code] : [137]
    #expect(isThere && codes.contains(outcome.code), "\(point): it was not held there; exit \(outcome.code)")
  }

  /// Some kernels show nobody what a process waits for.
  private static let canSeeWaits: Bool = {
    guard let pipe = try? Scratch.folder("pipe") + "/pipe", mkfifo(pipe, 0o600) == 0,
      let child = try? Child("/bin/cat", [pipe], environment: [:])
    else { return false }
    defer {
      child.kill()
      _ = child.wait()
    }
    for _ in 0..<4_000 where !isHeldAtAPipe(child.pid) { usleep(500) }
    return isHeldAtAPipe(child.pid)
  }()

  /// Whether a thread of the process waits in the kernel for the other end of a pipe.
  private static func isHeldAtAPipe(_ pid: pid_t) -> Bool {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return tasks.contains { text(of: "/proc/\(pid)/task/\($0)/wchan").contains("wait_for_partner") }
  }

  /// After the kill the catalogue still has the old state and its files; the same command goes on from it and leaves
  /// what an undisturbed run leaves, down to the digests of the next state.
  private func check(_ point: Point, _ begun: Begun) throws {
    let folder = try Scratch.folder("killed")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try copy(begun.begun + "/store", folder + "/store")
    let before = try Self.recorded(begun.begun + "/store")
    try kill(begun, in: folder, at: point)
    let between = try Self.recorded(folder + "/store")
    #expect((between == before) == (point != .afterCommit), "\(point): the state changed before the run was done")
    #expect(
      Self.isDone(begun, folder + "/store") == (point == .afterCommit), "\(point): the state and the run are apart")
    let there = files(in: folder + "/store/evaluation")
    #expect(between.files.filter { !there.contains($0) } == [], "\(point): files of the state are gone")

    let again = try yijian(begun.arguments(folder))
    #expect(again.code == begun.code, "\(point): \(again.err)")
    #expect(!again.err.contains("evaluation-damaged"), "\(point): \(again.err)")
    #expect(differences(begun.undisturbed + "/out", folder + "/out") == [], "\(point)")
    let after = try Self.recorded(folder + "/store")
    #expect(try after == Self.recorded(begun.undisturbed + "/store"), "\(point): not the state of an undisturbed run")
    #expect(files(in: folder + "/store/evaluation") == after.files, "\(point): orphans, or files missing")
    let left = ((try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []).filter {
      $0.contains("tmp-") || $0.hasSuffix("-journal")
    }
    #expect(left == [], "\(point)")
  }

  @Test func theFourthWeekGoesOnAndTakesAFindingBack() throws {
    let begun = try Self.begun.get()
    let old = try Self.recorded(begun.begun + "/store")
    let next = try Self.recorded(begun.undisturbed + "/store")
    #expect(old.files == files(in: begun.begun + "/store/evaluation"))
    #expect(next.files == files(in: begun.undisturbed + "/store/evaluation"))
    // It went on: files of the old state are part of the new one. Some are not, so that there are orphans to remove.
    #expect(!Set(old.files).isDisjoint(with: next.files) && !Set(old.files).isSubset(of: next.files))
    #expect(begun.new.count >= 3, "\(begun.new)")
    let found = try Table(path: begun.undisturbed + "/out/\(begun.last)/findings.csv").rows
    #expect(found.contains { $0["finding_id"] == begun.reversed && $0["state"] == "withdrawn" })
    #expect(!files(in: begun.undisturbed + "/out/\(begun.last)/packets").isEmpty)
    // The same bytes as over the whole store.
    let whole = try Scratch.folder("whole")
    try copy(begun.begun + "/store", whole + "/store")
    let run = try yijian(
      SampleRun.arguments(input: begun.input, folder: whole, pipeline: begun.pipeline) + ["--whole-store"])
    #expect(run.code == begun.code, "\(run.err)")
    #expect(differences(begun.undisturbed + "/out", whole + "/out") == [])
  }

  @Test(
    arguments: [
      .stage("intake"), .stage("audit"), .stage("cases"), .stage("packets"), .beforeTransaction, .beforeCommit,
      .afterCommit,
    ] as [Point])
  func aKillBetweenTwoStepsIsHarmless(point: Point) throws { try check(point, Self.begun.get()) }

  @Test(.enabled(if: canSeeWaits, "what a process waits for can't be seen in /proc here"))
  func aKillAtAnyFileOfTheStateIsHarmless() throws {
    let begun = try Self.begun.get()
    for n in begun.new.indices { try check(.stateFile(n), begun) }
  }

  /// The transaction is done, the old state's files are still there.
  @Test func aKillAfterTheTransactionLeavesOrphansToTheNextRun() throws {
    let begun = try Self.begun.get()
    let folder = try Scratch.folder("orphans")
    try copy(begun.undisturbed, folder + "/done")
    let kept = folder + "/done/store/evaluation"
    let there = files(in: kept)
    for name in files(in: begun.begun + "/store/evaluation") where !there.contains(name) {
      try copy(begun.begun + "/store/evaluation/" + name, kept + "/" + name)
    }
    #expect(files(in: kept).count > there.count)
    let again = try yijian(begun.arguments(folder + "/done"))
    #expect(again.code == begun.code, "\(again.err)")
    #expect(files(in: kept) == there)
    #expect(differences(begun.undisturbed + "/out", folder + "/done/out") == [])
  }
}
