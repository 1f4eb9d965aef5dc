import CByteMasks
import ClaimModel
import Intake

/// One pass over the rows of one member: the hot loop of normalisation.
///
/// A tile of rows that fits the first-level cache is checked column by column, so that each loop does one thing.
final class RowChecks {
  /// What is looked at in a column that holds more than free text.
  private struct Check {
    var column: Int
    /// Field of the record; -1 if the file lacks the column.
    var field: Int
    var kind: ValueKind
    var rejectsRow: Bool
    var required: Bool
    var isKey: Bool
    /// What the value may not hold, because ids of findings and lines are put together with it; empty: anything.
    var separators: [UInt8]
    /// Index among the table's number columns; -1 for texts.
    var number: Int
    /// A value above it is bad.
    var greatest: Int64
    /// How the column's last value was written; never `x`.
    var lastForm: UInt8
    var lastDate = FastValues.LastDate()
  }

  private struct Problem: Hashable {
    var column: Int
    var code: ValueCode
    var isNulled: Bool
  }

  /// Rows of a tile.
  private static let tileRows = 128

  private let file: String
  private let member: String?
  private let table: ClaimTable
  private let profiles: Bool
  @exclusivity(unchecked) private var checks: [Check]
  /// Field of each national column, -1 if missing.
  private let fieldOfColumn: [Int]
  private let fieldCount: Int
  private let fixmedinsField: Int
  private let psnField: Int
  private let certField: Int
  private let codeColumns: UnsafeMutableBufferPointer<CodeColumn>
  /// Of each code column the place among a tile's good rows where its run began.
  private let runBegins: UnsafeMutablePointer<Int>
  /// Bits of their fields, as in `CheckedRows.repeats`, and of each field its place among them.
  private let codeFields: [UInt64]
  private let codeColumnOfField: [Int]

  // One tile. Memory of its own: arrays would be checked at each of tens of millions of values.
  private let numberCount: Int
  private let numbers: UnsafeMutablePointer<Int64>
  private let forms: UnsafeMutablePointer<UInt8>
  /// Column for which a row is rejected, -1 if it is good.
  private let rejectedFor: UnsafeMutablePointer<Int16>
  private let rejectCodes: UnsafeMutablePointer<ValueCode>
  private let good: UnsafeMutablePointer<Int32>
  // What `CheckedRows` says of them.
  private let fieldWords: Int
  private let repeats: UnsafeMutablePointer<UInt64>
  private let filledFields: UnsafeMutablePointer<UInt64>
  private let textBytes: UnsafeMutablePointer<Int32>
  private let isWide = cbm_is_wide() != 0
  /// Code of the institution of each good row.
  private let institutionOf: UnsafeMutablePointer<Int32>
  @exclusivity(unchecked) private var nulled: [(row: Int, column: Int, code: ValueCode)] = []

  @exclusivity(unchecked) private var accepted = 0
  @exclusivity(unchecked) private var rejected = 0
  private var rejects: Rejects = []
  private var counts: [Problem: Int] = [:]
  /// Number and sums of each money column of the table.
  @exclusivity(unchecked) private var sums: [(number: Int, accepted: Int128, rejected: Int128)] = []
  private let institutions = CodeTable()
  @exclusivity(unchecked) private var institutionRows: [Int] = [0]
  /// `[institution * fieldCount + field]`: rows with a text, which nulled values are not. Lines are 32 bits wide.
  @exclusivity(unchecked) private var filled: [Int32]
  @exclusivity(unchecked) private(set) var identities = IdentityIndex()

