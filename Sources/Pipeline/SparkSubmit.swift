import ClaimModel
import Diagnostics
import Foundation
import Glibc

/// Hands a job to `spark-submit` and waits for its end.
struct SparkSubmit {
  let setting: SparkSetting
  let job: SparkJob
  let printer: EventPrinter

  /// - Returns: the driver's last word, `done`.
  /// - Throws: `engine.no-start`, `engine.timeout`, `engine.version`, `engine.failed`, `engine.no-output`.
  func run() throws -> SparkJob.Status {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: setting.submit)
    var arguments = ["--master", setting.master, "--name", "yijian"]
    // Ours come last: what decides about results is not for the command line.
    for one in setting.configuration { arguments += ["--conf", one] }
    for (name, value) in SparkJob.submitSettings.sorted(by: { bytesPrecede($0.key, $1.key) }) {
      arguments += ["--conf", "\(name)=\(value)"]
    }
    process.arguments = arguments + [job.driverPath, job.jobPath]
    process.currentDirectoryURL = URL(fileURLWithPath: job.folder)
    var environment = ProcessInfo.processInfo.environment
    // spark-submit of a virtual environment finds Spark with the python3 beside it.
    let beside = URL(fileURLWithPath: setting.submit).deletingLastPathComponent().path
    environment["PATH"] = beside + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
    process.environment = environment
    let descriptor = open(job.logPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw Diagnostic(
        .error, "engine.no-start", "Spark's log can't be written", at: Place(file: job.logPath),
        remedy: "see that the store's folder can be written to")
    }
    let log = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    process.standardOutput = log
    process.standardError = log
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw Diagnostic(
        .error, "engine.no-start", "spark-submit can't be run: \(error.localizedDescription)",
        at: Place(file: setting.submit), remedy: "see that it is a program that runs here")
    }
    let began = ContinuousClock.now
    var said = ""
    while process.isRunning {
      usleep(100_000)
      let status = job.status
      if status == nil || status?.state == "starting", ContinuousClock.now - began > .seconds(setting.startSeconds) {
        stop(process)
        throw Diagnostic(
          .error, "engine.timeout",
          "no executor of \(setting.master) answered within \(setting.startSeconds) seconds",
          at: Place(file: job.logPath),
          remedy: "see that the master is there and has free executors, or give it longer with --engine-timeout")
      }
      if let status, let step = status.step, step != said {
        said = step
        printer.send(.progress(stage: step, done: Int64(status.done ?? 0), total: Int64(status.total ?? 0), rows: 0))
      }
    }
    process.waitUntilExit()
    return try check(process.terminationStatus)
  }

  private func check(_ code: Int32) throws -> SparkJob.Status {
    let status = job.status
    if status?.reason == "version" {
      throw Diagnostic(
        .error, "engine.version", "Spark \(status?.version ?? "?") is too old", at: Place(file: setting.submit),
        remedy: "use Spark 4.0 or later")
    }
    guard code == 0 else {
      let step = status?.step.map { ", at '\($0)'" } ?? ""
      throw Diagnostic(
        .error, "engine.failed", "spark-submit ended with \(code)\(step)\(Self.firstLine(status?.error))",
        at: Place(file: job.logPath),
        remedy: "Spark's own words are in the log; the store is as it was, so the same command may be run again")
    }
    guard let status, status.state == "done" else {
      throw Diagnostic(
        .error, "engine.no-output", "spark-submit ended without an error, but the job was not done",
        at: Place(file: job.logPath),
        remedy: "see that --spark-submit names Spark's own program and that the log tells of no lost driver")
    }
    return status
  }

  /// The class of Spark's error: its words may hold values of rows, which belong into the log alone.
  private static func firstLine(_ error: String?) -> String {
    guard let error, error.hasPrefix("["), let end = error.firstIndex(of: "]") else { return "" }
    let name = error[error.index(after: error.startIndex)..<end]
    return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." } ? " (\(name))" : ""
  }

  private func stop(_ process: Process) {
    process.terminate()
    for _ in 0..<50 where process.isRunning { usleep(100_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }
}
