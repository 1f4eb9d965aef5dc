import ClaimModel
import Diagnostics

/// Reads one claim file: fingerprints, inflates, decodes, splits and maps its columns by name.
///
/// Damage is reported, not thrown: a damaged row costs only itself (`rejects`), a refusal the whole file (`refusal`;
/// the caller then drops what the consumer was given). Only errors of the consumer are thrown.
public func readClaimFile(
  _ file: BatchFile, limits: IntakeLimits = IntakeLimits(), consumer: any RecordConsumer
) throws -> FileReport {
  var reading = ClaimFileReading(file, limits, consumer)
  return try reading.run()
}

/// The state of reading one file.
private struct ClaimFileReading {
  let file: BatchFile
  let limits: IntakeLimits
  let consumer: ConsumerGate
  var report: FileReport
  var readsAhead = false

  init(_ file: BatchFile, _ limits: IntakeLimits, _ consumer: any RecordConsumer) {
    self.file = file
    self.limits = limits
    self.consumer = ConsumerGate(consumer)
    report = FileReport(file: file.name, size: file.size)
  }

  mutating func run() throws -> FileReport {
    do {
      if let problem = file.problem {
        throw Refusal.make("unreadable", file.name, nil, problem.cause, problem.remedy)
      }
      let stored = try HashedFile(path: file.path, name: file.name, takesDigest: limits.takesDigest)
      do {
        try readMembers(stored)
        report.digest = try stored.finish()
      } catch let problem as Diagnostic where consumer.failure == nil {
        // A file that is still being written looks damaged in many ways; the cause is what helps.
        if stored.hasChanged { throw Refusal.changed(file.name) }
        report.digest = (try? stored.finish()) ?? ""
        throw problem
      }
    } catch {
      if let failure = consumer.failure { throw failure }
      guard let refusal = error as? Diagnostic else { throw error }
      report.refusal = refusal
      report.reachedRows += report.rowsRead
      report.reachedBytes += report.inflatedBytes
      report.members = []
    }
    return report
  }

  private mutating func readMembers(_ stored: HashedFile) throws {
    if stored.size == 0 { throw Refusal.empty(file.name, nil) }
    var magic = [UInt8](repeating: 0, count: 4)
    let n = try magic.withUnsafeMutableBytes { try stored.read(at: 0, into: $0) }
    let name = file.name.lowercased()
    if name.hasSuffix(".zip") || magic.prefix(n) == [0x50, 0x4B, 0x03, 0x04] {
      return try readArchive(stored)
    }
    let isGzip = name.hasSuffix(".gz") || magic.prefix(2) == [0x1F, 0x8B]
    let named = ClaimTable(fileNamed: file.name)
    let mapping = LayoutMapping(file: file.name, member: nil, named: named)
    let (file, limits) = (file, limits)
    try readMember(mapping) { inflater in
      let guardian = BombGuard(limits: limits, file: file.name, member: nil)
      let plain = PlainSource(stored, guardian: isGzip ? nil : guardian)
      if !isGzip { return plain }
      return GzipSource(file: file.name, member: nil, limits: limits, guardian: guardian, inflater: inflater) {
        try plain.read(into: $0)
      }
    }
  }

  private mutating func readArchive(_ stored: HashedFile) throws {
    let archive = try ZipArchive(stored, limits: limits)
    let ofArchive = ClaimTable(fileNamed: file.name)
    for member in archive.members {
      let mapping = LayoutMapping(
        file: file.name, member: member.name, named: ClaimTable(fileNamed: member.name) ?? ofArchive)
      let (file, limits, before) = (file, limits, report.inflatedBytes)
      try readMember(mapping) { inflater in
        let guardian = BombGuard(limits: limits, file: file.name, member: member.name, producedBefore: before)
        let source = try archive.open(member, guardian: guardian)
        guard member.name.lowercased().hasSuffix(".gz") else { return source }
        return GzipSource(
          file: file.name, member: member.name, limits: limits, guardian: guardian, inflater: inflater
        ) {
          try source.read(into: $0)
        }
      }
    }
  }

  /// Reads one member and adds its report; again with the oracle if the fast way finds anything wrong, so that what is
  /// refused, and all that is said about it, does not depend on how it was inflated.
  private mutating func readMember(
    _ mapping: LayoutMapping, open: (InflaterChoice) throws -> any ByteSource
  ) throws {
    let choice = limits.inflater
    if choice != .zlib || limits.readsAhead {
      do {
        return try readInPasses(mapping, readsAhead: limits.readsAhead) { try open(choice) }
      } catch is NeedsOracle {
        consumer.restart()
        report.reachedRows = 0
        report.reachedBytes = 0
      }
    }
    try readInPasses(mapping, readsAhead: false) { try open(.zlib) }
  }

  /// Two characters of ASCII in UTF-16, in either order of bytes; no table in another charset begins so.
  private static func looksLikeUTF16(_ head: [UInt8]) -> Bool {
    guard head.count >= 4 else { return false }
    let isZero = head.prefix(4).map { $0 == 0 }
    return isZero == [false, true, false, true] || isZero == [true, false, true, false]
  }

