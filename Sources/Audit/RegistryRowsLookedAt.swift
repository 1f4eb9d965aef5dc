import ClaimModel
import Registries
import RulePacks

/// The registry rows on which the rules' findings about some claim rows rest, by table, ascending, as a packet keeps
/// them: all rows of each key looked up, on every level of the region order and whatever their dates; of a lookup that
/// only asks whether there is any row and that many rows answer, one that does.
///
/// `rows` are the claim rows in question by entity; pairs are made among them.
public func registryRowsLookedAt(
  rules: [Rule], claims: EffectiveClaims, registries: Registries, rows: [Entity: [Int]]
) -> [String: [Int]] {
  var result: [String: Set<Int>] = [:]
  let shelf = IndexShelf(registries, claims.codes)
  for rule in rules {
    let input = AuditInput(claims: claims, registries: registries)
    let run = RuleRun(rule, input, shelf)
    let named = rule.lookups.reduce(into: Set<String>()) { $0.formUnion($1.lookupsNamed) }
    // A fault can't come up here that did not stop the rule when it ran.
    try? run.eachCandidateBlock(among: rows) { frame in
      for lookup in rule.lookups where run.formedLookups.contains(lookup.name) == (frame.formed != nil) {
        try run.evaluator.collectRows(
          lookup, frame, isNamed: named.contains(lookup.name), into: &result[lookup.table, default: []])
      }
    }
  }
  return result.mapValues { $0.sorted() }
}

extension RuleRun {
  /// The rule's candidate rows or pairs among the given rows, scope conditions without lookups applied; base rows in
  /// scope and the rows formed of them.
  func eachCandidateBlock(among rows: [Entity: [Int]], _ body: (Frame) throws -> Void) throws {
    func candidates(_ entity: Entity) -> [Int32] { Array(Set(rows[entity] ?? [])).sorted().map { Int32($0) } }
    switch rule.shape {
    case .each(let binding, let entity):
      let all = candidates(entity)
      var start = 0
      while start < all.count {
        let end = min(all.count, start + Self.blockRows)
        let frame = Frame(count: end - start)
        frame.rows[binding] = (entity, Array(all[start..<end]))
        try body(keeping(frame, plainScope))
        start = end
      }
    case .formed(let formed):
      var base = BaseRows(formed)
      try eachBlock(formed, among: candidates(formed.baseEntity)) { frame in
        let asked = try keeping(frame, plainScope)
        try body(asked)
        let left = try inScope(asked, [])
        try base.append(left.keeping(evaluable(left)), evaluator)
      }
      try eachFormedBlock(formed, base, body)
    case .pair(let a, let b, let match, let order):
      let pairing = try Pairing(
        self, a, b, match: match, order: order, aCandidates: candidates(a.entity),
        bCandidates: candidates(b.entity))
      try pairing.eachBlock { try body(keeping($0, pairing.remainingScope)) }
    }
  }
}

extension Evaluator {
  /// More rows than this under one key are not one code's or person's history.
  private static let manyRows = 64

  /// `isNamed`: another lookup goes on with the rows of this one, so one of them is not enough.
  func collectRows(_ lookup: Lookup, _ f: Frame, isNamed: Bool = false, into rows: inout Set<Int>) throws {
    var probe = try LookupProbe(lookup, self, f)
    // All of a person's rows, not only those of the one disease, and all of a list, not only what the code begins with:
    // the packet shows what there was to find.
    let loose = Set(
      lookup.keys.indices.filter { k in
        switch lookup.keys[k].match {
        case .equal, .anyOf: lookup.keys[k].anyWhenNull
        case .beginsWithColumn, .length: true
        }
      })
    let skipping = loose.count < lookup.keys.count ? loose : []
    for i in 0..<f.count where probe.isDefined(i) {
      let (from, to) = try probe.days(i)
      var answering: Int?
      if lookup.take == .any, !isNamed {
        answering = probe.eachAlternative(i) { index, groups, _ -> Int? in
          for group in groups where group >= 0 {
            for row in index.index.rows(group)
            where !index.registry.isAmbiguous[Int(row)] && index.holds(row: Int(row), from: from, to: to) {
              return Int(row)
            }
          }
          return nil
        }
      }
      let _: Bool? = probe.eachAlternative(i, skipping: skipping) { index, groups, _ in
        for group in groups where group >= 0 {
          let all = index.index.rows(group)
          if let answering, all.count > Self.manyRows {
            rows.insert(answering)
          } else {
            for row in all { rows.insert(Int(row)) }
          }
        }
        return nil
      }
    }
  }
}
