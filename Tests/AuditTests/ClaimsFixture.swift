import ClaimModel
import Foundation
import Registries
import RulePacks

/// Claims written down row by row: columns by name, values as a file has them, derived columns given like others.
struct ClaimsFixture {
  var rows: [Entity: [[String: String]]] = [:]

  mutating func add(_ entity: Entity, _ row: [String: String]) { rows[entity, default: []].append(row) }

  /// The same rows in the opposite order.
  var reversed: ClaimsFixture { ClaimsFixture(rows: rows.mapValues { $0.reversed() }) }

  func claims(_ codes: CodeTable = CodeTable()) -> EffectiveClaims {
    var tables: [Entity: EntityTable] = [:]
    var rows = rows
    let persons = Set((rows[.settlement] ?? []).compactMap { $0["psn_no"] }).subtracting([""])
    rows[.person] = persons.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { ["psn_no": $0] }
    for entity in Entity.allCases {
      let own = rows[entity] ?? []
      var columns: [String: ColumnData] = [:]
      for name in Set(own.flatMap(\.keys)) {
        guard let kind = entity.kind(of: name) else { continue }
        if kind == .text {
          columns[name] = .text(own.map { codes.intern($0[name] ?? "") })
        } else {
          columns[name] = .number(
            own.map { row in
              var text = row[name] ?? ""
              return text.withUTF8 { kind.parse(UnsafeRawBufferPointer($0)) } ?? ColumnData.null
            })
        }
      }
      tables[entity] = EntityTable(entity: entity, count: own.count, columns: columns)
    }
    for entity in Entity.allCases {
      for parent in entity.parents {
        // Lines belong to settlements by setl_id, and to the person of these; persons' rows are theirs by psn_no; all
        // else hangs together by mdtrt_id.
        if entity == .line && parent == .person { continue }
        let key = parent == .person ? "psn_no" : entity == .line && parent == .settlement ? "setl_id" : "mdtrt_id"
        var places: [String: Int32] = [:]
        for (i, row) in (rows[parent] ?? []).enumerated() { places[row[key] ?? "-"] = Int32(i) }
        tables[entity]?.parent[parent] = (rows[entity] ?? []).map { places[$0[key] ?? "?"] ?? -1 }
      }
    }
    let personOf = tables[.settlement]?.parent[.person] ?? []
    let settlementOf = tables[.line]?.parent[.settlement] ?? []
    tables[.line]?.parent[.person] = settlementOf.map { $0 < 0 ? -1 : personOf[Int($0)] }
    for entity in Entity.allCases {
      for child in entity.children {
        let parent = tables[child]?.parent[entity] ?? []
        let count = tables[entity]?.count ?? 0
        tables[entity]?.children[child] = Children(parent: parent, parents: count)
      }
    }
    return EffectiveClaims(codes: codes, tables: tables)
  }
}

/// Registries from CSV texts by table name.
func registries(_ files: [String: String], _ codes: CodeTable) throws -> Registries {
  let path = NSTemporaryDirectory() + "audit-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  for (name, text) in files {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name + ".csv"))
  }
  return try loadRegistries(folder: path, codes: codes)
}

/// `binding.column`, or `binding.entity.column`; the kind from the entity's tables.
func claim(_ path: String, _ entity: Entity) -> Expr {
  var parts = path.split(separator: ".").map(String.init)
  let binding = parts.removeFirst()
  let column = parts.removeLast()
  let steps = parts.compactMap(Entity.init(rawValue:))
  return .claim(
    binding: binding, path: steps, column: column, kind: (steps.last ?? entity).kind(of: column) ?? .text)
}

func line(_ path: String) -> Expr { claim("line." + path, .line) }
func settlement(_ path: String) -> Expr { claim("settlement." + path, .settlement) }

func day(_ text: String) -> Int64 { CivilTime.parseDay(text) ?? 0 }

/// A case that always holds.
func always(_ verdict: Verdict, precedence: Int = 1) -> [VerdictCase] {
  [VerdictCase(when: .boolean(true), verdict: verdict, severity: .high, precedence: precedence)]
}
