import Audit
import ClaimModel
import Diagnostics
import Registries
import RulePacks
import SQLLowering

/// Fills `evidence.sqlite`: claim rows, registry rows, context, findings. The same input gives the same `.dump`.
struct EvidenceWriter {
  let input: PacketInput
  let rules: [Rule]
  let findings: [FindingRecord]
  let rows: EvidenceRows

  /// Rows of each source that the packet holds, by index of the source.
  func write(to path: String) throws -> [Int: Int] {
    let database = try EvidenceDatabase(path, .create)
    try database.run("BEGIN")
    for table in EvidenceSchema.all { try database.run(table.createSQL) }
    var used: [Int: Int] = [:]
    for entity in EvidenceSchema.claimEntities { try writeClaims(entity, to: database, &used) }
    try writeRegistries(to: database)
    try writeContext(to: database)
    try writeFindings(to: database)
    let units = try database.prepare(EvidenceSchema.columnUnit.insertSQL)
    for row in EvidenceSchema.columnUnits {
      try units.insert([
        .text(row.table), .text(row.column), EvidenceValue(text: row.unit), EvidenceValue(text: row.caption),
      ])
    }
    for table in EvidenceSchema.all {
      for index in table.indexSQL { try database.run(index) }
    }
    try database.run("COMMIT")
    return used
  }

  /// In order of batch, file, line.
  private func writeClaims(_ entity: Entity, to database: EvidenceDatabase, _ used: inout [Int: Int]) throws {
    let table = entity.table
    let statement = try database.prepare(EvidenceSchema.table(of: entity).insertSQL)
    let bySegment = Dictionary(grouping: rows.raw[table] ?? [], by: \.segment)
    let segments = bySegment.keys.sorted { a, b in
      let x = input.sources[Int(a)]
      let y = input.sources[Int(b)]
      return x.batch == y.batch ? bytesPrecede(x.file, y.file) : bytesPrecede(x.batch, y.batch)
    }
    for segment in segments {
      let lines = (bySegment[segment] ?? []).map(\.line).sorted()
      let source = input.sources[Int(segment)]
      var written = 0
      try input.fetch(segment, lines) { line, byteOffset, fields in
        let blob = String(decoding: fields, as: UTF8.self)
        var values = ClaimRowText.typedValues(of: fields, table: table)
        values += [
          .text(source.batch + "/" + source.file), .integer(Int64(line)), .integer(byteOffset), .text(blob),
          .text(SHA256Hasher.hex(of: fields)),
        ]
        try statement.insert(values)
        written += 1
      }
      guard written == lines.count else {
        throw Diagnostic(
          .error, "packet.row-missing",
          "The store gave \(written) of \(lines.count) rows of \(table.name) that the packet needs",
          at: Place(file: source.batch + "/" + source.file),
          remedy: "Move the store folder away and run again; the batches are then read anew.")
      }
      used[Int(segment), default: 0] += written
    }
  }

  private func writeRegistries(to database: EvidenceDatabase) throws {
    var wanted = registryRowsLookedAt(
      rules: rules, claims: input.claims, registries: input.registries, rows: rows.effective)
    for (name, list) in registryRowsLookedAt(
      rules: rules, claims: input.census ?? input.claims, registries: input.registries,
      censusOf: input.facts(of: findings, rules: rules))
    {
      wanted[name, default: []] += list
    }
    // The categories of care decide what a visit is; the institution's own row stands on the cover.
    for name in ["med_type_b", "hosp_lv_rank"] {
      if let registry = input.registries[name] { wanted[name] = Array(0..<registry.count) }
    }
    if input.caseFile.subjectType == .institution, let row = institutionRow(input) {
      wanted["fixmedins_b", default: []].append(row)
    }
    if input.registries["med_type_b"] == nil { try writeShippedCategories(to: database) }
    for schema in RegistrySchema.all {
      guard let registry = input.registries[schema.name], let list = wanted[schema.name], !list.isEmpty else {
        continue
      }
      let statement = try database.prepare(EvidenceSchema.table(of: schema).insertSQL)
      for row in Set(list).sorted() {
        var values = schema.columns.map { column -> EvidenceValue in
          switch registry.columns[column.name] {
          case .text(let codes): EvidenceValue(text: input.claims.codes.text(codes[row]))
          case .number(let numbers): numbers[row] == ColumnData.null ? .null : .integer(numbers[row])
          case nil: .null
          }
        }
        values.append(.integer(registry.isAmbiguous[row] ? 1 : 0))
        values.append(.text(RegistryRowText.digest(of: values)))
        try statement.insert(values)
      }
    }
  }

  /// The set that holds where no med_type_b was delivered; from the first day of the calendar.
  private func writeShippedCategories(to database: EvidenceDatabase) throws {
    guard let schema = RegistrySchema.named("med_type_b") else { return }
    let statement = try database.prepare(EvidenceSchema.table(of: schema).insertSQL)
    for row in MedTypeRow.shipped {
      let known: [String: EvidenceValue] = [
        "med_type": .text(row.medType), "visit_class": .text(row.visitClass),
        "opsp_flag": .text(row.opspFlag), "reg_flag": .text(row.regFlag),
        "begndate": EvidenceValue(row.beginDay ?? CivilTime.day(year: 1, month: 1, day: 1)),
        "enddate": EvidenceValue(row.endDay), "basis": .text("shipped"),
      ]
      var values = schema.columns.map { known[$0.name] ?? .null }
      values.append(.integer(row.isAmbiguous ? 1 : 0))
      values.append(.text(RegistryRowText.digest(of: values)))
      try statement.insert(values)
    }
  }

