import ClaimModel
import Registries
import RulePacks

/// Rules over groups of everybody's rows (an institution's or a practitioner's day) that are evaluated part by part.
///
/// A part is asked which rows are in scope and evaluable, and these are counted there; of such rows it leaves what the
/// rules read, packed, with a hash of the texts and numbers that say which group a row is in. When all parts are known,
/// rows are counted by that hash: a group cannot have more members than its hash has rows. Groups that could only be
/// too small for the rule's condition are left out, and the rules are run over the rest.
public struct GroupsOfAll: Sendable {
  public let rules: [Rule]
  private let needs: ThinNeeds
  /// For each rule its least number of members: smaller groups are no hits, whatever else is in them.
  private let leastMembers: [Int64]
  /// For each rule its place among `keys`.
  private let keyOf: [Int]
  /// What rows are grouped by; rules that have the same share its hashes.
  private let keys: [(entity: Entity, rule: Int)]

  /// Whether the rule can be evaluated so: its groups decide nothing about base rows.
  public static func takes(_ rule: Rule) -> Bool {
    guard let formed = rule.shape.formed, case .group = formed.kind, rule.populations.isEmpty,
      rule.formedLookups.isEmpty, !rule.unevaluable.contains(where: { $0.when.readsFormed(lookups: []) })
    else { return false }
    return !rule.lookups.contains { if case .groups = $0.take { true } else { false } }
  }

  /// For rules that it takes.
  public init(_ rules: [Rule]) {
    self.rules = rules
    needs = ThinNeeds(rules)
    leastMembers = rules.map(\.leastMembers)
    var keys: [(entity: Entity, rule: Int)] = []
    var places: [[Expr]: Int] = [:]
    keyOf = rules.indices.map { i in
      guard let formed = rules[i].shape.formed else { return 0 }
      let by = formed.by.map(\.value)
      // The same binding can stand for rows of another entity.
      let known = by.allSatisfy(\.isTheSameInEveryRule) ? places[by] : nil
      if let known, keys[known].entity == formed.baseEntity { return known }
      if by.allSatisfy(\.isTheSameInEveryRule) { places[by] = keys.count }
      keys.append((formed.baseEntity, i))
      return keys.count - 1
    }
    self.keys = keys
  }

