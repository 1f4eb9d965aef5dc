import ClaimModel
import Diagnostics
import Testing

@testable import Intake

struct LayoutTests {
  let scratch = Scratch()

  @Test(arguments: [
    ("fee_list_d_2025W10_03.csv.gz", ClaimTable.feeLines), ("sub/FEE_LIST_D.csv", .feeLines),
    ("setl_d-1.csv", .settlements), ("setl_d7.txt", .settlements), ("setl_diag_list_d_1.csv", .diagnoses),
    ("setl_list_diag_d.csv", .diagnoses), ("setl_list_oprn_d.csv", .operations), ("mdtrt_d.zip", .visits),
    ("setl_data.csv", nil), ("fee_list.csv", nil), ("xfee_list_d.csv", nil), ("fee_list_d", nil),
    ("fee_list_d/part.csv", nil),
  ])
  func tableOfAName(name: String, table: ClaimTable?) {
    #expect(ClaimTable(fileNamed: name) == table)
  }

  static let columns = feeHeader.split(separator: ",").map(String.init)
  static let values = ["M1", "L1", "S1", "P1", "1", "12.50", "2025-03-04", "it"]

  @Test(arguments: [
    (",", "'"), (",", "\""), (",", ""), ("\t", "'"), ("\t", ""), ("|", "\""), ("\u{1}", ""), ("|", "'"),
  ])
  func detectsDelimiterAndEnclosure(delimiter: String, enclosure: String) throws {
    func line(_ fields: [String], _ quote: String) -> String {
      fields.map { quote + $0 + quote }.joined(separator: delimiter) + "\r\n"
    }
    for headerQuote in [enclosure, ""] {
      let text = line(Self.columns, headerQuote) + line(Self.values, enclosure) + line(Self.values, enclosure)
      let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
      #expect(report.refusal == nil)
      #expect(report.members.first?.delimiter == delimiter.utf8.first)
      #expect(report.members.first?.enclosure == enclosure.utf8.first)
      #expect(got.rows == [Self.values, Self.values])
    }
  }

  @Test func doubledEnclosuresAndBlanks() throws {
    let text =
      "'rn', 'mdtrt_id' ,'bkkp_sn','setl_id','psn_no','cnt','det_item_fee_sumamt','fee_ocur_time','hilist_name'\n"
      + "'1',' M1\t', 'L1' ,'','   ','1','1','2025-03-04','5''-核苷酸''酶'''\n"
      + "'2','M1','L2','','P','1','1','2025-03-04','　全角'"
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
    #expect(report.rejects.isEmpty)
    #expect(report.members.first?.unknownColumns == [])
    #expect(got.rows.first == ["1", "M1", "L1", "", "", "1", "1", "2025-03-04", "5'-核苷酸'酶'"])
    #expect(got.rows.last?.last == "全角")
    #expect(got.layouts[0].0.columnOfField[0] == nil)
  }

  @Test func aCommaFileMayEncloseInALaterRowOnly() throws {
    var text = feeFile(1500) { "6\" nail \($0)" }
    text += "M,L,S,P,1,1,2025-03-04,\"a, b\"\n"
    let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
    #expect(report.rejects.isEmpty)
    #expect(got.rows.last?[7] == "a, b")
    #expect(got.rows.first?[7] == "6\" nail 1")
  }

