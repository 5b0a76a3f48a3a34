# SPDX-License-Identifier: GPL-2.0-only
# VexFS: everything that there is to do, each part by whoever knows how.
#
# Modules are built by tools/kernel/modules with the kernel's own build system
# (see Kbuild), userspace by user/rules.mk, the rest are scripts.

ifeq ($(V),1)
  Q :=
  say := @:
else
  Q := @
  say := @printf '  %-8s %s\n'
endif

KERNELS := 6.1 6.12
# Built by tools/kernel/debug, on demand.
DEBUG-KERNELS := 6.12-debug
PREFIX ?= /usr/local
# Where `make install` puts the modules: the running kernel, unless told.
RELEASE ?= $(shell uname -r)

# KERNEL=6.1 builds for one of them, KDIR=headers for those headers.
kernels := $(if $(KDIR),host,$(or $(KERNEL),$(KERNELS)))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.PHONY: all modules user install check check-unit check-kernel demo bench-overhead crash fuzz lint clean \
	distclean help deps check-debug $(addprefix modules-,$(KERNELS) $(DEBUG-KERNELS) host)

## all: the modules and the user programs (the default)
all: modules user

## modules: vexfs.ko and vexfs_trace.ko in build/6.1 and build/6.12; KERNEL=6.1 for one
##          of them, KDIR=/lib/modules/.../build for an installed kernel (build/host)
modules: $(addprefix modules-,$(kernels))

$(addprefix modules-,$(KERNELS) $(DEBUG-KERNELS)): modules-%:
	$(say) MODULES build/$*
	+$(Q)tools/kernel/modules $*

modules-host:
	$(say) MODULES build/host
	+$(Q)tools/kernel/modules $(KDIR)

include user/rules.mk

## user: the user programs, in build/user
user: $(user-programs) build/user/libvexfs.a
	@:

# The packaged kernels' headers and sources, by a short name.
build/kernel/%:
	$(Q)mkdir -p $(@D) && dir=$$(tools/kernel/fetch $*) && ln -sfn "$$dir" $@

