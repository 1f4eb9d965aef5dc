import ClaimModel
import RulePacks
import Testing

@testable import Audit

/// Rows of a part that were packed, and what is made of them behind other parts' rows.
@Suite struct PackedRowsTests {
  /// Two stays with a settlement and lines each, one line that belongs to nothing, and nulls.
  private func fixture(_ prefix: String) -> ClaimsFixture {
    var claims = ClaimsFixture()
    for i in 1...2 {
      let visit = "\(prefix)M\(i)"
      claims.add(.stay, ["mdtrt_id": visit, "psn_no": "P\(i)", "stay_A": "10.00", "stay_F": i == 1 ? "" : "5.00"])
      claims.add(
        .settlement,
        ["setl_id": "\(prefix)S\(i)", "mdtrt_id": visit, "psn_no": "P\(i)", "fixmedins_code": "H\(i)", "P": "\(i).00"])
      for k in 1...3 {
        claims.add(
          .line,
          [
            "mdtrt_id": visit, "bkkp_sn": "00\(i)\(k)", "setl_id": "\(prefix)S\(i)", "fixmedins_code": "H\(i)",
            "med_type": k == 2 ? "" : "11", "A": "\(k).50", "cnt": "\(k)",
          ])
      }
    }
    claims.add(.line, ["mdtrt_id": "\(prefix)M9", "bkkp_sn": "0099", "setl_id": "none", "A": "", "cnt": "1"])
    return claims
  }

  private func text(_ path: [Entity], _ column: String) -> Expr {
    .claim(binding: "line", path: path, column: column, kind: .text)
  }

  /// A rule over lines that reads of their settlement and stay, too.
  private var rule: Rule {
    var rule = Rule()
    rule.id = "PACK-01"
    rule.shape = .each(binding: "line", entity: .line)
    rule.condition = .compare(
      .equal, text([], "med_type"), text([.settlement], "fixmedins_code"))
    rule.scope = .compare(.equal, text([.stay], "psn_no"), text([], "bkkp_sn"))
    return rule
  }

  /// Each row with its cells and what it belongs to, in the order in which rows were added.
  private func described(_ thin: ThinClaims) -> [String] {
    let claims = thin.claimsAsAdded()
    return claims.tables.sorted { $0.key.rawValue < $1.key.rawValue }.flatMap { entity, table in
      (0..<table.count).map { row in
        let cells = table.columns.sorted { $0.key < $1.key }.map { name, column in
          switch column {
          case .text(let codes): "\(name)=\(claims.codes.text(codes[row]))"
          case .number(let numbers): "\(name)=\(numbers[row])"
          }
        }
        let parents = table.parent.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key)>\($0.value[row])" }
        return "\(entity) " + (cells + parents).joined(separator: " ")
      }
    }
  }

  @Test func givesWhatTheRowsThemselvesGive() throws {
    var packed = ThinClaims(for: [rule])
    var plain = packed
    for prefix in ["a", "b"] {
      let claims = fixture(prefix).claims()
      let all = [Bool](repeating: true, count: claims[.line].count)
      try packed.append(packed: ThinClaims.packed([rule], claims, seeds: [.line: all]))
      plain.appendReachable(claims, seeds: [.line: all])
    }
    #expect(described(packed) == described(plain))
    // 14 lines, 4 settlements and 4 stays, of which each has what was asked for.
    #expect(packed.count == 22)
    #expect(described(packed).contains { $0.contains("bkkp_sn=0013") && $0.contains("mdtrt_id=bM1") })
  }

  @Test func chosenRowsBringOnlyWhatTheyBelongTo() throws {
    let claims = fixture("a").claims()
    let all = [Bool](repeating: true, count: claims[.line].count)
    let bytes = ThinClaims.packed([rule], claims, seeds: [.line: all])
    var chosen = [Bool](repeating: false, count: all.count)
    // The second line of the second visit, and that which belongs to nothing.
    chosen[4] = true
    chosen[6] = true
    var thin = ThinClaims(for: [rule])
    try thin.append(packed: bytes, seeds: [.line: chosen])
    let rows = described(thin)
    #expect(rows.count == 4, "\(rows)")
    #expect(rows.filter { $0.hasPrefix("line") }.map { $0.contains("bkkp_sn=0022") } == [true, false])
    #expect(rows.contains { $0.hasPrefix("settlement") && $0.contains("fixmedins_code=H2") })
    #expect(rows.contains { $0.hasPrefix("stay") && $0.contains("psn_no=P2") })
  }

  @Test func damageIsSaid() throws {
    let claims = fixture("a").claims()
    let all = [Bool](repeating: true, count: claims[.line].count)
    let bytes = ThinClaims.packed([rule], claims, seeds: [.line: all])
    for length in 0..<bytes.count {
      var thin = ThinClaims(for: [rule])
      #expect(throws: DamagedImage.self, "\(length) of \(bytes.count) bytes") {
        try thin.append(packed: Array(bytes[..<length]))
      }
    }
    // The number of lines behind the name of their table, one bit changed: no mark may be asked of a line beyond.
    let name = Array("line".utf8)
    let place = try #require((0..<bytes.count - 8).first { Array(bytes[$0..<$0 + 4]) == name }) + 4
    #expect(bytes[place] == 7)
    var damaged = bytes
    damaged[place] ^= 1
    var thin = ThinClaims(for: [rule])
    #expect(throws: DamagedImage.self) { try thin.append(packed: damaged, seeds: [.line: all]) }
  }
}
