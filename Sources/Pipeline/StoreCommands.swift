import ClaimModel
import ClaimStore
import Diagnostics
import Foundation

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
    guard FileManager.default.fileExists(atPath: folder + "/ledger.sqlite") else { throw empty(folder) }
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
        "{\"batch\":\(jsonString(batch.name)),\"revision\":\(batch.revision.map(String.init) ?? "null"),"
          + "\"parts\":\(batch.parts),\"bytes\":\(batch.bytes),\"rows\":\(batch.rows),\"live_rows\":\(batch.liveRows),"
          + "\"pending_rows\":\(batch.pendingRows),\"dead_rows\":\(batch.deadRows),"
          + "\"from\":\(day(batch.minTime).map(jsonString) ?? "null"),"
          + "\"to\":\(day(batch.maxTime).map(jsonString) ?? "null")}"
      }
      let removedText = removed.map { batch in
        "{\"batch\":\(jsonString(batch.name)),\"revision\":\(batch.revision),"
          + "\"newest_day\":\(jsonString(batch.newestDay)),\"rows\":\(batch.rows),\"files\":\(batch.files),"
          + "\"kept_since\":\(jsonString(batch.keptSince)),\"removed_at\":\(jsonString(batch.removedAt)),"
          + "\"reason\":\(jsonString(batch.reason))}"
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
        "removed \(BatchRevision.label(batch.name, batch.revision))  newest \(batch.newestDay)  \(batch.rows) rows  "
          + "on \(batch.removedAt)  because: \(batch.reason)", indent: 0)
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

/// `yijian store compact`: merges parts and leaves out rows that nobody reads.
public func compactStore(_ choice: StoreChoice, batches: [String]) -> Int32 {
  running { _ in
    let ledger = try choice.open()
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
    let known = Set(try ledger.latestRevisions().map(\.name))
    if let name = batches.first(where: { !known.contains($0) }) {
      throw Diagnostic(
        .error, "usage.unknown-batch", "the store has no batch '\(name)'",
        remedy: "'yijian store list' names all batches")
    }
    let result = try ledger.exportRows(
      to: RunSetup.absolute(folder), format: asCSV ? .csv : .parquet, batches: batches.isEmpty ? nil : Set(batches),
      tables: Set(wanted.isEmpty ? ClaimTable.allCases : wanted), toolVersion: toolVersion)
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

/// `yijian store retain`: removes batches whose newest settlement is before a day, with a record of it.
///
/// A day within `look_back_days` of the last run's is refused: the next run would withdraw findings whose rows are gone
/// as if they had been reversed.
public func retainStore(_ choice: StoreChoice, keep line: RetentionLine, reason: String, dryRun: Bool) -> Int32 {
  running { _ in
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
    let lookBack = try PipelineFile.read(choice.pipeline).lookBackDays
    if since > asOf - lookBack {
      throw Diagnostic(
        .error, "usage.look-back",
        "\(CivilTime.text(day: since)) lies within look_back_days (\(lookBack)) of the last run's day "
          + CivilTime.text(day: asOf),
        remedy:
          "keep claims at least since \(CivilTime.text(day: asOf - lookBack)), or make look_back_days smaller first")
    }
    let old = try ledger.batchesOlder(than: since)
    let kept = last.findings.filter { record in
      record.state != .withdrawn && (record.finding.to.map { $0 < since } ?? false)
    }.count
    if old.isEmpty {
      print("no batch ends before \(CivilTime.text(day: since)); nothing to remove")
      return ExitCode.done
    }
    if dryRun {
      for (revision, newest) in old {
        print("would remove \(revision.label)  newest \(CivilTime.text(day: newest))  \(revision.files.count) files")
      }
      print("\(kept) findings before \(CivilTime.text(day: since)) would keep their last amounts")
      return ExitCode.done
    }
    let (removed, rewrite) = try ledger.removeBatches(
      olderThan: since, at: RunClock.now().text, reason: reason, toolVersion: toolVersion)
    for batch in removed {
      print(
        "removed \(BatchRevision.label(batch.name, batch.revision))  newest \(batch.newestDay)  \(batch.rows) rows  "
          + "\(batch.files) files")
    }
    print(
      "\(rewrite.bytesBefore) → \(rewrite.bytesAfter) bytes; \(kept) findings before \(CivilTime.text(day: since)) keep "
        + "their last amounts")
    return ExitCode.done
  }
}
