import ClaimModel
import Registries
import RulePacks

/// What is done once and for all in a part of the claims for rules with facts, so that a later run need not look at the
/// part again: counts that need no fact, the part's share of the facts, and of the rows in scope what only facts
/// decide.
///
/// For rules of which `asksFactsOfLinkedRows` holds.
public struct PendingFacts: Sendable {
  /// Counts but for rows that are unevaluable by what facts say; no findings.
  public let counts: AuditPart
  public let facts: FactPart
  /// For `OpenFacts`; empty where rows were not asked for.
  public let image: [UInt8]

  /// - Parameters:
  ///   - cells: of the claims' rows, by entity; nil: no rows are kept.
  /// - Returns: nil if a rule is stopped in this part.
  public init?(rules: [Rule], _ input: AuditInput, shelf: RegistryShelf, cells: [Entity: [UInt32]]?) {
    let indexes = IndexShelf(shelf.registries, input.claims.codes, shared: shelf)
    var counts = AuditPart()
    var image = ImageWriter()
    for rule in rules where rule.status.coverage != .off {
      if obstacle(rule, input.registries, input.incompleteTables) != nil { continue }
      guard let base = rule.shape.bindings.first else { return nil }
      let run = RuleRun(rule, input, indexes, asking: .withoutFacts)
      run.looked = RowsLookedAt()
      guard let hits = try? run.scan(), let looked = run.looked else { return nil }
      counts.rules[rule.id] = RulePart(countsOf: run)
      guard let cells else { continue }
      let own = cells[base.entity] ?? []
      let found = Set(hits.rows[base.name]?.rows ?? []).map { own[Int($0)] }
      image.number(UInt64(found.count), bytes: 4)
      let distinct = found.sorted()
      image.pack(found.count, width: 4) { UInt64(distinct[$0]) }
      let asksFact = rule.unevaluable.contains(where: \.when.asksFact)
      // Rows of which nothing can be said as it is are asked as well: a fact that can't be asked of one stops the rule.
      for (rows, areAsked) in [(looked.evaluable, true), (looked.unevaluable, asksFact)] {
        var thin = rule.openRows
        if areAsked {
          var seeds = [Bool](repeating: false, count: input.claims[base.entity].count)
          for row in rows { seeds[Int(row)] = true }
          thin.appendReachable(input.claims, cells: cells, seeds: [base.entity: seeds])
        }
        image.text(thin.image())
      }
    }
    self.counts = counts
    self.image = image.bytes
    facts = factPart(rules: rules, input, shelf: shelf)
  }
}

/// The rows of many parts about which only facts are still to be asked.
public struct OpenFacts: Sendable {
  private struct Open: Sendable {
    var evaluable: ThinClaims
    var unevaluable: ThinClaims
    /// Cells with rows that are hits if they are evaluable.
    var found: Set<UInt32> = []
  }

  private let rules: [Rule]
  private var open: [Open]

  /// Rules that can't run are left out by the caller's `AuditInput`, as when the images were made.
  public init(rules: [Rule], _ input: AuditInput) {
    self.rules = rules.filter {
      $0.status.coverage != .off && obstacle($0, input.registries, input.incompleteTables) == nil
    }
    open = self.rules.map { rule in
      let empty = rule.openRows(input.claims.codes)
      return Open(evaluable: empty, unevaluable: empty)
    }
  }

  /// Adds the rows of an image whose cells are wanted.
  ///
  /// - Returns: false if it is not what `PendingFacts` of these rules gave; then nothing must be made of the rest.
  public mutating func append(_ image: UnsafeRawBufferPointer, where isWanted: (UInt32) -> Bool) -> Bool {
    var input = ImageReader(image)
    for i in rules.indices {
      guard let count = input.number(4), let cells = input.packed(count, width: 4), let evaluable = input.bytes(),
        let unevaluable = input.bytes()
      else { return false }
      for k in 0..<count {
        let cell = UInt32(truncatingIfNeeded: cells.value(k))
        if isWanted(cell) { open[i].found.insert(cell) }
      }
      guard open[i].evaluable.append(evaluable, where: isWanted),
        open[i].unevaluable.append(unevaluable, where: isWanted)
      else { return false }
    }
    return input.isAtEnd
  }

  /// Asks the facts: how many rows are unevaluable by them, and the cells that may hold hits.
  ///
  /// - Parameter input: makes what rules are run over of claims, with the facts.
  /// - Returns: nil if a rule is stopped.
  public func asked(
    shelf: RegistryShelf, input: (EffectiveClaims) -> AuditInput
  ) -> (counts: AuditPart, cells: Set<UInt32>)? {
    var counts = AuditPart()
    var cells: Set<UInt32> = []
    for (rule, open) in zip(rules, open) {
      guard let base = rule.shape.bindings.first else { return nil }
      func look(_ rows: ThinClaims) -> RuleRun? {
        let own = input(rows.claimsAsAdded())
        let indexes = IndexShelf(shelf.registries, own.claims.codes, shared: shelf, facts: own.facts)
        let run = RuleRun(rule.onlyUnevaluable(base), own, indexes, asking: .onlyFacts)
        run.looked = RowsLookedAt()
        return (try? run.scan()).map { _ in run }
      }
      // A fact that can't be asked of a row stops the rule, whatever else is known of the row.
      guard let run = look(open.evaluable), look(open.unevaluable) != nil else { return nil }
      var part = RulePart(columns: rule.fill.count)
      part.rowsUnevaluable = run.rowsUnevaluable
      counts.rules[rule.id] = part
      let evaluable = open.evaluable.cells([base.entity: Set(run.looked?.evaluable ?? [])])
      cells.formUnion(evaluable.intersection(open.found))
    }
    return (counts, cells)
  }
}

extension Rule {
  /// Of a rule of reach `personWithFacts`: facts decide nothing but which of its base rows are evaluable, each base row
  /// and what it is asked about hang together by ids, and what a part adds to the facts can be taken out again.
  public func asksFactsOfLinkedRows(_ registries: Registries) -> Bool {
    reach == .personWithFacts && asksFactsOnlyOfBaseRows && hitsKeepToLinkedRows
      && populations.allSatisfy { $0.entity != .person } && FactPart.hasImage([self])
      && !asksFormedRowsWhetherEvaluable(registries)
  }

  /// Of base rows that are in scope what questions about facts read.
  fileprivate var openRows: ThinClaims { openRows(CodeTable()) }

  fileprivate func openRows(_ codes: CodeTable) -> ThinClaims {
    guard let base = shape.bindings.first else { return ThinClaims(for: [], codes: codes, named: false) }
    return ThinClaims(for: [onlyUnevaluable(base).withoutMembers], codes: codes, named: false)
  }
}
