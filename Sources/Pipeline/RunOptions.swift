/// Version printed by the command and written into run.json and packets.
public let toolVersion = "0.1.0"

/// What the command line says of a run; paths as given.
public struct RunOptions: Sendable {
  public var pipeline: String
  public var input: String?
  public var output: String?
  public var store: String?
  public var registries: String?
  /// `yyyy-MM-dd`.
  public var asOf: String?
  public var jobs: Int?
  /// As `--memory` has it: `2G`, `1500M`; nil: a quarter of the machine's.
  public var memory: String?
  /// Rows of all tables that are evaluated together at most; nil: chosen by memory. Any number gives the same bytes.
  public var unitRows: Int?
  /// Bytes that units may keep for the second pass; nil: chosen by memory. Any number gives the same bytes.
  public var keptBytes: Int?
  /// Evaluate the whole store, whatever the last run left. Gives the same bytes.
  public var evaluatesWholeStore = false
  /// With so many batches in the store a run leaves what the next one goes on from. Any number gives the same bytes.
  public var keepsStateFrom = 3
  /// `embedded` or `spark`; the same bytes of findings, cases and packets.
  public var engine = "embedded"
  /// Spark's master, for `spark`.
  public var master: String?
  /// Path of spark-submit; nil: found in SPARK_HOME or PATH.
  public var sparkSubmit: String?
  /// `spark.name=value`, handed on.
  public var sparkConfiguration: [String] = []
  /// Seconds in which an executor must have answered; nil: 300.
  public var engineTimeout: Int?
  public var plan = false
  public var acceptIncomplete: String?
  public var failOnFindings = false
  public var format = OutputFormat.text

  public init(pipeline: String) { self.pipeline = pipeline }
}
