import ClaimModel

extension Sequence {
  /// Sorted by texts, byte order.
  func sortedByBytes(_ text: (Element) -> String) -> [Element] { sorted { bytesPrecede(text($0), text($1)) } }
}

extension Sequence where Element == String {
  func sortedByBytes() -> [String] { sorted(by: bytesPrecede) }
}
