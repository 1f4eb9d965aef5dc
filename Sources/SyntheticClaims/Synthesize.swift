import ClaimModel
import Diagnostics
import Dispatch
import Foundation
import Synchronization

/// Writes `<folder>/batches/<batch>/…`, `<folder>/registries/<table>.csv` and `<folder>/truth.csv`.
///
/// Files of equal names in the folder are overwritten, others stay. Equal options give equal bytes.
/// - Throws: `Diagnostic` `synth.cannot-write`, `synth.bad-options`.
public func synthesize(_ options: SynthOptions, into folder: String) throws -> SynthSummary {
  guard options.settlements > 0, options.batches > 0, options.parts > 0, (1...9).contains(options.compression) else {
    throw Diagnostic(
      .error, "synth.bad-options", "settlements, batches and parts begin at 1, the gzip level is 1 to 9",
      remedy: "give greater numbers")
  }
  // Damage is done to single files and rows of the wide layout, which must be there.
  if options.planted == .broken,
    options.settlements < 200 || options.batches < 2 || options.parts < 4 || options.layout != .wide
  {
    throw Diagnostic(
      .error, "synth.bad-options", "a damaged sample has at least 200 settlements, 2 batches, 4 parts, and is wide",
      remedy: "give greater numbers, or another kind")
  }
  return try Synthesis(options, folder).run()
}

/// One run of the generator: what all parts read, and how a part is made.
struct Synthesis: Sendable {
  let options: SynthOptions
  let folder: String
  let world: World
  let background: BackgroundWeeks
  let items: [ItemBytes]
  let plan: Plan
  /// Ordinary settlements in each batch.
  let perBatch: [Int]

  init(_ options: SynthOptions, _ folder: String) {
    self.options = options
    self.folder = folder
    let batches = options.batches
    perBatch = (0..<batches).map { ($0 + 1) * options.settlements / batches - $0 * options.settlements / batches }
    let world = World(seed: options.seed, settlementsPerBatch: perBatch.max() ?? 1)
    plan = Plan(options, world)
    self.world = plan.world
    var background = BackgroundWeeks(world: plan.world)
    background.inpatientSpecials = plan.inpatientSpecials
    self.background = background
    items = plan.world.catalogue.items.map { ItemBytes($0, plain: options.layout == .narrow) }
  }

  func run() throws -> SynthSummary {
    var summary = SynthSummary()
    try makeFolder(folder + "/registries")
    for file in registryFiles(world, limits: plan.limits, registrations: plan.registrations) {
      try writeFile(file.bytes, to: folder + "/registries/" + file.name)
    }
    var damage = DamageReport()
    for (batch, weeks) in deliveries.enumerated() {
      let name = deliveryName(weeks)
      let path = folder + "/batches/" + name
      try makeFolder(path)
      summary.batches.append(name)
      let outcome = Mutex<(parts: [[WrittenFile]], failure: (any Error)?)>(
        ([[WrittenFile]](repeating: [], count: options.parts), nil))
      DispatchQueue.concurrentPerform(iterations: options.parts) { part in
        do {
          let files = try writePart(weeks: weeks, part: part, to: path)
          outcome.withLock { $0.parts[part] = files }
        } catch {
          outcome.withLock { $0.failure = $0.failure ?? error }
        }
      }
      let (parts, failure) = outcome.withLock { ($0.parts, $0.failure) }
      if let failure { throw failure }
      let files = try dress(parts.flatMap { $0 }, batch: batch, path: path, into: &damage)
      for file in files {
        summary.rows[file.table.name, default: 0] += file.rows
        summary.inflatedBytes += file.inflatedBytes
        summary.files += 1
      }
    }
    try writeDamage(damage)
    summary.truth = try writeTruth()
    return summary
  }

  /// The weeks of each batch that is written.
  var deliveries: [Range<Int>] {
    options.together ? [0..<options.batches] : (0..<options.batches).map { $0..<$0 + 1 }
  }

  func deliveryName(_ weeks: Range<Int>) -> String {
    let first = BackgroundWeeks.label(weeks.lowerBound)
    return weeks.count < 2 ? first : first + "_" + BackgroundWeeks.label(weeks.upperBound - 1)
  }

