import Diagnostics
import Foundation
import Testing

@testable import ClaimStore

/// A message names the cause that was, not one that might have been.
@Suite struct CauseTests {
  /// 28 is ENOSPC, 122 EDQUOT, 13 EACCES.
  @Test(arguments: [(28, "store.disk-full"), (122, "store.disk-full"), (13, "store.io")])
  func aFoundationErrorHasItsCause(_ code: Int32, _ expected: String) throws {
    let posix = POSIXError(try #require(POSIXErrorCode(rawValue: code)))
    let wrapped = CocoaError(.fileWriteUnknown, userInfo: [NSUnderlyingErrorKey: posix])
    errno = 0
    for error in [posix as any Error, wrapped] {
      let diagnostic = StoreError.foundation("x", "The part can't be copied", error)
      #expect(diagnostic.code == expected)
      if code == 13 { #expect(diagnostic.message.hasSuffix("Permission denied")) }
    }
  }

  @Test func aCopyFromNowhereSaysSo() throws {
    let fixture = StoreFixture()
    try AtomicFile.makeFolder(fixture.folder)
    let error = #expect(throws: (any Error).self) {
      try FileManager.default.copyItem(atPath: fixture.folder + "/none", toPath: fixture.folder + "/new")
    }
    let diagnostic = StoreError.foundation("x", "The part can't be copied", try #require(error))
    #expect(diagnostic.code == "store.io" && diagnostic.message.contains("No such file"), "\(diagnostic)")
  }

  /// 13 is SQLITE_FULL, 778 SQLITE_IOERR_WRITE; 122 is EDQUOT, 5 EIO.
  @Test(arguments: [(13, 0, "store.disk-full"), (778, 122, "store.disk-full"), (778, 5, "store.io")])
  func aWriteErrorOfSQLiteHasTheSystemsCause(_ code: Int32, _ system: Int32, _ expected: String) {
    #expect(StoreError.sqlite("x", code: code, message: "disk I/O error", systemErrno: system).code == expected)
  }

  @Test func aDestinationWithForeignThingsIsRefused() throws {
    let fixture = StoreFixture()
    let place = fixture.folder + "/out"
    func refusal() -> String? {
      do {
        try AtomicFolder.check(place, holdsOnly: ["a.csv"], folders: ["packets"])
        return nil
      } catch { return (error as? Diagnostic)?.code }
    }
    #expect(refusal() == nil)
    try AtomicFile.makeFolder(place + "/packets")
    try AtomicFile.write("x", to: place + "/a.csv")
    #expect(refusal() == nil)
    try AtomicFile.makeFolder(place + "/a.csv.d")
    #expect(refusal() == "usage.folder-not-empty")
    try FileManager.default.removeItem(atPath: place)
    // Of the right name, but a folder.
    try AtomicFile.makeFolder(place + "/a.csv")
    #expect(refusal() == "usage.folder-not-empty")
    try FileManager.default.removeItem(atPath: place)
    try AtomicFile.write("x", to: place)
    #expect(refusal() == "store.io")
  }
}
