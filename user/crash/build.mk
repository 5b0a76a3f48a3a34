# SPDX-License-Identifier: GPL-2.0-only
# vexfs-crash, and the short run of it in the unit tests.

crash-path = $(patsubst %,user/crash/%.c,$(1))
crash-src := $(call crash-path,op script generate model model_view view disk record threads verify sim \
	states shrink)
$(eval $(call user-program,vexfs-crash,$(call crash-path,main options) $(crash-src)))
$(eval $(call user-test,test_states,user/crash/test_states.c $(crash-src),-lcmocka))

sweep-src := $(call crash-path,test_sweep op script generate view)
$(eval $(call user-test,test_sweep,$(sweep-src),-lcmocka))