  private func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw cannotWrite(path)
    }
  }

  /// Small kinds keep the bytes of their files, so that they can be dressed; loads stream.
  private var keeps: Bool { options.planted != .load }

  /// Writes one part of all five tables: the part-th share of the weeks' settlements in their order.
  private func writePart(weeks: Range<Int>, part: Int, to path: String) throws -> [WrittenFile] {
    let stamp = deliveryName(weeks).filter { $0 != "-" }
    var sinks: [ByteSink] = []
    var writers: [RowWriter] = []
    var names: [String] = []
    for table in ClaimTable.allCases {
      let name = "\(table.name)_\(stamp)_" + digits(part + 1, 2) + ".csv.gz"
      names.append(name)
      let stream = keeps ? nil : try GzipFile(path: path + "/" + name, level: Int32(options.compression))
      let sink = ByteSink(stream: stream)
      sinks.append(sink)
      writers.append(
        RowWriter(
          table: table, format: options.layout == .wide ? .wide : .narrow,
          columns: options.layout == .wide ? nil : narrowColumns(table), sink: sink))
    }
    let writer = ClaimWriter(world: world, items: items, writers: writers, namesPersons: options.layout == .wide)
    var record = ClaimRecord()
    for (place, batch) in weeks.enumerated() {
      // This part's share of the week, counted in parts of a week.
      let begin = min(max(part * weeks.count - place * options.parts, 0), options.parts)
      let end = min(max((part + 1) * weeks.count - place * options.parts, 0), options.parts)
      if begin == end { continue }
      let total = perBatch[batch]
      let planned = plan.records(batch)
      let range = begin * total / options.parts..<end * total / options.parts
      let first = begin * planned.count / options.parts
      let last = end * planned.count / options.parts
      var next = first
      for index in range {
        background.fill(&record, batch: batch, index: index)
        writer.write(record)
        // Planned records are spread evenly among the ordinary ones.
        while next < last, (next - first) * range.count <= (index - range.lowerBound) * (last - first) {
          writer.write(planned[next])
          next += 1
        }
      }
      while next < last {
        writer.write(planned[next])
        next += 1
      }
    }
    var files: [WrittenFile] = []
    for (i, table) in ClaimTable.allCases.enumerated() {
      try sinks[i].finish()
      files.append(
        WrittenFile(
          table: table, part: part, name: names[i], rows: writers[i].rows,
          inflatedBytes: keeps ? sinks[i].count : sinks[i].total,
          sumFen: table == .feeLines ? writer.detSum : table == .settlements ? writer.fundSum : nil,
          bytes: keeps ? sinks[i].bytes : []))
    }
    return files
  }

  /// The columns of the narrow layout: what files must have, and what rules read.
  private func narrowColumns(_ table: ClaimTable) -> [String] {
    let read: Set<String> =
      switch table {
      case .settlements:
        [
          "mdtrt_id", "init_setl_id", "insutype", "insu_admdvs", "fix_blng_admdvs", "hosp_lv", "begndate", "enddate",
          "setl_time", "setl_type", "medfee_sumamt", "inscp_amt", "refd_setl_flag", "dise_no", "vali_flag",
          "updt_time", "bydise_setl_payamt",
        ]
      case .feeLines:
        [
          "fixmedins_code", "insu_admdvs", "med_type", "pric", "fulamt_ownpay_amt", "overlmt_selfpay",
          "preselfpay_amt", "inscp_amt", "hilist_code", "list_type", "med_list_codg", "med_chrgitm_type",
          "bilg_dr_code", "etip_flag", "etip_hosp_code", "dscg_tkdrug_flag", "rx_circ_flag", "dise_codg",
          "init_feedetl_sn", "vali_flag", "updt_time",
        ]
      case .visits:
        [
          "fixmedins_code", "med_type", "nwb_flag", "refl_old_mdtrt_id", "medrcdno", "dscg_maindiag_code",
          "dscg_way", "inhosp_stas", "adm_caty", "dscg_caty", "ars_year_ipt_flag", "hosp_lv", "vali_flag",
          "updt_time",
        ]
      case .diagnoses: ["setl_id", "mdtrt_id", "diag_type", "maindiag_flag", "diag_code", "vali_flag", "updt_time"]
      case .operations: ["setl_id", "mdtrt_id", "oprn_oprt_code", "oprn_oprt_date", "vali_flag", "updt_time"]
      }
    return table.columns.filter { $0.needed || read.contains($0.name) }.map(\.name)
  }
}

/// A claim file that was made; `bytes` is empty where it was streamed.
struct WrittenFile: Sendable {
  var table: ClaimTable
  var part: Int
  var name: String
  var rows: Int
  var inflatedBytes: Int
  /// Σ det_item_fee_sumamt or Σ fund_pay_sumamt; nil for other tables.
  var sumFen: Int64?
  var bytes: [UInt8]
}
