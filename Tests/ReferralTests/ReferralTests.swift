import ClaimModel
import Foundation
import Testing

@testable import Referral

@Suite struct Packets {
  @Test func theExampleIsAsWorkedByHand() throws {
    let input = try Fixture().input()
    let amounts = Dictionary(
      uniqueKeysWithValues: input.findings.map {
        ($0.finding.rule + " " + $0.finding.key, [$0.finding.amountFen, $0.finding.fundFen, $0.countedFen])
      })
    #expect(
      amounts == [
        "CAT-01 M1:1": [10_000, 8_000, 8_000], "CAT-01 M2:1": [3_000, 3_000, 3_000],
        "CHR-04 S2": [3_000, 4_500, 1_500],
      ])
    #expect(input.caseFile.countedFen == 12_500)
  }

  @Test func aFreshPacketIsGood() throws {
    let folder = try TemporaryFolder()
    let name = try PacketWriter().write(Fixture().input(), into: folder.path)
    #expect(name.hasSuffix("-含个人信息"))
    for problem in verifyPacket(folder.path + "/" + name) { Issue.record("\(problem)") }
    if let keep = ProcessInfo.processInfo.environment["KEEP_PACKET"] {
      try? FileManager.default.removeItem(atPath: keep)
      try FileManager.default.copyItem(atPath: folder.path, toPath: keep)
    }
  }
}
