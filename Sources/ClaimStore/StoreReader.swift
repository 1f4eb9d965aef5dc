import ClaimModel
import Diagnostics
import Foundation
import Parquet
import Synchronization

/// Reads the claims of live segments from their parts: only wanted columns, row groups and pages. Several threads may
/// load at once, each with a code table of its own.
///
/// A file that is live in two batches at once gives its rows twice, once for each live segment.
public final class StoreReader: Sendable {
  /// What `RowOrigin.segment` of loaded rows points into.
  public let live: [LiveSegment]

  /// A part and which of its segments are live.
  private struct Part: Sendable {
    var record: PartRecord
    /// `record.rowsByTopByte` summed up: rows before each top byte, 257 numbers.
    var offsets: [Int]
    /// The least segment number; index of the two arrays below.
    var firstSegment: Int
    /// Index into `live`; `dead`, `foreign` or, at or below `several`, a list.
    var liveOf: [Int32]
    /// Every row is live, and once.
    var isWhollyLive: Bool
    var liveRows: Int
    /// `byteOffset` is wanted of its rows.
    var hasPlaces = false
    /// All its live rows are of segments of which rows are kept.
    var isKept = false
    /// Slices of its live rows, by batch; nil if they are not known.
    var presence: [SlicePresence]?

    func mayHave(_ slice: UInt16) -> Bool {
      record.slices.contains(slice) && presence?.contains { $0.contains(slice) } != false
    }
  }

  private static let dead: Int32 = -1
  /// No segment of the part, as the catalogue has it.
  private static let foreign: Int32 = -2
  private static let several: Int32 = -3

  private let partsByTable: [ClaimTable: [Part]]
  /// Live indices of contents that are live more than once; `liveOf` is `several` - its place here.
  private let lists: [[Int32]]
  private let columns: [ClaimTable: [ClaimColumn]]
  private let delivered: Bool
  private let leavesOutNulls: Bool
  private let givesPlaces: Bool
  private let open: OpenParts
  private let folder: String
  private let kept: KeptRows?
  /// In place of the part of kept rows.
  private let keptPart: Part?

  /// - Parameters:
  ///   - live: from `Ledger.liveSegments`.
  ///   - columns: national columns to read of each table; nil: all; a table without an entry is not read.
  ///   - delivered: also `byteOffset`, `forms` and `other`.
  ///   - places: of which live segments `byteOffset` is wanted without the rest; of other parts' rows it is then 0.
  ///   - batches: rows of other batches are passed over; nil: all.
  ///   - parts: of `Ledger.parts`, where they are known.
  ///   - guide: spares parts where a set of slices is read; the rows are the same.
  /// - Throws: errors of the ledger.
  public convenience init(
    _ ledger: Ledger, live: [LiveSegment], columns: [ClaimTable: Set<String>?], delivered: Bool = false,
    places: [Bool] = [], batches: Set<String>? = nil, parts: [PartRecord]? = nil, guide: SliceGuide = SliceGuide()
  ) throws {
    try self.init(
      ledger, live: live, columns: columns, delivered: delivered, places: places, parts: parts ?? ledger.parts(),
      batches: batches, guide: guide)
  }

