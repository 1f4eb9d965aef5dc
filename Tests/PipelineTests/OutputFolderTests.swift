import Foundation
import Testing

/// What a command puts its results in may hold nothing that it would not put there: putting it in place removes the
/// rest.
@Suite struct OutputFolderTests {
  @Test(arguments: ["notes.txt", ".hidden", "findings.csv/notes.txt"])
  func anAuditRemovesNothingOfSomebodyElse(_ name: String) throws {
    let folder = try Scratch.folder("foreign")
    try write("mine", to: folder + "/" + name)
    let outcome = try yijian(["audit", Project.pipeline, "--input", Project.sample("clean"), "--output", folder])
    #expect(outcome.code == 64, "\(outcome.err)")
    #expect(outcome.err.contains("usage.folder-not-empty"))
    #expect(outcome.out == "")
    #expect(files(in: folder) == [name])
    #expect(text(of: folder + "/" + name) == "mine")
  }

  @Test func anAuditReplacesItsOwnTables() throws {
    let folder = try Scratch.folder("own")
    for name in ["findings.csv", "coverage.csv"] { try write("old", to: folder + "/" + name) }
    let outcome = try yijian(["audit", Project.pipeline, "--input", Project.sample("clean"), "--output", folder])
    #expect(outcome.code == 0, "\(outcome.err)")
    #expect(files(in: folder) == ["coverage.csv", "findings.csv", "suppressed.csv"])
    #expect(text(of: folder + "/findings.csv") != "old")
  }

  /// A report is written into a folder named after its batch; given the folder of the exports, that is the delivery
  /// itself.
  @Test func aRunLeavesTheDeliveryAlone() throws {
    let folder = try Scratch.folder("delivery")
    try copy(Project.sample("clean"), folder + "/in")
    let before = files(in: folder + "/in")
    let outcome = try yijian([
      "run", Project.pipeline, "--input", folder + "/in", "--output", folder + "/in/batches", "--store",
      folder + "/store",
    ])
    #expect(outcome.code == 64, "\(outcome.err)")
    #expect(files(in: folder + "/in") == before)
  }
}
