import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Registries
import RulePacks

/// Which store a command of `yijian store` is about.
public struct StoreChoice: Sendable {
  /// Pipeline file that names the store.
  public var pipeline: String
  /// Folder of the store; wins over the pipeline's.
  public var store: String?

  public init(pipeline: String, store: String?) {
    self.pipeline = pipeline
    self.store = store
  }

  func folder() throws -> String {
    if let store { return RunSetup.absolute(store) }
    guard let folder = try PipelineFile.read(pipeline).store else {
      throw Diagnostic(
        .error, "usage.no-store", "no store folder is named",
        remedy: "give --store DIR or a line 'store:' in the pipeline file")
    }
    return folder
  }

  private func empty(_ folder: String) -> Diagnostic {
    Diagnostic(
      .error, "usage.empty-store", "there is no store", at: Place(file: folder),
      remedy: "run the pipeline first, or give --store DIR")
  }

  /// For looking, without the lock.
  func inspect() throws -> Ledger {
    let folder = try folder()
    guard let ledger = try Ledger.inspect(folder: folder) else { throw empty(folder) }
    return ledger
  }

  /// For changing; a store that is not there is not made.
  func open() throws -> Ledger {
    let folder = try folder()
    guard try Ledger.exists(folder: folder) else { throw empty(folder) }
    return try Ledger.open(folder: folder)
  }
}

private func running(_ body: (EventPrinter) throws -> Int32) -> Int32 {
  let printer = EventPrinter(format: .text)
  do { return try body(printer) } catch { return report(error, printer) }
}

/// `yijian store list`: what lies in the store, by batch, on standard output.
public func listStore(_ choice: StoreChoice, asJSON: Bool) -> Int32 {
  running { _ in
    let ledger = try choice.inspect()
    let batches = try ledger.storedBatches()
    let removed = try ledger.removedBatches()
    if asJSON {
      let batchText = batches.map { batch in
        "{\"batch\":\(EscapedText.json(batch.name)),\"revision\":\(batch.revision.map(String.init) ?? "null"),"
          + "\"parts\":\(batch.parts),\"bytes\":\(batch.bytes),\"rows\":\(batch.rows),\"live_rows\":\(batch.liveRows),"
          + "\"pending_rows\":\(batch.pendingRows),\"dead_rows\":\(batch.deadRows),"
          + "\"from\":\(day(batch.minTime).map(EscapedText.json) ?? "null"),"
          + "\"to\":\(day(batch.maxTime).map(EscapedText.json) ?? "null")}"
      }
      let removedText = removed.map { batch in
        "{\"batch\":\(EscapedText.json(batch.name)),\"revision\":\(batch.revision),"
          + "\"newest_day\":\(EscapedText.json(batch.newestDay)),\"rows\":\(batch.rows),"
          + "\"rows_kept\":\(batch.rowsKept),\"files\":\(batch.files),"
          + "\"kept_since\":\(EscapedText.json(batch.keptSince)),\"removed_at\":\(EscapedText.json(batch.removedAt)),"
          + "\"reason\":\(EscapedText.json(batch.reason))}"
      }
      print("{\"batches\":[\(batchText.joined(separator: ","))],\"removed\":[\(removedText.joined(separator: ","))]}")
      return ExitCode.done
    }
    var page = TextPage()
    var rows = [["batch", "parts", "bytes", "rows", "live", "dead", "from", "to"]]
    for batch in batches {
      rows.append([
        batch.revision.map { BatchRevision.label(batch.name, $0) } ?? batch.name, "\(batch.parts)", "\(batch.bytes)",
        "\(batch.rows)", "\(batch.liveRows)", "\(batch.deadRows)", day(batch.minTime) ?? "–",
        day(batch.maxTime) ?? "–",
      ])
    }
    rows.append([
      "all", "\(batches.reduce(0) { $0 + $1.parts })", "\(batches.reduce(0) { $0 + $1.bytes })",
      "\(batches.reduce(0) { $0 + $1.rows })", "\(batches.reduce(0) { $0 + $1.liveRows })",
      "\(batches.reduce(0) { $0 + $1.deadRows })", "", "",
    ])
    page.table(rows, indent: 0)
    for batch in removed {
      page.line(
        "removed \(BatchRevision.label(batch.name, batch.revision))  newest \(batch.newestDay)  \(batch.rows) rows"
          + (batch.rowsKept > 0 ? ", \(batch.rowsKept) stay" : "")
          + "  on \(batch.removedAt)  because: \(batch.reason)", indent: 0)
    }
    print(page.text, terminator: "")
    return ExitCode.done
  }
}

