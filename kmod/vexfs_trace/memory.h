/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds memory, where objects come from and how long they live: what alloc.c, trail.c, track.c,
 * leaks.c and badfree.c share, and tell debugfs and netlink.
 */
#ifndef VXT_MEMORY_H
#define VXT_MEMORY_H

#include <linux/types.h>
#include <vexfs_mem.h>
#include "vxt.h"

#define VXT_SITES		1024	/* call sites that have room for a baseline */
#define VXT_BAD_FREES		32	/* kinds of refused frees that there is room for */
#define VXT_TRAIL_CALLS		24u	/* of where an object came from; more are cut off */

struct vxt_alloc_row {
	u32 site;
	u32 line;
	const char *func;
	const char *file;
	u16 func_size;		/* with the 0 byte at its end */
	u16 file_size;
	u32 sizes_used;		/* all further sizes are 0 */
	u64 allocs;
	u64 frees;
	u64 bytes;
	u64 failures;
	u64 live;
	u64 live_objects;
	u64 peak;
	bool cache;
	u64 sizes[VEXFS_MEM_SIZES];
};

/* alloc.c; the caller holds vxt_lock. */
int vxt_alloc_init(void);
void vxt_alloc_exit(void);
void vxt_alloc_reset(void);
u64 vxt_alloc_memory(void);
u32 vxt_alloc_refresh(u32 *dropped);
bool vxt_alloc_read(u32 id, struct vxt_alloc_row *row);

/* trail.c: where something was called from. */

/**
 * struct vxt_trail - return addresses, innermost first
 * @hash: of them; 0 in a free place
 * @nr: number of them; 0 while they are being written
 * @ip: the addresses
 */
struct vxt_trail {
	u32 hash;
	u32 nr;
	unsigned long ip[VXT_TRAIL_CALLS];
};

int vxt_trail_init(void);
void vxt_trail_exit(void);
u64 vxt_trail_memory(void);
u32 vxt_trail_save(void);
const struct vxt_trail *vxt_trail_get(u32 id);
u32 vxt_trail_first(const struct vxt_trail *trail);
u64 vxt_trail_lost(void);

/* track.c: objects that are followed. */

/**
 * struct vxt_object - one that is held
 * @ptr: its address
 * @born: clock when it was allocated
 * @size: in bytes; U32_MAX for more
 * @site: that allocated it
 * @trail: from where, 0 when that was lost
 * @pid: of the thread
 */
struct vxt_object {
	const void *ptr;
	u64 born;
	u32 size;
	u32 site;
	u32 trail;
	pid_t pid;
};

/* One that was freed: from where it was allocated and freed. */
struct vxt_gone {
	const void *ptr;
	u32 site;
	u32 allocated;
	u32 freed;
};

/* Of what is followed and held of one site: @oldest in clock units. */
struct vxt_held {
	u32 objects;
	u32 old;
	u64 oldest;
};

/* Objects that are held, of one site and from one trail; @oldest in ns. */
struct vxt_group {
	u32 site;
	u32 trail;
	u32 objects;
	pid_t pid;
	u64 bytes;
	u64 oldest;
};

/*
 * Lifetimes of a site's objects, in ns; of @tracked, @untracked found no room and are
 * not among them.
 */
struct vxt_life_row {
	u64 tracked;
	u64 untracked;
	u64 ended;
	u64 mean;
	u64 p50;
	u64 p99;
	u64 max;
	u64 max_units;
};

int vxt_track_init(void);
void vxt_track_exit(void);
int vxt_track_start(void);
void vxt_track_stop(void);
void vxt_track_restart(void);
void vxt_track_reset(void);
void vxt_track_forget(void);
u64 vxt_track_memory(void);
void vxt_life_read(u32 id, struct vxt_life_row *row);
void vxt_track_scan(struct vxt_held *held, u64 old);
struct vxt_object *vxt_track_copy(u32 *nr);
u32 vxt_track_group(const struct vxt_object *all, u32 nr, u32 first, struct vxt_group *group);
bool vxt_track_gone(const void *ptr, struct vxt_gone *gone);

/* leaks.c */
enum vxt_verdict {
	VXT_VERDICT_STEADY,
	VXT_VERDICT_CACHE,
	VXT_VERDICT_GROWING,
	VXT_VERDICT_SUSPECT,
	VXT_VERDICT_LEAKED,
	VXT_VERDICT_NR
};

struct vxt_leak_row {
	struct vxt_alloc_row alloc;
	struct vxt_life_row life;
	enum vxt_verdict verdict;
	u32 rises;
	u32 tracked;
	u32 old;
	u64 oldest;
};

extern const char * const vxt_verdict_names[VXT_VERDICT_NR];

int vxt_leak_init(void);
void vxt_leak_exit(void);
void vxt_leak_stop(void);
void vxt_leak_restart(void);
u64 vxt_leak_memory(void);
void vxt_leak_refresh(void);
bool vxt_leak_read(u32 id, struct vxt_leak_row *row);

/* badfree.c */

/**
 * struct vxt_bad_free - a free that was refused, and those like it
 * @kind: VXT_ALERT_DOUBLE_FREE or VXT_ALERT_FOREIGN_FREE
 * @site: that had allocated the memory, 0 when that is not known
 * @allocated: trail of the allocation, 0 when it was not followed
 * @freed: trail of the first free, likewise
 * @again: trail of the free that was refused
 * @first: where the first free returned to, 0 when that is not known
 * @by: where the refused one returned to
 * @count: how many there were
 * @pid: thread of the first one
 * @comm: its name
 */
struct vxt_bad_free {
	enum vxt_alert_kind kind;
	u32 site;
	u32 allocated;
	u32 freed;
	u32 again;
	unsigned long first;
	unsigned long by;
	u64 count;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

int vxt_bad_free_start(void);
void vxt_bad_free_stop(void);
void vxt_bad_free_reset(void);
bool vxt_bad_free_read(u32 i, struct vxt_bad_free *bad);
u64 vxt_bad_frees_lost(void);

#endif /* VXT_MEMORY_H */
