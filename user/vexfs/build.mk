# SPDX-License-Identifier: GPL-2.0-only
# vexfs and mkfs.vexfs.

vexfs-common := options report progress text device
vexfs-source := source vecfile npy csv names tree document
vexfs-cmds := cmd_create cmd_import cmd_search cmd_insert cmd_get cmd_delete cmd_stat cmd_bench
vexfs-path = $(patsubst %,user/vexfs/%.c,$(1))

$(eval $(call user-program,vexfs,$(call vexfs-path,main common store store_kernel \
	store_image query recall $(vexfs-cmds) $(vexfs-source) $(vexfs-common))))
$(eval $(call user-program,mkfs.vexfs,$(call vexfs-path,mkfs $(vexfs-common)),-lblkid))

$(eval $(call user-test,vexfs-source,$(call vexfs-path,test/test_source \
	$(vexfs-source) $(vexfs-common)),-lcmocka))
$(eval $(call user-test,vexfs-text,$(call vexfs-path,test/test_text $(vexfs-source) \
	$(vexfs-common)),-lcmocka))
