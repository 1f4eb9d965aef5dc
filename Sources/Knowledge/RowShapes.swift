import ClaimModel

/// Why a row is not taken.
struct RowProblem: Error {
  var code: String
  var field: KnowledgeField?
  var reason: String

  init(_ code: String, _ field: KnowledgeField?, _ reason: String) {
    self.code = code
    self.field = field
    self.reason = reason
  }
}

/// Class and shape of a published type and value: 限定机构等级 + 二级 → drug_level, hosp_lv 2.
func publishedLimit(type: String, value: String, isDrug: Bool) throws(RowProblem) -> (String, KnowledgeShape) {
  let word = compact(value)
  func unknown() -> RowProblem {
    RowProblem("unknown-value", .value, "no value that the type \(compact(type)) has")
  }
  switch (compact(type), isDrug) {
  case ("限定性别对象", _):
    let sexes = ["男": "male", "男性": "male", "女": "female", "女性": "female"]
    guard let sex = sexes[word] else { throw unknown() }
    return (isDrug ? "drug_sex" : "item_sex", .allowed(.sex, values: [sex]))
  case ("限定年龄对象", _):
    let classID = isDrug ? "drug_child" : "item_child"
    switch word {
    // Newborn is up to 28 days by definition; the other words get their bounds from the jurisdiction.
    case "新生儿": return (classID, .age(group: word, minimum: nil, maximum: 28, unit: .day))
    case "儿童", "婴幼儿", "婴儿": return (classID, .age(group: word, minimum: nil, maximum: nil, unit: nil))
    default: throw unknown()
    }
  case ("限定主次操作", false):
    return ("surgery_discount", .replacement(group: word, percent: nil))
  case ("限定保险类型", true):
    switch word {
    case "工伤", "工伤保险": return ("drug_injury", .allowed(.insutype, values: ["work_injury"]))
    case "生育", "生育保险": return ("drug_maternity", .allowed(.insutype, values: ["maternity"]))
    default: throw unknown()
    }
  case ("限定机构等级", true), ("限定机构级别", true):
    let levels = ["一级": "1", "二级": "2", "三级": "3"]
    let plain = word.hasSuffix("及以上") ? String(word.dropLast(3)) : word
    guard let level = levels[plain] else { throw unknown() }
    return ("drug_level", .allowed(.level, values: [level]))
  case ("限定就医方式", true):
    let classes = ["住院": "inpatient", "门诊": "outpatient", "急诊": "emergency", "药店": "pharmacy"]
    var values: Set<String> = []
    for part in word.split(whereSeparator: { "、,/;或和".contains($0) }) {
      guard let visit = classes[String(part)] else { throw unknown() }
      values.insert(visit)
    }
    if values.isEmpty { throw unknown() }
    return ("drug_visit", .allowed(.visit, values: values.sorted(by: bytesPrecede)))
  case ("限定支付疗程", true):
    guard word.hasSuffix("天"), let days = wholeNumber(String(word.dropLast())), days > 0 else {
      throw RowProblem("bad-number", .value, "not a number of days (14天)")
    }
    return ("drug_course", .ceiling(limit: days, unit: .days, window: KnowledgeWindow(1, .course)))
  default:
    throw RowProblem("unknown-type", .type, "no known type of limit for a \(isDrug ? "drug" : "service item")")
  }
}

/// 单日, 单次就诊, 6小时, 同一小时.
func publishedWindow(_ text: String) throws(RowProblem) -> KnowledgeWindow {
  let word = compact(text)
  switch word {
  case "单日", "同日", "每日": return KnowledgeWindow(1, .day)
  case "单次就诊", "同次就诊": return KnowledgeWindow(1, .visit)
  case "同一小时": return KnowledgeWindow(1, .hour)
  default:
    if word.hasSuffix("小时"), let hours = wholeNumber(String(word.dropLast(2))), hours > 0 {
      return KnowledgeWindow(hours, .hour)
    }
    if word.hasSuffix("天") || word.hasSuffix("日"), let days = wholeNumber(String(word.dropLast())), days > 0 {
      return KnowledgeWindow(days, .day)
    }
    throw RowProblem("unknown-window", .frequency, "no known stretch of time")
  }
}

