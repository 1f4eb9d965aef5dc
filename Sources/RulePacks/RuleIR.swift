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
  /// A column of the formed row in hand (`Shape.formed`): a key of it, one of its values, or what the shape gives.
  case formed(column: String, kind: ValueKind)
  /// A value of a population fact, of the group that the rule's row matches; null where it matches none.
  case fact(population: String, value: String, kind: ValueKind)
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
  /// The first n characters (Unicode scalars) of a text; the whole text where it is shorter. n ≥ 1.
  case prefix(Expr, Int)
  /// ⌊x · p / 100⌋ in the kind of x; null where one is null or negative. The only division, and by a hundred.
  case percent(Expr, of: Expr)

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
  /// overlap on that day or have days that can't be read (on any level; of alternatives only those tried up to the
  /// first with a row): such rows are kept, never found. Where the lookup's key is less than the table's they are just
  /// no rows. What a null means for the row is the rule's affair: it says so under `unevaluable`.
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

  // Over the hits that share the finding's key; only in cases, measure, threshold, from, to, explain.
  /// Every hit has it TRUE.
  case allHits(Expr)
  case anyHit(Expr)
  case countHits
  case leastOfHits(Expr)
  case greatestOfHits(Expr)
  case sumOfHits(Expr)
  /// The value at the first hit (in the order of hits) among those where `by` is greatest; null where `by` is all null.
  case atGreatestOfHits(Expr, by: Expr)
}

/// An aggregate over the rows that belong to one row.
public struct ChildAggregate: Sendable, Hashable {
  public enum Function: String, Sendable, Hashable {
    case exists, count, sum, least, greatest
    /// How many different values that are not null.
    case countDistinct
  }
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
///
/// Only where every key is matched by `equal` can rows rejected for overlap make it null; with another match they are
/// just no rows. Texts meet regardless of ASCII case, prefixes too.
public struct Lookup: Sendable, Hashable {
  public enum Take: Sendable, Hashable {
    /// The one row that holds.
    case one
    /// Whether there is any.
    case any
    /// One scope row for each distinct value of the column among the rows that hold; the rows of it are a set.
    case groups(by: String)
  }

  /// How a row's column meets what a key gives.
  public enum Match: Sendable, Hashable {
    /// The column equals the value.
    case equal
    /// The value begins with the column's text, which has at least so many characters. Only with `take: any`.
    case beginsWithColumn(atLeast: Int)
    /// The column's text has at least so many characters; the key gives no value. Only with `take: any`.
    case length(atLeast: Int)
    /// The column equals that of some row which another lookup (`take: any`, declared before) finds; without such a
    /// row nothing is found. The key gives no value of its own. Only with `take: any`. Null where the other lookup is
    /// null; of its rows only those of the first alternative and level that has any count, unless it joins levels.
    /// Rows with a null in the column give no value.
    case anyOf(lookup: String, column: String)
  }

  public struct Key: Sendable, Hashable {
    public var column: String
    /// Tried in turn; a null alternative is passed over; the first with a row wins. One entry is the plain case; none
    /// where the match needs no value.
    public var alternatives: [Expr]
    /// A null value does not restrict (else it makes the lookup null).
    public var anyWhenNull: Bool
    public var match: Match
    public init(column: String, alternatives: [Expr], anyWhenNull: Bool = false, match: Match = .equal) {
      self.column = column
      self.alternatives = alternatives
      self.anyWhenNull = anyWhenNull
      self.match = match
    }
  }

  public var name: String
  public var table: String
  public var keys: [Key]
  /// Six-digit admdvs from which the region order starts; null starts at 000000. nil: not read in region order.
  public var region: Expr?
  /// Rows of all levels of the region order count, not only those of the first level that has any row that meets all
  /// keys. Only with `take: any`; whether a row is found is the same with and without, which rows are is not
  /// (`Match.anyOf`).
  public var joinsLevels: Bool
  /// The day on which rows must hold; nil: rows of any time.
  public var day: Expr?
  /// Rows that hold on any day of day − within … day + within.
  public var within: Expr?
  public var take: Take
  /// The table may be absent: then nothing is found.
  public var isOptional: Bool

