import ClaimModel

/// A typed expression: what is left of a rule's conditions after parsing and checking. Three-valued: every node may
/// be null, and a condition holds only when it is TRUE. Both consumers, `Audit` and `SQLLowering`, read this form and
/// never the text.
public indirect enum Expr: Sendable, Hashable {
  // Leaves
  /// A column of a claim row, reached from a binding over parents: `out.settlement.visit_class`.
  case claim(binding: String, path: [Entity], column: String, kind: ValueKind)
  /// A column of the registry row a lookup found; null when it found none or can't be evaluated. With `take: groups`
  /// only the group column.
  case registry(lookup: String, column: String, kind: ValueKind)
  case integer(Int64)
  case text(String)
  case day(Int64)
  case boolean(Bool)
  /// A dated parameter; its value on the row's day (`Rule.parameterDay`).
  case parameter(String)

  // Numbers (checked: overflow stops the rule) and days
  case add(Expr, Expr)
  case subtract(Expr, Expr)
  case multiply(Expr, Expr)
  /// NULL if any is null.
  case least([Expr])
  case greatest([Expr])
  /// The first that is not null.
  case coalesce([Expr])
  /// The calendar day of a time.
  case dayOf(Expr)
  /// The whole number that a text writes in digits; null for any other text.
  case number(Expr)

  // Conditions
  case compare(Comparison, Expr, Expr)
  /// `a IS b`: never null; two nulls are the same.
  case isSame(Expr, Expr)
  case isNull(Expr)
  /// FALSE for null.
  case isTrue(Expr)
  case inList(Expr, [Expr])
  case startsWith(Expr, [String])
  case and([Expr])
  case or([Expr])
  case not(Expr)

  // Lookups
  /// `x IS FOUND`; `x IS MISSING` is its NOT. Null when a key or the day is null, or when rows of the code asked for
  /// were rejected because they overlap on that day (on any level; of alternatives only those tried up to the first
  /// with a row). Rejected rows are just no rows where the lookup's key is less than the table's. What a null means
  /// for the row is the rule's affair: it says so under `unevaluable`.
  case found(lookup: String)
  /// For `take: groups`: the group has a row with this value in the column.
  case setContains(lookup: String, column: String, Expr)
  /// For `take: groups`: least and greatest of an expression over the group's rows; in it `.registry(lookup:…)` is
  /// the row's column. Nulls are passed over.
  case setLeast(lookup: String, Expr)
  case setGreatest(lookup: String, Expr)

  // What belongs to a row
  /// Over the children of `binding.path`: exists, count, or sum/min/max of a value. `variable` is bound inside.
  case children(ChildAggregate)

  // Over the hits that share the finding's key; only in cases, measure, from, to.
  /// Every hit has it TRUE.
  case allHits(Expr)
  case anyHit(Expr)
  case countHits
  case leastOfHits(Expr)
  case greatestOfHits(Expr)
  case sumOfHits(Expr)
}

/// An aggregate over the rows that belong to one row.
public struct ChildAggregate: Sendable, Hashable {
  public enum Function: String, Sendable, Hashable { case exists, count, sum, least, greatest }
  public var function: Function
  public var variable: String
  public var of: Entity
  public var binding: String
  public var path: [Entity]
  public var condition: Expr
  /// nil for exists and count.
  public var value: Expr?

  public init(
    function: Function, variable: String, of: Entity, binding: String, path: [Entity], condition: Expr, value: Expr?
  ) {
    self.function = function
    self.variable = variable
    self.of = of
    self.binding = binding
    self.path = path
    self.condition = condition
    self.value = value
  }
}

public enum Comparison: String, Sendable, Hashable, CaseIterable {
  case equal = "=", notEqual = "<>", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
}

/// How a rule finds rows of a registry.
public struct Lookup: Sendable, Hashable {
  public enum Take: Sendable, Hashable {
    /// The one row that holds.
    case one
    /// Whether there is any.
    case any
    /// One scope row for each distinct value of the column among the rows that hold; the rows of it are a set.
    case groups(by: String)
  }

