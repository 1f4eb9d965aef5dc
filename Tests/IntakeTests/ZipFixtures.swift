import CZlib

/// One member of a hand-made zip; each fact can be made wrong.
struct ZipMember {
  var name: [UInt8]
  var content: [UInt8]
  var method: UInt16 = 8
  var flags: UInt16 = 0
  var crc: UInt32?
  var size: Int?

  init(
    _ name: String, _ content: [UInt8], method: UInt16 = 8, flags: UInt16 = 0, crc: UInt32? = nil, size: Int? = nil
  ) {
    self.name = Array(name.utf8)
    self.content = content
    self.method = method
    self.flags = flags
    self.crc = crc
    self.size = size
  }
}

/// A zip archive, byte by byte.
func zip(_ members: [ZipMember]) -> [UInt8] {
  var out: [UInt8] = []
  var directory: [UInt8] = []
  func put(_ target: inout [UInt8], _ value: UInt32, _ bytes: Int) {
    for i in 0..<bytes { target.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * i))) }
  }
  for member in members {
    let data = member.method == 0 ? member.content : Array(gzip(member.content).dropFirst(10).dropLast(8))
    let sum = member.crc ?? UInt32(crc32(0, member.content, UInt32(member.content.count)))
    let size = UInt32(member.size ?? member.content.count)
    let offset = UInt32(out.count)
    func common(_ target: inout [UInt8]) {
      put(&target, 20, 2)
      put(&target, UInt32(member.flags), 2)
      put(&target, UInt32(member.method), 2)
      put(&target, 0x0021_0000, 4)
      put(&target, sum, 4)
      put(&target, UInt32(data.count), 4)
      put(&target, size, 4)
      put(&target, UInt32(member.name.count), 2)
      put(&target, 0, 2)
    }
    put(&out, 0x0403_4B50, 4)
    common(&out)
    out += member.name + data
    put(&directory, 0x0201_4B50, 4)
    put(&directory, 20, 2)
    common(&directory)
    put(&directory, 0, 2)
    put(&directory, 0, 2)
    put(&directory, 0, 2)
    put(&directory, 0, 4)
    put(&directory, offset, 4)
    directory += member.name
  }
  let start = UInt32(out.count)
  out += directory
  put(&out, 0x0605_4B50, 4)
  put(&out, 0, 4)
  put(&out, UInt32(members.count), 2)
  put(&out, UInt32(members.count), 2)
  put(&out, UInt32(directory.count), 4)
  put(&out, start, 4)
  put(&out, 0, 2)
  return out
}
