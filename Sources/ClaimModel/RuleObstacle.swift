/// Why a rule says nothing that counts: in coverage.csv as `text`, for the people who read page and packet as `wording`.
public enum RuleObstacle: Sendable, Hashable, Codable {
  /// The rule's own status, which is not one that runs.
  case off(status: String)
  /// A registry that it looks things up in was not given.
  case missingRegistry(String)
  case emptyRegistry(String)
  /// A claim table, from whose silence it argues, lacks rows of this batch.
  case incompleteTable(ClaimTable, batch: String)
  /// A column that it needs is filled in less than `floor` percent of so many rows in scope; `percent` rounded down.
  case hardlyFilled(column: String, percent: Int, rows: Int, floor: Int)
  /// A sum does not fit 64 bits.
  case overflow

  public var text: String {
    switch self {
    case .off(let status): "status \(status)"
    case .missingRegistry(let table): "\(table) is missing"
    case .emptyRegistry(let table): "\(table) has no rows"
    case .incompleteTable(let table, let batch): "\(table.name) is incomplete: batch \(batch) is incomplete"
    case .hardlyFilled(let column, let percent, let rows, let floor):
      "\(column) is filled in \(percent) % of \(rows) rows in scope, below \(floor) %"
    case .overflow: "overflow"
    }
  }

  public var wording: String {
    switch self {
    case .off(let status): "规则状态为 \(status)"
    case .missingRegistry(let table): "缺少 \(table)"
    case .emptyRegistry(let table): "\(table) 没有任何行"
    case .incompleteTable(let table, let batch): "\(table.name) 不完整：批次 \(batch) 不完整"
    case .hardlyFilled(let column, let percent, let rows, let floor):
      "\(column) 在范围内 \(rows) 行中只有 \(percent)% 填写，低于 \(floor)%"
    case .overflow: "合计超出 64 位"
    }
  }
}