  /// - Parameters:
  ///   - parts: those to read.
  ///   - leavesOutNulls: columns without a value are left out of the loaded rows.
  init(
    _ ledger: Ledger, live: [LiveSegment], columns: [ClaimTable: Set<String>?], delivered: Bool,
    places: [Bool] = [], parts: [PartRecord], leavesOutNulls: Bool = false, batches: Set<String>? = nil,
    guide: SliceGuide = SliceGuide()
  ) throws {
    self.live = live
    self.delivered = delivered
    self.leavesOutNulls = leavesOutNulls
    givesPlaces = places.contains(true)
    folder = ledger.partsFolder
    open = OpenParts(folder: ledger.partsFolder)
    var indices: [Int32: [Int32]] = [:]
    for (index, segment) in live.enumerated() where batches?.contains(segment.batch) != false {
      indices[segment.record.number, default: []].append(Int32(index))
    }
    var wanted: [ClaimTable: [ClaimColumn]] = [:]
    for (table, names) in columns {
      wanted[table] = table.columns.filter { names?.contains($0.name) ?? true }
    }
    self.columns = wanted
    var lists: [[Int32]] = []
    var listOf: [Int32: Int32] = [:]
    func place(_ number: Int32) -> Int32 {
      let indexes = indices[number] ?? []
      switch indexes.count {
      case 0: return Self.dead
      case 1: return indexes[0]
      default:
        if let known = listOf[number] { return known }
        let list = Self.several - Int32(lists.count)
        listOf[number] = list
        lists.append(indexes)
        return list
      }
    }
    var keepsApart = true
    var byTable: [ClaimTable: [Part]] = [:]
    for record in parts where wanted[record.table] != nil {
      guard let first = record.segments.keys.min(), let last = record.segments.keys.max() else { continue }
      var part = Part(
        record: record, offsets: [0], firstSegment: Int(first),
        liveOf: Array(repeating: Self.foreign, count: Int(last - first) + 1), isWhollyLive: true, liveRows: 0)
      for (number, rows) in record.segments {
        let indexes = indices[number] ?? []
        part.liveRows += rows * indexes.count
        if indexes.count != 1 { part.isWhollyLive = false }
        if givesPlaces, indexes.contains(where: { places[Int($0)] }) { part.hasPlaces = true }
        part.liveOf[Int(number - first)] = place(number)
      }
      if part.liveRows == 0 { continue }
      for rows in record.rowsByTopByte { part.offsets.append(part.offsets[part.offsets.count - 1] + rows) }
      let own = record.segments.keys.filter { indices[$0] != nil }
      if let kept = guide.kept {
        let count = own.count { kept.segments.contains($0) }
        part.isKept = count == own.count
        // Some of its rows are kept and some are not: it is not worth telling them apart.
        if count > 0, !part.isKept { keepsApart = false }
      }
      let batches = Set(own.flatMap { (indices[$0] ?? []).map { live[Int($0)].batch } })
      let presence = batches.compactMap { guide.presence[$0] }
      if presence.count == batches.count { part.presence = presence }
      byTable[record.table, default: []].append(part)
    }
    kept = keepsApart ? guide.kept : nil
    if let kept, let first = kept.segments.min(), let last = kept.segments.max(), let any = parts.first {
      var part = Part(
        record: any, offsets: [], firstSegment: Int(first),
        liveOf: Array(repeating: Self.foreign, count: Int(last - first) + 1), isWhollyLive: false, liveRows: 0)
      for number in kept.segments { part.liveOf[Int(number - first)] = place(number) }
      keptPart = part
    } else {
      keptPart = nil
    }
    self.lists = lists
    partsByTable = byTable
  }

  /// Live rows by top byte of the slice, 256 numbers: an estimate where a part has dead rows too.
  public func rows(_ table: ClaimTable) -> [Int] {
    var result = [Int](repeating: 0, count: 256)
    for part in partsByTable[table] ?? [] {
      for (top, rows) in part.record.rowsByTopByte.enumerated() where rows > 0 {
        result[top] += part.isWhollyLive ? rows : (rows * part.liveRows + part.record.rows - 1) / part.record.rows
      }
    }
    return result
  }

  /// Loads the rows of some slices, ordered by live segment and line; `slice` is filled.
  ///
  /// - Parameter codes: of this thread.
  /// - Throws: `store.part-missing`, `store.part-damaged`, `store.io`; then no row may be used.
  public func load(slices: ClosedRange<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    var result: [ClaimTable: RawRows] = [:]
    let tops = Int(slices.lowerBound >> 8)...Int(slices.upperBound >> 8)
    // In one order, so that codes are given in one order.
    for table in ClaimTable.allCases where columns[table] != nil {
      var spans: [Span] = []
      for part in partsByTable[table] ?? [] where part.record.slices.overlaps(slices) {
        let wanted = part.offsets[tops.lowerBound]..<part.offsets[tops.upperBound + 1]
        if wanted.isEmpty { continue }
        let isExact =
          (slices.lowerBound & 0xFF == 0 || part.record.slices.lowerBound >= slices.lowerBound)
          && (slices.upperBound & 0xFF == 0xFF || part.record.slices.upperBound <= slices.upperBound)
        try addSpans(of: part, rows: [wanted], isExact: isExact, to: &spans)
      }
      result[table] = try load(table, spans, .slices(slices), codes)
    }
    return result
  }