  /// Reads one member, in as many passes as its charset needs, and adds its report.
  private mutating func readInPasses(
    _ mapping: LayoutMapping, readsAhead: Bool, open: () throws -> any ByteSource
  ) throws {
    self.readsAhead = readsAhead
    let head = try firstBytes(open)
    if head.isEmpty { throw Refusal.empty(mapping.file, mapping.member) }
    // What a file or an archive holds is a table; bytes of the file itself were asked before.
    if head.starts(with: [0x1F, 0x8B]) { throw Refusal.nested(mapping.file, mapping.member, "gzip data") }
    if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      throw Refusal.nested(mapping.file, mapping.member, "a zip archive or a workbook")
    }
    if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) {
      let charset: Charset = head[0] == 0xFF ? .utf16LittleEndian : .utf16BigEndian
      let pass = try run(charset, skip: 2, mapping, open)
      try accept(try pass.get(), mapping)
      return
    }
    if Self.looksLikeUTF16(head) {
      throw Refusal.charset(
        mapping.file, mapping.member, "every second byte is 0, as in UTF-16, but there is no byte order mark")
    }
    if head.starts(with: [0x84, 0x31, 0x95, 0x33]) {
      try accept(try run(.gb18030, skip: 4, mapping, open).get(), mapping)
      return
    }
    let skip = head.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    if head.count == skip { throw Refusal.empty(mapping.file, mapping.member) }

    let first = try run(.utf8, skip: skip, mapping, open, mayGiveUp: true)
    if let pass = first.pass, !first.gaveUp, !exceeds(pass.failing, pass.report.rowsRead), !pass.looksLikeGB {
      return try accept(pass, mapping)
    }
    consumer.restart()
    let second = try run(.gb18030, skip: skip, mapping, open)
    if let gb = second.pass, first.pass?.looksLikeGB == true, gb.failing == 0 { return try accept(gb, mapping) }
    guard let gb = second.pass else {
      // Not even the header reads as GB18030, so UTF-8 fails less.
      guard first.pass != nil else { throw first.problem ?? Refusal.empty(mapping.file, mapping.member) }
      consumer.restart()
      return try accept(try run(.utf8, skip: skip, mapping, open).get(), mapping)
    }
    if let utf8 = first.pass {
      let certain = exceeds(utf8.failing, gb.report.rowsRead) && gb.failing < utf8.failing
      if !certain {
        consumer.restart()
        let again = try run(.utf8, skip: skip, mapping, open).get()
        if gb.failing >= again.failing || !exceeds(again.failing, again.report.rowsRead) {
          return try accept(again, mapping)
        }
        consumer.restart()
        return try accept(try run(.gb18030, skip: skip, mapping, open).get(), mapping)
      }
    }
    try accept(gb, mapping)
  }

  /// More rows fail than the limit allows.
  private func exceeds(_ failing: Int, _ rows: Int) -> Bool {
    failing > 0 && failing * 1_000_000 > rows * limits.rejectLimitPerMillion
  }

  private mutating func accept(_ pass: MemberReading, _ mapping: LayoutMapping) throws {
    // One row is always allowed: in a small file it is more than any limit and says nothing about the file.
    if pass.failing > 1, exceeds(pass.failing, pass.report.rowsRead) {
      report.reachedRows = pass.report.rowsRead
      report.reachedBytes = pass.bytesRead
      throw Refusal.charset(
        mapping.file, mapping.member,
        "\(pass.failing) of \(pass.report.rowsRead) rows are not valid \(pass.report.charset.rawValue), more than "
          + "reject_limit allows, and no other charset fits better")
    }
    report.members.append(pass.report)
  }

  private struct PassResult {
    var pass: MemberReading?
    var gaveUp = false
    var problem: Diagnostic?
    func get() throws -> MemberReading {
      if let pass { return pass }
      throw problem ?? Diagnostic(.error, "intake.unreadable", "the header cannot be read")
    }
  }

  private mutating func run(
    _ charset: Charset, skip: Int, _ mapping: LayoutMapping, _ open: () throws -> any ByteSource,
    mayGiveUp: Bool = false
  ) throws -> PassResult {
    for longSample in [false, true] {
      let plain = try open()
      let ahead = readsAhead ? ReadAheadSource(plain) : nil
      // A pass that is given up must not go on reading beside the next one.
      defer { ahead?.close() }
      let reader = try LineReader(
        ahead ?? plain, charset: charset, skip: skip, firstChunk: longSample ? LineReader.maxLineBytes : 0)
      let pass = MemberReading(reader, mapping: mapping)
      do {
        let outcome = try pass.run(consumer, mayGiveUp: mayGiveUp, longSample: longSample)
        if pass.needsLongSample { continue }
        switch outcome {
        case .complete: return PassResult(pass: pass)
        case .hopeless: return PassResult(pass: pass, gaveUp: true)
        case .unreadableHeader(let problem): return PassResult(problem: problem)
        }
      } catch {
        report.reachedRows = pass.report.rowsRead
        report.reachedBytes = pass.bytesRead
        throw error
      }
    }
    return PassResult()
  }

  private func firstBytes(_ open: () throws -> any ByteSource) throws -> [UInt8] {
    let source = try open()
    var head = [UInt8](repeating: 0, count: 4)
    var n = 0
    while n < 4 {
      let more = try head.withUnsafeMutableBytes { try source.read(into: .init(rebasing: $0[n...])) }
      if more == 0 { break }
      n += more
    }
    return Array(head.prefix(n))
  }
}

/// Passes on to the consumer and remembers its error, so that it is not taken for damage of the file.
private final class ConsumerGate: RecordConsumer {
  private let consumer: any RecordConsumer
  private(set) var failure: (any Error)?
  private var begun = false

  init(_ consumer: any RecordConsumer) { self.consumer = consumer }

  func begin(_ layout: FileLayout, member: String?) throws {
    begun = true
    do { try consumer.begin(layout, member: member) } catch {
      failure = error
      throw error
    }
  }

  func consume(_ block: borrowing RecordBlock) throws {
    do { try consumer.consume(block) } catch {
      failure = error
      throw error
    }
  }

  func restart() {
    if begun { consumer.restart() }
    begun = false
  }
}
