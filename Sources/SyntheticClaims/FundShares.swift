import ClaimModel

/// What a line claims and what the fund paid for it, in fen.
struct LineAmount: Sendable {
  var mdtrt: Int64
  var sn: Int64
  var time: Int64
  /// A of the line (claims.md 2).
  var claimed: Int64
  /// F of the line.
  var fund: Int64 = 0
}

/// Splits what the fund paid over the lines, by largest remainder (claims.md 2).
///
/// The sample's amounts stay far below 2⁶², so plain multiplication is exact; it traps otherwise.
func splitFund(_ lines: inout [LineAmount], paid: Int64, inscp: Int64) {
  let sum = lines.reduce(0) { $0 + $1.claimed }
  let base = max(sum, inscp)
  let paid = max(0, paid)
  if base == 0 { return }
  if paid >= base {
    for i in lines.indices { lines[i].fund = lines[i].claimed }
    return
  }
  var given: Int64 = 0
  for i in lines.indices {
    lines[i].fund = lines[i].claimed * paid / base
    given += lines[i].fund
  }
  let order = lines.indices.sorted { a, b in
    let (x, y) = (lines[a], lines[b])
    let (r, s) = (x.claimed * paid % base, y.claimed * paid % base)
    if r != s { return r > s }
    if x.time != y.time { return x.time < y.time }
    return bytesPrecede(String(x.sn), String(y.sn))
  }
  for i in order.prefix(Int(sum * paid / base - given)) { lines[i].fund += 1 }
}

/// What the planned claims come to after a batch: versions, refunds and reversals applied.
struct PlannedState {
  private(set) var settlements: [Int64: Settlement] = [:]
  private(set) var stays: [Int64: Stay] = [:]

  struct Settlement {
    var counts: Bool
    var paid: Int64
    var mdtrt: Int64
    var lines: [LineAmount]
  }

  struct Stay {
    var institution: Int
    var begin: Int64
    var end: Int64
    var claimed: Int64 = 0
    var fund: Int64 = 0
  }

  /// `batches`: the planned records of each batch so far.
  init(_ batches: [[ClaimRecord]]) {
    var newest: [Int64: ClaimRecord] = [:]
    var named: Set<Int64> = []
    var lines: [Int64: [Int64: (line: LineRecord, updated: Int64, setl: Int64)]] = [:]
    for batch in batches {
      for r in batch {
        if r.writesSettlement {
          let updated = r.updated == 0 ? r.settled + 3_600 : r.updated
          let before = newest[r.setl].map { $0.updated == 0 ? $0.settled + 3_600 : $0.updated } ?? .min
          if updated >= before { newest[r.setl] = r }
          if r.initSetl != 0, r.settlementValid { named.insert(r.initSetl) }
        }
        if r.writesVisit, r.isStay, !r.inHospital, r.visitValid {
          stays[r.mdtrt] = Stay(
            institution: r.institution, begin: CivilTime.dayOf(time: r.begin), end: CivilTime.dayOf(time: r.end))
        }
        for line in r.lines {
          let updated = line.updated == 0 ? r.settled + 3_600 : line.updated
          if let old = lines[r.mdtrt]?[line.sn], old.updated > updated { continue }
          lines[r.mdtrt, default: [:]][line.sn] = (line, updated, line.setl == 0 ? r.setl : line.setl)
        }
      }
    }
    for (setl, r) in newest where r.settlementValid {
      let counts = !r.refunded && r.initSetl == 0 && !named.contains(setl) && !r.inHospital
      var own = (lines[r.mdtrt] ?? [:]).values.filter { $0.setl == setl && $0.line.valid && !$0.line.unsettled }.map(
        \.line)
      own.sort { $0.sn < $1.sn }
      var amounts = Self.net(own, r.mdtrt)
      splitFund(&amounts, paid: r.fund, inscp: r.inscp ?? 0)
      settlements[setl] = Settlement(counts: counts, paid: max(0, r.fund), mdtrt: r.mdtrt, lines: amounts)
      if counts {
        stays[r.mdtrt]?.claimed += amounts.reduce(0) { $0 + $1.claimed }
        stays[r.mdtrt]?.fund += max(0, r.fund)
      }
    }
  }

  /// Reversals with a name are added to their original; those without remove the latest equal line.
  private static func net(_ lines: [LineRecord], _ mdtrt: Int64) -> [LineAmount] {
    var rest = lines
    var touched: Set<Int64> = []
    for back in lines where back.cnt < 0 && back.initSn != 0 {
      guard let i = rest.firstIndex(where: { $0.sn == back.initSn && ($0.cnt > 0 || touched.contains(back.initSn)) }),
        let k = rest.firstIndex(where: { $0.sn == back.sn })
      else { continue }
      touched.insert(back.initSn)
      rest[i].cnt += back.cnt
      rest[i].det += back.det
      rest[i].inscp = rest[i].inscp.map { $0 + (back.inscp ?? 0) }
      rest[i].ownpay += back.ownpay
      rest[i].preself += back.preself
      rest.remove(at: k)
    }
    for back in rest where back.cnt < 0 {
      let partners = rest.indices.filter { i in
        let l = rest[i]
        return l.cnt == -back.cnt && l.item == back.item && l.pric == back.pric && l.time <= back.time
          && !touched.contains(l.sn)
      }
      let partner = partners.max { (rest[$0].time, rest[$0].sn) < (rest[$1].time, rest[$1].sn) }
      if let partner { rest.remove(at: partner) }
      rest.removeAll { $0.sn == back.sn }
    }
    return rest.filter { $0.cnt > 0 && $0.det >= 0 }.map {
      LineAmount(
        mdtrt: mdtrt, sn: $0.sn, time: $0.time, claimed: max(0, $0.inscp ?? ($0.det - $0.ownpay - $0.preself)))
    }
  }
}
