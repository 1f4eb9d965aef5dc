import Diagnostics
import RulePacks
import SQLLowering

/// `yijian sql`: a rule as one script for a database engine, or a part of it, on standard output.
///
/// 0 done; 64 for an unknown dialect, part or rule; 65 if the rules are invalid or the engine can't express the rule.
public func printSQL(_ id: String, dialect name: String, part: String = "all", pipeline: String) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let dialect = try sqlDialect(name)
    guard let part = ScriptPart(rawValue: part) else {
      throw Diagnostic(
        .error, "usage.part", "a script has no part '\(part)'",
        remedy: "one of: \(ScriptPart.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let (_, pack) = try loadRules(PipelineFile.read(pipeline))
    guard let rule = pack.rules.first(where: { $0.id == id }) else {
      throw Diagnostic(
        .error, "usage.rule", "the pipeline has no rule \(id)", at: Place(file: pipeline),
        remedy: "its rules are \(pack.rules.map(\.id).joined(separator: ", "))")
    }
    print(try scriptSQL(rule, dialect: dialect, part: part), terminator: "")
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}