  /// Loads the rows of slices that need not stand together, ordered as above; only where they are is anything read.
  public func load(slices: Set<UInt16>, codes: CodeTable) throws -> [ClaimTable: RawRows] {
    let isWanted = Self.marks(slices)
    let keptSlices = keptPart == nil ? [] : kept.map { $0.slices.intersection(slices) } ?? []
    let isKept = Self.marks(keptSlices)
    let others = keptSlices.isEmpty ? slices : slices.subtracting(keptSlices)
    let isOther = keptSlices.isEmpty ? isWanted : Self.marks(others)
    var result: [ClaimTable: RawRows] = [:]
    // In one order, so that codes are given in one order.
    for table in ClaimTable.allCases where columns[table] != nil {
      var spans: [Span] = []
      for part in partsByTable[table] ?? [] {
        let own = (part.isKept ? others : slices).filter(part.mayHave)
        if own.isEmpty { continue }
        let tops = Set(own.map { Int($0 >> 8) }).sorted()
        var found: [Span] = []
        try addSpans(of: part, rows: tops.map { part.offsets[$0]..<part.offsets[$0 + 1] }, isExact: false, to: &found)
        for span in found {
          if let narrow = try narrowed(span, slices: part.isKept ? isOther : isWanted, codes) { spans.append(narrow) }
        }
      }
      if !keptSlices.isEmpty, let keptPart {
        for rows in kept?.tables ?? [] where rows.table == table {
          let own = (0..<Int32(rows.rows)).filter { isKept[Int(rows.slices.value(Int($0)))] }
          if own.isEmpty { continue }
          spans.append(Span(part: keptPart, source: .kept(rows, own), path: folder, isExact: true))
        }
      }
      result[table] = try load(table, spans, .set(isWanted), codes)
    }
    return result
  }

  private static func marks(_ slices: Set<UInt16>) -> [Bool] {
    var marks = [Bool](repeating: false, count: PersonSlice.count)
    for slice in slices { marks[Int(slice)] = true }
    return marks
  }

  // MARK: Spans

  /// Rows that lie together.
  private struct Span {
    enum Source {
      /// Of one row group; ranges within it, ascending and apart.
      case part(ParquetFile, group: Int, ranges: [Range<Int>])
      case kept(KeptTable, [Int32])
    }

    var part: Part
    var source: Source
    var path: String
    /// All rows are wanted, dead ones apart.
    var isExact: Bool

    var count: Int {
      switch source {
      case .part(_, _, let ranges): ranges.reduce(0) { $0 + $1.count }
      case .kept(_, let rows): rows.count
      }
    }
  }

  private enum Wanted {
    case slices(ClosedRange<UInt16>)
    /// By slice.
    case set([Bool])
  }

  /// `rows` of the file, ascending and apart.
  private func addSpans(of part: Part, rows: [Range<Int>], isExact: Bool, to spans: inout [Span]) throws {
    let file = try open.file(part.record)
    var start = 0
    for (group, info) in file.rowGroups.enumerated() {
      var ranges: [Range<Int>] = []
      for range in rows {
        let common = range.clamped(to: start..<start + info.rows)
        if common.isEmpty { continue }
        Self.add(common.lowerBound - start..<common.upperBound - start, to: &ranges)
      }
      if !ranges.isEmpty {
        spans.append(
          Span(
            part: part, source: .part(file, group: group, ranges: ranges), path: folder + "/" + part.record.path,
            isExact: isExact))
      }
      start += info.rows
    }
  }