private func day(_ time: Int64?) -> String? { time.map { CivilTime.text(day: CivilTime.dayOf(time: $0)) } }

/// `yijian store verify`: holds every byte of every part against the catalogue. 0 if all are as they were written,
/// 1 if not.
public func verifyStore(_ choice: StoreChoice) -> Int32 {
  running { printer in
    let ledger = try choice.inspect()
    let parts = try ledger.parts()
    let problems = try ledger.verifyParts()
    for problem in problems { printer.send(.diagnostic(problem)) }
    let bytes = parts.reduce(0) { $0 + $1.bytes }
    if problems.isEmpty {
      print("\(parts.count) parts, \(bytes) bytes: every digest holds")
      return ExitCode.done
    }
    print("\(problems.count) of \(parts.count) parts are NOT as they were written")
    return ExitCode.saysNo
  }
}

/// - Throws: `usage.unknown-batch`, if the store has no such batch.
private func checkKnown(_ batches: [String], _ ledger: Ledger) throws {
  if batches.isEmpty { return }
  let known = Set(try ledger.latestRevisions().map(\.name))
  if let name = batches.first(where: { !known.contains($0) }) {
    throw Diagnostic(
      .error, "usage.unknown-batch", "the store has no batch '\(name)'", remedy: "'yijian store list' names all batches"
    )
  }
}

/// `yijian store compact`: merges parts and leaves out rows that nobody reads.
public func compactStore(_ choice: StoreChoice, batches: [String]) -> Int32 {
  running { _ in
    let ledger = try choice.open()
    try checkKnown(batches, ledger)
    let result = try ledger.compact(batches: batches.isEmpty ? nil : Set(batches), toolVersion: toolVersion)
    print(
      "\(result.partsBefore) parts, \(result.bytesBefore) bytes → \(result.partsAfter) parts, \(result.bytesAfter) bytes; "
        + "\(result.rowsRemoved) rows of replaced files removed")
    return ExitCode.done
  }
}

/// `yijian store export`: writes live rows for other programs.
public func exportStore(
  _ choice: StoreChoice, to folder: String, batches: [String], tables: [String], asCSV: Bool
) -> Int32 {
  running { _ in
    let ledger = try choice.inspect()
    let wanted = try tables.map { name in
      guard let table = ClaimTable(name: name) else {
        throw Diagnostic(
          .error, "usage.unknown-table", "there is no table '\(name)'",
          remedy: "tables: " + ClaimTable.allCases.map(\.name).joined(separator: ", "))
      }
      return table
    }
    try checkKnown(batches, ledger)
    let result = try ledger.reading {
      try ledger.exportRows(
        to: RunSetup.absolute(folder), format: asCSV ? .csv : .parquet, batches: batches.isEmpty ? nil : Set(batches),
        tables: Set(wanted.isEmpty ? ClaimTable.allCases : wanted), toolVersion: toolVersion)
    }
    print("\(result.rows) rows in \(result.files) files: \(folder)")
    return ExitCode.done
  }
}

/// From which day on claims are kept.
public enum RetentionLine: Sendable {
  /// `yyyy-MM-dd`.
  case since(String)
  /// So many weeks before the day of the last run.
  case weeks(Int)
}

