/// The ledger's schema, in plain SQL. A migration that has been released is never edited: add one.
enum LedgerMigrations {
  static let all: [(name: String, sql: String)] = [
    ("1 runs, files, findings, cases", first), ("2 parts", second),
    ("3 evaluation state", third), ("4 files seen", fourth), ("5 rows kept", fifth),
    ("6 sealed", sixth),
  ]

  private static let first = """
    -- What a file's bytes gave under one reading; shared by all revisions that have the file.
    CREATE TABLE content(
      digest TEXT NOT NULL,
      reading TEXT NOT NULL,
      size INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('read', 'refused')),
      refusal_code TEXT,
      refusal_message TEXT,
      charset TEXT,
      delimiter TEXT,
      enclosure TEXT,
      header_kind TEXT,
      inflated_bytes INTEGER NOT NULL,
      report TEXT NOT NULL,
      PRIMARY KEY (digest, reading)
    ) STRICT;

    -- One file in the folder segments.
    CREATE TABLE segment(
      digest TEXT NOT NULL,
      reading TEXT NOT NULL,
      member INTEGER NOT NULL,
      member_name TEXT,
      claim_table TEXT NOT NULL,
      path TEXT NOT NULL UNIQUE,
      row_count INTEGER NOT NULL,
      report TEXT NOT NULL,
      PRIMARY KEY (digest, reading, member, claim_table),
      FOREIGN KEY (digest, reading) REFERENCES content ON DELETE CASCADE
    ) STRICT;

    CREATE TABLE reject(
      digest TEXT NOT NULL,
      reading TEXT NOT NULL,
      ordinal INTEGER NOT NULL,
      member_name TEXT,
      claim_table TEXT NOT NULL,
      line INTEGER NOT NULL,
      byte_offset INTEGER NOT NULL,
      column_name TEXT,
      code TEXT NOT NULL,
      reason TEXT NOT NULL,
      action TEXT NOT NULL CHECK (action IN ('rejected', 'nulled', 'set_aside')),
      PRIMARY KEY (digest, reading, ordinal),
      FOREIGN KEY (digest, reading) REFERENCES content ON DELETE CASCADE
    ) STRICT;

    CREATE TABLE batch(
      name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      label TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('complete', 'incomplete')),
      incomplete_reason TEXT,
      accepted_reason TEXT,
      PRIMARY KEY (name, revision)
    ) STRICT;

    CREATE TABLE file(
      batch TEXT NOT NULL,
      revision INTEGER NOT NULL,
      name TEXT NOT NULL,
      digest TEXT,
      reading TEXT,
      size INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('read', 'refused', 'missing')),
      refusal_code TEXT,
      refusal_message TEXT,
      report TEXT NOT NULL,
      PRIMARY KEY (batch, revision, name),
      FOREIGN KEY (batch, revision) REFERENCES batch ON DELETE CASCADE
    ) STRICT;

    -- sequence orders finished runs; a run that was begun and killed has none.
    CREATE TABLE run(
      run_id TEXT NOT NULL PRIMARY KEY,
      sequence INTEGER UNIQUE,
      batch TEXT NOT NULL,
      revision INTEGER NOT NULL,
      label TEXT NOT NULL,
      as_of TEXT,
      started_at TEXT NOT NULL,
      finished_at TEXT,
      tool_version TEXT NOT NULL,
      digests TEXT NOT NULL,
      exit_code INTEGER,
      output_folder TEXT,
      report TEXT NOT NULL
    ) STRICT;

    CREATE TABLE stage(
      run_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
      ordinal INTEGER NOT NULL,
      name TEXT NOT NULL,
      row_count INTEGER NOT NULL,
      byte_count INTEGER NOT NULL,
      milliseconds INTEGER NOT NULL,
      PRIMARY KEY (run_id, ordinal)
    ) STRICT;

    -- Snapshots of the last two finished runs: the last, and the one it was compared with.
    CREATE TABLE finding(
      run_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
      id TEXT NOT NULL,
      rule TEXT NOT NULL,
      verdict TEXT NOT NULL,
      subject_type TEXT NOT NULL,
      subject TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('new', 'standing', 'changed', 'withdrawn')),
      first_batch TEXT NOT NULL,
      amount_fen INTEGER NOT NULL,
      fund_fen INTEGER NOT NULL,
      counted_fen INTEGER NOT NULL,
      case_id TEXT,
      record TEXT NOT NULL,
      PRIMARY KEY (run_id, id)
    ) STRICT;

    CREATE TABLE case_file(
      run_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
      id TEXT NOT NULL,
      subject_type TEXT NOT NULL,
      subject TEXT NOT NULL,
      opened_in TEXT NOT NULL,
      counted_fen INTEGER NOT NULL,
      finding_ids TEXT NOT NULL,
      PRIMARY KEY (run_id, id)
    ) STRICT;
    """

