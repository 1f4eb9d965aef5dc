import ClaimModel
import Registries
import RulePacks

/// A value of a population's group, without codes.
enum FactValue: Sendable, Hashable, Comparable {
  case text([UInt8])
  case number(Int64)

  /// Texts by bytes, before numbers.
  static func < (a: FactValue, b: FactValue) -> Bool {
    switch (a, b) {
    case (.text(let x), .text(let y)): x.lexicographicallyPrecedes(y)
    case (.number(let x), .number(let y)): x < y
    case (.text, .number): true
    case (.number, .text): false
    }
  }
}

/// What can be said of a group from one part of the claims, in a form that parts can be put together in.
enum FactAggregate: Sendable {
  case count(Int64)
  /// nil where nothing was added; of 128 bits, so that no order of parts decides whether it fits.
  case sum(Int128?)
  case least(Int64?)
  case greatest(Int64?)
  case distinct(Set<FactValue>)
  /// The one value of all rows; nil where they differ or one is null.
  case only(FactValue?)

  mutating func merge(_ other: FactAggregate) {
    switch (self, other) {
    case (.count(let a), .count(let b)): self = .count(a + b)
    case (.sum(let a), .sum(let b)): self = .sum(a.map { $0 + (b ?? 0) } ?? b)
    case (.least(let a), .least(let b)): self = .least(a.map { min($0, b ?? $0) } ?? b)
    case (.greatest(let a), .greatest(let b)): self = .greatest(a.map { max($0, b ?? $0) } ?? b)
    case (.distinct(var a), .distinct(let b)):
      self = .count(0)
      a.formUnion(b)
      self = .distinct(a)
    case (.only(let a), .only(let b)): self = .only(a == b ? a : nil)
    // Of one value of one population every part has the same kind.
    default: break
    }
  }
}

/// The groups of populations in a part of the claims.
public struct FactPart: Sendable {
  struct Groups: Sendable {
    var values: [[FactValue]: [FactAggregate]] = [:]
    /// Of each group its rows, then for each value how many of them have it.
    var rows: [[FactValue]: [Int]] = [:]
    var fault: EvaluationFault?
  }
  var populations: [Population: Groups] = [:]

  /// No population looked at.
  public init() {}

  /// Adds the groups of another part.
  public mutating func append(_ other: FactPart) {
    for (population, groups) in other.populations {
      var mine = populations.removeValue(forKey: population) ?? Groups()
      if mine.fault == nil { mine.fault = groups.fault }
      for (key, values) in groups.values {
        guard var known = mine.values.removeValue(forKey: key) else {
          mine.values[key] = values
          continue
        }
        for i in known.indices { known[i].merge(values[i]) }
        mine.values[key] = known
      }
      for (key, rows) in groups.rows {
        var known = mine.rows[key] ?? []
        known += repeatElement(0, count: max(0, rows.count - known.count))
        for i in rows.indices { known[i] += rows[i] }
        mine.rows[key] = known
      }
      populations[population] = mine
    }
  }

  /// Nothing stopped a population.
  public var isPlain: Bool { populations.values.allSatisfy { $0.fault == nil } }

  /// Takes out the groups of another part that had been added; all values are counts and sums.
  ///
  /// - Returns: false if the other part was never in this one. Then nothing must be made of the rest.
  public mutating func remove(_ other: FactPart) -> Bool {
    for (population, groups) in other.populations {
      guard var mine = populations.removeValue(forKey: population) else { return false }
      for (key, values) in groups.values {
        guard var known = mine.values.removeValue(forKey: key), var rows = mine.rows.removeValue(forKey: key),
          let less = groups.rows[key], rows.count == less.count, rows.count == known.count + 1
        else { return false }
        for i in rows.indices {
          rows[i] -= less[i]
          if rows[i] < 0 { return false }
        }
        // Without a row there is no group.
        if rows[0] == 0 { continue }
        for i in known.indices {
          guard known[i].remove(values[i], isLast: rows[i + 1] == 0) else { return false }
        }
        mine.values[key] = known
        mine.rows[key] = rows
      }
      populations[population] = mine
    }
    return true
  }
}

extension FactAggregate {
  /// Takes out what had been merged in; false for what can't be taken apart again.
  fileprivate mutating func remove(_ other: FactAggregate, isLast: Bool) -> Bool {
    switch (self, other) {
    case (.count(let a), .count(let b)): self = .count(a - b)
    case (.sum(let a), .sum(let b)):
      // A sum of no value is null.
      self = .sum(isLast ? nil : (a ?? 0) - (b ?? 0))
    default: return false
    }
    return true
  }
}

extension FactPart {
  /// Whether `image` can hold what parts have for these rules, faults aside: values that can be taken apart again.
  public static func hasImage(_ rules: [Rule]) -> Bool {
    rules.allSatisfy { rule in
      rule.populations.allSatisfy { $0.values.allSatisfy { $0.function == .count || $0.function == .sum } }
    }
  }

