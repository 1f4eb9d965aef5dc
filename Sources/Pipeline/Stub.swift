import ClaimModel
enum UnitKeys { static func append(_ raw: [ClaimTable: RawRows], _ codes: CodeTable, to keys: inout [UInt64]) {} }
func straddlingSlices(_ keys: [[UInt64]]) -> Set<UInt16> { [] }
