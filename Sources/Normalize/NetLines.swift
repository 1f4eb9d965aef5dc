import ClaimModel
import Diagnostics

/// Fee lines after reversals: which count, and their net quantities and amounts (claims.md 1.3-1.6).
struct NetLines {
  private(set) var dispositions: [Disposition]
  /// Rows that count, in byte order of mdtrt_id and bkkp_sn.
  private(set) var counting: [Int32] = []
  /// Number of each row's setl_id, 0 where no settlement has it.
  let settlementNumbers: [Int32]
  /// Net quantity and amounts of the lines to which reversals were added.
  private(set) var net = NetAmounts()

  private let source: Source
  private let order: LineOrder
  private let visits: [Int32]
  private let serials: [UInt32]
  private let cnt: [Int64]

  /// - Parameters:
  ///   - order: the order of all rows, and `dispositions` what is known of versions.
  ///   - visits: number of each row's mdtrt_id.
  ///   - keys: numbers of the settlements' setl_id.
  init(
    _ source: Source, _ order: LineOrder, _ dispositions: [Disposition], visits: [Int32], _ keys: KeyNumbers,
    _ settlements: Versions, _ settlementSource: Source
  ) throws {
    self.source = source
    self.order = order
    self.dispositions = dispositions
    self.visits = visits
    serials = source.codes("bkkp_sn")
    cnt = source.numbers("cnt")
    settlementNumbers = keys.find(source.codes("setl_id"))
    let negatives = setAsideLines(settlements, keys)
    if !negatives.isEmpty {
      let unlinked = try addLinkedReversals(negatives, settlements, settlementSource)
      removePairs(unlinked)
    }
    keepCounting()
  }

  /// 1.3 Lines of settlements that do not count, or without a known settlement; returns the negative lines that remain.
  private mutating func setAsideLines(_ settlements: Versions, _ keys: KeyNumbers) -> [Int32] {
    let setl = source.codes("setl_id")
    let ofSettlement: [Disposition] = (0..<keys.count).map { number in
      guard let row = settlements.valid(number) else { return .unknownSettlement }
      return settlements.dispositions[row] == .counts ? .counts : .settlementSetAside
    }
    var negatives: [Int32] = []
    let numbers = settlementNumbers
    let cnt = cnt
    dispositions.withUnsafeMutableBufferPointer { dispositions in
      for row in 0..<dispositions.count where dispositions[row] == .counts {
        let fate = ofSettlement[Int(numbers[row])]
        if fate != .counts {
          dispositions[row] = setl[row] == CodeTable.null ? .unsettled : fate
        } else if cnt[row] < 0, cnt[row] != ColumnData.null {
          negatives.append(Int32(truncatingIfNeeded: row))
        }
      }
    }
    return negatives
  }

  /// 1.4 Adds negative lines to the originals they name; returns the negative lines that name none.
  private mutating func addLinkedReversals(
    _ negatives: [Int32], _ settlements: Versions, _ settlementSource: Source
  ) throws -> [Int32] {
    let initial = source.codes("init_feedetl_sn")
    var links: [NetAmounts.Link] = []
    var unlinked: [Int32] = []
    for row in negatives.map(Int.init) {
      if initial[row] != CodeTable.null, let original = newest(visit: Int(visits[row]), serial: initial[row]),
        dispositions[original] == .counts, cnt[original] > 0
      {
        links.append(NetAmounts.Link(reversal: row, original: original))
      } else {
        unlinked.append(Int32(row))
      }
    }
    if links.isEmpty { return unlinked }
    for link in links { dispositions[link.reversal] = .linkedReversal }
    net = NetAmounts(links, rows: source.count)
    let amounts = source.table.columns.filter { $0.kind == .money && source.rows.columns[$0.name] != nil }
    for name in ["cnt"] + amounts.map(\.name) {
      if let line = net.add(source.numbers(name), name, links) {
        throw overflow(line, settlements, settlementSource, "the net \(name) of a line")
      }
    }
    return unlinked
  }

