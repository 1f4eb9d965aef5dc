import ClaimModel
import Diagnostics
import Foundation
import GRDBSQLite
import RulePacks
import SQLLowering

/// Everything that is wrong with a packet; empty if nothing is.
///
/// Checks that the bag is whole and unchanged; that every column of every claim row says what the row's own text
/// says, and every digest of a row is right; that `verify.sql`, run with the table of results dropped, and the SQL
/// made anew from the packet's rules both give exactly the rules, keys and amounts of `finding`; and that each
/// finding_id is the digest of its rule and key. Changes nothing, and needs nothing but the packet.
///
/// - Parameter path: the packet's folder; the case id without its suffix will do.
public func verifyPacket(_ path: String) -> [Diagnostic] { PacketVerification().check(path) }

/// One check of a packet. Diagnostics carry ids of findings, never keys or values: a key may hold a person's number.
struct PacketVerification {
  /// Differences reported of one table; more say no more.
  private static let reportLimit = 1000
  private static let suspect = "The packet was changed after it was made: do not use it, ask for it again."

  /// What the packet's SQL may cost. The largest packets of the samples take 1.3 million steps for 0.5 MB of evidence,
  /// 2.6 a byte, and as many rows as they have findings.
  var limits = Limits()

  struct Limits {
    /// Steps of SQLite's machine, for a script and for the check of rows, whatever the packet's size; a minute or two.
    var steps: Int64 = 4_000_000_000
    /// Or so many for each byte of evidence, whichever is more.
    var stepsPerByte: Int64 = 8000
    /// Rows that a script may give beyond those that the packet states.
    var moreRows = 100_000
    /// Bytes that SQLite may hold in memory, its temporary tables included.
    var memory: Int64 = 4 << 30
    /// Bytes of a value; a row's text is at most 16 MiB as delivered.
    var valueBytes: Int32 = 64 << 20

