import ClaimModel
import Diagnostics
import Foundation
import Registries
import Testing

/// A folder of registry files that goes away with the test.
final class RegistryFolder {
  let path: String

  init(_ files: [String: String]) throws {
    path = NSTemporaryDirectory() + "registries-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(Data(text.utf8), name) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ data: Data, _ name: String) throws { try data.write(to: URL(fileURLWithPath: path + "/" + name)) }
}

struct RegistryLoadingTests {
  let codes = CodeTable()

  /// One table from its text; the folder lives as long as the load.
  func load(_ name: String, _ text: String) throws -> Registry {
    let folder = try RegistryFolder([name + ".csv": text])
    return try #require(try loadRegistries(folder: folder.path, codes: codes)[name])
  }

  func texts(_ table: Registry, _ column: String) -> [String] {
    table.columns[column]?.codes.map { codes.text($0) } ?? []
  }

  static let drugs = "med_list_codg,sup_key,sup_days,basis,begndate,enddate,vali_flag\n"

  @Test func readsByNameWhateverTheOrderAndCase() throws {
    let table = try load(
      "drug_sup_b",
      "\u{FEFF}BASIS,begndate,Sup_Key,extra,med_list_codg,sup_days\r\n说明书a,2025-01-01 08:00:00,k1,x, xa01 ,1.5\r\n")
    #expect(table.count == 1)
    #expect(texts(table, "med_list_codg") == ["XA01"])
    #expect(texts(table, "sup_key") == ["K1"])
    #expect(texts(table, "basis") == ["说明书a"], "official wording is printed as it came")
    #expect(table.columns["sup_days"]?.numbers == [15_000])
    #expect(table.columns["begndate"]?.numbers == [CivilTime.parseDay("2025-01-01") ?? 0])
    #expect(table.columns["enddate"]?.numbers == [ColumnData.null])
    #expect(table.unknownColumns == ["extra"])
  }

  @Test(arguments: ["NULL", "\\N", "", " ", "9999-12-31"])
  func anOpenEndIsNull(end: String) throws {
    let table = try load("drug_sup_b", Self.drugs + "XA,K,1,b,2025-01-01,\(end),1\n")
    #expect(table.columns["enddate"]?.numbers == [ColumnData.null])
    #expect(table.rejected.isEmpty)
  }

  @Test func wordsOfOursAreInLowerCase() throws {
    let table = try load(
      "hilist_lmt_b",
      "kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,begndate\nk1,xa,VISIT,Inpatient,1,限Inpatient,2025-01-01\n"
    )
    #expect(texts(table, "lmt_type") == ["visit"])
    #expect(texts(table, "lmt_val") == ["inpatient"])
    #expect(texts(table, "lmt_text") == ["限Inpatient"])
    #expect(texts(table, "med_list_codg") == ["XA"])
  }

  @Test(arguments: [
    ("XA,K,1,b,,,1", "null-date"),
    ("XA,K,1,b,2025-01-02,2025-01-01,1", "ends-before-begin"), ("NULL,K,1,b,2025-01-01,,1", "null-key"),
    ("XA,K,1,b,2025-01-01", "bad-row"), ("XA,K,1,b,2025-01-01,,1,", "bad-row"),
  ])
  func aRowThatSaysNothingIsRejected(row: String, code: String) throws {
    let table = try load("drug_sup_b", Self.drugs + "XB,K,1,b,2025-01-01,,1\n" + row + "\n")
    #expect(texts(table, "med_list_codg") == ["XB"])
    #expect(table.rejected.map(\.code) == [code])
    #expect(table.rejected.first?.line == 3)
    #expect(table.rejected.first?.table == "drug_sup_b")
    #expect(table.rejected.first?.action == .rejected)
  }

