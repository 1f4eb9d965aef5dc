import Cases
import ClaimModel
import Testing

private func unit(
  _ id: String, _ fen: Int64, to hospital: String = "H1", for person: String = "P1", by doctor: String = ""
)
  -> UnitClaim
{ UnitClaim(unit: id, fen: fen, fixmedinsCode: hospital, psnNo: person, practitioner: doctor) }

private func record(
  _ rule: String, _ key: String, _ precedence: Int, _ claims: [UnitClaim], fund: Int64? = nil,
  verdict: Verdict = .suspected, state: FindingState = .new, type: SubjectType = .institution, subject: String = "H1"
) -> FindingRecord {
  let fundFen = fund ?? claims.reduce(0) { $0 + $1.fen }
  return FindingRecord(
    finding: Finding(
      id: StableID.finding(rule: rule, key: key), rule: rule, ruleVersion: 1, key: key, verdict: verdict,
      severity: .high, subjectType: type, subject: subject, psnNo: "", fixmedinsCode: "", setlIDs: [], lineIDs: [],
      from: nil, to: nil, measure: nil, threshold: nil, amountFen: fundFen, fundFen: fundFen, precedence: precedence,
      isEstimate: false, explanation: "", claims: claims),
    state: state, firstBatch: "2025-W10")
}

private func assign(_ records: [FindingRecord], open: [CaseFile] = []) -> CaseAssignment {
  assignCases(records: records, open: open, batchLabel: "2025-W10")
}

@Suite struct Counting {
  /// Two lines of 100 and 60 fen. The stay (30 fen more that no line explains) comes first and takes all; the
  /// catalogue finding on the first line gets nothing, one on a line outside the stay all of its 40.
  @Test func oneFenOnce() {
    let result = assign([
      record("CAT-01", "a:1", 20, [unit("a:1", 100)]),
      record("ADM-01", "a|b", 0, [unit("U:s", 30), unit("a:1", 100), unit("a:2", 60)]),
      record("CAT-01", "c:9", 20, [unit("c:9", 40)]),
    ])
    #expect(result.records.map(\.countedFen) == [0, 190, 40])
    #expect(result.cases.map(\.countedFen) == [230])
    #expect(result.totalCountedFen == 230)
    // A finding that counts nothing goes along with its subject's case.
    #expect(Set(result.records.map(\.caseID)) == [result.cases[0].id])
    #expect(result.cases[0].findingIDs.count == 3)
  }

  /// Ten findings of 10^18 − 1 fen at each of two hospitals: each fits 64 bits, a hospital's ten do not.
  @Test func aCaseMayHoldMoreThan64Bits() {
    let fen: Int64 = 999_999_999_999_999_999
    let records = ["H1", "H2"].flatMap { hospital in
      (0..<10).map { i in
        record("CAT-01", "\(hospital):\(i)", 20, [unit("\(hospital):\(i)", fen, to: hospital)], subject: hospital)
      }
    }
    let result = assign(records)
    #expect(result.records.allSatisfy { $0.countedFen == fen })
    #expect(result.cases.map(\.countedFen) == [9_999_999_999_999_999_990, 9_999_999_999_999_999_990])
    #expect(result.totalCountedFen == 19_999_999_999_999_999_980)
  }

  /// Part 3 of 4 of 100 + 60 + 40 = 150: 100 of the first, 50 of the second, nothing of the third. What is left (10
  /// and 40) goes to the next.
  @Test func aPartTakesItsUnitsInByteOrder() {
    let result = assign([
      record("CHR-01", "k", 10, [unit("m:2", 60), unit("m:3", 40), unit("m:1", 100)], fund: 150),
      record("CHR-03", "m:2", 20, [unit("m:2", 60)]),
      record("CHR-03", "m:3", 20, [unit("m:3", 40)]),
    ])
    #expect(result.records.map(\.countedFen) == [150, 10, 40])
    #expect(result.totalCountedFen == 200)
  }

  /// A part passes over what others took and takes from the units behind: 30 of the first are gone with it.
  @Test func aPartPassesOverSpentUnits() {
    let result = assign([
      record("A-01", "x", 0, [unit("m:1", 30)]),
      record("B-01", "y", 1, [unit("m:1", 30), unit("m:2", 50)], fund: 40),
    ])
    #expect(result.records.map(\.countedFen) == [30, 40])
  }