  /// The newest row of a line, whatever its validity; nil if there is none.
  private func newest(visit: Int, serial: UInt32) -> Int? {
    var range = order.lines(ofVisit: visit)
    if range.count > 64 {
      // To the first line that does not stand before the serial number.
      var (low, high) = (range.lowerBound, range.upperBound)
      while low < high {
        let middle = (low + high) / 2
        if source.codeTable.order(serials[Int(order.rows[middle])], serial) < 0 {
          low = middle + 1
        } else {
          high = middle
        }
      }
      range = low..<range.upperBound
    }
    for place in range {
      let row = Int(order.rows[place])
      if serials[row] == serial, dispositions[row] != .superseded { return row }
      if range.count > 64, serials[row] != serial { return nil }
    }
    return nil
  }

  private func overflow(_ line: Int, _ settlements: Versions, _ settlementSource: Source, _ what: String) -> Diagnostic
  {
    let row = settlements.valid(Int(settlementNumbers[line]))
    let origin = row.map { settlementSource.rows.origin[$0] } ?? source.rows.origin[line]
    return overflowDiagnostic(source.segments, origin, table: row == nil ? .feeLines : .settlements, what)
  }

  /// A line that may form a pair with another of its visit.
  private struct Candidate {
    var item: UInt32
    var price: Int64
    var quantity: Int64
    var time: Int64
    /// Place in `order`: that of a greater bkkp_sn is greater.
    var place: Int
    var isNegative: Bool

    func isOfGroup(of other: Candidate) -> Bool {
      item == other.item && price == other.price && quantity == other.quantity
    }

    /// Groups together; in each first the negative lines, the latest first, then the greater bkkp_sn first.
    static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
      if a.item != b.item { return a.item < b.item }
      if a.price != b.price { return a.price < b.price }
      if a.quantity != b.quantity { return a.quantity < b.quantity }
      if a.isNegative != b.isNegative { return a.isNegative }
      return a.time == b.time ? a.place > b.place : a.time > b.time
    }
  }

  /// 1.5 In each group as many of the latest positive lines go as there are negative ones.
  private mutating func removePairs(_ negatives: [Int32]) {
    if negatives.isEmpty { return }
    let item = source.codes("med_list_codg")
    let price = source.numbers("pric")
    let time = source.numbers("fee_ocur_time")
    var isSeen = [Bool](repeating: false, count: order.visitOfRank.count)
    var ofVisits: [Int] = []
    for row in negatives.map(Int.init) {
      dispositions[row] = .unpairedNegative
      let visit = Int(visits[row])
      if !isSeen[visit] {
        isSeen[visit] = true
        ofVisits.append(visit)
      }
    }
    var candidates: [Candidate] = []
    for visit in ofVisits {
      candidates.removeAll(keepingCapacity: true)
      for place in order.lines(ofVisit: visit) {
        let row = Int(order.rows[place])
        if item[row] == CodeTable.null || price[row] == ColumnData.null { continue }
        let isNegative = dispositions[row] == .unpairedNegative
        if !isNegative, dispositions[row] != .counts || cnt[row] <= 0 || net.isTouched(row) { continue }
        candidates.append(
          Candidate(
            item: item[row], price: price[row], quantity: isNegative ? -cnt[row] : cnt[row], time: time[row],
            place: place, isNegative: isNegative))
      }
      candidates.sort(by: Candidate.precedes)
      pair(candidates)
    }
  }

  private mutating func pair(_ candidates: [Candidate]) {
    var start = 0
    while start < candidates.count {
      let first = candidates[start]
      var end = start
      while end < candidates.count, candidates[end].isOfGroup(of: first) { end += 1 }
      var positive = start
      while positive < end, candidates[positive].isNegative { positive += 1 }
      let negatives = start..<positive
      // Only what was charged no later than the latest negative line.
      while positive < end, candidates[positive].time > first.time { positive += 1 }
      for (negative, positive) in zip(negatives, positive..<end) {
        dispositions[Int(order.rows[candidates[negative].place])] = .pairedReversal
        dispositions[Int(order.rows[candidates[positive].place])] = .pairedReversed
      }
      start = end
    }
  }

  /// 1.6 Lines with a net quantity above 0 and a net amount of at least 0.
  private mutating func keepCounting() {
    let amount = source.numbers("det_item_fee_sumamt")
    let net = net
    let cnt = cnt
    precondition(cnt.count == dispositions.count && amount.count == dispositions.count, "lines without a quantity")
    dispositions.withUnsafeMutableBufferPointer { dispositions in
      cnt.withUnsafeBufferPointer { cnt in
        amount.withUnsafeBufferPointer { amount in
          for row in 0..<dispositions.count where dispositions[row] == .counts {
            if net.isTouched(row) {
              if net.value(cnt[row], "cnt", row) <= 0 {
                dispositions[row] = .reversed
              } else if net.value(amount[row], "det_item_fee_sumamt", row) < 0 {
                dispositions[row] = .negativeAmount
              }
            } else if cnt[row] <= 0 {
              dispositions[row] = .zeroQuantity
            } else if amount[row] < 0 {
              dispositions[row] = .negativeAmount
            }
          }
        }
      }
    }
    let (all, fates) = (order.rows, dispositions)
    counting = [Int32](unsafeUninitializedCapacity: all.count) { counting, count in
      var at = 0
      for row in all where fates[Int(row)] == .counts {
        counting[at] = row
        at &+= 1
      }
      count = at
    }
  }
}

