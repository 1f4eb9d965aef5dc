import ClaimModel

extension Disposition {
  /// Why the row does not count, for rejects.csv.
  var explanation: String {
    switch self {
    case .counts: "counts"
    case .superseded: "a newer version of its key exists"
    case .cancelled: "vali_flag is not 1"
    case .refunded: "refd_setl_flag is 1"
    case .refund: "init_setl_id names the settlement it refunds"
    case .refundedByOther: "another settlement refunds it"
    case .orphanRefund: "a refund whose original is not in the store"
    case .excludedSetlType: "setl_type is excluded in this jurisdiction"
    case .inHospital: "the visit is still in hospital"
    case .unsettled: "setl_id is null"
    case .unknownSettlement: "its settlement is not in the store or was cancelled"
    case .settlementSetAside: "its settlement does not count"
    case .linkedReversal: "a reversal, added to the line it names"
    case .reversed: "reversed by lines that name it"
    case .pairedReversal: "a reversal, paired with a line of equal item, price and quantity"
    case .pairedReversed: "removed by a reversal of equal item, price and quantity"
    case .unpairedNegative: "a negative line without partner"
    case .zeroQuantity: "cnt is 0"
    case .negativeAmount: "the net amount is negative"
    }
  }
}
