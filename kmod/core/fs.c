// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A filesystem as a whole: making one, opening it, closing it.
 *
 * Recovery is the choice of the newest valid superblock. A torn superblock fails
 * its checksum, and the other one, which the torn commit never touched, holds.
 */
#include "vex_dist.h"
#include "vex_fs.h"

int vex_damaged(struct vex_fs *fs, u64 block, const char *what)
{
	vex_fs_note_damage(fs, block, what);
	return -EUCLEAN;
}

void vex_fs_note_damage(struct vex_fs *fs, u64 block, const char *what)
{
	vex_spin_lock(&fs->space_lock);
	fs->damage_block = block;
	fs->damage_what = what;
	vex_spin_unlock(&fs->space_lock);
}

bool vex_fs_take_damage(struct vex_fs *fs, u64 *block, const char **what)
{
	bool found;

	vex_spin_lock(&fs->space_lock);
	found = fs->damage_what;
	*block = fs->damage_block;
	*what = fs->damage_what;
	fs->damage_what = NULL;
	vex_spin_unlock(&fs->space_lock);
	return found;
}

int vex_dev_refused(struct vex_fs *fs, u64 block, int err)
{
	if (err == -EIO)
		vex_fs_note_damage(fs, block, "cannot be read");
	return err;
}

int vex_aside(struct vex_fs *fs, enum vex_aside kind, int (*fn)(void *arg), void *arg)
{
	if (fs->io.ops->aside)
		return fs->io.ops->aside(fs->io.ctx, kind, fn, arg);
	return fn(arg);
}

void vex_fs_stop(struct vex_fs *fs)
{
	WRITE_ONCE(fs->stopped, true);
}

void vex_core_init(void)
{
	vex_crc32c_init();
	vex_dist_init();
}

u32 vex_block_csum(const void *data)
{
	return vex_crc32c(data, VEXFS_BLOCK_SIZE);
}

static void fs_free(struct vex_fs *fs)
{
	vex_seg_destroy_all(fs);
	vex_node_destroy_all(fs);
	vex_alloc_destroy(fs);
	vex_cache_destroy(fs);
	vex_free(fs->super_buf);
	vex_free(fs->scratch);
	vex_mutex_destroy(&fs->flush_lock);
	vex_rwsem_destroy(&fs->lock);
	vex_mutex_destroy(&fs->commit_lock);
	vex_free(fs);
}

static struct vex_fs *fs_alloc(const struct vex_io *io, size_t cache_bytes)
{
	struct vex_fs *fs = vex_zalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	fs->io = *io;
	vex_mutex_init(&fs->commit_lock);
	vex_rwsem_init(&fs->lock);
	vex_mutex_init(&fs->flush_lock);
	vex_spin_init(&fs->cache_lock);
	vex_spin_init(&fs->space_lock);
	INIT_LIST_HEAD(&fs->groups_dirty);
	INIT_LIST_HEAD(&fs->groups_pinned);
	INIT_LIST_HEAD(&fs->groups_held);
	INIT_LIST_HEAD(&fs->node_dirty);
	INIT_LIST_HEAD(&fs->node_flight);
	INIT_LIST_HEAD(&fs->node_retired);
	INIT_LIST_HEAD(&fs->node_pool);
	INIT_LIST_HEAD(&fs->seg_sent);
	INIT_LIST_HEAD(&fs->seg_dirty);
	INIT_LIST_HEAD(&fs->seg_retired);
	fs->io_epoch = 1;
	fs->io_done = 1;
	fs->io_safe = 1;
	fs->scratch = vex_zalloc(VEXFS_BLOCK_SIZE);
	fs->super_buf = vex_zalloc(VEXFS_BLOCK_SIZE);
	if (vex_cache_init(fs, cache_bytes ? cache_bytes : VEX_CACHE_DEFAULT) || !fs->scratch ||
	    !fs->super_buf) {
		fs_free(fs);
		return NULL;
	}
	return fs;
}

