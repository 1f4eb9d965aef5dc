import ClaimModel

/// Adds the persons of counting settlements, in byte order of psn_no, and links what is theirs; see `Entity.person`.
func linkPersons(_ tables: inout [Entity: EntityTable], codes: CodeTable) {
  let settlement = tables[.settlement] ?? EntityTable(entity: .settlement)
  let numbers = settlement.codes("psn_no")
  var isKnown = [Bool](repeating: false, count: codes.count)
  var first: [Int32] = []
  for (row, code) in numbers.enumerated() where code != CodeTable.null && !isKnown[Int(code)] {
    isKnown[Int(code)] = true
    first.append(Int32(row))
  }
  let own = Ordering(codes).sort(first, by: numbers).map { numbers[Int($0)] }
  var person = EntityTable(entity: .person, count: own.count, columns: ["psn_no": .text(own)])

  let personOf = RowOfKey(own, codes: codes)
  let ofSettlement = numbers.map { personOf[$0] }
  let ofStay = (tables[.stay]?.codes("psn_no") ?? []).map { personOf[$0] }
  // Every counting line has a counting settlement.
  let ofLine = (tables[.line]?.parent[.settlement] ?? []).map { $0 < 0 ? -1 : ofSettlement[Int($0)] }
  for (entity, parent) in [(Entity.line, ofLine), (.settlement, ofSettlement), (.stay, ofStay)] {
    tables[entity]?.parent[.person] = parent
    person.children[entity] = Children(parent: parent, parents: own.count)
  }
  tables[.person] = person
}