/// Class and shape of a limit that is said in words only. `title` is the sheet's name with what stands above the
/// header.
func limitInWords(_ remark: String, title: String) throws(RowProblem) -> (String, KnowledgeShape) {
  let text = compact(remark)
  let isAge = title.contains("限年龄") || (!title.contains("限支付疗程") && text.contains("年龄"))
  if isAge {
    guard text.contains("法定就业年龄") else {
      throw RowProblem("unknown-value", .remark, "no age that is understood")
    }
    return ("item_age", .age(group: "法定就业年龄", minimum: nil, maximum: nil, unit: nil))
  }
  // 间隔 is the interval list's business; the course is what may not be exceeded.
  for part in text.split(whereSeparator: { ",，。;；".contains($0) }) where part.contains("不超过") {
    let words = String(part)
    if let days = numbers(before: "天", in: words).first, days > 0 {
      return ("item_course", .ceiling(limit: days, unit: .days, window: KnowledgeWindow(1, .course)))
    }
    if words.contains("不超过一年") {
      return ("item_course", .ceiling(limit: 365, unit: .days, window: KnowledgeWindow(1, .course)))
    }
  }
  throw RowProblem("bad-number", .remark, "no number of days that may not be exceeded")
}

/// A code as the subject's codes are built; upper case. `allowsGeneric`: the first ten characters of a drug code, which
/// name class and generic, will do.
func checkedCode(
  _ cell: Sheet.Cell?, _ field: KnowledgeField, _ subject: KnowledgeClass.Subject, allowsGeneric: Bool = false
) throws(RowProblem) -> String {
  guard let cell else { throw RowProblem("blank-code", field, "the code is blank") }
  let code = uppercased(folded(cell.text))
  let bytes = Array(code.utf8)
  let isPlain = bytes.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x41 && $0 <= 0x5A }
  switch subject {
  case .item:
    if cell.isNumber {
      throw RowProblem("bad-code", field, "the code is stored as a number and has lost its leading zeros")
    }
    if bytes.count != 15 {
      throw RowProblem("bad-code", field, "an item's code has 15 characters, this has \(bytes.count)")
    }
  case .drug:
    let lengths = allowsGeneric ? [10, 20, 23] : [20, 23]
    if !lengths.contains(bytes.count) {
      throw RowProblem("bad-code", field, "a drug's code has 20 or 23 characters, this has \(bytes.count)")
    }
    if bytes[0] != 0x58, bytes[0] != 0x5A { throw RowProblem("bad-code", field, "a drug's code begins with X or Z") }
  case .diagnosis:
    if bytes.isEmpty || bytes.count > 20 { throw RowProblem("bad-code", field, "the code has no length of a code") }
    let isICD = bytes.allSatisfy {
      $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x41 && $0 <= 0x5A || [0x2E, 0x2B, 0x2A].contains($0)
    }
    if !isICD { throw RowProblem("bad-code", field, "the code holds a character that no code has") }
    return code
  }
  if !isPlain { throw RowProblem("bad-code", field, "the code holds other characters than digits and letters") }
  return code
}