## install: what was built, into DESTDIR and PREFIX (/usr/local); the modules for RELEASE
##          (the running kernel) when KDIR is given or build/host is there
sbin-programs = $(filter build/user/mkfs.% build/user/fsck.% build/user/mount.%,$(user-programs))
install: user $(if $(KDIR),modules)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	$(Q)$(if $(user-programs),install -m 755 $(filter-out $(sbin-programs),$(user-programs)) $(DESTDIR)$(PREFIX)/bin)
	$(Q)$(if $(sbin-programs),install -m 755 $(sbin-programs) $(DESTDIR)$(PREFIX)/sbin)
	$(Q)for page in $(wildcard Documentation/man/*.[1-8]); do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page; done
	$(Q)if [ -f build/host/vexfs.ko ]; then \
		install -D -m 644 -t $(DESTDIR)/lib/modules/$(RELEASE)/updates/vexfs \
			build/host/vexfs.ko build/host/vexfs_trace.ko \
			$(if $(DESTDIR),,&& PATH=$$PATH:/usr/sbin:/sbin depmod $(RELEASE)); \
	else echo 'no module for an installed kernel was built: make install KDIR=/lib/modules/$(RELEASE)/build'; fi

## deps: install the Debian packages that all of this needs
deps:
	$(Q)tools/deps

## check: install what is missing, build, run every test on both kernels
check:
	$(Q)tools/check

## check-unit: the unit tests and the crash simulation, sanitised, on this machine
check-unit:
	$(Q)tools/check unit

## check-kernel: the kselftests in the VM, on both kernels or KERNEL
check-kernel:
	$(Q)tools/check $(addprefix kernel-,$(or $(KERNEL),$(KERNELS)))

## check-debug: allocations that fail, on a kernel with KASAN, lockdep and more, which must report
##              nothing in all other kselftests either; builds that kernel first
check-debug:
	$(Q)tools/check $(addprefix kernel-,$(DEBUG-KERNELS))

# What tools/check builds and runs: the programs are the lists in user/rules.mk.
user-tests: $(user-tests)
	$(Q)mkdir -p build && printf '%s\n' $(user-tests) >build/user-tests
kernel-tests: $(kernel-tests) $(bench-programs)
	$(Q)mkdir -p build && printf '%s\n' $(kernel-tests) $(kernel-scripts) >build/kernel-tests
debug-tests: kernel-tests $(debug-tests)
	$(Q)printf '%s\n' $(debug-tests) >build/debug-tests
.PHONY: user-tests kernel-tests debug-tests

## demo: install what is missing, build, and search this machine's documentation in a VM;
##       the traced report is left in build/demo
demo:
	$(Q)tools/deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo

## bench-overhead: instructions of operations with nothing, the trace module, the reader, and with
##                 the kernel's stack tracer and bpftrace; KERNEL=6.1 for that kernel
bench-overhead: all bench-programs
	$(Q)tools/bench-overhead --kernel $(or $(KERNEL),6.12)

## bench-fs: the same work on VexFS and on ext4, with ratios; KERNEL=6.1 for that kernel
bench-programs: $(bench-programs)
bench-fs: bench-programs user modules-$(or $(KERNEL),6.12)
	$(Q)tools/bench-fs --kernel $(or $(KERNEL),6.12)
.PHONY: bench-fs bench-programs

## bench-search: instructions of a search in the kernel and by the same core in userspace; KERNEL=6.1
bench-search: user modules-$(or $(KERNEL),6.12)
	$(Q)tools/bench-search --kernel $(or $(KERNEL),6.12)
.PHONY: bench-search

## stack-report: bounds of each operation's frames, by GCC, beside depths measured in a VM
stack-report: user modules-$(or $(KERNEL),6.12)
	$(Q)mkdir -p build/stack
	$(Q)tools/stack-report --kernel $(or $(KERNEL),6.12) | tee build/stack/report-$(or $(KERNEL),6.12).txt
.PHONY: stack-report

## bench-growth: instructions per operation with 10,000 to 1,000,000 files and rows
bench-growth: build/bench/growth
	$(Q)tools/bench-growth
.PHONY: bench-growth

## bench-distances: distances that a search of an HNSW graph takes at recall 0.95, with 10,000 to
##          1,000,000 rows; ROWS: the most
bench-distances: build/bench/distances
	$(Q)build/bench/distances $(if $(ROWS),--most $(ROWS))
.PHONY: bench-distances

## bench: searches by VexFS, hnswlib and faiss side by side, on vectors made from SEED (1) or of
##        the folder DATA; ROWS, DIM, QUERIES, THREADS, ROUNDS: see tools/bench --help
bench:
	$(Q)tools/deps
	$(Q)$(MAKE) --no-print-directory build/bench/ann
	$(Q)tools/bench $(if $(DATA),--data '$(DATA)') $(if $(ROWS),--rows $(ROWS)) \
		$(if $(DIM),--dim $(DIM)) $(if $(QUERIES),--queries $(QUERIES)) \
		--seed $(SEED) \
		$(if $(THREADS),--threads $(THREADS)) $(if $(ROUNDS),--rounds $(ROUNDS))
.PHONY: bench

## fuzz: run the fuzzers for TIME seconds each (60), or TARGET; COVERAGE=1 tells what they reach
fuzz:
	$(Q)tools/deps
	$(Q)tools/fuzz --time $(or $(TIME),60) --seed $(or $(SEED),1) \
		$(if $(COVERAGE),--coverage) $(TARGET)

## stress: stress-ng and fio on a VexFS in the VM, SECONDS (300) on each kernel or on KERNEL
SECONDS ?= 300
stress: bench-programs user modules
	$(Q)tools/deps
	$(Q)$(foreach k,$(or $(KERNEL),$(KERNELS)),tools/stress --kernel $k --seconds $(SECONDS) &&) :

## soak: both modules come and go with everything attached, MINUTES (10) on each kernel or on KERNEL
MINUTES ?= 10
soak: bench-programs user modules
	$(Q)tools/deps
	$(Q)$(foreach k,$(or $(KERNEL),$(KERNELS)),tools/soak --kernel $k --minutes $(MINUTES) &&) :

## stack-compare: stack depth of file operations on VexFS and on ext4, on each kernel or KERNEL
stack-compare: bench-programs user modules
	$(Q)$(foreach k,$(or $(KERNEL),$(KERNELS)),tools/stack-compare --kernel $k &&) :
.PHONY: stress soak stack-compare

## lint: style, sparse, warnings, stack frames, what may not be in the core
lint:
	$(Q)tools/lint

## crash: let the power fail in STATES different ways (200000), on JOBS processes (2); SEED=N
##        for other workloads. The short run, with sanitisers, is part of check-unit
STATES ?= 200000
JOBS ?= 2
SEED ?= 1
crash: build/user/vexfs-crash
	$(Q)$< --states $(STATES) --jobs $(JOBS) --seed $(SEED)
	$(Q)$< --states $$(($(STATES) / 10 + 1)) --jobs $(JOBS) --seed $(SEED) --threads 3

## clean, distclean: remove what was built; the kernels in ~/.cache/vexfs stay
clean:
	$(Q)rm -rf build
distclean: clean

help:
	$(Q)sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))