  private static let second = """
    -- Accepted rows of one member of a claim file; number stands in column yj_segment of the parts. columns and
    -- unknown_columns: each name and U+001F.
    CREATE TABLE claim_segment(
      number INTEGER NOT NULL PRIMARY KEY,
      digest TEXT NOT NULL,
      reading TEXT NOT NULL,
      member INTEGER NOT NULL,
      member_name TEXT,
      claim_table TEXT NOT NULL,
      row_count INTEGER NOT NULL,
      columns TEXT NOT NULL,
      unknown_columns TEXT NOT NULL,
      report TEXT NOT NULL,
      UNIQUE (digest, reading, member, claim_table),
      FOREIGN KEY (digest, reading) REFERENCES content ON DELETE CASCADE
    ) STRICT;

    -- One Parquet file; path is below the folder parts, times are seconds since 1970, top_byte_rows as the file has it.
    CREATE TABLE part(
      number INTEGER NOT NULL PRIMARY KEY,
      claim_table TEXT NOT NULL,
      batch TEXT NOT NULL,
      first_slice INTEGER NOT NULL,
      last_slice INTEGER NOT NULL,
      path TEXT NOT NULL UNIQUE,
      row_count INTEGER NOT NULL,
      byte_count INTEGER NOT NULL,
      sha256 TEXT NOT NULL,
      footer_sha256 TEXT NOT NULL,
      min_time INTEGER,
      max_time INTEGER,
      top_byte_rows TEXT NOT NULL,
      codec TEXT NOT NULL,
      format_version INTEGER NOT NULL
    ) STRICT;

    -- Rows of a part by segment. A segment that is not in claim_segment any more, or that no latest revision has, is
    -- dead: nobody reads its rows.
    CREATE TABLE part_segment(
      part INTEGER NOT NULL REFERENCES part ON DELETE CASCADE,
      segment INTEGER NOT NULL,
      row_count INTEGER NOT NULL,
      PRIMARY KEY (part, segment)
    ) STRICT, WITHOUT ROWID;

    -- The greatest number given so far, for segments and for parts: none is given twice.
    CREATE TABLE last_number(kind TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL) STRICT;
    INSERT INTO last_number VALUES ('segment', 0), ('part', 0);

    -- Batches that yijian store retain has removed: what they were and why they went.
    CREATE TABLE removed_batch(
      ordinal INTEGER NOT NULL PRIMARY KEY,
      name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      newest_day TEXT,
      rows_removed INTEGER NOT NULL,
      files INTEGER NOT NULL,
      kept_since TEXT NOT NULL,
      removed_at TEXT NOT NULL,
      reason TEXT NOT NULL
    ) STRICT;
    """

  private static let third = """
    -- What the last finished run worked out of the store, in the words of the pipeline; the next run goes on from it. It
    -- may be missing. The files lie in the folder evaluation, as digest-bytes.
    CREATE TABLE evaluation_state(
      id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
      header TEXT NOT NULL,
      header_sha256 TEXT NOT NULL
    ) STRICT;

    CREATE TABLE evaluation_file(
      digest TEXT NOT NULL,
      byte_count INTEGER NOT NULL,
      PRIMARY KEY (digest, byte_count)
    ) STRICT;
    """

  private static let fourth = """
    -- Delivered files whose bytes were hashed, and what told then whether they may have changed. It may be missing.
    CREATE TABLE seen_file(
      path TEXT NOT NULL PRIMARY KEY,
      identity TEXT NOT NULL,
      sha256 TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  private static let fifth = """
    -- Rows of a removed batch that stayed because findings may still rest on them. Such a batch is still in batch; it is
    -- not read again all the same.
    ALTER TABLE removed_batch ADD COLUMN rows_kept INTEGER NOT NULL DEFAULT 0;
    """

  private static let sixth = """
    -- Nothing changes but who may write: versions before this one would leave ledger.sqlite.sha256 as it was, and read a
    -- file's empty report, which stands for that of its content, as damage.
    SELECT 1;
    """
}