  /// Adds a range behind the others.
  private static func add(_ range: Range<Int>, to ranges: inout [Range<Int>]) {
    if let last = ranges.last, last.upperBound == range.lowerBound {
      ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
    } else {
      ranges.append(range)
    }
  }

  /// Only the rows of the slices; nil if there is none.
  private func narrowed(_ span: Span, slices isWanted: [Bool], _ codes: CodeTable) throws -> Span? {
    guard case .part(let file, let group, let ranges) = span.source else { return span }
    var own: [Range<Int>] = []
    if let column = file.column("psn_no"), file.rowGroups[group].statistics[column].nulls == 0 {
      try OpenParts.damaged(span.path) {
        own = try file.rows(column, rowGroup: group, ranges: ranges) { isWanted[Int(PersonSlice.of($0))] }
      }
    } else {
      var psn: [UInt32] = []
      try read(texts: "psn_no", span, codes, into: &psn)
      var visit: [UInt32] = []
      try read(texts: "mdtrt_id", span, codes, into: &visit)
      var known = UInt32.max
      var isIn = false
      var at = 0
      for row in ranges.joined() {
        let home = psn[at] != CodeTable.null ? psn[at] : visit[at]
        at += 1
        if home != known {
          known = home
          isIn = codes.withBytes(home) { isWanted[Int(PersonSlice.of($0))] }
        }
        if isIn { Self.add(row..<row + 1, to: &own) }
      }
    }
    if own.isEmpty { return nil }
    var narrow = span
    narrow.source = .part(file, group: group, ranges: own)
    return narrow
  }

  // MARK: Rows

  private struct Entry {
    /// Live index and line.
    var key: UInt64
    /// Among all rows of the spans.
    var row: UInt32
  }