  /// Where a table may be cut off, rows may be lost, and an absence can be a finding.
  @Test(arguments: ["XA,K,1,b,2025-01-01", "XA,K,\"1,b,2025-01-01,,1\nXC,K,1,b,2025-01-01,,1\n", "XA,\"K"])
  func aTableThatMayBeCutOffIsRefused(last: String) throws {
    let rows = Self.drugs + "XB,K,1,b,2025-01-01,,1\n"
    let problems = #expect(throws: Diagnostics.self) { try load("drug_sup_b", rows + last) }
    #expect(problems?.all.map(\.code) == ["registry.cut-off"])
    #expect(problems?.all.first?.place.line == 3)
    // Whole rows need no line feed at the end.
    #expect(try load("drug_sup_b", rows + "XA,K,1,b,2025-01-01,,1").count == 2)
  }

  /// A row in place of the header may hold the same text twice; none of it is printed.
  @Test func aTableWithoutHeaderIsToldSo() throws {
    let problems = #expect(throws: Diagnostics.self) { try load("drug_sup_b", "XA,K,1,XA,2025-01-01,,1\n") }
    #expect(problems?.all.map(\.code) == ["registry.no-header"])
    #expect(problems?.all.first?.message.contains("xa") == false)
  }

  /// What a row says of its key is not as if it had never been said: on no day is there one row that holds.
  @Test(arguments: ["2025/02/03,", "2025-01-01,soon", "never,0000-00-00"])
  func aKeyWithARowThatCanNotBeDatedIsAmbiguous(validity: String) throws {
    let table = try load("drug_sup_b", Self.drugs + "XB,K,1,b,2025-01-01,,1\nXA,K,1,b,\(validity),1\n")
    #expect(texts(table, "med_list_codg") == ["XB", "XA"])
    #expect(table.isAmbiguous == [false, true])
    #expect(table.rejected.map(\.code) == ["bad-date"])
    #expect(table.rejected.map(\.action) == [.rejected])
    let begins = try #require(table.columns["begndate"]?.numbers)
    #expect(begins[1] == CivilTime.parseDay(validity.hasPrefix("2025-01-01") ? "2025-01-01" : "0001-01-01"))
    #expect(table.columns["enddate"]?.numbers == [ColumnData.null, ColumnData.null])
  }

  /// Another row of the key overlaps with it: both are ambiguous, each is reported once.
  @Test func aRowBesideOneThatCanNotBeDatedIsAmbiguousToo() throws {
    let table = try load("drug_sup_b", Self.drugs + "XA,K,1,b,2025-01-01,,1\nXA,K,1,b,soon,late,1\n")
    #expect(table.isAmbiguous == [true, true])
    #expect(table.rejected.map(\.code) == ["overlap", "bad-date"])
  }

  /// A registration excuses where it exists: with a day that can't be read it holds as long as it may.
  @Test func aRegistrationThatCanNotBeDatedHolds() throws {
    let table = try load(
      "opsp_reg_d",
      "psn_no,insu_admdvs,opsp_dise_code,begndate,enddate\np,330100,d,2025/01/01,2025-06-30\n"
        + "q,330100,d,2025-01-01,?\n")
    #expect(table.isAmbiguous == [false, false])
    #expect(
      table.columns["begndate"]?.numbers
        == [CivilTime.parseDay("0001-01-01"), CivilTime.parseDay("2025-01-01")].map { $0 ?? 0 })
    #expect(table.columns["enddate"]?.numbers == [CivilTime.parseDay("2025-06-30") ?? 0, ColumnData.null])
    #expect(table.rejected.map(\.action) == [.nulled, .nulled])
  }

  /// The kind of visit that a damaged row allows is not known: the others of its item would accuse it.
  @Test(arguments: [
    "visit,pharmcy,1,t,2025-01-01,", "visit,pharmacy,1,t,2025/01/01,", "visit,pharmacy,2,t,2025-01-01,",
  ])
  func limitsByVisitBesideADamagedOneSayNothing(damaged: String) throws {
    let table = try load(
      "hilist_lmt_b",
      Self.limits + "1,XA,visit,inpatient,1,t,2025-01-01,\n2,XA,hosp_lv,2,1,t,2025-01-01,\n3,xa,\(damaged)\n"
        + "4,XB,visit,inpatient,1,t,2025-01-01,\n")
    #expect(texts(table, "kp_id") == ["2", "4"])
    #expect(table.rejected.map(\.line) == [2, 4])
    #expect(table.rejected.first?.code == "unsure-limit")
  }

