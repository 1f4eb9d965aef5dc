import ClaimModel
import Diagnostics
import Foundation

extension Bag {
  /// All that keeps a folder from being a whole, unchanged bag (RFC 8493 sections 2 and 3); empty if nothing does.
  static func check(_ folder: String) -> [Diagnostic] {
    var problems: [Diagnostic] = []
    func problem(_ code: String, _ file: String, _ message: String, _ remedy: String) {
      problems.append(Diagnostic(.error, code, message, at: Place(file: file), remedy: remedy))
    }
    let copyAgain = "Copy the packet again from where it was made; do not use this copy."

    func text(_ name: String) -> String? {
      guard let bytes = FileManager.default.contents(atPath: folder + "/" + name) else {
        problem("packet.bag-file-missing", name, "The bag has no readable \(name)", copyAgain)
        return nil
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    if let declared = text("bagit.txt"), declared != declaration {
      problem("packet.bag-declaration", "bagit.txt", "bagit.txt does not declare BagIt 1.0 in UTF-8", copyAgain)
    }

    let present: [String]
    do {
      present = try files(in: folder, under: "")
    } catch {
      problem("packet.unreadable", "", "The packet's folder can't be read", copyAgain)
      return problems
    }
    let isPresent = Set(present)
    for name in present {
      var info = stat()
      guard lstat(folder + "/" + name, &info) == 0 else { continue }
      if info.st_mode & S_IFMT != S_IFREG {
        problem(
          "packet.bag-link", name, "It is not a plain file; a link may lead out of the packet",
          "Remove it, or copy the packet again from where it was made.")
      }
    }

    func check(_ manifest: String, covers: (String) -> Bool) {
      guard let content = text(manifest) else { return }
      var listed: Set<String> = []
      // LF, CR or both (section 2.1.3); both are one character.
      for (n, line) in content.split(whereSeparator: { ["\n", "\r", "\r\n"].contains($0) }).enumerated() {
        let place = Place(file: manifest, line: n + 1)
        guard let blank = line.firstIndex(where: { $0 == " " || $0 == "\t" }) else {
          problems.append(
            Diagnostic(
              .error, "packet.bag-manifest", "A line of the manifest has no name", at: place, remedy: copyAgain))
          continue
        }
        let digest = line[..<blank].lowercased()
        let name = decoded(String(line[blank...].drop { $0 == " " || $0 == "\t" || $0 == "*" }))
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        if name.hasPrefix("/") || name.hasPrefix("~") || name.contains("\\")
          || parts.contains(where: { $0 == ".." || $0 == "." || $0.isEmpty })
        {
          problems.append(
            Diagnostic(
              .error, "packet.bag-unsafe-path", "The manifest names a file outside the packet", at: place,
              remedy: "Trust nothing in this packet; ask for it again where it was made."))
          continue
        }
        if !listed.insert(name).inserted {
          problems.append(
            Diagnostic(
              .error, "packet.bag-manifest", "The manifest names \(name) twice", at: place, remedy: copyAgain))
        }
        if !covers(name) {
          problems.append(
            Diagnostic(
              .error, "packet.bag-manifest", "\(name) does not belong in \(manifest)", at: place, remedy: copyAgain))
        }
        guard isPresent.contains(name) else {
          problem("packet.bag-file-missing", name, "\(manifest) names \(name), which is not there", copyAgain)
          continue
        }
        if let actual = try? Bag.digest(of: folder + "/" + name).sha256 {
          if actual != digest {
            problem("packet.bag-digest", name, "\(name) was changed: its SHA-256 is not that of \(manifest)", copyAgain)
          }
        } else {
          problem("packet.unreadable", name, "\(name) can't be read", copyAgain)
        }
      }
      for name in present where covers(name) && !listed.contains(name) {
        problem(
          "packet.bag-file-extra", name, "\(name) stands in no manifest",
          "Remove it if you put it there; else copy the packet again from where it was made.")
      }
    }
    check("manifest-sha256.txt") { $0.hasPrefix("data/") }
    check("tagmanifest-sha256.txt") { !$0.hasPrefix("data/") && $0 != "tagmanifest-sha256.txt" }

    if let info = text("bag-info.txt") {
      let payload = present.filter { $0.hasPrefix("data/") }
      var bytes = 0
      for name in payload {
        var info = stat()
        if lstat(folder + "/" + name, &info) == 0 { bytes += Int(info.st_size) }
      }
      let stated = value(of: "Payload-Oxum", in: info)
      if stated != "\(bytes).\(payload.count)" {
        problem(
          "packet.bag-oxum", "bag-info.txt",
          "The payload has \(bytes) bytes in \(payload.count) files; bag-info.txt says \(stated ?? "nothing")",
          copyAgain)
      }
    }
    return problems
  }

  /// The value of a label of bag-info.txt.
  static func value(of label: String, in info: String) -> String? {
    for line in info.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == label.lowercased() else { continue }
      return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    return nil
  }
}
