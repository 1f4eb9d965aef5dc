import Audit
import ClaimModel
import ClaimStore

/// What a run leaves of the whole store for the next one: results that can be added to and taken from, and where the thin
/// rows and keys lie that it needs to do so. It holds for one list of live segments and one set of rules, registries and
/// settings (`binding`), and for nothing else.
struct LookBackState: Codable, Sendable {
  /// Another one is not read.
  static let format = "look-back 3"

  /// A live segment, with all that decides how its rows' versions are ordered.
  struct Segment: Codable, Hashable, Sendable {
    var number: Int32
    var batch: String
    var file: String
    var member: Int

    init(_ live: LiveSegment) {
      number = live.record.number
      batch = live.batch
      file = live.file
      member = live.record.key.member
    }
  }

  /// Thin rows of some slices, by the rules that need them; nil where no rule does. Of persons' rules and of those with
  /// facts only what their sieves read: whether a row is a hit.
  struct ThinFiles: Codable, Sendable {
    var first: UInt16
    var last: UInt16
    var persons: EvaluationFile?
    var facts: EvaluationFile?
    var everything: EvaluationFile?
    var personRows = 0
    var factRows = 0

    var all: [EvaluationFile] { [persons, facts, everything].compactMap { $0 } }
  }

  /// What one run wrote, and the cells of older batches whose rows it took over: in earlier generations they are dead.
  struct Generation: Codable, Sendable {
    var units: [ThinFiles]
    var touched: [UInt32]
  }

  var binding: String
  var segments: [Segment]
  var figures: StoreFigures
  /// Of rules whose hits keep to linked rows, and of the other rules of reach `person`: over the whole store.
  var linked: AuditPart
  var persons: AuditPart
  /// Of the findings in these two.
  var homes: [String: [UInt16]]
  /// Slices that share a key.
  var straddling: [UInt16]
  /// Batch ids without revision, in the order in which they came; their places are the upper half of a cell.
  var batches: [String]
  /// Of each batch the keys of its rows.
  var keys: [EvaluationFile]
  var generations: [Generation]

  var files: [EvaluationFile] { keys + generations.flatMap { $0.units.flatMap(\.all) } }

  /// Whether these live segments are those of the state and more of one batch that it does not know.
  func isContinued(by live: [LiveSegment], batch: String) -> Bool {
    let now = live.map(Segment.init)
    let new = now.filter { $0.batch == batch }
    return !batches.contains(batch) && now.filter { $0.batch != batch } == segments
      && Set(now.map(\.number)).count == now.count && !new.isEmpty
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
