import Audit
import Cases
import ClaimModel
import Registries
import RulePacks

/// Everything a packet is made of. The packet says nothing that does not stand here: no clock, no network.
public struct PacketInput {
  /// Calls `row` for each asked line of a segment, in ascending order of lines; lines are given ascending, each once.
  public typealias FetchRows = (
    _ segment: Int32, _ lines: [Int32],
    _ row: (_ line: Int32, _ byteOffset: Int64, _ fields: UnsafeRawBufferPointer) throws -> Void
  ) throws -> Void

  public var caseFile: CaseFile
  /// The case's findings that the claims give anew, with counted amounts; withdrawn ones are left out by the writer.
  public var findings: [FindingRecord]
  /// Findings of the case that hold from earlier runs and that these claims do not give: how many, and their counted
  /// fen. They are not in the packet, nor in its amounts.
  public var standsOnly: (count: Int, fen: Int128)
  /// Exemptions that stopped findings of the subject.
  public var suppressions: [Suppression]
  /// Rules of the run. The packet carries those that have a finding in the case.
  public var rules: [Rule]
  /// Text of each rule's file by rule id; travels in the packet so that the SQL can be made again.
  public var ruleFiles: [String: String]
  /// Wording of each key that rules name as basis.
  public var laws: [String: LawText]
  /// Name of each exemption, `EX-01` …
  public var exemptionNames: [String: String]
  /// What became of each rule in the run; the packet prints what could not be judged.
  public var coverage: [RuleCoverage]

  public var claims: EffectiveClaims
  /// Made once a run, shared by all packets.
  public var evidence: EvidenceIndex
  public var registries: Registries
  /// `RowOrigin.segment` is the index.
  public var sources: [SourceFile]
  public var fetch: FetchRows
  /// setl_type codes whose settlements do not count.
  public var excludedSetlTypes: Set<String>

  /// Days since 1970-01-01.
  public var asOf: Int64
  public var runID: String
  public var batchLabel: String
  public var toolVersion: String
  /// Why an incomplete batch was accepted; each stands in the packet.
  public var acceptedReasons: [String]
  /// Facts about populations that the run's findings rest on; the packet carries those of its own findings.
  public var facts: [PopulationFact]
  /// Of the run's rules and claims; made once a run, shared by all packets. nil: made for this packet.
  public var lookedAt: ClaimRowsLookedAt?
  /// The claims over which rules about more than one person were run; nil: `claims`. Its codes begin with those of the
  /// registries.
  public var census: EffectiveClaims?

  public init(
    caseFile: CaseFile, findings: [FindingRecord], standsOnly: (count: Int, fen: Int128) = (0, 0),
    suppressions: [Suppression] = [], rules: [Rule],
    ruleFiles: [String: String] = [:], laws: [String: LawText] = [:], exemptionNames: [String: String] = [:],
    coverage: [RuleCoverage] = [], claims: EffectiveClaims, evidence: EvidenceIndex, registries: Registries,
    sources: [SourceFile], fetch: @escaping FetchRows, excludedSetlTypes: Set<String> = [], asOf: Int64,
    runID: String, batchLabel: String, toolVersion: String, acceptedReasons: [String] = [],
    facts: [PopulationFact] = [], lookedAt: ClaimRowsLookedAt? = nil, census: EffectiveClaims? = nil
  ) {
    self.caseFile = caseFile
    self.findings = findings
    self.standsOnly = standsOnly
    self.suppressions = suppressions
    self.rules = rules
    self.ruleFiles = ruleFiles
    self.laws = laws
    self.exemptionNames = exemptionNames
    self.coverage = coverage
    self.claims = claims
    self.evidence = evidence
    self.registries = registries
    self.sources = sources
    self.fetch = fetch
    self.excludedSetlTypes = excludedSetlTypes
    self.asOf = asOf
    self.runID = runID
    self.batchLabel = batchLabel
    self.toolVersion = toolVersion
    self.acceptedReasons = acceptedReasons
    self.facts = facts
    self.lookedAt = lookedAt
    self.census = census
  }
}

/// A claim file, or a member of one, as the run read it.
public struct SourceFile: Sendable, Hashable {
  public var batch: String
  /// Path relative to the batch folder; for a zip the archive, `!`, the member.
  public var file: String
  /// Platform name of the table.
  public var table: String
  /// SHA-256 of the compressed bytes, hexadecimal.
  public var digest: String
  /// Rows read from it, header excluded.
  public var rows: Int

  public init(batch: String, file: String, table: String, digest: String, rows: Int) {
    self.batch = batch
    self.file = file
    self.table = table
    self.digest = digest
    self.rows = rows
  }
}

/// An article as the law registry gives it; the only source of law in a packet.
public struct LawText: Sendable, Hashable {
  /// Instrument and article.
  public var title: String
  public var text: String

  public init(title: String, text: String) {
    self.title = title
    self.text = text
  }

  /// A registered article: our own short wording of it, not the official text.
  public init(_ entry: LawEntry) {
    let number = entry.number.isEmpty ? "" : "（\(entry.number)）"
    self.init(title: entry.instrument + number + entry.article, text: entry.text)
  }
}