  /// The part as bytes, for a file that only the same rules read; equal parts give equal bytes.
  public func image(_ rules: [Rule]) -> [UInt8] {
    var out = ImageWriter()
    for rule in rules {
      for population in rule.populations {
        let groups = populations[population] ?? Groups()
        out.number(UInt64(groups.values.count), bytes: 4)
        for (key, values) in groups.values.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
          for part in key {
            switch part {
            case .text(let bytes):
              out.number(0x54, bytes: 1)
              out.text(bytes)
            case .number(let number):
              out.number(0x4E, bytes: 1)
              out.number(UInt64(bitPattern: number), bytes: 8)
            }
          }
          let rows = groups.rows[key] ?? []
          for i in 0..<population.values.count + 1 { out.number(UInt64(i < rows.count ? rows[i] : 0), bytes: 8) }
          for value in values {
            switch value {
            case .count(let n): out.number(UInt64(bitPattern: n), bytes: 8)
            case .sum(let sum):
              let bits = UInt128(bitPattern: sum ?? 0)
              out.number(UInt64(truncatingIfNeeded: bits), bytes: 8)
              out.number(UInt64(truncatingIfNeeded: bits >> 64), bytes: 8)
            default: preconditionFailure("a value that cannot be taken apart")
            }
          }
        }
      }
    }
    return out.bytes
  }

  /// What `image` gave of the same rules; nil if the bytes are something else.
  public init?(_ image: UnsafeRawBufferPointer, _ rules: [Rule]) {
    var input = ImageReader(image)
    for rule in rules {
      for population in rule.populations {
        var groups = Groups()
        guard let count = input.number(4) else { return nil }
        for _ in 0..<count {
          var key: [FactValue] = []
          for _ in population.match {
            switch input.number(1) {
            case 0x54:
              guard let bytes = input.bytes() else { return nil }
              key.append(.text(Array(bytes)))
            case 0x4E:
              guard let number = input.number(8) else { return nil }
              key.append(.number(Int64(number)))
            default: return nil
            }
          }
          var rows: [Int] = []
          for _ in 0..<population.values.count + 1 {
            guard let number = input.number(8), number >= 0 else { return nil }
            rows.append(number)
          }
          var values: [FactAggregate] = []
          for (k, value) in population.values.enumerated() {
            guard let low = input.number(8) else { return nil }
            if value.function == .count {
              values.append(.count(Int64(low)))
              continue
            }
            guard value.function == .sum, let high = input.number(8) else { return nil }
            let bits = UInt128(UInt64(bitPattern: Int64(high))) << 64 | UInt128(UInt64(bitPattern: Int64(low)))
            values.append(.sum(rows[k + 1] == 0 ? nil : Int128(bitPattern: bits)))
          }
          groups.rows[key] = rows
          groups.values[key] = values
        }
        if groups.values.count != count { return nil }
        populations[population] = groups
      }
    }
    if !input.isAtEnd { return nil }
  }
}

/// Facts about populations of all claims; given to `auditPart` in `AuditInput.facts`.
public struct PopulationFacts: Sendable {
  private var part: FactPart

  init(_ part: FactPart) { self.part = part }

  /// The groups of a population in codes of a table.
  ///
  /// - Throws: what stopped one of the parts, and overflow where a sum does not fit.
  func groups(_ population: Population, _ codes: CodeTable) throws(EvaluationFault) -> PopulationGroups {
    guard let all = part.populations[population] else { throw .type("no facts of population \(population.name)") }
    if let fault = all.fault { throw fault }
    var keys = [[FactValue?]](repeating: [], count: population.match.count)
    var values = [[FactValue?]](repeating: [], count: population.values.count)
    for (key, aggregates) in all.values {
      for (k, value) in key.enumerated() { keys[k].append(value) }
      for (k, aggregate) in aggregates.enumerated() { values[k].append(try aggregate.value()) }
    }
    let keyColumns = zip(keys, population.match).map { column($0, isText: $1.a.isText, codes) }
    return PopulationGroups(
      index: KeyIndex(columns: keyColumns.map(\.keyValues), count: all.values.count),
      values: zip(values, population.values).map { values, value in
        column(values, isText: value.function == .only && value.value?.isText == true, codes)
      }, keys: keyColumns)
  }

  private func column(_ values: [FactValue?], isText: Bool, _ codes: CodeTable) -> ColumnData {
    if isText {
      return .text(
        values.map { value in
          guard case .text(let bytes)? = value else { return CodeTable.null }
          return bytes.withUnsafeBytes { codes.intern($0) }
        })
    }
    return .number(
      values.map { value in
        guard case .number(let number)? = value else { return ColumnData.null }
        return number
      })
  }
}

