import ArgumentParser
import Diagnostics
import Foundation
import Pipeline
import SyntheticClaims

extension SynthOptions.Layout: ExpressibleByArgument {}
extension SynthOptions.Kind: ExpressibleByArgument {}

/// Writes one synthetic input folder and says what is in it.
func synthesizeClaims(
  _ options: SynthOptions, out: String
) -> Int32 {
  do {
    let clock = ContinuousClock.now
    let summary = try synthesize(options, into: out)
    let spent = (ContinuousClock.now - clock).components
    let seconds = Double(spent.seconds) + Double(spent.attoseconds) / 1e18
    for table in summary.rows.keys.sorted() { print("\(table)  \(summary.rows[table] ?? 0) rows") }
    for kind in summary.truth.keys.sorted() { print("truth \(kind)  \(summary.truth[kind] ?? 0)") }
    let lines = summary.rows.values.reduce(0, +)
    print("written  \(out): \(summary.files) files, \(summary.inflatedBytes / 1_000_000) MB before compression")
    writeMessage("\(Int(Double(lines) / max(seconds, 0.001))) rows/s\n")
    return 0
  } catch {
    writeMessage("\(error)\n")
    return 2
  }
}

/// Writes the project's three samples.
func writeSampleClaims(into folder: String) -> Int32 {
  do {
    _ = try writeSamples(into: folder)
    print("written  \(folder)/clean, \(folder)/planted, \(folder)/broken")
    return 0
  } catch {
    writeMessage("\(error)\n")
    return 2
  }
}
