import Foundation
import Testing

/// SIGKILL anywhere, then the same command: as if nothing had happened.
@Suite struct KillTests {
  /// SplitMix64, so that the fifty instants are the same in every run.
  struct Seeded {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    /// 0 ≤ x < 1
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
  }

  /// A third of a small synthetic delivery, and a pipeline whose threshold lets its cases become packets.
  struct Small {
    let input: String
    let pipeline: String

    init() throws {
      let whole = try Scratch.folder("small")
      let made = try yijian([
        "synth", "--seed", "11", "--settlements", "40", "--layout", "narrow", "--out", whole + "/whole",
      ])
      guard made.code == 0 else { throw TestFailure(made.err) }
      input = whole + "/third"
      for batch in Samples.batches {
        try FileManager.default.createDirectory(
          atPath: input + "/batches/" + batch, withIntermediateDirectories: true)
        for name in files(in: whole + "/whole/batches/" + batch) where name.contains("_01.") {
          try copy(whole + "/whole/batches/\(batch)/\(name)", input + "/batches/\(batch)/\(name)")
        }
      }
      try copy(whole + "/whole/registries", input + "/registries")
      pipeline = whole + "/small.yml"
      try writeSmallPipeline(minCountedFen: 100, to: pipeline)
    }

    func arguments(_ folder: String) -> [String] {
      SampleRun.arguments(input: input, folder: folder, pipeline: pipeline)
    }
  }

  /// Two halves side by side: the even and the odd instants.
  @Test(arguments: 0..<2)
  func fiftyKillsLeaveNoTrace(half: Int) throws {
    let small = try Small()
    var length = Double.infinity
    var reference: SampleRun?
    for _ in 0..<2 {
      let begin = ContinuousClock.now
      reference = try SampleRun(small.input, pipeline: small.pipeline)
      let spent = (ContinuousClock.now - begin).components
      length = min(length, Double(spent.seconds) + Double(spent.attoseconds) * 1e-18)
    }
    let undisturbed = try #require(reference)
    #expect(undisturbed.outcome.code == 0)
    #expect(undisturbed.packets("2025-W11").count >= 1, "a run without packets would leave the longest write untested")

    var random = Seeded(state: 20_250_303 + UInt64(half))
    var killed = 0
    var broken: [String] = []
    // A run that ends before its instant shows that runs are shorter than measured; that instant is tried again.
    for _ in 0..<60 where killed < 25 {
      let folder = try Scratch.folder("kill")
      let arguments = small.arguments(folder)
      // One instant in each fiftieth of the run, so that every stage is hit.
      let instant = (Double(killed * 2 + half) + random.fraction()) / 50 * length
      let child = try Child(Project.executable, arguments, environment: fixedClock)
      usleep(UInt32(instant * 1e6))
      child.kill()
      if child.wait().code != 137 {
        length = min(length, instant)
        try? FileManager.default.removeItem(atPath: folder)
        continue
      }
      killed += 1
      let again = try yijian(arguments)
      let off = differences(undisturbed.output, folder + "/out")
      let rest = files(in: folder).filter { $0.contains("tmp-") || $0.hasSuffix(".tmp") || $0.contains("/.") }
      if again.code != 0 || !off.isEmpty || !rest.isEmpty {
        broken.append(
          "killed after \(Int(instant * 1000)) ms: exit \(again.code), \(off), left \(rest); \(again.err.suffix(300))")
      }
      try? FileManager.default.removeItem(atPath: folder)
    }
    #expect(broken == [])
    #expect(killed == 25, "the last run took \(length) s")
  }

  /// The store of several kills in a row is as good as one that was never killed.
  @Test func killsInARowOnOneStore() throws {
    let small = try Small()
    let undisturbed = try SampleRun(small.input, pipeline: small.pipeline)
    let folder = try Scratch.folder("row")
    let arguments = small.arguments(folder)
    var random = Seeded(state: 7)
    for i in 1...8 {
      let child = try Child(Project.executable, arguments, environment: fixedClock)
      usleep(UInt32((Double(i) + random.fraction()) * 60_000))
      child.kill()
      _ = child.wait()
    }
    #expect(try yijian(arguments).code == 0)
    #expect(differences(undisturbed.output, folder + "/out") == [])
    let parts = files(in: folder + "/store").filter { $0.hasPrefix("parts/") }
    #expect(parts == files(in: undisturbed.store).filter { $0.hasPrefix("parts/") })
    #expect(parts.contains { $0.hasSuffix(".parquet") })
  }
}
