import ClaimModel

/// Small consecutive numbers for the keys of one kind, so that what is kept for each key needs no room for every code.
///
/// Number 0 is null, and what `find` gives for a code that is no key.
struct KeyNumbers {
  /// The code of each number.
  private(set) var codes: [UInt32] = [CodeTable.null]
  /// By code; 0 where it has none.
  private var numbers: [Int32]

  /// - Parameter codeCount: every code is below it.
  init(codeCount: Int) { numbers = [Int32](repeating: 0, count: max(1, codeCount)) }

  /// Numbers, null included.
  var count: Int { codes.count }

  /// The number of each row's key; keys not seen before get the next ones.
  mutating func number(_ keys: [UInt32]) -> [Int32] {
    var next = Int32(codes.count)
    var new = codes
    let result = [Int32](unsafeUninitializedCapacity: keys.count) { result, initialized in
      numbers.withUnsafeMutableBufferPointer { numbers in
        keys.withUnsafeBufferPointer { keys in
          var lastCode = CodeTable.null
          var last: Int32 = 0
          for row in 0..<keys.count {
            let code = keys[row]
            // Rows of one key often stand together.
            if code != lastCode {
              lastCode = code
              last = numbers[Int(code)]
              if last == 0, code != CodeTable.null {
                last = next
                numbers[Int(code)] = next
                new.append(code)
                next &+= 1
              }
            }
            result[row] = last
          }
        }
      }
      initialized = keys.count
    }
    codes = new
    return result
  }

  func find(_ code: UInt32) -> Int { Int(code) < numbers.count ? Int(numbers[Int(code)]) : 0 }

  /// The number of each row's key, 0 where it is none.
  func find(_ keys: [UInt32]) -> [Int32] {
    keys.withUnsafeBufferPointer { keys in
      numbers.withUnsafeBufferPointer { numbers in
        [Int32](unsafeUninitializedCapacity: keys.count) { result, initialized in
          var lastCode = CodeTable.null
          var last: Int32 = 0
          for row in 0..<keys.count {
            if keys[row] != lastCode {
              lastCode = keys[row]
              last = numbers[Int(lastCode)]
            }
            result[row] = last
          }
          initialized = keys.count
        }
      }
    }
  }

  /// Forgets all keys, for keys of another kind.
  mutating func clear() {
    for code in codes { numbers[Int(code)] = 0 }
    codes = [CodeTable.null]
  }
}
