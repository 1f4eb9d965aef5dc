/// What became of an accepted row: it counts, or it is set aside with the first reason that holds. Numbers in brackets
/// are those of Documentation/claims.md.
public enum Disposition: UInt8, Sendable, CaseIterable, Codable {
  case counts = 0
  /// A newer version of its key exists (1.1).
  case superseded
  /// The newest version's vali_flag is not 1 (1.1).
  case cancelled
  /// refd_setl_flag 1 (1.2).
  case refunded
  /// init_setl_id is set and the original is in the store (1.2).
  case refund
  /// A valid settlement names it in init_setl_id (1.2).
  case refundedByOther
  /// A refund whose original is not in the store (1.2).
  case orphanRefund
  case excludedSetlType
  /// The visit is inhosp_stas 1 (1.2).
  case inHospital
  /// A line with null setl_id (1.3).
  case unsettled
  /// A line whose setl_id is not a valid settlement of the store (1.3).
  case unknownSettlement
  /// A line of a settlement that does not count (1.3).
  case settlementSetAside
  /// A negative line added to its original (1.4).
  case linkedReversal
  /// A line that linked reversals brought to cnt 0 or less (1.4, 1.6).
  case reversed
  /// A negative line that removed a positive one (1.5).
  case pairedReversal
  /// A positive line removed by a negative one (1.5).
  case pairedReversed
  /// A negative line without partner: data quality, never a finding (1.5).
  case unpairedNegative
  /// cnt 0 as uploaded (1.6).
  case zeroQuantity
  /// Net det_item_fee_sumamt below 0 (1.6).
  case negativeAmount

  /// The reason as run.json and rejects.csv write it, for example `orphan_refund`.
  public var reason: String {
    switch self {
    case .counts: "accepted"
    case .superseded: "superseded"
    case .cancelled: "cancelled"
    case .refunded: "refunded"
    case .refund: "refund"
    case .refundedByOther: "refunded_by_other"
    case .orphanRefund: "orphan_refund"
    case .excludedSetlType: "excluded_setl_type"
    case .inHospital: "in_hospital"
    case .unsettled: "unsettled"
    case .unknownSettlement: "unknown_settlement"
    case .settlementSetAside: "settlement_set_aside"
    case .linkedReversal: "linked_reversal"
    case .reversed: "reversed"
    case .pairedReversal: "paired_reversal"
    case .pairedReversed: "paired_reversed"
    case .unpairedNegative: "unpaired_negative"
    case .zeroQuantity: "zero_quantity"
    case .negativeAmount: "negative_amount"
    }
  }
}

/// A row, or a value of a row, that was kept aside. Carries no value of the row.
public struct Reject: Sendable, Hashable {
  public enum Action: String, Sendable, Codable { case rejected, nulled, setAside = "set_aside" }

  /// Path of the file relative to the batch folder; for a zip the archive, `!`, the member.
  public var file: String
  /// Platform name of the table.
  public var table: String
  /// 1-based, header included.
  public var line: Int
  /// Offset of the row's first byte in the inflated bytes.
  public var byteOffset: Int
  /// National column name; nil where the row as a whole is meant.
  public var column: String?
  /// Stable code, for example `bad-amount`.
  public var code: String
  public var reason: String
  public var action: Action

  public init(
    file: String, table: String, line: Int, byteOffset: Int, column: String?, code: String, reason: String,
    action: Action
  ) {
    self.file = file
    self.table = table
    self.line = line
    self.byteOffset = byteOffset
    self.column = column
    self.code = code
    self.reason = reason
    self.action = action
  }
}
