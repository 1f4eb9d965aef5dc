import ClaimModel

/// Where the rows of a segment came from: it decides between versions and names a row's file.
public struct SegmentIdentity: Sendable, Hashable {
  /// Batch id without revision.
  public var batch: String
  /// Name relative to the batch folder; for a zip that of the archive.
  public var file: String
  /// Ordinal of the member in the archive; 0 for other files.
  public var member: Int
  /// National columns that the file does not have. A missing vali_flag counts as 1.
  public var missingColumns: Set<String>

  public init(batch: String, file: String, member: Int = 0, missingColumns: Set<String> = []) {
    self.batch = batch
    self.file = file
    self.member = member
    self.missingColumns = missingColumns
  }
}

/// All accepted rows of the store and what decides about them.
public struct NormalizationInput: Sendable {
  /// From `RowLoader`; a table that is not there has no rows.
  public var raw: [ClaimTable: RawRows]
  /// What `RowOrigin.segment` points into.
  public var segments: [SegmentIdentity]
  /// Rows of med_type_b; nil where none was delivered: the shipped set holds.
  public var medTypes: [MedTypeRow]?
  /// Parameter excluded_setl_type.
  public var excludedSetlTypes: Set<String>
  /// The table in which the raw codes were interned; derived texts are added to it.
  public var codes: CodeTable
  /// Whether there are rows of `Entity.person`; they take 8 bytes a line, and few rules ask for them.
  public var linksPersons: Bool
  /// Whether lines have the derived column `id`: a text for each line, which costs more than all else together. Without
  /// it `EffectiveClaims.lineIDs` names the few lines that are asked for.
  public var namesLines: Bool
  /// The loaded columns that the entities get, by table; nil: all. For a table that is not there likewise.
  public var keptColumns: [ClaimTable: Set<String>]?

  public init(
    raw: [ClaimTable: RawRows], segments: [SegmentIdentity], medTypes: [MedTypeRow]? = nil,
    excludedSetlTypes: Set<String> = [], codes: CodeTable, linksPersons: Bool = true, namesLines: Bool = true,
    keptColumns: [ClaimTable: Set<String>]? = nil
  ) {
    self.raw = raw
    self.segments = segments
    self.medTypes = medTypes
    self.excludedSetlTypes = excludedSetlTypes
    self.codes = codes
    self.linksPersons = linksPersons
    self.namesLines = namesLines
    self.keptColumns = keptColumns
  }
}

/// The claims that count, and what became of every other row.
public struct Normalized: Sendable {
  public var claims: EffectiveClaims
  /// Parallel to the raw rows of each table. Visits, diagnoses and operations are superseded, cancelled or count.
  public var dispositions: [ClaimTable: [Disposition]]
  /// Parallel to the raw rows: the newest version of its key, with vali_flag 1 (claims.md 1.1).
  public var isValid: [ClaimTable: [Bool]]
  /// Medical categories of counting settlements that the table does not know, in byte order.
  public var unknownMedTypes: [UnknownMedType]

  public init(
    claims: EffectiveClaims, dispositions: [ClaimTable: [Disposition]], isValid: [ClaimTable: [Bool]],
    unknownMedTypes: [UnknownMedType]
  ) {
    self.claims = claims
    self.dispositions = dispositions
    self.isValid = isValid
    self.unknownMedTypes = unknownMedTypes
  }
}

/// A medical category without a row on the day: class `other`, so no rule sees its settlements.
public struct UnknownMedType: Sendable, Hashable, Codable {
  /// Empty where neither visit nor settlement has one.
  public var code: String
  /// Counting settlements.
  public var rows: Int
  /// Their medfee_sumamt, nulls as 0.
  public var fen: Int128
  /// Their P.
  public var fundFen: Int128

  public init(code: String, rows: Int, fen: Int128, fundFen: Int128) {
    self.code = code
    self.rows = rows
    self.fen = fen
    self.fundFen = fundFen
  }
}
