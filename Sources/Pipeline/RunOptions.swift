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
  public var plan = false
  public var acceptIncomplete: String?
  public var failOnFindings = false
  public var format = OutputFormat.text

  public init(pipeline: String) { self.pipeline = pipeline }
}
