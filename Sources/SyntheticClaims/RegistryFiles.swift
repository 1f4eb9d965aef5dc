import ClaimModel

/// A row of hilist_lmt_b.
struct LimitRow: Sendable {
  var id: String
  var code: String
  var type: String
  var value: String
  var sure: Bool
  var text: String
  var begin: Int64 = Catalogue.opens
  var end: Int64?
}

/// A row of opsp_reg_d.
struct Registration: Sendable {
  var person: Int
  var region: Int
  var insutype: Int
  var disease: String
  var begin: Int64
  var end: Int64?
  var valid = true
}

/// The registries of a world, by file name; bytes follow from the world alone.
func registryFiles(_ world: World, limits: [LimitRow], registrations: [Registration]) -> [(
  name: String, bytes: [UInt8]
)] {
  [
    ("fixmedins_b", institutions(world)), ("prac_psn_b", practitioners(world)), ("hilist_b", catalogue(world)),
    ("hilist_lmt_b", limitRows(limits)), ("opsp_reg_d", registrationRows(world, registrations)),
    ("opsp_dise_drug_b", diseaseDrugs(world)), ("drug_sup_b", supplies(world)),
  ].map { ("\($0.0).csv", $0.1) }
}

private func header(_ table: String) -> [String] { RegistrySchema.named(table)?.columns.map(\.name) ?? [] }

private func text(_ day: Int64?) -> String { day.map(CivilTime.text(day:)) ?? "" }

private func institutions(_ world: World) -> [UInt8] {
  var csv = CSVLines(header("fixmedins_b"))
  for (n, i) in world.institutions.enumerated() {
    let area = digits(n % 7 + 1, 2)
    func row(_ level: String, _ begin: Int64, _ end: Int64?, beds: Int? = nil, kind: String? = nil) {
      let count = beds ?? i.beds
      let bedText = count > 0 ? "\(count)" : count < 0 ? "0" : ""
      csv.add([
        i.code, i.name, i.isPharmacy ? "2" : "1", "99" + digits(9_901_000_000_000 + n, 15) + "X", level,
        kind ?? i.kind, bedText, bedText, "\(i.region)", "G\(i.region)\(area)",
        "网格员\(area)", "", "", "", text(begin), text(end), "1",
      ])
    }
    if let change = i.levelFrom {
      row(i.level, Catalogue.opens, change.day - 1)
      row(change.level, change.day, nil)
    } else if let change = i.bedsFrom {
      row(i.level, Catalogue.opens, change.day - 1)
      row(i.level, change.day, nil, beds: change.beds)
    } else if let change = i.kindFrom {
      row(i.level, Catalogue.opens, change.day - 1)
      row(i.level, change.day, nil, kind: change.kind)
    } else {
      row(i.level, Catalogue.opens, nil)
    }
  }
  return csv.bytes
}

private func practitioners(_ world: World) -> [UInt8] {
  var csv = CSVLines(header("prac_psn_b"))
  for p in world.practitioners {
    csv.add([
      p.code, p.name, "1", "", "1", world.institutions[p.institution].code, "0", World.departments[p.department].code,
      "1", "", "2020-01-01", "", "", "1",
    ])
  }
  return csv.bytes
}

private func catalogue(_ world: World) -> [UInt8] {
  var csv = CSVLines(header("hilist_b"))
  for r in world.catalogue.rows {
    csv.add([
      r.region, r.code, r.name, String(r.listType), r.level, "0", "", "", text(r.begin), text(r.end), "1",
    ])
  }
  return csv.bytes
}

private func limitRows(_ limits: [LimitRow]) -> [UInt8] {
  var csv = CSVLines(header("hilist_lmt_b"))
  for r in limits {
    csv.add([
      r.id, r.code, r.type, r.value, r.sure ? "1" : "0", r.text, "", "SYN01", "2020-01-01", text(r.begin), text(r.end),
      "1",
    ])
  }
  return csv.bytes
}

private func registrationRows(_ world: World, _ planned: [Registration]) -> [UInt8] {
  var csv = CSVLines(header("opsp_reg_d"))
  func add(_ r: Registration) {
    let name = world.catalogue.diseases.first { $0.code == r.disease }?.name ?? ""
    csv.add([
      World.number(of: r.person), "\(r.region)", "\(r.insutype)", r.disease, name, "1", text(r.begin), text(r.end), "",
      "", text(r.begin), digits(700_000 + r.person, 10), r.valid ? "1" : "0", "",
    ])
  }
  for person in 0..<world.population {
    guard let disease = world.chronicDisease(of: person) else { continue }
    // Registered one to two years ago; every third has an end, which the platform writes as the last day there is.
    add(
      Registration(
        person: person, region: world.region(of: person), insutype: world.insutype(of: person),
        disease: world.catalogue.diseases[disease].code,
        begin: BackgroundWeeks.firstMonday - 365 - Int64(SplitMix64.hash(world.seed ^ 19, person) % 365),
        end: person % 3 == 0 ? CivilTime.day(year: 9999, month: 12, day: 31) : nil))
  }
  for r in planned { add(r) }
  return csv.bytes
}

private func diseaseDrugs(_ world: World) -> [UInt8] {
  var csv = CSVLines(header("opsp_dise_drug_b"))
  for disease in world.catalogue.diseases {
    for item in disease.items {
      // Class and generic: the first ten characters.
      csv.add([
        "990000", disease.code, String(world.catalogue.items[item].code.prefix(10)), "2020-01-01", "", "门诊慢特病用药目录", "1",
      ])
    }
  }
  for row in world.catalogue.diseaseRows {
    csv.add([row.region, row.disease, row.drug, text(row.begin), text(row.end), "门诊慢特病用药目录", "1"])
  }
  return csv.bytes
}

private func supplies(_ world: World) -> [UInt8] {
  var csv = CSVLines(header("drug_sup_b"))
  for item in world.catalogue.items where item.supplyDays > 0 || !item.supplyText.isEmpty {
    csv.add([
      item.code, item.supplyKey, item.supplyText.isEmpty ? "\(item.supplyDays)" : item.supplyText, "盒", "", "说明书最大日剂量",
      "2020-01-01", text(item.supplyEnd), "1",
    ])
  }
  return csv.bytes
}
