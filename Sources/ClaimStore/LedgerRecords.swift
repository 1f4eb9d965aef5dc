import ClaimModel

/// What became of a claim file's bytes. Commit it once per digest and reading; revisions that have the file share it.
public struct FileContent: Sendable, Equatable {
  /// SHA-256 of the (compressed) bytes, 64 hexadecimal digits.
  public var digest: String
  /// See `SegmentKey.reading`.
  public var reading: String
  /// Bytes as delivered.
  public var size: Int
  public var inflatedBytes: Int
  /// nil: the file was read. Otherwise it gave no row.
  public var refusal: Refusal?
  public var charset: String?
  public var delimiter: String?
  public var enclosure: String?
  public var headerKind: String?
  /// Empty for a refused file.
  public var segments: [SegmentRecord]
  /// Rejected and nulled rows; `file` is the file's name, with `!` and the member for an archive.
  public var rejects: Rejects
  /// Whatever the caller wants back (JSON); not interpreted.
  public var report: String

  public init(
    digest: String, reading: String, size: Int, inflatedBytes: Int, refusal: Refusal? = nil, charset: String? = nil,
    delimiter: String? = nil, enclosure: String? = nil, headerKind: String? = nil, segments: [SegmentRecord] = [],
    rejects: Rejects = [], report: String = "{}"
  ) {
    self.digest = digest
    self.reading = reading
    self.size = size
    self.inflatedBytes = inflatedBytes
    self.refusal = refusal
    self.charset = charset
    self.delimiter = delimiter
    self.enclosure = enclosure
    self.headerKind = headerKind
    self.segments = segments
    self.rejects = rejects
    self.report = report
  }
}

/// Why a file gave no row: a diagnostic's code and message.
public struct Refusal: Sendable, Hashable {
  public var code: String
  public var message: String
  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

/// A file of one revision of a batch.
public struct BatchFileRecord: Sendable, Hashable {
  public enum State: String, Sendable { case read, refused, missing }

  /// Relative to the batch folder.
  public var name: String
  /// nil for a missing file.
  public var digest: String?
  /// nil for a missing file.
  public var reading: String?
  public var size: Int
  public var state: State
  /// Set for refused and missing files.
  public var refusal: Refusal?
  /// What depends on the file's name or place; not interpreted.
  public var report: String

  public init(
    name: String, digest: String?, reading: String?, size: Int, state: State, refusal: Refusal? = nil,
    report: String = "{}"
  ) {
    self.name = name
    self.digest = digest
    self.reading = reading
    self.size = size
    self.state = state
    self.refusal = refusal
    self.report = report
  }
}

/// One revision of a batch: what was delivered and whether all of it could be read.
public struct BatchRevision: Sendable, Hashable {
  public var name: String
  /// From 1.
  public var revision: Int
  /// nil: complete.
  public var incompleteReason: String?
  /// Why somebody accepted it though it is incomplete; stands in every packet.
  public var acceptedReason: String?
  /// By name, byte order.
  public var files: [BatchFileRecord]

  public init(
    name: String, revision: Int, incompleteReason: String? = nil, acceptedReason: String? = nil,
    files: [BatchFileRecord]
  ) {
    self.name = name
    self.revision = revision
    self.incompleteReason = incompleteReason
    self.acceptedReason = acceptedReason
    self.files = files
  }

  public var isIncomplete: Bool { incompleteReason != nil }
  /// The name, with `~revision` from 2 on: the output folder's name.
  public var label: String { Self.label(name, revision) }
  /// Forbids packets: incomplete and not accepted.
  public var blocksPackets: Bool { incompleteReason != nil && acceptedReason == nil }

  public static func label(_ name: String, _ revision: Int) -> String {
    revision == 1 ? name : "\(name)~\(revision)"
  }
}

/// One stage of a run, for the report.
public struct StageRecord: Sendable, Hashable {
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

/// One run over one revision of a batch.
public struct RunRecord: Sendable, Hashable {
  public var runID: String
  public var batch: String
  public var revision: Int
  /// `yyyy-MM-dd`; nil where there is no claim to take it from.
  public var asOf: String?
  /// As read from the clock once, `yyyy-MM-dd HH:mm:ss`.
  public var startedAt: String
  public var finishedAt: String?
  public var toolVersion: String
  /// JSON of the digests that run_id is made of.
  public var digests: String
  /// 0 or 3.
  public var exitCode: Int
  public var outputFolder: String
  public var stages: [StageRecord]
  /// Whatever the caller wants back (JSON), for `status`; not interpreted.
  public var report: String

  public init(
    runID: String, batch: String, revision: Int, asOf: String?, startedAt: String, finishedAt: String? = nil,
    toolVersion: String, digests: String = "{}", exitCode: Int, outputFolder: String, stages: [StageRecord] = [],
    report: String = "{}"
  ) {
    self.runID = runID
    self.batch = batch
    self.revision = revision
    self.asOf = asOf
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.toolVersion = toolVersion
    self.digests = digests
    self.exitCode = exitCode
    self.outputFolder = outputFolder
    self.stages = stages
    self.report = report
  }

  public var label: String { BatchRevision.label(batch, revision) }
}

/// What held after a run: what the next run is compared with.
public struct RunSnapshot: Sendable {
  /// nil before the first run.
  public var run: RunRecord?
  /// All rows of its findings.csv, by finding id; withdrawn ones included.
  public var findings: [FindingRecord]
  /// Cases that are open after it, by id.
  public var openCases: [CaseFile]

  public init(run: RunRecord?, findings: [FindingRecord], openCases: [CaseFile]) {
    self.run = run
    self.findings = findings
    self.openCases = openCases
  }
}
