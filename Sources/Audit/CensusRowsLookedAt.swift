import ClaimModel
import Registries
import RulePacks

/// The registry rows that rules on an occupancy looked up for the days of some census facts, by table, ascending. A
/// packet does not hold the rows that were counted, so they are formed here from all claims.
public func registryRowsLookedAt(
  rules: [Rule], claims: EffectiveClaims, registries: Registries, censusOf facts: [PopulationFact]
) -> [String: [Int]] {
  var result: [String: Set<Int>] = [:]
  let shelf = IndexShelf(registries, claims.codes)
  for rule in rules {
    guard let formed = rule.shape.formed, case .occupancy = formed.kind else { continue }
    let groups = Set(facts.filter { $0.rule == rule.id && $0.population == formed.name }.map(\.group))
    if groups.isEmpty { continue }
    let run = RuleRun(rule, AuditInput(claims: claims, registries: registries), shelf)
    let keys = formed.by.map { ($0.name, $0.kind) } + [("day", .day)]
    // A fault can't come up here that did not stop the rule when it ran.
    try? run.eachRowOfCensus(formed) { frame in
      let truths = (0..<frame.count).map { i in
        let group = keys.map { name, kind in frame.formed?.columns[name].map { run.printed($0, i, kind) } ?? "" }
        return groups.contains(group.joined(separator: "|")) ? Kleene.yes : Kleene.no
      }
      let kept = frame.keeping(truths)
      for lookup in rule.lookups where run.formedLookups.contains(lookup.name) && kept.count > 0 {
        try run.evaluator.collectRows(lookup, kept, isNamed: false, into: &result[lookup.table, default: []])
      }
    }
  }
  return result.mapValues { $0.sorted() }
}

extension RuleRun {
  /// All formed rows of an occupancy, block by block.
  fileprivate func eachRowOfCensus(_ formed: Formed, _ body: (Frame) throws -> Void) throws {
    var base = BaseRows(formed)
    try eachBaseBlock(formed) { try base.append($0.keeping(evaluable($0)), evaluator) }
    try eachFormedBlock(formed, base, body)
  }
}
