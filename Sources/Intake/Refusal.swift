import Diagnostics

/// The reasons for which a whole file is refused. None of them carries a value of a row.
enum Refusal {
  static func make(_ code: String, _ file: String, _ member: String?, _ message: String, _ remedy: String) -> Diagnostic
  {
    Diagnostic(
      .error, "intake." + code, message, at: Place(file: member.map { file + "!" + $0 } ?? file), remedy: remedy)
  }

  static func unreadable(_ file: String, _ what: String) -> Diagnostic {
    make("unreadable", file, nil, "the file \(what)", "check the path and its permissions")
  }

  static func changed(_ file: String) -> Diagnostic {
    make(
      "changed", file, nil, "the file changed while it was read",
      "wait until the export has finished copying, then run again")
  }

  static func empty(_ file: String, _ member: String?) -> Diagnostic {
    make(
      "empty-file", file, member, "the file holds no bytes, not even a header",
      "export it again; a table without rows still has its header line")
  }

  static func truncated(_ file: String, _ member: String?) -> Diagnostic {
    make(
      "truncated", file, member, "the compressed data ends before its end: the file was cut off",
      "copy or export the file again")
  }

  static func badChecksum(_ file: String, _ member: String?, _ what: String) -> Diagnostic {
    make(
      "bad-crc", file, member, "the inflated bytes do not have the recorded \(what)", "copy or export the file again")
  }

  static func corrupt(_ file: String, _ member: String?, _ what: String) -> Diagnostic {
    make("corrupt", file, member, "the compressed data is damaged: \(what)", "copy or export the file again")
  }

  static func trailing(_ file: String, _ member: String?) -> Diagnostic {
    make(
      "trailing-bytes", file, member, "after the last gzip member there are bytes that are neither zero nor gzip",
      "export the file again; two transfers may have been written into one file")
  }

  static func bomb(_ file: String, _ member: String?, _ what: String) -> Diagnostic {
    make(
      "bomb", file, member, "the file \(what)", "if the file is genuine, raise the limit under intake: in the pipeline")
  }

  static func unsafeName(_ file: String, _ member: String?, _ what: String) -> Diagnostic {
    make("unsafe-name", file, member, "a member name \(what)", "pack the files again with plain relative names")
  }

  static func encrypted(_ file: String, _ member: String) -> Diagnostic {
    make("encrypted", file, member, "the member is encrypted", "unpack it with its password and deliver it unencrypted")
  }

  static func method(_ file: String, _ member: String, _ method: Int) -> Diagnostic {
    let name = [9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"][method] ?? "unknown"
    return make(
      "method", file, member, "the member is compressed with method \(method) (\(name)), which is not read",
      "pack it again with ordinary Deflate, or as .csv.gz; Windows Explorer writes Deflate64 above 2 GB")
  }

  static func charset(_ file: String, _ member: String?, _ message: String) -> Diagnostic {
    make("charset", file, member, message, "export the file again as UTF-8, or mend the damaged rows")
  }

  static func noTable(_ file: String, _ member: String?, _ message: String) -> Diagnostic {
    make(
      "no-table", file, member, message,
      "let the file name begin with its table, for example fee_list_d_2025W10_01.csv.gz")
  }

  static func otherTable(_ file: String, _ member: String?, named: String, fits: String) -> Diagnostic {
    make(
      "other-table", file, member, "the name says \(named), but the header is that of \(fits)",
      "give the file the name of its table, or export the right table")
  }

  static func missingColumns(_ file: String, _ member: String?, table: String, _ columns: [String]) -> Diagnostic {
    make(
      "missing-column", file, member,
      "the header lacks \(columns.joined(separator: ", ")), without which \(table) cannot be read",
      "export the file again with \(columns.count == 1 ? "this column" : "these columns")")
  }

  static func duplicateColumn(_ file: String, _ member: String?, _ names: String) -> Diagnostic {
    make(
      "duplicate-column", file, member, "the header names one column twice: \(names)",
      "keep one of them; which one is meant cannot be guessed")
  }

  static func carriageReturns(_ file: String, _ member: String?) -> Diagnostic {
    make(
      "cr-only", file, member, "lines end with a carriage return alone",
      "convert the line ends to LF or CRLF")
  }

  static func nested(_ file: String, _ member: String?, _ what: String) -> Diagnostic {
    make(
      "nested", file, member, "what is packed is itself packed: \(what)",
      "pack the table once, as .csv.gz or as a member of a zip")
  }

  static func noHeader(_ file: String, _ member: String?, _ message: String) -> Diagnostic {
    make("no-header", file, member, message, "export the file again with a header line")
  }
}