/// Quantities and amounts of lines to which others were added, by column.
struct NetAmounts {
  struct Link {
    var reversal: Int
    var original: Int
  }

  /// By raw row: place among the lines with additions, from 1; 0 for others. Empty if there is none.
  private var places: [Int32] = []
  private var rows: [Int] = []
  private var values: [String: [Int64]] = [:]

  init() {}

  init(_ links: [Link], rows count: Int) {
    places = [Int32](repeating: 0, count: count)
    for link in links where places[link.original] == 0 {
      rows.append(link.original)
      places[link.original] = Int32(rows.count)
    }
  }

  var isEmpty: Bool { rows.isEmpty }

  @inline(__always) func isTouched(_ row: Int) -> Bool { !places.isEmpty && places[row] != 0 }

  /// The net value of a column in a raw row that is touched; `delivered` for a column without additions.
  func value(_ delivered: Int64, _ column: String, _ row: Int) -> Int64 {
    values[column].map { $0[Int(places[row]) - 1] } ?? delivered
  }

  /// Adds one column; a null in the original stays, one in the reversal adds nothing.
  ///
  /// - Returns: the raw row of the first line whose sum does not fit, nil if all do.
  mutating func add(_ delivered: [Int64], _ column: String, _ links: [Link]) -> Int? {
    var sums = rows.map { delivered[$0] }
    for link in links {
      let place = Int(places[link.original]) - 1
      let add = delivered[link.reversal]
      if sums[place] == ColumnData.null || add == ColumnData.null { continue }
      let (sum, isOver) = sums[place].addingReportingOverflow(add)
      if isOver || sum == ColumnData.null { return link.original }
      sums[place] = sum
    }
    values[column] = sums
    return nil
  }

  /// Writes the net values over a column of the chosen raw rows.
  func apply(to values: inout [Int64], _ column: String, places touched: [(at: Int, row: Int)]) {
    guard let net = self.values[column] else { return }
    for (at, row) in touched { values[at] = net[Int(places[row]) - 1] }
  }

  /// Where the touched rows are among the chosen ones.
  func touched(in chosen: [Int32]) -> [(at: Int, row: Int)] {
    if isEmpty { return [] }
    var result: [(at: Int, row: Int)] = []
    places.withUnsafeBufferPointer { places in
      for at in 0..<chosen.count where places[Int(chosen[at])] != 0 { result.append((at, Int(chosen[at]))) }
    }
    return result
  }
}