  public struct Key: Sendable, Hashable {
    public var column: String
    /// Tried in turn; a null alternative is passed over; the first with a row wins. One entry is the plain case.
    public var alternatives: [Expr]
    /// A null value does not restrict (else it makes the lookup null).
    public var anyWhenNull: Bool
    public init(column: String, alternatives: [Expr], anyWhenNull: Bool = false) {
      self.column = column
      self.alternatives = alternatives
      self.anyWhenNull = anyWhenNull
    }
  }

  public var name: String
  public var table: String
  public var keys: [Key]
  /// Six-digit admdvs from which the region order starts; null starts at 000000. nil: not read in region order.
  public var region: Expr?
  /// The day on which rows must hold; nil: rows of any time.
  public var day: Expr?
  /// Rows that hold on any day of day − within … day + within.
  public var within: Expr?
  public var take: Take
  /// The table may be absent: then nothing is found.
  public var isOptional: Bool

  public init(
    name: String, table: String, keys: [Key], region: Expr? = nil, day: Expr? = nil, within: Expr? = nil,
    take: Take = .one, isOptional: Bool = false
  ) {
    self.name = name
    self.table = table
    self.keys = keys
    self.region = region
    self.day = day
    self.within = within
    self.take = take
    self.isOptional = isOptional
  }
}

/// The rows a rule looks at.
public enum Shape: Sendable, Hashable {
  /// Every row of an entity.
  case each(binding: String, entity: Entity)
  /// Two rows with equal values of the matched expressions (neither null). `unordered`: each two rows once, the one
  /// whose column is smaller by bytes first (rows with equal values are never a pair); both of one entity.
  case pair(
    a: (binding: String, entity: Entity), b: (binding: String, entity: Entity), match: [PairMatch], unordered: String?)

  public static func == (x: Shape, y: Shape) -> Bool {
    x.bindings.map(\.name) == y.bindings.map(\.name) && "\(x)" == "\(y)"
  }
  public func hash(into hasher: inout Hasher) { hasher.combine(bindings.map(\.name)) }

  public var bindings: [(name: String, entity: Entity)] {
    switch self {
    case .each(let binding, let entity): [(binding, entity)]
    case .pair(let a, let b, _, _): [(a.binding, a.entity), (b.binding, b.entity)]
    }
  }
}

public struct PairMatch: Sendable, Hashable {
  public var a: Expr
  public var b: Expr
  public init(a: Expr, b: Expr) {
    self.a = a
    self.b = b
  }
}

/// One of a finding's two amounts. Closed: each has one native form and one SQL form.
public enum AmountTerm: Sendable, Hashable {
  case none
  /// Σ A(l) or Σ F(l) of the finding's lines (`Rule.lines`).
  case sumA
  case sumF
  /// Σ A of the settlement's counting lines; its P.
  case settlementA(binding: String)
  case settlementP(binding: String)
  /// STAY_A and STAY_F of a stay.
  case stayA(binding: String)
  case stayF(binding: String)
}

/// Which lines a finding names and sums.
public enum LinesTerm: Sendable, Hashable {
  case none
  /// The hit rows of a line binding.
  case hits(binding: String)
  /// The lines that belong to a settlement or stay and meet a condition on `variable`.
  case children(binding: String, variable: String, condition: Expr)
}

public struct Unevaluable: Sendable, Hashable {
  public var when: Expr
  /// Why, for the coverage statement.
  public var reason: String
  public init(when: Expr, reason: String) {
    self.when = when
    self.reason = reason
  }
}

public struct Exemption: Sendable, Hashable {
  /// `EX-01` …
  public var id: String
  public var when: Expr
  /// The condition as written, for suppressed.csv.
  public var text: String
  public init(id: String, when: Expr, text: String) {
    self.id = id
    self.when = when
    self.text = text
  }
}

public struct VerdictCase: Sendable, Hashable {
  public var when: Expr
  public var verdict: Verdict
  public var severity: FindingSeverity
  /// Lower takes units of money first; `Int.max` for verdicts that never count.
  public var precedence: Int
  public init(when: Expr, verdict: Verdict, severity: FindingSeverity, precedence: Int) {
    self.when = when
    self.verdict = verdict
    self.severity = severity
    self.precedence = precedence
  }
}

