import ClaimModel

/// `ValueKind.parse` and `DeliveredText.form` in one pass for the texts that nearly all values are; every other text
/// goes to those two, so that there is one definition of what a value is.
enum FastValues {
  /// A parsed value and how it was written.
  struct Typed {
    /// `ColumnData.null` if the text is bad.
    var value: Int64
    /// As `DeliveredText.form` gives it.
    var form: UInt8
  }

  /// The date of the value before: claims of one day follow one another.
  struct LastDate {
    var yearAndMonth: UInt64 = 0
    var dayOfMonth: UInt16 = 0
    var day: Int64 = 0
  }

  /// Bytes that must be readable from the start of a text for the fast ways.
  static let room = 24

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080
  private static let zeros: UInt64 = 0x3030_3030_3030_3030

  /// A decimal number. - Parameter n: its bytes, at least 1; `room` bytes from `start` are readable.
  @inline(__always)
  static func decimal(_ start: UnsafeRawPointer, _ n: Int, kind: ValueKind, scale: Int) -> Typed {
    var p = start
    var count = n
    let isNegative = p.load(as: UInt8.self) == 0x2D
    if isNegative {
      p += 1
      count &-= 1
    }
    guard count >= 1, count <= 8 else { return longDecimal(start, n, kind: kind, scale: scale) }
    // Right-aligned with zeros in front: the last character stands in the highest byte.
    let shift = UInt64(truncatingIfNeeded: (8 &- count) &* 8)
    var word = p.loadUnaligned(as: UInt64.self).littleEndian &<< shift
    word |= zeros & ((1 &<< shift) &- 1)
    var decimals = 0
    var digits = count
    let point = word ^ 0x2E2E_2E2E_2E2E_2E2E
    let hit = (point &- ones) & ~point & highs
    if hit != 0 {
      // The lowest hit is a point; what stands before it moves up by a byte.
      let below = (1 &<< UInt64(truncatingIfNeeded: hit.trailingZeroBitCount &- 7)) &- 1 as UInt64
      decimals = 7 &- (hit.trailingZeroBitCount &>> 3)
      digits &-= 1
      word = (word & (~below &<< 8)) | ((word & below) &<< 8) | 0x30
    }
    let isDigits = ((word &+ 0x4646_4646_4646_4646) | (word &- zeros)) & highs == 0
    guard isDigits, digits > 0, decimals <= scale else { return slow(start, n, kind) }
    let magnitude = eightDigits(word) &* powerOfTen(scale &- decimals)
    let whole = digits &- decimals
    let isCanonical =
      (whole == 1 || (whole > 1 && p.load(as: UInt8.self) != 0x30)) && (hit == 0 || decimals > 0)
      && !(isNegative && magnitude == 0)
    return Typed(
      value: isNegative ? 0 &- magnitude : magnitude,
      form: isCanonical ? 0x30 &+ UInt8(truncatingIfNeeded: decimals) : DeliveredText.otherForm)
  }

  /// A decimal number of 9 to 16 characters without its sign; any other goes the slow way.
  @inline(never)
  private static func longDecimal(_ start: UnsafeRawPointer, _ n: Int, kind: ValueKind, scale: Int) -> Typed {
    var p = start
    var count = n
    let isNegative = p.load(as: UInt8.self) == 0x2D
    if isNegative {
      p += 1
      count &-= 1
    }
    guard count > 8, count <= 16 else { return slow(start, n, kind) }
    var low = (p + (count &- 8)).loadUnaligned(as: UInt64.self).littleEndian
    let shift = UInt64(truncatingIfNeeded: (16 &- count) &* 8)
    var high = p.loadUnaligned(as: UInt64.self).littleEndian &<< shift
    high |= zeros & ((1 &<< shift) &- 1)
    var decimals = 0
    var digits = count
    let lowPoint = low ^ 0x2E2E_2E2E_2E2E_2E2E
    let lowHit = (lowPoint &- ones) & ~lowPoint & highs
    let highPoint = high ^ 0x2E2E_2E2E_2E2E_2E2E
    let highHit = (highPoint &- ones) & ~highPoint & highs
    if highHit != 0 {
      let below = (1 &<< UInt64(truncatingIfNeeded: highHit.trailingZeroBitCount &- 7)) &- 1 as UInt64
      decimals = 15 &- (highHit.trailingZeroBitCount &>> 3)
      digits &-= 1
      high = (high & (~below &<< 8)) | ((high & below) &<< 8) | 0x30
    } else if lowHit != 0 {
      let below = (1 &<< UInt64(truncatingIfNeeded: lowHit.trailingZeroBitCount &- 7)) &- 1 as UInt64
      decimals = 7 &- (lowHit.trailingZeroBitCount &>> 3)
      digits &-= 1
      low = (low & (~below &<< 8)) | ((low & below) &<< 8) | (high &>> 56)
      high = (high &<< 8) | 0x30
    }
    let checked =
      (high &+ 0x4646_4646_4646_4646) | (high &- zeros) | (low &+ 0x4646_4646_4646_4646) | (low &- zeros)
    // 18 digits in all fit; whether more do is for the slow way to say.
    guard checked & highs == 0, decimals <= scale, digits &+ scale &- decimals <= 18 else {
      return slow(start, n, kind)
    }
    let magnitude = (eightDigits(high) &* 100_000_000 &+ eightDigits(low)) &* powerOfTen(scale &- decimals)
    let whole = digits &- decimals
    let isCanonical =
      (whole == 1 || (whole > 1 && p.load(as: UInt8.self) != 0x30))
      && (highHit | lowHit == 0 || decimals > 0) && !(isNegative && magnitude == 0)
    return Typed(
      value: isNegative ? 0 &- magnitude : magnitude,
      form: isCanonical ? 0x30 &+ UInt8(truncatingIfNeeded: decimals) : DeliveredText.otherForm)
  }

