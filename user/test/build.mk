# SPDX-License-Identifier: GPL-2.0-only
# Unit tests and the crash simulation of the core, sanitised.
$(eval $(call user-test,test_util,user/test/test_util.c,-lcmocka))
$(eval $(call user-test,test_dist,user/test/test_dist.c,-lcmocka))
$(eval $(call user-test,test_io,user/test/test_io.c,-lcmocka))
