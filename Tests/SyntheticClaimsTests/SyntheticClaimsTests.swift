import ClaimModel
import Foundation
import Testing

@testable import SyntheticClaims

private func temporaryFolder() -> String {
  NSTemporaryDirectory() + "synth-" + UUID().uuidString
}

/// Every file of a folder by its relative path.
private func contents(_ folder: String) throws -> [String: Data] {
  var result: [String: Data] = [:]
  for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
    var isFolder: ObjCBool = false
    let full = folder + "/" + path
    if FileManager.default.fileExists(atPath: full, isDirectory: &isFolder), !isFolder.boolValue {
      result[path] = try Data(contentsOf: URL(fileURLWithPath: full))
    }
  }
  return result
}

/// The text of a gzip file, by the command, which every machine has.
private func inflated(_ data: Data) throws -> String {
  let path = NSTemporaryDirectory() + "inflate-" + UUID().uuidString + ".gz"
  defer { try? FileManager.default.removeItem(atPath: path) }
  try data.write(to: URL(fileURLWithPath: path))
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["gzip", "-dc", path]
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let text = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  #expect(process.terminationStatus == 0)
  return String(decoding: text, as: UTF8.self)
}

/// Rows of a small CSV without enclosed fields that hold commas or line feeds.
private func rows(_ folder: String, _ name: String) throws -> [[String: String]] {
  let lines = try String(contentsOfFile: folder + "/" + name, encoding: .utf8).split(separator: "\n")
  let header = lines[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  return lines.dropFirst().map { line in
    let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return Dictionary(uniqueKeysWithValues: zip(header, fields))
  }
}

@Suite struct SynthesizeTests {
  @Test(arguments: [SynthOptions.Kind.clean, .planted, .load, .broken])
  func equalOptionsGiveEqualBytes(kind: SynthOptions.Kind) throws {
    let options = SynthOptions(seed: 7, settlements: 240, planted: kind, parts: 4)
    let (a, b) = (temporaryFolder(), temporaryFolder())
    defer { for folder in [a, b] { try? FileManager.default.removeItem(atPath: folder) } }
    #expect(try synthesize(options, into: a) == synthesize(options, into: b))
    let first = try contents(a)
    #expect(try first == contents(b))
    #expect(first.count > 40)
  }

  @Test func weeksOfOneDeliveryAreTheWeeksOfSeveral() throws {
    let (a, b) = (temporaryFolder(), temporaryFolder())
    defer { for folder in [a, b] { try? FileManager.default.removeItem(atPath: folder) } }
    var options = SynthOptions(seed: 5, settlements: 300, layout: .narrow, planted: .load, batches: 12, parts: 2)
    let apart = try synthesize(options, into: a)
    options.together = true
    options.parts = 5
    let together = try synthesize(options, into: b)
    // One name from the first week to the last, and five files of each table.
    #expect(apart.batches.count == 12)
    #expect(apart.batches.last == "2025-W21")
    #expect(together.batches == ["2025-W10_2025-W21"])
    #expect(together.rows == apart.rows)
    #expect(together.files == 25)
    func settlements(_ folder: String) throws -> [String] {
      let files = try contents(folder).filter { $0.key.contains("/setl_d_") }.sorted { $0.key < $1.key }
      return try files.flatMap { try inflated($0.value).split(separator: "\n").dropFirst().map(String.init) }
    }
    let rows = try settlements(a)
    #expect(rows.count == apart.rows["setl_d"])
    // Planned records may stand between other neighbours; nothing is lost or made twice.
    #expect(try rows.sorted() == settlements(b).sorted())
    // What a later week took back never was a finding of the whole.
    #expect(together.truth["withdrawn"] == nil)
    #expect(together.truth["hit"] ?? 0 > 100)
  }

  @Test func staysOfLaterWeeksAreOtherPersons() {
    let world = World(seed: 1, settlementsPerBatch: 250)
    let weeks = BackgroundWeeks(world: world)
    func persons(_ batch: Int) -> Set<Int> {
      Set(
        (0..<250).compactMap { index in
          var record = ClaimRecord()
          weeks.fill(&record, batch: batch, index: index)
          return record.isStay ? record.person : nil
        })
    }
    // 2 of 25 settlements are stays; eight weeks on, the next 20 of those who may be discharged in this week.
    #expect(persons(0).count == 20)
    #expect(persons(8).count == 20)
    #expect(persons(0).isDisjoint(with: persons(8)))
    #expect(persons(0).union(persons(8)).allSatisfy { $0 % 8 == 0 })
  }

  @Test func anotherSeedGivesOtherClaims() throws {
    let (a, b) = (temporaryFolder(), temporaryFolder())
    defer { for folder in [a, b] { try? FileManager.default.removeItem(atPath: folder) } }
    _ = try synthesize(SynthOptions(seed: 1, settlements: 60), into: a)
    _ = try synthesize(SynthOptions(seed: 2, settlements: 60), into: b)
    let name = "batches/2025-W10/fee_list_d_2025W10_01.csv.gz"
    #expect(try contents(a)[name] != contents(b)[name])
  }

  @Test func plantedSampleHasEachRuleVerdictAndKind() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let summary = try synthesize(SynthOptions(seed: 3, settlements: 100), into: folder)
    #expect(summary.batches == ["2025-W10", "2025-W11"])
    let truth = try rows(folder, "truth.csv")
    let last = truth.filter { $0["batch"] == "2025-W11" }
    for (rule, verdicts) in [
      "CAT-01": ["明确违规", "可疑"], "CAT-03": ["明确违规", "可疑"], "ADM-01": ["可疑"], "ADM-02": ["可疑", "线索"],
      "ADM-05": ["可疑", "线索"], "ADM-06": ["可疑"], "ADM-09": ["可疑"], "CHR-01": ["可疑", "线索"], "CHR-03": ["可疑"],
      "CHR-04": ["可疑", "线索"],
    ] {
      for verdict in verdicts {
        let hits = last.filter { $0["rule"] == rule && $0["kind"] == "hit" && $0["verdict"] == verdict }
        #expect(hits.count >= 3, "\(rule) \(verdict)")
      }
      let lookalikes = last.filter { $0["rule"] == rule && $0["kind"] == "lookalike" }
      #expect(lookalikes.count >= (rule == "ADM-09" ? 11 : 20), "\(rule)")
      #expect(lookalikes.allSatisfy { $0["differs_in"]?.contains(".") == true && $0["amount_fen"] == "" })
    }
    #expect(last.filter { $0["kind"] == "withdrawn" }.count == 15)
    // A finding that is withdrawn stood after the batch before.
    for row in last where row["kind"] == "withdrawn" {
      #expect(truth.contains { $0["batch"] == "2025-W10" && $0["kind"] == "hit" && $0["key"] == row["key"] })
    }
    // Keys are unique in a batch.
    #expect(Set(last.map { ($0["rule"] ?? "") + " " + ($0["key"] ?? "") }).count == last.count)
  }

  @Test func cleanSampleHasNoHit() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let summary = try synthesize(SynthOptions(seed: 3, settlements: 60, planted: .clean), into: folder)
    #expect(summary.truth["hit"] == nil)
    #expect((summary.truth["lookalike"] ?? 0) > 100)
  }

  @Test func packetsAreWorthIt() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try synthesize(SynthOptions(seed: 20_250_303, settlements: 60), into: folder)
    var sums: [String: Int] = [:]
    for row in try rows(folder, "truth.csv")
    where row["batch"] == "2025-W11" && row["kind"] == "hit" && row["verdict"] != "线索" {
      sums[(row["subject_type"] ?? "") + " " + (row["subject"] ?? ""), default: 0] += Int(row["fund_fen"] ?? "") ?? 0
    }
    let dear = sums.filter { $0.value >= 1_000_000 }.keys
    #expect(dear.filter { $0.hasPrefix("institution") }.count >= 2)
    #expect(dear.contains { $0.hasPrefix("person") })
  }

  @Test func brokenSampleNamesEachDamage() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try synthesize(SynthOptions(seed: 1, settlements: 240, planted: .broken, parts: 4), into: folder)
    let rejects = try rows(folder, "expected-rejects.csv")
    #expect(Set(rejects.compactMap { $0["code"] }).count == rejects.count)
    #expect(rejects.count == 12)
    let codes = try rows(folder, "expected-refusals.csv").compactMap { $0["code"] }
    #expect(Set(codes).count == codes.count)
    #expect(codes.contains("intake.truncated") && codes.contains("intake.unsafe-name"))
  }

  @Test(arguments: [
    SynthOptions(settlements: 0), SynthOptions(parts: 0), SynthOptions(compression: 10),
    SynthOptions(settlements: 20, planted: .broken, parts: 4),
  ])
  func badOptionsAreRefused(options: SynthOptions) {
    #expect(throws: (any Error).self) { try synthesize(options, into: temporaryFolder()) }
  }
}

