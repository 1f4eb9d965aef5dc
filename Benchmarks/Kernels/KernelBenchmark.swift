/// One kernel, so often, under an instruction counter; kernels.py runs it with two counts and divides the difference.
///
///     kernel-benchmark prepare FOLDER
///     kernel-benchmark list
///     kernel-benchmark NAME TIMES FOLDER PROJECT      prints `UNITS a time`
@main struct KernelBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "prepare" where arguments.count == 2:
      try KernelData.prepare(arguments[1])
    case "list":
      for (name, kernel) in kernels { print("\(name) \(kernel.unit)") }
    case let name? where arguments.count == 4:
      guard let kernel = kernels.first(where: { $0.name == name })?.kernel, let times = Int(arguments[1]) else {
        throw KernelError("no kernel \(name); see kernel-benchmark list")
      }
      let body = try kernel.prepare(KernelData(folder: arguments[2], project: arguments[3]))
      var units = 0
      for _ in 0..<times { units = try body() }
      print("\(units) a time")
    default:
      throw KernelError("usage: kernel-benchmark prepare FOLDER | list | NAME TIMES FOLDER PROJECT")
    }
  }
}