extension FactAggregate {
  /// What it comes to; nil for null.
  fileprivate func value() throws(EvaluationFault) -> FactValue? {
    switch self {
    case .count(let n): return .number(n)
    case .sum(let total): if let total { return .number(try whole(total)) }
    case .least(let n), .greatest(let n): if let n { return .number(n) }
    case .distinct(let all): return .number(Int64(all.count))
    case .only(let one): return one
    }
    return nil
  }
}

extension Expr {
  /// Its values are texts.
  fileprivate var isText: Bool {
    switch self {
    case .claim(_, _, _, let kind), .registry(_, _, let kind), .formed(_, let kind), .fact(_, _, let kind):
      kind == .text
    case .text, .prefix: true
    case .coalesce(let all): all.first?.isText ?? false
    case .atGreatestOfHits(let a, _): a.isText
    default: false
    }
  }
}

/// Collects what the rules' populations have in a part of the claims, for rules whose reach is `personWithFacts`. The
/// part's code table must be a copy of the one the shelf was made with.
public func factPart(rules: [Rule], _ input: AuditInput, shelf: RegistryShelf) -> FactPart {
  var result = FactPart()
  let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf)
  for rule in rules where rule.status.coverage != .off {
    if obstacle(rule, input.registries, input.incompleteTables) != nil { continue }
    let evaluator = Evaluator(rule, claims: input.claims, registries: input.registries, indexes: indexes)
    for population in rule.populations where result.populations[population] == nil {
      do {
        result.populations[population] = try evaluator.factGroups(population)
      } catch let fault as EvaluationFault {
        result.populations[population] = FactPart.Groups(fault: fault)
      } catch {
        result.populations[population] = FactPart.Groups(fault: .type("\(error)"))
      }
    }
  }
  return result
}

/// The facts of all parts.
public func mergedFacts(_ parts: [FactPart]) -> PopulationFacts {
  var all = FactPart()
  for part in parts { all.append(part) }
  return PopulationFacts(all)
}

extension Evaluator {
  fileprivate func factGroups(_ population: Population) throws -> FactPart.Groups {
    let (formed, base) = try members(population)
    var result = FactPart.Groups()
    let (order, ends) = base.sets()
    for (k, value) in formed.values.enumerated() {
      switch value.function {
      case .sum, .least, .greatest:
        guard case .number? = base.values[k] else { throw EvaluationFault.type("number expected") }
      case .only: if base.values[k] == nil { throw EvaluationFault.type("a value expected") }
      case .count, .countDistinct: break
      }
    }
    var start = 0
    for end in ends {
      let rows = order[start..<end]
      start = end
      guard let first = rows.first else { continue }
      let key = base.by.compactMap { factValue($0, Int(first)) }
      result.values[key] = zip(formed.values, base.values).map { value, column in
        aggregate(value.function, column, rows)
      }
      result.rows[key] =
        [rows.count]
        + base.values.map { column in column.map { column in rows.count { column.keyValue(Int($0)) != 0 } } ?? 0 }
    }
    return result
  }

  private func aggregate(_ function: FormedValue.Function, _ column: ColumnData?, _ rows: ArraySlice<Int32>)
    -> FactAggregate
  {
    var numbers: [Int64] {
      let values = column?.numbers ?? []
      return rows.compactMap { row in values[Int(row)] == ColumnData.null ? nil : values[Int(row)] }
    }
    switch function {
    case .count: return .count(Int64(rows.count))
    case .sum:
      let all = numbers
      return .sum(all.isEmpty ? nil : all.reduce(Int128(0)) { $0 + Int128($1) })
    case .least: return .least(numbers.min())
    case .greatest: return .greatest(numbers.max())
    case .countDistinct:
      guard let column else { return .distinct([]) }
      // By code first: the same text is taken out of the table once.
      var seen: Set<UInt64> = []
      var values: Set<FactValue> = []
      for row in rows {
        let key = column.keyValue(Int(row))
        if key != 0, seen.insert(key).inserted, let value = factValue(column, Int(row)) { values.insert(value) }
      }
      return .distinct(values)
    case .only:
      guard let column, let first = rows.first else { return .only(nil) }
      let key = column.keyValue(Int(first))
      let isOne = rows.allSatisfy { column.keyValue(Int($0)) == key }
      return .only(isOne ? factValue(column, Int(first)) : nil)
    }
  }

  /// nil for null.
  private func factValue(_ column: ColumnData, _ row: Int) -> FactValue? {
    switch column {
    case .text(let v): v[row] == CodeTable.null ? nil : .text(codes.withBytes(v[row]) { Array($0) })
    case .number(let v): v[row] == ColumnData.null ? nil : .number(v[row])
    }
  }
}

extension ColumnData {
  /// The value of a row for a `KeyIndex`: 0 is null.
  func keyValue(_ row: Int) -> UInt64 {
    switch self {
    case .text(let v): KeyIndex.keyValue(code: v[row])
    case .number(let v): KeyIndex.keyValue(number: v[row])
    }
  }
}
