# SPDX-License-Identifier: GPL-2.0-only
# Fuzzers: with libFuzzer, by clang, in build/user/fuzz (`make fuzz`); and a program that
# replays inputs, by the compiler of everything else, among the unit tests.

fuzz-targets := image calls filter meta expr record print
fuzz-common := $(addprefix user/fuzz/,stream.c base.c forge.c walk.c args.c ops.c \
	ops_data.c ops_rows.c meta.c text.c seeds.c \
	$(patsubst %,target_%.c,$(filter-out print,$(fuzz-targets)))) \
	$(patsubst %,user/vexfs/%.c,expr record options report progress text)
fuzz-src := $(fuzz-common) $(lib-src)
fuzz-of = $(patsubst %.c,build/user/fuzz/%.o,$(1))
fuzz-flags := -fsanitize=address,undefined -fno-sanitize-recover=undefined
# Loops that compare much, and have nothing to be found by comparing.
fuzz-plain := $(patsubst %,kmod/core/%,crc32c crc32c_x86 hash dist_scalar dist_avx2 dist_avx512) \
	user/lib/platform user/lib/io_mem user/fuzz/stream user/fuzz/base
fuzz-programs := $(patsubst %,build/user/fuzz/fuzz_%,$(fuzz-targets))

build/user/fuzz/%.o: %.c user/fuzz/build.mk
	$(say) 'CC fuzz' $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -Wno-clobbered,$(vex-cflags)) -g -O1 $(CPPFLAGS) $(fuzz-flags) \
		$(if $(filter $*,$(fuzz-plain)),,-fsanitize=fuzzer-no-link) $(user-cflags-$*) -c -o $@ $<

build/user/fuzz/fuzzer_%.o: user/fuzz/fuzzer.c user/fuzz/build.mk
	$(say) 'CC fuzz' '$< ($*)'
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(vex-cflags) -g -O1 $(fuzz-flags) -fsanitize=fuzzer-no-link \
		-DFUZZ_TARGET=fuzz_$* -c -o $@ $<

$(fuzz-programs): build/user/fuzz/fuzz_%: build/user/fuzz/fuzzer_%.o $(call fuzz-of,$(fuzz-src))
	$(say) LD $@
	$(Q)$(CLANG) -g $(fuzz-flags) -fsanitize=fuzzer -o $@ $^ -lm -lpthread

user-objs += $(call fuzz-of,$(fuzz-src))
-include $(patsubst %,build/user/fuzz/fuzzer_%.d,$(fuzz-targets))

$(eval $(call user-test,fuzz_replay,user/fuzz/regress.c $(fuzz-common),))

fuzz-list:
	@printf '%s\n' $(fuzz-targets)
.PHONY: fuzz-list

# The same replay with clang's counters, for `tools/fuzz --coverage`.
fuzz-cov-src := user/fuzz/regress.c $(fuzz-src)
build/user/fuzz-cov/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(vex-cflags) -g -O1 -fprofile-instr-generate -fcoverage-mapping \
		$(user-cflags-$*) -c -o $@ $<
build/user/fuzz-cov/fuzz_replay: $(patsubst %.c,build/user/fuzz-cov/%.o,$(fuzz-cov-src))
	$(say) LD $@
	$(Q)$(CLANG) -fprofile-instr-generate -o $@ $^ -lm -lpthread
