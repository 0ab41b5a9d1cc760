# The commands of this tree, for a person; the work is in tools/ and in meson. `make` alone lists them.
# Each one first installs what the machine lacks (tools/packages.txt; apt, with sudo where need be).

.PHONY: help build wheel demo demo-s3 check test soak fuzz bench bench-python clean

help:
	@echo 'make build     the library, the command `cove`, the Python package and the examples, into build/'
	@echo 'make wheel     the Python package with what it needs, into dist/, tried in an empty environment'
	@echo 'make demo      train a digit classifier, stop, resume from its checkpoint; ROOT=URL puts all of it there:'
	@echo '                 make demo                              below runs/'
	@echo '                 ROOT=s3://lightning/data/ make demo    on S3, by your AWS_* environment or ~/.aws'
	@echo '                 ROOT=gs://lightning/data/ make demo    on Google Cloud Storage, by gcloud or GOOGLE_APPLICATION_CREDENTIALS'
	@echo '                 ROOT=hdfs://cluster/data/ make demo    on HDFS, by the site files in HADOOP_CONF_DIR'
	@echo 'make demo-s3   the same on a MinIO that is started here for it'
	@echo 'make check     for daily work: unit suites, the tree, file and memory, the mock store; a few minutes'
	@echo 'make test      everything: C and Python suites, every backend, faults, sanitizers'
	@echo 'make soak      SOAK_SECONDS (900) of work on a network that breaks at random and a server that crashes; the Python package on more versions'
	@echo 'make fuzz      every parser on odd bytes, FUZZ_SECONDS (180) each'
	@echo 'make bench     cove beside other clients, on a server of this machine'
	@echo 'make bench-python   the Python package beside s3fs and obstore, under Lightning and alone'
	@echo 'make clean     remove what was built; ~/.cache/cove stays'

build:
	@tools/setup.sh build
	@tools/build.sh build

wheel:
	@tools/setup.sh wheel
	@tools/wheel.sh

demo: build
	@tools/demo.sh

demo-s3: build
	@tools/setup.sh servers
	@COVE_SERVER_COMMAND='tests/servers/minio.py --keep runs/minio' tests/servers/minio.py --bucket lightning --keep runs/minio \
		-- tools/demo.sh s3://lightning/data/ s3://lightning/ckpts/classifier.ckpt

check:
	@tools/setup.sh check
	@tools/test.sh --check

test:
	@tools/setup.sh test
	@tools/test.sh

soak:
	@tools/setup.sh test soak
	@tools/build.sh build
	@tools/soak.sh
	@tools/test.sh --versions

fuzz:
	@tools/setup.sh fuzz
	@tools/fuzz.sh

bench:
	@tools/setup.sh bench
	@CI= tools/build.sh build-bench --buildtype=release
	@tools/bench.sh

bench-python:
	@tools/setup.sh bench-python
	@CI= tools/build.sh build-bench --buildtype=release -Dpython=enabled
	@tools/bench-python.sh

clean:
	rm -rf build build-asan build-tsan build-bench build-fuzz dist
