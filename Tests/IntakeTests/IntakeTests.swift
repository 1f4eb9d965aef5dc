import ClaimModel
import Testing

@testable import Intake

struct PlainAndGzip {
  let scratch = Scratch()

  @Test(arguments: [false, true])
  func readsUTF8(compressed: Bool) throws {
    let text = Array(feeFile(3).utf8)
    let file = try scratch.write(
      "fee_list_d_01.csv" + (compressed ? ".gz" : ""), compressed ? gzip(text) : text)
    let (report, got) = try read(file)
    #expect(report.refusal == nil)
    #expect(report.rowsRead == 3)
    #expect(report.inflatedBytes == text.count)
    #expect(report.digest == (try fingerprint(path: file.path)))
    #expect(got.rows.map { $0[7] } == ["阿司匹林1", "阿司匹林2", "阿司匹林3"])
    #expect(got.lines == [2, 3, 4])
    #expect(got.offsets[0] == feeHeader.utf8.count + 1)
    #expect(got.layouts[0].0.table == .feeLines)
    // Whoever wants no digest gets the same rows.
    let (undigested, same) = try read(file, IntakeLimits(takesDigest: false))
    #expect(undigested.digest.isEmpty && undigested.refusal == nil && undigested.inflatedBytes == text.count)
    #expect(same.rows == got.rows && same.offsets == got.offsets)
  }
}
