// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system call instructions of libc, and where the function around each keeps its
 * return address while the kernel runs: from the unwind tables that every libc has for exceptions.
 * Other processes map the same code at other addresses, but at the same offset in a
 * page. Programs with another libc are left with what frame pointers show.
 */
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "vexfs_read.h"

#include "base.h"
#include "syscalls.h"

#define PAGE		4096
#define DWARF_RSP	7	/* number of the stack pointer in x86-64's DWARF */
#define UNKNOWN		UINT32_MAX

struct site {
	struct vxr_syscall at;
	uint32_t offset;
};

static struct site *sites;
static size_t nr_sites, room_sites;
static bool looked;

/* Distance from the stack pointer to the return address; UNKNOWN when it is not that simple. */
static uint32_t return_offset(Dwarf_CFI *cfi, uint64_t address)
{
	Dwarf_Frame *frame;
	uint32_t offset = UNKNOWN;
	Dwarf_Op *op;
	size_t n;

	if (dwarf_cfi_addrframe(cfi, address, &frame))
		return UNKNOWN;
	/* On x86-64 the return address is just below the canonical frame address. */
	if (!dwarf_frame_cfa(frame, &op, &n) && n == 1 && op->atom == DW_OP_bregx &&
	    op->number == DWARF_RSP && op->number2 >= 8 && op->number2 < PAGE)
		offset = op->number2 - 8;
	free(frame);
	return offset;
}

static void scan(Dwarf_CFI *cfi, const GElf_Phdr *segment, const uint8_t *raw)
{
	uint64_t at, end = segment->p_offset + segment->p_filesz;

	for (at = segment->p_offset + 8; at + 8 <= end; at++) {
		uint64_t address = at - segment->p_offset + segment->p_vaddr;
		struct site s = { .at.page_offset = address % PAGE };

		/* The address that an instruction "syscall" returns to. */
		if (raw[at - 2] != 0x0f || raw[at - 1] != 0x05)
			continue;
		memcpy(s.at.code, raw + at - 8, sizeof(s.at.code));
		s.offset = return_offset(cfi, address);
		GROW(sites, nr_sites, room_sites);
		sites[nr_sites++] = s;
	}
}

static void scan_file(int fd)
{
	Elf *elf;
	Dwarf_CFI *cfi;
	size_t n = 0, size, i;
	const uint8_t *raw;
	GElf_Phdr p;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return;
	cfi = dwarf_getcfi_elf(elf);
	raw = (const uint8_t *)elf_rawfile(elf, &size);
	elf_getphdrnum(elf, &n);
	for (i = 0; cfi && raw && i < n; i++)
		if (gelf_getphdr(elf, i, &p) && p.p_type == PT_LOAD && p.p_flags & PF_X &&
		    p.p_offset + p.p_filesz <= size)
			scan(cfi, &p, raw);
	if (cfi)
		dwarf_cfi_end(cfi);
	elf_end(elf);
}

static int by_code(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct vxr_syscall));
}

/* Drops what cannot be told apart, or has no simple frame. */
static void keep_certain(void)
{
	size_t i, j, kept = 0;

	if (nr_sites)
		qsort(sites, nr_sites, sizeof(*sites), by_code);
	for (i = 0; i < nr_sites; i = j) {
		bool same = true;

		for (j = i + 1; j < nr_sites && !by_code(&sites[i], &sites[j]); j++)
			same &= sites[i].offset == sites[j].offset;
		if (same && sites[i].offset != UNKNOWN)
			sites[kept++] = sites[i];
	}
	nr_sites = kept;
}

size_t syscalls_find(void)
{
#ifdef __x86_64__
	Dl_info info;
	int fd;

	if (looked)
		return nr_sites;
	looked = true;
	if (!dladdr((const void *)gnu_get_libc_version, &info) || !info.dli_fname)
		return 0;
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	scan_file(fd);
	close(fd);
	keep_certain();
#endif
	return nr_sites;
}

void syscalls_fill(int map)
{
	size_t i;

	/* One that does not fit in is a caller less, no more. */
	for (i = 0; i < nr_sites; i++)
		bpf_map_update_elem(map, &sites[i].at, &sites[i].offset, BPF_ANY);
}

void syscalls_free(void)
{
	free(sites);
	sites = NULL;
	nr_sites = room_sites = 0;
	looked = false;
}