  private func load(_ table: ClaimTable, _ spans: [Span], _ wanted: Wanted, _ codes: CodeTable) throws -> RawRows {
    var result = RawRows(table: table)
    let names = columns[table] ?? []
    let total = spans.reduce(0) { $0 + $1.count }
    var segments: [Int64] = []
    var lines: [Int64] = []
    var psn: [UInt32] = []
    var visit: [UInt32] = []
    segments.reserveCapacity(total)
    lines.reserveCapacity(total)
    psn.reserveCapacity(total)
    for span in spans {
      if case .kept(let table, let rows) = span.source {
        for row in rows {
          segments.append(Int64(Int32(truncatingIfNeeded: table.segments.value(Int(row)))))
          lines.append(Int64(Int32(truncatingIfNeeded: table.lines.value(Int(row)))))
        }
      } else {
        try read(numbers: PartLayout.segmentColumn, span, into: &segments)
        try read(numbers: PartLayout.lineColumn, span, into: &lines)
      }
      try read(texts: "psn_no", span, codes, into: &psn)
    }
    let hasNameless = psn.contains(0)
    if hasNameless || names.contains(where: { $0.name == "mdtrt_id" }) {
      visit.reserveCapacity(total)
      for span in spans { try read(texts: "mdtrt_id", span, codes, into: &visit) }
    }

    // Which rows, in which order.
    var slices = [UInt16](repeating: 0, count: total)
    var entries: [Entry] = []
    entries.reserveCapacity(total)
    var at = 0
    for span in spans {
      try addEntries(
        span, at: at, wanted, segments: segments, lines: lines, psn: psn, visit: visit, codes, slices: &slices,
        entries: &entries)
      at += span.count
    }
    segments = []
    lines = []
    Self.sort(&entries)

    result.origin = entries.map {
      RowOrigin(segment: Int32(truncatingIfNeeded: $0.key >> 32), line: Int32(truncatingIfNeeded: $0.key))
    }
    // Eight bytes less to read for each value than the entries have.
    let picks = entries.map(\.row)
    entries = []
    func picked<Value>(_ values: [Value]) -> [Value] {
      values.withUnsafeBufferPointer { values in
        picks.withUnsafeBufferPointer { picks in
          Array(unsafeUninitializedCapacity: picks.count) { out, count in
            count = picks.count
            guard let base = out.baseAddress else { return }
            for i in 0..<picks.count { (base + i).initialize(to: values[Int(picks[i])]) }
          }
        }
      }
    }
    result.slice = picked(slices)
    var numbers: [Int64] = []
    var texts: [UInt32] = []
    func pickedNumbers(_ name: String) throws -> [Int64] {
      numbers.removeAll(keepingCapacity: true)
      for span in spans { try read(numbers: name, span, into: &numbers) }
      return picked(numbers)
    }
    func pickedTexts(_ name: String) throws -> [UInt32] {
      texts.removeAll(keepingCapacity: true)
      for span in spans { try read(texts: name, span, codes, into: &texts) }
      return picked(texts)
    }
    // All columns without a value share their memory.
    var nullTexts: ColumnData?
    var nullNumbers: ColumnData?
    for column in names {
      if isNull(column.name, in: spans) {
        if leavesOutNulls { continue }
        if column.kind == .text {
          let nulls = nullTexts ?? .text(Array(repeating: CodeTable.null, count: picks.count))
          nullTexts = nulls
          result.columns[column.name] = nulls
        } else {
          let nulls = nullNumbers ?? .number(Array(repeating: ColumnData.null, count: picks.count))
          nullNumbers = nulls
          result.columns[column.name] = nulls
        }
        continue
      }
      switch column.name {
      case "psn_no": result.columns[column.name] = .text(picked(psn))
      case "mdtrt_id": result.columns[column.name] = .text(picked(visit))
      default:
        result.columns[column.name] =
          column.kind == .text ? .text(try pickedTexts(column.name)) : .number(try pickedNumbers(column.name))
      }
    }
    if givesPlaces, !delivered {
      numbers.removeAll(keepingCapacity: true)
      for span in spans {
        if span.part.hasPlaces {
          try read(numbers: PartLayout.byteOffsetColumn, span, into: &numbers)
        } else {
          numbers += repeatElement(0, count: span.count)
        }
      }
      result.byteOffset = picked(numbers)
    }
    if delivered {
      result.byteOffset = try pickedNumbers(PartLayout.byteOffsetColumn)
      result.forms = try pickedTexts(PartLayout.formsColumn)
      result.other = try pickedTexts(PartLayout.otherColumn)
    }
    return result
  }

  /// Notes where the wanted rows of a span go.
  private func addEntries(
    _ span: Span, at: Int, _ wanted: Wanted, segments: [Int64], lines: [Int64], psn: [UInt32], visit: [UInt32],
    _ codes: CodeTable, slices: inout [UInt16], entries: inout [Entry]
  ) throws {
    // Rows of one person lie together: a slice is worked out once for each.
    var lastPerson = UInt32.max
    var lastVisit = UInt32.max
    var slice: UInt16 = 0
    for row in at..<at + span.count {
      let person = psn[row]
      if person != 0 {
        if person != lastPerson {
          slice = codes.withBytes(person) { PersonSlice.of($0) }
          lastPerson = person
        }
      } else if lastPerson != 0 || visit[row] != lastVisit {
        lastPerson = 0
        lastVisit = visit[row]
        slice = codes.withBytes(lastVisit) { PersonSlice.of($0) }
      }
      slices[row] = slice
    }
    let part = span.part
    for row in at..<at + span.count {
      if !span.isExact {
        switch wanted {
        case .slices(let range): if !range.contains(slices[row]) { continue }
        case .set(let isWanted): if !isWanted[Int(slices[row])] { continue }
        }
      }
      let place = Int(segments[row]) &- part.firstSegment
      let index = place >= 0 && place < part.liveOf.count ? part.liveOf[place] : Self.foreign
      let line = UInt64(truncatingIfNeeded: lines[row]) & 0xFFFF_FFFF
      if index >= 0 {
        entries.append(Entry(key: UInt64(UInt32(bitPattern: index)) << 32 | line, row: UInt32(row)))
      } else if index <= Self.several {
        for index in lists[Int(Self.several - index)] {
          entries.append(Entry(key: UInt64(UInt32(bitPattern: index)) << 32 | line, row: UInt32(row)))
        }
      } else if index == Self.foreign {
        if case .kept = span.source { throw EvaluationDamaged() }
        throw StoreError.partDamaged(span.path, "a row's segment is not the catalogue's")
      }
    }
  }

