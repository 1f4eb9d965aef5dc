import ClaimModel
import Foundation
import Testing

@Suite struct EscapedTextTests {
  @Test func markupIsText() {
    #expect(EscapedText.html("<a href='x'>&\"𠮷\n\t") == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;𠮷\n\t")
  }

  /// What HTML may not hold is not dropped: whoever reads a name or an id sees that there was more.
  @Test(arguments: [0x00, 0x08, 0x0B, 0x0D, 0x1F, 0x7F, 0x85, 0x9F, 0xFFFE, 0xFFFF] as [UInt32])
  func whatHTMLMayNotHoldIsShown(_ value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    #expect(EscapedText.html("甲\(scalar)乙") == "甲\u{FFFD}乙")
  }

  /// Every scalar below the surrogates, read back by another's reader of JSON.
  @Test func anotherReaderOfJSONReadsTheSame() throws {
    for value in stride(from: 0 as UInt32, to: 0xD800, by: 1) {
      let text = String(try #require(Unicode.Scalar(value))) + "\\\"/𠮷"
      let data = Data("[\(EscapedText.json(text))]".utf8)
      let read = try JSONSerialization.jsonObject(with: data) as? [String]
      // Scalar by scalar: what is canonically equivalent would count as equal.
      #expect(
        read?.first.map { Array($0.unicodeScalars) } == Array(text.unicodeScalars), "U+\(String(value, radix: 16))")
    }
  }
}
