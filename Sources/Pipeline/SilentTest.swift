import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Normalize
import Registries
import RulePacks

/// `yijian test … --from-finding`: a refuted finding becomes a test that its rule must stay silent. The test fails
/// until the rule is changed. 0 if it was written, 1 if the finding does not come from the rows it could be reduced to.
///
/// - Parameters:
///   - id: of a finding of the last run.
///   - paths: rule folders or test files; the finding's rule must be among them.
///   - name: of the test; nil: the finding's id.
public func saveSilentTest(
  _ id: String, into paths: [String], pipeline: String, store: String?, registries: String?, name: String?
) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let file = try PipelineFile.read(pipeline)
    let (jurisdiction, pack) = try loadRules(file)
    let ruleID = String(id.split(separator: "-").prefix(2).joined(separator: "-"))
    guard let rule = pack.rules.first(where: { $0.id == ruleID }) else {
      throw Diagnostic(
        .error, "explain.unknown", "the pipeline has no rule for finding \(id)",
        remedy: "finding ids stand in the first column of findings.csv")
    }
    let stored = try StoredClaims(
      file: file, jurisdiction: jurisdiction, pack: pack, store: store, registries: registries, rules: [rule])
    guard let finding = try stored.ledger.finding(id)?.finding else {
      throw Diagnostic(
        .error, "explain.unknown", "the last run has no finding \(id)",
        remedy: "finding ids stand in the first column of findings.csv")
    }
    let path = try testPath(of: rule, among: paths)
    let old = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let rulePath = path.replacingOccurrences(of: ".test.y", with: ".y")
    let ruleText = FileManager.default.contents(atPath: rulePath).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let (read, problems) = parseRule(text: ruleText, path: rulePath)
    guard let written = read else { throw Diagnostics(problems) }
    let known = old.isEmpty ? [] : try RuleTestFile(text: old, path: path).tests
    let title = name ?? "refuted \(id)"
    if known.contains(where: { $0.name == title }) {
      throw Diagnostic(
        .error, "test.name", "another test has this name", at: Place(file: path), remedy: "give another --name")
    }
    guard let found = try stored.evidence(id, of: rule) else {
      throw Diagnostic(
        .error, "test.not-reproduced", "today's claims no longer give the finding", at: Place(file: path),
        remedy: "the rule, the registries or the claims have changed since; run the pipeline again")
    }
    var reduction = ReducedFinding(finding, state: found.claims, rule: rule)
    // First the finding's own rows; where they do not bring it about, those of its persons, then of its institution.
    for reach in ReducedFinding.Reach.allCases {
      // An institution's rows are of people who have nothing to do with the finding.
      if reach == .institution, rule.reach != .everything {
        reduction = ReducedFinding(finding, state: try stored.allClaims(), rule: rule)
        for nearer in [ReducedFinding.Reach.own, .persons] { _ = reduction.take(nearer) }
      }
      guard reduction.take(reach) else { break }
      let lines = reduction.test(named: title, beside: known, written: written)
      let text = try appendingTest(lines, to: old, path: path, rule: rule.id)
      // Too few rows to name what the key names (an indicator names none): the next reduction has more.
      guard let file = try? RuleTestFile(text: text, path: path),
        let test = file.tests.first(where: { $0.name == title }), let key = test.silent.first?.key,
        let outcome = try PreparedTest(test, for: written).outcome(of: written)
      else { continue }
      guard outcome.findings.contains(where: { $0.key == key }) else { continue }
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
      print("\(path):\(test.place.line ?? 1): test '\(title)' was written, with \(reduction.rowCount) claim rows.")
      print("Persons, institutions and ids of rows are pseudonyms; look at it before you pass it on.")
      print("It fails until \(rule.id) stays silent on these rows: change the rule, its version, and run yijian test.")
      return ExitCode.done
    }
    throw Diagnostic(
      .error, "test.not-reproduced", "the finding does not come from the rows it could be reduced to",
      at: Place(file: path),
      remedy: "its rule looks at too many rows (\(ReducedFinding.mostRows) at most), or the registries have changed")
  } catch let problem as Diagnostic where problem.code == "test.not-reproduced" {
    print(problem.rendered())
    return ExitCode.saysNo
  } catch {
    return report(error, printer)
  }
}

