# SPDX-License-Identifier: GPL-2.0-only
# fsck.vexfs: the check is in libvexfs, the repair here.
fsck-repair := $(patsubst %,user/fsck/%.c,repair salvage plan decide enter apply)
fsck-main := $(patsubst %,user/fsck/%.c,options output path) $(fsck-repair) \
	$(patsubst %,user/vexfs/%.c,options report progress text device)
$(eval $(call user-program,fsck.vexfs,user/fsck/main.c $(fsck-main)))

fsck-test := user/test/test_fsck.c user/test/fsck_forge.c $(fsck-repair) user/test/core.c \
	user/test/image.c user/test/image_items.c user/test/script.c
$(eval $(call user-test,test_fsck,$(fsck-test),-lcmocka))

fsck-test-command := user/fsck/test_command.c user/vexfs/test/command.c $(fsck-main)
$(eval $(call user-test,fsck-command,$(fsck-test-command),-lcmocka))
