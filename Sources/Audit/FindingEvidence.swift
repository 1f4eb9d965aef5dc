import ClaimModel
import Registries
import RulePacks

/// Everything that one rule looked at for one finding: what a person is shown who asks why. Worked out anew from the
/// claims, for the finding's hits as they were before exemptions.
public struct FindingEvidence: Sendable {
  /// A value that a condition read: a column, a parameter, an aggregate.
  public struct Read: Sendable, Hashable {
    /// As the rule language writes it.
    public var name: String
    /// The column whose code list says what a code means; empty where the value is none of a column.
    public var column: String
    /// nil for a condition.
    public var kind: ValueKind?
    /// nil for null. Money is yuan, days are dates, conditions TRUE or FALSE.
    public var text: String?
  }

  public enum Truth: String, Sendable { case yes = "TRUE", no = "FALSE", null = "NULL" }

  public enum Part: Sendable, Hashable {
    case scope
    case unevaluable(reason: String)
    case condition
    case unless
    case exemption(id: String)
    /// The n-th case, from 1.
    case verdict(Int, Verdict)
  }

  /// A condition at one hit. AND, OR and NOT are taken apart; what is left has the values that it read.
  public struct Outcome: Sendable, Hashable {
    public enum Joint: String, Sendable { case and = "AND", or = "OR", not = "NOT" }
    public var truth: Truth
    /// As the rule language writes it, names under `let` resolved.
    public var text: String
    /// nil for a condition without parts.
    public var joint: Joint?
    public var parts: [Outcome]
    public var read: [Read]
  }

  /// A condition with what it came to, hit by hit; for formed rows, conditions about base rows member by member.
  public struct Judgement: Sendable {
    public var part: Part
    public var text: String
    public var isAboutMembers: Bool
    public var outcomes: [Outcome]
  }

  public struct Hit: Sendable {
    /// Claim rows by binding, in the order of the shape.
    public var rows: [(binding: String, entity: Entity, row: Int)]
    /// Columns of the formed row; empty for other shapes.
    public var formed: [Read]
    /// An exemption is TRUE for it.
    public var isExempt: Bool
  }

  /// What a lookup was asked and gave, at one hit or member; equal answers once.
  public struct Answer: Sendable, Hashable {
    public var lookup: String
    public var table: String
    /// Keys, then region, day, span where it has them.
    public var asked: [Read]
    /// The row or, for groups, rows it gave; for `take: any` those that hold.
    public var used: [Int]
    /// Rows of the key that it passed over: not valid on the day, or of a level further up.
    public var passedOver: [Int]
    public var truth: Truth
  }

  public struct ParameterInForce: Sendable {
    public var name: String
    public var kind: ValueKind
    public var value: Int64
    public var from: Int64?
    public var basis: String
  }

  public var finding: Finding?
  public var suppressions: [Suppression]
  public var hits: [Hit]
  public var judgements: [Judgement]
  public var answers: [Answer]
  public var parameters: [ParameterInForce]
  /// Population facts, each once.
  public var facts: [Read]
  /// Base rows of the formed rows, in the order in which conditions about members are judged; empty for other shapes.
  public var members: [Int]
}

/// What the rule looked at for the finding of that id; nil if the claims no longer give it a hit. For a rule whose
/// `reach` is within a person, the claims of the finding's persons, and of whoever shares an id with them, are enough;
/// with populations beside them `input.facts` of everybody.
///
/// - Throws: `EvaluationFault` texts as `Diagnostics`, as `audit` does.
public func findingEvidence(_ id: String, of rule: Rule, _ input: AuditInput) throws -> FindingEvidence? {
  let run = RuleRun(rule, input, IndexShelf(input.registries, input.claims.codes, facts: input.facts))
  let hits = try run.scan()
  let keys = try run.keyTexts(hits)
  let own = keys.indices.filter { StableID.finding(rule: rule.id, key: keys[$0]) == id }.map { Int32($0) }
  if own.isEmpty { return nil }
  return try EvidenceGathering(run, run.grouped(hits.selecting(own))).evidence()
}

