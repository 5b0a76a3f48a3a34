# SPDX-License-Identifier: GPL-2.0-only
# vexfs-trace-read: what it is made of.

trace-read-src := $(addprefix user/trace-read/, \
	alerts.c \
	base.c \
	batch.c \
	binary.c \
	capture.c \
	command.c \
	counters.c \
	debugfs.c \
	doctor.c \
	entries.c \
	epoch.c \
	events.c \
	fallback.c \
	format.c \
	json.c \
	kallsyms.c \
	main.c \
	netlink.c \
	netlink_mem.c \
	object.c \
	options.c \
	origins.c \
	perfmap.c \
	process.c \
	procfs.c \
	programs.c \
	report.c \
	report_identity.c \
	report_json.c \
	report_json_identity.c \
	report_mem.c \
	report_ops.c \
	report_text.c \
	sample.c \
	sideband.c \
	symbols.c \
	syscalls.c \
	targets.c \
	watch.c)

$(eval $(call user-program,vexfs-trace-read,$(trace-read-src),-lbpf -lnl-genl-3 -lnl-3 -ldw -lelf))

# The parts that need no kernel module.
trace-read-test-src := $(addprefix user/trace-read/, \
	base.c \
	binary.c \
	events.c \
	format.c \
	json.c \
	kallsyms.c \
	object.c \
	origins.c \
	perfmap.c \
	process.c \
	procfs.c \
	sample.c \
	sideband.c \
	symbols.c \
	syscalls.c \
	test_reader.c)

$(eval $(call user-test,test_reader,$(trace-read-test-src),-lcmocka -lbpf -ldw -lelf))

user-cflags-user/trace-read/netlink := -I/usr/include/libnl3
user-cflags-user/trace-read/netlink_mem := -I/usr/include/libnl3
user-cflags-user/trace-read/alerts := -I/usr/include/libnl3
$(addprefix build/user/obj/user/trace-read/,capture.o epoch.o programs.o): \
	build/bpf/vexfs_read.skel.h

kernel-scripts += selftests/reader_identity.sh selftests/reader_sample.sh selftests/reader_report.sh selftests/reader_target.sh selftests/reader_views.sh
