import ClaimModel
import Normalize

/// What is kept of the rows of one table.
public struct RowPlan: Sendable {
  public let table: ClaimTable
  /// Carried columns as indices of `table.columns`, ascending.
  let columns: [Int]
  /// Whether byte offset, forms and other texts are kept, so that a row can be given back as delivered.
  public let keepsDelivered: Bool

  /// - Parameters:
  ///   - columns: national names, to which those that `effectiveClaims` reads are added; nil: all columns.
  ///   - keepsDelivered: also byte offset, `DeliveredText.forms` and `other`.
  public init(table: ClaimTable, columns: Set<String>?, keepsDelivered: Bool) {
    self.table = table
    self.keepsDelivered = keepsDelivered
    if let names = columns?.union(RowLoader.neededColumns(of: table)) {
      self.columns = table.columns.indices.filter { names.contains(table.columns[$0].name) }
    } else {
      self.columns = Array(table.columns.indices)
    }
  }
}

/// The columns that the records of one member have: those of the plan that its file has.
final class RecordShape: Sendable {
  struct Column: Hashable, Sendable {
    /// Index of `table.columns`.
    var index: Int
    var field: Int
    /// Index among the table's number columns; -1 for texts.
    var number: Int
  }

  let table: ClaimTable
  /// In the order of their fields.
  let numbers: [Column]
  let texts: [Column]
  let keepsDelivered: Bool
  /// Field of psn_no and of mdtrt_id, -1 if missing.
  let personField: Int
  let visitField: Int
  /// Number columns of the table: field (-1 if missing), for other texts in documented order.
  let numberFields: [Int]
  let unknownFields: [Int]
  let fieldCount: Int

  init(plan: RowPlan, fieldOfColumn: [Int], unknownFields: [Int], fieldCount: Int) {
    table = plan.table
    keepsDelivered = plan.keepsDelivered
    self.unknownFields = unknownFields
    self.fieldCount = fieldCount
    var numberOf = [Int](repeating: -1, count: table.columns.count)
    var numberFields: [Int] = []
    for (i, column) in table.columns.enumerated() where column.kind != .text {
      numberOf[i] = numberFields.count
      numberFields.append(fieldOfColumn[i])
    }
    self.numberFields = numberFields
    let present = plan.columns.filter { fieldOfColumn[$0] >= 0 }.map {
      Column(index: $0, field: fieldOfColumn[$0], number: numberOf[$0])
    }.sorted { $0.field < $1.field }
    numbers = present.filter { $0.number >= 0 }
    texts = present.filter { $0.number < 0 }
    personField = table.index(of: "psn_no").map { fieldOfColumn[$0] } ?? -1
    visitField = table.index(of: "mdtrt_id").map { fieldOfColumn[$0] } ?? -1
  }

  /// Texts of a record: the columns, then forms and other.
  var textCount: Int { texts.count + (keepsDelivered ? 2 : 0) }
  /// Things of a record that may be as in the record before.
  var itemCount: Int { numbers.count + textCount }
  /// 64-bit words with a bit for each item.
  var maskWords: Int { (itemCount + 63) / 64 }
}