/// Evaluates the parts of a rule once more over the hits of one finding.
private struct EvidenceGathering {
  let run: RuleRun
  let rule: Rule
  let evaluator: Evaluator
  let hits: Frame
  /// Base rows of formed hits; nil where hits are base rows themselves.
  let members: Frame?
  let writer: ExpressionWriter
  let formedLookups: Set<String>

  init(_ run: RuleRun, _ hits: Frame) throws {
    self.run = run
    rule = run.rule
    evaluator = run.evaluator
    self.hits = hits
    writer = ExpressionWriter(run.rule)
    formedLookups = run.rule.shape.formed == nil ? [] : run.rule.formedLookups
    if let formed = rule.shape.formed, case .occupancy(let first, let last, _, _) = formed.kind {
      members = try Self.present(run, hits, formed, first, last)
    } else if let formed = rule.shape.formed, !formed.keepsBaseRow, let own = hits.formed {
      let rows = Array(Set((0..<own.count).flatMap { Array(own.members.of($0)) })).sorted()
      let frame = Frame(count: rows.count)
      frame.rows[formed.baseBinding] = (formed.baseEntity, rows)
      members = frame
    } else {
      members = nil
    }
  }

  /// The base rows that were there on the days of the hits; an occupancy itself only counts them.
  private static func present(_ run: RuleRun, _ hits: Frame, _ formed: Formed, _ first: Expr, _ last: Expr) throws
    -> Frame
  {
    func texts(_ e: Expr, _ kind: ValueKind, _ frame: Frame) throws -> [String] {
      switch try run.evaluator.vector(e, frame) {
      case .text(let v): v.map { run.evaluator.codes.text($0) }
      case .number(let v): v.map { kind.text($0) }
      case .truth: []
      }
    }
    var days: [[String]: [Int64]] = [:]
    let ofHits = try formed.by.map { try texts(.formed(column: $0.name, kind: $0.kind), $0.kind, hits) }
    let day = try run.evaluator.numbers(.formed(column: "day", kind: .day), hits)
    for i in 0..<hits.count { days[ofHits.map { $0[i] }, default: []].append(day[i]) }
    var present: [Int32] = []
    try run.eachBaseBlock(formed) { frame in
      let frame = frame.keeping(try run.evaluable(frame))
      let by = try formed.by.map { try texts($0.value, $0.kind, frame) }
      let from = try run.evaluator.numbers(first, frame)
      let to = try run.evaluator.numbers(last, frame)
      let rows = frame.rows[formed.baseBinding]?.rows ?? []
      for i in 0..<frame.count where from[i] != ColumnData.null && to[i] != ColumnData.null {
        if days[by.map { $0[i] }]?.contains(where: { from[i] <= $0 && $0 <= to[i] }) == true { present.append(rows[i]) }
      }
    }
    let frame = Frame(count: present.count)
    frame.rows[formed.baseBinding] = (formed.baseEntity, present)
    return frame
  }

  func evidence() throws -> FindingEvidence {
    var judgements: [FindingEvidence.Judgement] = []
    func judge(_ part: FindingEvidence.Part, _ condition: Expr, _ text: String? = nil) throws {
      judgements.append(try judgement(part, condition, text))
    }
    for part in rule.scope.conjuncts { try judge(.scope, part) }
    for one in rule.unevaluable { try judge(.unevaluable(reason: one.reason), one.when) }
    for part in rule.condition.conjuncts { try judge(.condition, part) }
    for one in rule.unless { try judge(.unless, one) }
    for one in rule.exemptions { try judge(.exemption(id: one.id), one.when, one.text) }
    for (i, one) in rule.cases.enumerated() { try judge(.verdict(i + 1, one.verdict), one.when) }

    var isExempt = [Bool](repeating: false, count: hits.count)
    for exemption in rule.exemptions {
      for (i, truth) in try evaluator.truths(exemption.when, hits).enumerated() where truth == Kleene.yes {
        isExempt[i] = true
      }
    }
    let (findings, suppressions, _) = try run.assemble(hits)
    return FindingEvidence(
      finding: findings.first, suppressions: suppressions, hits: try rowsOfHits(isExempt), judgements: judgements,
      answers: try rule.lookups.flatMap(answers), parameters: try parametersInForce(), facts: try facts(),
      members: rule.shape.formed.flatMap { members?.rows[$0.baseBinding]?.rows.map { Int($0) } } ?? [])
  }

