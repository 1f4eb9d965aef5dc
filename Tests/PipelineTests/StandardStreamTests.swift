import Foundation
import Testing

@testable import Pipeline

/// Who reads the messages, and whether, changes nothing; a result that did not get out is an error.
@Suite struct StandardStreamTests {
  /// Runs the command with its streams redirected as a shell does it.
  private func shell(_ arguments: String, _ redirection: String) throws -> Outcome {
    try Child("sh", ["-c", "'\(Project.executable)' \(arguments) \(redirection)"], environment: fixedClock).wait()
  }

  /// /dev/full takes nothing, like a full disk; `2>&-` closes the stream.
  @Test(arguments: ["2>/dev/full", "2>&-"])
  func messagesMayBeLost(_ redirection: String) throws {
    let folder = try Scratch.folder("lost")
    #expect(try shell("knowledge list --store '\(folder)'", redirection).code == 64)
    #expect(try shell("synth --settlements 20 --out '\(folder)/synth'", redirection).code == 0)
    let audit = try shell(
      "audit '\(Project.pipeline)' --input '\(Project.sample("clean"))' --output '\(folder)/out'", redirection)
    #expect(audit.code == 0)
    #expect(files(in: folder + "/out") == ["coverage.csv", "findings.csv", "suppressed.csv"])
  }

  @Test(arguments: ["sql CAT-01 --pipeline '\(Project.pipeline)'", "check --schema", "--help", "--version"])
  func resultsMayNot(_ arguments: String) throws {
    for redirection in [">/dev/full", ">&-"] {
      let outcome = try shell(arguments, redirection)
      #expect(outcome.code == 2, "\(arguments) \(redirection)")
      #expect(outcome.err.contains("output.incomplete"))
    }
    let whole = try shell(arguments, "")
    #expect(whole.code == 0 && !whole.out.isEmpty && whole.err == "")
  }

  /// Who reads a line and closes the pipe has what it wanted.
  @Test func aReaderMayStop() throws {
    let out = try Scratch.folder("stop")
    let command = "'\(Project.executable)' sql CAT-01 --pipeline '\(Project.pipeline)'"
    // The reader is gone before the command writes.
    let outcome = try Child(
      "sh", ["-c", "{ sleep 1; \(command); echo $? >'\(out)/code'; } | true"], environment: fixedClock
    ).wait()
    #expect(text(of: out + "/code") == "0\n", "\(outcome.err)")
    #expect(outcome.err == "")
  }

  /// Documentation/commands.md: 2 could not run, 3 incomplete, 1 found something, 0 done. The graver of two holds, in
  /// whatever order they come.
  @Test(
    arguments: zip(
      [[0, 0], [0, 1], [3, 0], [3, 1], [1, 3], [2, 3], [3, 2], [1, 2, 0]] as [[Int32]],
      [0, 1, 3, 3, 3, 2, 2, 2] as [Int32]
    ))
  func theGraverExitCodeHolds(_ codes: [Int32], _ expected: Int32) {
    #expect(codes.reduce(ExitCode.done, ExitCode.worse) == expected)
  }
}
