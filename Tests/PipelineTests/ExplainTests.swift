import Foundation
import Testing

/// `yijian explain` over the planted sample.
@Suite struct ExplainTests {
  func explain(_ id: String, more: [String] = []) throws -> Outcome {
    let run = try Samples.planted.get()
    return try yijian(
      [
        "explain", id, "--pipeline", Project.pipeline, "--store", run.store, "--registries",
        Project.sample("planted") + "/registries",
      ] + more)
  }

  static func rows(_ name: String) throws -> [[String: String]] {
    try Samples.planted.get().table("2025-W11", name).rows
  }

  /// One finding of each rule: every part of the page is there, and nothing is warned of.
  @Test func everyRuleIsExplained() throws {
    var seen: Set<String> = []
    for row in try Self.rows("findings.csv") where seen.insert(row["rule"] ?? "").inserted {
      let outcome = try explain(row["finding_id"] ?? "")
      #expect(outcome.code == 0, "\(row["finding_id"] ?? ""): \(outcome.err)")
      for heading in ["一、发现", "二、所依据的行", "三、条件", "四、豁免", "五、当时有效的参数", "六、登记与知识", "八、依据", "九、可能的合理解释", "十、复算"] {
        #expect(outcome.out.contains("── \(heading)"), "\(row["rule"] ?? "") lacks \(heading)")
      }
      #expect(!outcome.out.contains("注意："), "\(row["rule"] ?? ""): a remark on an untouched store")
      #expect(outcome.out.contains("CREATE TEMP TABLE \"\(row["rule"] ?? "") rows\""))
    }
    #expect(seen.count >= 5)
  }

  /// The place that is named holds the row: line and byte are looked up with the system's own tools.
  @Test func theNamedPlaceHoldsTheLine() throws {
    let row = try #require(try Self.rows("findings.csv").first { $0["rule"] == "CAT-01" })
    let line = try #require(row["line_ids"])
    let page = try explain(row["finding_id"] ?? "").out
    let part = try #require(page.components(separatedBy: "费用明细 \(line)\n").dropFirst().first)
    let source = try #require(part.split(separator: "\n").first).split(separator: " ")
    let path = Project.sample("planted") + "/batches/" + source[1]
    let number = source[3]
    let offset = try #require(Int(source[5].prefix { $0.isNumber }))
    let byNumber = try tool("sh", "-c", "gzip -dc \"$0\" | sed -n \"$1p\"", path, String(number))
    let byOffset = try tool("sh", "-c", "gzip -dc \"$0\" | tail -c +$1 | head -n 1", path, String(offset + 1))
    #expect(byNumber == byOffset)
    #expect(byNumber.contains(line.split(separator: ":")[1]))
  }