private func testPath(of rule: Rule, among paths: [String]) throws -> String {
  let name = ((rule.path as NSString).lastPathComponent as NSString).deletingPathExtension
  for path in paths {
    if path.hasSuffix("/\(name).test.yml") || path == "\(name).test.yml" { return path }
    for file in testFiles([path]) where (file as NSString).lastPathComponent == "\(name).test.yml" { return file }
    let beside = (path.hasSuffix("/") ? path : path + "/") + name
    if FileManager.default.fileExists(atPath: beside + ".yml") { return beside + ".test.yml" }
  }
  throw Diagnostic(
    .error, "usage.no-file", "\(name).yml is in none of the folders", remedy: "give the folder of the finding's rule")
}

/// The rows of a finding, and more where it needs them, with pseudonyms.
struct ReducedFinding {
  enum Reach: CaseIterable { case own, persons, institution }

  /// A test with more claim rows than this is for no one to read.
  static let mostRows = 1000

  private let finding: Finding
  private let state: StoreState
  private let rule: Rule
  private var rows: [Entity: Set<Int>] = [:]

  init(_ finding: Finding, state: StoreState, rule: Rule) {
    self.finding = finding
    self.state = state
    self.rule = rule
  }

  var rowCount: Int { [Entity.settlement, .visit, .line, .diagnosis].reduce(0) { $0 + (rows[$1]?.count ?? 0) } }

  private var claims: EffectiveClaims { state.normalized.claims }

  private func codes(_ entity: Entity, _ column: String) -> [UInt32] { claims[entity].columns[column]?.codes ?? [] }

  /// False if there are too many rows.
  mutating func take(_ reach: Reach) -> Bool {
    var settlements = rows[.settlement] ?? []
    var visits = rows[.visit] ?? []
    func select(_ column: String, _ wanted: Set<UInt32>) {
      for (i, code) in codes(.settlement, column).enumerated() where wanted.contains(code) { settlements.insert(i) }
      for (i, code) in codes(.visit, column).enumerated() where wanted.contains(code) { visits.insert(i) }
    }
    func found(_ texts: [String]) -> Set<UInt32> { Set(texts.compactMap { state.codes.find($0) }) }
    switch reach {
    case .own:
      select("setl_id", found(finding.setlIDs))
      select("mdtrt_id", found(finding.key.split(separator: "|").map(String.init)))
    case .persons:
      var persons = Set(settlements.map { codes(.settlement, "psn_no")[$0] })
      persons.formUnion(visits.map { codes(.visit, "psn_no")[$0] })
      persons.remove(CodeTable.null)
      select("psn_no", persons)
    case .institution:
      select("fixmedins_code", found([finding.fixmedinsCode, finding.subject].filter { !$0.isEmpty }))
    }
    let parents = claims[.settlement].parent[.visit] ?? []
    for settlement in settlements where parents.indices.contains(settlement) && parents[settlement] >= 0 {
      visits.insert(Int(parents[settlement]))
    }
    func children(_ of: Entity, _ kind: Entity, _ all: Set<Int>) -> Set<Int> {
      guard let links = claims[of].children[kind] else { return [] }
      return Set(all.flatMap { links.of($0).map { Int($0) } })
    }
    settlements.formUnion(children(.visit, .settlement, visits))
    rows[.settlement] = settlements
    rows[.visit] = visits
    rows[.line] = children(.settlement, .line, settlements).union(children(.visit, .line, visits))
    rows[.diagnosis] = children(.visit, .diagnosis, visits)
    let stays = claims[.stay].parent[.visit] ?? []
    rows[.stay] = Set(stays.indices.filter { visits.contains(Int(stays[$0])) })
    return rowCount <= Self.mostRows
  }

  // MARK: - The test

  private struct Table {
    var name: String
    var columns: [String]
    var rows: [[String]]
  }

