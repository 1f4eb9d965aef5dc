// swift-tools-version: 6.2
import Foundation
import PackageDescription

// A target imports only what stands before it in this list; Tests/ArchitectureTests holds the table.

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Hot generic code crosses module borders; without this it is 25 times slower there.
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

// ISA-L inflates three times as fast as zlib. It is not in the usual Swift image, so the build does without it too.
let hasISAL = ["/usr/include", "/usr/local/include"].contains {
  FileManager.default.fileExists(atPath: $0 + "/isa-l/igzip_lib.h")
}
let isal: [Target] =
  hasISAL ? [.systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])])] : []

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")

let package = Package(
  name: "Yijian",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "yijian", targets: ["yijian"])],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: isal + [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CXlsxWriter", pkgConfig: "xlsxwriter", providers: [.apt(["libxlsxwriter-dev"])]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    .systemLibrary(name: "CIconv"),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CByteMasks"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

    module("Diagnostics", []),
    module("ClaimModel", ["CCrypto"]),
    module("Parquet", ["Diagnostics", "ClaimModel", "CZstd"]),
    .target(
      name: "Intake",
      dependencies: ["Diagnostics", "ClaimModel", "CZlib", "CByteMasks", "CZip", "CIconv"]
        + (hasISAL ? ["CISAL"] : []),
      exclude: ["README.md"], swiftSettings: strict + (hasISAL ? [.define("ISAL")] : [])),
    module("Normalize", ["Diagnostics", "ClaimModel", "Intake", "CByteMasks"]),
    module("Partition", ["Diagnostics", "ClaimModel", "Intake", "Normalize"]),
    module("Registries", ["Diagnostics", "ClaimModel", "Intake"]),
    module("Knowledge", ["Diagnostics", "ClaimModel", "Intake", "CExpat"]),
    module("RulePacks", ["Diagnostics", "ClaimModel", "Registries", .product(name: "Yams", package: "Yams")]),
    module("ClaimStore", ["Diagnostics", "ClaimModel", "Parquet", grdb, sqlite]),
    module("Audit", ["Diagnostics", "ClaimModel", "Registries", "RulePacks"]),
    module("SQLLowering", ["Diagnostics", "ClaimModel", "Registries", "RulePacks"]),
    module("Cases", ["ClaimModel"]),
    module(
      "Referral",
      [
        "Diagnostics", "ClaimModel", "Registries", "RulePacks", "Audit", "SQLLowering", "Cases", "CXlsxWriter", sqlite,
      ]),
    module("Reporting", ["ClaimModel"]),
    module("SyntheticClaims", ["Diagnostics", "ClaimModel", "CZlib", "CZip", "CIconv"]),
    module(
      "Pipeline",
      [
        "Diagnostics", "ClaimModel", "Parquet", "Intake", "Normalize", "Partition", "Registries", "RulePacks",
        "ClaimStore", "Audit",
        "SQLLowering", "Cases", "Referral", "Reporting", "CMalloc", .product(name: "Yams", package: "Yams"),
      ]),
    .executableTarget(
      name: "yijian",
      dependencies: [
        "Pipeline", "Knowledge", "SyntheticClaims", "Diagnostics", "CMalloc",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["README.md"], swiftSettings: strict),
    .executableTarget(
      name: "evaluator-benchmark",
      dependencies: ["Diagnostics", "ClaimModel", "Registries", "RulePacks", "Audit", sqlite],
      path: "Benchmarks/Evaluator", swiftSettings: strict),
    .executableTarget(
      name: "normalize-benchmark", dependencies: ["Diagnostics", "ClaimModel", "Normalize", "CMalloc"],
      path: "Benchmarks/Normalize", swiftSettings: strict),
    .executableTarget(
      name: "kernel-benchmark",
      dependencies: [
        "Diagnostics", "ClaimModel", "Parquet", "Intake", "Normalize", "Partition", "Registries", "RulePacks", "Audit",
        "SyntheticClaims",
      ],
      path: "Benchmarks/Kernels", swiftSettings: strict),
    .executableTarget(
      name: "rules-benchmark",
      dependencies: ["Diagnostics", "ClaimModel", "Intake", "Normalize", "Registries", "RulePacks", "Audit"],
      path: "Benchmarks/Rules", swiftSettings: strict),

    tests("ClaimModelTests", ["ClaimModel", "Diagnostics"]),
    tests("ParquetTests", ["Parquet", "ClaimModel", "Diagnostics"]),
    tests("IntakeTests", ["Intake", "ClaimModel", "Diagnostics", "CZlib", "CZip"]),
    tests("NormalizeTests", ["Normalize", "Intake", "ClaimModel", "Diagnostics", "CByteMasks"]),
    tests("RegistriesTests", ["Registries", "Intake", "ClaimModel", "Diagnostics"]),
    tests("PartitionTests", ["Partition", "Normalize", "Intake", "ClaimStore", "ClaimModel", "Diagnostics"]),
    tests("KnowledgeTests", ["Knowledge", "Registries", "ClaimModel", "Diagnostics", "CXlsxWriter"]),
    tests("RulePacksTests", ["RulePacks", "Registries", "ClaimModel", "Diagnostics"]),
    tests("ClaimStoreTests", ["ClaimStore", "ClaimModel", "Diagnostics", "Parquet", grdb, sqlite]),
    tests("AuditTests", ["Audit", "RulePacks", "Registries", "Normalize", "ClaimModel", "Diagnostics"]),
    tests(
      "SQLLoweringTests",
      [
        "SQLLowering", "Audit", "Cases", "Diagnostics", "Referral", "RulePacks", "Registries", "Normalize",
        "ClaimModel",
        sqlite,
      ]),
    tests("CasesTests", ["Cases", "ClaimModel"]),
    tests(
      "ReferralTests",
      [
        "Referral", "Cases", "ClaimModel", "Diagnostics", "Normalize", "Registries", "RulePacks", "SQLLowering",
        "ClaimStore", sqlite,
      ]),
    tests("ReportingTests", ["Reporting", "Cases", "ClaimModel"]),
    tests("SyntheticClaimsTests", ["SyntheticClaims", "ClaimModel"]),
    tests(
      "PipelineTests", ["Pipeline", "ClaimStore", "RulePacks", "SyntheticClaims", "ClaimModel", "Diagnostics", sqlite]),
    tests("ArchitectureTests", []),
    tests("DocumentationTests", ["Intake", "ClaimModel"]),
  ]
)