@Suite struct PersonTests {
  // ISO 7064 MOD 11-2 with the weights as the standard prints them.
  private func checkDigit(_ stem: String) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    let sum = zip(stem.utf8, weights).reduce(0) { $0 + Int($1.0 - 0x30) * $1.1 }
    return Array("10X98765432".map(String.init))[sum % 11]
  }

  @Test func noCertificateNumberPassesItsCheck() {
    let world = World(seed: 1, settlementsPerBatch: 100)
    for index in 0..<2_000 {
      let certificate = world.person(index).certificate
      #expect(certificate.utf8.count == 18)
      #expect(checkDigit(String(certificate.prefix(17))) != String(certificate.suffix(1)))
    }
  }

  @Test func familiesShareSurnameAndAddress() {
    let world = World(seed: 1, settlementsPerBatch: 100)
    let (a, b) = (world.person(30), world.person(31))
    #expect(a.address == b.address)
    #expect(a.name.first == b.name.first)
    #expect(a.number != b.number)
  }
}

@Suite struct FundShareTests {
  // The fund paid 30.00 of 60.01: 499.92, 999.83 and 1500.25 fen. The floors leave two fen, for .92 and .83.
  @Test func largestRemainder() {
    var lines = [1_000, 2_000, 3_001].enumerated().map {
      LineAmount(mdtrt: 1, sn: Int64($0.offset), time: 0, claimed: Int64($0.element))
    }
    splitFund(&lines, paid: 3_000, inscp: 0)
    #expect(lines.map(\.fund) == [500, 1_000, 1_500])
  }