  /// What a part of the claims leaves. Its code table must be a copy of the one the shelf was made with.
  public func part(_ input: AuditInput, shelf: RegistryShelf) -> GroupsOfPart {
    var result = GroupsOfPart()
    let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf)
    var seeds: [Entity: [Bool]] = [:]
    var rowsOf: [(rule: Int, rows: [Int32])] = []
    var hashes = keys.map { _ in [UInt32]() }
    var hasher = KeyHasher(input.claims.codes)
    for entity in Entity.allCases {
      let places = rules.indices.filter { i in
        rules[i].shape.formed?.baseEntity == entity && rules[i].status.coverage != .off
          && obstacle(rules[i], input.registries, input.incompleteTables) == nil
      }
      if places.isEmpty { continue }
      let count = input.claims[entity].count
      let runs = places.map { RuleRun(rules[$0], input, indexes) }
      var bases = places.compactMap { rules[$0].shape.formed }.map { BaseRows($0) }
      let faults = SharedPass(entity, runs, count).eachBlock { i, block in
        guard let formed = runs[i].rule.shape.formed else { return }
        let frame = try runs[i].inScope(block)
        if frame.count > 0 { try runs[i].take(frame, formed, into: &bases[i]) }
      }
      var marks = [Bool](repeating: false, count: count)
      for (i, place) in places.enumerated() {
        let run = runs[i]
        var counts = RulePart(columns: run.rule.fill.count)
        if let fault = faults[i] {
          counts.take(fault)
        } else {
          counts.rowsInScope = run.rowsInScope
          counts.rowsUnevaluable = run.rowsUnevaluable
          counts.fillRows = run.fillRows
          counts.filledRows = run.filledRows
          let base = bases[i]
          result.magnitudes[run.rule.id] = .some(base.sumMagnitudes)
          let key = keyOf[place]
          if hashes[key].isEmpty { hashes[key] = [UInt32](repeating: 0, count: count) }
          hasher.add(base, to: &hashes[key])
          for row in base.rows { marks[Int(row)] = true }
          rowsOf.append((place, base.rows))
        }
        result.counts.rules[run.rule.id] = counts
      }
      seeds[entity] = marks
    }
    if !seeds.values.contains(where: { $0.contains(true) }) { return result }
    let (claims, rows) = input.claims.reached(for: needs, seeds: seeds, isDirected: true)
    result.rows = PackedRows.bytes(of: claims, needs)
    result.hashes = keys.indices.map { k in
      hashes[k].isEmpty ? [] : gathered(hashes[k], rows[keys[k].entity] ?? [], null: 0)
    }
    result.isOf = [[UInt64]](repeating: [], count: rules.count)
    for (place, own) in rowsOf {
      guard let entity = rules[place].shape.formed?.baseEntity, let chosen = rows[entity] else { continue }
      result.isOf[place] = Self.bits(of: own, among: chosen, count: input.claims[entity].count)
    }
    return result
  }

  /// A bit for each chosen row, whether it is one of some.
  private static func bits(of own: [Int32], among chosen: [Int32], count: Int) -> [UInt64] {
    var isOwn = [Bool](repeating: false, count: count)
    for row in own { isOwn[Int(row)] = true }
    var result = [UInt64](repeating: 0, count: (chosen.count + 63) / 64)
    for (place, row) in chosen.enumerated() where isOwn[Int(row)] { result[place / 64] |= 1 &<< UInt64(place % 64) }
    return result
  }

  /// What the rules find in all parts, and the rows they were run over.
  ///
  /// - Parameters:
  ///   - parts: of all claims, without their rows if `rows` has them.
  ///   - codes: a copy of the table that the shelf was made with.
  ///   - rows: the packed rows of the part of a place.
  ///   - input: makes what rules are run over of claims.
  public func audit(
    _ parts: [GroupsOfPart], codes: CodeTable, shelf: RegistryShelf, rows: (Int) throws -> [UInt8],
    input: (EffectiveClaims) -> AuditInput
  ) throws -> (found: AuditPart, claims: EffectiveClaims) {
    var counts = AuditPart()
    for part in parts { counts.append(part.counts) }
    let wanted = rules.indices.map { wantedHashes($0, parts) }
    var thin = ThinClaims(needs, codes: codes)
    for (p, part) in parts.enumerated() {
      var seeds: [Entity: [Bool]] = [:]
      for i in rules.indices where i < part.isOf.count && !part.isOf[i].isEmpty {
        guard let entity = rules[i].shape.formed?.baseEntity else { continue }
        let hashes = part.hashes[keyOf[i]]
        var marks = seeds.removeValue(forKey: entity) ?? [Bool](repeating: false, count: hashes.count)
        eachRow(part.isOf[i]) { row in if wanted[i].contains(hashes[row]) { marks[row] = true } }
        seeds[entity] = marks
      }
      if !seeds.values.contains(where: { $0.contains(true) }) { continue }
      try thin.append(packed: try rows(p), seeds: seeds)
    }
    let claims = thin.claims(codes: codes)
    return (auditPart(rules: rules, input(claims), shelf: shelf).counted(by: counts), claims)
  }

  /// The hashes of rows whose groups can be hits of a rule.
  private func wantedHashes(_ i: Int, _ parts: [GroupsOfPart]) -> HashCounts {
    let all = HashCounts(least: 0, slots: 1)
    if leastMembers[i] < 2 { return all }
    // A sum that might overflow is left to the rule, with all its rows.
    var sums: [Int64] = []
    var total = 0
    for part in parts {
      if let own = part.magnitudes[rules[i].id] {
        guard let own else { return all }
        if sums.isEmpty { sums = own.map { _ in 0 } }
        for k in own.indices {
          let (sum, overflow) = sums[k].addingReportingOverflow(own[k])
          if overflow { return all }
          sums[k] = sum
        }
      }
      if i < part.isOf.count { total += part.isOf[i].reduce(0) { $0 + $1.nonzeroBitCount } }
    }
    var slots = 1 << 10
    while slots < total, slots < 1 << 22 { slots <<= 1 }
    var result = HashCounts(least: leastMembers[i], slots: slots)
    for part in parts where i < part.isOf.count && !part.isOf[i].isEmpty {
      let hashes = part.hashes[keyOf[i]]
      result.withAdding { add in eachRow(part.isOf[i]) { add(hashes[$0]) } }
    }
    return result
  }

  @inline(__always)
  private func eachRow(_ bits: [UInt64], _ body: (Int) -> Void) {
    for (word, bits) in bits.enumerated() {
      var left = bits
      while left != 0 {
        body(word &* 64 &+ left.trailingZeroBitCount)
        left &= left &- 1
      }
    }
  }
}

