import ClaimModel
import Intake

/// One pass over the rows of one member: the hot loop of normalisation.
final class MemberPass {
  /// What is looked at in a column that holds more than free text.
  private struct Check {
    var column: Int
    /// Field of the record; -1 if the file lacks the column.
    var field: Int
    var kind: ValueKind
    var rejectsRow: Bool
    var required: Bool
    var isKey: Bool
    /// Index into the sums; -1 for other kinds.
    var sum: Int
    /// A value above it is bad.
    var greatest: Int64
  }

  private struct Problem: Hashable {
    var column: Int
    var code: ValueCode
    var isNulled: Bool
  }

  private let file: String
  private let member: String?
  private let table: ClaimTable
  private let checks: [Check]
  /// Field of each national column, -1 if missing, then the fields of unknown columns.
  private let fieldOfBlob: [Int]
  private let columnCount: Int
  private let fixmedinsField: Int
  private let psnField: Int
  private let certField: Int
  private var codeColumns: [CodeColumn]

  private var accepted = 0
  private var rejected = 0
  private var rejects: [Reject] = []
  private var counts: [Problem: Int] = [:]
  private var sums: [(accepted: Int128, rejected: Int128)]
  private let institutions = CodeTable()
  private var institutionRows: [Int] = [0]
  /// `[institution * columnCount + column]`.
  private var filled: [Int]
  private(set) var identities = IdentityIndex()

  init(file: String, member: String?, layout: FileLayout, latestSettlementTime: Int64?) {
    self.file = file
    self.member = member
    table = layout.table
    let columns = layout.table.columns
    columnCount = columns.count
    var fields = [Int](repeating: -1, count: columns.count)
    var unknown: [Int] = []
    for (field, column) in layout.columnOfField.enumerated() {
      if let column {
        fields[column] = field
      } else if layout.header.indices.contains(field), layout.header[field].lowercased() == "rn" {
        // The row number of the extract is no value of the row: it changes with every export.
        continue
      } else {
        unknown.append(field)
      }
    }
    fieldOfBlob = fields + unknown
    let field: (String) -> Int = { name in layout.table.index(of: name).map { fields[$0] } ?? -1 }
    fixmedinsField = field("fixmedins_code")
    psnField = field("psn_no")
    certField = field("certno")
    var sumCount = 0
    var checks: [Check] = []
    for (i, column) in columns.enumerated() where column.kind != .text || column.required {
      var sum = -1
      if column.kind == .money {
        sum = sumCount
        sumCount += 1
      }
      if fields[i] < 0, !column.required { continue }
      let isSettlementTime = layout.table == .settlements && column.name == "setl_time"
      checks.append(
        Check(
          column: i, field: fields[i], kind: column.kind, rejectsRow: column.rejectsRow, required: column.required,
          isKey: layout.table.key.contains(column.name), sum: sum,
          greatest: isSettlementTime ? latestSettlementTime ?? Int64.max : Int64.max))
    }
    self.checks = checks
    sums = Array(repeating: (0, 0), count: sumCount)
    filled = [Int](repeating: 0, count: columns.count)
    codeColumns = columns.indices.compactMap { i in
      fields[i] >= 0 && CodeLists.values[columns[i].name] != nil
        ? CodeColumn(name: columns[i].name, field: fields[i]) : nil
    }
  }

