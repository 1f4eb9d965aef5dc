extension ClosedRange {
  /// From the first of both to the last of both.
  public func spanning(_ other: Self) -> Self {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }
}