  init(file: String, member: String?, layout: FileLayout, latestSettlementTime: Int64?, profiles: Bool) {
    self.profiles = profiles
    self.file = file
    self.member = member
    table = layout.table
    let columns = layout.table.columns
    let fields = layout.fieldOfColumn
    fieldOfColumn = fields
    fieldCount = layout.columnOfField.count
    let field: (String) -> Int = { name in layout.table.index(of: name).map { fields[$0] } ?? -1 }
    fixmedinsField = field("fixmedins_code")
    psnField = field("psn_no")
    certField = field("certno")
    var numberCount = 0
    var checks: [Check] = []
    var firstForms: [UInt8] = []
    for (i, column) in columns.enumerated() {
      var number = -1
      if column.kind != .text {
        number = numberCount
        numberCount += 1
        firstForms.append(Self.firstForm(column.kind))
        if column.kind == .money { sums.append((number, 0, 0)) }
      }
      if column.kind == .text, !column.required { continue }
      if fields[i] < 0, !column.required { continue }
      let isSettlementTime = layout.table == .settlements && column.name == "setl_time"
      checks.append(
        Check(
          column: i, field: fields[i], kind: column.kind, rejectsRow: column.rejectsRow, required: column.required,
          isKey: layout.table.key.contains(column.name), separators: layout.table.separators(in: column.name),
          number: number,
          greatest: isSettlementTime ? latestSettlementTime ?? Int64.max : Int64.max,
          lastForm: Self.firstForm(column.kind)))
    }
    self.checks = checks
    self.numberCount = numberCount
    filled = [Int32](repeating: 0, count: fieldCount)
    let codeColumns = columns.indices.compactMap { i in
      fields[i] >= 0 && CodeLists.values[columns[i].name] != nil
        ? CodeColumn(name: columns[i].name, field: fields[i]) : nil
    }
    self.codeColumns = .allocate(capacity: codeColumns.count)
    _ = self.codeColumns.initialize(from: codeColumns)
    runBegins = .allocate(capacity: max(1, codeColumns.count))
    var codeFields = [UInt64](repeating: 0, count: (fieldCount + 63) / 64)
    var codeColumnOfField = [Int](repeating: -1, count: fieldCount)
    for (i, column) in codeColumns.enumerated() {
      codeFields[column.field / 64] |= 1 << UInt64(column.field % 64)
      codeColumnOfField[column.field] = i
    }
    self.codeFields = codeFields
    self.codeColumnOfField = codeColumnOfField
    numbers = .allocate(capacity: Self.tileRows * max(1, numberCount))
    numbers.initialize(repeating: ColumnData.null, count: Self.tileRows * max(1, numberCount))
    forms = .allocate(capacity: Self.tileRows * max(1, numberCount))
    for row in 0..<Self.tileRows {
      for number in 0..<numberCount { forms[row * numberCount + number] = firstForms[number] }
    }
    rejectedFor = .allocate(capacity: Self.tileRows)
    rejectedFor.initialize(repeating: -1, count: Self.tileRows)
    rejectCodes = .allocate(capacity: Self.tileRows)
    rejectCodes.initialize(repeating: .missingKey, count: Self.tileRows)
    good = .allocate(capacity: Self.tileRows)
    good.initialize(repeating: 0, count: Self.tileRows)
    fieldWords = (fieldCount + 63) / 64
    repeats = .allocate(capacity: Self.tileRows * max(1, fieldWords))
    filledFields = .allocate(capacity: Self.tileRows * max(1, fieldWords))
    textBytes = .allocate(capacity: Self.tileRows)
    institutionOf = .allocate(capacity: Self.tileRows)
    institutionOf.initialize(repeating: 0, count: Self.tileRows)
  }

  deinit {
    numbers.deallocate()
    forms.deallocate()
    rejectedFor.deallocate()
    rejectCodes.deallocate()
    good.deallocate()
    repeats.deallocate()
    filledFields.deallocate()
    textBytes.deallocate()
    institutionOf.deallocate()
    for column in codeColumns { column.deallocate() }
    codeColumns.deinitialize()
    codeColumns.deallocate()
    runBegins.deallocate()
  }

  /// The form of a column none of whose values was seen: what most files write.
  private static func firstForm(_ kind: ValueKind) -> UInt8 {
    switch kind {
    case .day: DeliveredText.dateForm
    case .time: DeliveredText.timeForm
    case .money: 0x32
    case .quantity, .price, .ratio, .integer, .text: 0x30
    }
  }

