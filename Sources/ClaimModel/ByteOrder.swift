import Glibc

/// Whether a text stands before another in the order of their UTF-8 bytes: the order of everything that is written.
///
/// Swift's own `<` compares by Unicode normal forms, so that two different ids may count as equal.
public func bytesPrecede(_ a: String, _ b: String) -> Bool {
  let order = a.utf8.withContiguousStorageIfAvailable { x in
    b.utf8.withContiguousStorageIfAvailable { y -> Bool? in
      guard let first = x.baseAddress, let second = y.baseAddress else { return x.isEmpty && !y.isEmpty }
      let order = memcmp(first, second, min(x.count, y.count))
      return order == 0 ? x.count < y.count : order < 0
    }
  }
  return order.flatMap { $0 }.flatMap { $0 } ?? a.utf8.lexicographicallyPrecedes(b.utf8)
}
