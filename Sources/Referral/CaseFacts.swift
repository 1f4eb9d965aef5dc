import Cases
import ClaimModel
import Registries
import RulePacks

/// What the pages and the workbook say of a case, gathered once from its input and its evidence database.
struct CaseFacts {
  /// A fee line that a finding names, or that belongs to a settlement of a finding that names none.
  struct Line {
    var id: String
    var setlID: String
    var psnNo: String
    var time: Int64?
    var values: [EvidenceValue]
    /// A and F of the net line; nil for a line that does not count by itself (a reversal).
    var amountA: Int64?
    var amountF: Int64?
    var rules: [String]
    var source: String
    var sourceLine: Int64
    var sha256: String
  }

  /// A practitioner whose code stands on the documents.
  struct Practitioner {
    var code: String
    var name: String
    var department: String
    /// Where the code stands.
    var role: String
    var lines = 0
    var fundFen: Int128 = 0
    /// 在执业, 暂停, 注销 by the registry; empty if it does not list the code.
    var registered = ""
  }

  struct Person {
    var psnNo: String
    var name: String
    var certificate: String
    var sex: String
    var birth: String
    var findings = 0
    var settlements: Set<String> = []
    var countedFen: Int128 = 0
  }

  struct Source {
    var file: SourceFile
    var rowsUsed: Int
  }

  let input: PacketInput
  /// Standing findings, in the order in which they take money.
  let findings: [FindingRecord]
  /// What each of `findings` gets of which unit.
  let takings: [[UnitTaking]]
  /// Rules with a finding, in the order of `findings`.
  let rules: [Rule]
  var lines: [Line] = []
  var practitioners: [Practitioner] = []
  var persons: [Person] = []
  var sources: [Source] = []
  /// Caption and value of the subject's registry row.
  var subjectRows: [(String, String)] = []
  var subjectName = ""

  /// Columns of `Line.values`, shown in the workbook.
  static let lineColumns = [
    "fee_ocur_time", "med_list_codg", "hilist_code", "hilist_name", "medins_list_name", "list_type", "chrgitm_lv",
    "med_chrgitm_type", "spec", "cnt", "pric", "det_item_fee_sumamt", "inscp_amt", "bilg_dept_name", "bilg_dr_code",
    "bilg_dr_name", "fixmedins_code", "fixmedins_name",
  ]

  var fundFen: Int128 { findings.sum { $0.finding.fundFen } }
  var countedFen: Int128 { input.caseFile.countedFen }
  func findings(of rule: Rule) -> [FindingRecord] { findings.filter { $0.finding.rule == rule.id } }
  func rule(_ id: String) -> Rule? { rules.first { $0.id == id } }

  init(_ input: PacketInput) {
    self.input = input
    findings = input.findings.filter { $0.state != .withdrawn }.sorted { a, b in
      let x = a.finding
      let y = b.finding
      if x.precedence != y.precedence { return x.precedence < y.precedence }
      return x.rule == y.rule ? bytesPrecede(x.key, y.key) : bytesPrecede(x.rule, y.rule)
    }
    takings = takeUnits(
      findings.map(\.finding), subjectType: input.caseFile.subjectType, subject: input.caseFile.subject)
    var order: [String] = []
    for record in findings where !order.contains(record.finding.rule) { order.append(record.finding.rule) }
    rules = order.compactMap { id in input.rules.first { $0.id == id } }
  }

  /// Reads what belongs to the findings from the evidence database.
  mutating func read(_ database: EvidenceDatabase, sourceRows: [Int: Int], evidence: EvidenceRows) throws {
    sources = sourceRows.keys.map { Source(file: input.sources[$0], rowsUsed: sourceRows[$0] ?? 0) }.sorted {
      let a = $0.file
      let b = $1.file
      return a.batch == b.batch ? bytesPrecede(a.file, b.file) : bytesPrecede(a.batch, b.batch)
    }
    try readLines(database, evidence)
    try readPersons(database)
    try readSubject(database)
  }