  /// Two nights: the transfer on discharge way 2 is real, but explains one night only; so EX-01 is FALSE although one
  /// of its parts is TRUE.
  @Test func anExemptionThatAlmostAppliedSaysWhichPartWasFalse() throws {
    let twoNights = try Self.rows("findings.csv").filter { $0["rule"] == "ADM-01" && $0["measure"] == "2" }
    let pages = try twoNights.map { try explain($0["finding_id"] ?? "").out }
    let page = try #require(pages.first { $0.contains("TRUE   a.dscg_way IN ('2', '3')") })
    #expect(page.contains("EX-01 转院、转诊：未适用：条件不成立"))
    #expect(
      page.contains("FALSE  LEAST(a.end_day, b.end_day) - GREATEST(a.begin_day, b.begin_day) = 1"))
    #expect(page.contains("$min_nights     1  自 2025-01-01 起"))
  }

  @Test func aSuppressedHitNamesTheExemptionThatApplied() throws {
    let row = try #require(try Self.rows("suppressed.csv").first { $0["exemption"] == "EX-07" })
    let outcome = try explain(row["finding_id"] ?? "")
    #expect(outcome.code == 0)
    #expect(outcome.out.contains("不是发现：命中后被豁免"))
    #expect(outcome.out.contains("EX-07 生育、新生儿：适用"))
  }

  /// Rows of the registry that spoke, with the digest of the file as delivered.
  @Test func namesTheRegistryRowAndItsFile() throws {
    let row = try #require(
      try Self.rows("findings.csv").first { $0["rule"] == "CAT-01" && $0["verdict"] == "明确违规" })
    let page = try explain(row["finding_id"] ?? "").out
    let file = FileManager.default.contents(atPath: Project.sample("planted") + "/registries/hilist_b.csv") ?? Data()
    #expect(page.contains("hilist_b：hilist_b.csv"))
    #expect(page.contains(sha256(file)))
    #expect(page.contains("chrgitm_lv 03（丙类）"))
    // Money is shown as money.
    #expect(page.contains("阈值 0.00 元"))
  }

  /// Explanations say codes in words, the official wording of a limit, and what is missing as missing.
  @Test func explanationsAreInWords() throws {
    let rows = try Self.rows("findings.csv")
    let limits = rows.filter { $0["rule"] == "CAT-03" }.compactMap { $0["explanation"] }
    #expect(limits.contains { $0.contains("（限就医方式：限急诊或住院使用），就医类别 门诊，") })
    #expect(limits.contains { $0.contains("（限机构级别：") })
    for text in limits { #expect(!text.contains("（visit") && !text.contains("险种 390") && !text.contains("outpatient")) }
    let chronic = rows.filter { $0["rule"] == "CHR-04" }.compactMap { $0["explanation"] }
    #expect(chronic.contains { $0.contains("病种 未填写，病种名称 未填写") })
    for text in chronic { #expect(!text.contains("病种 无")) }
  }

  /// CHR-04 asks whether the registry speaks of the region at all; the row that says so is another person's.
  @Test func nobodyElsesRegistrationIsPrinted() throws {
    let row = try #require(try Self.rows("findings.csv").first { $0["rule"] == "CHR-04" })
    let page = try explain(row["finding_id"] ?? "", more: ["--all"]).out
    #expect(page.contains("他人的登记，只列与查询有关的列"))
    let own = try #require(row["psn_no"])
    let table = try Table(path: Project.sample("planted") + "/registries/opsp_reg_d.csv")
    let others = Set(table.rows.compactMap { $0["psn_no"] }).subtracting([own])
    #expect(others.count > 10)
    #expect(others.filter { page.contains($0) } == [])
  }

  /// An occupancy only counts; the stays it counted are shown, as many different persons as the census says.
  @Test func theStaysOfACensusAreShown() throws {
    let row = try #require(try Self.rows("findings.csv").first { $0["rule"] == "ADM-09" })
    let page = try explain(row["finding_id"] ?? "", more: ["--all"]).out
    let stays = page.split(separator: "\n").filter { $0.hasPrefix("  住院 ") }
    let measure = try #require(Int(row["measure"] ?? ""))
    #expect(Set(stays).count >= measure)
    #expect(page.contains("TRUE   stay.nwb_flag IS NOT '1'"))
  }

  @Test func otherRegistriesAreRemarkedUpon() throws {
    let row = try #require(try Self.rows("findings.csv").first { $0["rule"] == "CHR-04" })
    let folder = try Scratch.folder("registries") + "/registries"
    try copy(Project.sample("planted") + "/registries", folder)
    let path = folder + "/opsp_reg_d.csv"
    try write(text(of: path) + "\n", to: path)
    let outcome = try explain(row["finding_id"] ?? "", more: ["--registries", folder])
    #expect(outcome.code == 0)
    #expect(outcome.out.contains("登记表与上次运行所用的不同：opsp_reg_d"))
  }

  @Test(arguments: ["CAT-01-0000000000000000", "NONE-01-0000000000000000", "nonsense"])
  func unknownIdsAreRefused(_ id: String) throws {
    let outcome = try explain(id)
    #expect(outcome.code == 2)
    #expect(outcome.err.contains("explain.unknown"))
    #expect(outcome.out.isEmpty)
  }
}
