import ClaimModel
import RulePacks

/// The rows of which a running stock is made that is not used up before a day: a purchase on that day or later adds to
/// it.
///
/// - Parameters:
///   - claims: with all rows of their persons.
///   - day: days since 1970.
/// - Returns: base rows of the rule, ascending; none if the rule forms no stock, is off, or can't run for want of a
///   registry. All rows of the entity if a number is beyond 64 bits.
public func rowsInStock(_ rule: Rule, _ input: AuditInput, shelf: RegistryShelf, from day: Int64) throws -> (
  entity: Entity, rows: [Int32]
)? {
  guard let formed = rule.stock, obstacle(rule, input.registries, [:]) == nil else { return nil }
  let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf)
  let run = RuleRun(rule, input, indexes)
  var base = BaseRows(formed)
  var isHeld = [Bool](repeating: false, count: input.claims[formed.baseEntity].count)
  do {
    try run.eachBaseBlock(formed) { try run.take($0, formed, into: &base) }
    try run.eachFormedBlock(formed, base) { frame in
      guard let rows = frame.formed, case .number(let days)? = rows.columns["day"],
        case .number(let held)? = rows.columns["held"]
      else { return }
      for i in 0..<rows.count {
        let (end, overflow) = days[i].addingReportingOverflow(held[i])
        if overflow || end >= day { for row in rows.members.of(i) { isHeld[Int(row)] = true } }
      }
    }
  } catch EvaluationFault.overflow {
    return (formed.baseEntity, Array(0..<Int32(isHeld.count)))
  }
  return (formed.baseEntity, isHeld.indices.filter { isHeld[$0] }.map { Int32($0) })
}

/// The rows that might be part of a running stock, whatever the registries say: those of which the conditions hold that
/// ask no registry.
public func rowsPerhapsInStock(_ rule: Rule, _ input: AuditInput, shelf: RegistryShelf) throws -> (
  entity: Entity, rows: [Int32]
)? {
  guard let formed = rule.stock else { return nil }
  let run = RuleRun(rule, input, IndexShelf(shelf.registries, input.claims.codes, shared: shelf))
  var rows: [Int32] = []
  try run.eachBlock(formed, among: nil) { frame in
    rows += try run.keeping(frame, run.plainScope).rows[formed.baseBinding]?.rows ?? []
  }
  return (formed.baseEntity, rows)
}

extension Rule {
  /// The shape, if the rule runs and carries a stock from row to row.
  fileprivate var stock: Formed? {
    guard status.coverage != .off, let formed = shape.formed, case .stock = formed.kind else { return nil }
    return formed
  }

  /// Rows of any age may matter: each adds to what those before it left.
  public var carriesStock: Bool { stock != nil }
}

extension Rule {
  /// It forms rows of the rows of several days.
  public var hasWindow: Bool {
    if case .window? = shape.formed?.kind { true } else { false }
  }

  /// The most days that a window of it has; nil if only its rows say so, or if it has none.
  public var mostWindowDays: Int64? {
    guard case .window(_, let days)? = shape.formed?.kind else { return nil }
    switch days {
    case .integer(let days): return days
    case .parameter(let name): return parameters.first { $0.name == name }?.values.map(\.value).max()
    default: return nil
    }
  }
}
