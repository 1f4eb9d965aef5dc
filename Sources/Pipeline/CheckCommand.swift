import Diagnostics
import Foundation
import Registries
import RulePacks

/// `yijian check`: rule files, rule folders and pipeline files; every problem of each. 0 if there is no error, else 1.
public func checkPaths(_ paths: [String]) -> Int32 {
  var problems: [Diagnostic] = []
  var checked = 0
  for path in paths {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      problems.append(Diagnostic(.error, "usage.no-file", "there is no such file or folder", at: Place(file: path)))
      continue
    }
    for file in isFolder.boolValue ? yamlFiles(under: path) : [path] { checked += check(file, &problems) }
    if isFolder.boolValue { problems += rulesWithoutTests([path]) }
  }
  // A rule file is also read with the pipeline it belongs to: each of its problems is printed once.
  var printed: Set<Place> = []
  problems = problems.filter { problem in
    var place = problem.place
    guard let file = place.file, place.line != nil else { return true }
    place.file = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
    place.field = problem.code
    return printed.insert(place).inserted
  }
  for problem in problems { print(problem.rendered()) }
  let errors = problems.count { $0.severity == .error }
  print(
    "\(checked) file\(checked == 1 ? "" : "s") checked, \(errors) error\(errors == 1 ? "" : "s"), \(problems.count - errors) other remark\(problems.count - errors == 1 ? "" : "s")"
  )
  if checked == 0, errors == 0 {
    print("nothing to check: no rule and no pipeline file there")
    return ExitCode.saysNo
  }
  return errors == 0 ? ExitCode.done : ExitCode.saysNo
}

private func yamlFiles(under folder: String) -> [String] {
  let all = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
  // A packet carries the rules it rests on, without their tests: they are evidence, not the author's files.
  let bags = all.filter { $0.hasSuffix("/bagit.txt") }.map { $0.dropLast("bagit.txt".count) }
  return all.filter { name in
    (name.hasSuffix(".yml") || name.hasSuffix(".yaml")) && !bags.contains { name.hasPrefix($0) }
  }.sorted().map { folder.hasSuffix("/") ? folder + $0 : folder + "/" + $0 }
}

/// 1 if the file is of a kind that can be checked.
private func check(_ path: String, _ problems: inout [Diagnostic]) -> Int {
  guard let data = FileManager.default.contents(atPath: path) else {
    problems.append(Diagnostic(.error, "usage.no-file", "the file can't be read", at: Place(file: path)))
    return 0
  }
  let text = String(decoding: data, as: UTF8.self)
  func has(_ key: String) -> Bool { text.hasPrefix(key) || text.contains("\n" + key) }
  if path.hasSuffix(".test.yml") || path.hasSuffix(".test.yaml") {
    do throws(Diagnostics) { problems += testProblems(try RuleTestFile(text: text, path: path)) } catch {
      problems += error.all
    }
    return 1
  }
  if has("rule:") {
    problems += parseRule(text: text, path: path).1
    return 1
  }
  if has("pipeline:") {
    do {
      let file = try PipelineFile.read(path)
      // What belongs together is checked together: law keys, exemptions, parameters.
      problems += try loadRules(file).1.warnings
      problems += tablesGivenTwice(folder: file.registries ?? "", knowledge: file.knowledge)
      problems += unknownTables(folder: file.registries ?? "", knowledge: file.knowledge)
    } catch let many as Diagnostics {
      problems += many.all
    } catch let one as Diagnostic {
      problems.append(one)
    } catch {
      problems.append(Diagnostic(.error, "pipeline.unreadable", "\(error)", at: Place(file: path)))
    }
    return 1
  }
  return 0
}

/// The JSON Schema of rule files, as `Documentation/rule.schema.json` holds it.
public func ruleFileSchema() -> String { RulePacks.ruleFileSchema() }

/// What is wrong with a test file beside its rule; nothing where the rule has errors of its own.
private func testProblems(_ file: RuleTestFile) -> [Diagnostic] {
  let rulePath = file.path.replacingOccurrences(of: ".test.y", with: ".y")
  guard let data = FileManager.default.contents(atPath: rulePath) else {
    return [
      Diagnostic(
        .error, "test.no-rule", "there is no rule beside the test", at: Place(file: file.path, line: 1, column: 1),
        remedy: "put X.test.yml beside X.yml")
    ]
  }
  guard let rule = parseRule(text: String(decoding: data, as: UTF8.self), path: rulePath).0 else { return [] }
  var found = missingTests(of: rule, in: file)
  for test in file.tests {
    do throws(Diagnostic) { _ = try test.applied(to: rule) } catch { found.append(error) }
  }
  return found
}
