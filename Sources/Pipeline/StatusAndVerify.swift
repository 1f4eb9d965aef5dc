import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Referral
import RulePacks
import SQLLowering

/// `yijian verify`: checks digests and derives the findings anew. 0 if all agree, 1 if not.
public func verifyPacketCommand(_ path: String) -> Int32 {
  let files = FileManager.default
  if files.fileExists(atPath: path), !files.fileExists(atPath: path + "/bagit.txt"),
    !files.fileExists(atPath: path + "/data")
  {
    let problem = Diagnostic(
      .error, "packet.none", "that is no packet: it has neither bagit.txt nor data/", at: Place(file: path),
      remedy: "give the folder of one packet, for example Reports/2025-W10/packets/C…-含个人信息")
    print(problem.rendered())
    return ExitCode.saysNo
  }
  let problems = verifyPacket(path)
  if problems.isEmpty {
    print("\(path): every digest holds, every finding was derived anew from the evidence and agrees")
    return ExitCode.done
  }
  for problem in problems { print(problem.rendered()) }
  print("\(path): NOT verified, \(problems.count) problem\(problems.count == 1 ? "" : "s")")
  return ExitCode.saysNo
}

/// nil: there is no ledger in the folder.
private func inspectStore(_ pipeline: String, _ store: String?) throws -> (ledger: Ledger?, folder: String) {
  let folder = try store.map(RunSetup.absolute) ?? PipelineFile.read(pipeline).store
  guard let folder else {
    throw Diagnostic(.error, "usage.no-store", "no store folder is named", remedy: "give --store DIR")
  }
  return (try Ledger.inspect(folder: folder), folder)
}

/// `yijian status`: batches, runs and figures of the store, on standard output.
public func printStatus(pipeline: String, store: String?, asJSON: Bool) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let (found, folder) = try inspectStore(pipeline, store)
    guard let ledger = found else {
      print(asJSON ? "{\"batches\":[],\"runs\":[]}" : "no store in \(shown(folder)): no run yet")
      return ExitCode.done
    }
    let batches = try ledger.latestRevisions()
    let runs = try ledger.runs()
    if asJSON {
      let batchText = batches.map { batch in
        "{\"batch\":\(EscapedText.json(batch.name)),\"revision\":\(batch.revision),\"files\":\(batch.files.count),"
          + "\"incomplete\":\(batch.incompleteReason.map(EscapedText.json) ?? "null"),"
          + "\"accepted\":\(batch.acceptedReason.map(EscapedText.json) ?? "null")}"
      }
      let runText = try runs.map { run in
        let figures = try figures(run)
        return "{\"run_id\":\(EscapedText.json(run.runID)),\"as_of\":\(run.asOf.map(EscapedText.json) ?? "null"),"
          + "\"started_at\":\(EscapedText.json(run.startedAt)),\"exit_code\":\(run.exitCode),"
          + "\"findings\":\(figures.findings),\"cases\":\(figures.cases),\"counted_fen\":\(figures.countedFen),"
          + "\"output\":\(EscapedText.json(run.outputFolder))}"
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

private func figures(_ run: RunRecord) throws -> StatusFigures { try StatusFigures.decode(run.report) }
