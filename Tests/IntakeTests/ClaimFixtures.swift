import CZlib
import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import Intake

/// Keeps what a file gives, as texts.
final class Collector: RecordConsumer {
  var layouts: [(FileLayout, String?)] = []
  var rows: [[String]] = []
  var lines: [Int] = []
  var offsets: [Int] = []
  var restarts = 0
  private var kept = 0

  func begin(_ layout: FileLayout, member: String?) throws {
    layouts.append((layout, member))
    kept = rows.count
  }

  func consume(_ block: borrowing RecordBlock) throws {
    for r in 0..<block.recordCount {
      rows.append((0..<block.fieldCount).map { String(decoding: block.field(r, $0), as: UTF8.self) })
      lines.append(Int(block.lines[r]))
      offsets.append(Int(block.byteOffsets[r]))
    }
  }

  func restart() {
    restarts += 1
    rows.removeLast(rows.count - kept)
    lines.removeLast(lines.count - kept)
    offsets.removeLast(offsets.count - kept)
    layouts.removeLast()
  }
}

/// A folder that goes away with the test.
final class Scratch {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "intake-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ bytes: [UInt8]) throws -> BatchFile {
    let full = path + "/" + name
    let folder = (full as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: full))
    return BatchFile(path: full, name: name, size: bytes.count)
  }
}

/// One gzip member.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  _ = czlib_deflate_init_gzip(&stream, 6)
  var input = bytes
  var out = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 1024)
  let room = out.count
  let used = input.withUnsafeMutableBufferPointer { source in
    out.withUnsafeMutableBufferPointer { target in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(source.count)
      stream.next_out = target.baseAddress
      stream.avail_out = UInt32(room)
      _ = deflate(&stream, Z_FINISH)
      return room - Int(stream.avail_out)
    }
  }
  deflateEnd(&stream)
  return Array(out[..<used])
}

let feeHeader =
  "mdtrt_id,bkkp_sn,setl_id,psn_no,cnt,det_item_fee_sumamt,fee_ocur_time,hilist_name"

/// A fee file with `count` rows, the n-th named by its number.
func feeFile(_ count: Int, lineEnd: String = "\n", name: (Int) -> String = { "阿司匹林\($0)" }) -> String {
  var text = feeHeader + lineEnd
  for i in 1...max(1, count) where i <= count {
    text += "M\(i),L\(i),S1,P1,1,12.50,2025-03-04 08:00:00,\(name(i))" + lineEnd
  }
  return text
}

/// Reads a file and gives its report and rows.
func read(_ file: BatchFile, _ limits: IntakeLimits = IntakeLimits()) throws -> (FileReport, Collector) {
  let collector = Collector()
  return (try readClaimFile(file, limits: limits, consumer: collector), collector)
}