  func consume(
    _ block: borrowing RecordBlock, into blob: inout BlobBuffer,
    accept: (Int32, Int64, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let width = block.fieldCount
    var amounts = [Int64](repeating: 0, count: sums.count)
    var nulled: [(column: Int, code: ValueCode)] = []
    for record in 0..<block.recordCount {
      let base = record * width
      var rejection: (column: Int, code: ValueCode)?
      nulled.removeAll(keepingCapacity: true)
      for i in amounts.indices { amounts[i] = 0 }
      for check in checks {
        let length = check.field < 0 ? 0 : Int(block.fieldLengths[base + check.field])
        if length == 0 {
          if check.required, rejection == nil {
            rejection = (check.column, check.isKey ? .missingKey : .missingValue)
          }
          continue
        }
        if check.kind == .text { continue }
        let start = Int(block.fieldStarts[base + check.field])
        let text = UnsafeRawBufferPointer(rebasing: block.bytes[start..<start + length])
        if let value = check.kind.parse(text), value <= check.greatest {
          if check.sum >= 0 { amounts[check.sum] = value }
        } else if check.rejectsRow {
          if rejection == nil { rejection = (check.column, .bad(check.kind)) }
        } else {
          nulled.append((check.column, .bad(check.kind)))
        }
      }
      if let rejection {
        rejected += 1
        for i in amounts.indices { sums[i].rejected += Int128(amounts[i]) }
        note(
          rejection.column, rejection.code, .rejected, line: block.lines[record], offset: block.byteOffsets[record])
        continue
      }
      for i in amounts.indices where amounts[i] != 0 { sums[i].accepted += Int128(amounts[i]) }
      for null in nulled {
        note(null.column, null.code, .nulled, line: block.lines[record], offset: block.byteOffsets[record])
      }
      accepted += 1
      profile(block, record: record)
      for null in nulled { filled[lastInstitution * columnCount + null.column] -= 1 }
      try blob.fill(block, record: record, fields: fieldOfBlob) { bytes in
        try accept(block.lines[record], block.byteOffsets[record], bytes)
      }
    }
  }

  private var lastInstitution = 0

  private func profile(_ block: borrowing RecordBlock, record: Int) {
    let base = record * block.fieldCount
    var institution = 0
    if fixmedinsField >= 0 {
      institution = Int(institutions.intern(block.field(record, fixmedinsField)))
      if institution == institutionRows.count {
        institutionRows.append(0)
        filled.append(contentsOf: repeatElement(0, count: columnCount))
      }
    }
    lastInstitution = institution
    institutionRows[institution] += 1
    let start = institution * columnCount
    for column in 0..<columnCount {
      let field = fieldOfBlob[column]
      if field >= 0, block.fieldLengths[base + field] > 0 { filled[start + column] += 1 }
    }
    for i in codeColumns.indices {
      let field = codeColumns[i].field
      if block.fieldLengths[base + field] > 0 { codeColumns[i].count(block.field(record, field)) }
    }
    if psnField >= 0, certField >= 0 {
      identities.insert(person: block.field(record, psnField), certificate: block.field(record, certField))
    }
  }

  private func note(_ column: Int, _ code: ValueCode, _ action: Reject.Action, line: Int32, offset: Int64) {
    let problem = Problem(column: column, code: code, isNulled: action == .nulled)
    let seen = counts[problem, default: 0]
    counts[problem] = seen + 1
    if action == .nulled, seen >= FileNormalizer.listedNulls { return }
    let name = table.columns[column].name
    rejects.append(
      Reject(
        file: file, table: table.name, line: Int(line), byteOffset: Int(offset), column: name, code: code.text,
        reason: code.reason(column: name), action: action))
  }

  func report() -> NormalizedMember {
    var result = NormalizedMember(file: file, member: member, table: table)
    let columns = table.columns
    result.accepted = accepted
    result.rejected = rejected
    result.rejects = rejects
    for (problem, count) in counts {
      let key = ValueProblem(
        column: columns[problem.column].name, code: problem.code.text,
        action: problem.isNulled ? .nulled : .rejected)
      result.counts[key, default: 0] += count
    }
    let money = columns.filter { $0.kind == .money }
    result.sums = zip(money, sums).map { column, sum in
      AmountSum(
        column: column.name, acceptedFen: Int64(exactly: sum.accepted), rejectedFen: Int64(exactly: sum.rejected))
    }
    result.profile.rows = accepted
    for (institution, rows) in institutionRows.enumerated() where rows > 0 {
      let figures = Array(filled[institution * columnCount..<(institution + 1) * columnCount])
      for i in figures.indices { result.profile.filled[i] += figures[i] }
      result.profile.institutions.append(
        InstitutionProfile(institution: institutions.text(UInt32(institution)), rows: rows, filled: figures))
    }
    result.profile.institutions.sort { $0.institution.utf8.lexicographicallyPrecedes($1.institution.utf8) }
    result.profile.unknownCodes = codeColumns.flatMap { $0.unknown() }.sorted()
    result.profile.identity = identities.duplicates
    return result
  }
}

/// Why a value was not taken.
enum ValueCode: Hashable {
  case badAmount, badQuantity, badNumber, badDate, missingKey, missingValue

  /// The code of a value that does not parse as its kind.
  static func bad(_ kind: ValueKind) -> ValueCode {
    switch kind {
    case .money: .badAmount
    case .quantity: .badQuantity
    case .day, .time: .badDate
    case .price, .ratio, .integer, .text: .badNumber
    }
  }

  var text: String {
    switch self {
    case .badAmount: "bad-amount"
    case .badQuantity: "bad-quantity"
    case .badNumber: "bad-number"
    case .badDate: "bad-date"
    case .missingKey: "missing-key"
    case .missingValue: "missing-value"
    }
  }

  func reason(column: String) -> String {
    switch self {
    case .badAmount: "\(column) is not an amount of at most two decimals"
    case .badQuantity: "\(column) is not a quantity of at most four decimals"
    case .badNumber: "\(column) is not a number of its form"
    case .badDate: "\(column) is not a date or time that exists, or lies in the future"
    case .missingKey: "\(column) is empty and names the row"
    case .missingValue: "\(column) is empty and must not be"
    }
  }
}
