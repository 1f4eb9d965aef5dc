import ClaimModel
import RulePacks

/// Over how much of the claims a rule must be run at once to find what it finds over all of them.
public enum RuleReach: Sendable, Hashable {
  /// All rows that one finding needs belong to one person and hang together by ids: any part of the claims with all
  /// rows of its persons, and of whoever shares an id with them, gives its share of the findings.
  case person
  /// The same, but its populations are of everybody: `factPart` first, over all parts, then `auditPart` with the facts.
  case personWithFacts
  /// All claims at once; see `ThinClaims`.
  case everything
}

extension Rule {
  /// The least reach with which the rule is certain to find the same. In doubt it is `everything`.
  public var reach: RuleReach {
    guard isOfOnePerson else { return .everything }
    return populations.isEmpty ? .person : .personWithFacts
  }

  /// Of a rule of reach `person`: each hit, and every row that made it, hang together by ids alone (setl_id, mdtrt_id
  /// and the ids of diagnoses), and so do the hits of one finding. Then the rows that share no id with any other give
  /// their part of the result whatever else there is of their person. In doubt it is false.
  public var keepsToLinkedRows: Bool { populations.isEmpty && hitsKeepToLinkedRows }

  /// The same but for facts of populations.
  var hitsKeepToLinkedRows: Bool {
    switch shape {
    case .each: break
    // Each base row by itself.
    case .formed(let formed): if !formed.keepsBaseRow { return false }
    case .pair: return false
    }
    guard let base = shape.bindings.first, base.entity != .person, !readsPersons else { return false }
    return key.contains { nonNullID($0, [base.name: base.entity]) }
  }

  /// A finding's hits, and the rows that made each of them, are of one person.
  private var isOfOnePerson: Bool {
    switch shape {
    case .each(let binding, let entity):
      return key.contains { nonNullID($0, [binding: entity]) || notNullInScope($0, [binding: entity]) }
    case .pair(let a, let b, let match, _):
      let persons = match.filter {
        isPersonNumber($0.a, [a.binding: a.entity]) && isPersonNumber($0.b, [b.binding: b.entity])
      }
      if persons.isEmpty { return false }
      let sides = [a.binding: a.entity, b.binding: b.entity]
      // A matched value is not null.
      return key.contains { part in
        nonNullID(part, sides) || persons.contains { $0.a == part || $0.b == part }
      }
    case .formed(let formed):
      let base = [formed.baseBinding: formed.baseEntity]
      if formed.keepsBaseRow { return key.contains { nonNullID($0, base) } }
      // A base row with a null among its `by` values is in no formed row.
      let own = formed.by.filter { isPersonNumber($0.value, base) || nonNullID($0.value, base) }.map(\.name)
      return key.contains { part in
        if case .formed(let column, _) = part { return own.contains(column) }
        return false
      }
    }
  }

  /// The conditions of the scope rule out that this number of a person is null.
  private func notNullInScope(_ e: Expr, _ bindings: [String: Entity]) -> Bool {
    isPersonNumber(e, bindings) && scope.conjuncts.contains(.not(.isNull(e)))
  }
}

/// A row's own id that is never null; rows that share it are kept together.
private func nonNullID(_ e: Expr, _ bindings: [String: Entity]) -> Bool {
  guard case .claim(let binding, let path, let column, _) = e, path.isEmpty, let entity = bindings[binding] else {
    return false
  }
  return switch (entity, column) {
  // A line that counts has a settlement that counts.
  case (.line, "id"), (.line, "setl_id"), (.settlement, "setl_id"), (.stay, "mdtrt_id"), (.visit, "mdtrt_id"),
    (.diagnosis, "setl_list_diag_id"), (.person, "psn_no"):
    true
  default: false
  }
}

/// The psn_no of a row or of one that it belongs to; it may be null.
func isPersonNumber(_ e: Expr, _ bindings: [String: Entity]) -> Bool {
  guard case .claim(let binding, let path, "psn_no", _) = e, let entity = path.last ?? bindings[binding] else {
    return false
  }
  return switch entity {
  case .line, .settlement, .stay, .visit, .person: true
  case .diagnosis: false
  }
}
