# SPDX-License-Identifier: GPL-2.0-only
# Unit tests and the crash simulation of the core, sanitised.
core-test-src := user/test/core.c user/test/image.c user/test/image_items.c user/test/script.c
core-test = $(call user-test,test_$(1),user/test/test_$(1).c $(core-test-src),-lcmocka)

$(eval $(call user-test,test_util,user/test/test_util.c,-lcmocka))
$(eval $(call user-test,test_dist,user/test/test_dist.c,-lcmocka))
$(eval $(call user-test,test_code,user/test/test_code.c,-lcmocka))
$(eval $(call user-test,test_io,user/test/test_io.c,-lcmocka))
$(eval $(call core-test,fs))
$(eval $(call core-test,commit))
$(eval $(call core-test,crash))
$(eval $(call core-test,fault))
$(eval $(call core-test,dir))
$(eval $(call core-test,names))
$(eval $(call core-test,xattr))
$(eval $(call core-test,file))
$(eval $(call core-test,falloc))
$(eval $(call core-test,coll))
$(eval $(call core-test,cache))
$(eval $(call core-test,meta))
$(eval $(call user-test,test_filter,user/test/test_filter.c,-lcmocka))
$(eval $(call core-test,space))
$(eval $(call core-test,damage))
