import ClaimModel
import Registries
import RulePacks

/// The registry rows on which the rules' findings about some claim rows rest, by table, ascending (contract.md section
/// 6): all rows of each key looked up, on every level of the region order and whatever their dates; of a lookup that only
/// asks whether there is any row and that many rows answer, one that does.
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
    for lookup in rule.lookups {
      // A fault can't come up here that did not stop the rule when it ran.
      try? run.eachCandidateBlock(among: rows) { frame in
        try run.evaluator.collectRows(lookup, frame, into: &result[lookup.table, default: []])
      }
    }
  }
  return result.mapValues { $0.sorted() }
}

extension RuleRun {
  /// The rule's candidate rows or pairs among the given rows, scope conditions without lookups applied.
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
    case .formed: throw EvaluationFault.type("formed rows")
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

  func collectRows(_ lookup: Lookup, _ f: Frame, into rows: inout Set<Int>) throws {
    var probe = try LookupProbe(lookup, self, f)
    // All of a person's rows, not only those of the one disease: the packet shows what there was to find.
    let optionalKeys = Set(lookup.keys.filter(\.anyWhenNull).map(\.column))
    let skipping = optionalKeys.count < lookup.keys.count ? optionalKeys : []
    for i in 0..<f.count where probe.isDefined(i) {
      let (from, to) = try probe.days(i)
      let _: Bool? = probe.eachAlternative(i, skipping: skipping) { index, groups in
        for group in groups where group >= 0 {
          let all = index.index.rows(group)
          if lookup.take != .any || all.count <= Self.manyRows || !index.holds(group, from: from, to: to) {
            for row in all { rows.insert(Int(row)) }
          } else if let row = all.first(where: {
            !index.registry.isAmbiguous[Int($0)] && index.holds(row: Int($0), from: from, to: to)
          }) {
            rows.insert(Int(row))
          }
        }
        return nil
      }
    }
  }
}