  /// Sorts by key: 11 bits at a time, of the bits that differ.
  private static func sort(_ entries: inout [Entry]) {
    if entries.count < 2 { return }
    var all: UInt64 = UInt64.max
    var any: UInt64 = 0
    var isSorted = true
    var last: UInt64 = 0
    for entry in entries {
      all &= entry.key
      any |= entry.key
      if entry.key < last { isSorted = false }
      last = entry.key
    }
    if isSorted { return }
    let differing = any & ~all
    var other = entries
    var shift = differing.trailingZeroBitCount
    while shift < 64, differing >> UInt64(shift) != 0 {
      let bits = UInt64(shift)
      // Bits that all keys share need no pass.
      if (differing >> bits) & 0x7FF == 0 {
        shift += 11
        continue
      }
      var starts = [Int](repeating: 0, count: 2049)
      entries.withUnsafeBufferPointer { source in
        other.withUnsafeMutableBufferPointer { target in
          starts.withUnsafeMutableBufferPointer { starts in
            for entry in source { starts[Int(truncatingIfNeeded: (entry.key >> bits) & 0x7FF) &+ 1] &+= 1 }
            for i in 0..<2048 { starts[i &+ 1] &+= starts[i] }
            for entry in source {
              let digit = Int(truncatingIfNeeded: (entry.key >> bits) & 0x7FF)
              target[starts[digit]] = entry
              starts[digit] &+= 1
            }
          }
        }
      }
      swap(&entries, &other)
      shift += 11
    }
  }

  // MARK: Columns

  /// No row of the spans' row groups has a value.
  private func isNull(_ name: String, in spans: [Span]) -> Bool { spans.allSatisfy { Self.isNull(name, in: $0) } }

  private static func isNull(_ name: String, in span: Span) -> Bool {
    switch span.source {
    case .part(let file, let group, _):
      guard let column = file.column(name) else { return true }
      let group = file.rowGroups[group]
      return group.statistics[column].nulls == group.rows
    case .kept(let table, _): return table.isNull(name)
    }
  }

  private func read(numbers name: String, _ span: Span, into values: inout [Int64]) throws {
    if Self.isNull(name, in: span) {
      values.append(contentsOf: repeatElement(ColumnData.null, count: span.count))
      return
    }
    let before = values.count
    switch span.source {
    case .part(let file, let group, let ranges):
      guard let column = file.column(name) else { break }
      try OpenParts.damaged(span.path) {
        try file.numbers(column, rowGroup: group, ranges: ranges, into: &values)
      }
    case .kept(let table, let rows):
      guard table.add(numbers: name, rows, to: &values) else { throw EvaluationDamaged() }
    }
    guard values.count - before == span.count else {
      throw StoreError.partDamaged(span.path, "rows are missing")
    }
  }

  private func read(texts name: String, _ span: Span, _ codes: CodeTable, into values: inout [UInt32]) throws {
    if Self.isNull(name, in: span) {
      values.append(contentsOf: repeatElement(CodeTable.null, count: span.count))
      return
    }
    let before = values.count
    switch span.source {
    case .part(let file, let group, let ranges):
      guard let column = file.column(name) else { break }
      try OpenParts.damaged(span.path) {
        try file.codes(column, rowGroup: group, ranges: ranges, table: codes, into: &values)
      }
    case .kept(let table, let rows):
      guard table.add(texts: name, rows, to: &values, codes) else { throw EvaluationDamaged() }
    }
    guard values.count - before == span.count else {
      throw StoreError.partDamaged(span.path, "rows are missing")
    }
  }
}

/// A file of the evaluation state is not what was written, though its digest is.
public struct EvaluationDamaged: Error {
  public init() {}
}
