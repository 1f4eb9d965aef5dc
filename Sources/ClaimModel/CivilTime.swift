/// Calendar arithmetic without zones: times are civil times as written, nothing is converted.
public enum CivilTime {
  /// Days since 1970-01-01 of a valid date of the proleptic Gregorian calendar; nil for 02-30 and the like.
  public static func day(year: Int, month: Int, day: Int) -> Int64? {
    guard year >= 1, year <= 9999, month >= 1, month <= 12, day >= 1, day <= daysInMonth(year, month) else {
      return nil
    }
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yoe = y - era * 400
    let doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy
    return Int64(era * 146_097 + doe - 719_468)
  }

  /// Year, month and day of a day number.
  public static func date(_ day: Int64) -> (year: Int, month: Int, day: Int) {
    let z = Int(day) + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let doe = z - era * 146_097
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
    let mp = (5 * doy + 2) / 153
    let d = doy - (153 * mp + 2) / 5 + 1
    let m = mp < 10 ? mp + 3 : mp - 9
    return (yoe + era * 400 + (m <= 2 ? 1 : 0), m, d)
  }

  /// `yyyy-MM-dd`.
  public static func text(day: Int64) -> String {
    let (y, m, d) = date(day)
    return "\(pad(y, 4))-\(pad(m, 2))-\(pad(d, 2))"
  }

  /// `yyyy-MM-dd HH:mm:ss` of seconds since 1970-01-01 00:00:00.
  public static func text(time: Int64) -> String {
    let day = dayOf(time: time)
    let s = Int(time - day * 86_400)
    return "\(text(day: day)) \(pad(s / 3600, 2)):\(pad(s / 60 % 60, 2)):\(pad(s % 60, 2))"
  }

  /// The calendar day of a time.
  public static func dayOf(time: Int64) -> Int64 { time >= 0 ? time / 86_400 : (time - 86_399) / 86_400 }

  /// `yyyy-MM-dd`, optionally followed by blank or `T` and `HH:mm[:ss[.fraction]]`, and then perhaps by a zone: `Z`, or
  /// sign and `HH[[:]mm]`, a blank before it or none; seconds since 1970-01-01. The time counts as written: a zone is
  /// passed over and a fraction cut off. Anything else is nil.
  public static func parseTime(_ b: UnsafeRawBufferPointer) -> Int64? {
    guard b.count >= 10, b[4] == 0x2D, b[7] == 0x2D, let y = digits(b, 0, 4), let m = digits(b, 5, 2),
      let d = digits(b, 8, 2), let day = day(year: y, month: m, day: d)
    else { return nil }
    if b.count == 10 { return day * 86_400 }
    guard b.count >= 16, b[10] == 0x20 || b[10] == 0x54, b[13] == 0x3A, let hh = digits(b, 11, 2), hh < 24,
      let mm = digits(b, 14, 2), mm < 60
    else { return nil }
    var ss = 0
    var end = 16
    if b.count > 16, b[16] == 0x3A {
      guard b.count >= 19, let s = digits(b, 17, 2), s < 60 else { return nil }
      ss = s
      end = 19
      if b.count > 19, b[19] == 0x2E {
        end = 20
        while end < b.count, b[end] >= 0x30, b[end] <= 0x39 { end += 1 }
        if end == 20 { return nil }
      }
    }
    if end < b.count, !isZone(b, end) { return nil }
    return day * 86_400 + Int64(hh * 3600 + mm * 60 + ss)
  }

  /// Whether a zone stands from there to the end.
  private static func isZone(_ b: UnsafeRawBufferPointer, _ start: Int) -> Bool {
    let at = b[start] == 0x20 ? start + 1 : start
    let rest = b.count - at
    if rest == 1 { return b[at] == 0x5A }
    guard rest >= 3, b[at] == 0x2B || b[at] == 0x2D, let hours = digits(b, at + 1, 2), hours < 24 else { return false }
    if rest == 3 { return true }
    let minutes = b[at + 3] == 0x3A ? at + 4 : at + 3
    return minutes + 2 == b.count && (digits(b, minutes, 2) ?? 60) < 60
  }

  /// The date part of what `parseTime` takes, as a day number. What stands for a time behind it counts for nothing, so
  /// `24:00:00` and a leap second are no fault: blank or `T`, two digits, a colon.
  public static func parseDay(_ b: UnsafeRawBufferPointer) -> Int64? {
    if let time = parseTime(b) { return dayOf(time: time) }
    guard b.count >= 16, b[10] == 0x20 || b[10] == 0x54, digits(b, 11, 2) != nil, b[13] == 0x3A, digits(b, 14, 2) != nil
    else { return nil }
    return parseTime(UnsafeRawBufferPointer(rebasing: b[..<10])).map(dayOf(time:))
  }

  /// As `parseTime`, from a text.
  public static func parseTime(_ text: String) -> Int64? {
    var text = text
    return text.withUTF8 { parseTime(UnsafeRawBufferPointer($0)) }
  }

  /// As `parseDay`, from a text.
  public static func parseDay(_ text: String) -> Int64? {
    var text = text
    return text.withUTF8 { parseDay(UnsafeRawBufferPointer($0)) }
  }

  private static func daysInMonth(_ y: Int, _ m: Int) -> Int {
    switch m {
    case 2: y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func digits(_ b: UnsafeRawBufferPointer, _ start: Int, _ n: Int) -> Int? {
    var v = 0
    for i in start..<start + n {
      let c = b[i]
      if c < 0x30 || c > 0x39 { return nil }
      v = v * 10 + Int(c - 0x30)
    }
    return v
  }

  private static func pad(_ n: Int, _ width: Int) -> String {
    let s = String(n)
    return s.count >= width ? s : String(repeating: "0", count: width - s.count) + s
  }
}