  /// The test's lines, without indentation of its own.
  ///
  /// - Parameters:
  ///   - known: tests beside which it will stand: tables that the file may give to all are given here too.
  ///   - written: the rule as its file has it, without a jurisdiction's parameters.
  func test(named name: String, beside known: [RuleTest], written: Rule) -> [String] {
    var claimTables = [Entity.visit, .settlement, .line, .diagnosis].map(claimTable)
    var registryTables = registryTables()
    let pseudonyms = Pseudonyms(
      claimTables.map { ($0.columns, $0.rows) } + registryTables.map { ($0.columns, $0.rows) })
    for i in claimTables.indices { claimTables[i] = hidden(claimTables[i], pseudonyms) }
    for i in registryTables.indices { registryTables[i] = hidden(registryTables[i], pseudonyms) }
    var lines = ["- name: \(quoted(name))"]
    lines.append("  # From a refuted finding; persons, institutions and ids are pseudonyms.")
    let changed = rule.parameters.filter { one in
      !written.parameters.contains { $0.name == one.name && $0.values == one.values }
    }
    if !changed.isEmpty {
      lines.append("  parameters:")
      for parameter in changed { lines.append("    \(parameter.name): [\(values(of: parameter))]") }
    }
    lines.append("  given:")
    var given = Set(known.flatMap { $0.tables.keys })
    given.subtract(claimTables.map(\.name))
    for table in claimTables where !table.rows.isEmpty || known.contains(where: { $0.tables[table.name] != nil }) {
      lines += text(table)
    }
    for name in given.sorted() {
      lines += ["    \(name): |", "      \(name == "setl_list_oprn_d" ? "mdtrt_id" : "mdtrt_id")"]
    }
    let absent = Set(known.flatMap { $0.registries.keys }).subtracting(registryTables.map(\.name)).sorted()
    if !registryTables.isEmpty || !absent.isEmpty {
      lines.append("  registries:")
      for table in registryTables { lines += text(table) }
      for name in absent { lines.append("    \(name): missing") }
    }
    lines.append("  silent: [\(quoted(pseudonyms.key(finding.key)))]")
    return lines
  }

  private func values(of parameter: Parameter) -> String {
    parameter.values.map { value in
      let text = parameter.kind.text(value.value)
      return "{value: \(text)\(value.from.map { ", from: \(CivilTime.text(day: $0))" } ?? "")}"
    }.joined(separator: ", ")
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
  }

  private func text(_ table: Table) -> [String] {
    func field(_ text: String) -> String {
      text.contains { ",\"".contains($0) || $0.isNewline }
        ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"").replacingOccurrences(of: "\n", with: " ") + "\""
        : text
    }
    let cells = ([table.columns] + table.rows).map { $0.map(field) }
    // Columns under each other; the width of a Chinese character is two.
    func width(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x2E80 ? 2 : 1) } }
    let widths = table.columns.indices.map { column in cells.map { width($0[column]) }.max() ?? 0 }
    return ["    \(table.name): |"]
      + cells.map { row in
        let padded = row.indices.map { i in
          i == row.count - 1
            ? row[i] : row[i] + "," + String(repeating: " ", count: widths[i] - width(row[i]) + 1)
        }
        // A first field that is empty must not become indentation.
        var line = padded.joined()
        while line.last == " " { line.removeLast() }
        return "      " + (row.first == "" ? "\"\"" : "") + line
      }
  }

  private func claimTable(_ entity: Entity) -> Table {
    let source = claims[entity]
    let derived = Set(entity.derived.map(\.name))
    // Rows are those that count: versions, refunds and reversals are done with.
    let done: Set<String> = ["vali_flag", "updt_time", "init_feedetl_sn", "init_setl_id", "refd_setl_flag"]
    let indices = (rows[entity] ?? []).sorted()
    var table = Table(name: entity.table.name, columns: [], rows: indices.map { _ in [] })
    for column in entity.table.columns {
      guard let data = source.columns[column.name], !derived.contains(column.name), !done.contains(column.name),
        !Pseudonyms.isPersonal(column.name)
      else { continue }
      append(column.name, column.kind, data, indices, to: &table)
    }
    if table.columns.isEmpty { table.columns = ["mdtrt_id"] }
    return table
  }

  private func registryTables() -> [Table] {
    let looked = registryRowsLookedAt(
      rules: [rule], claims: claims, registries: state.registries, rows: rows.mapValues { $0.sorted() })
    var names = Set(rule.lookups.map(\.table)).union(rule.needs)
    names.insert("med_type_b")
    var result: [Table] = []
    for name in names.sorted(by: bytesPrecede) {
      guard let registry = state.registries[name], registry.source != "shipped", registry.count > 0 else { continue }
      var indices = looked[name] ?? []
      if name == "med_type_b" { indices = Array(0..<registry.count) }
      // A table without rows would keep the rule from running.
      if indices.isEmpty { indices = [0] }
      var table = Table(name: name, columns: [], rows: indices.map { _ in [] })
      for column in registry.schema.columns where !Pseudonyms.isPersonal(column.name) {
        if let data = registry.columns[column.name] { append(column.name, column.kind, data, indices, to: &table) }
      }
      result.append(table)
    }
    return result
  }

  /// Adds a column unless it is null in every row.
  private func append(
    _ name: String, _ kind: ValueKind, _ data: ColumnData, _ indices: [Int], to table: inout Table
  ) {
    let texts: [String] =
      switch data {
      case .text(let codes): indices.map { codes[$0] == CodeTable.null ? "" : state.codes.text(codes[$0]) }
      case .number(let numbers): indices.map { numbers[$0] == ColumnData.null ? "" : kind.text(numbers[$0]) }
      }
    if texts.allSatisfy(\.isEmpty) { return }
    table.columns.append(name)
    for i in texts.indices { table.rows[i].append(texts[i]) }
  }

  private func hidden(_ table: Table, _ pseudonyms: Pseudonyms) -> Table {
    var table = table
    for i in table.rows.indices {
      for (j, column) in table.columns.enumerated() {
        table.rows[i][j] = pseudonyms.text(table.rows[i][j], in: column)
      }
    }
    return table
  }
}

