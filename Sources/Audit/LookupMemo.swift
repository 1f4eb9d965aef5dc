import ClaimModel
import Registries
import RulePacks

/// What a lookup answered for each combination of key values and region, and on which days it answers the same: lines
/// name the same few thousand items again and again, and a registry row holds for years.
///
/// Only for lookups whose answer is a function of these and the day: not for those that ask for another lookup's rows.
final class LookupMemo<Answer> {
  private var pairs: [PairNumbers]
  private var entries: [Entry] = []
  /// Days before and after the day on which a row may hold too.
  private let within: Int64
  private var asked = 0
  private var missed = 0

  /// What is known of one combination.
  private struct Entry {
    /// Days, both included, on which the answer holds; none at first.
    var from = Int64.max
    var to = Int64.min
    var answer: Answer?
    /// Answers on other days, ascending; no more than the rows that were asked have first and last days.
    var others: [(from: Int64, to: Int64, answer: Answer)] = []

    /// The first of the others that ends on or after the day.
    func place(_ day: Int64) -> Int {
      var (low, high) = (0, others.count)
      while low < high {
        let middle = (low + high) / 2
        if others[middle].to < day { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  /// Days beyond this are not reckoned with.
  private static var farthest: Int64 { 1 << 60 }

  init(parts: Int, within: Int64) {
    pairs = [PairNumbers](repeating: PairNumbers(), count: max(1, parts))
    self.within = within
  }

  /// The days of an answer that was found on a day, from the rows that were asked.
  struct Days {
    let day: Int64
    let within: Int64
    var from = Int64.min
    var to = Int64.max

    /// Something changes on this day.
    mutating func changes(on day: Int64) {
      if day <= self.day { from = max(from, day) } else { to = min(to, day - 1) }
    }

    /// A row holds on these days.
    mutating func row(_ begin: Int64, _ end: Int64) {
      if begin > -LookupMemo.farthest { changes(on: begin - within) }
      if end < LookupMemo.farthest { changes(on: end + within + 1) }
    }
  }

  /// Each position's answer; `none` where the day is null. Positions of which nothing is known are handed to `ask` first.
  ///
  /// - Parameters:
  ///   - parts: the values that decide, by part; all of the length `count`.
  ///   - ask: makes ready for some positions; what it returns is called with an index into these, and says what holds
  ///     there and on which days.
  func answers(
    _ parts: [Vector], _ day: [Int64]?, count: Int, none: Answer,
    ask: ([Int32]) throws -> (Int, inout Days) throws -> Answer
  ) throws -> [Answer] {
    let ids = ids(parts, count)
    var missing: [Int32] = []
    // Without a day every answer is for all days.
    let days = day ?? []
    let hasDay = day != nil
    var result: [Answer] = ids.withUnsafeBufferPointer { ids in
      days.withUnsafeBufferPointer { days in
        entries.withUnsafeBufferPointer { entries in
          filled(count) { i in
            let day = hasDay ? days[i] : 0
            if day == ColumnData.null { return none }
            let entry = Int(ids[i])
            if entries[entry].from <= day, day <= entries[entry].to, let answer = entries[entry].answer {
              return answer
            }
            missing.append(Int32(truncatingIfNeeded: i))
            return none
          }
        }
      }
    }
    asked += count
    if missing.isEmpty { return result }
    missed += missing.count
    let probe = try ask(missing)
    for (k, i) in missing.enumerated() {
      let day = hasDay ? days[Int(i)] : 0
      if let known = known(ids[Int(i)], day) {
        result[Int(i)] = known
        continue
      }
      var days = Days(day: day, within: within)
      let answer = try probe(k, &days)
      if !hasDay { (days.from, days.to) = (Int64.min, Int64.max) }
      keep(ids[Int(i)], days.from, days.to, answer)
      result[Int(i)] = answer
    }
    return result
  }

  /// Enough of the positions were known. A key that hardly repeats is asked faster without being remembered.
  var isWorthKeeping: Bool { asked < 1 << 13 || missed * 2 < asked }

  /// Whether every day can be reckoned with.
  func canReckon(_ day: [Int64]?) -> Bool {
    if within > Self.farthest || within < -Self.farthest { return false }
    guard within != 0, let day else { return true }
    return day.allSatisfy { $0 == ColumnData.null || ($0 < Self.farthest && $0 > -Self.farthest) }
  }

  private func known(_ id: UInt32, _ day: Int64) -> Answer? {
    let entry = entries[Int(id)]
    if entry.from <= day, day <= entry.to { return entry.answer }
    let place = entry.place(day)
    return place < entry.others.count && entry.others[place].from <= day ? entry.others[place].answer : nil
  }

  private func keep(_ id: UInt32, _ from: Int64, _ to: Int64, _ answer: Answer) {
    var entry = entries[Int(id)]
    entries[Int(id)] = Entry()
    if let before = entry.answer { entry.others.insert((entry.from, entry.to, before), at: entry.place(entry.from)) }
    (entry.from, entry.to, entry.answer) = (from, to, answer)
    entries[Int(id)] = entry
  }

  /// One number for each combination of values.
  private func ids(_ parts: [Vector], _ count: Int) -> [UInt32] {
    var result: [UInt32] = []
    if parts.isEmpty { result = [UInt32](repeating: 0, count: count) }
    for (k, part) in parts.enumerated() {
      switch part {
      case .text(let codes):
        if k == 0, parts.count > 1 {
          result = codes
        } else if k == 0 {
          result = pairs[0].numbers(codes.count) { UInt64(codes[$0]) }
        } else {
          let before = result
          result = pairs[k].numbers(count) { UInt64(before[$0]) << 32 | UInt64(codes[$0]) }
        }
      case .number(let values):
        let own = pairs[0].numbers(count) { UInt64(bitPattern: values[$0]) }
        if k == 0 {
          result = own
        } else {
          let before = result
          result = pairs[k].numbers(count) { UInt64(before[$0]) << 32 | UInt64(own[$0]) }
        }
      case .truth: break
      }
    }
    let needed = parts.isEmpty ? 1 : pairs[parts.count - 1].count
    while entries.count < needed { entries.append(Entry()) }
    return result
  }
}

/// Numbers 64-bit values in the order of first sight.
struct PairNumbers {
  private var keys: [UInt64] = []
  private var slots = [UInt32](repeating: UInt32.max, count: 1 << 10)
  var count: Int { keys.count }

  /// The numbers of so many values.
  mutating func numbers(_ count: Int, _ value: (Int) -> UInt64) -> [UInt32] {
    var last: (value: UInt64, number: UInt32)?
    return filled(count) { i in
      let value = value(i)
      if let last, last.value == value { return last.number }
      let number = number(value)
      last = (value, number)
      return number
    }
  }

  private mutating func number(_ value: UInt64) -> UInt32 {
    var slot = Self.hash(value) & (slots.count - 1)
    while true {
      let number = slots[slot]
      if number == UInt32.max { break }
      if keys[Int(number)] == value { return number }
      slot = (slot + 1) & (slots.count - 1)
    }
    let number = UInt32(keys.count)
    keys.append(value)
    slots[slot] = number
    if keys.count * 2 > slots.count { grow() }
    return number
  }

  private mutating func grow() {
    slots = [UInt32](repeating: UInt32.max, count: slots.count * 2)
    for (number, value) in keys.enumerated() {
      var slot = Self.hash(value) & (slots.count - 1)
      while slots[slot] != UInt32.max { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number)
    }
  }

  private static func hash(_ value: UInt64) -> Int {
    let h = (value ^ value >> 32) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: h >> 32)
  }
}
