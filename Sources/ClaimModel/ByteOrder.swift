/// Whether a text stands before another in the order of their UTF-8 bytes: the order of everything that is written.
///
/// Swift's own `<` compares by Unicode normal forms, so that two different ids may count as equal.
public func bytesPrecede(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