  public init(
    name: String, table: String, keys: [Key], region: Expr? = nil, day: Expr? = nil, within: Expr? = nil,
    take: Take = .one, isOptional: Bool = false, joinsLevels: Bool = false
  ) {
    self.name = name
    self.table = table
    self.keys = keys
    self.region = region
    self.day = day
    self.within = within
    self.take = take
    self.isOptional = isOptional
    self.joinsLevels = joinsLevels
  }
}

/// Which of the matched rows are a pair.
public enum PairOrder: Sendable, Hashable {
  /// Every row of one side with every row of the other.
  case every
  /// Each two rows once, the one whose column is smaller by bytes first (rows with equal values are never a pair);
  /// both of one entity.
  case unordered(column: String)
  /// Two neighbours, first and second, in the ascending order of the columns among the rows with equal matched values;
  /// texts by bytes, null before all else, rows equal in all of them by their ids. Both of one entity, matched by the
  /// same expression on both sides. Rows are put in order before any condition is asked.
  case adjacent(columns: [String])
}

/// An aggregate over the base rows of a formed row or of a group of a population. Nulls are passed over, but by `only`.
public struct FormedValue: Sendable, Hashable {
  public enum Function: String, Sendable, Hashable {
    case count, sum, least, greatest, countDistinct
    /// The value if all rows have the same one; null if they differ or one is null.
    case only
  }
  public var name: String
  public var function: Function
  /// nil for count.
  public var value: Expr?
  public var kind: ValueKind
  public init(name: String, function: Function, value: Expr?, kind: ValueKind) {
    self.name = name
    self.function = function
    self.value = value
    self.kind = kind
  }
}

/// A named expression of a known kind.
public struct NamedExpr: Sendable, Hashable {
  public var name: String
  public var value: Expr
  public var kind: ValueKind
  public init(name: String, value: Expr, kind: ValueKind) {
    self.name = name
    self.value = value
    self.kind = kind
  }
}

/// Rows that are formed of base rows. `scope`, and what of `unevaluable` and the lookups does not speak of the formed
/// row, are about base rows and thin them out; all else is about formed rows. A base row is in none where a `by` value
/// or a day of it is null. The base binding itself, and lookups about it, can be read beside the formed row only with
/// `runs`. `take: groups` is not for formed rows.
///
/// Coverage counts base rows: those in scope, and as unevaluable those that are so themselves or are a member of a
/// formed row that is, each once. With `occupancy` it counts formed rows, and no others.
///
/// Hits of one finding are in ascending order of `day` (where the shape gives one), then of the base row's id (with
/// `runs`), then of the `by` values (texts by bytes); the first stands for the finding. Its settlements and member
/// lines are those of its hits' members; with `runs` the member is the base row.
public struct Formed: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// One row for each different set of `by` values.
    case group
    /// One row for each set of `by` values and day on which a base row falls: its values are over the base rows of the
    /// `days` days that end with it. Gives `day`; the members are those base rows. `days` is the greatest among the
    /// rows of the day itself; where it is null or below 1 the day has no row.
    case window(day: Expr, days: Expr)
    /// One row for each set of `by` values and day. Gives `day`; `supply`, the whole days that Σ of the expression
    /// covers (rounded down; a day with less than 1 is no row); `held`, max(0, held before − days since) + supply,
    /// where the first row starts with 0. The expression is a product of two quantities (10⁻⁸ of a day); a base row
    /// with a null in it supplies nothing, but is a member of the day.
    case stock(day: Expr, supply: StockSupply)
    /// One row for each base row and each day from `first` to `last`, both included. Gives `day`; `by` is empty.
    /// Among the rows that `where` and `unless` leave, days that follow each other are a run; runs shorter than
    /// `atLeast` (its value on the run's first day; null drops it) are dropped, the others give `run_first`, `run_last`
    /// and `run_length` (days) on every row. Only what comes after `unless` can read these. Exemptions come later: they
    /// take days out of a run's finding, not out of the run.
    case runs(first: Expr, last: Expr, atLeast: Expr)
    /// One row for each set of `by` values and day on which a base row's days `first` … `last` fall: `count`, the
    /// number of different values of `counted` (a null counts as none). Runs as in `runs`, among rows of equal `by`.
    case occupancy(first: Expr, last: Expr, counted: Expr, atLeast: Expr)
  }

  public var baseBinding: String
  public var baseEntity: Entity
  /// What expressions call the formed row.
  public var name: String
  public var by: [NamedExpr]
  /// Only for group, window and stock.
  public var values: [FormedValue]
  public var kind: Kind

  public init(
    baseBinding: String, baseEntity: Entity, name: String, by: [NamedExpr], values: [FormedValue], kind: Kind
  ) {
    self.baseBinding = baseBinding
    self.baseEntity = baseEntity
    self.name = name
    self.by = by
    self.values = values
    self.kind = kind
  }

  /// The columns of a formed row: `by`, then what the shape gives, then `values`.
  public var columns: [(name: String, kind: ValueKind)] {
    var own: [(name: String, kind: ValueKind)] = []
    let run: [(name: String, kind: ValueKind)] = [("run_first", .day), ("run_last", .day), ("run_length", .integer)]
    switch kind {
    case .group: break
    case .window: own = [("day", .day)]
    case .stock: own = [("day", .day), ("supply", .integer), ("held", .integer)]
    case .runs: own = [("day", .day)] + run
    case .occupancy: own = [("day", .day), ("count", .integer)] + run
    }
    return by.map { ($0.name, $0.kind) } + own + values.map { ($0.name, $0.kind) }
  }

  /// Expressions over base rows.
  public var baseExpressions: [Expr] {
    var own: [Expr] = []
    switch kind {
    case .group: break
    case .window(let day, let days): own = [day, days]
    case .stock(let day, let supply): own = [day, supply.quantity, supply.daysEach]
    case .runs(let first, let last, _): own = [first, last]
    case .occupancy(let first, let last, let counted, _): own = [first, last, counted]
    }
    return by.map(\.value) + own + values.compactMap(\.value)
  }

  /// The length of the shortest run that counts; over formed rows.
  public var atLeast: Expr? {
    switch kind {
    case .runs(_, _, let atLeast), .occupancy(_, _, _, let atLeast): atLeast
    case .group, .window, .stock: nil
    }
  }
}

