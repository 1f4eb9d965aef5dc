import Audit
import ClaimModel

/// The slices of the findings' settlements and persons. What hangs together with them is in the same slices, or in
/// those that straddle.
func findingHomes(_ findings: [Finding], _ claims: EffectiveClaims) -> [String: Set<UInt16>] {
  if findings.isEmpty { return [:] }
  let settlements = claims[.settlement]
  let codes = claims.codes
  let ids = settlements.columns["setl_id"]?.codes ?? []
  let persons = settlements.columns["psn_no"]?.codes ?? []
  let visits = settlements.columns["mdtrt_id"]?.codes ?? []
  // By code, −1 for those of no settlement.
  var rowOf = [Int32](repeating: -1, count: codes.count)
  for (row, id) in ids.enumerated() { rowOf[Int(id)] = Int32(row) }
  var result: [String: Set<UInt16>] = [:]
  for finding in findings {
    var slices: Set<UInt16> = []
    if !finding.psnNo.isEmpty {
      slices.insert(PersonSlice.of(finding.psnNo))
    }
    for id in finding.setlIDs {
      guard let code = codes.find(id), rowOf[Int(code)] >= 0 else { continue }
      let row = Int(rowOf[Int(code)])
      let person = row < persons.count ? persons[row] : CodeTable.null
      let visit = row < visits.count ? visits[row] : CodeTable.null
      slices.insert(codes.withBytes(person != CodeTable.null ? person : visit) { PersonSlice.of($0) })
    }
    result[finding.id] = slices
  }
  return result
}
