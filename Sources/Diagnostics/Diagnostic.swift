/// How grave a diagnostic is.
public enum Severity: String, Sendable, Codable, Comparable {
  case note, warning, error

  public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
  private var rank: Int {
    switch self {
    case .note: 0
    case .warning: 1
    case .error: 2
    }
  }
}

/// Where something stands. Every part is optional; what is known is printed.
public struct Place: Sendable, Hashable {
  /// Path as the user gave it, or relative to the batch folder.
  public var file: String?
  /// 1-based; the header of a claim file is line 1.
  public var line: Int?
  /// 1-based, in Unicode scalars.
  public var column: Int?
  /// 0-based offset in the inflated bytes of a claim file.
  public var byteOffset: Int?
  /// Column of a claim or registry table, by its national name.
  public var field: String?

  public init(
    file: String? = nil, line: Int? = nil, column: Int? = nil, byteOffset: Int? = nil, field: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.byteOffset = byteOffset
    self.field = field
  }
}

/// A message with a place, a cause and a remedy. It never carries a value of a claim row.
public struct Diagnostic: Error, Sendable, Equatable, CustomStringConvertible {
  public var severity: Severity
  /// Stable, for example `intake.truncated` or `rule.unknown-column`; listed in Documentation.
  public var code: String
  /// What is wrong, in one sentence, without a value of a claim row.
  public var message: String
  public var place: Place
  /// The source line and the length of the marked stretch, for rule and pipeline files only.
  public var excerpt: Excerpt?
  public var notes: [String]
  /// What the user can do about it.
  public var remedy: String?

  public init(
    _ severity: Severity, _ code: String, _ message: String, at place: Place = Place(), excerpt: Excerpt? = nil,
    notes: [String] = [], remedy: String? = nil
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.place = place
    self.excerpt = excerpt
    self.notes = notes
    self.remedy = remedy
  }

  public var description: String { rendered() }
}

/// A line of a rule or pipeline file with a stretch to underline.
public struct Excerpt: Sendable, Equatable {
  public var text: String
  /// 1-based column of the first marked scalar.
  public var column: Int
  /// Number of marked scalars, at least 1.
  public var length: Int

  public init(text: String, column: Int, length: Int = 1) {
    self.text = text
    self.column = column
    self.length = max(1, length)
  }
}

/// Several diagnostics thrown at once: all problems of a file, not only the first.
public struct Diagnostics: Error, Sendable, CustomStringConvertible {
  public var all: [Diagnostic]
  public init(_ all: [Diagnostic]) { self.all = all }
  public var description: String { all.map(\.description).joined(separator: "\n") }
}
