# SPDX-License-Identifier: GPL-2.0-only
# What tools/bench-fs, tools/stress and selftests run in the VM; built with the user programs, not installed.
bench-programs :=
define bench-program
bench-programs += build/bench/$(1)
user-objs += $(call obj-of,$(2))
build/bench/$(1): $(call obj-of,$(2)) build/user/libvexfs.a
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) build/user/libvexfs.a $(3) -lm -lpthread
endef

$(eval $(call bench-program,fs,user/bench/fs.c,))
$(eval $(call bench-program,check,user/bench/check.c,))
$(eval $(call bench-program,depth,user/bench/depth.c,))
$(eval $(call bench-program,stat,user/bench/stat.c,))
$(eval $(call bench-program,dump,user/bench/dump.c,-lnl-genl-3 -lnl-3))
user-cflags-user/bench/dump := -I/usr/include/libnl3
$(eval $(call bench-program,growth,user/bench/growth.c,))
$(eval $(call bench-program,distances,user/bench/distances.c user/bench/ann/generate.c user/bench/ann/vecs.c,))
$(eval $(call bench-program,acked,user/bench/acked.c,))
$(eval $(call bench-program,mixed,user/bench/mixed.c user/bench/ann/generate.c user/bench/ann/vecs.c,))

# The benchmark of searches beside other libraries, with C++ for those alone; part of `make bench` only.
ann-src := $(addprefix user/bench/ann/, \
	contender.c \
	generate.c \
	load.c \
	main.c \
	measure.c \
	options.c \
	plot.c \
	report.c \
	scan.c \
	score.c \
	vecs.c)
user-objs += $(call obj-of,$(ann-src))
user-cflags-user/bench/ann/scan := -O3

build/bench/peers.o: user/bench/ann/peers.cc user/bench/ann/peers.h user/bench/build.mk
	$(say) CXX $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O3 -march=native -Wall -Wextra -c -o $@ $<

build/bench/ann: $(call obj-of,$(ann-src)) build/bench/peers.o build/user/libvexfs.a
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) build/user/libvexfs.a \
		-lfaiss -lblas -llapack -lgomp -lm -lpthread

$(eval $(call user-test,test_ann,$(addprefix user/bench/ann/,test_ann.c generate.c score.c vecs.c),-lcmocka))
