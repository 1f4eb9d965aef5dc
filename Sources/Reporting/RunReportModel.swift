import ClaimModel

/// All that a run says of itself. `Pipeline` fills it; run.json, index.html and the CSV files are written from it.
///
/// Counts are rows, amounts fen. Nothing here needs to be sorted: the writers sort.
public struct RunReportModel: Sendable {
  // Which run
  public var runID = ""
  public var toolVersion = ""
  /// Name of the pipeline.
  public var pipeline = ""
  public var batch = ""
  public var revision = 1
  /// Batch name, with `~revision` from 2 on.
  public var label = ""
  /// Days since 1970-01-01; the day from which look_back_days counts. A run always sets it.
  public var asOf: Int64?
  /// `yyyy-MM-dd HH:mm:ss`, the only clock reading of the run.
  public var startedAt = ""
  public var digests = Digests()
  /// Label of the run that states are relative to; nil for the first run of a store.
  public var comparedWith: String?

  // What was read
  /// Every batch of the store that is incomplete; empty if all are whole.
  public var incomplete: [IncompleteBatch] = []
  /// Files of this batch, refused and missing ones included.
  public var files: [FileRow] = []
  /// Registry and knowledge tables that were looked up, with their rejected rows; not among the batch's counts.
  public var registries: [FileRow] = []
  /// Names of files that are of no kind the run reads.
  public var ignoredFiles: [String] = []
  /// This batch, by table.
  public var tables: [TableCounts] = []
  /// Rows of older batches that this batch changed, by table and reason.
  public var older: [OlderRows] = []
  public var sums: [SumRow] = []
  /// Rejected and nulled rows, and those set aside, of this batch; the writer keeps the first 1,000 of a file, column
  /// and code that are not `rejected`.
  public var rejects: Rejects = []
  /// Rejected rows per million at which the run says so.
  public var rejectLimitPerMillion = 1000
  /// Σ P of the counting settlements of this batch.
  public var fundPaidFen: Int128 = 0

  // What does not fit
  public var reconciliation: [ReconciliationCheck] = []
  public var profile: [FillRate] = []
  public var unknownCodes: [UnknownCode] = []
  public var identityDuplicates: [IdentityDuplicate] = []

  // What was found
  /// Rows of findings.csv, withdrawn ones included.
  public var findings: [FindingRecord] = []
  /// Why a finding was withdrawn, by finding id; every withdrawn one has an entry.
  public var withdrawals: [String: Withdrawal] = [:]
  public var suppressions: [Suppression] = []
  /// One a rule, every rule.
  public var coverage: [RuleCoverage] = []
  /// Chinese title of each rule.
  public var ruleTitles: [String: String] = [:]
  /// Open cases after this run.
  public var cases: [CaseFile] = []
  /// Folder of a written packet, relative to the output folder, by case id.
  public var packets: [String: String] = [:]
  /// Why no packet was written for cases from the threshold on; nil if they were.
  public var packetsWithheld: String?
  /// Cases from the threshold on without a packet, because none of their findings that count can be derived from today's
  /// rows; ascending.
  public var casesWithoutEvidence: [String] = []
  /// packets.min_counted_fen of the pipeline.
  public var packetThresholdFen: Int64 = 0
  /// Each unit of money once over all cases.
  public var totalCountedFen: Int128 = 0
  /// Institution names by fixmedins_code, where the registry has them.
  public var institutionNames: [String: String] = [:]

  public var stages: [Stage] = []

  public init() {}

  /// SHA-256 digests that the run's id is made of.
  public struct Digests: Sendable {
    /// By file name relative to the batch folder.
    public var files: [String: String] = [:]
    /// By table.
    public var registries: [String: String] = [:]
    public var rules = ""
    public var pipeline = ""
    public init() {}
  }

