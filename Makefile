# Two commands are enough: `make run` and `make test`. Both install the system libraries they lack.

PACKAGES := zlib1g-dev libsqlite3-dev libssl-dev libzip-dev libxlsxwriter-dev libexpat1-dev libzstd-dev pkg-config sqlite3 python3
# Faster with it, whole without it.
USEFUL := libisal-dev
PIPELINE ?= Pipelines/weekly.yml
SAMPLE ?= SampleClaims/planted
OUTPUT ?= Reports/runs/planted
STORE ?= Reports/runs/planted-store
ENGINES ?= sqlite duckdb spark
SIZE ?= 1m
LAYOUT ?= narrow
ROUNDS ?= 3
PEERS ?= duckdb
# Not ?=: a shell may have the height of its window in LINES.
LINES := 1000000
YIJIAN := .build/release/yijian
# SwiftPM remembers what Package.swift said for the same environment, also of before ISA-L was installed: so it is part of it.
export YIJIAN_ISAL := $(wildcard /usr/include/isa-l/igzip_lib.h /usr/local/include/isa-l/igzip_lib.h)

.PHONY: run test test-engines setup build samples sample-report rules-page sql-snapshots engine-semantics format lint check-generated bench bench-rules bench-kernels growth clean

run: build
	$(YIJIAN) run $(PIPELINE) --input $(SAMPLE) --output $(OUTPUT) --store $(STORE)

test: setup
	swift build --build-tests
	swift test --skip-build --parallel --num-workers 2
	.build/debug/yijian test Pipelines/rules
	.build/debug/yijian test Pipelines/rules --mutate
	python3 Tests/truth/check_truth.py SampleClaims/clean SampleClaims/planted
	sh Tools/compare-reference.sh .build/debug/yijian
	python3 Tests/engines/semantics.py sqlite
	python3 Tests/engines/kept_sql.py

# Every rule's SQL in DuckDB and Spark against the native engine; installs Java and three Python packages for itself.
test-engines: setup
	sh Tests/engines/test-engines.sh $(ENGINES)

build: setup
	swift build -c release --product yijian

setup:
	@sh Tools/setup.sh $(PACKAGES) --useful $(USEFUL)

# Makes SampleClaims anew from its seed; `git diff` shows whether anything changed.
samples: build
	$(YIJIAN) synth --samples SampleClaims

sample-report: build
	sh Tools/sample-report.sh $(YIJIAN) Reports/sample

# The catalogue page, made of the rule files.
rules-page: build
	$(YIJIAN) rules Pipelines/weekly.yml --markdown >Documentation/rules.md

# The SQL of every rule in every dialect; `git diff` shows what a change of a rule or of a dialect does to it.
sql-snapshots: build
	sh Tools/sql-snapshots.sh $(YIJIAN) Documentation/sql

# The page of what the engines answer, made of the table that the tests ask them by.
engine-semantics:
	python3 Tests/engines/semantics.py --markdown >Documentation/engine-semantics.md

format:
	swift format -i -r Sources Tests Benchmarks Package.swift

lint:
	swift format lint --strict -r Sources Tests Benchmarks Package.swift

# Uses the debug build that the tests made, so that nothing is built twice.
check-generated: setup
	swift build --product yijian
	sh Tools/check-generated.sh .build/debug/yijian

# Ours beside DuckDB running the same rules, and the floors. SIZE=5m|30m, LAYOUT=wide, ROUNDS=5, PEERS=duckdb,sqlite,
# JOBS=1, WORK=DIR for exports and outputs, ONLY=run,floors.
bench: build
	sh Tests/engines/test-engines.sh --set-up duckdb
	python3 Benchmarks/bench.py --yijian $(YIJIAN) --size $(SIZE) --layout $(LAYOUT) --rounds $(ROUNDS) --peers $(PEERS) \
	  $(if $(WORK),--work $(WORK)) $(if $(ONLY),--only $(ONLY)) $(if $(JOBS),--jobs $(JOBS))

# The evaluator alone: 1, 20 and 100 rules over a million lines in memory, beside SQLite. LINES=200000, ROUNDS=5.
bench-rules: setup
	swift run -c release evaluator-benchmark $(LINES) $(ROUNDS)

# Instructions of single kernels under callgrind, against Benchmarks/kernels.thresholds. RECORD=yes writes them anew.
bench-kernels: setup
	sh Tools/setup.sh valgrind
	swift build -c release --product kernel-benchmark
	python3 Benchmarks/kernels.py .build/release/kernel-benchmark $(if $(RECORD),--record)

# Growth in lines, rules, jobs and weeks of store: Benchmarks/growth.csv and growth.svg. Takes hours for 100m.
# SIZES=1m,5m, WORK=DIR for exports, stores and outputs.
growth: build
	python3 Benchmarks/growth.py --yijian $(YIJIAN) $(if $(WORK),--work $(WORK)) $(if $(SIZES),--sizes $(SIZES))

clean:
	swift package clean
