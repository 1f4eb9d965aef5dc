import Audit
import ClaimModel
import ClaimStore
import Foundation
import Registries
import RulePacks

/// The registries under which the last run's state was made, where some tables of single persons differ from today's.
///
/// New registrations come every week. Whose findings they can change is told by comparing the tables; what those
/// persons gave before is worked out once more with the tables of then and taken out.
struct EarlierRegistries: Sendable {
  /// A table of then.
  struct Version: Codable, Sendable, Hashable {
    /// SHA-256 of the delivered file.
    var digest: String
    /// Of the columns that rules read.
    var image: EvaluationFile
  }

  /// All registries of then, in the code table of today's.
  let shelf: RegistryShelf
  /// By table.
  let digests: [String: String]
  /// The days on which something else may be found about the persons of a slice.
  let days: [UInt16: ClosedRange<Int64>]

  enum Comparison: Sendable {
    /// The state's tables are today's, or there is no state.
    case same
    case differing(EarlierRegistries)
    /// They differ in a way that may concern anybody, or the tables of then are not known.
    case unknown
    /// The tables of then are not what was written.
    case damaged
  }

  /// What is read of a state to compare it.
  private struct Header: Decodable {
    var registries: [String: Version]
  }

  /// More slices than this are not worth it: reading that many rows from the parts costs more than evaluating all.
  private static let mostSlices = PersonSlice.count / 8

  /// - Parameters:
  ///   - shelf: of today's registries.
  ///   - codes: their code table, in which more is interned here; nobody may have copied it yet.
  static func compare(
    _ ledger: Ledger, _ shelf: RegistryShelf, rules: [Rule], codes: CodeTable
  ) throws -> Comparison {
    guard let stored = try ledger.evaluationState(),
      let header = try? JSONDecoder().decode(Header.self, from: Data(stored.header.utf8))
    else { return .same }
    let digests = header.registries.mapValues(\.digest)
    let tables = PersonalTable.all(rules: rules)
    if digests == Self.digests(of: shelf.registries, tables) { return .same }
    var then = shelf.registries
    var changed: [(PersonalTable, Registry, Registry)] = []
    for table in tables {
      guard let version = header.registries[table.table], let now = shelf.registries[table.table] else {
        return .unknown
      }
      if version.digest == now.digest { continue }
      guard let bytes = ledger.evaluationBytes(version.image),
        let old = Registry(image: bytes.bytes, digest: version.digest, codes: codes)
      else { return .damaged }
      then.tables[table.table] = old
      changed.append((table, old, now))
    }
    let earlier = RegistryShelf(then, codes: codes)
    var days: [UInt16: ClosedRange<Int64>] = [:]
    for (table, old, now) in changed {
      guard let own = table.changes(from: old, to: now, codes: codes) else { return .unknown }
      days.merge(own) { $0.spanning($1) }
    }
    if days.count > mostSlices { return .unknown }
    return .differing(EarlierRegistries(shelf: earlier, digests: digests, days: days))
  }

  /// The digests of the tables of single persons that are there.
  static func digests(of registries: Registries, _ tables: [PersonalTable]) -> [String: String] {
    var result: [String: String] = [:]
    for table in tables { result[table.table] = registries[table.table]?.digest }
    return result
  }
}
