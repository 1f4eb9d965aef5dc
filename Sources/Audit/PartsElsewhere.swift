import ClaimModel
import Registries
import RulePacks

/// For rules that another engine runs over all claims: what that engine counted is put in the place of what `auditPart`
/// counted over the few claims that findings rest on.
extension AuditPart {
  /// What a rule looked at, over all claims.
  public struct Counts: Sendable, Hashable {
    public var rowsInScope: Int
    public var rowsUnevaluable: Int
    /// By column under the fill floor the rows that were looked at, and those that have it.
    public var fillRows: [Int]
    public var filledRows: [Int]

    public init(rowsInScope: Int, rowsUnevaluable: Int, fillRows: [Int] = [], filledRows: [Int] = []) {
      self.rowsInScope = rowsInScope
      self.rowsUnevaluable = rowsUnevaluable
      self.fillRows = fillRows
      self.filledRows = filledRows
    }
  }

  /// Ids of the rules that were looked at.

  /// The rule's findings so far.
  public func findings(of rule: String) -> [Finding] { rules[rule]?.findings ?? [] }

  /// What the rule looked at; nil if it was not run.
  public func counts(of rule: String) -> Counts? {
    rules[rule].map {
      Counts(
        rowsInScope: $0.rowsInScope, rowsUnevaluable: $0.rowsUnevaluable, fillRows: $0.fillRows,
        filledRows: $0.filledRows)
    }
  }

  /// Replaces what the rule looked at; the fill columns must be the rule's. A rule that was not run gets no counts.
  public mutating func setCounts(_ counts: Counts, of rule: String) {
    guard var part = rules[rule], counts.fillRows.count == part.fillRows.count,
      counts.filledRows.count == part.filledRows.count
    else { return }
    part.rowsInScope = counts.rowsInScope
    part.rowsUnevaluable = counts.rowsUnevaluable
    part.fillRows = counts.fillRows
    part.filledRows = counts.filledRows
    rules[rule] = part
  }
}

/// Why a rule can't run, before any row is looked at (a registry is missing, a table incomplete); nil if nothing stands
/// in its way.
public func obstacleToRunning(
  _ rule: Rule, registries: Registries, incompleteTables: [ClaimTable: String]
) -> RuleObstacle? {
  obstacle(rule, registries, incompleteTables)
}

/// Of the entities that rules can come to, the columns that they read and the entities to which they ask rows to be
/// linked, in byte order: what `ThinClaims` of these rules keeps.
public func thinColumns(of rules: [Rule]) -> [(entity: Entity, columns: [String], parents: [Entity])] {
  let needs = ThinNeeds(rules)
  return Entity.allCases.compactMap { entity in
    needs.entities[entity].map { own in
      (entity, own.columns.sorted(by: bytesPrecede), entity.parents.filter(own.parents.contains))
    }
  }
}

/// A value of a population's group that another engine has worked out.
public enum KnownFact: Sendable, Hashable {
  case null
  case text([UInt8])
  case number(Int64)
}

extension PopulationFacts {
  /// Facts that another engine has worked out over all claims: by population its groups, each with the values that its
  /// rows have in common, in the order of `match`, and the population's values in theirs.
  public init(known: [Population: [(match: [KnownFact], values: [KnownFact])]]) {
    var part = FactPart()
    for (population, groups) in known {
      var own = FactPart.Groups()
      for group in groups {
        let key = group.match.compactMap(\.value)
        // A null meets nothing.
        if key.count < population.match.count { continue }
        own.values[key] = zip(population.values, group.values).map { value, known in
          switch (value.function, known) {
          case (.count, .number(let n)), (.countDistinct, .number(let n)): .count(n)
          case (.count, _), (.countDistinct, _): .count(0)
          case (.sum, .number(let n)): .sum(Int128(n))
          case (.sum, _): .sum(nil)
          case (.least, .number(let n)): .least(n)
          case (.least, _): .least(nil)
          case (.greatest, .number(let n)): .greatest(n)
          case (.greatest, _): .greatest(nil)
          case (.only, let known): .only(known.value)
          }
        }
      }
      part.populations[population] = own
    }
    self.init(part)
  }
}

extension KnownFact {
  fileprivate var value: FactValue? {
    switch self {
    case .null: nil
    case .text(let bytes): .text(bytes)
    case .number(let number): .number(number)
    }
  }
}
