import ClaimModel
import Testing

@Suite struct CSVLinesTests {
  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
    ("two\nlines", "\"two\nlines\""),
    ("cr\r", "\"cr\r\""), ("'single' | pipe 医", "'single' | pipe 医"), (" blank ", " blank "),
  ])
  func quotesOnlyWhereNeeded(_ field: String, _ written: String) {
    var lines = CSVLines(["x", "y"])
    lines.add([field, "2"])
    #expect(lines.text == "x,y\n\(written),2\n")
  }

  /// A registry's reader trims what is not in quotes.
  @Test(arguments: [(" 片", "\" 片\""), ("片 ", "\"片 \""), ("a b", "a b"), ("", ""), (" ", "\" \"")])
  func outerBlanksAreKeptForReadersThatTrim(_ field: String, _ written: String) {
    var lines = CSVLines(["x"], quotesOuterBlanks: true)
    lines.add([field])
    #expect(lines.text == "x\n\(written)\n")
  }

  /// Lines handed on are gone; the next begins at its first field.
  @Test func linesGoOnWhereOthersWereTaken() {
    var lines = CSVLines(["x", "y"])
    lines.field("1")
    lines.field("2")
    lines.end()
    lines.removeAll()
    lines.add(["3", "4"])
    #expect(lines.text == "3,4\n")
  }
}
