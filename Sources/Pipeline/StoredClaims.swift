import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Registries
import RulePacks

/// The store of a pipeline, opened for looking: its last run and its claims as rules see them. Nothing is written and
/// no lock is taken.
struct StoredClaims {
  var file: PipelineFile
  var pack: RulePack
  var ledger: Ledger
  var state: StoreState
  private let setting: StoreState.Setting
  private let neighbours = Neighbours()
  /// The last finished run; nil in a store without one.
  var lastRun: RunSnapshot

  /// - Parameters:
  ///   - rules: those whose columns are loaded; nil: all of the pack.
  ///   - registries: folder instead of the pipeline's.
  init(pipeline: String, store: String?, registries: String?, rules: [Rule]?) throws {
    let file = try PipelineFile.read(pipeline)
    let (jurisdiction, pack) = try loadRules(file)
    try self.init(
      file: file, jurisdiction: jurisdiction, pack: pack, store: store, registries: registries, rules: rules)
  }

  init(
    file: PipelineFile, jurisdiction: Jurisdiction, pack: RulePack, store: String?, registries: String?, rules: [Rule]?
  ) throws {
    self.file = file
    self.pack = pack
    guard let folder = store.map(RunSetup.absolute) ?? file.store else {
      throw Diagnostic(
        .error, "usage.no-store", "no store folder is named",
        remedy: "give --store DIR or a line 'store:' in the pipeline file")
    }
    guard let ledger = try Ledger.inspect(folder: folder) else {
      throw Diagnostic(
        .error, "usage.empty-store", "the store holds no run yet", at: Place(file: folder),
        remedy: "run the pipeline first, or give --store DIR")
    }
    self.ledger = ledger
    lastRun = try ledger.lastSnapshot()
    let codes = CodeTable()
    setting = StoreState.Setting(
      rules: rules ?? pack.rules,
      registries: try loadRegistries(
        folder: registries.map(RunSetup.absolute) ?? file.registries ?? "", knowledge: file.knowledge, codes: codes),
      codes: codes, excludedSetlTypes: jurisdiction.excludedSetlTypes)
    state = try StoreState.load(ledger: ledger, replacing: nil, setting)
  }

  /// Registry tables whose file is not the one that the last run read, by name; their answers may differ from its own.
  var changedRegistries: [String] {
    guard let data = lastRun.run?.digests.data(using: .utf8),
      let digests = try? JSONDecoder().decode([String: [String: String]].self, from: data),
      let known = digests["registries"]
    else { return [] }
    let then = Dictionary(
      known.map { (String($0.key.prefix { $0 != "." }), $0.value) }, uniquingKeysWith: { first, _ in first })
    var names = Set(then.keys.filter { RegistrySchema.named($0) != nil })
    names.formUnion(state.registries.tables.keys)
    return names.filter { then[$0] != state.registries[$0]?.digest }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The rules, law, exemptions or the jurisdiction differ from those of the last run.
  var rulesChanged: Bool {
    guard let data = lastRun.run?.digests.data(using: .utf8),
      let digests = try? JSONDecoder().decode([String: [String: String]].self, from: data)
    else { return false }
    return digests["rules"]?["pack"] != pack.digest
  }

  /// Batch label and file (archive member behind `!`) of a segment.
  func source(_ segment: Int32) -> String {
    let live = state.segments[Int(segment)]
    let file = live.record.memberName.map { "\(live.file)!\($0)" } ?? live.file
    return "\(BatchRevision.label(live.batch, live.revision))/\(file)"
  }

  /// A row as it was delivered: column and text, null columns left out; where it begins in the inflated bytes, and its
  /// SHA-256.
  func delivered(_ origin: RowOrigin) throws -> (fields: [String: String], byteOffset: Int64, sha256: String)? {
    let table = state.segments[Int(origin.segment)].record.key.table
    guard let rows = state.raw[table], let row = rows.origin.firstIndex(of: origin) else { return nil }
    let around = try neighbours.of(rows.slice[row]) { slice in
      let near = try StoreState.load(ledger: ledger, replacing: nil, setting, slices: [slice], delivered: true)
      return DeliveredRows(near.raw, near.codes, segments: near.segments)
    }
    var found: (fields: [String: String], byteOffset: Int64, sha256: String)?
    let names = table.columns.map(\.name)
    try around.fetch(table, origin.segment, [origin.line]) { _, offset, bytes in
      var fields: [String: String] = [:]
      for (name, value) in zip(names, FieldsBlob.decode(bytes)) where !value.isEmpty { fields[name] = value }
      found = (fields, offset, SHA256Hasher.hex(of: bytes))
    }
    return found
  }

  /// Rows as delivered, by slice, read when first asked for.
  private final class Neighbours {
    private var known: [UInt16: DeliveredRows] = [:]

    func of(_ slice: UInt16, _ read: (UInt16) throws -> DeliveredRows) throws -> DeliveredRows {
      if let rows = known[slice] { return rows }
      let rows = try read(slice)
      known[slice] = rows
      return rows
    }
  }
}
