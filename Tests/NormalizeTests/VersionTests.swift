import ClaimModel
import Normalize
import Testing

@Suite("One row a key (1.1)")
struct VersionTests {
  /// Two settlements of one id; the first is expected to win.
  struct Duel: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var winner: (time: String, segment: Int, line: Int)
    var loser: (time: String, segment: Int, line: Int)
  }

  static let segments = [
    SegmentIdentity(batch: "2025-W10", file: "a.csv"), SegmentIdentity(batch: "2025-W9", file: "a.csv"),
    SegmentIdentity(batch: "2025-W10", file: "b.csv"), SegmentIdentity(batch: "2025-W10", file: "z.zip", member: 0),
    SegmentIdentity(batch: "2025-W10", file: "z.zip", member: 1), SegmentIdentity(batch: "2025-W10", file: "Z.csv"),
  ]

  static let duels = [
    Duel(
      testDescription: "a later update beats a later batch", winner: ("2025-03-02", 0, 2), loser: ("2025-03-01", 1, 2)),
    Duel(testDescription: "null is the lowest update", winner: ("1990-01-01", 0, 2), loser: ("", 1, 2)),
    Duel(testDescription: "a bad update time is null", winner: ("1990-01-01", 0, 2), loser: ("2025-13-01", 1, 2)),
    Duel(
      testDescription: "a date alone is midnight: equal, so the batch decides", winner: ("2025-03-01", 1, 2),
      loser: ("2025-03-01 00:00:00", 0, 2)),
    Duel(
      testDescription: "a T and a fraction make no difference", winner: ("2025-03-01T10:00:00.9", 1, 2),
      loser: ("2025-03-01 10:00:00", 0, 2)),
    Duel(testDescription: "batches by bytes: W9 after W10", winner: ("", 1, 2), loser: ("", 0, 9)),
    Duel(testDescription: "files by bytes", winner: ("", 2, 2), loser: ("", 0, 9)),
    Duel(testDescription: "small letters after capitals", winner: ("", 0, 2), loser: ("", 5, 9)),
    Duel(testDescription: "members by ordinal", winner: ("", 4, 2), loser: ("", 3, 9)),
    Duel(testDescription: "rows by number, not by text", winner: ("", 0, 10), loser: ("", 0, 9)),
  ]

  @Test(arguments: duels, [false, true])
  func theGreatestVersionWins(_ duel: Duel, winnerFirst: Bool) throws {
    var sheet = ClaimSheet()
    sheet.segments = Self.segments
    let versions = winnerFirst ? [duel.winner, duel.loser] : [duel.loser, duel.winner]
    for version in versions {
      sheet.settlement("S1", ["updt_time": version.time], segment: version.segment, line: version.line)
    }
    let fates = try sheet.normalized().fates(.settlements)
    #expect(fates == (winnerFirst ? [.counts, .superseded] : [.superseded, .counts]))
  }

  @Test func aCancelledWinnerTakesTheKeyWithIt() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["updt_time": "2025-03-01"])
    sheet.settlement("S1", ["updt_time": "2025-03-02", "vali_flag": "0"])
    let result = try sheet.normalized()
    #expect(result.fates(.settlements) == [.superseded, .cancelled])
    #expect(result.ids(.settlement) == [])
    #expect(result.result.isValid[.settlements] == [false, false])
  }

  @Test(arguments: [("1", Disposition.counts), ("0", .cancelled), ("", .cancelled), ("01", .cancelled)])
  func onlyAFlagOfOneIsValid(_ flag: String, _ fate: Disposition) throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1", ["vali_flag": flag])
    #expect(try sheet.normalized().fates(.settlements) == [fate])
  }

  @Test func aFileWithoutTheFlagSaysOne() throws {
    var sheet = ClaimSheet()
    sheet.segments = [
      SegmentIdentity(batch: "B1", file: "a.csv", missingColumns: ["vali_flag"]),
      SegmentIdentity(batch: "B1", file: "b.csv"),
    ]
    sheet.settlement("S1", ["vali_flag": ""], segment: 0)
    sheet.settlement("S2", ["vali_flag": ""], segment: 1)
    #expect(try sheet.normalized().fates(.settlements) == [.counts, .cancelled])
  }

  @Test func aLineIsNamedByItsVisitAndSerial() throws {
    var sheet = ClaimSheet()
    sheet.settlement("S1")
    sheet.line("L1", ["updt_time": "2025-03-01", "inscp_amt": "1.00"])
    sheet.line("L1", ["updt_time": "2025-03-02", "inscp_amt": "2.00"])
    sheet.line("L1", ["mdtrt_id": "M2", "inscp_amt": "3.00"])
    let result = try sheet.normalized()
    #expect(result.fates(.feeLines) == [.superseded, .counts, .counts])
    #expect(result.ids(.line) == ["M1:L1", "M2:L1"])
    #expect(result.value(.line, "M1:L1", "A") == "2.00")
  }

  @Test func visitsAndDiagnosesHaveVersionsToo() throws {
    var sheet = ClaimSheet()
    sheet.visit("M1", ["updt_time": "2025-03-01"])
    sheet.visit("M1", ["updt_time": "2025-03-02", "vali_flag": "0"])
    sheet.diagnosis("D1", ["updt_time": "2025-03-01", "diag_code": "A01"])
    sheet.diagnosis("D1", ["updt_time": "2025-03-02", "diag_code": "B02"])
    let result = try sheet.normalized()
    #expect(result.fates(.visits) == [.superseded, .cancelled])
    #expect(result.fates(.diagnoses) == [.superseded, .counts])
    #expect(result.value(.diagnosis, "D1", "diag_code") == "B02")
    #expect(result.parent(.diagnosis, "D1", .visit) == nil)
  }
}