  public struct IncompleteBatch: Sendable {
    public var label: String
    /// With all particulars, as the run printed it.
    public var reason: String
    /// What each file lacks; empty: the batch has no claim file.
    public var causes: [Cause]
    /// Why somebody accepted it; nil: packets are withheld.
    public var acceptedReason: String?
    public init(label: String, reason: String, causes: [Cause], acceptedReason: String? = nil) {
      self.label = label
      self.reason = reason
      self.causes = causes
      self.acceptedReason = acceptedReason
    }

    public struct Cause: Sendable {
      public var file: String
      /// Of the diagnostic.
      public var code: String
      public init(file: String, code: String) {
        self.file = file
        self.code = code
      }
    }
  }

  /// `read = accepted + rejected + Σ setAside`.
  public struct Counts: Sendable, Equatable {
    public var read = 0
    /// Rows that count.
    public var accepted = 0
    public var rejected = 0
    /// Valid rows that do not count, by `Disposition.reason`.
    public var setAside: [String: Int] = [:]
    public init(read: Int = 0, accepted: Int = 0, rejected: Int = 0, setAside: [String: Int] = [:]) {
      self.read = read
      self.accepted = accepted
      self.rejected = rejected
      self.setAside = setAside
    }
    public var setAsideTotal: Int { setAside.values.reduce(0, +) }
    public var isBalanced: Bool { read == accepted + rejected + setAsideTotal }

    public static func + (a: Counts, b: Counts) -> Counts {
      Counts(
        read: a.read + b.read, accepted: a.accepted + b.accepted, rejected: a.rejected + b.rejected,
        setAside: a.setAside.merging(b.setAside, uniquingKeysWith: +))
    }
  }

  public struct TableCounts: Sendable {
    /// Platform name.
    public var table: String
    public var counts: Counts
    public init(table: String, counts: Counts) {
      self.table = table
      self.counts = counts
    }
  }

  public struct OlderRows: Sendable {
    public var table: String
    public var reason: String
    public var rows: Int
    public init(table: String, reason: String, rows: Int) {
      self.table = table
      self.reason = reason
      self.rows = rows
    }
  }

  /// One file, or one member of an archive.
  public struct FileRow: Sendable {
    public enum State: String, Sendable { case read, refused, missing }
    /// Relative to the batch folder; for a member the archive, `!`, the member.
    public var name: String
    /// nil where it could not be told.
    public var table: String?
    public var state: State
    /// nil for a missing file.
    public var digest: String?
    /// Bytes as delivered; of the whole archive for a member.
    public var bytes = 0
    public var inflatedBytes = 0
    public var charset: String?
    public var delimiter: String?
    public var enclosure: String?
    public var headerKind: String?
    public var missingColumns: [String] = []
    public var unknownColumns: [String] = []
    public var counts = Counts()
    /// Rejected rows, and values that became null, by column and code.
    public var problems: [Problem] = []
    public var refusalCode: String?
    public var refusalMessage: String?
    /// Rows seen before a refusal; they count nowhere.
    public var rowsBeforeRefusal: Int?

    public init(name: String, table: String?, state: State, digest: String?) {
      self.name = name
      self.table = table
      self.state = state
      self.digest = digest
    }
  }

  public struct Problem: Sendable {
    /// nil where the row as a whole is meant.
    public var column: String?
    public var code: String
    public var action: Reject.Action
    public var count: Int
    public init(column: String?, code: String, action: Reject.Action, count: Int) {
      self.column = column
      self.code = code
      self.action = action
      self.count = count
    }
  }

