/// What a medical category stands for: a row of med_type_b (claims.md 1.8).
public struct MedTypeRow: Sendable, Hashable {
  public var medType: String
  /// inpatient, outpatient, emergency, pharmacy or other.
  public var visitClass: String
  /// `1` = chronic or special-disease billing.
  public var opspFlag: String
  /// `1` = needs a registration.
  public var regFlag: String
  /// First day of validity, days since 1970-01-01; nil = always was.
  public var beginDay: Int64?
  /// Last day of validity; nil = open.
  public var endDay: Int64?
  /// The row overlaps another of its code and speaks for no day. Overlaps inside one list are also found on use.
  public var isAmbiguous: Bool

  public init(
    medType: String, visitClass: String, opspFlag: String = "0", regFlag: String = "0", beginDay: Int64? = nil,
    endDay: Int64? = nil, isAmbiguous: Bool = false
  ) {
    self.medType = medType
    self.visitClass = visitClass
    self.opspFlag = opspFlag
    self.regFlag = regFlag
    self.beginDay = beginDay
    self.endDay = endDay
    self.isAmbiguous = isAmbiguous
  }

  /// The set that holds where no `med_type_b` was delivered: no begin, no end.
  public static let shipped: [MedTypeRow] = {
    let classes: [(String, [String])] = [
      ("inpatient", ["21", "2101", "2102", "2105", "2106", "22", "23", "24", "25", "26", "27", "28", "52", "9940"]),
      (
        "outpatient",
        [
          "11", "12", "14", "1401", "140101", "140104", "140201", "1403", "1404", "15", "16", "51", "81", "9901",
          "99331", "99332", "910202",
        ]
      ),
      ("emergency", ["13", "1301"]),
      ("pharmacy", ["18", "41", "9929"]),
      ("other", ["61", "71"]),
    ]
    let opsp: Set = ["14", "1401", "140101", "140104", "140201", "1403", "1404", "15", "9901", "9929"]
    // 1403 and 1404 begin with 14 and need no registration.
    let reg: Set = ["14", "1401", "140101", "140104", "140201"]
    return classes.flatMap { visitClass, codes in
      codes.map { code in
        MedTypeRow(
          medType: code, visitClass: visitClass, opspFlag: opsp.contains(code) ? "1" : "0",
          regFlag: reg.contains(code) ? "1" : "0")
      }
    }
  }()
}
