import ClaimModel
import Diagnostics
import Foundation
import RulePacks

/// What became of the changes of one rule.
struct MutationReport {
  var rule: String
  /// Folder of the rule file: the pack that the limit on waivers is counted over.
  var pack: String
  /// Changed rules that were tried.
  var mutants: Int
  /// Changes that are no rule any more.
  var stillborn: Int
  /// In the order of the file.
  var survivors: [RuleMutation]
  var waived: [(mutation: RuleMutation, waiver: MutationWaiver)]
  /// Waivers whose change was noticed, or does not exist.
  var unused: [MutationWaiver]
  /// Tests that fail on the rule as it stands; then no change is tried.
  var failing: [RuleTestResult]
}

/// Most waivers of a pack, in percent of its mutants.
let waiverLimitPercent = 2

/// Changes the rule in turn and runs its tests on each change until one fails.
func mutationReport(_ path: String) throws -> MutationReport {
  let both = try readRuleWithTests(path)
  let tests = try both.file.tests.map { try PreparedTest($0, for: both.rule) }
  let all = mutations(of: both.ruleText, path: both.rulePath)
  var report = MutationReport(
    rule: both.rule.id, pack: (path as NSString).deletingLastPathComponent, mutants: all.all.count,
    stillborn: all.stillborn, survivors: [], waived: [], unused: [], failing: [])
  for test in tests {
    let failures = try test.failures(of: both.rule)
    if !failures.isEmpty {
      report.failing.append(
        RuleTestResult(rule: both.rule.id, name: test.test.name, place: test.test.place, failures: failures))
    }
  }
  if !report.failing.isEmpty { return report }
  var isUsed = both.file.waivers.map { _ in false }
  // The test that noticed the last change is likely to notice the next one, which stands beside it.
  var order = Array(tests.indices)
  for mutation in all.all {
    if let noticed = try order.firstIndex(where: { try !tests[$0].failures(of: mutation.rule).isEmpty }) {
      order.insert(order.remove(at: noticed), at: 0)
      continue
    }
    if let i = both.file.waivers.firstIndex(where: { $0.at == mutation.part && $0.mutation == mutation.change }) {
      isUsed[i] = true
      report.waived.append((mutation, both.file.waivers[i]))
    } else {
      report.survivors.append(mutation)
    }
  }
  report.unused = zip(both.file.waivers, isUsed).filter { !$0.1 }.map(\.0)
  return report
}

/// `yijian test --mutate`: 0 if every change of every rule is noticed by a test or waived, else 1.
public func mutateRules(_ paths: [String]) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    var reports: [MutationReport] = []
    for path in testFiles(paths) { reports.append(try mutationReport(path)) }
    let (lines, holds) = try mutationLines(reports)
    for line in lines { print(line) }
    return holds ? ExitCode.done : ExitCode.saysNo
  } catch {
    return report(error, printer)
  }
}

/// What is printed, and whether the rules' tests notice enough.
func mutationLines(_ reports: [MutationReport]) throws -> (lines: [String], holds: Bool) {
  var lines: [String] = []
  var holds = true
  for report in reports {
    for result in report.failing {
      holds = false
      lines.append(
        "FAIL \(report.rule): \(result.name) (\(result.place.file ?? ""):\(result.place.line ?? 0)): no change was tried; run yijian test"
      )
    }
    for mutation in report.survivors {
      holds = false
      lines.append("\(placeText(mutation.place)): survived: \(mutation.part): \(mutation.change)")
    }
    for waiver in report.unused {
      holds = false
      lines.append(
        Diagnostic(
          .error, "test.waiver-unused", "no surviving change is \(waiver.at): \(waiver.mutation)", at: waiver.place,
          remedy: "drop the waiver, or copy at and mutation as yijian test --mutate prints them"
        ).rendered())
    }
  }
  let waived = reports.flatMap(\.waived)
  if !waived.isEmpty { lines.append("waived, for the change is equivalent:") }
  for (mutation, waiver) in waived {
    lines.append("  \(placeText(mutation.place)): \(mutation.part): \(mutation.change)")
    lines.append("    \(waiver.equivalent)")
  }
  for pack in Set(reports.map(\.pack)).sorted(by: bytesPrecede) {
    let (mutants, waivers) = try packFigures(pack)
    if waivers * 100 > mutants * waiverLimitPercent {
      holds = false
      lines.append(
        Diagnostic(
          .error, "test.waiver-many",
          "\(waivers) of \(mutants) changes are waived, more than \(waiverLimitPercent) percent",
          at: Place(file: pack), remedy: "write tests that notice the changes"
        ).rendered())
    }
  }
  let mutants = reports.reduce(0) { $0 + $1.mutants }
  let survivors = reports.reduce(0) { $0 + $1.survivors.count }
  let stillborn = reports.reduce(0) { $0 + $1.stillborn }
  lines.append(
    "\(mutants) changes, \(mutants - survivors - waived.count) noticed, \(waived.count) waived, \(survivors) survived; \(stillborn) more were no rules any more"
  )
  if mutants == 0 {
    holds = false
    lines.append("nothing was changed; look at the path")
  }
  return (lines, holds)
}

/// Mutants and waivers of all rules of a folder, whichever of them were asked for.
private func packFigures(_ folder: String) throws -> (mutants: Int, waivers: Int) {
  var figures = (mutants: 0, waivers: 0)
  for path in testFiles([folder.isEmpty ? "." : folder])
  where (path as NSString).deletingLastPathComponent == (folder.isEmpty ? "." : folder) {
    let both = try readRuleWithTests(path)
    figures.mutants += mutations(of: both.ruleText, path: both.rulePath).all.count
    figures.waivers += both.file.waivers.count
  }
  return figures
}

private func placeText(_ place: Place) -> String {
  "\(place.file ?? ""):\(place.line ?? 0):\(place.column ?? 0)"
}
