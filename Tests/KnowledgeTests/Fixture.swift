import CXlsxWriter
import ClaimModel
import Diagnostics
import Foundation

@testable import Knowledge

let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A folder of a test's own, gone when the test is over.
final class Bench {
  let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("knowledge-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { folder + "/" + name }

  func write(_ text: String, _ name: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }

  /// A workbook: sheets with rows of cells; an empty text is a blank cell, `#12` the number 12, `\u{1}text` a cell
  /// merged with the three to its right.
  func workbook(_ name: String, _ sheets: [(String, [[String]])]) throws -> String {
    let book = workbook_new(path(name))
    for (sheet, rows) in sheets {
      let page = workbook_add_worksheet(book, sheet)
      for (r, row) in rows.enumerated() {
        for (c, cell) in row.enumerated() where !cell.isEmpty {
          if cell.hasPrefix("#"), let number = Double(cell.dropFirst()) {
            worksheet_write_number(page, UInt32(r), UInt16(c), number, nil)
          } else if cell.hasPrefix("\u{1}") {
            worksheet_merge_range(page, UInt32(r), UInt16(c), UInt32(r), UInt16(c + 3), String(cell.dropFirst()), nil)
          } else {
            worksheet_write_string(page, UInt32(r), UInt16(c), cell, nil)
          }
        }
      }
    }
    guard workbook_close(book) == LXW_NO_ERROR else { throw CocoaError(.fileWriteUnknown) }
    return path(name)
  }

  /// Import of batch 5, published 2025-08-01, with two plain wordings.
  func importing(
    _ files: [String], batch: String? = "5", published: String? = "2025-08-01", from: String? = nil,
    store: String = "store", crosswalk: String? = nil, region: String? = nil
  ) throws(Diagnostics) -> KnowledgeImportReport {
    let wordings = path("plain.csv")
    try? "lmt_type,lmt_val,text\nhosp_lv,2,限二级使用\ninsutype,work_injury,工伤用药\nvisit,inpatient,限住院\n"
      .write(toFile: wordings, atomically: true, encoding: .utf8)
    return try importKnowledge(
      KnowledgeImportRequest(
        files: files, store: path(store),
        options: KnowledgeImportOptions(
          batch: batch, published: published.flatMap(CivilTime.parseDay), begin: from.flatMap(CivilTime.parseDay)),
        wordings: wordings, crosswalk: crosswalk, region: region))
  }

  /// Files of a folder by relative path.
  func tree(_ name: String) throws -> [String: Data] {
    var result: [String: Data] = [:]
    for file in try FileManager.default.subpathsOfDirectory(atPath: path(name)) where file.hasSuffix(".csv") {
      result[file] = FileManager.default.contents(atPath: path(name) + "/" + file)
    }
    return result
  }
}

// Invented codes of the published lengths.
let drugA = "XA01AAA001A001010100001"
let drugB = "ZA01AAA0001010100002"
let drugC = "XB02BBB002B002020200003"
let itemA = "009900000010000"
let itemB = "009900000020000"

let levelRecords = [
  ["药品通用名", "药品说明", "限定类型", "限定值域"],
  ["甲片", "限二级使用", "限定机构等级", "二级"],
  ["乙片", "限三级医院专科使用。", "限定机构等级", "三级"],
]
let levelCodes = [
  ["药品通用名", "序号", "国标代码", "限定类型"],
  ["甲片", "#1", drugA, "限定机构等级"],
  ["甲片", "#2", drugB, "限定机构等级"],
  ["乙片", "#1", drugC, "限定机构等级"],
]

/// The diagnostics that an import ends with; empty if it does not fail.
func problems(_ body: () throws(Diagnostics) -> KnowledgeImportReport) -> [Diagnostic] {
  do throws(Diagnostics) {
    _ = try body()
    return []
  } catch {
    return error.all
  }
}

func csv(_ rows: [[String]]) -> String {
  rows.map { $0.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 }.joined(separator: ",") }
    .joined(separator: "\n") + "\n"
}
