import ClaimModel
import Diagnostics
import Intake
import Normalize
import Synchronization

/// The checked rows of many files by person slice: filled by several threads at once, then loaded a range of slices at
/// a time. Holds no more than the memory it was given; the rest lies in a file without a name.
public final class RowPartition: @unchecked Sendable {
  /// What the lock guards. Chunks once kept are never changed until they are freed.
  struct State: @unchecked Sendable {
    /// By slice group.
    var chunks: [[RecordChunk]]
    var shapes: [RecordShape] = []
    var dictionaries: [TextDictionary] = []
    var idle: [RecordWriter] = []
    var void: Set<Int32> = []
    var memory = 0
    var spilled: Int64 = 0
  }

  let plans: [ClaimTable: RowPlan]
  let state: Mutex<State>
  let file: SpillFile
  /// Consumers also make the profile of their file.
  let profiles: Bool
  /// Slices of a group, whose rows are kept together: 256, of one upper byte, or a part of them.
  let groupWidth: Int
  private let memoryBytes: Int
  private let chunkBytes: Int

  /// - Parameters:
  ///   - plans: rows of other tables are checked and not kept.
  ///   - groups: 256, 512 or 1,024 groups of slices, of which each can be loaded without a look at the others' rows.
  ///   - memoryBytes: for records; besides, each file being read takes a chunk of each group and some megabytes.
  ///   - spillFolder: where the file for the rest is made when memory is used up; it must exist by then.
  ///   - profiles: the report of a consumer also says how its tables are filled (`TableProfile`).
  public init(
    plans: [ClaimTable: RowPlan], groups: Int = 256, memoryBytes: Int, spillFolder: String, profiles: Bool = true
  ) throws {
    precondition([256, 512, 1024].contains(groups), "a slice knows its group by its upper bits")
    self.plans = plans
    groupWidth = PersonSlice.count / groups
    state = Mutex(State(chunks: [[RecordChunk]](repeating: [], count: groups)))
    self.profiles = profiles
    self.memoryBytes = max(0, memoryBytes)
    file = SpillFile(folder: spillFolder)
    // Buffers that are being filled, for some four threads, are to stay below an eighth of it all.
    var chunk = 64 << 10
    while chunk > 1 << 10, chunk * groups * 4 > memoryBytes / 8 { chunk /= 2 }
    chunkBytes = chunk
  }

  deinit {
    state.withLock { state in
      for group in state.chunks { for chunk in group { chunk.memory?.deallocate() } }
    }
  }

  /// Bytes of records in memory, and of those put aside.
  public var usage: (memory: Int, spilled: Int64) { state.withLock { ($0.memory, $0.spilled) } }

  /// Takes the records of one file; for `readClaimFile`. Several may be filled at once, each by one thread.
  ///
  /// - Parameters:
  ///   - fileName: relative to the batch folder.
  ///   - latestSettlementTime: a setl_d.setl_time after this (seconds) is a bad date; nil takes any.
  ///   - openSegment: called where a member begins; its number must be new. Rows of `load` are sorted by it and line.
  public func consumer(
    fileName: String, latestSettlementTime: Int64?,
    openSegment: @escaping (_ layout: FileLayout, _ member: String?) throws -> Int32
  ) -> PartitionConsumer {
    PartitionConsumer(self, fileName: fileName, latestSettlementTime: latestSettlementTime, openSegment: openSegment)
  }

  /// The segment's rows never were: its file is refused, or it is read again in another charset.
  public func void(segment: Int32) {
    _ = state.withLock { $0.void.insert(segment) }
  }

  /// Rows by slice group, in the order of slices; voided ones are not counted.
  public func rows(_ table: ClaimTable) -> [Int] {
    state.withLock { state in
      state.chunks.map { group in
        group.reduce(0) { sum, chunk in
          state.shapes[Int(chunk.shape)].table == table && !state.void.contains(chunk.segment)
            ? sum + Int(chunk.rows) : sum
        }
      }
    }
  }

  /// Frees the memory of all groups that lie wholly in the range; its rows can't be loaded any more.
  public func forget(slices: ClosedRange<UInt16>) {
    state.withLock { state in
      for group in state.chunks.indices where isWhole(group, in: slices) {
        for chunk in state.chunks[group] where chunk.memory != nil {
          chunk.memory?.deallocate()
          state.memory -= chunk.charge
        }
        state.chunks[group] = []
      }
    }
  }

  /// Whether all slices of a group are in the range.
  func isWhole(_ group: Int, in slices: ClosedRange<UInt16>) -> Bool {
    group * groupWidth >= Int(slices.lowerBound) && (group + 1) * groupWidth - 1 <= Int(slices.upperBound)
  }

  // MARK: For consumers

  func writer() -> RecordWriter {
    if let idle = state.withLock({ $0.idle.popLast() }) { return idle }
    let dictionary = TextDictionary()
    let index = state.withLock { state in
      state.dictionaries.append(dictionary)
      return state.dictionaries.count - 1
    }
    return RecordWriter(
      partition: self, dictionary: dictionary, dictionaryIndex: Int32(truncatingIfNeeded: index),
      chunkBytes: chunkBytes)
  }

  func giveBack(_ writer: RecordWriter) {
    writer.drop()
    state.withLock { $0.idle.append(writer) }
  }

  func add(_ shape: RecordShape) -> Int32 {
    state.withLock { state in
      state.shapes.append(shape)
      return Int32(truncatingIfNeeded: state.shapes.count - 1)
    }
  }

  /// Keeps a chunk; true if its memory, of so many bytes, now belongs to the partition.
  func keep(_ chunk: RecordChunk, group: Int, capacity: Int) throws -> Bool {
    guard let memory = chunk.memory else { return false }
    let bytes = Int(chunk.bytes)
    let isTaken = bytes * 4 > capacity * 3
    var kept = chunk
    kept.charge = isTaken ? capacity : bytes + RecordFormat.padding
    let charge = kept.charge
    let hasRoom = state.withLock { state in
      if state.memory + charge > memoryBytes { return false }
      state.memory += charge
      return true
    }
    if !hasRoom {
      kept.charge = 0
      kept.memory = nil
      kept.offset = try file.append(UnsafeRawBufferPointer(start: memory, count: bytes))
    } else if !isTaken {
      let copy = UnsafeMutableRawPointer.allocate(byteCount: charge, alignment: 16)
      copy.copyMemory(from: memory, byteCount: bytes)
      kept.memory = copy
    }
    state.withLock { state in
      state.chunks[group].append(kept)
      if !hasRoom { state.spilled += Int64(bytes) }
    }
    return hasRoom && isTaken
  }
}
