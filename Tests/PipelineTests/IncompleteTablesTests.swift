import ClaimModel
import ClaimStore
import Testing

@testable import Pipeline

@Suite struct IncompleteTablesTests {
  /// A lost file lacks rows of the table that reading would have taken its name for; of any table where the name says
  /// nothing, or where the header says something else.
  @Test(
    arguments: [
      ("setl_d_03.csv.gz", "intake.gzip-truncated", [ClaimTable.settlements]),
      ("day1/MDTRT_D.csv", "intake.gzip-truncated", [.visits]),
      ("fee_list_d-2.zip", "intake.zip", [.feeLines]),
      ("setl_details_03.csv.gz", "intake.gzip-truncated", ClaimTable.allCases),
      ("fee_list_detail.csv", "intake.no-table", ClaimTable.allCases),
      ("visits_03.csv.gz", "intake.gzip-truncated", ClaimTable.allCases),
      ("fee_list_d/", "intake.unreadable", ClaimTable.allCases),
      ("setl_d_04.csv", "intake.other-table", ClaimTable.allCases),
    ])
  func aLostFileLacksRowsOf(_ name: String, _ code: String, _ tables: [ClaimTable]) {
    let lost = BatchFileRecord(
      name: name, digest: "1", reading: nil, size: 9, state: .refused, refusal: Refusal(code: code, message: "m"))
    let read = BatchFileRecord(name: "setl_list_oprn_d.csv", digest: "2", reading: "r", size: 9, state: .read)
    let batch = BatchRevision(name: "W10", revision: 1, incompleteReason: "r", files: [lost, read])
    #expect(Set(incompleteTables([batch]).keys) == Set(tables))
  }
}
