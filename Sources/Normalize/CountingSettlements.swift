import ClaimModel

/// Sets aside the valid settlements that do not count, each with the first reason that holds (claims.md 1.2).
///
/// - Parameters:
///   - keys: numbers of setl_id, and `numbers` those of the rows.
///   - visitNumbers: numbers of the settlements' mdtrt_id.
func setAsideSettlements(
  _ settlements: inout Versions, _ source: Source, _ numbers: [Int32], _ keys: KeyNumbers, _ visitNumbers: [Int32],
  _ visits: Versions, _ visitSource: Source, _ input: NormalizationInput
) {
  let initial = source.codes("init_setl_id")
  let refunded = source.codes("refd_setl_flag")
  let kind = source.codes("setl_type")
  let inHospital = visitSource.codes("inhosp_stas")
  let one = input.codes.intern("1")
  let excluded = Set(input.excludedSetlTypes.filter { !$0.isEmpty }.map { input.codes.intern($0) })

  var isNamed = [Bool](repeating: false, count: keys.count)
  for row in 0..<source.count where initial[row] != CodeTable.null && settlements.dispositions[row] == .counts {
    isNamed[keys.find(initial[row])] = true
  }
  for row in 0..<source.count where settlements.dispositions[row] == .counts {
    let isRefund = initial[row] != CodeTable.null
    if isRefund, !settlements.isKnown(keys.find(initial[row])) {
      settlements.dispositions[row] = .orphanRefund
    } else if refunded[row] == one {
      settlements.dispositions[row] = .refunded
    } else if isRefund {
      settlements.dispositions[row] = .refund
    } else if isNamed[Int(numbers[row])] {
      settlements.dispositions[row] = .refundedByOther
    } else if !excluded.isEmpty, excluded.contains(kind[row]) {
      settlements.dispositions[row] = .excludedSetlType
    } else if let stay = visits.valid(Int(visitNumbers[row])), inHospital[stay] == one {
      settlements.dispositions[row] = .inHospital
    }
  }
}
