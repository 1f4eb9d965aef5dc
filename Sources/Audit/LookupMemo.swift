import ClaimModel
import Registries
import RulePacks

/// What a lookup answered for each combination of key values and region, and on which days it answers the same: lines
/// name the same few thousand items again and again, and a registry row holds for years.
///
/// Only for lookups whose answer is a function of these and the day: not for those that ask for another lookup's rows.
final class LookupMemo<Answer> {
  private let pairs: [PairNumbers]
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
    pairs = (0..<max(1, parts)).map { _ in PairNumbers() }
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

  /// Each position's answer; `none` where the day is null. Positions of which nothing is known are handed to `ask`
  /// first.
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
          result = codes.withUnsafeBufferPointer { codes in pairs[0].numbers(count) { UInt64(codes[$0]) } }
        } else {
          result = numbers(pairs[k], result, codes)
        }
      case .number(let values):
        let own = values.withUnsafeBufferPointer { values in
          pairs[0].numbers(count) { UInt64(bitPattern: values[$0]) }
        }
        result = k == 0 ? own : numbers(pairs[k], result, own)
      case .truth: break
      }
    }
    let needed = parts.isEmpty ? 1 : pairs[parts.count - 1].count
    while entries.count < needed { entries.append(Entry()) }
    return result
  }

  /// One number for each combination of two.
  private func numbers(_ pairs: PairNumbers, _ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        pairs.numbers(min(a.count, b.count)) { UInt64(a[$0]) << 32 | UInt64(b[$0]) }
      }
    }
  }
}

/// Numbers 64-bit values in the order of first sight.
final class PairNumbers {
  private struct Slot {
    var value: UInt64
    /// From 1; 0 is a free slot.
    var number: UInt32
  }

  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private(set) var count = 0

  init() {
    mask = 1 << 10 - 1
    slots = Self.free(mask + 1)
  }

  deinit { slots.deallocate() }

  private static func free(_ count: Int) -> UnsafeMutablePointer<Slot> {
    let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
    slots.initialize(repeating: Slot(value: 0, number: 0), count: count)
    return slots
  }

  /// The numbers of so many values.
  @inline(__always)
  func numbers(_ count: Int, _ value: (Int) -> UInt64) -> [UInt32] {
    var last: UInt64 = 0
    var lastNumber: UInt32?
    // At hand, as long as no new value makes the table grow.
    var (slots, mask) = (self.slots, self.mask)
    return filled(count) { i in
      let value = value(i)
      if let lastNumber, last == value { return lastNumber }
      last = value
      var slot = Self.hash(value) & mask
      while slots[slot].number != 0, slots[slot].value != value { slot = (slot &+ 1) & mask }
      var number = slots[slot].number
      if number == 0 {
        number = add(value, slot)
        (slots, mask) = (self.slots, self.mask)
      }
      lastNumber = number &- 1
      return number &- 1
    }
  }

  /// Takes a new value into its free slot; its number from 1.
  @inline(never)
  private func add(_ value: UInt64, _ slot: Int) -> UInt32 {
    count += 1
    slots[slot] = Slot(value: value, number: UInt32(count))
    if count * 2 > mask { grow() }
    return UInt32(count)
  }

  private func grow() {
    let (old, oldMask) = (slots, mask)
    mask = oldMask * 2 + 1
    slots = Self.free(mask + 1)
    for i in 0...oldMask where old[i].number != 0 {
      var slot = Self.hash(old[i].value) & mask
      while slots[slot].number != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = old[i]
    }
    old.deallocate()
  }

  private static func hash(_ value: UInt64) -> Int {
    let h = (value ^ value >> 32) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: h >> 32)
  }
}
