import ClaimModel
import RulePacks

extension Expr {
  /// Speaks of a lookup somewhere.
  var usesRegistry: Bool { !lookupNames.isEmpty }
}
