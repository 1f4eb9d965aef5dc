import CCrypto

/// SHA-256 from libcrypto (hardware instructions where the processor has them).
public final class SHA256Hasher {
  private let context: OpaquePointer

  public init() {
    // EVP_MD_CTX_new fails only when memory is exhausted; there is no useful way on.
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto gives no SHA-256 context: memory is exhausted")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    if let base = bytes.baseAddress { EVP_DigestUpdate(context, base, bytes.count) }
  }

  public func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// 64 hexadecimal digits, lower case. Call once.
  public func finalHex() -> String {
    var out = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &out, nil)
    let digits = Array("0123456789abcdef".utf8)
    var hex: [UInt8] = []
    hex.reserveCapacity(64)
    for byte in out {
      hex.append(digits[Int(byte >> 4)])
      hex.append(digits[Int(byte & 15)])
    }
    return String(decoding: hex, as: UTF8.self)
  }

  /// The digest of a text's UTF-8 bytes.
  public static func hex(of text: String) -> String {
    let hasher = SHA256Hasher()
    hasher.update(text)
    return hasher.finalHex()
  }

  /// The digest of bytes.
  public static func hex(of bytes: UnsafeRawBufferPointer) -> String {
    let hasher = SHA256Hasher()
    hasher.update(bytes)
    return hasher.finalHex()
  }
}

/// Recipes of the ids that outside checks rely on.
public enum StableID {
  /// Rule, `-`, 16 hexadecimal digits of SHA-256 over rule, line feed, key (Documentation/outputs.md).
  public static func finding(rule: String, key: String) -> String {
    rule + "-" + SHA256Hasher.hex(of: rule + "\n" + key).prefix(16)
  }

  /// `C` and 12 hexadecimal digits of SHA-256 over subject type, subject, batch label, line feeds between.
  public static func caseFile(subjectType: SubjectType, subject: String, batchLabel: String) -> String {
    "C" + SHA256Hasher.hex(of: subjectType.rawValue + "\n" + subject + "\n" + batchLabel).prefix(12)
  }
}
