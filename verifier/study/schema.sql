-- The index of a sweep. Counts and operations are decimal text: they can be larger than SQLite's
-- integers. `records` lists the files in records/ whose rows are here.
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE records (sha256 TEXT PRIMARY KEY);
CREATE TABLE models (
    sha256 TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    task TEXT NOT NULL,
    d_vocab INTEGER NOT NULL,
    n_ctx INTEGER NOT NULL,
    d_model INTEGER NOT NULL,
    d_head INTEGER NOT NULL,
    total TEXT NOT NULL,
    sampled_accuracy REAL,
    samples INTEGER,
    portrait TEXT
);
CREATE TABLE results (
    sha256 TEXT NOT NULL,
    strategy TEXT NOT NULL,
    strategy_group TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    certificate TEXT,
    correct_at_least TEXT,
    correct_at_most TEXT,
    operations TEXT,
    unexplained_dimension TEXT,
    bytes INTEGER,
    seconds_to_prove REAL,
    seconds_to_check REAL,
    note TEXT,
    PRIMARY KEY (sha256, strategy)
);
