/// The candidate that a misspelt name most likely means: least edit distance (swaps of neighbours count one), at most
/// a third of its length and at least one; ties by the candidates' order. nil if none is near.
func nearest(_ name: String, among candidates: [String]) -> String? {
  let wanted = Array(name.lowercased().unicodeScalars)
  let limit = max(1, wanted.count / 3)
  var best: (distance: Int, name: String)?
  for candidate in candidates {
    let distance = editDistance(wanted, Array(candidate.lowercased().unicodeScalars))
    if distance <= limit, distance < best?.distance ?? Int.max { best = (distance, candidate) }
  }
  return best?.name
}

private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var before: [Int] = []
  var last = Array(0...b.count)
  for i in 1...a.count {
    var row = [i]
    for j in 1...b.count {
      var least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { least = min(least, before[j - 2] + 1) }
      row.append(least)
    }
    before = last
    last = row
  }
  return last[b.count]
}

/// `did you mean x?`, or the whole list when it is short, else nothing.
func remedy(for name: String, among candidates: [String]) -> String? {
  if let near = nearest(name, among: candidates) { return "did you mean \(near)?" }
  if candidates.isEmpty || candidates.count > 24 { return nil }
  return "one of: \(candidates.joined(separator: ", "))"
}