  private mutating func readLines(_ database: EvidenceDatabase, _ evidence: EvidenceRows) throws {
    var rulesOfLine: [String: Set<String>] = [:]
    var rulesOfSettlement: [String: Set<String>] = [:]
    for finding in findings.map(\.finding) {
      if finding.lineIDs.isEmpty {
        for id in finding.setlIDs { rulesOfSettlement[id, default: []].insert(finding.rule) }
      } else {
        for id in finding.lineIDs { rulesOfLine[id, default: []].insert(finding.rule) }
      }
    }
    var amounts: [String: (Int64?, Int64?)] = [:]
    let table = input.claims[.line]
    if let ids = table.columns["id"]?.codes, let a = table.columns["A"]?.numbers, let f = table.columns["F"]?.numbers {
      for row in evidence.effective[.line] ?? [] {
        amounts[input.claims.codes.text(ids[row])] = (
          a[row] == ColumnData.null ? nil : a[row], f[row] == ColumnData.null ? nil : f[row]
        )
      }
    }
    var practitioners: [String: Practitioner] = [:]
    let names = Self.lineColumns
    let columns = names.map { "\"\($0)\"" }.joined(separator: ", ")
    try database.query(
      """
      SELECT mdtrt_id, bkkp_sn, setl_id, psn_no, source_file, source_line, source_sha256, \(columns),
        CASE WHEN cnt < 0 THEN mdtrt_id || ':' || init_feedetl_sn END FROM line
      ORDER BY mdtrt_id, fee_ocur_time, bkkp_sn
      """
    ) { row in
      let id = row.text(0) + ":" + row.text(1)
      let setlID = row.text(2)
      // A reversal stands beside the line it reverses: together they give the net amounts.
      let reversed = row.text(7 + names.count)
      let rules = (rulesOfLine[id] ?? []).union(rulesOfSettlement[setlID] ?? []).union(rulesOfLine[reversed] ?? [])
      if rules.isEmpty { return }
      var line = Line(
        id: id, setlID: setlID, psnNo: row.text(3), time: row.integer(7),
        values: names.indices.map { row.value($0 + 7) }, amountA: amounts[id]?.0, amountF: amounts[id]?.1,
        rules: rules.sorted(by: bytesPrecede), source: row.text(4), sourceLine: row.integer(5) ?? 0,
        sha256: row.text(6))
      line.time = row.integer(7)
      lines.append(line)
      let code = line.text("bilg_dr_code")
      if !code.isEmpty {
        var person =
          practitioners[code]
          ?? Practitioner(
            code: code, name: line.text("bilg_dr_name"), department: line.text("bilg_dept_name"), role: "费用明细开单医师")
        person.lines += 1
        person.fundFen += Int128(line.amountF ?? 0)
        practitioners[code] = person
      }
    }
    let registry = input.registries["prac_psn_b"]
    for code in practitioners.keys {
      guard let registry, let known = input.claims.codes.find(code),
        let row = registry.columns["prac_psn_code"]?.codes.firstIndex(of: input.claims.codes.folded(known))
      else { continue }
      let state = registry.columns["prac_stas"].map { input.claims.codes.text($0.codes[row]) } ?? ""
      practitioners[code]?.registered = ["1": "在执业", "2": "暂停", "3": "注销"][state] ?? state
    }
    self.practitioners = practitioners.values.sorted {
      $0.fundFen == $1.fundFen ? bytesPrecede($0.code, $1.code) : $0.fundFen > $1.fundFen
    }
  }

  private mutating func readPersons(_ database: EvidenceDatabase) throws {
    var personOfSettlement: [String: String] = [:]
    var persons: [String: Person] = [:]
    try database.query(
      "SELECT setl_id, psn_no, psn_name, certno, gend, brdy FROM settlement ORDER BY setl_time DESC, setl_id"
    ) { row in
      let psnNo = row.text(1)
      personOfSettlement[row.text(0)] = psnNo
      if persons[psnNo] == nil {
        persons[psnNo] = Person(
          psnNo: psnNo, name: row.text(2), certificate: row.text(3),
          sex: ["1": "男", "2": "女"][row.text(4)] ?? row.text(4), birth: String(row.text(5).prefix(10)))
      }
    }
    for record in findings {
      let touched = Set(record.finding.setlIDs.compactMap { personOfSettlement[$0] })
      for psnNo in touched {
        persons[psnNo]?.findings += 1
        for id in record.finding.setlIDs where personOfSettlement[id] == psnNo {
          persons[psnNo]?.settlements.insert(id)
        }
        // A finding is about one person, but for those about a population, which have no amount.
        if touched.count == 1 { persons[psnNo]?.countedFen += Int128(record.countedFen) }
      }
    }
    self.persons = persons.values.filter { $0.findings > 0 }.sorted {
      $0.countedFen == $1.countedFen ? bytesPrecede($0.psnNo, $1.psnNo) : $0.countedFen > $1.countedFen
    }
  }

