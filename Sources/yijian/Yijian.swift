import ArgumentParser
import CMalloc
import Diagnostics
import Foundation
import Pipeline

@main
struct Yijian: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "yijian",
    abstract: "医鉴: audits medical-insurance claim exports and writes case-referral packets.",
    discussion: """
      Weekly use: yijian run Pipelines/weekly.yml --input EXPORTS --output REPORTS --store STORE

      Exit codes: 0 done; 1 check, test, verify say no, or findings with --fail-on-findings; 2 could not run; \
      3 done but the batch is incomplete or too many rows were rejected; 64 usage; 65 pipeline, rules, knowledge or \
      registry invalid; 75 another run holds the store; 130 interrupted.
      """,
    version: "yijian \(toolVersion)",
    subcommands: [
      RunCommand.self, AuditCommand.self, SynthCommand.self, CheckCommand.self, TestCommand.self, VerifyCommand.self,
      StatusCommand.self,
      ExplainCommand.self, PreviewCommand.self, RulesCommand.self, KnowledgeCommand.self, SQLCommand.self,
      StoreCommand.self,
    ])

  static func main() {
    keep_freed_memory()
    // A run may be cut off anywhere and taken up by the same command, so Ctrl-C needs no clean-up.
    signal(SIGINT) { _ in _exit(130) }
    signal(SIGPIPE, SIG_IGN)
    claimStandardStreams()
    do {
      var command = try parseAsRoot()
      try command.run()
      end(nil)
    } catch {
      end(error)
    }
  }

  /// Ends the command as `exit(withError:)` does; a result that did not reach standard output in full is none.
  private static func end(_ error: (any Error)?) -> Never {
    let code = error.map { exitCode(for: $0).rawValue } ?? Pipeline.ExitCode.done
    let message = error.map { fullMessage(for: $0) } ?? ""
    if !message.isEmpty {
      if code == Pipeline.ExitCode.done { print(message) } else { writeMessage(message + "\n") }
    }
    if flushStandardOutput() || code != Pipeline.ExitCode.done { Foundation.exit(code) }
    let problem = Diagnostic(
      .error, "output.incomplete", "what the command prints did not reach standard output in full",
      remedy: "give the command again, with room on the disk and a reader that takes all of it")
    writeMessage(problem.rendered() + "\n")
    Foundation.exit(Pipeline.ExitCode.couldNotRun)
  }
}
