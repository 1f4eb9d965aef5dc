import ClaimModel

/// Some columns of a registry as bytes, for a later run that asks what has changed since.
extension Registry {
  /// The rows in their order, with these columns of the schema.
  public func image(_ names: [String], codes: CodeTable) -> [UInt8] {
    var out = ImageWriter()
    out.text(schema.name)
    out.number(UInt64(count), bytes: 4)
    let present = names.compactMap { name in columns[name].map { (name, $0) } }
    out.number(UInt64(present.count), bytes: 4)
    for (name, column) in present {
      out.text(name)
      switch column {
      case .text(let values): out.texts(values, codes)
      case .number(let values): out.numbers(values)
      }
    }
    return out.bytes
  }

  /// The registry of an image; columns that are not in it are missing. Its texts are interned.
  ///
  /// Only for tables read for existence, of which no row is ambiguous.
  /// - Returns: nil if the bytes are something else.
  public init?(image: UnsafeRawBufferPointer, digest: String, codes: CodeTable) {
    var reader = ImageReader(image)
    guard let name = reader.text(), let schema = RegistrySchema.named(name), schema.reading == .existence,
      let count = reader.number(4), let width = reader.number(4)
    else { return nil }
    let rows = Array(0..<Int32(truncatingIfNeeded: count))
    var columns: [String: ColumnData] = [:]
    for _ in 0..<width {
      guard let name = reader.text(), let kind = schema.kind(of: name), let stored = reader.column(count) else {
        return nil
      }
      if kind == .text {
        var values: [UInt32] = []
        guard stored.add(texts: rows, to: &values, codes) else { return nil }
        columns[name] = .text(values)
      } else {
        var values: [Int64] = []
        guard stored.add(numbers: rows, to: &values) else { return nil }
        columns[name] = .number(values)
      }
    }
    if !reader.isAtEnd { return nil }
    self.init(
      schema: schema, count: count, columns: columns, isAmbiguous: [Bool](repeating: false, count: count),
      digest: digest, source: "")
  }
}