  /// Where an expression of the scope, of what is unevaluable or of a population is evaluated: formed rows, or the base
  /// rows they are made of. All other parts are about formed rows.
  private func frame(for e: Expr) -> (frame: Frame, isAboutMembers: Bool) {
    guard let members, !e.readsFormed(lookups: formedLookups) else { return (hits, false) }
    return (members, true)
  }

  // MARK: Conditions

  private func judgement(_ part: FindingEvidence.Part, _ condition: Expr, _ text: String?) throws
    -> FindingEvidence.Judgement
  {
    let (frame, isAboutMembers): (Frame, Bool) =
      switch part {
      case .scope, .unevaluable: frame(for: condition)
      case .condition, .unless, .exemption, .verdict: (hits, false)
      }
    return FindingEvidence.Judgement(
      part: part, text: text ?? writer.text(condition), isAboutMembers: isAboutMembers,
      outcomes: try outcomes(condition, frame))
  }

  private func outcomes(_ condition: Expr, _ frame: Frame) throws -> [FindingEvidence.Outcome] {
    let truths = try evaluator.truths(condition, frame)
    let text = writer.text(condition)
    let (joint, parts): (FindingEvidence.Outcome.Joint?, [Expr]) =
      switch condition {
      case .and(let all): (.and, all)
      case .or(let all): (.or, all)
      case .not(.and(let all)): (.not, [.and(all)])
      case .not(.or(let all)): (.not, [.or(all)])
      default: (nil, [])
      }
    let ofParts = try parts.map { try outcomes($0, frame) }
    var leaves: [Expr] = []
    if joint == nil { collect(condition, into: &leaves) }
    // `x IS FOUND` says itself what it came to.
    if leaves == [condition] { leaves = [] }
    let values = try leaves.map { try ($0, evaluator.vector($0, frame)) }
    return truths.indices.map { i in
      FindingEvidence.Outcome(
        truth: truth(truths[i]), text: text, joint: joint, parts: ofParts.map { $0[i] },
        read: values.map { read($0.0, $0.1, i) })
    }
  }

  /// The values an expression reads, in the order in which it names them, each once. Aggregates are one value.
  private func collect(_ e: Expr, into leaves: inout [Expr]) {
    switch e {
    case .claim, .registry, .formed, .fact, .parameter, .found, .setContains, .setLeast, .setGreatest, .children,
      .allHits, .anyHit, .countHits, .leastOfHits, .greatestOfHits, .sumOfHits, .atGreatestOfHits:
      if !leaves.contains(e) { leaves.append(e) }
    default: for part in e.parts { collect(part, into: &leaves) }
    }
  }

  private func truth(_ value: UInt8) -> FindingEvidence.Truth {
    value == Kleene.yes ? .yes : value == Kleene.no ? .no : .null
  }

  private func read(_ e: Expr, _ vector: Vector, _ i: Int) -> FindingEvidence.Read {
    let kind = e.kind(in: rule)
    var text: String?
    switch vector {
    case .text(let v): if v[i] != CodeTable.null { text = evaluator.codes.text(v[i]) }
    case .number(let v): if v[i] != ColumnData.null { text = (kind ?? .integer).text(v[i]) }
    case .truth(let v): if v[i] != Kleene.null { text = truth(v[i]).rawValue }
    }
    return FindingEvidence.Read(name: writer.text(e), column: column(e), kind: kind, text: text)
  }

  /// The column whose codes a value has.
  private func column(_ e: Expr) -> String {
    switch e {
    case .claim(_, _, let column, _), .registry(_, let column, _), .formed(let column, _): column
    case .coalesce(let all): all.lazy.map(column).first { !$0.isEmpty } ?? ""
    default: ""
    }
  }

  // MARK: Rows

  private func rowsOfHits(_ isExempt: [Bool]) throws -> [FindingEvidence.Hit] {
    let formed = try (rule.shape.formed?.columns ?? []).map { column -> (Expr, Vector) in
      let e = Expr.formed(column: column.name, kind: column.kind)
      return (e, try evaluator.vector(e, hits))
    }
    return (0..<hits.count).map { i in
      FindingEvidence.Hit(
        rows: rule.shape.bindings.compactMap { binding, entity in
          guard let row = hits.rows[binding]?.rows[i], row >= 0 else { return nil }
          return (binding, entity, Int(row))
        }, formed: formed.map { read($0.0, $0.1, i) }, isExempt: isExempt[i])
    }
  }

