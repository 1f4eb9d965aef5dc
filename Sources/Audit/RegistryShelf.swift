import ClaimModel
import Registries
import RulePacks
import Synchronization

/// Registry indexes that several threads share, each with a code table of its own that was copied from one.
///
/// Every text of the registries, and its form in upper case, stands in the code table that the shelf is made with; an
/// index holds no other codes, so it is as good for every copy. An index is built when first asked for, once.
public final class RegistryShelf: Sendable {
  public let registries: Registries
  private let codes: CodeTable
  private let state: Mutex<State>

  private struct State {
    var indexes: [[String]: RegistryIndex] = [:]
    var lengths: [String: [Int]] = [:]
    var regions: [String: Set<UInt32>] = [:]
  }

  /// `codes` is the table that the registries were loaded with. Interns their upper case; after this nobody may intern
  /// in it any more: claims are read with `CodeTable(copying:)` of it.
  public init(_ registries: Registries, codes: CodeTable) {
    self.registries = registries
    self.codes = codes
    for registry in registries.tables.values {
      for case .text(let values) in registry.columns.values { for code in values { _ = codes.folded(code) } }
    }
    state = Mutex(State())
  }

  /// Builds the indexes that lookups of rules ask for when none of their keys is null, so that no thread waits for them
  /// later.
  public func prepare(for rules: [Rule]) {
    for rule in rules where rule.status.coverage != .off {
      for lookup in rule.lookups where registries[lookup.table] != nil {
        var columns = lookup.keys.map { IndexColumn($0) }
        if lookup.region != nil { columns.append(IndexColumn(name: "admdvs")) }
        _ = index(lookup.table, columns)
      }
    }
  }

  func regions(_ table: String) -> Set<UInt32> {
    state.withLock { state in
      if let known = state.regions[table] { return known }
      let present = Self.regions(registries[table], codes)
      state.regions[table] = present
      return present
    }
  }

  func lengths(_ table: String, _ column: String) -> [Int] {
    state.withLock { state in
      if let known = state.lengths[table + "." + column] { return known }
      let lengths = Self.lengths(registries[table]?.columns[column]?.codes ?? [], codes)
      state.lengths[table + "." + column] = lengths
      return lengths
    }
  }

  func index(_ table: String, _ columns: [IndexColumn]) -> RegistryIndex? {
    guard let registry = registries[table] else { return nil }
    let name = [table] + columns.map(\.label)
    return state.withLock { state in
      if let known = state.indexes[name] { return known }
      let index = Self.index(registry, columns, codes)
      state.indexes[name] = index
      return index
    }
  }

  /// Region codes, folded, of which a table has rows.
  static func regions(_ registry: Registry?, _ codes: CodeTable) -> Set<UInt32> {
    Set((registry?.columns["admdvs"]?.codes ?? []).map { codes.folded($0) })
  }

  /// The different lengths in bytes of texts, ascending.
  static func lengths(_ texts: [UInt32], _ codes: CodeTable) -> [Int] {
    Set(Set(texts).map { codes.withBytes($0) { $0.count } }).subtracting([0]).sorted()
  }

  static func index(_ registry: Registry, _ columns: [IndexColumn], _ codes: CodeTable) -> RegistryIndex {
    var registry = registry
    for column in columns {
      guard let atLeast = column.atLeast, let texts = registry.columns[column.name]?.codes else { continue }
      // 1 where the text is long enough; a null keeps the row out of the index.
      registry.columns[column.label] = .number(
        texts.map { code in
          codes.withBytes(code) { CharacterCount.of($0) } >= atLeast ? 1 : ColumnData.null
        })
    }
    return RegistryIndex(registry, columns: columns.map(\.label), codes: codes)
  }
}