/// Chooses one of a pair's two rows: the first in this order, and names it.
public struct AtIssue: Sendable, Hashable {
  public struct Order: Sendable, Hashable {
    public var column: String
    public var kind: ValueKind
    public var descending: Bool
    public init(column: String, kind: ValueKind, descending: Bool) {
      self.column = column
      self.kind = kind
      self.descending = descending
    }
  }
  public var binding: String
  public var order: [Order]
  public init(binding: String, order: [Order]) {
    self.binding = binding
    self.order = order
  }
}

/// A named value with a date and a basis; the jurisdiction file may override it.
public struct Parameter: Sendable, Hashable {
  public struct Value: Sendable, Hashable {
    /// First day on which it holds; nil: always.
    public var from: Int64?
    public var value: Int64
    public var basis: String
    public init(from: Int64?, value: Int64, basis: String) {
      self.from = from
      self.value = value
      self.basis = basis
    }
  }
  public var name: String
  /// Ascending by `from`.
  public var values: [Value]
  /// What the values count: `integer` (days, nights, pieces) unless the rule says `kind: money`, which makes them fen.
  public var kind: ValueKind
  public init(name: String, values: [Value], kind: ValueKind = .integer) {
    self.name = name
    self.values = values
    self.kind = kind
  }

  /// The value in force on a day; the earliest one before all of them.
  public func value(on day: Int64) -> Int64 {
    (values.last { ($0.from ?? Int64.min) <= day } ?? values.first)?.value ?? 0
  }
}

/// A checked rule.
public struct Rule: Sendable {
  public enum Status: String, Sendable { case draft, shadow, active, retired }

  public var id = ""
  public var version = 1
  /// zh and en.
  public var nameZh = ""
  public var nameEn = ""
  public var category = ""
  public var status = Status.draft
  /// Day since which the file holds as it stands; printed, not evaluated.
  public var since: Int64?
  /// Keys into the law registry, as written.
  public var basis: [String] = []
  public var shape = Shape.each(binding: "line", entity: .line)
  /// Registry tables without which the rule is not runnable.
  public var needs: [String] = []
  /// Claim tables whose missing rows would create a hit.
  public var absence: [ClaimTable] = []
  /// Columns that must be filled (fill_floor) over the rows that meet the conditions of the scope that use no lookup.
  public var fill: [Expr] = []
  public var parameters: [Parameter] = []
  /// The day by which parameters are resolved; nil: the day of `from`'s first evaluation is not needed, latest value.
  public var parameterDay: Expr?
  /// Rows counted as in scope. `.boolean(true)` if absent.
  public var scope = Expr.boolean(true)
  /// In order; a later one may use an earlier one's columns.
  public var lookups: [Lookup] = []
  public var unevaluable: [Unevaluable] = []
  /// What makes a hit, beside scope. `.boolean(true)` if absent.
  public var condition = Expr.boolean(true)
  /// A hit for which one is TRUE is none; not recorded.
  public var unless: [Expr] = []
  public var exemptions: [Exemption] = []
  public var cases: [VerdictCase] = []
  public var atIssue: AtIssue?
  public var subjectType = SubjectType.institution
  public var subject = Expr.text("")
  /// nil = empty in the finding.
  public var psnNo: Expr?
  public var fixmedinsCode: Expr?
  /// Joined by `|`; hits with one key are one finding.
  public var key: [Expr] = []
  /// Bindings whose settlements the finding names: a line's or settlement's own, a stay's all counting ones.
  public var settlements: [String] = []
  public var lines = LinesTerm.none
  /// Whether line_ids is printed; stays name their lines through setl_ids.
  public var from: Expr?
  public var to: Expr?
  public var measure: Expr?
  public var threshold: Expr?
  public var amountA = AmountTerm.none
  public var amountF = AmountTerm.none
  /// Text with `{expression}` parts, Chinese.
  public var explain: [ExplainPart] = []
  public var falsePositives = ""
  /// Path as given, and SHA-256 of the file's bytes.
  public var path = ""
  public var digest = ""

  public init() {}
}

/// A piece of the explanation: plain text or a value formatted by its kind (fen as yuan, days as dates).
public enum ExplainPart: Sendable, Hashable {
  case text(String)
  case value(Expr, ValueKind)
  /// The finding's own A and F in yuan.
  case amountA
  case amountF
}