/* The first tree: a root leaf with the root directory. Locked for writing. */
static int mkfs_tree(struct vex_fs *fs, const struct vex_mkfs_opts *opts)
{
	struct vex_key key = vex_key(VEXFS_ROOT_INO, VEXFS_ITEM_INODE, 0);
	struct vexfs_inode_item *item;
	struct vex_node *root;
	struct vex_path path;
	int err;

	err = vex_node_new(fs, 0, &root);
	if (err)
		return err;
	fs->root_block = root->block;
	fs->root_generation = fs->generation;
	vex_node_put(fs, root);
	err = vex_tree_insert(fs, &key, sizeof(*item), &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->mode = cpu_to_le32(S_IFDIR | 0755);
	item->uid = cpu_to_le32(opts->uid);
	item->gid = cpu_to_le32(opts->gid);
	item->nlink = cpu_to_le32(2);
	item->parent = cpu_to_le64(VEXFS_ROOT_INO);
	item->generation = cpu_to_le32(1);
	item->btime = vex_time_pack(vex_now(fs));
	item->atime = item->btime;
	item->mtime = item->btime;
	item->ctime = item->btime;
	vex_path_release(fs, &path);
	fs->inode_count = 1;
	return 0;
}

static void mkfs_super(struct vex_fs *fs, const struct vex_mkfs_opts *opts)
{
	struct vexfs_super *sb = &fs->super;

	sb->version = cpu_to_le32(VEXFS_FORMAT_VERSION);
	sb->magic = cpu_to_le64(VEXFS_SUPER_MAGIC);
	sb->block_size = cpu_to_le32(VEXFS_BLOCK_SIZE);
	sb->block_count = cpu_to_le64(fs->blocks);
	if (opts->uuid)
		memcpy(sb->uuid, opts->uuid, sizeof(sb->uuid));
	else
		fs->io.ops->random(fs->io.ctx, sb->uuid, sizeof(sb->uuid));
	if (!opts->uuid) {
		/* RFC 4122: version 4, variant 1. */
		sb->uuid[6] = (sb->uuid[6] & 0x0f) | 0x40;
		sb->uuid[8] = (sb->uuid[8] & 0x3f) | 0x80;
	}
	if (opts->label)
		memcpy(sb->label, opts->label, strlen(opts->label));
	fs->io.ops->random(fs->io.ctx, fs->hash_key, sizeof(fs->hash_key));
	sb->hash_key[0] = cpu_to_le64(fs->hash_key[0]);
	sb->hash_key[1] = cpu_to_le64(fs->hash_key[1]);
	fs->fsid = get_unaligned_le64(sb->uuid);
	vex_features_fill(sb, opts->features);
}

/* Nothing of an older filesystem may look newer than this one. */
static int mkfs_wipe(struct vex_fs *fs)
{
	int err;

	err = fs->io.ops->write(fs->io.ctx, VEXFS_SUPER_BLOCK(0), 1, fs->scratch, 0);
	if (!err)
		err = fs->io.ops->write(fs->io.ctx, VEXFS_SUPER_BLOCK(1), 1, fs->scratch, 0);
	if (!err)
		err = vex_flush_now(fs);
	return err;
}

static u64 mkfs_reserved_blocks(void)
{
	return 3;	/* block 0 and two superblocks */
}

/**
 * vex_mkfs() - make a filesystem
 * @io: device
 * @opts: size, names, owner of the root directory
 *
 * Both superblocks are valid afterwards.
 *
 * Return: 0; -EINVAL when the size is below VEXFS_MIN_BLOCKS, above
 * VEXFS_MAX_BLOCKS or above the device, the label too long, or a feature unknown; -ENOMEM; the
 * device's error.
 */
int vex_mkfs(const struct vex_io *io, const struct vex_mkfs_opts *opts)
{
	u64 blocks = opts->blocks ? opts->blocks : io->blocks;
	struct vex_fs *fs;
	int err;

	if (blocks < VEXFS_MIN_BLOCKS || blocks > VEXFS_MAX_BLOCKS || blocks > io->blocks ||
	    (opts->features & ~VEXFS_FEATURES_KNOWN) ||
	    (opts->label && strlen(opts->label) > VEXFS_LABEL_MAX))
		return -EINVAL;
	fs = fs_alloc(io, 0);
	if (!fs)
		return -ENOMEM;
	fs->blocks = blocks;
	fs->generation = 1;
	fs->next_ino = VEXFS_FIRST_INO;
	fs->free = blocks - mkfs_reserved_blocks();
	mkfs_super(fs, opts);

	vex_write_lock(&fs->lock);
	err = vex_alloc_init(fs);
	if (!err)
		err = mkfs_wipe(fs);
	if (!err)
		err = mkfs_tree(fs, opts);
	vex_write_unlock(&fs->lock);
	if (!err)
		err = vex_commit(fs, true);
	if (!err)
		err = vex_commit(fs, true);
	fs_free(fs);
	return err;
}

static bool super_sane(const struct vexfs_super *sb)
{
	u64 blocks = le64_to_cpu(sb->block_count);

	return blocks >= VEXFS_MIN_BLOCKS && blocks <= VEXFS_MAX_BLOCKS &&
	       le32_to_cpu(sb->block_size) == VEXFS_BLOCK_SIZE &&
	       le64_to_cpu(sb->free_blocks) <= blocks &&
	       le64_to_cpu(sb->tree_blocks) <= blocks &&
	       le64_to_cpu(sb->unwritten_blocks) <= blocks &&
	       le64_to_cpu(sb->root_block) < blocks &&
	       le32_to_cpu(sb->root_level) < VEXFS_MAX_LEVEL &&
	       le64_to_cpu(sb->generation) < ~0ULL &&
	       le64_to_cpu(sb->root_generation) <= le64_to_cpu(sb->generation) &&
	       le64_to_cpu(sb->next_ino) >= VEXFS_FIRST_INO;
}

/*
 * Check the superblock in fs->super_buf. -EINVAL: not one of ours; -EUCLEAN:
 * damaged; -EOPNOTSUPP: from the future.
 */
static int super_check(struct vex_fs *fs, u32 slot, struct vex_open_error *why)
{
	const struct vexfs_super *sb = fs->super_buf;

	if (le64_to_cpu(sb->magic) != VEXFS_SUPER_MAGIC) {
		why->what = "no VexFS superblock";
		return -EINVAL;
	}
	if (le32_to_cpu(sb->csum) != vex_crc32c((const u8 *)sb + 4, sizeof(*sb) - 4)) {
		why->what = "superblock fails its checksum";
		return -EUCLEAN;
	}
	if (le32_to_cpu(sb->version) != VEXFS_FORMAT_VERSION) {
		why->what = "unknown format version";
		return -EOPNOTSUPP;
	}
	if (vex_feature_unknown(sb, why->feature)) {
		why->what = "unknown feature";
		return -EOPNOTSUPP;
	}
	if (!super_sane(sb) || (le64_to_cpu(sb->generation) & 1) != slot) {
		why->what = "superblock with impossible figures";
		return -EUCLEAN;
	}
	return 0;
}

/*
 * Read both superblocks; the newest valid one goes to fs->super. One that the device does not give
 * may be the newest, and good: what the other one leads to may have been overwritten since, and
 * a commit from there would write over the good one. So the other will only do for reading.
 */
static int super_load(struct vex_fs *fs, struct vex_open_error *why)
{
	const struct vexfs_super *sb = fs->super_buf;
	struct vex_open_error here;
	bool found = false, unread = false;
	int result = 0;
	u32 slot;

	for (slot = 0; slot < 2; slot++) {
		int err;

		here.block = VEXFS_SUPER_BLOCK(slot);
		here.what = "superblock cannot be read";
		here.feature[0] = 0;
		err = fs->io.ops->read(fs->io.ctx, here.block, 1, fs->super_buf);
		if (!err)
			err = super_check(fs, slot, &here);
		if (err) {
			/* The more telling of two failures: damage over absence. */
			if (!result || result == -EINVAL) {
				result = err;
				*why = here;
			}
			/* Not to be passed over: another program wrote it. */
			if (err == -EOPNOTSUPP)
				return err;
			unread |= err == -EIO && here.block < fs->io.blocks;
			continue;
		}
		if (!found || le64_to_cpu(sb->generation) > le64_to_cpu(fs->super.generation))
			fs->super = *sb;
		found = true;
	}
	fs->unread_super = unread;
	if (found && unread && !fs->read_only)
		return -EIO;
	return found ? 0 : result;
}

static void super_apply(struct vex_fs *fs)
{
	const struct vexfs_super *sb = &fs->super;

	fs->generation = le64_to_cpu(sb->generation) + 1;
	fs->fsid = get_unaligned_le64(sb->uuid);
	fs->blocks = le64_to_cpu(sb->block_count);
	fs->free = le64_to_cpu(sb->free_blocks);
	fs->tree_blocks = le64_to_cpu(sb->tree_blocks);
	fs->unwritten = le64_to_cpu(sb->unwritten_blocks);
	fs->inode_count = le64_to_cpu(sb->inode_count);
	fs->next_ino = le64_to_cpu(sb->next_ino);
	fs->root_block = le64_to_cpu(sb->root_block);
	fs->root_generation = le64_to_cpu(sb->root_generation);
	fs->root_level = le32_to_cpu(sb->root_level);
	fs->hash_key[0] = le64_to_cpu(sb->hash_key[0]);
	fs->hash_key[1] = le64_to_cpu(sb->hash_key[1]);
}

static int fs_start(struct vex_fs *fs, struct vex_open_error *why)
{
	struct vex_brief root;
	int err;

	err = super_load(fs, why);
	if (err)
		return err;
	super_apply(fs);
	*why = (struct vex_open_error){
		.block = le64_to_cpu(fs->super.root_block),
		.what = "device is smaller than the filesystem",
	};
	if (fs->blocks > fs->io.blocks)
		return -EUCLEAN;
	err = vex_alloc_init(fs);
	/* Keep data and tree nodes apart, so that both stay in long runs. */
	fs->cursor_data = fs->nr_groups > 1;
	if (!err)
		err = vex_inode_brief(fs, VEXFS_ROOT_INO, &root);
	if (!err && !S_ISDIR(root.mode))
		err = vex_damaged(fs, fs->root_block, "root inode is not a directory");
	if (err == -ENOENT)
		err = vex_damaged(fs, fs->root_block, "no root inode");
	fs->orphans_pending = true;
	if (!err && !fs->read_only)
		err = vex_orphans_finish(fs);
	if (err && !vex_fs_take_damage(fs, &why->block, &why->what))
		why->what = "cannot read the tree";
	return err;
}

int vex_fs_open(const struct vex_io *io, const struct vex_open_opts *opts,
		struct vex_fs **out, struct vex_open_error *why)
{
	struct vex_open_error unused;
	struct vex_fs *fs;
	int err;

	if (!why)
		why = &unused;
	why->what = "no memory";
	why->block = 0;
	why->feature[0] = 0;
	fs = fs_alloc(io, opts->cache_bytes);
	if (!fs)
		return -ENOMEM;
	fs->read_only = opts->read_only;
	fs->keep_going = opts->keep_going;
	fs->discard = opts->discard;
	fs->components_off = opts->components_off;
	err = fs_start(fs, why);
	if (err) {
		fs_free(fs);
		return err;
	}
	*out = fs;
	return 0;
}

int vex_fs_attach(const struct vex_io *io, const struct vexfs_super *sb, struct vex_fs **out)
{
	struct vex_fs *fs = fs_alloc(io, 0);
	int err;

	if (!fs)
		return -ENOMEM;
	fs->super = *sb;
	super_apply(fs);
	err = vex_alloc_init(fs);
	if (err)
		fs_free(fs);
	else
		*out = fs;
	return err;
}

int vex_fs_close(struct vex_fs *fs)
{
	int err = vex_fs_checkpoint(fs);

	/* Also after a failed commit nothing may still read our buffers. */
	if (err) {
		vex_write_lock(&fs->lock);
		vex_flush_now(fs);
		vex_write_unlock(&fs->lock);
	}
	fs_free(fs);
	return err;
}

void vex_fs_statfs(struct vex_fs *fs, struct vex_statfs *st)
{
	struct vex_cache_stats cache;

	memset(st, 0, sizeof(*st));
	vex_read_lock(&fs->lock);
	st->blocks = fs->blocks;
	st->inodes = fs->inode_count;
	st->generation = le64_to_cpu(fs->super.generation);
	st->features = le64_to_cpu(fs->super.features);
	st->tree_blocks = fs->tree_blocks;
	st->stopped = fs->stopped;
	memcpy(st->uuid, fs->super.uuid, sizeof(st->uuid));
	memcpy(st->label, fs->super.label, VEXFS_LABEL_MAX);
	vex_read_unlock(&fs->lock);

	vex_spin_lock(&fs->space_lock);
	st->free = fs->free;
	vex_spin_unlock(&fs->space_lock);
	st->avail = vex_space_avail(fs);

	vex_cache_stats(fs, &cache);
	st->cache_hits = cache.node_hits + cache.seg_hits;
	st->cache_misses = cache.node_misses + cache.seg_misses;
	st->cache_evictions = cache.evictions;
	st->cache_bytes = cache.node_bytes + cache.seg_bytes;
}
