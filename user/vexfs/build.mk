# SPDX-License-Identifier: GPL-2.0-only
# vexfs and mkfs.vexfs.

vexfs-path = $(patsubst %,user/vexfs/%.c,$(1))
vexfs-common := $(call vexfs-path,options report progress text device features)
vexfs-source := $(call vexfs-path,source vecfile npy csv names tree document)
vexfs-cmds := $(call vexfs-path,common store store_kernel store_image query recall rows \
	cmd_create cmd_import cmd_search cmd_insert cmd_get cmd_delete cmd_stat cmd_bench \
	bench_rows bench_exact bench_print \
	cmd_update cmd_meta cmd_reindex record metafile expr) \
	$(vexfs-source) $(vexfs-common)

$(eval $(call user-program,vexfs,user/vexfs/main.c $(vexfs-cmds)))
$(eval $(call user-program,mkfs.vexfs,user/vexfs/mkfs.c $(vexfs-common),-lblkid))

vexfs-test-source := $(call vexfs-path,test/test_source) $(vexfs-source) $(vexfs-common)
vexfs-test-text := $(call vexfs-path,test/test_text) $(vexfs-source) $(vexfs-common)
$(eval $(call user-test,vexfs-source,$(vexfs-test-source),-lcmocka))
vexfs-test-expr := $(call vexfs-path,test/test_expr expr record metafile) $(vexfs-common)
$(eval $(call user-test,vexfs-expr,$(vexfs-test-expr),-lcmocka))
$(eval $(call user-test,vexfs-text,$(vexfs-test-text),-lcmocka))

vexfs-test-mkfs := $(call vexfs-path,test/test_mkfs test/command) $(vexfs-common)
$(eval $(call user-test,vexfs-mkfs,$(vexfs-test-mkfs),-lcmocka -lblkid))

# The same tests of the whole command, on an image here and mounted in the VM.
vexfs-program := $(call vexfs-path,test/program_vexfs test/command) $(vexfs-cmds)
vexfs-test-command := user/vexfs/test/test_command.c $(vexfs-program)
vexfs-test-import := user/vexfs/test/test_import.c $(vexfs-program)
vexfs-test-image := user/vexfs/test/test_image.c $(vexfs-program)
vexfs-test-elem := user/vexfs/test/test_elem.c $(vexfs-program)
vexfs-image := user/vexfs/test/place_image.c
vexfs-mounted := user/vexfs/test/place_mounted.c
$(eval $(call user-test,vexfs-command,$(vexfs-image) $(vexfs-test-command),-lcmocka))
$(eval $(call user-test,vexfs-import,$(vexfs-image) $(vexfs-test-import),-lcmocka))
$(eval $(call user-test,vexfs-elem,$(vexfs-image) $(vexfs-test-elem),-lcmocka))
$(eval $(call user-test,vexfs-image,$(vexfs-image) $(vexfs-test-image),-lcmocka))

# Not by kernel-test, which would have the command itself wait for a kernel's source.
define vexfs-kernel-test
kernel-tests += build/selftests/$(1)
user-objs += $(call obj-of,$(2))
build/selftests/$(1): $(call obj-of,$(2)) build/user/libvexfs.a
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) -lcmocka -lm -lpthread
endef
$(eval $(call vexfs-kernel-test,vexfs_command,$(vexfs-mounted) $(vexfs-test-command)))
$(eval $(call vexfs-kernel-test,vexfs_import,$(vexfs-mounted) $(vexfs-test-import)))

kernel-scripts += selftests/crosshost.sh
