public func writeSamples(into folder: String) throws {}
