import ClaimModel
import Foundation

/// The clock of a run, read once. SOURCE_DATE_EPOCH (seconds since 1970 UTC) stands in for it where outputs must be
/// the same on every run.
public struct RunClock: Sendable {
  /// `yyyy-MM-dd HH:mm:ss`, civil time of the machine; UTC with SOURCE_DATE_EPOCH.
  public let text: String
  /// The same as seconds since 1970-01-01 00:00:00.
  public let seconds: Int64

  public init(seconds: Int64) {
    self.seconds = seconds
    text = CivilTime.text(time: seconds)
  }

  /// The present, or what SOURCE_DATE_EPOCH says.
  public static func now() -> RunClock {
    if let text = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"], let fixed = Int64(text) {
      return RunClock(seconds: fixed)
    }
    let now = Date()
    let offset = TimeZone.current.secondsFromGMT(for: now)
    return RunClock(seconds: Int64(now.timeIntervalSince1970) + Int64(offset))
  }
}