/// Short names for whatever points to a person, an institution or a row. Their byte order is that of the true ones, for
/// rules break ties by it.
struct Pseudonyms {
  private var names: [String: [String: String]] = [:]

  init(_ tables: [(columns: [String], rows: [[String]])]) {
    var values: [String: Set<String>] = [:]
    for table in tables {
      for (j, column) in table.columns.enumerated() {
        guard let kind = Self.kind(column) else { continue }
        for row in table.rows where !row[j].isEmpty { values[kind, default: []].insert(row[j]) }
      }
    }
    for (kind, all) in values {
      let sorted = all.sorted(by: bytesPrecede)
      let digits = String(sorted.count).count
      for (i, value) in sorted.enumerated() {
        let number = String(i + 1)
        let padded = String(repeating: "0", count: digits - number.count) + number
        // Pharmacies keep their first letter: rules ask for it.
        let letter = kind == "H" && value.hasPrefix("P") ? "PH" : kind == "L" ? "" : kind
        names[kind, default: [:]][value] = letter + padded
      }
    }
  }

  /// What kind of thing a column names; nil: nothing to hide.
  private static func kind(_ column: String) -> String? {
    switch column {
    case "psn_no": "P"
    case "mdtrt_id", "refl_old_mdtrt_id": "M"
    case "setl_id", "init_setl_id": "S"
    case "bkkp_sn", "init_feedetl_sn": "L"
    case "setl_list_diag_id": "X"
    case "medrcdno", "ipt_otp_no": "R"
    case "trt_dcla_detl_sn": "E"
    default:
      column.hasSuffix("fixmedins_code") || column.hasSuffix("fixmedins_no") || column.hasSuffix("hosp_code")
        ? "H" : column.hasSuffix("dr_code") || column.hasSuffix("dr_codg") || column.hasPrefix("prac_psn") ? "D" : nil
    }
  }

  /// Columns that are left out: names, certificates, addresses, birthdays.
  static func isPersonal(_ column: String) -> Bool {
    [
      "psn_name", "certno", "cert_no", "tel", "addr", "brdy", "coner", "dr_name", "fixmedins_name", "legrep", "resper",
      "grid_", "uscc", "psn_cert",
    ].contains { column.contains($0) }
  }

  func text(_ value: String, in column: String) -> String {
    guard let kind = Self.kind(column) else { return value }
    return names[kind]?[value] ?? value
  }

  /// A finding's key, part by part; `M1:1` is a line's id.
  func key(_ key: String) -> String {
    key.split(separator: "|", omittingEmptySubsequences: false).map { part in
      let halves = part.split(separator: ":", maxSplits: 1).map(String.init)
      if halves.count == 2, let visit = names["M"]?[halves[0]], let line = names["L"]?[halves[1]] {
        return visit + ":" + line
      }
      for kind in ["M", "S", "P", "H"] {
        if let name = names[kind]?[String(part)] { return name }
      }
      return String(part)
    }.joined(separator: "|")
  }
}
