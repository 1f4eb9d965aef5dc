import ClaimModel

/// Sets aside the valid settlements that do not count, each with the first reason that holds (rule-definitions 1.2).
func setAsideSettlements(
  _ settlements: inout Versions, _ source: Source, _ visits: Versions, _ visitSource: Source,
  _ input: NormalizationInput
) {
  let setl = source.codes("setl_id")
  let initial = source.codes("init_setl_id")
  let refunded = source.codes("refd_setl_flag")
  let kind = source.codes("setl_type")
  let visit = source.codes("mdtrt_id")
  let inHospital = visitSource.codes("inhosp_stas")
  let one = input.codes.intern("1")
  let excluded = Set(input.excludedSetlTypes.filter { !$0.isEmpty }.map { input.codes.intern($0) })

  let valid = settlements.rows(.counts)
  var isNamed = [Bool](repeating: false, count: input.codes.count)
  for row in valid { isNamed[Int(initial[Int(row)])] = true }
  isNamed[Int(CodeTable.null)] = false

  for row in valid.map(Int.init) {
    let isRefund = initial[row] != CodeTable.null
    if isRefund, !settlements.isKnown(initial[row]) {
      settlements.dispositions[row] = .orphanRefund
    } else if refunded[row] == one {
      settlements.dispositions[row] = .refunded
    } else if isRefund {
      settlements.dispositions[row] = .refund
    } else if isNamed[Int(setl[row])] {
      settlements.dispositions[row] = .refundedByOther
    } else if excluded.contains(kind[row]) {
      settlements.dispositions[row] = .excludedSetlType
    } else if let stay = visits.valid(visit[row]), inHospital[stay] == one {
      settlements.dispositions[row] = .inHospital
    }
  }
}