  // MARK: Lookups, parameters, facts

  private func answers(_ lookup: Lookup) throws -> [FindingEvidence.Answer] {
    guard evaluator.registry(lookup) != nil else { return [] }
    let isFormed = formedLookups.contains(lookup.name)
    let frame = isFormed ? hits : members ?? hits
    var asked: [(Expr, Vector)] = []
    for e in lookup.expressions { asked.append((e, try evaluator.vector(e, frame))) }
    let outcome: LookupOutcome?
    if case .groups = lookup.take { outcome = nil } else { outcome = try evaluator.outcome(lookup.name, frame) }
    let days = try lookup.day.map { try evaluator.numbers($0, frame) }
    let within = try lookup.within.map { try evaluator.numbers($0, frame) }
    var result: [FindingEvidence.Answer] = []
    var seen: Set<FindingEvidence.Answer> = []
    for i in 0..<frame.count {
      let one = frame.selecting([Int32(i)])
      var looked: Set<Int> = []
      try evaluator.collectRows(lookup, one, into: &looked)
      var used: [Int] = []
      if let group = frame.groups[lookup.name] {
        used = group.rows[Int(group.start[i])..<Int(group.end[i])].map { Int($0) }
      } else if let outcome, outcome.row[i] >= 0 {
        used = [Int(outcome.row[i])]
      } else if lookup.take == .any, outcome?.found[i] == Kleene.yes {
        used = looked.filter { holds($0, lookup, day: days?[i], within: within?[i] ?? 0) }
      }
      let truths = try evaluator.found(lookup.name, frame)
      let answer = FindingEvidence.Answer(
        lookup: lookup.name, table: lookup.table, asked: asked.map { read($0.0, $0.1, i) }, used: used.sorted(),
        passedOver: looked.subtracting(used).sorted(), truth: truth(truths[i]))
      if seen.insert(answer).inserted { result.append(answer) }
    }
    return result
  }

  private func holds(_ row: Int, _ lookup: Lookup, day: Int64?, within: Int64) -> Bool {
    guard let registry = evaluator.registry(lookup), let day, registry.schema.hasValidity else { return true }
    if registry.isAmbiguous[row] { return false }
    let begin = registry.columns["begndate"]?.numbers[row] ?? ColumnData.null
    let end = registry.columns["enddate"]?.numbers[row] ?? ColumnData.null
    return begin <= day + within && (end == ColumnData.null || end >= day - within)
  }

  private func parametersInForce() throws -> [FindingEvidence.ParameterInForce] {
    try rule.parameters.compactMap { parameter in
      var day: Int64?
      if parameter.values.count > 1 {
        let formedDay = rule.shape.formed == nil ? nil : rule.formedParameterDay
        let days =
          try formedDay.map { try evaluator.numbers($0, hits) }
          ?? rule.parameterDay.map { try evaluator.numbers($0, members ?? hits) }
        day = days?.first { $0 != ColumnData.null }
      }
      guard
        let value = day.flatMap({ day in parameter.values.last { ($0.from ?? Int64.min) <= day } })
          ?? (day == nil ? parameter.values.last : parameter.values.first)
      else { return nil }
      return FindingEvidence.ParameterInForce(
        name: parameter.name, kind: parameter.kind, value: value.value, from: value.from, basis: value.basis)
    }
  }

  private func facts() throws -> [FindingEvidence.Read] {
    var wanted: [Expr] = []
    for e in rule.expressions {
      e.visit { part in
        if case .fact = part, !wanted.contains(part) { wanted.append(part) }
      }
    }
    var result: [FindingEvidence.Read] = []
    for e in wanted {
      let frame = members ?? hits
      let vector = try evaluator.vector(e, frame)
      for i in 0..<frame.count {
        let value = read(e, vector, i)
        if !result.contains(value) { result.append(value) }
      }
    }
    return result
  }
}