/// What a part of the claims leaves for rules over groups of everybody's rows: texts and numbers, no codes.
public struct GroupsOfPart: Sendable {
  /// The packed rows. Whoever needs the memory takes them, and gives them back in `audit`.
  public var rows: [UInt8] = []
  /// Rows in scope and unevaluable, by rule.
  fileprivate var counts = AuditPart()
  /// By rule the sums of the magnitudes of what it adds; nil if they don't fit.
  fileprivate var magnitudes: [String: [Int64]?] = [:]
  /// By key, for each packed row of its entity.
  fileprivate var hashes: [[UInt32]] = []
  /// By rule a bit for each packed row of its entity: it is one of which groups are formed.
  fileprivate var isOf: [[UInt64]] = []
}

/// Hashes of what rows are grouped by: the same in every part, whatever the codes of its texts.
private struct KeyHasher {
  private let codes: CodeTable
  /// By code; 0: not yet.
  private var known: [UInt32] = []

  init(_ codes: CodeTable) { self.codes = codes }

  /// Puts the hashes of base rows in their places.
  mutating func add(_ base: BaseRows, to hashes: inout [UInt32]) {
    var own = [UInt64](repeating: 0x9E37_79B9_7F4A_7C15, count: base.count)
    for column in base.by {
      switch column {
      case .number(let numbers):
        for i in own.indices { own[i] = Self.mixed(own[i], UInt64(bitPattern: numbers[i])) }
      case .text(let texts):
        if known.count < codes.count { known += [UInt32](repeating: 0, count: codes.count - known.count) }
        for i in own.indices {
          let code = Int(texts[i])
          if known[code] == 0 { known[code] = codes.withBytes(texts[i], Self.hash) }
          own[i] = Self.mixed(own[i], UInt64(known[code]))
        }
      }
    }
    for (i, row) in base.rows.enumerated() { hashes[Int(row)] = UInt32(truncatingIfNeeded: own[i] &>> 32) }
  }

  private static func mixed(_ hash: UInt64, _ value: UInt64) -> UInt64 {
    let product = (hash ^ value) &* 0xFF51_AFD7_ED55_8CCD
    return product ^ (product &>> 32)
  }

  /// Never 0.
  private static func hash(_ text: UnsafeRawBufferPointer) -> UInt32 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return max(1, UInt32(truncatingIfNeeded: hash ^ (hash &>> 32)))
  }
}

/// How many rows have a hash, or one that shares its slot.
private struct HashCounts {
  private let least: Int64
  private var counts: [UInt32]

  init(least: Int64, slots: Int) {
    self.least = least
    counts = [UInt32](repeating: 0, count: slots)
  }

  mutating func withAdding(_ body: ((UInt32) -> Void) -> Void) {
    counts.withUnsafeMutableBufferPointer { counts in
      let mask = counts.count - 1
      body { counts[Int($0) & mask] &+= 1 }
    }
  }

  func contains(_ hash: UInt32) -> Bool { Int64(counts[Int(hash) & (counts.count - 1)]) >= least }
}

extension Rule {
  /// The least number of members of a group that can be a hit, by the conditions that only compare a count with a
  /// number; 1 where there is none. What can overflow is asked of the groups that conditions before it leave: only
  /// those before the first such condition count.
  fileprivate var leastMembers: Int64 {
    // Different values are no more than members.
    let counts = Set(
      (shape.formed?.values ?? []).filter { $0.function == .count || $0.function == .countDistinct }.map(\.name))
    var result: Int64 = 1
    for condition in condition.conjuncts.prefix(while: { $0.neverOverflows(self) }) {
      guard case .compare(var comparison, var a, var b) = condition else { continue }
      if case .formed = b {
        (a, b) = (b, a)
        switch comparison {
        case .less: comparison = .greater
        case .lessOrEqual: comparison = .greaterOrEqual
        case .greater: comparison = .less
        case .greaterOrEqual: comparison = .lessOrEqual
        case .equal, .notEqual: break
        }
      }
      guard case .formed(let name, _) = a, counts.contains(name), let number = constant(b) else { continue }
      switch comparison {
      case .greater where number < Int64.max: result = max(result, number + 1)
      case .greaterOrEqual, .equal: result = max(result, number)
      case .greater, .less, .lessOrEqual, .notEqual: break
      }
    }
    return result
  }

  /// A number that is the same at every row; nil for another expression.
  private func constant(_ e: Expr) -> Int64? {
    switch e {
    case .integer(let number): return number
    case .parameter(let name):
      guard let parameter = parameters.first(where: { $0.name == name }), parameter.values.count == 1 else {
        return nil
      }
      return parameter.values[0].value
    default: return nil
    }
  }
}
