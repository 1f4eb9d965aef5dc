import Diagnostics
import RulePacks
import SQLLowering

/// `yijian sql`: a rule as one script for a database engine, on standard output.
///
/// 0 done; 64 for an unknown dialect or rule; 65 if the rules are invalid or the engine can't express the rule.
public func printSQL(_ id: String, dialect name: String, pipeline: String) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let dialect = try sqlDialect(name)
    let (_, pack) = try loadRules(PipelineFile.read(pipeline))
    guard let rule = pack.rules.first(where: { $0.id == id }) else {
      throw Diagnostic(
        .error, "usage.rule", "the pipeline has no rule \(id)", at: Place(file: pipeline),
        remedy: "its rules are \(pack.rules.map(\.id).joined(separator: ", "))")
    }
    print(try scriptSQL(rule, dialect: dialect), terminator: "")
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}
