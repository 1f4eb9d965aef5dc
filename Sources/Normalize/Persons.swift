import ClaimModel

/// Adds the persons of counting settlements, in byte order of psn_no, and links what is theirs; see `Entity.person`.
func linkPersons(_ tables: inout [Entity: EntityTable], codes: CodeTable) {
  let settlement = tables[.settlement] ?? EntityTable(entity: .settlement)
  let numbers = settlement.codes("psn_no")
  var keys = KeyNumbers(codeCount: codes.count)
  let settlementPersons = keys.number(numbers)
  let order = textOrder(keys.codes, codes)
  // Null, number 0, comes first and is no person.
  var personOf = [Int32](repeating: -1, count: order.count)
  for (row, number) in order.dropFirst().enumerated() { personOf[Int(number)] = Int32(row) }
  let own = order.dropFirst().map { keys.codes[Int($0)] }
  var person = EntityTable(entity: .person, count: own.count, columns: ["psn_no": .text(own)])

  let ofSettlement = ofParents(personOf, settlementPersons)
  let ofStay = ofParents(personOf, keys.find(tables[.stay]?.codes("psn_no") ?? []))
  // Every counting line has a counting settlement.
  let ofLine = ofParents(ofSettlement, tables[.line]?.parent[.settlement] ?? [])
  for (entity, parent) in [(Entity.line, ofLine), (.settlement, ofSettlement), (.stay, ofStay)] {
    tables[entity]?.parent[.person] = parent
    person.children[entity] = Children(parent: parent, parents: own.count)
  }
  tables[.person] = person
}