/// `yijian store retain`: removes the rows of batches whose newest settlement is before a day, with a record of it, but
/// for rows on which findings inside `look_back_days` rest or may come to rest (`RetentionPlan`).
///
/// A day within `look_back_days` of the last run's is refused: findings whose days are still looked at would be judged
/// without their rows. An incomplete batch that nobody accepted stays, for it can be mended only while it is there.
///
/// - Parameter registries: folder of the registries of the last run, if it was given another than the pipeline's.
public func retainStore(
  _ choice: StoreChoice, keep line: RetentionLine, reason: String, registries: String? = nil, dryRun: Bool
) -> Int32 {
  running { printer in
    let ledger = try dryRun ? choice.inspect() : choice.open()
    let last = try ledger.lastSnapshot()
    guard let asOf = last.run?.asOf.flatMap(CivilTime.parseDay) else {
      throw Diagnostic(
        .error, "usage.empty-store", "the store holds no finished run", at: Place(file: ledger.folder),
        remedy: "run the pipeline first")
    }
    let since: Int64
    switch line {
    case .since(let text):
      guard let day = CivilTime.parseDay(text) else {
        throw Diagnostic(.error, "usage.bad-day", "'\(text)' is no day", remedy: "give it as yyyy-MM-dd")
      }
      since = day
    case .weeks(let weeks): since = asOf - Int64(weeks) * 7
    }
    let file = try PipelineFile.read(choice.pipeline)
    if since > asOf - file.lookBackDays {
      throw Diagnostic(
        .error, "usage.look-back",
        "\(CivilTime.text(day: since)) lies within look_back_days (\(file.lookBackDays)) of the last run's day "
          + CivilTime.text(day: asOf),
        remedy:
          "keep claims at least since \(CivilTime.text(day: asOf - file.lookBackDays)), or make look_back_days smaller "
          + "first")
    }
    let sinceText = CivilTime.text(day: since)
    let old = try ledger.batchesOlder(than: since)
    if old.isEmpty {
      print("no batch ends before \(sinceText); nothing to remove")
      return ExitCode.done
    }
    let incomplete = old.filter { $0.revision.blocksPackets }
    for (revision, _) in incomplete {
      print("\(revision.label) stays whole: it is incomplete; have it mended or accept it first")
    }
    let names = Set(old.map(\.revision.name)).subtracting(incomplete.map(\.revision.name))
    let (plan, knowsRegistries) = try retentionPlan(
      ledger, file: file, old: names, since: since, last: last, registries: registries)
    func printKept(_ verb: String) {
      for reason in RetentionPlan.Reason.allCases where plan.kept[reason.rawValue].rows > 0 {
        let kept = plan.kept[reason.rawValue]
        print(
          "\(verb) \(kept.rows) row\(kept.rows == 1 ? "" : "s") of \(kept.persons) "
            + "person\(kept.persons == 1 ? "" : "s"): \(reason.text(sinceText, margin: plan.margin))")
        if reason == .stock, !knowsRegistries {
          print(
            "  (the last run's registries were not found, so whoever may hold any stays; give them with --registries)")
        }
      }
    }
    let kept = last.findings.filter { record in
      record.state != .withdrawn && (record.finding.to.map { $0 < since } ?? false)
    }.count
    if dryRun {
      for (revision, newest) in old where plan.batches.contains(revision.name) {
        print(
          "would remove \(revision.label)  newest \(CivilTime.text(day: newest))  "
            + "\(plan.removed[revision.name] ?? 0) rows  \(revision.files.count) files")
      }
      printKept("would keep")
      print("\(kept) findings before \(sinceText) would keep their last amounts")
      return ExitCode.done
    }
    let (removed, rewrite) = try ledger.removeBatches(
      olderThan: since, only: plan.batches, keeping: plan.lines, at: RunClock.now().text, reason: reason,
      toolVersion: toolVersion)
    for batch in removed {
      print(
        "removed \(BatchRevision.label(batch.name, batch.revision))  newest \(batch.newestDay)  \(batch.rows) rows  "
          + "\(batch.files) files" + (batch.rowsKept > 0 ? "; \(batch.rowsKept) rows of it stay" : ""))
    }
    printKept("kept")
    if removed.isEmpty {
      print("nothing to remove")
      return ExitCode.done
    }
    print(
      "\(rewrite.bytesBefore) → \(rewrite.bytesAfter) bytes; \(kept) findings before \(sinceText) keep "
        + "their last amounts")
    return ExitCode.done
  }
}

/// What stays, and whether the registries are those of the last run as far as stocks depend on them.
func retentionPlan(
  _ ledger: Ledger, file: PipelineFile, old: Set<String>, since: Int64, last: RunSnapshot, registries: String?,
  unitRows: Int? = nil
) throws -> (RetentionPlan, knowsRegistries: Bool) {
  let (jurisdiction, pack) = try loadRules(file)
  let codes = CodeTable()
  let stocks = pack.rules.filter(\.carriesStock)
  var tables = Registries()
  if !stocks.isEmpty {
    tables = try loadRegistries(
      folder: registries.map(RunSetup.absolute) ?? file.registries ?? "", knowledge: file.knowledge, codes: codes)
  }
  let changed = Set(changedRegistries(since: last.run, tables))
  let needed = Set(stocks.flatMap { $0.needs + $0.lookups.map(\.table) })
  // What a visit is, med_type_b decides before any rule is asked: a rule's own conditions are no help then.
  var rules = pack.rules
  if changed.contains("med_type_b") { for i in rules.indices { rules[i].scope = .boolean(true) } }
  let knowsRegistries = changed.isDisjoint(with: needed.union(["med_type_b"]))
  let plan = try RetentionPlan(
    ledger, old: old, since: since, findings: last.findings, rules: rules,
    setting: StoreState.Setting(
      rules: stocks, registries: tables, codes: codes, excludedSetlTypes: jurisdiction.excludedSetlTypes),
    knowsRegistries: knowsRegistries, unitRows: unitRows)
  return (plan, knowsRegistries)
}