  @Test func aBadNumberBecomesNull() throws {
    let table = try load("drug_sup_b", Self.drugs + "XA,K,viel,b,2025-01-01,,1\n")
    #expect(table.columns["sup_days"]?.numbers == [ColumnData.null])
    #expect(table.rejected.map(\.action) == [.nulled])
  }

  @Test func onlyValidRowsAreKept() throws {
    let table = try load(
      "drug_sup_b",
      Self.drugs + "XA,K,1,b,2025-01-01,,1\nXB,K,1,b,2025-01-01,,0\nXC,K,1,b,2025-01-01,,NULL\nXD,K,1,b,2025-01-01,,2\n"
    )
    #expect(texts(table, "med_list_codg") == ["XA", "XC"])
    #expect(table.dropped == 2)
    #expect(table.rejected.isEmpty)
  }

  @Test func overlappingRowsOfAKeyAreAllAmbiguous() throws {
    // XA: 1-10 and 10-20 overlap, 15-30 overlaps the second only; XB: 1-9 and 10-20 do not; an open row overlaps all.
    let table = try load(
      "drug_sup_b",
      Self.drugs + "XA,K,1,b,2025-01-01,2025-01-10,1\nXA,K,1,b,2025-01-10,2025-01-20,1\n"
        + "XA,K,1,b,2025-01-15,2025-01-30,1\nXA,K,1,b,2025-02-01,,1\nXB,K,1,b,2025-01-01,2025-01-09,1\n"
        + "XB,K,1,b,2025-01-10,2025-01-20,1\nXC,K,1,b,2025-01-01,,1\nXC,K,1,b,2025-06-01,2025-06-30,1\n")
    #expect(table.isAmbiguous == [true, true, true, false, false, false, true, true])
    #expect(table.rejected.map(\.code) == Array(repeating: "overlap", count: 5))
    #expect(table.rejected.map(\.line) == [2, 3, 4, 8, 9])
  }

  @Test func tablesReadForExistenceMayOverlap() throws {
    let table = try load(
      "opsp_reg_d", "psn_no,insu_admdvs,opsp_dise_code,begndate\np,330100,d,2025-01-01\np,330100,d,2025-02-01\n")
    #expect(table.isAmbiguous == [false, false])
    #expect(table.rejected.isEmpty)
  }

  @Test(arguments: [
    ("hosp_lv", "4", "1", "bad-limit"), ("hosp_lv", "NULL", "1", "bad-limit"), ("visit", "2", "1", "bad-limit"),
    ("insutype", "390", "1", "bad-limit"), ("sex", "1", "1", "unknown-limit"), ("visit", "pharmacy", "2", "bad-value"),
  ])
  func aLimitThatMeansNothingIsRejected(type: String, value: String, sure: String, code: String) throws {
    let table = try load("hilist_lmt_b", Self.limits + "k,XA,\(type),\(value),\(sure),t,2025-01-01,\n")
    #expect(table.count == 0)
    #expect(table.rejected.map(\.code) == [code])
  }

  static let limits = "kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,begndate,enddate\n"

