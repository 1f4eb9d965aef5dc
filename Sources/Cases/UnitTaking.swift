import ClaimModel

/// What a finding gets of one unit of money.
public struct UnitTaking: Sendable, Hashable {
  /// `mdtrt_id:bkkp_sn` for a line, `U:` and setl_id for a settlement's rest.
  public var unit: String
  /// Fen, above 0.
  public var fen: Int64

  public init(unit: String, fen: Int64) {
    self.unit = unit
    self.fen = fen
  }
}

/// Gives the units of money of one case to its findings, each fen once (Documentation/claims.md).
///
/// Findings that a packet can derive come before the others (`standsOnly`), so that what it counts does not hang on
/// what it does not show. In order of precedence, then rule, then key, each finding takes from its units in byte order
/// at most what it claims, what is left, and in all at most its fund amount: that last bound is what makes a part k of
/// n. 线索, findings without fund amount and those whose precedence is `Int.max` get nothing.
///
/// - Parameter standsOnly: ids of findings that only stand from earlier runs; they get what is left.
/// - Returns: for each finding, in the given order, what it gets; empty where it gets nothing.
public func takeUnits(
  _ findings: [Finding], subjectType: SubjectType, subject: String, members: Set<String> = [],
  standsOnly: Set<String> = []
) -> [[UnitTaking]] {
  let eligible = findings.indices.filter { row in
    findings[row].verdict != .lead && findings[row].fundFen > 0 && findings[row].precedence != Int.max
  }
  let claims = eligible.map { row in
    findings[row].claims.filter { $0.fen > 0 && belongs($0, to: subjectType, subject, members) }
      .sorted { bytesPrecede($0.unit, $1.unit) }
  }

  // A unit's worth is a fact of the claims; should two findings carry different versions of it, the greater holds,
  // so that the order of the input can't matter.
  var left: [String: Int64] = [:]
  for claim in claims.joined() { left[claim.unit] = max(left[claim.unit] ?? 0, claim.fen) }

  var result = [[UnitTaking]](repeating: [], count: findings.count)
  let order = eligible.indices.sorted { x, y in
    let (a, b) = (findings[eligible[x]], findings[eligible[y]])
    let (aStandsOnly, bStandsOnly) = (standsOnly.contains(a.id), standsOnly.contains(b.id))
    return aStandsOnly == bStandsOnly ? precedes(a, b) : bStandsOnly
  }
  for position in order {
    let row = eligible[position]
    var unspent = findings[row].fundFen
    for claim in claims[position] where unspent > 0 {
      let fen = min(claim.fen, left[claim.unit] ?? 0, unspent)
      if fen <= 0 { continue }
      left[claim.unit, default: 0] -= fen
      unspent -= fen
      result[row].append(UnitTaking(unit: claim.unit, fen: fen))
    }
  }
  return result
}

/// A fen counts only if it was paid to the case's institution, on a line its practitioner signed, for its person or
/// for a member of its group. An empty subject is nobody, and a line that names nobody is not theirs.
private func belongs(_ claim: UnitClaim, to type: SubjectType, _ subject: String, _ members: Set<String>) -> Bool {
  if subject.isEmpty { return false }
  return switch type {
  case .institution: claim.fixmedinsCode == subject
  case .practitioner: claim.practitioner == subject
  case .person: claim.psnNo == subject
  case .group: members.contains(claim.psnNo)
  }
}

private func precedes(_ a: Finding, _ b: Finding) -> Bool {
  if a.precedence != b.precedence { return a.precedence < b.precedence }
  if a.rule != b.rule { return bytesPrecede(a.rule, b.rule) }
  if a.key != b.key { return bytesPrecede(a.key, b.key) }
  return bytesPrecede(a.id, b.id)
}
