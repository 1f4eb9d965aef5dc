/// How sure a finding is; set by the rule's cases. The raw value is what is printed.
public enum Verdict: String, Sendable, Codable, CaseIterable {
  case definite = "明确违规"
  case suspected = "可疑"
  case lead = "线索"
}

/// How grave a finding is, independent of its verdict.
public enum FindingSeverity: String, Sendable, Codable, CaseIterable { case high, medium, low }

/// Whom a finding and its case are about.
public enum SubjectType: String, Sendable, Codable, CaseIterable { case institution, practitioner, person, group }

/// A unit of money that a finding claims: a counting line's F or a settlement's rest U (claims.md 2).
public struct UnitClaim: Sendable, Hashable, Codable {
  /// `mdtrt_id:bkkp_sn` for a line, `setl_id` with a leading `U:` for a rest.
  public var unit: String
  /// Fen of the unit; the finding claims all of it unless its fund amount is a part.
  public var fen: Int64
  /// fixmedins_code of the settlement: who was paid.
  public var fixmedinsCode: String
  /// psn_no of the settlement: for whom.
  public var psnNo: String
  /// bilg_dr_code of the line; empty for a rest.
  public var practitioner: String

  public init(unit: String, fen: Int64, fixmedinsCode: String, psnNo: String, practitioner: String) {
    self.unit = unit
    self.fen = fen
    self.fixmedinsCode = fixmedinsCode
    self.psnNo = psnNo
    self.practitioner = practitioner
  }
}

/// What a rule found: one per rule and key. All amounts are fen.
public struct Finding: Sendable, Hashable, Codable {
  /// `StableID.finding` of rule and key.
  public var id: String
  public var rule: String
  public var ruleVersion: Int
  public var key: String
  public var verdict: Verdict
  public var severity: FindingSeverity
  public var subjectType: SubjectType
  public var subject: String
  /// Empty where the rule has none.
  public var psnNo: String
  public var fixmedinsCode: String
  /// Distinct, sorted by bytes.
  public var setlIDs: [String]
  public var lineIDs: [String]
  /// Days since 1970-01-01; nil where the rule gives none.
  public var from: Int64?
  public var to: Int64?
  public var measure: Int64?
  public var threshold: Int64?
  /// A of the rule's amount: what the claim says was at issue.
  public var amountFen: Int64
  /// F of the rule's amount: what the fund paid for it.
  public var fundFen: Int64
  /// Rank in the order in which findings take units of money; lower first. From the rule's case.
  public var precedence: Int
  /// A settlement of it is paid by case payment: the packet says 估算.
  public var isEstimate: Bool
  public var explanation: String
  /// Units in byte order; empty where the fund amount is 0 or the rule's amount is none.
  public var claims: [UnitClaim]

  public init(
    id: String, rule: String, ruleVersion: Int, key: String, verdict: Verdict, severity: FindingSeverity,
    subjectType: SubjectType, subject: String, psnNo: String, fixmedinsCode: String, setlIDs: [String],
    lineIDs: [String], from: Int64?, to: Int64?, measure: Int64?, threshold: Int64?, amountFen: Int64, fundFen: Int64,
    precedence: Int, isEstimate: Bool, explanation: String, claims: [UnitClaim]
  ) {
    self.id = id
    self.rule = rule
    self.ruleVersion = ruleVersion
    self.key = key
    self.verdict = verdict
    self.severity = severity
    self.subjectType = subjectType
    self.subject = subject
    self.psnNo = psnNo
    self.fixmedinsCode = fixmedinsCode
    self.setlIDs = setlIDs
    self.lineIDs = lineIDs
    self.from = from
    self.to = to
    self.measure = measure
    self.threshold = threshold
    self.amountFen = amountFen
    self.fundFen = fundFen
    self.precedence = precedence
    self.isEstimate = isEstimate
    self.explanation = explanation
    self.claims = claims
  }
}

/// A finding that an exemption stopped.
public struct Suppression: Sendable, Hashable, Codable {
  public var findingID: String
  public var rule: String
  /// `EX-01` … of Pipelines/exempt.
  public var exemption: String
  public var subjectType: SubjectType
  public var subject: String
  /// Which fact excused it, by column names; no personal value beyond ids of rows.
  public var evidence: String

  public init(
    findingID: String, rule: String, exemption: String, subjectType: SubjectType, subject: String, evidence: String
  ) {
    self.findingID = findingID
    self.rule = rule
    self.exemption = exemption
    self.subjectType = subjectType
    self.subject = subject
    self.evidence = evidence
  }
}

/// What became of one rule in a run: one row of coverage.csv.
public struct RuleCoverage: Sendable, Hashable, Codable {
  public enum Status: String, Sendable, Codable { case run, notRunnable = "not_runnable", shadow, off }

  public var rule: String
  public var ruleVersion: Int
  public var status: Status
  /// Why it did not run; nil otherwise.
  public var obstacle: RuleObstacle?
  public var rowsInScope = 0
  public var rowsEvaluated = 0
  public var rowsUnevaluable = 0
  public var findings = 0
  public var suppressed = 0
  /// Sums over the rule's findings: each finding fits 64 bits, their sum need not.
  public var amountFen: Int128 = 0
  public var fundFen: Int128 = 0

  public init(rule: String, ruleVersion: Int, status: Status, obstacle: RuleObstacle? = nil) {
    self.rule = rule
    self.ruleVersion = ruleVersion
    self.status = status
    self.obstacle = obstacle
  }
}

/// State of a finding relative to the last run.
public enum FindingState: String, Sendable, Codable { case new, standing, changed, withdrawn }

/// A row of findings.csv.
public struct FindingRecord: Sendable, Codable {
  public var finding: Finding
  public var state: FindingState
  /// Label of the batch in which it was first found, with `~revision` from 2 on.
  public var firstBatch: String
  /// Fen that count in its case; 0 where none do.
  public var countedFen: Int64
  /// Empty where the subject has no case.
  public var caseID: String

  public init(finding: Finding, state: FindingState, firstBatch: String, countedFen: Int64 = 0, caseID: String = "") {
    self.finding = finding
    self.state = state
    self.firstBatch = firstBatch
    self.countedFen = countedFen
    self.caseID = caseID
  }
}

/// Findings about one subject, opened in one batch, in which each fen counts once (Documentation/claims.md).
public struct CaseFile: Sendable, Codable, Hashable {
  public var id: String
  public var subjectType: SubjectType
  public var subject: String
  /// Batch label in which it was opened.
  public var openedIn: String
  public var findingIDs: [String]
  /// Sum over its findings: each fits 64 bits, their sum need not.
  public var countedFen: Int128

  public init(
    id: String, subjectType: SubjectType, subject: String, openedIn: String, findingIDs: [String], countedFen: Int128
  ) {
    self.id = id
    self.subjectType = subjectType
    self.subject = subject
    self.openedIn = openedIn
    self.findingIDs = findingIDs
    self.countedFen = countedFen
  }
}