/// The days one base row covers: pieces × days each lasts, both in 10⁻⁴.
public struct StockSupply: Sendable, Hashable {
  public var quantity: Expr
  public var daysEach: Expr
  public init(quantity: Expr, daysEach: Expr) {
    self.quantity = quantity
    self.daysEach = daysEach
  }
}

/// Facts about a whole population (a posting share): aggregates over all rows of an entity in the store that meet the
/// condition, group by group. Computed once; a packet holds the groups its findings used, as rows with their SQL.
public struct Population: Sendable, Hashable {
  public var name: String
  public var binding: String
  public var entity: Entity
  /// Over `binding` alone, without lookups and parameters.
  public var condition: Expr
  /// What a row of the population (`a`) has in common with the rule's row (`b`); null meets nothing. Without any, all
  /// rows of the population are one group.
  public var match: [PairMatch]
  public var values: [FormedValue]
  public init(
    name: String, binding: String, entity: Entity, condition: Expr, match: [PairMatch], values: [FormedValue]
  ) {
    self.name = name
    self.binding = binding
    self.entity = entity
    self.condition = condition
    self.match = match
    self.values = values
  }
}

/// The rows a rule looks at.
public enum Shape: Sendable, Hashable {
  /// Every row of an entity.
  case each(binding: String, entity: Entity)
  /// Two rows with equal values of the matched expressions (neither null).
  case pair(
    a: (binding: String, entity: Entity), b: (binding: String, entity: Entity), match: [PairMatch], order: PairOrder)
  case formed(Formed)

  public static func == (x: Shape, y: Shape) -> Bool {
    x.bindings.map(\.name) == y.bindings.map(\.name) && "\(x)" == "\(y)"
  }
  public func hash(into hasher: inout Hasher) { hasher.combine(bindings.map(\.name)) }

  /// The claim rows it starts from.
  public var bindings: [(name: String, entity: Entity)] {
    switch self {
    case .each(let binding, let entity): [(binding, entity)]
    case .pair(let a, let b, _, _): [(a.binding, a.entity), (b.binding, b.entity)]
    case .formed(let formed): [(formed.baseBinding, formed.baseEntity)]
    }
  }

  public var formed: Formed? {
    if case .formed(let formed) = self { formed } else { nil }
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
  /// Part k of n of Σ A or Σ F of the finding's lines: ⌊Σ · k / n⌋, on the sum. k and n are whole numbers of the
  /// finding's first hit; null, k ≤ 0 or n ≤ 0 gives 0, k > n counts as n.
  case partA(k: Expr, n: Expr)
  case partF(k: Expr, n: Expr)
  /// What the finding's lines cost beyond a unit price (a price, over the hit's line): D(l) = min(A(l), max(0,
  /// det_item_fee_sumamt − ⌈cnt · price⌉ fen)), null price or cnt: 0. A: Σ D(l). F: Σ ⌊F(l) · D(l) / A(l)⌋. The price
  /// of a line is that of the finding's first hit that names it. Of a unit of money it claims its own ⌊F · D / A⌋.
  case overPriceA(price: Expr)
  case overPriceF(price: Expr)
}

/// Which lines a finding names and sums.
public enum LinesTerm: Sendable, Hashable {
  case none
  /// The hit rows of a line binding.
  case hits(binding: String)
  /// The base rows of the formed row, which are lines.
  case members
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
  /// The threshold that the finding names instead of the rule's.
  public var threshold: Expr?
  public init(when: Expr, verdict: Verdict, severity: FindingSeverity, precedence: Int, threshold: Expr? = nil) {
    self.when = when
    self.verdict = verdict
    self.severity = severity
    self.precedence = precedence
    self.threshold = threshold
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
  /// In Chinese and English.
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
  /// A count of children with a value stands for that column over those children.
  public var fill: [Expr] = []
  public var parameters: [Parameter] = []
  /// The day by which parameters are resolved, over the rows of `Shape.bindings`; nil: the latest value holds.
  public var parameterDay: Expr?
  /// For formed rows: the same over them; with `runs` the base row may be read, and nil means `parameterDay`.
  public var formedParameterDay: Expr?
  /// Rows counted as in scope. `.boolean(true)` if absent.
  public var scope = Expr.boolean(true)
  /// In order; a later one may use an earlier one's columns.
  public var lookups: [Lookup] = []
  public var populations: [Population] = []
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
  /// What the code says, by the code list of the column (`CodeLists.word`); the code itself where that has no word.
  case word(Expr, column: String)
  /// The texts of a column over the rows of a group, each once, in byte order, joined by `；`. Explanations are not part
  /// of the SQL, so it has a native form only.
  case texts(lookup: String, column: String)
  /// The finding's own A and F in yuan.
  case amountA
  case amountF
}
