/* SPDX-License-Identifier: GPL-2.0-only */
/* Page cache: pages that became folios, and helpers that came with them. */
#ifndef VEXFS_COMPAT_PAGECACHE_H
#define VEXFS_COMPAT_PAGECACHE_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/splice.h>
#include <linux/writeback.h>

/* What ->write_begin() hands out and ->write_end() gets back. */
#ifdef VEXFS_HAVE_FOLIO_WRITE_BEGIN
typedef struct folio vexfs_write_page_t;
#define vexfs_write_page(folio)		(folio)
#define vexfs_write_folio(page)		(page)
#else
typedef struct page vexfs_write_page_t;
#define vexfs_write_page(folio)		folio_page(folio, 0)
#define vexfs_write_folio(page)		page_folio(page)
#endif

/* What write_cache_pages() calls its function with. */
#ifdef VEXFS_HAVE_FOLIO_WRITEPAGE
typedef struct folio vexfs_dirty_page_t;
#define vexfs_dirty_folio(page)		(page)
#else
typedef struct page vexfs_dirty_page_t;
#define vexfs_dirty_folio(page)		page_folio(page)
#endif

#ifndef VEXFS_HAVE_FOLIO_END_READ
static inline void folio_end_read(struct folio *folio, bool success)
{
	if (success)
		folio_mark_uptodate(folio);
	folio_unlock(folio);
}
#endif

#ifndef VEXFS_HAVE_FILEMAP_SPLICE_READ
#define filemap_splice_read	generic_file_splice_read
#endif

#ifndef VEXFS_HAVE_VM_FLAGS_CLEAR
static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* mapping_set_large_folios() that can be taken back, and be called while the mapping is in use. */
static inline void vexfs_mapping_large(struct address_space *mapping, bool large)
{
#ifdef AS_FOLIO_ORDER_MAX_MASK
	unsigned long order = large ? MAX_PAGECACHE_ORDER : 0;

	set_mask_bits(&mapping->flags, AS_FOLIO_ORDER_MAX_MASK, order << AS_FOLIO_ORDER_MAX);
#else
	assign_bit(AS_LARGE_FOLIO_SUPPORT, &mapping->flags, large);
#endif
}

#endif /* VEXFS_COMPAT_PAGECACHE_H */