  @Test func contradictingInsuranceLimitsAreRejected() throws {
    // XA: both on 10 January. XB: one after the other. XC: the same value twice. A visit limit is no part of it.
    let table = try load(
      "hilist_lmt_b",
      Self.limits + "1,XA,insutype,work_injury,1,t,2025-01-01,2025-01-10\n2,XA,insutype,maternity,1,t,2025-01-10,\n"
        + "3,XA,visit,inpatient,1,t,2025-01-01,\n4,XB,insutype,work_injury,1,t,2025-01-01,2025-01-10\n"
        + "5,XB,insutype,maternity,1,t,2025-01-11,\n6,XC,insutype,maternity,1,t,2025-01-01,\n"
        + "7,XC,insutype,maternity,0,t,2025-01-01,\n")
    #expect(texts(table, "kp_id") == ["3", "4", "5", "6", "7"])
    #expect(table.rejected.map(\.code) == ["contradicting-limits", "contradicting-limits"])
  }

  @Test func aLimitWithoutSureFlagIsNotSure() throws {
    let table = try load(
      "hilist_lmt_b", Self.limits + "1,XA,visit,inpatient,,t,2025-01-01,\n2,XB,visit,outpatient,7,t,2025-01-01,\n")
    #expect(texts(table, "kp_id") == ["1"])
    #expect(table.columns["sure_flag"]?.numbers == [0])
    #expect(table.rejected.map(\.code) == ["bad-value"])
  }

  @Test func aMissingRequiredColumnRefusesTheTable() throws {
    let folder = try RegistryFolder(["drug_sup_b.csv": "med_list_codg,sup_key,begndate,enddate\nXA,K,2025-01-01,\n"])
    let error = #expect(throws: Diagnostics.self) { _ = try loadRegistries(folder: folder.path, codes: codes) }
    #expect(error?.all.map(\.code) == ["registry.missing-column"])
    #expect(error?.all.first?.message.contains("sup_days, basis") == true)
  }

  @Test func gzipAndGB18030AreRead() throws {
    // The basis is 说明书 in GB18030.
    let folder = try RegistryFolder([:])
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c",
      "printf 'med_list_codg,sup_key,sup_days,basis,begndate\\nXA,K,1,\\313\\265\\303\\367\\312\\351,2025-01-01\\n' | gzip -nc > '\(folder.path)/drug_sup_b.csv.gz'",
    ]
    try process.run()
    process.waitUntilExit()
    let table = try #require(try loadRegistries(folder: folder.path, codes: codes)["drug_sup_b"])
    #expect(texts(table, "basis") == ["说明书"])
    #expect(table.source == "drug_sup_b.csv.gz")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/drug_sup_b.csv.gz"))
    #expect(table.digest == bytes.withUnsafeBytes { SHA256Hasher.hex(of: $0) })
  }

  @Test func aTableIsGivenOnce() throws {
    let ranks = "hosp_lv,rank\n01,3\n"
    let folder = try RegistryFolder(["hosp_lv_rank.csv": ranks, "note.txt": "x", "opsp_dise_list_b.csv": "a\n1\n"])
    let shipped = try RegistryFolder(["hosp_lv_rank.csv": ranks])
    let error = #expect(throws: Diagnostics.self) {
      _ = try loadRegistries(folder: folder.path, knowledge: [shipped.path], codes: codes)
    }
    #expect(error?.all.map(\.code) == ["registry.twice"])
    let alone = try loadRegistries(folder: "", knowledge: [shipped.path], codes: codes)
    #expect(alone["hosp_lv_rank"]?.columns["rank"]?.numbers == [3])
    // Named by its folder alone: packets must not depend on where the folder lies.
    let name = shipped.path.split(separator: "/").last ?? ""
    #expect(alone["hosp_lv_rank"]?.source == "\(name)/hosp_lv_rank.csv")
    #expect(try loadRegistries(folder: folder.path, codes: codes).notes.map(\.code) == ["registry.unknown-table"])
  }

  @Test func aFolderThatIsNotThereIsAnError() {
    let error = #expect(throws: Diagnostics.self) { _ = try loadRegistries(folder: "/nowhere/at/all", codes: codes) }
    #expect(error?.all.map(\.code) == ["registry.folder"])
  }
}

