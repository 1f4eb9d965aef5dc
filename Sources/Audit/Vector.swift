import ClaimModel
import RulePacks

/// The values of one expression over the rows of a frame. Nulls are those of the columns: code 0, `ColumnData.null`.
enum Vector {
  case text([UInt32])
  case number([Int64])
  /// Kleene: 0 FALSE, 1 NULL, 2 TRUE, so that AND is the least, OR the greatest and NOT 2 − x.
  case truth([UInt8])

  /// How many of the values are not null.
  var filledCount: Int {
    switch self {
    case .text(let values): Self.count(values) { $0 != CodeTable.null }
    case .number(let values): Self.count(values) { $0 != ColumnData.null }
    case .truth(let values): Self.count(values) { $0 != Kleene.null }
    }
  }

  @inline(__always)
  private static func count<T>(_ values: [T], _ isCounted: (T) -> Bool) -> Int {
    values.withUnsafeBufferPointer { values in
      var count = 0
      for value in values { count &+= isCounted(value) ? 1 : 0 }
      return count
    }
  }
}

enum Kleene {
  static let no: UInt8 = 0
  static let null: UInt8 = 1
  static let yes: UInt8 = 2
}

/// What stops a rule.
enum EvaluationFault: Error {
  /// A sum or product does not fit in 64 bits.
  case overflow
  /// The expression does not have the type that its place asks for; the parser lets none through.
  case type(String)
}

/// An array of `count` values, each from its index; no initialisation before.
@inline(__always)
func filled<T>(_ count: Int, _ value: (Int) -> T) -> [T] {
  [T](unsafeUninitializedCapacity: count) { buffer, initialized in
    for i in 0..<count { buffer.initializeElement(at: i, to: value(i)) }
    initialized = count
  }
}

/// `values[rows[i]]`, and `null` where the row is −1.
@inline(__always)
func gathered<T>(_ values: [T], _ rows: [Int32], null: T) -> [T] {
  values.withUnsafeBufferPointer { v in
    rows.withUnsafeBufferPointer { r in
      filled(r.count) { i in r[i] < 0 ? null : v[Int(r[i])] }
    }
  }
}

/// A value from the one at each index.
@inline(__always)
func mapped<A, T>(_ values: [A], _ value: (A) -> T) -> [T] {
  values.withUnsafeBufferPointer { values in filled(values.count) { i in value(values[i]) } }
}

/// A value from the two at each index.
@inline(__always)
func zipped<A, B, T>(_ a: [A], _ b: [B], _ value: (A, B) -> T) -> [T] {
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      filled(min(a.count, b.count)) { i in value(a[i], b[i]) }
    }
  }
}

/// Checked arithmetic over two columns: null if either is null, overflow noted in `overflowed`.
@inline(__always)
func arithmetic(
  _ a: [Int64], _ b: [Int64], _ operation: (Int64, Int64) -> (partialValue: Int64, overflow: Bool)
) throws(EvaluationFault) -> [Int64] {
  var overflowed = false
  let result: [Int64] = zipped(a, b) { x, y in
    if x == ColumnData.null || y == ColumnData.null { return ColumnData.null }
    let (value, overflow) = operation(x, y)
    // Int64.min is the null; as a result it would vanish in silence.
    if overflow || value == ColumnData.null { overflowed = true }
    return value
  }
  if overflowed { throw .overflow }
  return result
}

/// What a column is compared with.
enum Comparand {
  /// The number at each index.
  case each([Int64])
  /// One number, which is not null.
  case one(Int64)
}

/// A loop for each operator, so that none asks which it is.
func comparison(_ op: Comparison, _ a: [Int64], _ b: Comparand) -> [UInt8] {
  switch op {
  case .equal: comparison(a, b) { $0 == $1 }
  case .notEqual: comparison(a, b) { $0 != $1 }
  case .less: comparison(a, b) { $0 < $1 }
  case .lessOrEqual: comparison(a, b) { $0 <= $1 }
  case .greater: comparison(a, b) { $0 > $1 }
  case .greaterOrEqual: comparison(a, b) { $0 >= $1 }
  }
}

@inline(__always)
private func comparison(_ a: [Int64], _ b: Comparand, _ holds: (Int64, Int64) -> Bool) -> [UInt8] {
  switch b {
  case .each(let b):
    zipped(a, b) { x, y in
      x == ColumnData.null || y == ColumnData.null ? Kleene.null : holds(x, y) ? Kleene.yes : Kleene.no
    }
  case .one(let b):
    a.withUnsafeBufferPointer { a in
      filled(a.count) { i in a[i] == ColumnData.null ? Kleene.null : holds(a[i], b) ? Kleene.yes : Kleene.no }
    }
  }
}

/// Indices at which a truth is TRUE.
func trueRows(_ truths: [UInt8]) -> [Int32] { rowsOf(truths) { $0 == Kleene.yes } }

/// Indices of the truths that are wanted.
@inline(__always)
func rowsOf(_ truths: [UInt8], where isWanted: (UInt8) -> Bool) -> [Int32] {
  truths.withUnsafeBufferPointer { truths in
    [Int32](unsafeUninitializedCapacity: truths.count) { buffer, count in
      // Every index is written, and kept only where it is wanted: no branch to mispredict.
      for i in 0..<truths.count {
        buffer[count] = Int32(truncatingIfNeeded: i)
        count += isWanted(truths[i]) ? 1 : 0
      }
    }
  }
}
