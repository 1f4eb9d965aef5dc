import ClaimModel

/// What a knowledge point limits; about nine shapes cover the national library.
public enum KnowledgeShape: Sendable, Hashable {
  /// The code is payable only for these values of one attribute. Values are words of ours, ascending in byte order.
  case allowed(KnowledgeAttribute, values: [String])
  /// The code is for persons of an age; `group` is the published word (儿童), the bounds are null where it has no number.
  case age(group: String, minimum: Int?, maximum: Int?, unit: AgeUnit?)
  /// At most `limit` of `unit` in a window.
  case ceiling(limit: Int, unit: CeilingUnit, window: KnowledgeWindow)
  /// The code and `other` exclude each other within a window.
  case exclusion(other: String, window: KnowledgeWindow)
  /// The code needs one of these codes beside it.
  case requires([String])
  /// The code is the package of these components.
  case package([String])
  /// The code is payable only with a diagnosis that begins with one of these.
  case diagnoses([String])
  /// A diagnosis or operation fits only persons of a sex or age.
  case patient(sex: String?, minimum: Int?, maximum: Int?, unit: AgeUnit?)
  /// The code belongs to a group within which all but the first are charged at a part of the price; null = set locally.
  case replacement(group: String, percent: Int?)

  /// Name of the shape in the store.
  public var name: String {
    switch self {
    case .allowed: "allowed"
    case .age: "age"
    case .ceiling: "ceiling"
    case .exclusion: "exclusion"
    case .requires: "requires"
    case .package: "package"
    case .diagnoses: "diagnoses"
    case .patient: "patient"
    case .replacement: "replacement"
    }
  }

  /// Names of all shapes, in the order of Documentation/knowledge.md.
  public static let names = [
    "allowed", "age", "ceiling", "exclusion", "requires", "package", "diagnoses", "patient", "replacement",
  ]
}

/// What an `allowed` point restricts.
public enum KnowledgeAttribute: String, Sendable, CaseIterable {
  case sex, insutype, visit
  case level = "hosp_lv"
  case department
}

/// Unit of an age bound.
public enum AgeUnit: String, Sendable, CaseIterable { case day, month, year }

/// What a ceiling counts.
public enum CeilingUnit: String, Sendable, CaseIterable {
  /// Number of charges (`cnt`).
  case times
  /// Hours charged.
  case hours
  /// Days on which it is charged.
  case days
  /// Fen of the fund.
  case fen
}

/// The stretch of time over which a point counts.
public struct KnowledgeWindow: Sendable, Hashable {
  public enum Unit: String, Sendable, CaseIterable {
    /// Rolling hours.
    case hour
    /// Calendar days; 1 day is one calendar day.
    case day
    case month, year
    /// One visit (mdtrt_id).
    case visit
    /// One course of treatment; the text says which.
    case course
  }
  public var length: Int
  public var unit: Unit
  public init(_ length: Int, _ unit: Unit) {
    self.length = length
    self.unit = unit
  }
}

/// A rule class of the national library.
public struct KnowledgeClass: Sendable, Hashable {
  /// Our short name, part of kp_id.
  public var id: String
  /// Official code; nil where the framework of 2023 has no such class.
  public var gzCode: String?
  /// Official name.
  public var name: String
  public var subject: Subject
  public var shape: String

  public enum Subject: String, Sendable { case drug, item, diagnosis }

  init(_ id: String, _ gz: Int?, _ name: String, _ subject: Subject, _ shape: String) {
    self.id = id
    gzCode = gz.map { "GZ10000\($0)" }
    self.name = name
    self.subject = subject
    self.shape = shape
  }

  /// Classes that points may be of. Names and codes: the framework's lists of 2023 and 2025.
  public static let all: [KnowledgeClass] = [
    KnowledgeClass("drug_injury", 101001, "药品限工伤保险", .drug, "allowed"),
    KnowledgeClass("drug_maternity", 101002, "药品限生育保险", .drug, "allowed"),
    KnowledgeClass("drug_second_line", 101005, "药品限二线使用", .drug, "requires"),
    KnowledgeClass("drug_newborn", 101006, "药品限新生儿使用", .drug, "age"),
    KnowledgeClass("drug_paid_child", 101007, "药品限儿童使用", .drug, "age"),
    KnowledgeClass("drug_diagnosis", 101008, "药品限适应症", .drug, "diagnoses"),
    KnowledgeClass("drug_course", 101010, "药品限支付疗程", .drug, "ceiling"),
    KnowledgeClass("drug_level", 101012, "药品限医疗机构级别", .drug, "allowed"),
    KnowledgeClass("drug_visit", nil, "药品限就医方式", .drug, "allowed"),
    KnowledgeClass("surgery_discount", 102002, "手术项目未按规定折价收费", .item, "replacement"),
    KnowledgeClass("item_department", 102008, "医疗服务项目限科室使用", .item, "allowed"),
    KnowledgeClass("item_course", 102010, "医疗服务项目限支付疗程", .item, "ceiling"),
    KnowledgeClass("item_duplicate", 102012, "医疗服务项目重复收费", .item, "exclusion"),
    KnowledgeClass("item_package", 102013, "医疗服务项目分解收费", .item, "package"),
    KnowledgeClass("item_frequency", 102014, "医疗服务项目限定频次", .item, "ceiling"),
    KnowledgeClass("item_interval", nil, "医疗服务项目周期超频次", .item, "ceiling"),
    KnowledgeClass("item_age", nil, "医疗服务项目限年龄", .item, "age"),
    KnowledgeClass("operation_sex", 201005, "手术操作编码与性别不符", .diagnosis, "patient"),
    KnowledgeClass("diagnosis_sex", 204006, "诊断与性别不符", .diagnosis, "patient"),
    KnowledgeClass("diagnosis_age", 204007, "诊断与年龄不符", .diagnosis, "patient"),
    KnowledgeClass("drug_item_link", 301001, "药品与医疗服务项目不符", .drug, "requires"),
    KnowledgeClass("drug_child", 301002, "药品儿童专用", .drug, "age"),
    KnowledgeClass("drug_sex", 301004, "药品区分性别使用", .drug, "allowed"),
    KnowledgeClass("drug_interaction", 301011, "药品相互作用", .drug, "exclusion"),
    KnowledgeClass("item_child", 302003, "医疗服务项目儿童专用", .item, "age"),
    KnowledgeClass("item_sex", 302004, "医疗服务项目区分性别使用", .item, "allowed"),
  ]

