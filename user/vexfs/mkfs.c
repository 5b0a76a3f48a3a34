// SPDX-License-Identifier: GPL-2.0-only
/* mkfs.vexfs: make a VexFS on a block device or in an image file. */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "features.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "text.h"
#include "vex_io.h"

/**
 * struct mkfs - one run
 * @path: device or image
 * @size: bytes to use, 0: all
 * @features: VEXFS_FEATURE_* to make it with
 * @dry: look whether it can be made, and change nothing
 * @keep: do not discard the blocks
 * @made: the image is new
 * @grown_from: its size before this command made it longer, or -1
 * @fd: of it
 */
struct mkfs {
	const char *path;
	const char *label;
	const char *uuid_text;
	u8 uuid[16];
	uint64_t size;
	uint64_t features;
	bool force;
	bool quiet;
	bool dry;
	bool keep;
	bool json;
	bool made;
	int64_t grown_from;
	int fd;
};

static void usage(FILE *f)
{
	fputs("Usage: mkfs.vexfs [OPTION]... DEVICE|IMAGE\n"
	      "\n"
	      "Makes an empty VexFS on a block device, or in an image file.\n"
	      "\n"
	      "  -L, --label TEXT  name of the filesystem, at most 32 bytes\n"
	      "  -U, --uuid UUID   its UUID; random by default\n"
	      "  -s, --size SIZE   use only SIZE bytes (K, M, G, T); an IMAGE that does not\n"
	      "                    exist is made, one that is smaller grows, sparsely\n"
	      "  -O, --features LIST\n"
	      "                    names with commas between: NAME has it, ^NAME does without,\n"
	      "                    none: without all before; by default all:\n", f);
	features_list(f, "                      ");
	fputs("  -f, --force       make it although something is there already\n"
	      "  -K, --nodiscard   do not tell the device first that its blocks are free\n"
	      "  -n, --dry-run     only look whether it could be made; change nothing\n"
	      "  -j, --json        print the summary as JSON\n"
	      "  -q, --quiet       print no summary\n"
	      "  -h, --help        this text\n"
	      "\n"
	      "Examples:\n"
	      "  mkfs.vexfs /dev/vdb\n"
	      "  mkfs.vexfs -L vectors --size 10G disk.img\n"
	      "  mkfs.vexfs -n /dev/vdb\n"
	      "  mkfs.vexfs -f -U 5f3c1a52-9d0e-4b7e-8c64-0d6a1f2b3c4d /dev/vdb\n"
	      "\n"
	      "Exit status: 0 made; 1 failed, or refused; 2 wrong usage; 128 + n when signal n\n"
	      "ended it.\n", f);
}

static int parse_uuid(const char *text, u8 *uuid)
{
	static const char hex[] = "0123456789abcdef";
	unsigned int nibbles = 0;

	if (strlen(text) != 36)
		return -EINVAL;
	for (unsigned int i = 0; i < 36; i++) {
		const char *digit;

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return -EINVAL;
			continue;
		}
		digit = strchr(hex, text[i] | 0x20);
		if (!digit || !*digit)
			return -EINVAL;
		uuid[nibbles / 2] = uuid[nibbles / 2] << 4 | (digit - hex);
		nibbles++;
	}
	return 0;
}

static void format_uuid(const u8 *uuid, char *text)
{
	for (unsigned int i = 0; i < 16; i++)
		text += sprintf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				uuid[i]);
}