    func steps(forEvidence bytes: Int64) -> Int64 {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: stepsPerByte)
      return overflow ? Int64.max : max(steps, product)
    }
  }

  /// Makes the SQL of the packet's rules anew.
  var makeSQL: (_ rules: [Rule], _ subjectType: SubjectType, _ subject: String) throws -> String = {
    try verifySQL(rules: $0, subjectType: $1, subject: $2)
  }
  /// Reads a rule file.
  var readRule: (_ text: String, _ path: String) -> (Rule?, [Diagnostic]) = { parseRule(text: $0, path: $1) }

  func check(_ path: String) -> [Diagnostic] {
    var isFolder: ObjCBool = false
    func isThere(_ path: String) -> Bool {
      FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
    var folder = path
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    if !isThere(folder) { folder += PacketWriter.suffix }
    guard isThere(folder) else {
      return [
        Diagnostic(
          .error, "packet.missing", "There is no such packet", at: Place(file: path),
          remedy: "Give the packet's folder, for example Reports/2025-W10/packets/C…\(PacketWriter.suffix).")
      ]
    }
    var problems = Bag.check(folder)
    do {
      problems += try checkEvidence(folder)
    } catch let problem as Diagnostic {
      problems.append(problem)
    } catch let several as Diagnostics {
      problems += several.all
    } catch {
      problems.append(Diagnostic(.error, "packet.unreadable", "The packet can't be read", at: Place(file: folder)))
    }
    return problems
  }

  private func checkEvidence(_ folder: String) throws -> [Diagnostic] {
    let file = folder + "/data/evidence.sqlite"
    guard FileManager.default.isReadableFile(atPath: file) else {
      return [missing("data/evidence.sqlite")]
    }
    let database = try EvidenceDatabase(file, .read)
    let budget = stepBudget(of: file)
    budget.watch(database.handle)
    defer { budget.unwatch(database.handle) }
    sqlite3_limit(database.handle, SQLITE_LIMIT_LENGTH, limits.valueBytes)
    do {
      return try check(folder, file, database)
    } catch let problem as Diagnostic {
      // A computed column, say, that costs more than a whole packet.
      throw budget.isSpent ? tooMuch("data/evidence.sqlite") : problem
    }
  }

  private func stepBudget(of file: String) -> StepBudget {
    var info = stat()
    let bytes = stat(file, &info) == 0 ? Int64(info.st_size) : 0
    return StepBudget(limits.steps(forEvidence: bytes), memory: limits.memory)
  }

  private func tooMuch(_ file: String) -> Diagnostic {
    Diagnostic(
      .error, "packet.script-limit", "The check takes thousands of times the work that a packet of this size needs",
      at: Place(file: file), remedy: Self.suspect)
  }

  private func check(_ folder: String, _ file: String, _ database: EvidenceDatabase) throws -> [Diagnostic] {
    var problems = try checkSchema(database)
    // Without the tables there is nothing to compare.
    if !problems.isEmpty { return problems }
    let sources = sourceNames(folder)
    for entity in EvidenceSchema.claimEntities { problems += try checkRows(entity, database, sources) }
    for schema in RegistrySchema.all { problems += try checkRegistry(schema, database) }
    let context = try readContext(database)
    problems += try checkIdentity(folder, context)

    let expected = try expectedFindings(database, &problems)
    guard let script = FileManager.default.contents(atPath: folder + "/data/verify.sql") else {
      return problems + [missing("data/verify.sql")]
    }
    problems += compare(
      try derive(
        String(decoding: script, as: UTF8.self), file, "data/verify.sql", atMost: expected.count + limits.moreRows),
      with: expected, "data/verify.sql")
    if let fresh = try freshSQL(folder, context, Set(expected.keys.map(\.rule)), &problems) {
      problems += compare(
        try derive(fresh, file, "data/rules", atMost: expected.count + limits.moreRows), with: expected, "data/rules")
    }
    return problems
  }

  // MARK: Rows

  private func checkSchema(_ database: EvidenceDatabase) throws -> [Diagnostic] {
    var problems: [Diagnostic] = []
    for table in EvidenceSchema.all {
      var columns: [String] = []
      // A view, or a table that a module makes up, may be anything, and without end.
      try database.query(
        "SELECT c.name FROM pragma_table_list(?1) l, pragma_table_info(?1) c WHERE l.schema = 'main' AND l.type = 'table'",
        [.text(table.name)]
      ) { columns.append($0.text(0)) }
      if columns != table.columns.map(\.name) {
        problems.append(
          Diagnostic(
            .error, "packet.schema",
            columns.isEmpty
              ? "The evidence database has no table \(table.name)"
              : "Table \(table.name) of the evidence database has other columns than this version writes",
            at: Place(file: "data/evidence.sqlite"),
            remedy: "Check the packet with the version that made it (see bag-info.txt)."))
      }
    }
    return problems
  }

  private func checkRows(_ entity: Entity, _ database: EvidenceDatabase, _ sources: Set<String>) throws -> [Diagnostic]
  {
    let table = EvidenceSchema.table(of: entity)
    let national = entity.table.columns
    var problems: [Diagnostic] = []
    var hidden = 0
    func report(_ row: Int64, _ column: String, _ message: String) {
      if problems.count >= Self.reportLimit {
        hidden += 1
        return
      }
      problems.append(
        Diagnostic(
          .error, "packet.row-changed", "Table \(table.name), row \(row): \(message)",
          at: Place(file: "data/evidence.sqlite", field: column), remedy: Self.suspect))
    }
    try database.query("SELECT rowid, * FROM \(table.name) ORDER BY rowid") { row in
      let id = row.integer(0) ?? 0
      let source = national.count + 1
      let blob = row.value(source + 3)
      guard case .text(let fields) = blob else {
        report(id, "source_fields", "the row's text is missing")
        return
      }
      if row.value(source + 4) != .text(SHA256Hasher.hex(of: fields)) {
        report(id, "source_sha256", "the digest is not that of the row's text")
      }
      for (i, value) in ClaimRowText.typedValues(of: fields, table: entity.table).enumerated()
      where row.value(i + 1) != value {
        report(id, national[i].name, "\(national[i].name) is not what the row's text says")
      }
      if !sources.contains(row.text(source)) {
        report(id, "source_file", "its source file does not stand in sources.csv")
      }
    }
    if hidden > 0 {
      problems.append(
        Diagnostic(
          .error, "packet.row-changed", "Table \(table.name) has \(hidden) more differences",
          at: Place(file: "data/evidence.sqlite"), remedy: Self.suspect))
    }
    return problems
  }

  private func checkRegistry(_ schema: RegistrySchema, _ database: EvidenceDatabase) throws -> [Diagnostic] {
    var problems: [Diagnostic] = []
    let count = schema.columns.count + 1
    try database.query("SELECT rowid, * FROM \(schema.name) ORDER BY rowid") { row in
      let values = (1...count).map(row.value)
      if row.value(count + 1) != .text(RegistryRowText.digest(of: values)), problems.count < Self.reportLimit {
        problems.append(
          Diagnostic(
            .error, "packet.row-changed",
            "Table \(schema.name), row \(row.integer(0) ?? 0): the digest is not that of the row",
            at: Place(file: "data/evidence.sqlite", field: "row_sha256"), remedy: Self.suspect))
      }
    }
    return problems
  }

  /// `batch/file` of each line of sources.csv.
  private func sourceNames(_ folder: String) -> Set<String> {
    let text = String(
      decoding: FileManager.default.contents(atPath: folder + "/data/sources.csv") ?? Data(), as: UTF8.self)
    var names: Set<String> = []
    var fields: [String] = [""]
    var isQuoted = false
    for c in text {
      if c == "\"" {
        isQuoted.toggle()
        if isQuoted, fields[fields.count - 1].isEmpty == false { fields[fields.count - 1].append("\"") }
      } else if c == ",", !isQuoted {
        fields.append("")
      } else if c == "\n", !isQuoted {
        if fields.count > 1 { names.insert(fields[0] + "/" + fields[1]) }
        fields = [""]
      } else {
        fields[fields.count - 1].append(c)
      }
    }
    return names
  }

  // MARK: Who and what

  private func readContext(_ database: EvidenceDatabase) throws -> [(what: String, key: String, value: String)] {
    var rows: [(String, String, String)] = []
    try database.query("SELECT what, key, value FROM context ORDER BY rowid") {
      rows.append(($0.text(0), $0.text(1), $0.text(2)))
    }
    return rows
  }

  /// The case id is one in the folder's name, bag-info.txt and the context, and follows from subject and batch.
  private func checkIdentity(_ folder: String, _ context: [(what: String, key: String, value: String)]) throws
    -> [Diagnostic]
  {
    func fact(_ what: String) -> String { context.first { $0.what == what }?.value ?? "" }
    var problems: [Diagnostic] = []
    func problem(_ file: String, _ message: String) {
      problems.append(Diagnostic(.error, "packet.identity", message, at: Place(file: file), remedy: Self.suspect))
    }
    let id = fact("case_id")
    guard let type = SubjectType(rawValue: fact("subject_type")) else {
      problem("data/evidence.sqlite", "The context names no subject")
      return problems
    }
    if id != StableID.caseFile(subjectType: type, subject: fact("subject"), batchLabel: fact("opened_in")) {
      problem("data/evidence.sqlite", "The case id does not follow from subject and batch")
    }
    let name = folder.split(separator: "/").last.map(String.init) ?? ""
    if name != id, name != id + PacketWriter.suffix { problem(name, "The folder's name is not the packet's case id") }
    if let bytes = FileManager.default.contents(atPath: folder + "/bag-info.txt") {
      let info = String(decoding: bytes, as: UTF8.self)
      if Bag.value(of: "External-Identifier", in: info) != id {
        problem("bag-info.txt", "External-Identifier is not the packet's case id")
      }
    }
    return problems
  }

  // MARK: Re-derivation

  private struct FindingKey: Hashable {
    var rule: String
    var key: String
    var id: String { StableID.finding(rule: rule, key: key) }
  }

  private struct Amounts: Equatable {
    var amount: Int64?
    var fund: Int64?
    var counted: Int64?
  }

  private func expectedFindings(_ database: EvidenceDatabase, _ problems: inout [Diagnostic]) throws
    -> [FindingKey: Amounts]
  {
    var result: [FindingKey: Amounts] = [:]
    var found: [Diagnostic] = []
    try database.query("SELECT rule, key, finding_id, amount_fen, fund_fen, counted_fen FROM finding ORDER BY rowid") {
      row in
      let key = FindingKey(rule: row.text(0), key: row.text(1))
      if row.text(2) != key.id {
        found.append(
          Diagnostic(
            .error, "packet.finding-id", "A finding has the id \(row.text(2)), but its rule and key give \(key.id)",
            at: Place(file: "data/evidence.sqlite", field: "finding_id"), remedy: Self.suspect))
      }
      let amounts = Amounts(amount: row.integer(3), fund: row.integer(4), counted: row.integer(5))
      if result.updateValue(amounts, forKey: key) != nil {
        found.append(
          Diagnostic(
            .error, "packet.finding-twice", "\(key.id) stands twice in `finding`",
            at: Place(file: "data/evidence.sqlite"), remedy: Self.suspect))
      }
    }
    problems += found
    return result
  }

  private func compare(_ derived: [(FindingKey, Amounts)], with expected: [FindingKey: Amounts], _ file: String)
    -> [Diagnostic]
  {
    var problems: [Diagnostic] = []
    func problem(_ code: String, _ message: String) {
      problems.append(Diagnostic(.error, code, message, at: Place(file: file), remedy: Self.suspect))
    }
    var seen: Set<FindingKey> = []
    for (key, amounts) in derived {
      if !seen.insert(key).inserted { problem("packet.derived-twice", "\(key.id) was derived twice") }
      guard let wanted = expected[key] else {
        problem("packet.not-stated", "\(key.id) follows from the evidence but does not stand in `finding`")
        continue
      }
      for (name, a, b) in [
        ("amount_fen", amounts.amount, wanted.amount), ("fund_fen", amounts.fund, wanted.fund),
        ("counted_fen", amounts.counted, wanted.counted),
      ] where a != b {
        func text(_ n: Int64?) -> String { n.map(String.init) ?? "null" }
        problem("packet.amount", "\(key.id): the evidence gives \(name) \(text(a)), `finding` says \(text(b))")
      }
    }
    for key in expected.keys.filter({ !seen.contains($0) }).sorted(by: { bytesPrecede($0.id, $1.id) }) {
      problem("packet.not-derived", "\(key.id) stands in `finding` but does not follow from the evidence")
    }
    return problems
  }

  /// Runs a script over a copy of the evidence that has no table of results, and may write nothing but temporary
  /// tables; the rows of its last query. What takes more steps, rows or memory than any packet needs is cut off.
  private func derive(_ script: String, _ evidence: String, _ name: String, atMost mostRows: Int) throws
    -> [(FindingKey, Amounts)]
  {
    let folder = NSTemporaryDirectory() + "/yijian-verify-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try FileManager.default.copyItem(atPath: evidence, toPath: folder + "/copy.sqlite")
    } catch {
      throw Diagnostic(
        .error, "packet.no-room", "The evidence can't be copied for the check", at: Place(file: folder),
        remedy: "Free some space, or set TMPDIR to a folder with room.")
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    chmod(folder + "/copy.sqlite", 0o600)
    let database = try EvidenceDatabase(folder + "/copy.sqlite", .change)
    try database.run("DROP TABLE finding")
    sqlite3_set_authorizer(database.handle, { _, action, a, b, schema, _ in permission(action, a, b, schema) }, nil)
    defer { sqlite3_set_authorizer(database.handle, nil, nil) }
    let budget = stepBudget(of: folder + "/copy.sqlite")
    budget.watch(database.handle)
    defer { budget.unwatch(database.handle) }
    sqlite3_limit(database.handle, SQLITE_LIMIT_LENGTH, limits.valueBytes)

    func refused() -> Diagnostic {
      if budget.isSpent { return tooMuch(name) }
      return Diagnostic(
        .error, "packet.script",
        "The script fails or does what no derivation needs: \(String(cString: sqlite3_errmsg(database.handle)))",
        at: Place(file: name), remedy: Self.suspect)
    }
    var result: [(FindingKey, Amounts)] = []
    let bytes = Array(script.utf8CString)
    try bytes.withUnsafeBufferPointer { buffer in
      var next = buffer.baseAddress
      while let start = next, start.pointee != 0 {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(database.handle, start, -1, &statement, &next) == SQLITE_OK else { throw refused() }
        // A comment alone is no statement.
        guard let statement else { continue }
        defer { sqlite3_finalize(statement) }
        let columns = (0..<sqlite3_column_count(statement)).map { String(cString: sqlite3_column_name(statement, $0)) }
        if !columns.isEmpty { result = [] }
        func column(_ name: String) -> Int32 { Int32(columns.firstIndex(of: name) ?? columns.count) }
        func text(_ name: String) -> String {
          sqlite3_column_text(statement, column(name)).map { String(cString: $0) } ?? ""
        }
        func number(_ name: String) -> Int64? {
          sqlite3_column_type(statement, column(name)) == SQLITE_INTEGER
            ? sqlite3_column_int64(statement, column(name)) : nil
        }
        while true {
          let code = sqlite3_step(statement)
          if code == SQLITE_DONE { break }
          guard code == SQLITE_ROW else { throw refused() }
          guard result.count < mostRows else { throw tooMuch(name) }
          result.append(
            (
              FindingKey(rule: text("rule"), key: text("key")),
              Amounts(amount: number("amount_fen"), fund: number("fund_fen"), counted: number("counted_fen"))
            ))
        }
      }
    }
    return result
  }

  /// The SQL of the packet's rules with the parameters of its context; nil if there is none, with the reason reported.
  private func freshSQL(
    _ folder: String, _ context: [(what: String, key: String, value: String)], _ ids: Set<String>,
    _ problems: inout [Diagnostic]
  ) throws -> String? {
    var rules: [Rule] = []
    for id in ids.sorted(by: bytesPrecede) {
      let name = "data/rules/\(id).yml"
      guard !id.contains("/"), let bytes = FileManager.default.contents(atPath: folder + "/" + name) else {
        problems.append(missing(name))
        continue
      }
      let (rule, found) = readRule(String(decoding: bytes, as: UTF8.self), name)
      problems += found.filter { $0.severity == .error }
      guard var rule else { continue }
      if rule.id != id {
        problems.append(
          Diagnostic(
            .error, "packet.rule", "The file holds another rule", at: Place(file: name), remedy: Self.suspect))
      }
      for i in rule.parameters.indices {
        let key = "\(id).\(rule.parameters[i].name)"
        let values = context.filter { $0.what == "parameter" && ($0.key == key || $0.key.hasPrefix(key + "@")) }
        let basis = rule.parameters[i].values.first?.basis ?? ""
        let stated = values.compactMap { row -> Parameter.Value? in
          guard let number = Int64(row.value) else { return nil }
          return Parameter.Value(
            from: CivilTime.parseDay(String(row.key.dropFirst(key.count + 1))), value: number, basis: basis)
        }
        if !stated.isEmpty { rule.parameters[i].values = stated }
      }
      rules.append(rule)
    }
    let facts = Dictionary(context.map { ($0.what, $0.value) }, uniquingKeysWith: { first, _ in first })
    guard rules.count == ids.count, let type = SubjectType(rawValue: facts["subject_type"] ?? "") else { return nil }
    return try makeSQL(rules, type, facts["subject"] ?? "")
  }

  private func missing(_ name: String) -> Diagnostic {
    Diagnostic(
      .error, "packet.file-missing", "The packet has no \(name)", at: Place(file: name),
      remedy: "Copy the packet again from where it was made.")
  }
}

