import Foundation
import Testing

@testable import ClaimModel
@testable import Intake

/// Documentation/inputs.md says what the code takes, both ways: what one of the two lacks fails.
@Suite struct InputsPage {
  private static let page = "Documentation/inputs.md"

  /// Headings of a level under another heading, to the next one of its level.
  private func headings(under parent: String) throws -> [String] {
    var isUnder = false
    return try text(Self.page).split(separator: "\n").compactMap { line in
      if line.hasPrefix("## ") { isUnder = line == "## \(parent)" }
      return isUnder && line.hasPrefix("### ") ? String(line.dropFirst(4)) : nil
    }
  }

  /// Cells of the tables under a heading, to the next heading; of each table without its two head lines.
  private func tables(under heading: String) throws -> [[[String]]] {
    var isUnder = false
    var tables: [[[String]]] = []
    var last = ""
    for line in try text(Self.page).split(separator: "\n", omittingEmptySubsequences: false) {
      defer { last = String(line) }
      if line.hasPrefix("#") { isUnder = line.drop { $0 == "#" } == " \(heading)" }
      guard isUnder, line.hasPrefix("|") else { continue }
      if !last.hasPrefix("|") { tables.append([]) }
      tables[tables.count - 1].append(
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
          $0.trimmingCharacters(in: .whitespaces)
        })
    }
    return tables.map { Array($0.dropFirst(2)) }
  }

  private func table(_ number: Int, under heading: String) throws -> [[String]] {
    let found = try tables(under: heading)
    try #require(number < found.count, "\(Self.page) has no table \(number) under \(heading)")
    return found[number]
  }

  /// Says which lines the page lacks and which it has too many; the order counts.
  private func expect(_ lines: [[String]], _ wanted: [[String]], _ what: String) {
    let missing = wanted.filter { !lines.contains($0) }.map { $0.joined(separator: " | ") }
    let stale = lines.filter { !wanted.contains($0) }.map { $0.joined(separator: " | ") }
    #expect(missing.isEmpty, "\(Self.page), \(what): add \(missing.joined(separator: "\n"))")
    #expect(stale.isEmpty, "\(Self.page), \(what): no source has \(stale.joined(separator: "\n"))")
    #expect(lines == wanted, "\(Self.page), \(what): another order, or a line twice")
  }

  private func quoted(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }

  private func marks(_ all: [(String, Bool)]) -> String { all.filter(\.1).map(\.0).joined(separator: ", ") }

  // MARK: Claim files

  @Test func namesTheClaimTables() throws {
    expect(
      try table(1, under: "Claim files").map { [$0[0], $0[1], $0[3]] },
      ClaimTable.allCases.map { [quoted([$0.name]), quoted($0.aliases), quoted($0.key)] }, "claim tables")
    #expect(try headings(under: "Columns of the claim tables") == ClaimTable.allCases.map(\.name))
    let endings = try table(0, under: "Claim files").first { $0[0] == "packing" }?[1] ?? ""
    #expect(endings.contains("endings \(BatchFinder.endings.map { "`\($0)`" }.joined(separator: " "))."))
  }

  @Test(arguments: ClaimTable.allCases)
  func namesTheColumnsOfAClaimTable(_ claims: ClaimTable) throws {
    let wanted = claims.columns.enumerated().map { i, column in
      let others = ClaimTable.aliasPairs.flatMap { [$0.0, $0.1] }.filter {
        $0 != column.name && claims.column(named: $0) == column.name
      }
      return [
        String(i + 1), quoted([column.name]), quoted(others), column.caption, column.kind.rawValue,
        marks([
          ("key", claims.key.contains(column.name)), ("needed", column.needed), ("required", column.required),
          // A text is never bad.
          ("rejects", column.rejectsRow && column.kind != .text),
        ]),
      ]
    }
    #expect(wanted.count > 20)
    expect(try table(0, under: claims.name), wanted, claims.name)
    // The page has one mark for a null that rejects, whatever the kind.
    #expect(claims.columns.allSatisfy { !$0.required || $0.rejectsRow })
    #expect(claims.columns.allSatisfy { $0.kind != .text || $0.required == $0.rejectsRow })
  }

  @Test func namesTheKindsOfValues() throws {
    let kinds = try table(0, under: "Values")
    #expect(kinds.map { $0[0] } == ValueKind.allCases.map { "`\($0.rawValue)`" })
    for row in kinds {
      let kind = try #require(ValueKind(rawValue: row[0].trimmingCharacters(in: ["`"])))
      guard let scale = kind.scale, scale > 0 else { continue }
      #expect(row[1].contains("at most \(scale) decimals"), "\(kind)")
      #expect(kind == .money ? row[2] == "fen" : row[2].hasPrefix("1/1" + String(repeating: "0", count: scale)))
    }
  }

  @Test func namesTheLimits() throws {
    let limits = IntakeLimits()
    expect(
      try table(0, under: "Limits").map { [$0[1], $0[2]] },
      [
        ["\(limits.maxRatio)", "`max_ratio`"], ["\(limits.maxMemberBytes >> 30) GiB", "`max_member_bytes`"],
        ["\(limits.maxFileBytes >> 30) GiB", "`max_file_bytes`"], ["\(limits.maxMembers)", ""],
        ["\(limits.maxGzipMembers)", ""], ["\(limits.maxPathDepth)", ""], ["\(limits.maxPathDepth)", ""],
        ["\(LineReader.maxLineBytes >> 20) MiB", ""], ["\(RowSplitter.maxFieldBytes >> 20) MiB", ""],
      ], "limits")
  }

  // MARK: delivery.csv

  @Test func namesTheColumnsOfADelivery() throws {
    let page = try table(0, under: "delivery.csv")
    let read = try matches("[^a-z]value\\(\"([a-z_]+)\"\\)", [text("Sources/Intake/Delivery.swift")])
    #expect(Set(page.map { $0[0] }) == Set(read.map { "`\($0)`" }))
    let names = page.map { $0[0].trimmingCharacters(in: ["`"]) }
    #expect(names.count == read.count)
    for (name, marks) in zip(names, page.map { $0[1] }) {
      let others = names.filter { $0 != name }.joined(separator: ",")
      let isTaken = (try? Delivery(table: CSVTable(bytes: Array((others + "\n").utf8), name: "d"), name: "d")) != nil
      #expect(isTaken == (marks != "required"), "a delivery.csv without \(name)")
    }
  }

  // MARK: Registries

  @Test func namesTheRegistries() throws {
    let wanted = RegistrySchema.all.map { schema in
      [
        quoted([schema.name]), quoted(schema.key), schema.reading == .one ? "one" : "any",
        schema.hasValidity ? "yes" : "", schema.hasRegion ? "yes" : "",
      ]
    }
    expect(
      try table(0, under: "Registries").map { [$0[0], $0[2], $0[3], $0[4], $0[5]] }, wanted, "registries")
    #expect(try headings(under: "Registries") == RegistrySchema.all.map(\.name))
  }

  @Test(arguments: RegistrySchema.all.map(\.name))
  func namesTheColumnsOfARegistry(_ name: String) throws {
    let schema = try #require(RegistrySchema.named(name))
    // Before it a page may explain values in another table.
    let columns = try #require(try tables(under: name).last)
    expect(
      columns.map { Array($0.prefix(3)) },
      schema.columns.map { column in
        [
          quoted([column.name]), column.kind.rawValue,
          marks([("key", schema.key.contains(column.name)), ("required", column.required)]),
        ]
      }, name)
    // What the page says of all of them at once.
    #expect(schema.hasValidity == (schema.kind(of: "begndate") == .day && schema.kind(of: "enddate") == .day))
    #expect(schema.key.allSatisfy { key in schema.columns.contains { $0.name == key && $0.required } })
    #expect(!schema.hasRegion || schema.key.contains("admdvs"))
  }

  /// Which rules need a registry, and which read it where it is there.
  @Test func saysWhichRulesReadARegistry() throws {
    let folder = root.appendingPathComponent("Pipelines/rules").path
    var needing: [String: [String]] = [:]
    var reading: [String: [String]] = [:]
    for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    where file.hasSuffix(".yml") && !file.hasSuffix(".test.yml") {
      let rule = try text("Pipelines/rules/\(file)")
      let needs = try matches("^needs: \\[([^\\]]*)\\]", [rule]).flatMap { list in
        list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      for table in needs { needing[table, default: []].append(String(file.dropLast(4))) }
      for table in try matches("table: ([a-z_]+)", [rule]).subtracting(needs) {
        reading[table, default: []].append(String(file.dropLast(4)))
      }
    }
    #expect(needing.count > 5 && !reading.isEmpty, "the patterns no longer find the registries")
    expect(
      try table(0, under: "Registries").map { [$0[0], $0[6], $0[7]] },
      RegistrySchema.all.map { schema in
        [
          quoted([schema.name]), (needing[schema.name] ?? []).joined(separator: ", "),
          (reading[schema.name] ?? []).joined(separator: ", "),
        ]
      }, "rules")
  }

  /// The medical categories that hold where no med_type_b is delivered.
  @Test func namesTheCategoriesThatShip() throws {
    let found = try tables(under: "med_type_b")
    try #require(found.count == 2)
    var classes: [[String]] = []
    for row in MedTypeRow.shipped {
      if classes.last?[0] == row.visitClass {
        classes[classes.count - 1][1] += ", \(row.medType)"
      } else {
        classes.append([row.visitClass, row.medType])
      }
    }
    expect(found[0], classes, "categories")
    for (flag, column) in [("opsp_flag", \MedTypeRow.opspFlag), ("reg_flag", \MedTypeRow.regFlag)] {
      let listed = try matches("`\(flag)` 1: ([0-9, ]+)\\.", [text(Self.page)])
      #expect(listed.count == 1)
      let codes = (listed.first ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      #expect(Set(codes) == Set(MedTypeRow.shipped.filter { $0[keyPath: column] == "1" }.map(\.medType)), "\(flag)")
    }
  }
}
