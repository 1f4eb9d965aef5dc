import ClaimModel
import Diagnostics
import Foundation

private func complain(_ problems: [Diagnostic]) {
  for problem in problems { writeMessage(problem.rendered() + "\n") }
}

private func failed(_ error: any Error) -> Int32 {
  let problems = (error as? Diagnostics)?.all ?? (error as? Diagnostic).map { [$0] } ?? []
  if problems.isEmpty {
    complain([Diagnostic(.error, "knowledge.io", "\(error)")])
    return 2
  }
  complain(problems)
  if problems.contains(where: { $0.code == "knowledge.io" || $0.code == "intake.changed" }) { return 2 }
  return problems.contains { $0.code.hasPrefix("usage.") } ? 64 : 65
}

/// A day of the command line; throws `usage.bad-day`.
private func dayOption(_ text: String?, _ name: String) throws -> Int64? {
  guard let text else { return nil }
  guard let day = CivilTime.parseDay(text) else {
    throw Diagnostic(.error, "usage.bad-day", "--\(name) is not a day", remedy: "write it as yyyy-MM-dd")
  }
  return day
}

/// `yijian knowledge import`. 0 also where rows were rejected one by one; 64 usage; 65 a file is invalid; 2 disk.
public func importKnowledgeCommand(
  files: [String], store: String, batch: String?, published: String?, from: String?, wordings: String,
  crosswalk: String?, region: String?
) -> Int32 {
  do {
    if let batch, !isBatchLabel(batch) {
      throw Diagnostic(
        .error, "usage.bad-batch", "--batch takes at most eight letters, digits or points",
        remedy: "write the number under which the batch was published")
    }
    if let region, region.utf8.count != 6 || !region.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
      throw Diagnostic(.error, "usage.bad-region", "--region takes six digits", remedy: "write an admdvs, as 320100")
    }
    let options = KnowledgeImportOptions(
      batch: batch, published: try dayOption(published, "published"), begin: try dayOption(from, "from"))
    let report = try importKnowledge(
      KnowledgeImportRequest(
        files: files, store: store, options: options, wordings: wordings, crosswalk: crosswalk, region: region))
    complain(report.read.remarks)
    print(report.text, terminator: "")
    return 0
  } catch {
    return failed(error)
  }
}

private func openStore(_ folder: String) throws -> KnowledgeStore {
  guard fileExists(folder + "/batches.csv") else {
    throw Diagnostic(
      .error, "usage.no-knowledge", "there is no knowledge store", at: Place(file: folder),
      remedy: "give --store DIR, or make one with yijian knowledge import")
  }
  return try KnowledgeStore(folder: folder)
}

/// `yijian knowledge list`.
public func listKnowledgeCommand(store folder: String) -> Int32 {
  do {
    let store = try openStore(folder)
    print(listText(store), terminator: "")
    return 0
  } catch {
    return failed(error)
  }
}

/// Lists of the store, oldest first; columns are filled with blanks.
public func listText(_ store: KnowledgeStore) -> String {
  var rows = [["batch", "published", "class", "gz_code", "shape", "points", "codes", "name"]]
  for batch in store.batches {
    let known = KnowledgeClass.named(batch.classID)
    rows.append([
      batch.batch, CivilTime.text(day: batch.published), batch.classID, known?.gzCode ?? "-", known?.shape ?? "-",
      String(batch.points), String(batch.codes), known?.name ?? "",
    ])
  }
  let widths = (0..<7).map { column in rows.map { $0[column].utf8.count }.max() ?? 0 }
  var text = ""
  for row in rows {
    for column in 0..<7 {
      text += row[column] + String(repeating: " ", count: widths[column] + 2 - row[column].utf8.count)
    }
    text += row[7] + "\n"
  }
  text +=
    "\(store.points.count) points, \(Set(store.points.map(\.code)).count) codes, \(store.rejects.count) rows rejected\n"
  return text
}