  /// nil if there is no class of this id.
  public static func named(_ id: String) -> KnowledgeClass? { all.first { $0.id == id } }
}

/// One knowledge point: one code (or pair of codes) and what is said of it.
public struct KnowledgePoint: Sendable, Hashable {
  /// `batch-class-number`, the number being the row's place under the header of its sheet.
  public var id: String
  public var classID: String
  public var batch: String
  /// Day of publication.
  public var published: Int64
  /// First and last day on which it holds as published; a null end is open.
  public var begin: Int64
  public var end: Int64?
  public var code: String
  /// Published name of the drug or item.
  public var name: String?
  public var otherName: String?
  public var shape: KnowledgeShape
  /// The official wording, trimmed, else as it came.
  public var text: String?
  /// Where a hand-typed point stands; null for those of a published workbook.
  public var basis: String?
  /// SHA-256 of the file, the sheet's name and the 1-based row of the code; the row that has the text where it is
  /// another one.
  public var digest: String
  public var sheet: String
  public var row: Int
  public var textRow: Int?

  /// What a later batch replaces: class, code and, where a code has several points, what tells them apart.
  public var subjectKey: String {
    switch shape {
    case .exclusion(let other, _): "\(classID)|\(code)|\(other)"
    case .replacement(let group, _): "\(classID)|\(code)|\(group)"
    default: "\(classID)|\(code)"
    }
  }
}

/// Batch labels by their leading number, then by bytes: 2 before 10.
func batchPrecedes(_ a: String, _ b: String) -> Bool {
  func number(_ text: String) -> Int { Int(String(text.prefix { $0.isASCII && $0.isNumber })) ?? Int.max }
  let (x, y) = (number(a), number(b))
  return x == y ? bytesPrecede(a, b) : x < y
}

extension KnowledgePoint {
  /// Publication, batch, class, number: `a` was said before `b`.
  static func isEarlier(_ a: KnowledgePoint, _ b: KnowledgePoint) -> Bool {
    if a.published != b.published { return a.published < b.published }
    if a.batch != b.batch { return batchPrecedes(a.batch, b.batch) }
    return bytesPrecede(a.id, b.id)
  }
}

/// Points with the last day on which each holds, given everything that was published later.
///
/// A later batch that speaks of the same subject (`subjectKey`) ends the earlier point on the eve of its own first day.
/// A point that is over before it began never held and is left out. Order: `isEarlier`.
public func effectivePoints(_ points: [KnowledgePoint]) -> [KnowledgePoint] {
  var bySubject: [String: [Int]] = [:]
  let sorted = points.sorted(by: KnowledgePoint.isEarlier)
  for (i, point) in sorted.enumerated() { bySubject[point.subjectKey, default: []].append(i) }
  var ends = sorted.map(\.end)
  for rows in bySubject.values where rows.count > 1 {
    for (place, i) in rows.enumerated() {
      for j in rows[(place + 1)...] where sorted[j].batch != sorted[i].batch {
        ends[i] = min(ends[i] ?? Int64.max, sorted[j].begin - 1)
      }
    }
  }
  return sorted.indices.compactMap { i in
    var point = sorted[i]
    point.end = ends[i]
    return (point.end ?? Int64.max) < point.begin ? nil : point
  }
}

/// A row that was not taken.
public struct KnowledgeReject: Sendable, Hashable {
  public var batch: String
  public var file: String
  public var digest: String
  public var sheet: String
  /// 1-based row of the sheet; the line of a CSV file.
  public var row: Int
  /// Header of the column, where one is to blame.
  public var column: String?
  /// Listed in Documentation/diagnostics.md.
  public var code: String
  public var reason: String
}
