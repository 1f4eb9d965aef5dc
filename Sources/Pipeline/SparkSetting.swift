import Diagnostics
import Foundation

/// Which Spark a run is handed to; from the command line.
struct SparkSetting: Sendable {
  /// As `spark-submit --master` takes it.
  var master: String
  /// Path of spark-submit.
  var submit: String
  /// `name=value` of Spark's configuration, for spark-submit.
  var configuration: [String]
  /// Seconds in which an executor must have answered.
  var startSeconds: Int

  static let standardStartSeconds = 300

  /// nil for the embedded engine.
  ///
  /// - Throws: `usage.engine`, `engine.no-spark`.
  init?(_ options: RunOptions) throws {
    switch options.engine {
    case "embedded":
      if options.master == nil, options.sparkSubmit == nil, options.sparkConfiguration.isEmpty { return nil }
      throw Diagnostic(
        .error, "usage.engine", "--master, --spark-submit and --spark-conf are for another engine",
        remedy: "add --engine spark, or leave them out")
    case "spark": break
    default:
      throw Diagnostic(
        .error, "usage.engine", "there is no engine '\(options.engine)'", remedy: "give embedded or spark")
    }
    guard let master = options.master, !master.isEmpty else {
      throw Diagnostic(
        .error, "usage.engine", "--engine spark needs a master",
        remedy: "add --master, for example spark://host:7077, yarn or local-cluster[2,1,1024]")
    }
    self.master = master
    configuration = options.sparkConfiguration
    for one in configuration where !one.contains("=") || !one.hasPrefix("spark.") {
      throw Diagnostic(
        .error, "usage.engine", "--spark-conf takes spark.name=value", remedy: "write it as spark.executor.memory=8g")
    }
    startSeconds = options.engineTimeout ?? Self.standardStartSeconds
    submit = try Self.find(options.sparkSubmit)
  }

  /// The given path, else that of SPARK_HOME, else the first of PATH.
  private static func find(_ given: String?) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    var places: [String] = []
    if let given {
      places = [RunSetup.absolute(given)]
    } else {
      if let home = environment["SPARK_HOME"], !home.isEmpty { places.append(home + "/bin/spark-submit") }
      for folder in (environment["PATH"] ?? "").split(separator: ":") { places.append(folder + "/spark-submit") }
    }
    guard let found = places.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
      throw Diagnostic(
        .error, "engine.no-spark",
        given == nil
          ? "no spark-submit was found in SPARK_HOME or PATH" : "there is no program spark-submit at the given place",
        at: Place(file: given),
        remedy: "install Spark 4 (`pip install pyspark` brings spark-submit) or give --spark-submit PATH")
    }
    return found
  }
}
