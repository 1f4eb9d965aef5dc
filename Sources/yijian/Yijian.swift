import ArgumentParser

@main
struct Yijian: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "yijian", abstract: "医鉴")
}