/// The steps that SQLite may still take for a packet. SQL may go on for ever by a few words (a recursion, a join of a
/// table with itself), and a packet may come from anywhere.
private final class StepBudget {
  private var left: Int64
  private let memory: Int64
  private(set) var isSpent = false
  /// How often it is asked, in steps: often enough to stop at once, seldom enough to cost nothing.
  private static let stride: Int32 = 10_000

  init(_ steps: Int64, memory: Int64) {
    left = steps
    self.memory = memory
  }

  /// Stops statements of the connection when the steps are spent. It must live until `unwatch`.
  func watch(_ database: OpaquePointer?) {
    sqlite3_progress_handler(
      database, Self.stride,
      { context in
        guard let context else { return 1 }
        return Unmanaged<StepBudget>.fromOpaque(context).takeUnretainedValue().spend() ? 0 : 1
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  func unwatch(_ database: OpaquePointer?) {
    sqlite3_progress_handler(database, 0, nil, nil)
    withExtendedLifetime(self) {}
  }

  private func spend() -> Bool {
    left -= Int64(Self.stride)
    if left < 0 || sqlite3_memory_used() > memory { isSpent = true }
    return !isSpent
  }
}

/// What a script may do: read, and keep temporary results. `finding` may not be read even by a name of its own.
private func permission(
  _ action: Int32, _ a: UnsafePointer<CChar>?, _ b: UnsafePointer<CChar>?, _ schema: UnsafePointer<CChar>?
) -> Int32 {
  func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
  switch action {
  case SQLITE_SELECT, SQLITE_RECURSIVE, SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_TEMP_VIEW, SQLITE_CREATE_TEMP_INDEX,
    SQLITE_DROP_TEMP_TABLE, SQLITE_DROP_TEMP_VIEW, SQLITE_DROP_TEMP_INDEX:
    return SQLITE_OK
  case SQLITE_READ: return text(a).lowercased() == "finding" ? SQLITE_DENY : SQLITE_OK
  case SQLITE_FUNCTION:
    return ["load_extension", "readfile", "writefile", "edit", "zeroblob", "randomblob"].contains(text(b).lowercased())
      ? SQLITE_DENY : SQLITE_OK
  case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE, SQLITE_REINDEX:
    return text(schema) == "temp" ? SQLITE_OK : SQLITE_DENY
  default: return SQLITE_DENY
  }
}
