/// Writes `<folder>/clean`, `<folder>/planted` and `<folder>/broken`: the samples that the project keeps.
///
/// Two batches each; equal versions of the generator give equal bytes (zlib's version may change them).
/// - Throws: `Diagnostic` as `synthesize`.
public func writeSamples(into folder: String) throws -> [SynthOptions.Kind: SynthSummary] {
  var result: [SynthOptions.Kind: SynthSummary] = [:]
  for kind in [SynthOptions.Kind.clean, .planted, .broken] {
    let options = SynthOptions(
      seed: 20_250_303, settlements: kind == .broken ? 240 : 700, planted: kind, parts: kind == .broken ? 4 : 3,
      compression: 9)
    result[kind] = try synthesize(options, into: folder + "/" + kind.rawValue)
  }
  return result
}
