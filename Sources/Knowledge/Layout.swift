import ClaimModel
import Diagnostics

/// What a column of a knowledge table holds, whatever its caption.
enum KnowledgeField: String, CaseIterable {
  case drugName, itemName, code, text, remark, type, value
  case frequency, mainName, mainCode, otherName, otherCode
  case limit, limitUnit, times, period
  case batch, published, begin, end
  // Of our own CSV.
  case classID, name, values, minimum, maximum, unit, window, windowUnit, basis

  /// Captions under which the field was published, compared without blanks; the first is the one messages name.
  var captions: [String] {
    switch self {
    case .drugName: ["药品通用名", "通用名", "药品名称"]
    case .itemName: ["项目名称", "医疗服务项目名称"]
    case .code: ["国标代码", "药品代码", "项目编码", "项目代码", "国家编码", "医保编码", "code"]
    case .text: ["药品说明", "项目说明", "说明", "text"]
    case .remark: ["备注"]
    case .type: ["限定类型"]
    case .value: ["限定值域", "限定对象", "限定性别", "限定值"]
    case .frequency: ["频度"]
    case .mainName: ["主项名称", "项目A名称"]
    case .mainCode: ["主项编码", "项目A编码"]
    case .otherName: ["从项名称", "项目B名称", "other_name"]
    case .otherCode: ["从项编码", "项目B编码", "other_code"]
    case .limit: ["限制数量"]
    case .limitUnit: ["数量单位"]
    case .times: ["频次上限"]
    case .period: ["疗程周期"]
    case .batch: ["批次", "批次号", "batch_no"]
    case .published: ["发布日期", "公布日期", "publ_date"]
    case .begin: ["生效日期", "开始日期", "begndate"]
    case .end: ["失效日期", "结束日期", "enddate"]
    case .classID: ["class"]
    case .name: ["name"]
    case .values: ["values"]
    case .minimum: ["minimum"]
    case .maximum: ["maximum"]
    case .unit: ["unit"]
    case .window: ["window"]
    case .windowUnit: ["window_unit"]
    case .basis: ["basis"]
    }
  }

  static let byCaption: [String: KnowledgeField] = {
    var result: [String: KnowledgeField] = [:]
    for field in allCases { for caption in field.captions { result[compact(caption)] = field } }
    return result
  }()
}

/// A table as the administration publishes it, known by its captions.
enum KnowledgeLayout: String, CaseIterable {
  /// One row a pair of items that exclude each other.
  case pairs
  /// One row an item with its ceiling a day.
  case frequency
  /// One row an item with its ceiling in a number of days.
  case interval
  /// One row a code with type and value.
  case valued
  /// One row a drug by name; its codes lie in a `codes` table.
  case records
  /// One row a code of a drug that a `records` table describes.
  case codes
  /// One row an item whose limit is said in words.
  case remarks
  /// Our own CSV: any class and shape.
  case points

  var required: [KnowledgeField] {
    switch self {
    case .pairs: [.frequency, .mainName, .mainCode, .otherName, .otherCode]
    case .frequency: [.itemName, .limit, .limitUnit, .code]
    case .interval: [.itemName, .times, .period, .code]
    case .valued: [.type, .value, .code]
    case .records: [.drugName, .type, .value]
    case .codes: [.drugName, .code, .type]
    case .remarks: [.itemName, .remark, .code]
    case .points: [.classID, .code, .basis]
    }
  }

  /// What makes it another layout.
  private var forbidden: [KnowledgeField] {
    switch self {
    case .records: [.code]
    case .codes: [.value]
    case .remarks: [.type, .value, .limit, .times]
    default: []
    }
  }

  static func of(_ fields: Set<KnowledgeField>) -> KnowledgeLayout? {
    allCases.first { layout in
      layout.required.allSatisfy(fields.contains) && !layout.forbidden.contains(where: fields.contains)
        && (layout != .valued || fields.contains(.drugName) || fields.contains(.itemName))
    }
  }

  var captions: String { required.map { $0.captions[0] }.joined(separator: ", ") }
}

