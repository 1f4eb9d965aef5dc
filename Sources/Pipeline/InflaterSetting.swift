import Foundation
import Intake

extension InflaterChoice {
  /// zlib if the environment asks for it (`YIJIAN_INFLATER=zlib`, for benchmarks and doubts), else the fastest.
  static let ofEnvironment: InflaterChoice =
    ProcessInfo.processInfo.environment["YIJIAN_INFLATER"] == "zlib" ? .zlib : .fastest
}
