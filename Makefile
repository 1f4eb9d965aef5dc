# Two commands are enough: `make run` and `make test`. Both install the system libraries they lack.

PACKAGES := zlib1g-dev libsqlite3-dev libssl-dev libzip-dev libxlsxwriter-dev pkg-config sqlite3
PIPELINE ?= Pipelines/weekly.yml
SAMPLE ?= SampleClaims/planted
OUTPUT ?= Reports/runs/planted
STORE ?= Reports/runs/planted-store
YIJIAN := .build/release/yijian

.PHONY: run test setup build samples sample-report format lint check-generated bench clean

run: build
	$(YIJIAN) run $(PIPELINE) --input $(SAMPLE) --output $(OUTPUT) --store $(STORE)

# Tests run optimised with checks on: the samples are a real week, and debug builds read them ten times slower.
test: setup
	swift build --build-tests
	swift test --skip-build --parallel --num-workers 2
	python3 Tests/truth/check_truth.py SampleClaims/clean SampleClaims/planted

build: setup
	swift build -c release --product yijian

setup:
	@sh Tools/setup.sh $(PACKAGES)

# Makes SampleClaims anew from its seed; `git diff` shows whether anything changed.
samples: build
	$(YIJIAN) synth --samples SampleClaims

sample-report: build
	sh Tools/sample-report.sh $(YIJIAN) Reports/sample

format:
	swift format -i -r Sources Tests Package.swift

lint:
	swift format lint --strict -r Sources Tests Package.swift

check-generated: build
	sh Tools/check-generated.sh $(YIJIAN)

bench: build
	sh Benchmarks/weekly.sh $(YIJIAN) $(SIZE)

clean:
	swift package clean
