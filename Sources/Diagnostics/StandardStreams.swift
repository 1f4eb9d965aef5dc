// Its `stdout` is a variable, though nobody sets it.
@preconcurrency import Glibc

/// Writes a message to standard error. Nobody may be reading there, or its disk may be full: what cannot be written is
/// lost, and the command goes on, because its result does not depend on who listens.
public func writeMessage(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let n = write(STDERR_FILENO, base + done, bytes.count - done)
      if n < 0, errno == EINTR { continue }
      if n <= 0 { return }
      done += n
    }
  }
}

/// Gives out what `print` still holds; false if anything that was ever printed did not reach standard output. A reader
/// that closed its end of a pipe, as `head` does, has what it wanted.
public func flushStandardOutput() -> Bool {
  let isFlushed = fflush(stdout) == 0
  if isFlushed, ferror(stdout) == 0 { return true }
  var end = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
  return poll(&end, 1, 0) == 1 && end.revents & Int16(POLLERR) != 0
}

/// Standard input, output and error, each taken by /dev/null where the caller closed it: else the next file that is
/// opened would get its number, and messages would be written into the store.
///
/// The null device is opened the wrong way round, so that a result that nobody can get is still an error.
public func claimStandardStreams() {
  for (stream, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
  where fcntl(stream, F_GETFD) == -1 && errno == EBADF {
    // The lowest free number is this one: those below are open.
    _ = open("/dev/null", mode)
  }
}