  /// One amount column of this batch: `afterFen = beforeFen − Σ setAsideFen + nettedFen`, exact.
  public struct SumRow: Sendable {
    public var table: String
    public var column: String
    /// Σ as uploaded over accepted and set-aside rows.
    public var beforeFen: Int128
    /// Σ as uploaded over rows set aside, by reason.
    public var setAsideFen: [String: Int128]
    /// What linked reversals added to the lines that count.
    public var nettedFen: Int128
    /// Σ over rows that count, net.
    public var afterFen: Int128
    public init(
      table: String, column: String, beforeFen: Int128, setAsideFen: [String: Int128] = [:], nettedFen: Int128 = 0,
      afterFen: Int128
    ) {
      self.table = table
      self.column = column
      self.beforeFen = beforeFen
      self.setAsideFen = setAsideFen
      self.nettedFen = nettedFen
      self.afterFen = afterFen
    }
    public var isBalanced: Bool { afterFen == beforeFen - setAsideFen.values.reduce(0, +) + nettedFen }
  }

  /// One kind of comparison and what did not agree in it.
  public struct ReconciliationCheck: Sendable {
    public enum Kind: String, Sendable {
      /// Σ det_item_fee_sumamt of a settlement's lines against its medfee_sumamt.
      case settlementLines = "settlement_lines"
      /// Rows and sums against delivery.csv.
      case delivery
    }
    public enum Unit: String, Sendable { case fen, rows }
    public struct Difference: Sendable {
      /// setl_id, or file and column of delivery.csv; never a person.
      public var subject: String
      public var unit: Unit
      public var expected: Int128
      public var found: Int128
      public init(subject: String, unit: Unit, expected: Int128, found: Int128) {
        self.subject = subject
        self.unit = unit
        self.expected = expected
        self.found = found
      }
    }
    public var kind: Kind
    /// Things compared.
    public var checked: Int
    /// Things that could not be compared: an amount is null, or a file's own sum does not fit 64 bits.
    public var notComparable: Int
    public var differences: [Difference]
    public init(kind: Kind, checked: Int, notComparable: Int = 0, differences: [Difference] = []) {
      self.kind = kind
      self.checked = checked
      self.notComparable = notComparable
      self.differences = differences
    }
  }

  public struct FillRate: Sendable {
    public var table: String
    /// fixmedins_code; nil: the whole table.
    public var institution: String?
    public var column: String
    public var rows: Int
    public var filled: Int
    public init(table: String, institution: String? = nil, column: String, rows: Int, filled: Int) {
      self.table = table
      self.institution = institution
      self.column = column
      self.rows = rows
      self.filled = filled
    }
  }

  public struct UnknownCode: Sendable {
    public var table: String
    public var column: String
    /// A code of a code list (never an identifier of a person).
    public var code: String
    public var rows: Int
    public var fen: Int128
    public init(table: String, column: String, code: String, rows: Int, fen: Int128 = 0) {
      self.table = table
      self.column = column
      self.code = code
      self.rows = rows
      self.fen = fen
    }
  }

  public struct IdentityDuplicate: Sendable {
    public var table: String
    /// What is double, for example `certno 对应多个 psn_no`.
    public var what: String
    public var count: Int
    public init(table: String, what: String, count: Int) {
      self.table = table
      self.what = what
      self.count = count
    }
  }

  /// `rows` and `bytes` are those of the whole batch, also where a run went on after a kill and read only a part.
  public struct Stage: Sendable {
    public var name: String
    public var rows: Int
    public var bytes: Int
    public var milliseconds: Int
    public init(name: String, rows: Int, bytes: Int, milliseconds: Int) {
      self.name = name
      self.rows = rows
      self.bytes = bytes
      self.milliseconds = milliseconds
    }
  }

  // MARK: Derived

  /// All tables of this batch together.
  public var total: Counts { tables.reduce(Counts()) { $0 + $1.counts } }
  /// No packet may be written: a batch of the store is incomplete and not accepted.
  public var isBlocked: Bool { incomplete.contains { $0.acceptedReason == nil } }
  /// More rows were rejected than the pipeline's reject_limit allows.
  public var exceedsRejectLimit: Bool { total.rejected * 1_000_000 > rejectLimitPerMillion * total.read }
  /// Findings that hold.
  public var standingFindings: [FindingRecord] { findings.filter { $0.state != .withdrawn } }
}
