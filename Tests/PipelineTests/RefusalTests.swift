import Foundation
import Testing

/// What is wrong before the first claim is read ends the command with its code, names the place, and leaves no store.
@Suite struct RefusalTests {
  static let rules = Project.root + "/Pipelines"
  static let good = """
    pipeline: test
    jurisdiction: \(rules)/jurisdictions/default.yml
    rules: [\(rules)/rules]
    knowledge: [\(rules)/knowledge]
    exempt: \(rules)/exempt
    law: \(rules)/law

    """

  struct Wrong: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var line: String
    var says: String
  }

  @Test(arguments: [
    Wrong(testDescription: "unknown key", line: "outptu: x", says: "small.yml:7:1: error[pipeline.unknown-key]"),
    Wrong(
      testDescription: "masked", line: "packets: {disclosure: masked}",
      says: "small.yml:7:23: error[pipeline.disclosure]"),
    Wrong(testDescription: "no number", line: "reject_limit: many", says: "small.yml:7:15: error[pipeline.bad-value]"),
    Wrong(testDescription: "key twice", line: "pipeline: again", says: "small.yml:7: error[pipeline.duplicate-key]"),
    Wrong(
      testDescription: "key twice inside", line: "packets:\n  min_counted_fen: 1\n  min_counted_fen: 2",
      says: "small.yml:9: error[pipeline.duplicate-key]"),
  ])
  func aWrongPipelineFileEndsWith65(wrong: Wrong) throws {
    let folder = try Scratch.folder("wrong")
    try write(Self.good + wrong.line + "\n", to: folder + "/small.yml")
    let outcome = try yijian(
      SampleRun.arguments(input: Project.sample("planted"), folder: folder, pipeline: folder + "/small.yml"))
    #expect(outcome.code == 65)
    #expect(outcome.err.contains(wrong.says), "\(outcome.err)")
    #expect(outcome.out == "")
    #expect(files(in: folder) == ["small.yml"])
  }

  @Test func filesBesideFoldersAreAUsageError() throws {
    let folder = try Scratch.folder("mixed")
    try write("a,b\n", to: folder + "/in/setl_d_1.csv")
    try write("a,b\n", to: folder + "/in/2025-W10/setl_d_1.csv")
    let outcome = try yijian(SampleRun.arguments(input: folder + "/in", folder: folder))
    #expect(outcome.code == 64, "\(outcome.err)")
  }

  @Test(arguments: [
    ["run"], ["run", Project.pipeline, "--jobs", "0"], ["run", Project.pipeline, "--as-of", "2025-02-30"],
  ])
  func wrongArgumentsAreAUsageError(arguments: [String]) throws {
    #expect(try yijian(arguments).code == 64)
  }

  @Test func aRegistryWithoutARequiredColumnEndsWith65() throws {
    let folder = try Scratch.folder("registry")
    try copy(Project.sample("clean") + "/registries", folder + "/registries")
    let file = folder + "/registries/opsp_reg_d.csv"
    try write(text(of: file).replacing("psn_no,insu_admdvs", with: "person,insu_admdvs"), to: file)
    let outcome = try yijian(
      SampleRun.arguments(input: Project.sample("clean"), folder: folder) + ["--registries", folder + "/registries"])
    #expect(outcome.code == 65)
    #expect(outcome.err.contains("opsp_reg_d.csv") && outcome.err.contains("psn_no"), "\(outcome.err)")
  }

  /// Its bytes are of no use: nothing, and a stream that was cut off.
  @Test(arguments: [("", "intake.empty-file"), ("cut", "intake.truncated")])
  func aDamagedRegistryEndsWith65(damage: String, cause: String) throws {
    let folder = try Scratch.folder("registry")
    try copy(Project.sample("clean") + "/registries", folder + "/registries")
    let file = folder + "/registries/opsp_reg_d.csv"
    if damage.isEmpty {
      try write("", to: file)
    } else {
      try tool("sh", "-c", "gzip -9n \"$0\" && head -c 40 \"$0.gz\" > \"$0.cut\" && mv \"$0.cut\" \"$0.gz\"", file)
    }
    let outcome = try yijian(
      SampleRun.arguments(input: Project.sample("clean"), folder: folder) + ["--registries", folder + "/registries"])
    #expect(outcome.code == 65)
    #expect(outcome.err.contains("registry.unreadable") && outcome.err.contains(cause), "\(outcome.err)")
    #expect(!FileManager.default.fileExists(atPath: folder + "/store"))
  }

  /// Files that an earlier run hashed and nobody wrote to since are not read for the plan either.
  @Test func thePlanNamesWhatIsKnown() throws {
    let folder = try Scratch.folder("plan")
    let input = folder + "/in"
    try copy(Project.sample("clean") + "/batches", input + "/batches")
    try copy(Project.sample("clean") + "/registries", input + "/registries")
    // Times of files may be coarse: what changed in the last seconds is read again.
    Thread.sleep(forTimeInterval: 3.5)
    let arguments = SampleRun.arguments(input: input, folder: folder)
    #expect(try yijian(arguments).code == 0)
    let plan = try yijian(arguments + ["--plan"]).out
    #expect(plan.contains("batch     2025-W10 (revision 1 in the store, unchanged)"), "\(plan)")
    #expect(!plan.contains("  reads   "))
    let changed = input + "/batches/2025-W11/delivery.csv"
    try write("table,file,rows\nsetl_list_oprn_d,,0\n", to: changed)
    let next = try yijian(arguments + ["--plan"]).out
    #expect(next.contains("batch     2025-W10 (revision 1 in the store, unchanged)"))
    #expect(next.contains("batch     2025-W11 (revision 1 in the store):"), "\(next)")
  }

  /// Never zero: without its registry a rule says that it did not run.
  @Test func aMissingRegistryMakesItsRuleNotRunnable() throws {
    let folder = try Scratch.folder("registry")
    try copy(Project.sample("clean") + "/registries", folder + "/registries")
    try FileManager.default.removeItem(atPath: folder + "/registries/opsp_reg_d.csv")
    let run = try SampleRun(Project.sample("clean"), more: ["--registries", folder + "/registries"])
    #expect(run.outcome.code == 0, "\(run.outcome.err)")
    let rows = try run.table("2025-W11", "coverage.csv").rows
    let silent = rows.filter { $0["status"] == "not_runnable" }
    #expect(silent.compactMap { $0["rule"] } == ["CHR-03", "CHR-04"])
    #expect(silent.allSatisfy { $0["reason"]?.contains("opsp_reg_d") == true })
  }

  @Test func findingsFailOnlyWhereAsked() throws {
    #expect(try SampleRun(Project.sample("planted"), more: ["--fail-on-findings"]).outcome.code == 1)
    #expect(try SampleRun(Project.sample("clean"), more: ["--fail-on-findings"]).outcome.code == 0)
  }

  /// Once a command, however often the tables are read.
  @Test func aMisspeltRegistryIsHeardOf() throws {
    let folder = try Scratch.folder("misspelt")
    try copy(Project.sample("clean") + "/registries", folder + "/registries")
    try FileManager.default.moveItem(
      atPath: folder + "/registries/opsp_reg_d.csv", toPath: folder + "/registries/opsp_reg.csv")
    let file = folder + "/registries/fixmedins_b.csv"
    let lines = text(of: file).split(separator: "\n")
    try write(
      lines.enumerated().map { $1 + ($0 == 0 ? ",colour" : ",") }.joined(separator: "\n") + "\n", to: file)
    try write(Self.good + "registries: registries\nclaims: \(Project.sample("clean"))/batches\n", to: folder + "/p.yml")
    let more = ["--registries", folder + "/registries", "--output", folder + "/out"]
    let input = ["--input", Project.sample("clean"), "--store", folder + "/store"]
    for (arguments, columns) in [
      (["run", folder + "/p.yml"] + input + more, 1), (["run", folder + "/p.yml", "--plan"] + input + more, 1),
      (["audit", folder + "/p.yml", "--input", Project.sample("clean")] + more, 1), (["check", folder + "/p.yml"], 0),
    ] {
      try? FileManager.default.removeItem(atPath: folder + "/out")
      let outcome = try yijian(arguments)
      #expect(outcome.code == 0, "\(arguments): \(outcome.err)")
      let said = outcome.out + outcome.err
      #expect(said.ranges(of: "opsp_reg.csv: note[registry.unknown-table]").count == 1, "\(arguments): \(said)")
      #expect(said.ranges(of: "Columns kept aside: colour").count == columns, "\(arguments)")
    }
  }
}
