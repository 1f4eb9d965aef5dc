import ArgumentParser
import CMalloc
import Foundation

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
    self.main(nil)
  }
}
