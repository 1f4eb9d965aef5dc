import ClaimModel
import Diagnostics
import Foundation

/// An RFC 8493 bag: a folder whose files stand in manifests with their digests.
enum Bag {
  static let declaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

  /// Writes the tag files of a folder whose `data` is complete.
  ///
  /// - Parameter info: label and value of each line of bag-info.txt, in order; Payload-Oxum is added.
  static func seal(_ folder: String, info: [(String, String)]) throws {
    var manifest = ""
    var bytes = 0
    let payload = try files(in: folder, under: "data")
    for name in payload {
      let file = try digest(of: folder + "/" + name)
      manifest += "\(file.sha256)  \(encoded(name))\n"
      bytes += file.size
    }
    let lines = info + [("Payload-Oxum", "\(bytes).\(payload.count)")]
    try write(declaration, to: folder + "/bagit.txt")
    try write(lines.map { "\($0): \(oneLine($1))\n" }.joined(), to: folder + "/bag-info.txt")
    try write(manifest, to: folder + "/manifest-sha256.txt")
    var tags = ""
    for name in ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"] {
      tags += "\(try digest(of: folder + "/" + name).sha256)  \(name)\n"
    }
    try write(tags, to: folder + "/tagmanifest-sha256.txt")
  }

  /// Relative names of all files under a folder's subfolder, in byte order; symbolic links are named, not followed.
  static func files(in folder: String, under part: String) throws -> [String] {
    var result: [String] = []
    let root = part.isEmpty ? folder : folder + "/" + part
    for name in try FileManager.default.contentsOfDirectory(atPath: root) {
      let relative = part.isEmpty ? name : part + "/" + name
      var info = stat()
      guard lstat(folder + "/" + relative, &info) == 0 else { continue }
      if info.st_mode & S_IFMT == S_IFDIR {
        result += try files(in: folder, under: relative)
      } else {
        result.append(relative)
      }
    }
    return result.sorted(by: bytesPrecede)
  }

  static func digest(of path: String) throws -> (sha256: String, size: Int) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw unreadable(path) }
    defer { close(file) }
    let hasher = SHA256Hasher()
    var size = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let n = read(file, &buffer, buffer.count)
      if n < 0 { throw unreadable(path) }
      if n == 0 { break }
      buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[0..<n])) }
      size += n
    }
    return (hasher.finalHex(), size)
  }

  /// Writes a text, mode 0600.
  static func write(_ text: String, to path: String) throws {
    guard
      FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    else {
      throw Diagnostic(
        .error, "packet.write", "The file can't be written", at: Place(file: path),
        remedy: "Check the free space and the rights of the output folder.")
    }
  }

  /// RFC 8493 section 2.1.3: only these three are encoded in a manifest.
  static func encoded(_ name: String) -> String {
    name.replacing("%", with: "%25").replacing("\n", with: "%0A").replacing("\r", with: "%0D")
  }

  static func decoded(_ name: String) -> String {
    name.replacing("%0A", with: "\n").replacing("%0a", with: "\n").replacing("%0D", with: "\r")
      .replacing("%0d", with: "\r").replacing("%25", with: "%")
  }

  private static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  private static func unreadable(_ path: String) -> Diagnostic {
    Diagnostic(
      .error, "packet.unreadable", "The file can't be read", at: Place(file: path),
      remedy: "Copy the packet again from where it was made.")
  }
}
