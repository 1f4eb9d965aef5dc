import ClaimModel

/// Data quality of accepted rows of one table: how well columns are filled, which codes no list knows. Where none is
/// made (`FileNormalizer`), `rows` alone is set.
public struct TableProfile: Sendable, Codable, Hashable {
  public var table: ClaimTable
  /// Accepted rows.
  public var rows = 0
  /// Per column of `table.columns`: rows with a value, nulled ones excepted.
  public var filled: [Int]
  /// Per institution, in byte order of its code.
  public var institutions: [InstitutionProfile] = []
  /// Codes outside `CodeLists`, in byte order of column and code.
  public var unknownCodes: [UnknownCode] = []
  /// Persons with several certificates and the reverse; 0 for tables without certno.
  public var identity = IdentityDuplicates()

  public init(table: ClaimTable) {
    self.table = table
    filled = [Int](repeating: 0, count: table.columns.count)
  }

  /// Adds the figures of another file of the table. Identity figures add up too: a duplicate that shows only across
  /// files is found by merging `IdentityIndex` values instead.
  public mutating func merge(_ other: TableProfile) {
    rows += other.rows
    for i in filled.indices { filled[i] += other.filled[i] }
    institutions = merged(institutions + other.institutions)
    unknownCodes = merged(unknownCodes + other.unknownCodes)
    identity.personsWithSeveralCertificates += other.identity.personsWithSeveralCertificates
    identity.certificatesWithSeveralPersons += other.identity.certificatesWithSeveralPersons
  }

  private func merged(_ all: [InstitutionProfile]) -> [InstitutionProfile] {
    var byCode: [String: InstitutionProfile] = [:]
    for one in all {
      guard var known = byCode[one.institution] else {
        byCode[one.institution] = one
        continue
      }
      known.rows += one.rows
      for i in known.filled.indices { known.filled[i] += one.filled[i] }
      byCode[one.institution] = known
    }
    return byCode.values.sorted { bytesPrecede($0.institution, $1.institution) }
  }

  private func merged(_ all: [UnknownCode]) -> [UnknownCode] {
    var rows: [UnknownCode.Key: Int] = [:]
    for one in all { rows[one.key, default: 0] += one.rows }
    return rows.map { UnknownCode(column: $0.key.column, code: $0.key.code, rows: $0.value) }.sorted()
  }
}

/// Fill of one institution's rows.
public struct InstitutionProfile: Sendable, Codable, Hashable {
  /// fixmedins_code; empty for rows without one and for tables without the column.
  public var institution: String
  public var rows: Int
  /// Per column of the table: rows with a value.
  public var filled: [Int]

  public init(institution: String, rows: Int, filled: [Int]) {
    self.institution = institution
    self.rows = rows
    self.filled = filled
  }

  // A file has thousands of institutions with a number for each column: as one text each they are written and read ten
  // times as fast. Rows and figures come first, apart by blanks, then the code, which may hold anything.
  public func encode(to encoder: any Encoder) throws {
    var text = String(rows)
    for n in filled {
      text += " "
      text += String(n)
    }
    text += ":"
    text += institution
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let bytes = Array(try container.decode(String.self).utf8)
    var numbers: [Int] = []
    var n = 0
    var at = 0
    while at < bytes.count, bytes[at] != 0x3A {
      if bytes[at] == 0x20 {
        numbers.append(n)
        n = 0
      } else if bytes[at] >= 0x30, bytes[at] <= 0x39, n < Int.max / 16 {
        n = n * 10 + Int(bytes[at] - 0x30)
      } else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "not the profile of an institution")
      }
      at += 1
    }
    numbers.append(n)
    guard at < bytes.count else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not the profile of an institution")
    }
    rows = numbers[0]
    filled = Array(numbers.dropFirst())
    institution = String(decoding: bytes[(at + 1)...], as: UTF8.self)
  }
}

/// A value outside the code list of its column.
public struct UnknownCode: Sendable, Codable, Hashable, Comparable {
  struct Key: Hashable {
    var column: String
    var code: String
  }

  /// National column name.
  public var column: String
  /// The value; `long` for all values over 8 bytes, `other` for all with other characters than visible ASCII: no code
  /// is so, an identity number or a name might be.
  public var code: String
  public var rows: Int
  /// Stand for values that are not shown.
  public static let long = "(long)"
  public static let other = "(other letters)"

  /// The value, or what stands for it.
  public static func shown(_ value: String) -> String {
    if value.utf8.count > 8 { return long }
    return value.utf8.allSatisfy { $0 >= 0x21 && $0 <= 0x7E } ? value : other
  }

  var key: Key { Key(column: column, code: code) }

  public init(column: String, code: String, rows: Int) {
    self.column = column
    self.code = code
    self.rows = rows
  }

  public static func < (a: UnknownCode, b: UnknownCode) -> Bool {
    a.column == b.column
      ? bytesPrecede(a.code, b.code) : bytesPrecede(a.column, b.column)
  }
}

/// Counts only: whose numbers they are is printed nowhere.
public struct IdentityDuplicates: Sendable, Codable, Hashable {
  /// psn_no values that occur with more than one certno.
  public var personsWithSeveralCertificates = 0
  /// certno values that occur with more than one psn_no.
  public var certificatesWithSeveralPersons = 0
  public init() {}
}

/// psn_no and certno pairs as 64-bit hashes. Letters are compared in upper case: the check digit x and X are one.
public struct IdentityIndex: Sendable {
  private var certificateOf: [UInt64: UInt64] = [:]
  private var personOf: [UInt64: UInt64] = [:]
  // No hash of a text is 0 here, so 0 says: several.
  private static let several: UInt64 = 0

  public init() {}

  /// Counts a pair; a null on either side says nothing.
  public mutating func insert(person: UnsafeRawBufferPointer, certificate: UnsafeRawBufferPointer) {
    if person.isEmpty || certificate.isEmpty { return }
    insert(person: Self.hash(person), certificate: Self.hash(certificate))
  }

  /// Adds the pairs of another file or table.
  public mutating func merge(_ other: IdentityIndex) {
    for (person, certificate) in other.certificateOf { Self.note(person, certificate, &certificateOf) }
    for (certificate, person) in other.personOf { Self.note(certificate, person, &personOf) }
  }

  public var duplicates: IdentityDuplicates {
    var result = IdentityDuplicates()
    for value in certificateOf.values where value == Self.several { result.personsWithSeveralCertificates += 1 }
    for value in personOf.values where value == Self.several { result.certificatesWithSeveralPersons += 1 }
    return result
  }

  private mutating func insert(person: UInt64, certificate: UInt64) {
    Self.note(person, certificate, &certificateOf)
    Self.note(certificate, person, &personOf)
  }

  private static func note(_ key: UInt64, _ value: UInt64, _ map: inout [UInt64: UInt64]) {
    if let known = map[key] {
      if known != value, known != several { map[key] = several }
    } else {
      map[key] = value
    }
  }

  /// FNV-1a over the upper-case bytes, then a finaliser; never 0.
  private static func hash(_ text: UnsafeRawBufferPointer) -> UInt64 {
    var h: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text { h = (h ^ UInt64(byte >= 0x61 && byte <= 0x7A ? byte - 0x20 : byte)) &* 0x100_0000_01B3 }
    h ^= h >> 33
    h = h &* 0xFF51_AFD7_ED55_8CCD
    h ^= h >> 33
    return h == 0 ? 1 : h
  }
}
