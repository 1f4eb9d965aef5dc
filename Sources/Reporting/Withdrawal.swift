/// Why a finding of the last run does not hold any more, told from the rows that it rested on.
public struct Withdrawal: Sendable, Equatable {
  public enum Reason: String, Sendable, CaseIterable {
    /// A settlement or line of it was reversed: refunded, or taken back by negative lines.
    case reversed
    /// A newer version of a row of it was delivered, or one that says that it is void.
    case corrected
    /// A row of it is in no file any more that counts: its batch was delivered again without it, or was removed.
    case gone
    /// All its rows count as before; something else did: other rows of the person, a registry, a rule, a population.
    case other
  }

  public var reason: Reason
  /// Labels of the batches that brought the reversing or newer rows, sorted; empty where no row did.
  public var batches: [String]
  /// File and line of the first of these rows, `FILE:LINE`; nil where no single row can be named.
  public var place: String?

  public init(reason: Reason, batches: [String] = [], place: String? = nil) {
    self.reason = reason
    self.batches = batches
    self.place = place
  }
}