/// `yijian knowledge show CODE`; 1 if no point speaks of the code.
public func showKnowledgeCommand(code: String, store folder: String) -> Int32 {
  do {
    let store = try openStore(folder)
    let local = fileExists(folder + "/crosswalk.csv") ? try Crosswalk(path: folder + "/crosswalk.csv") : nil
    let text = showText(code, store, crosswalk: local)
    print(text ?? "no knowledge point speaks of \(uppercased(folded(code)))\n", terminator: "")
    return text == nil ? 1 : 0
  } catch {
    return failed(error)
  }
}

/// Every point of a code, also superseded ones, also where the code is the second of a pair, or a local code of the
/// crosswalk; nil if there is none.
public func showText(_ code: String, _ store: KnowledgeStore, crosswalk: Crosswalk?) -> String? {
  let asked = uppercased(folded(code))
  var codes = [asked]
  for entry in crosswalk?.entries ?? [] where entry.local == asked && !codes.contains(entry.national) {
    codes.append(entry.national)
  }
  // A point of ten characters speaks of every code of its generic.
  if let generic = codes.first(where: { [20, 23].contains($0.utf8.count) }) {
    codes.append(String(generic.prefix(10)))
  }
  func speaks(_ point: KnowledgePoint) -> Bool {
    if codes.contains(point.code) { return true }
    if case .exclusion(let other, _) = point.shape { return codes.contains(other) }
    return false
  }
  let holding = Dictionary(
    effectivePoints(store.points).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  let files = Dictionary(store.counts.map { ($0.digest, $0.file) }, uniquingKeysWith: { first, _ in first })
  var lines: [String] = []
  for point in store.points where speaks(point) {
    let known = KnowledgeClass.named(point.classID)
    lines.append("\(point.id)  \(known?.name ?? point.classID)\(known?.gzCode.map { "  \($0)" } ?? "")")
    lines.append("  code       \(point.code)\(point.name.map { "  \($0)" } ?? "")")
    if case .exclusion(let other, _) = point.shape {
      lines.append("  excludes   \(other)\(point.otherName.map { "  \($0)" } ?? "")")
    }
    lines.append("  says       \(sentence(point.shape))")
    if let held = holding[point.id] {
      lines.append(
        "  valid      \(CivilTime.text(day: held.begin)) to \(dayText(held.end) ?? "open")\(held.end == point.end ? "" : ", then superseded")"
      )
    } else {
      lines.append("  valid      never: superseded from its first day")
    }
    lines.append("  published  \(CivilTime.text(day: point.published)), batch \(point.batch)")
    if let text = point.text { lines.append("  text       \(text)") }
    if let basis = point.basis { lines.append("  basis      \(basis)") }
    let sheet = point.sheet.isEmpty ? "" : " sheet \(point.sheet),"
    let textRow = point.textRow.map { ", text in row \($0)" } ?? ""
    lines.append(
      "  source     \(files[point.digest] ?? "?"),\(sheet) row \(point.row)\(textRow), sha256 \(point.digest.prefix(12))"
    )
    for entry in crosswalk?.locals(of: point.code, region: nil) ?? [] {
      lines.append(
        "  local      \(entry.local)\(entry.admdvs.map { " in \($0)" } ?? "") from \(CivilTime.text(day: entry.begin)) to \(dayText(entry.end) ?? "open")"
      )
    }
  }
  return lines.isEmpty ? nil : lines.joined(separator: "\n") + "\n"
}

/// A shape in words.
func sentence(_ shape: KnowledgeShape) -> String {
  func window(_ window: KnowledgeWindow) -> String {
    window.length == 1 ? "one \(window.unit.rawValue)" : "\(window.length) \(window.unit.rawValue)s"
  }
  func age(_ minimum: Int?, _ maximum: Int?, _ unit: AgeUnit?) -> String {
    let unit = unit.map { " \($0.rawValue)s" } ?? ""
    switch (minimum, maximum) {
    case (let low?, let high?): return "from \(low) to \(high)\(unit)"
    case (let low?, nil): return "from \(low)\(unit)"
    case (nil, let high?): return "up to \(high)\(unit)"
    case (nil, nil): return "bounds set locally"
    }
  }
  switch shape {
  case .allowed(let attribute, let values): return "\(attribute.rawValue): \(values.joined(separator: ", "))"
  case .age(let group, let minimum, let maximum, let unit): return "age: \(group), \(age(minimum, maximum, unit))"
  case .ceiling(let limit, let unit, let stretch): return "at most \(limit) \(unit.rawValue) in \(window(stretch))"
  case .exclusion(_, let stretch): return "not together within \(window(stretch))"
  case .requires(let codes): return "needs one of \(codes.joined(separator: ", "))"
  case .package(let codes): return "holds \(codes.joined(separator: ", "))"
  case .diagnoses(let codes): return "only with a diagnosis of \(codes.joined(separator: ", "))"
  case .patient(let sex, let minimum, let maximum, let unit):
    return [sex, minimum == nil && maximum == nil ? nil : age(minimum, maximum, unit)].compactMap { $0 }
      .joined(separator: ", ")
  case .replacement(let group, let percent):
    return "group \(group): all but the first at \(percent.map { "\($0) percent" } ?? "a part that is set locally")"
  }
}

/// `yijian knowledge diff A B`: two stores, or two batches of one store.
public func diffKnowledgeCommand(_ a: String, _ b: String, store folder: String) -> Int32 {
  do {
    let before = try side(a, folder)
    let after = try side(b, folder)
    print(diffText(before, after), terminator: "")
    return 0
  } catch {
    return failed(error)
  }
}

private func side(_ name: String, _ folder: String) throws -> [KnowledgePoint] {
  if fileExists(name + "/batches.csv") { return effectivePoints(try KnowledgeStore(folder: name).points) }
  let store = try openStore(folder)
  let points = store.points.filter { $0.batch == name }
  if points.isEmpty {
    let known = Set(store.batches.map(\.batch)).sorted(by: batchPrecedes).joined(separator: ", ")
    throw Diagnostic(
      .error, "usage.no-knowledge", "\(name) is neither a knowledge store nor a batch of the store",
      at: Place(file: folder), notes: ["The store has the batches \(known)."],
      remedy: "name two folders, or two batches of --store DIR")
  }
  return points
}

/// What the second side says anew, no longer, or otherwise; by class and code.
public func diffText(_ before: [KnowledgePoint], _ after: [KnowledgePoint]) -> String {
  func latest(_ points: [KnowledgePoint]) -> [String: KnowledgePoint] {
    // The last that was said of a subject.
    Dictionary(points.sorted(by: KnowledgePoint.isEarlier).map { ($0.subjectKey, $0) }, uniquingKeysWith: { $1 })
  }
  let (old, new) = (latest(before), latest(after))
  var lines: [String] = []
  var counts = (added: 0, removed: 0, changed: 0, same: 0)
  for key in Set(old.keys).union(new.keys).sorted(by: bytesPrecede) {
    func line(_ mark: String, _ point: KnowledgePoint, _ what: String) {
      var other = ""
      if case .exclusion(let code, _) = point.shape { other = " × \(code)" }
      lines.append(
        "\(mark) \(point.classID) \(point.code)\(other)\(point.name.map { " \($0)" } ?? ""): \(what)")
    }
    switch (old[key], new[key]) {
    case (nil, let b?):
      counts.added += 1
      line("+", b, sentence(b.shape))
    case (let a?, nil):
      counts.removed += 1
      line("-", a, sentence(a.shape))
    case (let a?, let b?):
      var changes: [String] = []
      if a.shape != b.shape { changes.append("\(sentence(a.shape)) → \(sentence(b.shape))") }
      if a.text != b.text { changes.append("text: \(a.text ?? "(none)") → \(b.text ?? "(none)")") }
      if a.begin != b.begin || a.end != b.end {
        func days(_ point: KnowledgePoint) -> String {
          "\(CivilTime.text(day: point.begin)) to \(dayText(point.end) ?? "open")"
        }
        changes.append("valid \(days(a)) → \(days(b))")
      }
      if changes.isEmpty {
        counts.same += 1
      } else {
        counts.changed += 1
        line("~", b, changes.joined(separator: "; "))
      }
    case (nil, nil): break
    }
  }
  lines.append("\(counts.added) added, \(counts.removed) removed, \(counts.changed) changed, \(counts.same) the same")
  return lines.joined(separator: "\n") + "\n"
}