  func consume(_ block: borrowing RecordBlock, into sink: any CheckedRowSink) throws {
    let rows = block.recordCount
    let width = block.fieldCount
    guard rows > 0, width > 0, let bytes = block.bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8) else { return }
    // What is read without checks below.
    precondition(
      width == fieldCount && block.fieldStarts.count >= rows * width && block.fieldLengths.count >= rows * width
        && block.byteOffsets.count >= rows, "a block has as many fields as its layout")
    let bytesCount = block.bytes.count
    try block.fieldStarts.withUnsafeBufferPointer { starts in
      try block.fieldLengths.withUnsafeBufferPointer { lengths in
        try block.lines.withUnsafeBufferPointer { lines in
          try block.byteOffsets.withUnsafeBufferPointer { offsets in
            guard let starts = starts.baseAddress, let lengths = lengths.baseAddress, let lines = lines.baseAddress,
              let offsets = offsets.baseAddress
            else { return }
            var first = 0
            while first < rows {
              let count = min(Self.tileRows, rows - first)
              let tile = Tile(
                bytes: bytes, bytesCount: bytesCount, starts: starts + first * width,
                lengths: lengths + first * width, width: width, lines: lines + first, offsets: offsets + first,
                count: count)
              let goodCount = check(tile)
              if goodCount > 0 {
                try sink.take(
                  CheckedRows(
                    bytes: bytes, bytesCount: bytesCount, starts: tile.starts, lengths: tile.lengths,
                    fieldCount: width, lines: tile.lines, byteOffsets: tile.offsets, numbers: numbers, forms: forms,
                    numberCount: numberCount, repeats: repeats, filled: filledFields, fieldWords: fieldWords,
                    textBytes: textBytes, good: UnsafeBufferPointer(start: good, count: goodCount)))
              }
              first += count
            }
          }
        }
      }
    }
  }

  private struct Tile {
    var bytes: UnsafeRawPointer
    var bytesCount: Int
    var starts: UnsafePointer<Int32>
    var lengths: UnsafePointer<Int32>
    var width: Int
    var lines: UnsafePointer<Int32>
    var offsets: UnsafePointer<Int64>
    var count: Int
  }

  /// Types, checks, sums and profiles a tile; the number of good rows.
  private func check(_ tile: Tile) -> Int {
    for row in 0..<tile.count { rejectedFor[row] = -1 }
    nulled.removeAll(keepingCapacity: true)
    findRepeats(tile)
    for i in checks.indices {
      switch checks[i].kind {
      case .text where checks[i].separators.isEmpty || checks[i].field < 0: checkText(checks[i], tile)
      case .text: checkID(checks[i], tile)
      case .money:
        checkNumbers(i, tile) { FastValues.decimal($0, $1, kind: .money, scale: 2) }
      case .quantity:
        checkNumbers(i, tile) { FastValues.decimal($0, $1, kind: .quantity, scale: 4) }
      case .ratio:
        checkNumbers(i, tile) { FastValues.decimal($0, $1, kind: .ratio, scale: 4) }
      case .price:
        checkNumbers(i, tile) { FastValues.decimal($0, $1, kind: .price, scale: 6) }
      case .integer:
        checkNumbers(i, tile) { FastValues.decimal($0, $1, kind: .integer, scale: 0) }
      case .day:
        var last = checks[i].lastDate
        checkNumbers(i, tile) { FastValues.date($0, $1, kind: .day, &last) }
        checks[i].lastDate = last
      case .time:
        var last = checks[i].lastDate
        checkNumbers(i, tile) { FastValues.date($0, $1, kind: .time, &last) }
        checks[i].lastDate = last
      }
    }
    var goodCount = 0
    for row in 0..<tile.count {
      good[goodCount] = Int32(truncatingIfNeeded: row)
      goodCount &+= rejectedFor[row] < 0 ? 1 : 0
    }
    addSums(tile, areAllGood: goodCount == tile.count)
    if goodCount < tile.count || !nulled.isEmpty { list(tile) }
    accepted += goodCount
    rejected += tile.count - goodCount
    if profiles, goodCount > 0 { profile(tile, goodCount) }
    return goodCount
  }

  /// Claims say the same in row after row: what is known of a field is then known of the next row's.
  private func findRepeats(_ tile: Tile) {
    let bytes = tile.bytes.assumingMemoryBound(to: UInt8.self)
    if isWide {
      cbm_fields_wide(
        bytes, tile.bytesCount, tile.starts, tile.lengths, tile.count, tile.width, repeats, filledFields, textBytes)
    } else {
      cbm_fields_plain(
        bytes, tile.bytesCount, tile.starts, tile.lengths, tile.count, tile.width, repeats, filledFields, textBytes)
    }
  }

  private func checkText(_ check: Check, _ tile: Tile) {
    let code = check.isKey ? ValueCode.missingKey : .missingValue
    for row in 0..<tile.count where check.field < 0 || tile.lengths[row &* tile.width &+ check.field] == 0 {
      reject(row, check.column, code)
    }
  }

  /// A text that ids are made of.
  private func checkID(_ check: Check, _ tile: Tile) {
    let missing = check.isKey ? ValueCode.missingKey : .missingValue
    let fieldBit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: check.field)
    let lastRoomy = tile.bytesCount &- FastValues.room
    let (first, last) = (check.separators[0], check.separators[check.separators.count - 1])
    var word = UnsafePointer(repeats) + check.field &>> 6
    var isOdd = false
    var at = check.field
    for row in 0..<tile.count {
      let length = Int(tile.lengths[at])
      if length == 0 {
        reject(row, check.column, missing)
      } else {
        if row == 0 || word.pointee & fieldBit == 0 {
          let start = Int(tile.starts[at])
          isOdd = Self.holds(
            first, or: last, tile.bytes + start, length, isRoomy: start <= lastRoomy && length <= FastValues.room)
        }
        if isOdd { reject(row, check.column, .badKey) }
      }
      at &+= tile.width
      word += fieldWords
    }
  }

  /// Whether one of two bytes is among the text's. - Parameter isRoomy: `FastValues.room` bytes may be read, and there
  /// are no more.
  @inline(__always)
  private static func holds(
    _ a: UInt8, or b: UInt8, _ text: UnsafeRawPointer, _ length: Int, isRoomy: Bool
  ) -> Bool {
    if !isRoomy {
      for i in 0..<length {
        let byte = text.load(fromByteOffset: i, as: UInt8.self)
        if byte == a || byte == b { return true }
      }
      return false
    }
    // Eight bytes at a time; what follows the text is masked out.
    let (ones, highs) = (0x0101_0101_0101_0101 as UInt64, 0x8080_8080_8080_8080 as UInt64)
    var found: UInt64 = 0
    var i = 0
    while i < length {
      let word = text.loadUnaligned(fromByteOffset: i, as: UInt64.self).littleEndian
      let (x, y) = (word ^ (ones &* UInt64(a)), word ^ (ones &* UInt64(b)))
      let hits = ((x &- ones) & ~x | (y &- ones) & ~y) & highs
      found |= length &- i >= 8 ? hits : hits & ((1 &<< UInt64(truncatingIfNeeded: (length &- i) &* 8)) &- 1)
      i &+= 8
    }
    return found != 0
  }

  @inline(__always)
  private func checkNumbers(
    _ index: Int, _ tile: Tile, _ parse: (UnsafeRawPointer, Int) -> FastValues.Typed
  ) {
    let check = checks[index]
    if check.field < 0 { return checkText(check, tile) }
    let lastRoomy = tile.bytesCount &- FastValues.room
    let fieldBit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: check.field)
    var word = UnsafePointer(repeats) + check.field &>> 6
    /// The value of the row before was taken, or was null.
    var isKnown = false
    var form = check.lastForm
    var at = check.field
    var slot = check.number
    for row in 0..<tile.count {
      if isKnown, word.pointee & fieldBit != 0 {
        numbers[slot] = numbers[slot &- numberCount]
        forms[slot] = forms[slot &- numberCount]
      } else {
        let length = Int(tile.lengths[at])
        let start = Int(tile.starts[at])
        if length == 0 {
          numbers[slot] = ColumnData.null
          forms[slot] = form
          isKnown = !check.required
          if check.required { reject(row, check.column, check.isKey ? .missingKey : .missingValue) }
        } else {
          let text = tile.bytes + start
          isKnown = keep(
            start <= lastRoomy ? parse(text, length) : FastValues.slow(text, length, check.kind), check, row: row,
            slot: slot, &form)
        }
      }
      at &+= tile.width
      slot &+= numberCount
      word += fieldWords
    }
    checks[index].lastForm = form
  }

  /// Writes a value down, or what is wrong with it; whether it is good.
  @inline(__always)
  private func keep(
    _ typed: FastValues.Typed, _ check: Check, row: Int, slot: Int, _ form: inout UInt8
  ) -> Bool {
    if typed.value == ColumnData.null || typed.value > check.greatest {
      numbers[slot] = ColumnData.null
      forms[slot] = DeliveredText.otherForm
      if check.rejectsRow {
        reject(row, check.column, .bad(check.kind))
      } else {
        nulled.append((row, check.column, .bad(check.kind)))
      }
      return false
    }
    numbers[slot] = typed.value
    forms[slot] = typed.form
    if typed.form != DeliveredText.otherForm { form = typed.form }
    return true
  }

  /// The first column in documented order names the reason, and columns are checked in that order.
  @inline(__always)
  private func reject(_ row: Int, _ column: Int, _ code: ValueCode) {
    if rejectedFor[row] >= 0 { return }
    rejectedFor[row] = Int16(truncatingIfNeeded: column)
    rejectCodes[row] = code
  }

  private func addSums(_ tile: Tile, areAllGood: Bool) {
    for i in sums.indices {
      var slot = sums[i].number
      if areAllGood {
        // Nearly all amounts are small, and so is their sum.
        var sum: Int64 = 0
        var magnitudes: Int64 = 0
        for _ in 0..<tile.count {
          let value = numbers[slot] == ColumnData.null ? 0 : numbers[slot]
          sum &+= value
          magnitudes |= value ^ (value &>> 63)
          slot &+= numberCount
        }
        if magnitudes < Int64.max / Int64(Self.tileRows) {
          sums[i].accepted += Int128(sum)
          continue
        }
        slot = sums[i].number
      }
      for row in 0..<tile.count {
        let value = Int128(numbers[slot] == ColumnData.null ? 0 : numbers[slot])
        if rejectedFor[row] < 0 { sums[i].accepted += value } else { sums[i].rejected += value }
        slot &+= numberCount
      }
    }
  }

  /// Lists what is wrong in a tile, in the order of its rows, and in a row of its columns.
  private func list(_ tile: Tile) {
    // Found column by column; a stable order of rows is made by their place in the list.
    let found = nulled.enumerated().sorted { ($0.element.row, $0.offset) < ($1.element.row, $1.offset) }
    var next = 0
    for row in 0..<tile.count {
      if rejectedFor[row] >= 0 {
        note(Int(rejectedFor[row]), rejectCodes[row], .rejected, line: tile.lines[row], offset: tile.offsets[row])
      }
      while next < found.count, found[next].element.row == row {
        let null = found[next].element
        if rejectedFor[row] < 0 {
          note(null.column, null.code, .nulled, line: tile.lines[row], offset: tile.offsets[row])
        }
        next += 1
      }
    }
  }

  private func profile(_ tile: Tile, _ goodCount: Int) {
    let width = tile.width
    findInstitutions(tile, goodCount)
    filled.withUnsafeMutableBufferPointer { filled in
      guard let filled = filled.baseAddress else { return }
      var first = 0
      while first < goodCount {
        let row = Int(good[first])
        let counts = filled + Int(institutionOf[first]) &* width
        // Rows of one institution that have the same fields.
        var end = first &+ 1
        while end < goodCount, institutionOf[end] == institutionOf[first],
          haveSameFields(row, Int(good[end]))
        { end &+= 1 }
        if end == first &+ 1 {
          let lengths = tile.lengths + row &* width
          for field in 0..<width { counts[field] &+= lengths[field] > 0 ? 1 : 0 }
        } else {
          let rows = Int32(truncatingIfNeeded: end &- first)
          for word in 0..<fieldWords {
            var rest = filledFields[row &* fieldWords &+ word]
            while rest != 0 {
              counts[word &* 64 &+ rest.trailingZeroBitCount] &+= rows
              rest &= rest &- 1
            }
          }
        }
        first = end
      }
    }
    if !nulled.isEmpty {
      nulled.sort { $0.row < $1.row }
      var next = 0
      for i in 0..<goodCount {
        while next < nulled.count, nulled[next].row <= Int(good[i]) {
          if nulled[next].row == Int(good[i]) {
            filled[Int(institutionOf[i]) * width + fieldOfColumn[nulled[next].column]] -= 1
          }
          next += 1
        }
      }
    }
    if psnField >= 0, certField >= 0 {
      for i in 0..<goodCount {
        let base = Int(good[i]) &* width
        identities.insert(
          person: UnsafeRawBufferPointer(
            start: tile.bytes + Int(tile.starts[base &+ psnField]), count: Int(tile.lengths[base &+ psnField])),
          certificate: UnsafeRawBufferPointer(
            start: tile.bytes + Int(tile.starts[base &+ certField]), count: Int(tile.lengths[base &+ certField])))
      }
    }
    countCodes(tile, goodCount)
  }

  @inline(__always)
  private func haveSameFields(_ a: Int, _ b: Int) -> Bool {
    for word in 0..<fieldWords
    where filledFields[a &* fieldWords &+ word] != filledFields[b &* fieldWords &+ word] { return false }
    return true
  }

  /// Codes repeat from row to row: a run is counted at once.
  private func countCodes(_ tile: Tile, _ goodCount: Int) {
    if goodCount == 0 { return }
    for column in codeColumns.indices { runBegins[column] = 0 }
    for place in 1..<max(1, goodCount) {
      let row = Int(good[place])
      // What a rejected row says does not count, and says nothing of the next.
      let follows = Int(good[place &- 1]) == row &- 1
      for word in 0..<fieldWords {
        var changed = codeFields[word] & ~(follows ? repeats[row &* fieldWords &+ word] : 0)
        while changed != 0 {
          endRun(codeColumnOfField[word &* 64 &+ changed.trailingZeroBitCount], tile, at: place)
          changed &= changed &- 1
        }
      }
    }
    for column in codeColumns.indices { endRun(column, tile, at: goodCount) }
  }

  @inline(__always)
  private func endRun(_ column: Int, _ tile: Tile, at place: Int) {
    let begin = runBegins[column]
    let at = Int(good[begin]) &* tile.width &+ codeColumns[column].field
    codeColumns[column].count(
      tile.bytes, tile.bytesCount, start: Int(tile.starts[at]), length: Int(tile.lengths[at]), rows: place &- begin)
    runBegins[column] = place
  }

  /// Institution of each good row; it is looked up where it differs from the row before.
  private func findInstitutions(_ tile: Tile, _ goodCount: Int) {
    guard fixmedinsField >= 0 else {
      institutionRows[0] += goodCount
      return
    }
    let word = UnsafePointer(repeats) + fixmedinsField &>> 6
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: fixmedinsField)
    var last = 0
    var lastRow = -1
    var run = 0
    for i in 0..<goodCount {
      let row = Int(good[i])
      if row != lastRow &+ 1 || word[row &* fieldWords] & bit == 0 {
        institutionRows[last] += run
        run = 0
        let at = row &* tile.width &+ fixmedinsField
        last = Int(
          institutions.intern(
            UnsafeRawBufferPointer(start: tile.bytes + Int(tile.starts[at]), count: Int(tile.lengths[at]))))
        if last == institutionRows.count {
          institutionRows.append(0)
          filled.append(contentsOf: repeatElement(0, count: fieldCount))
        }
      }
      lastRow = row
      institutionOf[i] = Int32(truncatingIfNeeded: last)
      run &+= 1
    }
    institutionRows[last] += run
  }

  private func note(_ column: Int, _ code: ValueCode, _ action: Reject.Action, line: Int32, offset: Int64) {
    let problem = Problem(column: column, code: code, isNulled: action == .nulled)
    let seen = counts[problem, default: 0]
    counts[problem] = seen + 1
    if action == .nulled, seen >= Rejects.listedPerCode { return }
    let name = table.columns[column].name
    rejects.append(
      Reject(
        file: file, table: table.name, line: Int(line), byteOffset: Int(offset), column: name, code: code.text,
        reason: code.reason(column: name), action: action))
  }

  func report() -> NormalizedMember {
    var result = NormalizedMember(file: file, member: member, table: table)
    let columns = table.columns
    result.accepted = accepted
    result.rejected = rejected
    result.rejects = rejects
    for (problem, count) in counts {
      let key = ValueProblem(
        column: columns[problem.column].name, code: problem.code.text,
        action: problem.isNulled ? .nulled : .rejected)
      result.counts[key, default: 0] += count
    }
    let money = columns.filter { $0.kind == .money }
    result.sums = zip(money, sums).map { column, sum in
      AmountSum(
        column: column.name, acceptedFen: Int64(exactly: sum.accepted), rejectedFen: Int64(exactly: sum.rejected))
    }
    result.profile.rows = accepted
    for (institution, rows) in institutionRows.enumerated() where rows > 0 {
      let figures = fieldOfColumn.map { $0 < 0 ? 0 : Int(filled[institution * fieldCount + $0]) }
      for i in figures.indices { result.profile.filled[i] += figures[i] }
      result.profile.institutions.append(
        InstitutionProfile(institution: institutions.text(UInt32(institution)), rows: rows, filled: figures))
    }
    result.profile.institutions.sort { bytesPrecede($0.institution, $1.institution) }
    result.profile.unknownCodes = codeColumns.flatMap { $0.unknown() }.sorted()
    result.profile.identity = identities.duplicates
    return result
  }
}

