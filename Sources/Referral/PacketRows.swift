import Audit
import ClaimModel
import Registries
import RulePacks

extension PacketInput {
  /// The rows that hang together with the findings' settlements, and those without which the rules would form other
  /// pairs and rows than in the store: neighbours, earlier purchases, the rest of a group.
  func evidenceRows(of findings: [FindingRecord], rules: [Rule]) -> EvidenceRows {
    var settlements = Set(findings.flatMap(\.finding.setlIDs))
    let lookedAt = lookedAt ?? ClaimRowsLookedAt(rules: rules, claims: claims, registries: registries)
    let ids = Set(rules.map(\.id))
    while true {
      let rows = evidence.rows(of: settlements)
      let before = settlements.count
      settlements.formUnion(settlementIDs(of: lookedAt.rows(with: rows.effective, rules: ids)))
      // Rows that came in may have neighbours of their own.
      if settlements.count == before { return rows }
    }
  }

  /// Ids of the counting settlements to which rows belong.
  private func settlementIDs(of rows: [Entity: [Int]]) -> Set<String> {
    var settlements: Set<Int32> = []
    for (entity, list) in rows {
      switch entity {
      case .settlement: settlements.formUnion(list.map { Int32($0) })
      case .line:
        let parent = claims[.line].parent[.settlement] ?? []
        for row in list where row < parent.count && parent[row] >= 0 { settlements.insert(parent[row]) }
      case .stay, .visit:
        guard let children = claims[entity].children[.settlement] else { continue }
        for row in list { settlements.formUnion(children.of(row)) }
      default: break
      }
    }
    let ids = claims[.settlement].columns["setl_id"]?.codes ?? []
    return Set(settlements.compactMap { Int($0) < ids.count ? claims.codes.text(ids[Int($0)]) : nil })
  }

  /// The run's facts on which these findings rest: of each population the groups that name the finding's subject,
  /// person or institution; of a population whose groups name none of them, all.
  func facts(of findings: [FindingRecord], rules: [Rule]) -> [PopulationFact] {
    var result: [PopulationFact] = []
    for rule in rules {
      let own = facts.filter { $0.rule == rule.id }
      var names: Set<Substring> = []
      for finding in findings.map(\.finding) where finding.rule == rule.id {
        names.formUnion([finding.subject[...], finding.psnNo[...], finding.fixmedinsCode[...]])
      }
      names.remove("")
      for population in Set(own.map(\.population)).sorted(by: bytesPrecede) {
        let all = own.filter { $0.population == population }
        let named = all.filter { $0.group.split(separator: "|").contains { names.contains($0) } }
        result += named.isEmpty ? all : named
      }
    }
    return result
  }
}