  /// `Z` stands before `a` in bytes; a unit id with 10 before one with 9.
  @Test func orderIsByteOrder() {
    let result = assign([
      record("R", "a", 0, [unit("m:1", 5)]), record("R", "Z", 0, [unit("m:1", 5)]),
      record("S", "p", 1, [unit("n:9", 7), unit("n:10", 3)], fund: 3), record("S", "q", 1, [unit("n:10", 3)]),
    ])
    #expect(result.records.map(\.countedFen) == [0, 5, 3, 0])
  }

  @Test(arguments: [
    (SubjectType.institution, "H1", Int64(10)), (.institution, "H2", 5), (.person, "P1", 3), (.person, "P2", 12),
    (.practitioner, "D1", 10), (.practitioner, "D2", 0), (.group, "G", 12),
    // Line b:1 is signed by nobody; that makes nobody no practitioner.
    (.practitioner, "", 0), (.institution, "", 0), (.person, "", 0),
  ])
  func onlyMoneyThatConcernsTheSubject(type: SubjectType, subject: String, counted: Int64) {
    let claims = [
      unit("a:1", 3, to: "H1", for: "P1", by: "D1"), unit("a:2", 7, to: "H1", for: "P2", by: "D1"),
      unit("b:1", 5, to: "H2", for: "P2", by: ""),
    ]
    let result = assignCases(
      records: [record("R", "k", 0, claims, type: type, subject: subject)], open: [], batchLabel: "b",
      groupMembers: ["G": ["P2"]])
    #expect(result.records[0].countedFen == counted)
    #expect(result.cases.isEmpty == (counted == 0))
  }

  @Test func whatNeverCounts() {
    let result = assignCases(
      records: [
        record("L", "1", 0, [unit("a:1", 9)], verdict: .lead), record("W", "1", 0, [unit("a:1", 9)], state: .withdrawn),
        record("S", "1", 0, [unit("a:1", 9)]), record("N", "1", Int.max, [unit("a:1", 9)]),
        record("Z", "1", 0, [unit("a:1", 9)], fund: 0),
      ], open: [], batchLabel: "b", shadowRules: ["S"])
    #expect(result.records.allSatisfy { $0.countedFen == 0 && $0.caseID.isEmpty })
    #expect(result.cases.isEmpty)
    #expect(result.totalCountedFen == 0)
  }

  /// One line of 100 fen stands in the hospital's case and in the person's, of which a part of 40: the run has 100.
  @Test func theRunCountsAUnitOnceOverAllCases() {
    let result = assign([
      record("CAT-01", "a:1", 0, [unit("a:1", 100)]),
      record("CHR-01", "p", 1, [unit("a:1", 100)], fund: 40, type: .person, subject: "P1"),
    ])
    #expect(result.records.map(\.countedFen) == [100, 40])
    #expect(result.cases.map(\.countedFen).reduce(0, +) == 140)
    #expect(result.totalCountedFen == 100)
  }
}

@Suite struct CaseFiles {
  /// SHA-256 of "institution\nH1\n2025-W10" begins ef27cb529eb1 (sha256sum).
  @Test func idIsMadeOfSubjectAndBatch() {
    let result = assign([record("R", "k", 0, [unit("a:1", 1)])])
    #expect(result.cases.map(\.id) == ["Cef27cb529eb1"])
    #expect(result.cases[0].openedIn == "2025-W10")
  }

