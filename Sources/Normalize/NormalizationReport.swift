import ClaimModel

/// What became of the values of one file.
public struct NormalizationReport: Sendable {
  /// One per member in archive order; one for a file that is no archive.
  public var members: [NormalizedMember] = []

  public init(members: [NormalizedMember] = []) { self.members = members }

  /// Rows handed on.
  public var accepted: Int { members.reduce(0) { $0 + $1.accepted } }
  /// Rows rejected for a value.
  public var rejected: Int { members.reduce(0) { $0 + $1.rejected } }
  /// All rejected rows, and the first 1,000 nulled values a member, column and code; in file order.
  public var rejects: Rejects { members.reduce(into: []) { $0.append(contentsOf: $1.rejects) } }
  /// All rejected rows and nulled values by column and code, those that `rejects` no longer lists included.
  public var counts: [ValueProblem: Int] {
    members.reduce(into: [:]) { $0.merge($1.counts, uniquingKeysWith: +) }
  }
  /// Sums of every money column of a table, over its members.
  public func sums(of table: ClaimTable) -> [AmountSum] {
    var total: [AmountSum] = []
    for member in members where member.table == table {
      if total.isEmpty { total = member.sums } else { for i in total.indices { total[i].add(member.sums[i]) } }
    }
    return total
  }
}

/// A kind of bad value.
public struct ValueProblem: Sendable, Hashable, Codable {
  /// National column name.
  public var column: String
  /// `bad-amount`, `bad-quantity`, `bad-number`, `bad-date`, `missing-key` or `missing-value`.
  public var code: String
  public var action: Reject.Action

  public init(column: String, code: String, action: Reject.Action) {
    self.column = column
    self.code = code
    self.action = action
  }
}

/// The total of a money column in fen, for reconciliation with delivery.csv.
public struct AmountSum: Sendable, Hashable, Codable {
  /// National column name.
  public var column: String
  /// Over accepted rows; nil if the total does not fit 63 bits. Nulls and nulled values add 0.
  public var acceptedFen: Int64?
  /// Over the rows rejected here whose value could be read; nil as above.
  public var rejectedFen: Int64?

  public init(column: String, acceptedFen: Int64? = 0, rejectedFen: Int64? = 0) {
    self.column = column
    self.acceptedFen = acceptedFen
    self.rejectedFen = rejectedFen
  }

  /// Adds the totals of another member or file.
  public mutating func add(_ other: AmountSum) {
    acceptedFen = Self.sum(acceptedFen, other.acceptedFen)
    rejectedFen = Self.sum(rejectedFen, other.rejectedFen)
  }

  private static func sum(_ a: Int64?, _ b: Int64?) -> Int64? {
    guard let a, let b else { return nil }
    let (value, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : value
  }
}

/// What became of the values of one member.
public struct NormalizedMember: Sendable {
  /// Relative to the batch folder; for a zip the archive, `!`, the member.
  public var file: String
  /// Name inside the zip; nil for plain and gzip files.
  public var member: String?
  public var table: ClaimTable
  public var accepted = 0
  public var rejected = 0
  public var rejects: Rejects = []
  public var counts: [ValueProblem: Int] = [:]
  /// Every money column of the table, in documented order.
  public var sums: [AmountSum] = []
  public var profile: TableProfile

  init(file: String, member: String?, table: ClaimTable) {
    self.file = file
    self.member = member
    self.table = table
    profile = TableProfile(table: table)
  }
}