/// Shape of a row of our own CSV, which is also the store's form: the class says which shape it is.
func shape(
  of known: KnowledgeClass, values: [String], minimum: Int?, maximum: Int?, unit: String?, window: Int?,
  windowUnit: String?, otherCode: String?
) throws(RowProblem) -> KnowledgeShape {
  func need<Value>(_ value: Value?, _ field: KnowledgeField, _ what: String) throws(RowProblem) -> Value {
    guard let value else { throw RowProblem("missing-part", field, "a point of shape \(known.shape) needs \(what)") }
    return value
  }
  func stretch() throws(RowProblem) -> KnowledgeWindow {
    let unit = try need(windowUnit.flatMap(KnowledgeWindow.Unit.init(rawValue:)), .windowUnit, "a window_unit")
    let length = try need(window, .window, "a window")
    if length < 1 { throw RowProblem("bad-number", .window, "a window is at least 1") }
    return KnowledgeWindow(length, unit)
  }
  let ageUnit = unit.flatMap(AgeUnit.init(rawValue:))
  if let minimum, let maximum, minimum > maximum {
    throw RowProblem("bad-number", .minimum, "the minimum lies above the maximum")
  }
  switch known.shape {
  case "allowed":
    let attribute: KnowledgeAttribute =
      switch known.id {
      case "drug_sex", "item_sex": .sex
      case "drug_level": .level
      case "drug_visit": .visit
      case "item_department": .department
      default: .insutype
      }
    let possible: [KnowledgeAttribute: [String]] = [
      .sex: ["male", "female"], .level: ["1", "2", "3"], .insutype: ["work_injury", "maternity"],
      .visit: ["inpatient", "outpatient", "emergency", "pharmacy"],
    ]
    if values.isEmpty { throw RowProblem("missing-part", .values, "a point of shape allowed needs values") }
    if let known = possible[attribute], !values.allSatisfy(known.contains) {
      throw RowProblem("unknown-value", .values, "\(attribute.rawValue) is one of \(known.joined(separator: ", "))")
    }
    return .allowed(attribute, values: Set(values).sorted(by: bytesPrecede))
  case "age":
    if minimum != nil || maximum != nil { _ = try need(ageUnit, .unit, "day, month or year as unit") }
    return .age(
      group: try need(values.first, .values, "the group in values"), minimum: minimum, maximum: maximum, unit: ageUnit)
  case "ceiling":
    let unit = try need(unit.flatMap(CeilingUnit.init(rawValue:)), .unit, "times, hours, days or fen as unit")
    return .ceiling(limit: try need(maximum, .maximum, "a maximum"), unit: unit, window: try stretch())
  case "exclusion":
    return .exclusion(other: try need(otherCode, .otherCode, "an other_code"), window: try stretch())
  case "requires": return .requires(try need(values.isEmpty ? nil : values, .values, "values"))
  case "package": return .package(try need(values.isEmpty ? nil : values, .values, "values"))
  case "diagnoses": return .diagnoses(try need(values.isEmpty ? nil : values, .values, "values"))
  case "patient":
    if let sex = values.first, !["male", "female"].contains(sex) {
      throw RowProblem("unknown-value", .values, "sex is male or female")
    }
    if values.isEmpty, minimum == nil, maximum == nil {
      throw RowProblem("missing-part", .values, "a point of shape patient needs a sex or an age")
    }
    return .patient(sex: values.first, minimum: minimum, maximum: maximum, unit: ageUnit)
  default:
    return .replacement(group: try need(values.first, .values, "the group in values"), percent: maximum)
  }
}

/// The parts of a shape as the store writes them.
struct ShapeParts {
  var values: [String] = []
  var minimum: Int?
  var maximum: Int?
  var unit: String?
  var window: Int?
  var windowUnit: String?
  var otherCode: String?

  init(_ shape: KnowledgeShape) {
    func put(_ stretch: KnowledgeWindow) {
      window = stretch.length
      windowUnit = stretch.unit.rawValue
    }
    switch shape {
    case .allowed(_, let values): self.values = values
    case .age(let group, let minimum, let maximum, let unit):
      values = [group]
      self.minimum = minimum
      self.maximum = maximum
      self.unit = unit?.rawValue
    case .ceiling(let limit, let unit, let window):
      maximum = limit
      self.unit = unit.rawValue
      put(window)
    case .exclusion(let other, let window):
      otherCode = other
      put(window)
    case .requires(let codes), .package(let codes), .diagnoses(let codes): values = codes
    case .patient(let sex, let minimum, let maximum, let unit):
      values = sex.map { [$0] } ?? []
      self.minimum = minimum
      self.maximum = maximum
      self.unit = unit?.rawValue
    case .replacement(let group, let percent):
      values = [group]
      maximum = percent
    }
  }
}
