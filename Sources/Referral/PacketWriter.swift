import ClaimModel
import Diagnostics
import Foundation
import RulePacks
import SQLLowering

/// Writes one case as a bag.
public struct PacketWriter {
  /// What a folder with full personal data is called behind the case id (Documentation/outputs.md).
  public static let suffix = "-含个人信息"

  /// The whole verify.sql of rules, in place of `verifySQL` in tests.
  var makeSQL: (_ rules: [Rule], _ subjectType: SubjectType, _ subject: String) throws -> String = {
    try verifySQL(rules: $0, subjectType: $1, subject: $2)
  }

  public init() {}

  /// Writes the packet into an existing folder, as `<case_id>-含个人信息`; files have mode 0600.
  ///
  /// The same input gives the same bytes (another SQLite version: another evidence.sqlite with the same `.dump`).
  /// Nothing is synced or renamed: give it a temporary folder and put that in place when all is written.
  ///
  /// - Returns: the name of the packet's folder.
  /// - Throws: `Diagnostic` or `Diagnostics`; what was written by then is left behind.
  @discardableResult
  public func write(_ input: PacketInput, into folder: String) throws -> String {
    let name = input.caseFile.id + Self.suffix
    let bag = folder + "/" + name
    let data = bag + "/data"
    do {
      try FileManager.default.createDirectory(
        atPath: data + "/rules", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Diagnostic(
        .error, "packet.write", "The packet's folder can't be made", at: Place(file: bag),
        remedy: "Check the free space and the rights of the output folder.")
    }

    var facts = CaseFacts(input)
    let rows = input.evidenceRows(of: facts.findings, rules: facts.rules)
    let writer = EvidenceWriter(input: input, rules: facts.rules, findings: facts.findings, rows: rows)
    let used = try writer.write(to: data + "/evidence.sqlite")
    try facts.read(EvidenceDatabase(data + "/evidence.sqlite", .read), sourceRows: used, evidence: rows)

    try Bag.write(
      makeSQL(facts.rules, input.caseFile.subjectType, input.caseFile.subject), to: data + "/verify.sql")
    for rule in facts.rules {
      if let text = input.ruleFiles[rule.id] { try Bag.write(text, to: data + "/rules/\(rule.id).yml") }
    }
    try Bag.write(sourcesCSV(facts), to: data + "/sources.csv")
    try Bag.write(coverPage(facts), to: data + "/cover.html")
    try Bag.write(reportPage(facts), to: data + "/report.html")
    try Bag.write(recheckPage(facts), to: data + "/recheck.html")
    try CaseWorkbook().write(facts, to: data + "/workbook.xlsx", temporaryFolder: folder)
    for file in ["evidence.sqlite", "workbook.xlsx"] { chmod(data + "/" + file, 0o600) }

    try Bag.seal(
      bag,
      info: [
        ("Source-Organization", "医鉴 \(input.toolVersion)"), ("Bagging-Date", CivilTime.text(day: input.asOf)),
        ("External-Identifier", input.caseFile.id), ("Bag-Group-Identifier", input.runID),
        ("External-Description", PacketPage.warning + "；含个人信息；系统初判，以核查认定为准"),
        ("Bag-Software-Agent", "yijian \(input.toolVersion)"),
      ] + input.acceptedReasons.map { ("Accepted-Incomplete", $0) })
    return name
  }

  private func sourcesCSV(_ facts: CaseFacts) -> String {
    var lines = CSVLines(["batch", "file", "table", "sha256", "rows", "rows_used"])
    for source in facts.sources {
      let file = source.file
      lines.add([file.batch, file.file, file.table, file.digest, String(file.rows), String(source.rowsUsed)])
    }
    return lines.text
  }
}
