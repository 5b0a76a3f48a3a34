// SPDX-License-Identifier: GPL-2.0-only
/* fsck.vexfs: check and repair a VexFS. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "../vexfs/device.h"
#include "../vexfs/options.h"
#include "../vexfs/progress.h"
#include "fsck.h"
#include "vex_io.h"

static int explain(const struct fsck *f, int err, const struct vex_open_error *why)
{
	switch (err) {
	case -EINTR:
		report_fail("%s: cancelled, nothing was changed", f->path);
		return FSCK_CANCELLED;
	case -EINVAL:
		report_fail("%s: holds no VexFS", f->path);
		return FSCK_FAILED;
	case -EOPNOTSUPP:
		report_fail("%s: block %" PRIu64 ": %s%s%s; use a newer fsck.vexfs", f->path,
			    (uint64_t)why->block, why->what, why->feature[0] ? " " : "",
			    why->feature);
		return FSCK_FAILED;
	case -EUCLEAN:
		report_fail("%s: block %" PRIu64 ": %s", f->path, (uint64_t)why->block, why->what);
		return FSCK_FAILED;
	default:
		report_fail("%s: %s", f->path, strerror(-err));
		return FSCK_FAILED;
	}
}

static int status_of(const struct fsck *f, const struct repair_result *r)
{
	if (r->failed == -EINTR) {
		report_fail("%s: cancelled, nothing was changed", f->path);
		return FSCK_CANCELLED;
	}
	if (r->failed)
		report_fail("%s: the repair failed, nothing was changed: %s", f->path,
			    r->failed == -ENOSPC ? "there is not enough free space for it" :
			    strerror(-r->failed));
	if (r->nothing_left)
		report_fail("%s: nothing is left to repair from; restore it from a copy", f->path);
	if (r->done)
		return r->found.unrepairable ? FSCK_LEFT : FSCK_CORRECTED;
	return r->found.problems || r->failed || r->nothing_left ? FSCK_LEFT : FSCK_OK;
}

static int run(struct fsck *f, const struct vex_io *io)
{
	struct repair_opts opts = {
		.check = {
			.data = f->data, .slot = f->slot, .problem = fsck_problem,
			.progress = fsck_progress, .ctx = f,
		},
		.confirm = fsck_confirm,
	};
	struct vex_open_error why;
	struct repair_result result;
	int err, status;

	report_begin(&f->out, f->json);
	json_string(&f->out, "device", f->path);
	json_open(&f->out, "problems", '[');
	err = repair_device(io, &opts, &result, &why);
	progress_stop();
	if (err) {
		report_drop(&f->out);
		return explain(f, err, &why);
	}
	status = status_of(f, &result);
	fsck_summary(f, io, &result, status);
	free(result.hurt);
	if (report_end(&f->out) || report_flush())
		return FSCK_FAILED;
	return status;
}

int main(int argc, char **argv)
{
	struct fsck f = { .slot = -1, .bar = -1 };
	struct vex_io io;
	int status, err, fd;

	report_program = "fsck.vexfs";
	argv[0] = "fsck.vexfs";
	interrupt_catch();
	status = fsck_parse(&f, argc, argv);
	if (status != GO_ON)
		return status;
	if (f.json && f.mode == MODE_ASK)
		f.mode = MODE_NO;
	vex_core_init();
	if (device_open(f.path, f.mode != MODE_NO, &fd))
		return FSCK_FAILED;
	err = vex_io_fd_attach(&io, fd);
	if (err) {
		close(fd);
		report_fail("%s: %s", f.path, strerror(-err));
		return FSCK_FAILED;
	}
	if (io.blocks < VEXFS_MIN_BLOCKS) {
		report_fail("%s: holds no VexFS", f.path);
		status = FSCK_FAILED;
	} else {
		status = run(&f, &io);
	}
	err = vex_io_fd_close(&io);
	if (err && status != FSCK_FAILED) {
		report_fail("%s: %s", f.path, strerror(-err));
		status = FSCK_FAILED;
	}
	return status;
}
