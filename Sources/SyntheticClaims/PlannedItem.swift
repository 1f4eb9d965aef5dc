import ClaimModel

/// One thing that must be found, or must not be.
struct PlannedItem: Sendable {
  enum Kind: String { case hit, lookalike, withdrawn }

  /// What the finding's money is.
  enum Amount: Sendable {
    /// ΣA and ΣF of `lines`.
    case lines
    /// ΣA of the settlement's lines, and all that the fund paid.
    case settlement(Int64)
    /// STAY_A and STAY_F of the cheaper of two stays, who is also the subject.
    case cheaperStay(Int64, Int64)
    /// STAY_A and STAY_F of one stay.
    case stay(Int64)
    /// ⌊ΣA·k/n⌋ and ⌊ΣF·k/n⌋ of `lines`.
    case part(Int64, of: Int64)
    /// An indicator: 0.
    case none
  }

  var rule: String
  var key: String
  var kind: Kind
  var verdict = ""
  var subjectType = "institution"
  var subject: String
  var setls: [Int64] = []
  /// mdtrt_id and bkkp_sn.
  var lines: [(Int64, Int64)] = []
  var from: Int64
  var to: Int64
  var measure: Int64?
  var amount = Amount.lines
  var exemption = ""
  /// The one fact, `table.column`, by which a look-alike differs from a hit.
  var differsIn = ""
  var note = ""
  /// First batch after which it holds, and the batch that takes it back.
  var batch: Int
  var withdrawnIn: Int?
  /// Last batch after which it holds in this form; another item tells what it has become.
  var until: Int?
  /// CAT-01 measures the money of its line.
  var measuresAmount = false

  /// The row of truth.csv after a batch; nil if there is none.
  func row(after batch: Int, _ states: [PlannedState], _ world: World) -> [String]? {
    if batch < self.batch || batch > until ?? batch { return nil }
    var kind = kind
    var at = batch
    if let withdrawnIn {
      if batch > withdrawnIn { return nil }
      if batch == withdrawnIn {
        kind = .withdrawn
        at = batch - 1
      }
    }
    var subject = subject
    var claimed: Int64 = 0
    var fund: Int64 = 0
    if kind != .lookalike {
      let state = states[at]
      switch amount {
      case .none: break
      case .stay(let mdtrt):
        claimed = state.stays[mdtrt]?.claimed ?? 0
        fund = state.stays[mdtrt]?.fund ?? 0
      case .lines, .part:
        for setl in setls {
          for line in state.settlements[setl]?.lines ?? []
          where lines.contains(where: { $0.0 == line.mdtrt && $0.1 == line.sn }) {
            claimed += line.claimed
            fund += line.fund
          }
        }
      case .settlement(let setl):
        for line in state.settlements[setl]?.lines ?? [] { claimed += line.claimed }
        fund = state.settlements[setl]?.paid ?? 0
      case .cheaperStay(let a, let b):
        guard let x = state.stays[a], let y = state.stays[b] else { return nil }
        let order = [
          (x.fund, y.fund), (x.end - x.begin, y.end - y.begin), (y.begin, x.begin),
          // The greater mdtrt_id; all have eighteen digits.
          (b, a),
        ]
        let first = (order.first { $0.0 != $0.1 }).map { $0.0 < $0.1 } ?? true
        let stay = first ? x : y
        claimed = stay.claimed
        fund = stay.fund
        subject = world.institutions[stay.institution].code
      }
    }
    if case .part(let k, let n) = amount {
      claimed = claimed * k / n
      fund = fund * k / n
    }
    let shown = kind == .lookalike ? nil : measuresAmount ? claimed : measure
    return [
      BackgroundWeeks.label(batch), rule, key, kind.rawValue, verdict, subjectType, subject,
      Set(setls.map(String.init)).sorted(by: bytesPrecede).joined(separator: "|"),
      Set(lines.map { "\($0.0):\($0.1)" }).sorted(by: bytesPrecede).joined(separator: "|"), CivilTime.text(day: from),
      CivilTime.text(day: to), shown.map(String.init) ?? "", kind == .lookalike ? "" : String(claimed),
      kind == .lookalike ? "" : String(fund), exemption, differsIn, note,
    ]
  }
}
