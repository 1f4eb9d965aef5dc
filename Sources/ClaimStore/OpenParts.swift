import ClaimModel
import Diagnostics
import Foundation
import Parquet
import Synchronization

/// Parts that are open for reading: each is checked against the catalogue once and its footer is kept.
///
/// Every page has a checksum that is verified when it is read; the footer's digest stands in the catalogue. So what is
/// read is checked, and what is not read costs nothing; `Ledger.verifyParts` checks every byte.
final class OpenParts: Sendable {
  private struct Entry {
    var file: ParquetFile
    var used: Int
  }

  private struct State {
    var files: [Int32: Entry] = [:]
    var clock = 0
  }

  private let folder: String
  /// More files than this are not held open.
  private let most: Int
  private let state = Mutex(State())

  init(folder: String, most: Int = 400) {
    self.folder = folder
    self.most = most
  }

  /// The part's file, checked.
  ///
  /// - Throws: `store.part-missing`, `store.part-damaged`, `store.io`.
  func file(_ part: PartRecord) throws -> ParquetFile {
    let known = state.withLock { state in
      state.clock += 1
      state.files[part.id]?.used = state.clock
      return state.files[part.id]?.file
    }
    if let known { return known }
    let file = try Self.open(part, folder: folder)
    state.withLock { state in
      if state.files.count >= most, let oldest = state.files.min(by: { $0.value.used < $1.value.used }) {
        state.files[oldest.key] = nil
      }
      state.files[part.id] = Entry(file: file, used: state.clock)
    }
    return file
  }

  /// Opens a part and holds its footer against the catalogue.
  static func open(_ part: PartRecord, folder: String) throws -> ParquetFile {
    let path = folder + "/" + part.path
    guard part.formatVersion == PartLayout.formatVersion else { throw StoreError.newer(path) }
    let found = try PartLayout.footerDigest(path)
    guard found.fileBytes == part.bytes, found.sha256 == part.footerSHA256 else {
      throw StoreError.partDamaged(path, "its length or the digest of its footer is not the catalogue's")
    }
    let file = try damaged(path) { try ParquetFile(path: path) }
    guard file.rows == part.rows, file.metadata[PartLayout.tableKey] == part.table.name,
      file.metadata[PartLayout.rowsByTopByteKey].flatMap(PartLayout.rowsByTopByte) == part.rowsByTopByte
    else { throw StoreError.partDamaged(path, "its footer does not fit the catalogue") }
    return file
  }

  /// Runs a call of `Parquet`; what it finds wrong with a part is damage, for the part was whole when it was listed.
  static func damaged<R>(_ path: String, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let problem as Diagnostic
      where ["parquet.damaged", "parquet.unsupported", "parquet.value"].contains(problem.code)
    {
      throw StoreError.partDamaged(path, problem.message)
    }
  }
}