  @Test func equalRemaindersGoToTheEarlierLine() {
    var lines = [LineAmount(mdtrt: 1, sn: 1, time: 9, claimed: 1), LineAmount(mdtrt: 1, sn: 2, time: 5, claimed: 1)]
    splitFund(&lines, paid: 1, inscp: 0)
    #expect(lines.map(\.fund) == [0, 1])
  }

  @Test(arguments: [(5_000, 0, [1_000, 2_000]), (0, 0, [0, 0]), (300, 6_000, [50, 100])])
  func wholeNoneAndScopeOfTheSettlement(paid: Int64, inscp: Int64, expected: [Int64]) {
    var lines = [1_000, 2_000].enumerated().map {
      LineAmount(mdtrt: 1, sn: Int64($0.offset), time: 0, claimed: Int64($0.element))
    }
    splitFund(&lines, paid: paid, inscp: inscp)
    #expect(lines.map(\.fund) == expected)
  }
}

@Suite struct RowWriterTests {
  @Test func enclosureInsideAFieldIsDoubled() {
    let sink = ByteSink()
    let writer = RowWriter(table: .diagnoses, format: .wide, columns: ["diag_code", "diag_name"], sink: sink)
    writer.set(ClaimTable.diagnoses.index(of: "diag_name") ?? 0, "5'6")
    writer.end()
    #expect(String(decoding: sink.bytes, as: UTF8.self) == "'rn','diag_code','diag_name'\r\n'1','','5''6'\r\n")
  }

  @Test(arguments: [(Int64(-1_234), "-12.34"), (5, "0.05"), (0, "0.00"), (100_000_000, "1000000.00")])
  func amounts(fen: Int64, text: String) {
    let sink = ByteSink()
    let writer = RowWriter(table: .feeLines, format: .narrow, columns: ["det_item_fee_sumamt"], sink: sink)
    writer.set(ClaimTable.feeLines.index(of: "det_item_fee_sumamt") ?? 0, fen: fen)
    writer.end()
    #expect(String(decoding: sink.bytes, as: UTF8.self) == "det_item_fee_sumamt\n\(text)\n")
  }
}

@Suite struct LabelTests {
  @Test(arguments: [(0, "2025-W10"), (1, "2025-W11"), (42, "2025-W52"), (43, "2026-W01"), (95, "2026-W53")])
  func isoWeeks(batch: Int, label: String) { #expect(BackgroundWeeks.label(batch) == label) }
}
