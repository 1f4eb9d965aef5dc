import Audit
import ClaimModel
import ClaimStore

/// What a run leaves of the whole store for the next one: results that can be added to and taken from, and where the
/// thin rows and keys lie that it needs to do so. It holds for one list of live segments and one set of rules,
/// registries and settings (`binding`), and for nothing else; but of tables of single persons (`registries`) there may
/// be a new version.
struct LookBackState: Codable, Sendable {
  /// Another one is not read.
  static let format = "look-back 7"

  /// All that decides how the rows' versions of live segments are ordered, as a digest.
  static func digest(of live: [LiveSegment]) -> String {
    SHA256Hasher.hex(
      of: live.map { "\($0.record.number)\u{1F}\($0.batch)\u{1F}\($0.file)\u{1F}\($0.record.key.member)" }
        .joined(separator: "\u{1E}"))
  }

  /// A stretch of a file.
  struct Piece: Codable, Sendable {
    var start: Int
    var count: Int

    init(start: Int, count: Int) {
      self.start = start
      self.count = count
    }

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      start = try container.decode(Int.self)
      count = try container.decode(Int.self)
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.unkeyedContainer()
      try container.encode(start)
      try container.encode(count)
    }
  }

  /// Thin rows of some slices, by the rules that need them; nil where no rule does. All of them are in one file.
  struct ThinFile: Codable, Sendable {
    var first: UInt16
    var last: UInt16
    var file = EvaluationFile(bytes: 0, digest: "")
    /// Of each `PersonGroup`, and of rules with facts, only what their sieves read: whether a row is a hit.
    var persons: [Piece] = []
    var personRows = 0
    var facts: Piece?
    var factRows = 0
    /// Of rules whose facts are kept: the rows in scope, with what is asked of facts.
    var open: Piece?
    var everything: Piece?
  }

  /// What one run wrote, and the cells of older batches whose rows it took over: in earlier generations they are dead.
  struct Generation: Codable, Sendable {
    var units: [ThinFile]
    var touched: [UInt32]
  }

  var binding: String
  /// By table, those that `EarlierRegistries` can compare.
  var registries: [String: EarlierRegistries.Version]
  /// Some psn_no is written with lower-case letters: whose rows of a registry are meant, its slice does not tell.
  var hasLowerCasePersons: Bool
  /// Of the live segments.
  var segments: String
  var figures: StoreFigures
  /// Of rules whose hits keep to linked rows, and of the other rules of reach `person`: over the whole store.
  var linked: AuditPart
  var persons: AuditPart
  /// Of rules whose facts are kept: counts but for what only facts tell, and the facts.
  var open: AuditPart
  var facts: EvaluationFile?
  /// Of the findings in these two.
  var homes: [String: [UInt16]]
  /// Slices that share a key.
  var straddling: [UInt16]
  /// Batch ids without revision, in the order in which they came; their places are the upper half of a cell.
  var batches: [String]
  /// Of each batch the first and the last day of its fee lines and settlements; nil: it has none.
  var days: [ClosedRange<Int64>?]
  /// Of each batch the keys of its rows.
  var keys: [EvaluationFile]
  var generations: [Generation]
  /// Slices that runs have read for findings and packets, and all their rows.
  var keptSlices: [UInt16] = []
  var kept: [EvaluationFile] = []

  var files: [EvaluationFile] {
    keys + kept + generations.flatMap { $0.units.map(\.file) } + (facts.map { [$0] } ?? [])
      + registries.values.map(\.image)
  }

  /// Whether these live segments are those of the state and more of one batch that it does not know.
  func isContinued(by live: [LiveSegment], batch: String) -> Bool {
    let old = live.filter { $0.batch != batch }
    return !batches.contains(batch) && old.count < live.count && Set(live.map(\.record.number)).count == live.count
      && Self.digest(of: old) == segments
  }
}

/// Cells of older batches that a later generation has taken over.
struct DeadCells {
  /// The last generation that took a cell over.
  private var takenBy: [UInt32: Int] = [:]
  private var isTouched: [Bool]

  init(_ generations: [LookBackState.Generation]) {
    isTouched = [Bool](repeating: false, count: PersonSlice.count)
    for (number, generation) in generations.enumerated() {
      for cell in generation.touched {
        takenBy[cell] = number
        isTouched[Int(cell & 0xFFFF)] = true
      }
    }
  }

  /// Rows of the cell in a generation's files still stand for it.
  func areLive(_ cell: UInt32, in generation: Int) -> Bool {
    !isTouched[Int(cell & 0xFFFF)] || (takenBy[cell] ?? -1) <= generation
  }
}