struct RegionOrderTests {
  @Test(arguments: [
    ("330106", ["330106", "330100", "330000", "000000"]), ("330100", ["330100", "330000", "000000"]),
    ("330000", ["330000", "000000"]), ("000000", ["000000"]), ("", ["000000"]), ("3301", ["000000"]),
  ])
  func goesFromNearToFar(code: String, order: [String]) { #expect(regionOrder(code) == order) }
}

struct RegistryIndexTests {
  let codes = CodeTable()

  func index(_ rows: String, _ columns: [String]) throws -> RegistryIndex {
    let folder = try RegistryFolder([
      "drug_sup_b.csv": "med_list_codg,sup_key,sup_days,basis,begndate,enddate\n" + rows
    ])
    let table = try #require(try loadRegistries(folder: folder.path, codes: codes)["drug_sup_b"])
    return RegistryIndex(table, columns: columns, codes: codes)
  }

  func day(_ text: String) -> Int64 { CivilTime.parseDay(text) ?? 0 }

  @Test(arguments: [
    ("2024-12-31", false), ("2025-01-01", true), ("2025-01-10", true), ("2025-01-11", true), ("2025-01-15", true),
    ("2025-01-16", false), ("2025-02-01", true), ("2030-01-01", true),
  ])
  func holdsOnBothEnds(on: String, expected: Bool) throws {
    // Several drugs share a key; their stretches are joined: 1-10, 5-9, 11-15, and from February on.
    let index = try index(
      "A,K,1,b,2025-01-01,2025-01-10\nB,K,1,b,2025-01-05,2025-01-09\nC,K,1,b,2025-01-11,2025-01-15\nD,K,1,b,2025-02-01,\n",
      ["sup_key"])
    let group = index.index.group([KeyIndex.keyValue(code: codes.intern("K"))])
    #expect(index.holds(group, from: day(on), to: day(on)) == expected)
    #expect(index.isKeyComplete == false)
  }

  @Test func aSpanOfDaysMeetsARowAtItsEdge() throws {
    let index = try index("A,K,1,b,2025-01-31,2025-01-31\n", ["med_list_codg"])
    let group = index.index.group([KeyIndex.keyValue(code: codes.intern("A"))])
    #expect(index.holds(group, from: day("2025-01-01"), to: day("2025-01-31")))
    #expect(!index.holds(group, from: day("2025-01-01"), to: day("2025-01-30")))
    #expect(index.holds(group, from: day("2025-01-31"), to: day("2025-03-02")))
    #expect(!index.holds(group, from: day("2025-02-01"), to: day("2025-03-02")))
  }

  @Test func rejectedRowsMakeTheirDaysAmbiguousAndNoOthers() throws {
    let index = try index(
      "A,K,1,b,2025-01-01,2025-01-10\nA,K,2,b,2025-01-10,2025-01-20\nA,K,3,b,2025-02-01,\n",
      [
        "med_list_codg"
      ])
    let group = index.index.group([KeyIndex.keyValue(code: codes.intern("A"))])
    #expect(index.canBeAmbiguous)
    #expect(index.isAmbiguous(group, from: day("2025-01-02"), to: day("2025-01-02")))
    #expect(!index.isAmbiguous(group, from: day("2025-01-21"), to: day("2025-01-21")))
    #expect(!index.holds(group, from: day("2025-01-02"), to: day("2025-01-02")))
    #expect(index.holds(group, from: day("2025-02-02"), to: day("2025-02-02")))
  }

  @Test func manyKeysAreAllFound() {
    let index = KeyIndex(
      columns: [(0..<5000).map { UInt64($0 % 1000) }, (0..<5000).map { UInt64($0 % 7 + 1) }], count: 5000)
    // 999 first values that are not null with 7 second ones, each pair once in 7000 rows: 5000 − 5 rows with a null.
    #expect(index.groupCount == 4995)
    #expect(index.group([0, 1]) == -1)
    #expect(Array(index.rows(index.group([500, 500 % 7 + 1]))) == [500])
  }
}
