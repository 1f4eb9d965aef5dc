import ClaimModel
import Diagnostics
import Foundation
import Synchronization

/// What a run tells while it goes on: one stream, printed as text or as JSON lines, always on standard error.
public enum RunEvent: Sendable {
  case started(pipeline: String, batches: Int)
  case batch(label: String, note: String)
  case stage(name: String, batch: String)
  /// Bytes of compressed input done and in all.
  case progress(stage: String, done: Int64, total: Int64, rows: Int)
  case stageDone(name: String, rows: Int, bytes: Int64, milliseconds: Int64)
  case diagnostic(Diagnostic)
  case note(String)
}

/// How events are printed.
public enum OutputFormat: String, Sendable, CaseIterable { case text, json }

/// Prints events; safe to call from several threads. Progress is shown only on a terminal, and only after two seconds.
public final class EventPrinter: Sendable {
  private struct State {
    var lastProgress = ContinuousClock.now
    var began = ContinuousClock.now
    var lineOpen = false
  }
  private let state = Mutex(State())
  private let format: OutputFormat
  private let isTerminal: Bool
  private let isQuiet: Bool

  public init(format: OutputFormat, isQuiet: Bool = false) {
    self.format = format
    self.isQuiet = isQuiet
    isTerminal = isatty(2) == 1
  }

  public func send(_ event: RunEvent) {
    if isQuiet { return }
    switch format {
    case .text: sendText(event)
    case .json: write(json(event) + "\n")
    }
  }

  private func sendText(_ event: RunEvent) {
    switch event {
    case .progress(let stage, let done, let total, let rows):
      guard isTerminal else { return }
      let line: String? = state.withLock { state in
        let now = ContinuousClock.now
        if now - state.began < .seconds(2) || now - state.lastProgress < .milliseconds(200) { return nil }
        state.lastProgress = now
        state.lineOpen = true
        let seconds = Double((now - state.began).components.seconds) + 0.001
        let rate = Double(rows) / seconds
        let left = done > 0 ? Int(seconds * Double(total - done) / Double(done)) : 0
        return "\r  \(stage)  \(done * 100 / max(1, total)) %  \(Int(rate)) rows/s  \(left) s left   "
      }
      if let line { write(line) }
    case .stage:
      state.withLock { $0.began = ContinuousClock.now }
    default:
      let clear = state.withLock { state in
        let open = state.lineOpen
        state.lineOpen = false
        return open
      }
      if clear { write("\r\u{1B}[K") }
      if let line = text(event) { write(line + "\n") }
    }
  }

  private func text(_ event: RunEvent) -> String? {
    switch event {
    case .started(let pipeline, let batches):
      "yijian: pipeline \(pipeline), \(batches) \(batches == 1 ? "batch" : "batches")"
    case .batch(let label, let note): "batch \(label): \(note)"
    case .stageDone(let name, let rows, let bytes, let ms):
      "  \(name): \(rows) rows" + (bytes > 0 ? ", \(bytes / 1024) KiB" : "") + ", \(ms) ms"
    case .diagnostic(let d): d.rendered()
    case .note(let text): text
    case .stage, .progress: nil
    }
  }

  private func json(_ event: RunEvent) -> String {
    var fields: [(String, String)] = []
    func text(_ key: String, _ value: String) { fields.append((key, EscapedText.json(value))) }
    func number(_ key: String, _ value: some BinaryInteger) { fields.append((key, String(value))) }
    switch event {
    case .started(let pipeline, let batches):
      text("event", "started")
      text("pipeline", pipeline)
      number("batches", batches)
    case .batch(let label, let note):
      text("event", "batch")
      text("batch", label)
      text("note", note)
    case .stage(let name, let batch):
      text("event", "stage")
      text("stage", name)
      text("batch", batch)
    case .progress(let stage, let done, let total, let rows):
      text("event", "progress")
      text("stage", stage)
      number("bytes_done", done)
      number("bytes_total", total)
      number("rows", rows)
    case .stageDone(let name, let rows, let bytes, let ms):
      text("event", "stage_done")
      text("stage", name)
      number("rows", rows)
      number("bytes", bytes)
      number("milliseconds", ms)
    case .diagnostic(let d):
      text("event", "diagnostic")
      text("severity", d.severity.rawValue)
      text("code", d.code)
      text("message", d.message)
      if let file = d.place.file { text("file", file) }
      if let line = d.place.line { number("line", line) }
      if let column = d.place.column { number("column", column) }
      if let offset = d.place.byteOffset { number("byte_offset", offset) }
      if let field = d.place.field { text("field", field) }
      if let remedy = d.remedy { text("remedy", remedy) }
    case .note(let message):
      text("event", "note")
      text("message", message)
    }
    return "{" + fields.map { "\(EscapedText.json($0.0)):\($0.1)" }.joined(separator: ",") + "}"
  }

  private func write(_ text: String) { writeMessage(text) }
}

/// Exit codes of the command (Documentation/commands.md).
public enum ExitCode {
  public static let done: Int32 = 0
  public static let saysNo: Int32 = 1
  public static let couldNotRun: Int32 = 2
  public static let incomplete: Int32 = 3
  public static let usage: Int32 = 64
  public static let invalidData: Int32 = 65
  public static let locked: Int32 = 75
  public static let interrupted: Int32 = 130

  /// The graver of what two batches of a command gave: that something could not run, before that something is missing,
  /// before that findings were found.
  static func worse(_ a: Int32, _ b: Int32) -> Int32 {
    func rank(_ code: Int32) -> Int { [done, saysNo, incomplete].firstIndex(of: code) ?? 3 }
    return rank(b) > rank(a) ? b : a
  }
}
