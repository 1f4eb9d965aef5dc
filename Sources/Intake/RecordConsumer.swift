import ClaimModel

/// Takes the records of one file. Errors it throws end the reading and reach the caller of `readClaimFile`.
///
/// What it was given becomes valid only when `readClaimFile` returns a report without refusal.
public protocol RecordConsumer: AnyObject {
  /// A member (the file itself, unless it is a zip) begins; its records follow.
  func begin(_ layout: FileLayout, member: String?) throws
  /// Records in file order. The memory of the block is reused after the call.
  func consume(_ block: borrowing RecordBlock) throws
  /// Forget everything since the last `begin`: the member is decoded again from its start in another charset.
  func restart()
}
