import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import ClaimStore

/// A store in a folder of its own, removed when the test is over.
final class StoreFixture {
  let folder: String

  init() {
    folder = NSTemporaryDirectory() + "/store-test-" + UUID().uuidString
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func open() throws -> Ledger { try Ledger.open(folder: folder) }
}

let digestA = String(repeating: "a", count: 64)
let digestB = String(repeating: "b", count: 64)

func key(_ digest: String = digestA, member: Int = 0, _ table: ClaimTable = .feeLines) -> SegmentKey {
  SegmentKey(digest: digest, reading: "r1", member: member, table: table)
}

let plainHeader = SegmentHeader(columns: ["bkkp_sn", "mdtrt_id"], unknownColumns: ["", "extra"])

/// A segment without a row, with a number of its own: what a file gives of which nothing was accepted.
func emptySegment(_ key: SegmentKey = key(), in ledger: Ledger) throws -> SegmentRecord {
  SegmentRecord(
    key: key, rows: 0, report: #"{"rows":0}"#, number: try ledger.newNumber(.segment), header: plainHeader)
}

func content(_ digest: String, segments: [SegmentRecord] = [], rejects: Rejects = []) -> FileContent {
  FileContent(
    digest: digest, reading: "r1", size: 10, inflatedBytes: 100, charset: "UTF-8", delimiter: ",", enclosure: "'",
    headerKind: "names", segments: segments, rejects: rejects, report: #"{"x":1}"#)
}

func revision(_ name: String, _ number: Int, _ digests: [String], incomplete: String? = nil) -> BatchRevision {
  BatchRevision(
    name: name, revision: number, incompleteReason: incomplete,
    files: digests.enumerated().map {
      BatchFileRecord(name: "fee_list_d_\($0).csv.gz", digest: $1, reading: "r1", size: 10, state: .read)
    })
}

func run(_ id: String, _ revision: BatchRevision) -> RunRecord {
  RunRecord(
    runID: id, batch: revision.name, revision: revision.revision, asOf: "2025-03-09",
    startedAt: "2025-03-10 01:02:03", finishedAt: "2025-03-10 01:03:03", toolVersion: "0.1.0",
    digests: #"{"files":"f"}"#, exitCode: revision.isIncomplete ? 3 : 0, outputFolder: "Reports/" + revision.label,
    stages: [StageRecord(name: "intake", rows: 7, bytes: 100, milliseconds: 3)], report: #"{"total":1}"#)
}

func record(_ id: String, _ state: FindingState, fen: Int64 = 1234) -> FindingRecord {
  FindingRecord(
    finding: Finding(
      id: id, rule: "ADM-01", ruleVersion: 1, key: "M1|M2", verdict: .suspected, severity: .high,
      subjectType: .institution, subject: "H1", psnNo: "P1", fixmedinsCode: "H1", setlIDs: ["S1", "S2"], lineIDs: [],
      from: 20_150, to: nil, measure: 2, threshold: 1, amountFen: fen, fundFen: fen - 34, precedence: 1,
      isEstimate: true, explanation: "两次住院重叠 2 夜",
      claims: [UnitClaim(unit: "U:S1", fen: 1200, fixmedinsCode: "H1", psnNo: "P1", practitioner: "")]),
    state: state, firstBatch: "W10", countedFen: 1200, caseID: "C0123456789ab")
}

func caseFile(_ id: String) -> CaseFile {
  CaseFile(
    id: id, subjectType: .institution, subject: "H1", openedIn: "W10", findingIDs: ["ADM-01-1", "ADM-01-2"],
    countedFen: 1200)
}

/// The code of the diagnostic that the body throws; nil if it throws none.
func code(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let diagnostic as Diagnostic {
    return diagnostic.code
  } catch {
    return "\(error)"
  }
}