static int parse(struct mkfs *m, int argc, char **argv)
{
	static const struct option options[] = {
		{ "label", required_argument, NULL, 'L' },
		{ "uuid", required_argument, NULL, 'U' },
		{ "size", required_argument, NULL, 's' },
		{ "features", required_argument, NULL, 'O' },
		{ "force", no_argument, NULL, 'f' },
		{ "nodiscard", no_argument, NULL, 'K' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status;
	bool cut;

	while ((opt = getopt_long(argc, argv, "L:U:s:O:fKnjqh", options, NULL)) != -1) {
		switch (opt) {
		case 'L':
			m->label = optarg;
			if (strlen(optarg) > VEXFS_LABEL_MAX ||
			    text_prefix(optarg, strlen(optarg), &cut) != strlen(optarg))
				return report_misuse("the label '%s' is longer than %u bytes, or "
						     "not UTF-8", optarg, VEXFS_LABEL_MAX);
			break;
		case 'U':
			m->uuid_text = optarg;
			if (parse_uuid(optarg, m->uuid))
				return report_misuse("'%s' is not a UUID, 8-4-4-4-12 hexadecimal "
						     "digits", optarg);
			break;
		case 's':
			status = option_size("--size", optarg,
					     (uint64_t)VEXFS_MIN_BLOCKS * VEXFS_BLOCK_SIZE,
					     VEXFS_MAX_BLOCKS * VEXFS_BLOCK_SIZE, &m->size);
			if (status != GO_ON)
				return status;
			break;
		case 'O':
			status = features_parse(optarg, &m->features);
			if (status != GO_ON)
				return status;
			break;
		case 'f':
			m->force = true;
			break;
		case 'K':
			m->keep = true;
			break;
		case 'n':
			m->dry = true;
			break;
		case 'j':
			m->json = true;
			break;
		case 'q':
			m->quiet = true;
			break;
		case 'h':
			usage(stdout);
			return report_flush();
		default:
			fprintf(stderr, "Try '%s --help'.\n", report_program);
			return STATUS_USAGE;
		}
	}
	if (optind + 1 != argc)
		return report_misuse("exactly one DEVICE or IMAGE is needed");
	m->path = argv[optind];
	return GO_ON;
}

/* Could an image of @m->size bytes be made? A status. */
static int could_be_made(struct mkfs *m)
{
	char *path = strdup(m->path);
	bool ok = path && !access(dirname(path), W_OK | X_OK);

	free(path);
	return ok ? STATUS_OK : report_fail("%s: %s", m->path, strerror(errno));
}

/* Open what is there, or make the image; @m->fd stays -1 when a dry run finds none. */
static int open_target(struct mkfs *m)
{
	struct stat st;
	int status;

	if (stat(m->path, &st) && errno == ENOENT) {
		if (!m->size)
			return report_fail("%s: does not exist; to make an image file, tell its "
					   "size: --size 1G", m->path);
		if (m->dry)
			return could_be_made(m);
		m->fd = open(m->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (m->fd < 0)
			return report_fail("%s: %s", m->path, strerror(errno));
		m->made = true;
		status = device_claim(m->path, m->fd, true);
	} else {
		status = device_open(m->path, !m->dry, &m->fd);
	}
	if (status || fstat(m->fd, &st))
		return status ? status : report_fail("%s: %s", m->path, strerror(errno));
	if (!S_ISREG(st.st_mode) || m->size <= (uint64_t)st.st_size)
		return STATUS_OK;
	m->grown_from = st.st_size;
	if (m->dry)
		return STATUS_OK;
	if (ftruncate(m->fd, m->size))
		return report_fail("%s: cannot make it %" PRIu64 " bytes long: %s", m->path,
				   m->size, strerror(errno));
	return STATUS_OK;
}

/* A VexFS that is there already: libblkid of today does not know it. */
static int check_own(struct mkfs *m, const struct vex_io *io)
{
	struct vexfs_super *sb = vex_alloc(sizeof(*sb));
	char uuid[37];
	int err = sb ? 0 : -ENOMEM;
	int status = STATUS_OK;

	for (u32 slot = 0; slot < 2 && !err && !status; slot++) {
		err = io->ops->read(io->ctx, VEXFS_SUPER_BLOCK(slot), 1, sb);
		if (err || le64_to_cpu(sb->magic) != VEXFS_SUPER_MAGIC)
			continue;
		format_uuid(sb->uuid, uuid);
		status = report_fail("%s: holds a VexFS already, label '%.32s', UUID %s; "
				     "use -f to destroy it", m->path, (char *)sb->label, uuid);
	}
	vex_free(sb);
	return err ? report_fail("%s: %s", m->path, strerror(-err)) : status;
}

static blkid_probe new_probe(struct mkfs *m)
{
	blkid_probe pr = blkid_new_probe();

	if (!pr || blkid_probe_set_device(pr, m->fd, 0, 0)) {
		blkid_free_probe(pr);
		return NULL;
	}
	blkid_probe_enable_superblocks(pr, true);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
					  BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(pr, true);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_FORCE_GPT | BLKID_PARTS_MAGIC);
	return pr;
}

/* Refuse, or with --force remove, the marks of all other filesystems and partition tables. */
static int check_foreign(struct mkfs *m)
{
	blkid_probe pr = new_probe(m);
	int status = STATUS_OK, found;

	if (!pr)
		return report_fail("%s: libblkid cannot look at it", m->path);
	while (!status && (found = blkid_do_probe(pr)) == 0) {
		const char *type = NULL;

		if (blkid_probe_lookup_value(pr, "TYPE", &type, NULL) &&
		    blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL))
			continue;
		if (!m->force)
			status = report_fail("%s: holds a %s %s already; use -f to destroy it",
					     m->path, type, blkid_probe_has_value(pr, "TYPE") ?
					     "filesystem" : "partition table");
		else if (m->dry)
			break;
		else if (blkid_do_wipe(pr, false))
			status = report_fail("%s: the old %s could not be wiped: %s", m->path, type,
					     strerror(errno));
		else
			blkid_probe_step_back(pr);
	}
	blkid_free_probe(pr);
	return status;
}

#define DISCARD_BLOCKS	(1ULL << 18)	/* a GiB a call, so that a signal is heeded */

/* Nothing that was there is of value. A device that cannot discard is no error. */
static int discard_all(struct mkfs *m, const struct vex_io *io, u64 blocks)
{
	int err = 0;

	if (m->keep || m->made)
		return STATUS_OK;
	/* Where an image was made longer there is nothing yet. */
	if (m->grown_from >= 0)
		blocks = m->grown_from / VEXFS_BLOCK_SIZE;
	progress_start("discarding", "blocks", blocks);
	for (u64 at = 0; at < blocks && !err && !interrupt_pending(); at += DISCARD_BLOCKS) {
		err = io->ops->discard(io->ctx, at, min(DISCARD_BLOCKS, blocks - at));
		progress_update(at, at);
	}
	progress_stop();
	if (interrupt_pending())
		return 128 + interrupt_pending();
	return err ? report_fail("%s: discarding its blocks: %s; use -K to do without", m->path,
				 strerror(-err)) : STATUS_OK;
}

static void json_features(struct report *r, u64 features)
{
	json_open(r, "features", '[');
	for (u32 bit = 0; bit < VEXFS_FEATURE_BITS; bit++)
		if (features >> bit & 1)
			json_string(r, NULL, vex_feature_name(bit));
	json_close(r, ']');
}

/* What a dry run found: it can be made. */
static int print_plan(struct mkfs *m, u64 blocks)
{
	struct report r;

	if (m->quiet)
		return STATUS_OK;
	report_begin(&r, m->json);
	json_string(&r, "device", m->path);
	json_number(&r, "dry_run", "true");
	json_uint(&r, "blocks", blocks);
	json_features(&r, m->features);
	if (!m->json) {
		report_text(r.f, m->path);
		fprintf(r.f, ": a VexFS can be made, %.1f MiB, %" PRIu64 " blocks of 4 KiB\n",
			blocks / 256.0, (uint64_t)blocks);
	}
	return report_end(&r);
}

static void print_json(struct report *r, const struct mkfs *m, const struct vex_statfs *st,
		       const char *uuid)
{
	json_string(r, "device", m->path);
	json_number(r, "dry_run", "false");
	json_string(r, "label", st->label);
	json_string(r, "uuid", uuid);
	json_uint(r, "blocks", st->blocks);
	json_uint(r, "blocks_available", st->avail);
	json_features(r, st->features);
}

static int print_summary(struct mkfs *m, const struct vex_io *io)
{
	struct vex_open_opts opts = { .read_only = true };
	struct vex_open_error why;
	struct vex_statfs st;
	struct report r;
	struct vex_fs *fs;
	char uuid[37];

	/* It is read back, so that what is told is what is there. */
	if (vex_fs_open(io, &opts, &fs, &why))
		return report_fail("%s: the new filesystem cannot be opened: block %" PRIu64 ": %s",
				   m->path, (uint64_t)why.block, why.what);
	vex_fs_statfs(fs, &st);
	vex_fs_close(fs);
	if (m->quiet)
		return STATUS_OK;
	format_uuid(st.uuid, uuid);
	report_begin(&r, m->json);
	print_json(&r, m, &st, uuid);
	if (m->json)
		return report_end(&r);
	report_text(r.f, m->path);
	fputs(": VexFS made\n  label  ", r.f);
	report_text(r.f, st.label[0] ? st.label : "none");
	fprintf(r.f, "\n  uuid   %s\n", uuid);
	fprintf(r.f, "  size   %.1f MiB, %" PRIu64 " blocks of 4 KiB, %" PRIu64 " free\n",
		st.blocks / 256.0, (uint64_t)st.blocks, (uint64_t)st.avail);
	fputs("  has    ", r.f);
	features_print(r.f, st.features);
	fputc('\n', r.f);
	return report_end(&r);
}

/* Is there place for it, and nothing that must not be lost? A status. */
static int check_target(struct mkfs *m, const struct vex_io *io, u64 there)
{
	int status;

	if (there < VEXFS_MIN_BLOCKS)
		return report_fail("%s: is %" PRIu64 " KiB long; a VexFS needs %u KiB at least",
				   m->path, (uint64_t)there * 4, VEXFS_MIN_BLOCKS * 4);
	if (m->size / VEXFS_BLOCK_SIZE > there)
		return report_fail("%s: is %" PRIu64 " KiB long, less than --size", m->path,
				   (uint64_t)there * 4);
	status = m->force ? STATUS_OK : check_own(m, io);
	if (!status)
		status = check_foreign(m);
	return !status && interrupt_pending() ? 128 + interrupt_pending() : status;
}

static int make(struct mkfs *m, const struct vex_io *io)
{
	struct vex_mkfs_opts opts = {
		.blocks = m->size / VEXFS_BLOCK_SIZE, .label = m->label,
		.uuid = m->uuid_text ? m->uuid : NULL, .uid = getuid(), .gid = getgid(),
		.features = m->features,
	};
	/* A dry run did not make the image longer. */
	u64 there = m->dry && m->grown_from >= 0 ? opts.blocks : io->blocks;
	int status = check_target(m, io, there), err;

	if (status)
		return status;
	if (m->dry)
		return print_plan(m, opts.blocks ?: there);
	status = discard_all(m, io, opts.blocks ?: there);
	if (status)
		return status;
	err = vex_mkfs(io, &opts);
	if (err)
		return report_fail("%s: %s", m->path, strerror(-err));
	return print_summary(m, io);
}

/* Leave nothing of a filesystem that was not made. */
static void undo(struct mkfs *m)
{
	if (m->made)
		unlink(m->path);
	else if (m->grown_from >= 0 && !m->dry && truncate(m->path, m->grown_from))
		report_warn("%s: could not be cut to its old length: %s", m->path, strerror(errno));
}

static int run(struct mkfs *m)
{
	int status = open_target(m), err;
	struct vex_io io;

	if (!status && m->fd < 0)
		return print_plan(m, m->size / VEXFS_BLOCK_SIZE);
	if (!status) {
		err = vex_io_fd_attach(&io, m->fd);
		if (!err) {
			status = make(m, &io);
			m->fd = -1;
			err = vex_io_fd_close(&io);
		}
		if (err && !status)
			status = report_fail("%s: %s", m->path, err == -EINVAL ?
					     "its sectors are larger than a block, 4096 bytes" :
					     strerror(-err));
	}
	if (m->fd >= 0)
		close(m->fd);
	if (status)
		undo(m);
	return status;
}

int main(int argc, char **argv)
{
	struct mkfs m = { .fd = -1, .grown_from = -1, .features = VEX_FEATURES_DEFAULT };
	int status;

	report_program = "mkfs.vexfs";
	argv[0] = "mkfs.vexfs";
	interrupt_catch();
	status = parse(&m, argc, argv);
	if (status != GO_ON)
		return status;
	vex_core_init();
	return run(&m);
}