  @Test func mapsByNameInEachFile() throws {
    let swapped = "BKKP_SN,就诊ID,psn_no,setl_id,det_item_fee_sumamt,cnt,fee_ocur_time,inscp_scp_amt,extra\n"
    let row = "L1,M1,P1,S1,12.50,1,2025-03-04,3,x\n"
    let (report, got) = try read(try scratch.write("fee_list_d_02.csv", Array((swapped + row).utf8)))
    #expect(report.refusal == nil)
    let layout = try #require(got.layouts.first?.0)
    let names = layout.columnOfField.map { $0.map { ClaimTable.feeLines.columns[$0].name } }
    #expect(
      names == [
        "bkkp_sn", "mdtrt_id", "psn_no", "setl_id", "det_item_fee_sumamt", "cnt", "fee_ocur_time", "inscp_amt", nil,
      ])
    #expect(layout.unknownColumns == ["extra"])
    #expect(report.members.first?.unknownColumns == ["extra"])
    #expect(layout.missingColumns.contains("pric") && !layout.missingColumns.contains("inscp_amt"))
    #expect(layout.missingColumns.count == ClaimTable.feeLines.columns.count - 8)
  }

  static let wholeSettlement = ClaimTable.settlements.columns.map(\.name).joined(separator: ",")
  static let refused: [(String, String, String)] = [
    ("intake.missing-column", "fee_list_d_1.csv", feeHeader.replacing("psn_no,", with: "")),
    ("intake.missing-column", "fee_list_d_1.csv", feeHeader.replacing("cnt,", with: "count,")),
    ("intake.duplicate-column", "fee_list_d_1.csv", feeHeader + ",inscp_amt,inscp_scp_amt"),
    ("intake.duplicate-column", "fee_list_d_1.csv", feeHeader + ",extra,EXTRA"),
    ("intake.other-table", "setl_d_1.csv", feeHeader),
    ("intake.other-table", "mdtrt_d_1.csv", wholeSettlement),
    ("intake.no-table", "week10.csv", wholeSettlement),
    ("intake.no-table", "week10.csv", "a,b,c"),
    ("intake.no-header", "fee_list_d_1.csv", "a,b,c"),
    ("intake.cr-only", "fee_list_d_1.csv", feeHeader + "\rM1,L1,S1,P1,1,1,2025-03-04,a"),
  ]
  @Test(arguments: refused)
  func refuses(code: String, name: String, header: String) throws {
    let (report, got) = try read(try scratch.write(name, Array((header + "\n").utf8)))
    #expect(report.refusal?.code == code)
    #expect(report.refusal?.remedy != nil)
    #expect(got.layouts.isEmpty)
  }

  @Test func theOnlyTableWhoseKeyColumnsTheHeaderHas() throws {
    let header = "setl_list_diag_id,psn_no,diag_code\nD1,P1,I10\n"
    let (report, got) = try read(try scratch.write("week10.csv", Array(header.utf8)))
    #expect(report.refusal == nil)
    #expect(got.layouts.first?.0.table == .diagnoses)
  }

  @Test func headerAloneIsNoRow() throws {
    for text in [feeHeader, feeHeader + "\r\n"] {
      let (report, got) = try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8)))
      #expect(report.refusal == nil)
      #expect(report.rowsRead == 0)
      #expect(got.layouts.count == 1)
    }
  }

  /// A row in documented order with values that fit their types.
  static func documentedRow(_ table: ClaimTable, leading: [String]) -> [String] {
    leading
      + table.columns.map { column in
        switch column.kind {
        case .text: "t"
        case .day: "2025-03-04"
        case .time: "2025-03-04 08:00:00"
        default: "1"
        }
      }
  }

  @Test(arguments: ClaimTable.allCases, [[], ["17"]])
  func documentedOrderWithoutHeader(table: ClaimTable, leading: [String]) throws {
    let row = Self.documentedRow(table, leading: leading)
    let line = row.map { "'" + $0 + "'" }.joined(separator: ",") + "\r\n"
    let (report, got) = try read(try scratch.write(table.name + "_1.csv", Array((line + line).utf8)))
    #expect(report.refusal == nil)
    #expect(report.members.first?.headerKind == .documentedOrder)
    #expect(got.rows == [row, row])
    #expect(got.lines == [1, 2])
    #expect(got.layouts.first?.0.columnOfField.count == row.count)
  }

  @Test func otherTypesThanDocumentedAreRefused() throws {
    var row = Self.documentedRow(.feeLines, leading: [])
    let time = try #require(ClaimTable.feeLines.index(of: "fee_ocur_time"))
    row.swapAt(time, time + 1)
    for fields in [row, Array(row.dropLast())] {
      let line = fields.joined(separator: ",") + "\n"
      let (report, _) = try read(try scratch.write("fee_list_d_1.csv", Array(line.utf8)))
      #expect(report.refusal?.code == "intake.no-header")
    }
  }

  /// Beyond the first chunk: the rows that spoil the order lie 3 MiB into the file.
  @Test func looksAtTenThousandRows() throws {
    let good = Self.documentedRow(.feeLines, leading: []).joined(separator: ",") + "\n"
    let bad = good.replacing("2025-03-04 08:00:00", with: "yesterday")
    let text = String(repeating: good, count: 9000) + String(repeating: bad, count: 1000)
    #expect(try read(try scratch.write("fee_list_d_1.csv", Array(text.utf8))).0.refusal?.code == "intake.no-header")
    let beyond = String(repeating: good, count: 10_000) + bad
    #expect(try read(try scratch.write("fee_list_d_1.csv", Array(beyond.utf8))).0.refusal == nil)
  }
}