/// Why a value was not taken.
enum ValueCode: Hashable {
  case badAmount, badQuantity, badNumber, badDate, badKey, missingKey, missingValue

  /// The code of a value that does not parse as its kind.
  static func bad(_ kind: ValueKind) -> ValueCode {
    switch kind {
    case .money: .badAmount
    case .quantity: .badQuantity
    case .day, .time: .badDate
    case .price, .ratio, .integer, .text: .badNumber
    }
  }

  var text: String {
    switch self {
    case .badAmount: "bad-amount"
    case .badQuantity: "bad-quantity"
    case .badNumber: "bad-number"
    case .badDate: "bad-date"
    case .badKey: "bad-key"
    case .missingKey: "missing-key"
    case .missingValue: "missing-value"
    }
  }

  func reason(column: String) -> String {
    switch self {
    case .badAmount: "\(column) is not an amount of at most two decimals"
    case .badQuantity: "\(column) is not a quantity of at most four decimals"
    case .badNumber: "\(column) is not a number of its form"
    case .badDate: "\(column) is not a date or time that exists, or lies in the future"
    case .badKey: "\(column) holds a sign that joins ids: a finding's id could mean another row"
    case .missingKey: "\(column) is empty and names the row"
    case .missingValue: "\(column) is empty and must not be"
    }
  }
}
