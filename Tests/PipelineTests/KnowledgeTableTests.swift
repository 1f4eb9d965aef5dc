import Foundation
import Testing

/// The tables that `knowledge import` writes are registries of a run, and no table may be given twice.
@Suite struct KnowledgeTableTests {
  @Test func aTableGivenAsRegistryAndAsKnowledgeEndsWith65() throws {
    let folder = try Scratch.folder("knowledge")
    try write(
      """
      药品通用名,药品说明,国标代码,限定类型,限定值域
      甲片,限二级及以上医疗机构,XA01AAA001A001010100001,限定机构等级,二级

      """, to: folder + "/level.csv")
    let imported = try yijian([
      "knowledge", "import", folder + "/level.csv", "--store", folder + "/kn", "--batch", "5", "--published",
      "2025-08-01", "--wordings", Project.root + "/Pipelines/knowledge/wordings/plain.csv",
    ])
    #expect(imported.code == 0, "\(imported.err)")
    #expect(imported.out.contains("tables/hilist_lmt_b.csv: 1 rows, 1 with sure_flag 1\n"))
    try write(
      RefusalTests.good.replacingOccurrences(of: "Pipelines/knowledge]", with: "Pipelines/knowledge, kn/tables]"),
      to: folder + "/small.yml")
    func plan(_ registries: String) throws -> (code: Int32, text: String) {
      let outcome = try yijian(
        SampleRun.arguments(input: Project.sample("planted"), folder: folder, pipeline: folder + "/small.yml")
          + ["--plan", "--registries", registries])
      return (outcome.code, outcome.out + outcome.err)
    }
    let twice = try plan(Project.sample("planted") + "/registries")
    #expect(twice.code == 65)
    #expect(twice.text.contains("error[registry.twice]: The table hilist_lmt_b is given twice."), "\(twice.text)")

    try copy(Project.sample("planted") + "/registries", folder + "/registries")
    try FileManager.default.removeItem(atPath: folder + "/registries/hilist_lmt_b.csv")
    let once = try plan(folder + "/registries")
    #expect(once.code == 0)
    #expect(once.text.contains("hilist_lmt_b: 1 rows, 0 rejected"), "\(once.text)")
  }
}