  private mutating func readSubject(_ database: EvidenceDatabase) throws {
    let subject = input.caseFile.subject
    subjectName = subject
    switch input.caseFile.subjectType {
    case .institution:
      subjectRows = [("定点医药机构编号", subject)]
      if let row = institutionRow(input), let registry = input.registries["fixmedins_b"] {
        func text(_ column: String) -> String {
          switch registry.columns[column] {
          case .text(let codes): input.claims.codes.text(codes[row])
          case .number(let v):
            v[row] == ColumnData.null ? "" : (registry.schema.kind(of: column) ?? .integer).text(v[row])
          case nil: ""
          }
        }
        // The code stands behind the word: bureaus differ in what some of them mean.
        func worded(_ column: String) -> String {
          CodeLists.word(text(column), column: column).map { "\($0)（\(text(column))）" } ?? text(column)
        }
        subjectName = text("fixmedins_name")
        subjectRows += [
          ("名称", subjectName), ("统一社会信用代码", text("uscc")), ("医院等级", worded("hosp_lv")),
          ("机构类别", worded("medins_kind")), ("批准床位数", text("aprv_bed_cnt")), ("所在医保区划", text("admdvs")),
          ("网格", text("grid_code")), ("网格责任人", text("grid_resper")), ("网格电话", text("grid_tel")),
          ("法定代表人", text("legrep_name")), ("医保负责人", text("hi_resper_name")),
          ("协议有效期", text("begndate") + " 至 " + (text("enddate").isEmpty ? "未载明" : text("enddate"))),
        ]
      } else {
        try database.query(
          "SELECT fixmedins_name FROM settlement WHERE fixmedins_code = ? AND fixmedins_name IS NOT NULL LIMIT 1",
          [.text(subject)]
        ) { subjectName = $0.text(0) }
        subjectRows += [("名称（结算单所载）", subjectName), ("登记", "机构登记表中没有此编号的记录")]
      }
    case .person:
      subjectRows = [("人员编号", subject)]
      try database.query(
        """
        SELECT psn_name, certno, gend, brdy, insutype, insu_admdvs FROM settlement WHERE psn_no = ?
        ORDER BY setl_time DESC, setl_id LIMIT 1
        """, [.text(subject)]
      ) { row in
        subjectName = row.text(0).isEmpty ? subject : row.text(0)
        subjectRows += [
          ("姓名", row.text(0)), ("证件号码", row.text(1)), ("性别", ["1": "男", "2": "女"][row.text(2)] ?? row.text(2)),
          ("出生日期", String(row.text(3).prefix(10))), ("险种", row.text(4)), ("参保所属医保区划", row.text(5)),
        ]
      }
    case .practitioner: subjectRows = [("医务人员编码", subject)]
    case .group: subjectRows = [("人员组", subject)]
    }
    subjectRows = subjectRows.filter { !$0.1.isEmpty }
  }
}

extension [FindingRecord] {
  /// Fen over all of them: each amount fits 64 bits, their sum need not.
  func sum(_ fen: (FindingRecord) -> Int64) -> Int128 { reduce(0) { $0 + Int128(fen($1)) } }
}

extension CaseFacts.Line {
  func value(_ column: String) -> EvidenceValue {
    CaseFacts.lineColumns.firstIndex(of: column).map { values[$0] } ?? .null
  }

  func text(_ column: String) -> String {
    if case .text(let text) = value(column) { text } else { "" }
  }
}