  @Test func anOpenCaseTakesNewFindingsAndStaysWithout() {
    let open = [
      CaseFile(
        id: "C1", subjectType: .institution, subject: "H1", openedIn: "2025-W08", findingIDs: ["x"], countedFen: 9),
      CaseFile(
        id: "C0", subjectType: .person, subject: "P9", openedIn: "2025-W08", findingIDs: ["y"], countedFen: 9),
    ]
    let result = assign(
      [
        record("R", "k", 0, [unit("a:1", 4)]), record("R", "l", 0, [unit("a:2", 4)], state: .withdrawn),
        record("R", "m", 0, [unit("a:3", 4)], verdict: .lead),
      ], open: open)
    #expect(result.cases.map(\.id) == ["C0", "C1"])
    #expect(result.cases.map(\.countedFen) == [0, 4])
    #expect(result.cases[0].findingIDs.isEmpty)
    #expect(
      result.cases[1].findingIDs
        == [StableID.finding(rule: "R", key: "k"), StableID.finding(rule: "R", key: "m")].sorted())
    #expect(result.records.map(\.caseID) == ["C1", "C1", "C1"])
    #expect(result.records.map(\.countedFen) == [4, 0, 0])
  }

  /// The same subject id as another type is another subject.
  @Test func subjectsOfTwoTypesAreTwo() {
    let result = assign([
      record("R", "k", 0, [unit("a:1", 4, to: "X", for: "X")], type: .institution, subject: "X"),
      record("Q", "k", 0, [unit("a:1", 4, to: "X", for: "X")], type: .person, subject: "X"),
    ])
    #expect(result.cases.count == 2)
    #expect(result.totalCountedFen == 4)
  }
}

/// SplitMix64: the same cases on every machine.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct Laws {
  @Test(arguments: UInt64(0)..<200)
  func hold(seed: UInt64) {
    var random = Seeded(state: seed)
    let worth = (0..<12).map { _ in Int64.random(in: 0...50, using: &random) }
    var records: [FindingRecord] = []
    for n in 0..<Int.random(in: 1...25, using: &random) {
      let units = (0..<12).filter { _ in Int.random(in: 0...3, using: &random) == 0 }
      let claims = units.map { unit("m:\($0)", worth[$0], to: "H\($0 % 2)", for: "P\($0 % 3)") }
      let sum = claims.reduce(0) { $0 + $1.fen }
      let part = Bool.random(using: &random) ? sum : Int64.random(in: 0...sum, using: &random)
      let isPerson = Bool.random(using: &random)
      records.append(
        record(
          "R\(n % 3)", "k\(n)", n % 4, claims, fund: part,
          verdict: Verdict.allCases[Int.random(in: 0...2, using: &random)],
          state: Int.random(in: 0...5, using: &random) == 0 ? .withdrawn : .standing,
          type: isPerson ? .person : .institution, subject: isPerson ? "P\(n % 3)" : "H\(n % 2)"))
    }
    let result = assign(records)

    for file in result.cases {
      let own = result.records.filter { $0.caseID == file.id }
      #expect(own.reduce(0) { $0 + $1.countedFen } == file.countedFen)
      // No case has more than the units that concern its subject.
      let units = Set(own.flatMap { $0.finding.claims }).filter {
        file.subjectType == .person ? $0.psnNo == file.subject : $0.fixmedinsCode == file.subject
      }
      #expect(file.countedFen <= units.reduce(0) { $0 + $1.fen })
    }
    for r in result.records {
      #expect(r.countedFen <= r.finding.fundFen)
      #expect(r.countedFen >= 0)
    }
    #expect(result.totalCountedFen <= result.cases.reduce(0) { $0 + $1.countedFen })
    #expect(result.totalCountedFen <= worth.reduce(0, +))

    var order = Array(records.indices)
    order.shuffle(using: &random)
    let again = assign(
      order.map { i in
        var r = records[i]
        r.finding.claims.shuffle(using: &random)
        return r
      })
    #expect(again.cases == result.cases)
    #expect(again.totalCountedFen == result.totalCountedFen)
    for (position, i) in order.enumerated() {
      #expect(again.records[position].countedFen == result.records[i].countedFen)
      #expect(again.records[position].caseID == result.records[i].caseID)
    }
  }

  /// A finding of higher rank never loses by a lower one joining.
  @Test(arguments: UInt64(0)..<50)
  func rankHolds(seed: UInt64) {
    var random = Seeded(state: seed &+ 1000)
    let claims = (0..<6).map { unit("m:\($0)", Int64.random(in: 1...50, using: &random)) }
    let first = record("A", "1", 0, Array(claims.prefix(4)))
    let second = record("B", "1", 1, Array(claims.suffix(4)), fund: 20)
    let alone = assign([first]).records[0].countedFen
    #expect(assign([second, first]).records[1].countedFen == alone)
    #expect(alone == claims.prefix(4).reduce(0) { $0 + $1.fen })
  }
}