/// A sheet with its header found.
struct KnowledgeTable {
  var layout: KnowledgeLayout
  var sheet: Sheet
  /// Position of each field.
  var columns: [KnowledgeField: Int]
  /// Caption of each position, for messages.
  var captions: [Int: String]
  var headerRow: Int
  /// Rows that hold data.
  var body: [(number: Int, cells: [Int: Sheet.Cell])] = []
  /// Titles above the header, totals and notes: not rows, but read for batch and date.
  var notes: [String] = []

  subscript(_ row: [Int: Sheet.Cell], _ field: KnowledgeField) -> Sheet.Cell? {
    guard let column = columns[field], let cell = row[column], !isNothing(cell.text) else { return nil }
    return cell
  }

  func caption(_ field: KnowledgeField) -> String? { columns[field].flatMap { captions[$0] } }

  private static let noteWords = ["合计", "总计", "小计", "备注", "注", "说明", "附"]
  private static let headerSearch = 20

  /// nil for a sheet that holds no table at all: empty, or prose in single cells. Throws `knowledge.unknown-layout`.
  static func find(in sheet: Sheet, of book: Workbook) throws -> KnowledgeTable? {
    var nearest: (row: Int, fields: Set<KnowledgeField>)?
    for (place, (number, cells)) in sheet.rows.prefix(headerSearch).enumerated() {
      var columns: [KnowledgeField: Int] = [:]
      var captions: [Int: String] = [:]
      var twice: String?
      for (position, cell) in cells.sorted(by: { $0.key < $1.key }) {
        let caption = compact(cell.text)
        captions[position] = caption
        guard let field = KnowledgeField.byCaption[caption] else { continue }
        if columns[field] != nil { twice = caption }
        columns[field] = position
      }
      let fields = Set(columns.keys)
      if fields.count > (nearest?.fields.count ?? 0) { nearest = (number, fields) }
      guard let layout = KnowledgeLayout.of(fields) else { continue }
      if let twice {
        throw Diagnostic(
          .error, "knowledge.duplicate-column", "the header names \(twice) twice, or under two captions",
          at: Self.place(book, sheet, number), remedy: "keep one of the two columns")
      }
      var table = KnowledgeTable(
        layout: layout, sheet: sheet, columns: columns, captions: captions, headerRow: number)
      for (_, above) in sheet.rows[..<place] { table.notes += above.values.map(\.text).sorted(by: bytesPrecede) }
      table.readBody(after: place, header: cells)
      return table
    }
    if !sheet.rows.contains(where: { $0.cells.count > 1 }) { return nil }
    let has = nearest?.fields ?? []
    let missing = KnowledgeLayout.allCases
      .map { layout in (layout, layout.required.filter { !has.contains($0) }) }
      .filter { $0.1.count < $0.0.required.count }
      .min { $0.1.count < $1.1.count }
    var notes = [
      "Known layouts: " + KnowledgeLayout.allCases.map { "\($0.rawValue) (\($0.captions))" }.joined(separator: "; ")
        + "."
    ]
    if let missing {
      notes.insert(
        "Nearest is \(missing.0.rawValue), which lacks \(missing.1.map { $0.captions[0] }.joined(separator: ", ")).",
        at: 0)
    }
    throw Diagnostic(
      .error, "knowledge.unknown-layout",
      "the sheet \(sheet.name.isEmpty ? "" : sheet.name + " ")has no header of a known layout in its first 20 rows",
      at: Self.place(book, sheet, nearest?.row), notes: notes,
      remedy: "give the columns their published captions; see Documentation/knowledge.md")
  }

  private mutating func readBody(after place: Int, header: [Int: Sheet.Cell]) {
    let known = Set(columns.values)
    let first = known.min() ?? 0
    for (number, cells) in sheet.rows[(place + 1)...] {
      if let only = cells.first, cells.count == 1, only.key <= first || !known.contains(only.key),
        Self.noteWords.contains(where: { compact(only.value.text).hasPrefix($0) })
      {
        notes.append(only.value.text)
      } else if cells.mapValues({ compact($0.text) }) == header.mapValues({ compact($0.text) }) {
        // A header that is repeated on each printed page.
        continue
      } else if cells.values.contains(where: { !isNothing($0.text) }) {
        body.append((number, cells))
      }
    }
  }

  static func place(_ book: Workbook, _ sheet: Sheet, _ row: Int?) -> Place {
    Place(file: sheet.name.isEmpty ? book.path : "\(book.path)!\(sheet.name)", line: row)
  }
}
