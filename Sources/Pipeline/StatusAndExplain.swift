import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Referral
import RulePacks
import SQLLowering

/// `yijian verify`: checks digests and derives the findings anew. 0 if all agree, 1 if not.
public func verifyPacketCommand(_ path: String) -> Int32 {
  let problems = verifyPacket(path)
  if problems.isEmpty {
    print("\(path): every digest holds, every finding was derived anew from the evidence and agrees")
    return ExitCode.done
  }
  for problem in problems { print(problem.rendered()) }
  print("\(path): NOT verified, \(problems.count) problem\(problems.count == 1 ? "" : "s")")
  return ExitCode.saysNo
}

private func inspectStore(_ pipeline: String, _ store: String?) throws -> Ledger? {
  let folder = try store.map(RunSetup.absolute) ?? PipelineFile.read(pipeline).store
  guard let folder else {
    throw Diagnostic(.error, "usage.no-store", "no store folder is named", remedy: "give --store DIR")
  }
  return try Ledger.inspect(folder: folder)
}

/// `yijian status`: batches, runs and figures of the store, on standard output.
public func printStatus(pipeline: String, store: String?, asJSON: Bool) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    guard let ledger = try inspectStore(pipeline, store) else {
      print(asJSON ? "{\"batches\":[],\"runs\":[]}" : "the store is empty: no run yet")
      return ExitCode.done
    }
    let batches = try ledger.latestRevisions()
    let runs = try ledger.runs()
    if asJSON {
      let batchText = batches.map { batch in
        "{\"batch\":\(jsonString(batch.name)),\"revision\":\(batch.revision),\"files\":\(batch.files.count),"
          + "\"incomplete\":\(batch.incompleteReason.map(jsonString) ?? "null"),"
          + "\"accepted\":\(batch.acceptedReason.map(jsonString) ?? "null")}"
      }
      let runText = try runs.map { run in
        let figures = try figures(run)
        return "{\"run_id\":\(jsonString(run.runID)),\"as_of\":\(run.asOf.map(jsonString) ?? "null"),"
          + "\"started_at\":\(jsonString(run.startedAt)),\"exit_code\":\(run.exitCode),"
          + "\"findings\":\(figures.findings),\"cases\":\(figures.cases),\"counted_fen\":\(figures.countedFen),"
          + "\"output\":\(jsonString(run.outputFolder))}"
      }
      print("{\"batches\":[\(batchText.joined(separator: ","))],\"runs\":[\(runText.joined(separator: ","))]}")
      return ExitCode.done
    }
    for batch in batches {
      var line = "batch \(batch.label)  \(batch.files.count) files  "
      line += batch.incompleteReason.map { "INCOMPLETE: \($0)" } ?? "complete"
      if let reason = batch.acceptedReason { line += " (accepted: \(reason))" }
      print(line)
    }
    for run in runs {
      let figures = try figures(run)
      print(
        "run   \(run.runID)  as of \(run.asOf ?? "–")  \(figures.findings) findings  \(figures.cases) cases  "
          + "\(FixedPoint.yuan(figures.countedFen)) yuan  exit \(run.exitCode)  \(run.outputFolder)")
    }
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}

private func figures(_ run: RunRecord) throws -> StatusFigures {
  try JSONDecoder().decode(StatusFigures.self, from: Data(run.report.utf8))
}

/// `yijian explain`: a finding with its rule, law, rows, amounts and SQL, on standard output.
public func explainFinding(_ id: String, pipeline: String, store: String?) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    guard let record = try inspectStore(pipeline, store)?.finding(id) else {
      throw Diagnostic(
        .error, "explain.unknown", "the last run has no finding \(id)",
        remedy: "finding ids stand in the first column of findings.csv")
    }
    let file = try PipelineFile.read(pipeline)
    let (_, pack) = try loadRules(file)
    let finding = record.finding
    let rule = pack.rules.first { $0.id == finding.rule }
    print("\(finding.id)  \(finding.rule) \(rule?.nameZh ?? "")  （系统初判，以核查认定为准）")
    print("  \(finding.explanation)")
    print(
      "  verdict    \(finding.verdict.rawValue), severity \(finding.severity.rawValue), state \(record.state.rawValue), since \(record.firstBatch)"
    )
    print("  key        \(finding.key)")
    print(
      "  subject    \(finding.subjectType.rawValue) \(finding.subject)   case \(record.caseID.isEmpty ? "–" : record.caseID)"
    )
    if let from = finding.from {
      print("  days       \(CivilTime.text(day: from)) … \(CivilTime.text(day: finding.to ?? from))")
    }
    print(
      "  measure    \(finding.measure.map { String($0) } ?? "–"), threshold \(finding.threshold.map { String($0) } ?? "–")"
    )
    print(
      "  amount     \(FixedPoint.yuan(finding.amountFen)) yuan at issue, \(FixedPoint.yuan(finding.fundFen)) of the fund, \(FixedPoint.yuan(record.countedFen)) counted in the case"
    )
    if finding.isEstimate { print("  estimate   估算：按病种付费另计") }
    print("  settlements \(finding.setlIDs.joined(separator: ", "))")
    if !finding.lineIDs.isEmpty { print("  lines      \(finding.lineIDs.joined(separator: ", "))") }
    if let rule {
      print("  rule       version \(rule.version), \(rule.path)")
      for key in rule.basis {
        let law = pack.law.first { $0.key == key }
        print("  law        \(key) \(law?.instrument ?? "") \(law?.article ?? "") \(law?.text ?? "")")
      }
      for exemption in rule.exemptions {
        print(
          "  exemption  \(exemption.id) \(pack.exemptions.first { $0.id == exemption.id }?.name ?? ""): not TRUE for it (\(exemption.text))"
        )
      }
      print("  innocent explanations\n    \(rule.falsePositives.split(separator: "\n").joined(separator: "\n    "))")
      print("  SQL over a packet's evidence.sqlite:")
      print(try sourceSQL(rule))
    }
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}