  private func writeContext(to database: EvidenceDatabase) throws {
    let statement = try database.prepare(EvidenceSchema.context.insertSQL)
    func add(_ what: String, _ key: String, _ value: String, sql: String = "") throws {
      try statement.insert([
        .text(what), EvidenceValue(text: key), EvidenceValue(text: value), EvidenceValue(text: sql),
        .text(input.runID),
      ])
    }
    try add("case_id", "", input.caseFile.id)
    try add("subject_type", "", input.caseFile.subjectType.rawValue)
    try add("subject", "", input.caseFile.subject)
    try add("opened_in", "", input.caseFile.openedIn)
    try add("batch", "", input.batchLabel)
    try add("as_of", "", CivilTime.text(day: input.asOf))
    try add("tool_version", "", input.toolVersion)
    for code in input.excludedSetlTypes.sorted(by: bytesPrecede) { try add("excluded_setl_type", "", code) }
    for rule in rules {
      for parameter in rule.parameters {
        for value in parameter.values {
          let from = value.from.map { "@" + CivilTime.text(day: $0) } ?? ""
          try add("parameter", "\(rule.id).\(parameter.name)\(from)", String(value.value))
        }
      }
    }
    let facts = input.facts(of: findings, rules: rules)
    for rule in rules {
      for population in rule.populations {
        let own = facts.filter { $0.rule == rule.id && $0.population == population.name }
        if own.isEmpty { continue }
        let sql = try populationSQL(population, of: rule)
        for fact in own {
          try add("population", "\(rule.id).\(fact.population).\(fact.name)|\(fact.group)", fact.value, sql: sql)
        }
      }
      if let formed = rule.shape.formed, case .occupancy = formed.kind {
        let sql = try censusSQL(rule)
        for fact in facts where fact.rule == rule.id && fact.population == formed.name {
          try add("census", "\(rule.id)|\(fact.group)", fact.value, sql: sql)
        }
      }
    }
    for name in Set(rules.flatMap(\.needs)).sorted(by: bytesPrecede) {
      if let registry = input.registries[name] { try add("registry_sha256", name, registry.digest) }
    }
    for rule in rules { try add("rule_sha256", rule.id, rule.digest) }
    for reason in input.acceptedReasons { try add("accepted_incomplete", "", reason) }
  }

  private func writeFindings(to database: EvidenceDatabase) throws {
    let statement = try database.prepare(EvidenceSchema.finding.insertSQL)
    for record in findings {
      let finding = record.finding
      try statement.insert([
        .text(finding.rule), .text(finding.key), .text(finding.id), .text(finding.verdict.rawValue),
        .integer(finding.amountFen), .integer(finding.fundFen), .integer(record.countedFen),
      ])
    }
  }
}

/// The national columns of a claim row, from the text that its packet and its segment hold.
enum ClaimRowText {
  /// Texts as they are, numbers by `ValueKind.parse`; what is empty or can't be read is NULL.
  static func typedValues(of blob: UnsafeRawBufferPointer, table: ClaimTable) -> [EvidenceValue] {
    var ranges: [Range<Int>] = []
    FieldsBlob.split(blob, into: &ranges)
    return table.columns.enumerated().map { i, column in
      guard i < ranges.count, !ranges[i].isEmpty else { return .null }
      let text = FieldsBlob.unescape(UnsafeRawBufferPointer(rebasing: blob[ranges[i]]))
      if column.kind == .text { return .text(String(decoding: text, as: UTF8.self)) }
      return EvidenceValue(text.withUnsafeBytes { column.kind.parse($0) })
    }
  }

  static func typedValues(of blob: String, table: ClaimTable) -> [EvidenceValue] {
    var blob = blob
    return blob.withUTF8 { typedValues(of: UnsafeRawBufferPointer($0), table: table) }
  }
}

/// The digest of a registry row: SHA-256 over its values as written in the evidence database, joined by U+001F; NULL
/// is empty, numbers are decimal.
enum RegistryRowText {
  static func digest(of values: [EvidenceValue]) -> String {
    SHA256Hasher.hex(
      of: values.map { value in
        switch value {
        case .null, .foreign: ""
        case .integer(let n): String(n)
        case .text(let text): text
        }
      }.joined(separator: "\u{1F}"))
  }
}

/// The institution's row of fixmedins_b on the as-of date, else its last one.
func institutionRow(_ input: PacketInput) -> Int? {
  guard let registry = input.registries["fixmedins_b"],
    let code = input.claims.codes.find(input.caseFile.subject).map({ $0 })
  else { return nil }
  let codes = registry.columns["fixmedins_code"]?.codes ?? []
  let begins = registry.columns["begndate"]?.numbers ?? []
  let ends = registry.columns["enddate"]?.numbers ?? []
  let own = codes.indices.filter { codes[$0] == code }
  let valid = own.first {
    begins[$0] <= input.asOf && (ends.isEmpty || ends[$0] == ColumnData.null || ends[$0] >= input.asOf)
  }
  return valid ?? own.max { begins[$0] < begins[$1] }
}
