import Foundation
import Testing

/// No personal value of the samples stands in anything that is printed or that a report shows.
@Suite struct PersonalValueTests {
  static let columns: Set<String> = ["psn_no", "psn_name", "certno", "tel", "addr", "coner_name"]

  /// Values of the personal columns of every claim file of a sample, read with the system's own tools; values of
  /// damaged rows included. Names of two characters may be words, so nothing shorter than that is looked for.
  func personalValues(_ sample: String) throws -> Set<String> {
    var values: Set<String> = []
    for batch in Samples.batches {
      let folder = Project.sample(sample) + "/batches/" + batch
      for name in files(in: folder) where name.hasSuffix(".gz") || name.hasSuffix(".zip") {
        let inflate = name.hasSuffix(".zip") ? "unzip -p" : "gzip -dc"
        // A file that was cut off gives what it holds; what is not UTF-8 is read as GB18030.
        let script = """
          \(inflate) "$0" 2>/dev/null > "$1"
          iconv -f UTF-8 -t UTF-8 "$1" 2>/dev/null >/dev/null || iconv -c -f GB18030 -t UTF-8 "$1" ; \
          iconv -c -f UTF-8 -t UTF-8 "$1"; true
          """
        let text = try tool("sh", "-c", script, folder + "/" + name, try Scratch.folder("inflated") + "/text")
        var places: [Int] = []
        for line in text.split(whereSeparator: \.isNewline) {
          let fields = line.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: CharacterSet(charactersIn: "'\" "))
          }
          if fields.contains("psn_no") || fields.contains("mdtrt_id") {
            places = fields.indices.filter { Self.columns.contains(fields[$0]) }
          } else {
            for i in places where i < fields.count && fields[i].count >= 2 { values.insert(fields[i]) }
          }
        }
      }
    }
    return values
  }

  func leaks(_ text: String, _ values: Set<String>) -> Int {
    let bytes = Array(text.utf8)
    // Every substring as long as a value, looked up at once: thousands of values in megabytes of report.
    var byLength: [Int: Set<[UInt8]>] = [:]
    for value in values { byLength[value.utf8.count, default: []].insert(Array(value.utf8)) }
    var found = 0
    for (length, set) in byLength where bytes.count >= length {
      let firsts = Set(set.map { UInt32($0[0]) << 16 | UInt32($0[1]) << 8 | UInt32($0[2]) })
      for i in 0...(bytes.count - length) {
        guard i + 2 < bytes.count,
          firsts.contains(UInt32(bytes[i]) << 16 | UInt32(bytes[i + 1]) << 8 | UInt32(bytes[i + 2]))
        else { continue }
        if set.contains(Array(bytes[i..<(i + length)])) { found += 1 }
      }
    }
    return found
  }

  @Test(arguments: ["planted", "broken"])
  func nothingPersonalIsPrintedOrReported(sample: String) throws {
    let values = try personalValues(sample).filter { $0.utf8.count >= 6 }
    #expect(values.count > 200)
    let run = try Samples.run(sample)
    // The search itself works: findings.csv and the claim files do hold such values.
    if sample == "planted" { #expect(leaks(text(of: run.output + "/2025-W10/findings.csv"), values) > 0) }

    var texts = ["stdout": run.outcome.out, "stderr": run.outcome.err]
    let folder = try Scratch.folder("json")
    let json = try yijian(
      SampleRun.arguments(input: Project.sample(sample), folder: folder) + ["--format", "json"])
    texts["stdout of json"] = json.out
    texts["stderr of json"] = json.err
    for options in [[], ["--json"]] {
      let status = try yijian(["status", "--pipeline", Project.pipeline, "--store", run.store] + options)
      #expect(status.code == 0)
      texts["status \(options)"] = status.out + status.err
    }
    let plan = try yijian(run.arguments + ["--plan"])
    texts["plan"] = plan.out + plan.err
    for batch in Samples.batches {
      for name in ["run.json", "index.html", "coverage.csv", "rejects.csv"] {
        let text = text(of: run.output + "/\(batch)/\(name)")
        #expect(!text.isEmpty)
        texts["\(batch)/\(name)"] = text
      }
    }
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) { #expect(leaks(text, values) == 0, "\(name)") }
  }

  /// A forged packet is reported without the values of its rows.
  @Test func verificationNamesNobody() throws {
    let values = try personalValues("planted").filter { $0.utf8.count >= 6 }
    for path in try Samples.planted.get().packets("2025-W11") {
      let packet = try Packet(copyOf: path)
      try packet.change("UPDATE visit SET psn_name = 'x'; UPDATE line SET inscp_amt = 1; DELETE FROM settlement")
      try packet.sealAgain()
      let outcome = try packet.verify()
      #expect(outcome.code == 1)
      #expect(leaks((outcome.out + outcome.err).replacing(packet.folder, with: ""), values) == 0)
    }
  }
}