  /// A day or a time. - Parameter n: its bytes, at least 1; `room` bytes from `start` are readable.
  @inline(__always)
  static func date(_ start: UnsafeRawPointer, _ n: Int, kind: ValueKind, _ last: inout LastDate) -> Typed {
    guard n == 19 || n == 10 else { return slow(start, n, kind) }
    let yearAndMonth = start.loadUnaligned(as: UInt64.self).littleEndian
    let dayOfMonth = (start + 8).loadUnaligned(as: UInt16.self).littleEndian
    let day: Int64
    if yearAndMonth == last.yearAndMonth, dayOfMonth == last.dayOfMonth {
      day = last.day
    } else {
      // yyyy-MM-: separators become 0 and digits their value.
      let ym = yearAndMonth ^ 0x2D30_302D_3030_3030
      let d = UInt64(dayOfMonth ^ 0x3030)
      let bad = (ym | (ym &+ 0x7F76_767F_7676_7676)) & highs | (d | (d &+ 0x7676)) & 0x8080
      guard bad == 0 else { return slow(start, n, kind) }
      let year =
        Int(truncatingIfNeeded: ym & 0xF) &* 1000 &+ Int(truncatingIfNeeded: ym &>> 8 & 0xF) &* 100
        &+ Int(truncatingIfNeeded: ym &>> 16 & 0xF) &* 10 &+ Int(truncatingIfNeeded: ym &>> 24 & 0xF)
      let month = Int(truncatingIfNeeded: ym &>> 40 & 0xF) &* 10 &+ Int(truncatingIfNeeded: ym &>> 48 & 0xF)
      let number = Int(truncatingIfNeeded: d & 0xF) &* 10 &+ Int(truncatingIfNeeded: d &>> 8 & 0xF)
      guard let known = CivilTime.day(year: year, month: month, day: number) else { return slow(start, n, kind) }
      day = known
      last = LastDate(yearAndMonth: yearAndMonth, dayOfMonth: dayOfMonth, day: known)
    }
    if n == 10 {
      return Typed(value: kind == .day ? day : day &* 86_400, form: DeliveredText.dateForm)
    }
    let t = (start + 11).loadUnaligned(as: UInt64.self).littleEndian ^ 0x3030_3A30_303A_3030
    let blank = start.load(fromByteOffset: 10, as: UInt8.self)
    guard (t | (t &+ 0x7676_7F76_767F_7676)) & highs == 0, blank == 0x20 || blank == 0x54 else {
      return slow(start, n, kind)
    }
    let hour = Int64(truncatingIfNeeded: t & 0xF) &* 10 &+ Int64(truncatingIfNeeded: t &>> 8 & 0xF)
    let minute = Int64(truncatingIfNeeded: t &>> 24 & 0xF) &* 10 &+ Int64(truncatingIfNeeded: t &>> 32 & 0xF)
    let second = Int64(truncatingIfNeeded: t &>> 48 & 0xF) &* 10 &+ Int64(truncatingIfNeeded: t &>> 56 & 0xF)
    guard hour < 24, minute < 60, second < 60 else { return slow(start, n, kind) }
    if kind == .day { return Typed(value: day, form: DeliveredText.otherForm) }
    return Typed(
      value: day &* 86_400 &+ hour &* 3600 &+ minute &* 60 &+ second,
      form: blank == 0x20 ? DeliveredText.timeForm : DeliveredText.otherForm)
  }

  /// What the definitions say.
  @inline(never)
  static func slow(_ start: UnsafeRawPointer, _ n: Int, _ kind: ValueKind) -> Typed {
    let text = UnsafeRawBufferPointer(start: start, count: n)
    let value = kind.parse(text)
    return Typed(value: value ?? ColumnData.null, form: DeliveredText.form(of: text, kind: kind, value: value))
  }

  /// The number of eight digits, the first in the lowest byte.
  @inline(__always)
  private static func eightDigits(_ word: UInt64) -> Int64 {
    var v = word &- zeros
    v = v &* 10 &+ (v &>> 8)
    let pairs = (v & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
    let others = (v &>> 16 & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
    return Int64(truncatingIfNeeded: (pairs &+ others) &>> 32)
  }

  /// 10 to the power of 0…6.
  @inline(__always)
  private static func powerOfTen(_ n: Int) -> Int64 {
    switch n {
    case 0: 1
    case 1: 10
    case 2: 100
    case 3: 1_000
    case 4: 10_000
    case 5: 100_000
    default: 1_000_000
    }
  }
}
