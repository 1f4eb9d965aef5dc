import ClaimModel

/// Whose rows are kept together: a person, or, of rows without psn_no, a visit.
struct RowHome: Hashable, Sendable {
  /// psn_no, else mdtrt_id.
  var isPerson: Bool
  var id: [UInt8]

  var slice: UInt16 { id.withUnsafeBytes { PersonSlice.of($0) } }

  static func precedes(_ a: RowHome, _ b: RowHome) -> Bool {
    if a.slice != b.slice { return a.slice < b.slice }
    if a.isPerson != b.isPerson { return a.isPerson }
    return a.id.lexicographicallyPrecedes(b.id)
  }
}

/// Homes that share ids, put together: what one of them needs is in the others.
struct SharedHomes {
  private var numbers: [RowHome: Int] = [:]
  private var parents: [Int] = []
  private var ofKey: [[UInt8]: Int] = [:]

  /// A row of the home holds or names the id, of a kind.
  mutating func add(_ home: RowHome, kind: [UInt8], id: [UInt8]) {
    let number = number(home)
    let key = kind + [0] + id
    if let other = ofKey[key] {
      let (a, b) = (root(number), root(other))
      if a != b { parents[max(a, b)] = min(a, b) }
    } else {
      ofKey[key] = number
    }
  }

  /// The wanted homes and all that are together with them, group by group, in the order of each group's first slice.
  mutating func groups(of wanted: Set<RowHome>) -> [[RowHome]] {
    var byRoot: [Int: [RowHome]] = [:]
    for (home, number) in numbers { byRoot[root(number), default: []].append(home) }
    var taken: Set<Int> = []
    var result: [[RowHome]] = []
    for home in wanted {
      guard let number = numbers[home] else {
        result.append([home])
        continue
      }
      let root = root(number)
      if taken.insert(root).inserted { result.append((byRoot[root] ?? []).sorted(by: RowHome.precedes)) }
    }
    return result.sorted { RowHome.precedes($0[0], $1[0]) }
  }

  private mutating func number(_ home: RowHome) -> Int {
    if let known = numbers[home] { return known }
    numbers[home] = parents.count
    parents.append(parents.count)
    return parents.count - 1
  }

  private mutating func root(_ number: Int) -> Int {
    var at = number
    while parents[at] != at {
      parents[at] = parents[parents[at]]
      at = parents[at]
    }
    return at
  }
}
