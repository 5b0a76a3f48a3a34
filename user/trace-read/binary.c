// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols, source lines and inlined functions of one ELF file.
 *
 * An offset in the file becomes an ELF address by the PT_LOAD segment that holds it. Functions come
 * from DWARF where there is some, from .symtab or .dynsym otherwise; of a stripped
 * file, both also from the separate file that its build-id names below
 * /usr/lib/debug. An address outside every symbol gets no name: the nearest one
 * would be wrong.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "binary.h"

struct segment {
	uint64_t offset, end, address;
};

struct symbol {
	uint64_t start, end;
	const char *name;
	uint8_t rank;
};

struct binary {
	Elf *elf, *debug_elf;
	int debug_fd;
	Dwarf *dwarf;
	struct segment *segments;
	size_t nr_segments, room_segments;
	struct symbol *symbols;
	size_t nr_symbols, room_symbols;
};

bool binary_has_id(int fd, const uint8_t *id, size_t id_size)
{
	const void *found;
	bool same;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return false;
	same = dwelf_elf_gnu_build_id(elf, &found) >= (ssize_t)id_size &&
	       !memcmp(found, id, id_size);
	elf_end(elf);
	return same;
}

static void read_segments(struct binary *b)
{
	size_t n = 0, i;
	GElf_Phdr p;

	elf_getphdrnum(b->elf, &n);
	for (i = 0; i < n; i++) {
		if (!gelf_getphdr(b->elf, i, &p) || p.p_type != PT_LOAD)
			continue;
		GROW(b->segments, b->nr_segments, b->room_segments);
		b->segments[b->nr_segments++] = (struct segment){
			p.p_offset, p.p_offset + p.p_filesz, p.p_vaddr,
		};
	}
}

/* Of several names for one address the lowest rank is shown: sized, plain, not weak. */
static uint8_t rank(const GElf_Sym *s, const char *name)
{
	uint8_t r = s->st_size ? 0 : 128;

	for (; *name == '_' && r % 128 < 60; name++)
		r += 4;
	if (GELF_ST_BIND(s->st_info) == STB_LOCAL)
		r += 2;
	if (GELF_ST_BIND(s->st_info) == STB_WEAK)
		r += 1;
	return r;
}

static void add_symbol(struct binary *b, Elf *elf, const GElf_Sym *s, const char *name)
{
	int type = GELF_ST_TYPE(s->st_info);
	GElf_Shdr section;
	Elf_Scn *scn;

	if (!name || !*name || s->st_shndx == SHN_UNDEF || s->st_shndx >= SHN_LORESERVE)
		return;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return;
	scn = elf_getscn(elf, s->st_shndx);
	if (!scn || !gelf_getshdr(scn, &section) || !(section.sh_flags & SHF_EXECINSTR))
		return;
	GROW(b->symbols, b->nr_symbols, b->room_symbols);
	b->symbols[b->nr_symbols++] = (struct symbol){
		.start = s->st_value,
		.end = s->st_size ? s->st_value + s->st_size : section.sh_addr + section.sh_size,
		.name = name, .rank = rank(s, name),
	};
}

static bool read_symbols(struct binary *b, Elf *elf, unsigned int wanted)
{
	Elf_Scn *scn = NULL;
	bool found = false;
	GElf_Shdr h;
	GElf_Sym s;
	size_t i, n;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &h) || h.sh_type != wanted || !h.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		n = data ? h.sh_size / h.sh_entsize : 0;
		for (i = 0; i < n; i++)
			if (gelf_getsym(data, i, &s))
				add_symbol(b, elf, &s, elf_strptr(elf, h.sh_link, s.st_name));
		found |= n > 0;
	}
	return found;
}

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->rank - y->rank;
}

/* One symbol an address; one without a size ends where the next begins. */
static void sort_symbols(struct binary *b)
{
	size_t i, n = 0;

	if (b->nr_symbols)
		qsort(b->symbols, b->nr_symbols, sizeof(*b->symbols), by_start);
	for (i = 0; i < b->nr_symbols; i++)
		if (!n || b->symbols[n - 1].start != b->symbols[i].start)
			b->symbols[n++] = b->symbols[i];
	b->nr_symbols = n;
	for (i = 0; i + 1 < n; i++)
		if (b->symbols[i].rank >= 128 && b->symbols[i].end > b->symbols[i + 1].start)
			b->symbols[i].end = b->symbols[i + 1].start;
}

static void open_debug_file(struct binary *b)
{
	char path[sizeof("/usr/lib/debug/.build-id//.debug") + 2 * 64];
	const uint8_t *id;
	const void *found;
	ssize_t size, i;
	int n;

	size = dwelf_elf_gnu_build_id(b->elf, &found);
	if (size < 2 || size > 64)
		return;
	id = found;
	n = sprintf(path, "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (i = 1; i < size; i++)
		n += sprintf(path + n, "%02x", id[i]);
	strcpy(path + n, ".debug");
	b->debug_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->debug_fd >= 0)
		b->debug_elf = elf_begin(b->debug_fd, ELF_C_READ_MMAP, NULL);
}

struct binary *binary_open(int fd)
{
	struct binary *b = xzalloc(sizeof(*b));

	b->debug_fd = -1;
	elf_version(EV_CURRENT);
	b->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!b->elf || elf_kind(b->elf) != ELF_K_ELF)
		return b;
	read_segments(b);
	b->dwarf = dwarf_begin_elf(b->elf, DWARF_C_READ, NULL);
	if (!b->dwarf) {
		open_debug_file(b);
		if (b->debug_elf)
			b->dwarf = dwarf_begin_elf(b->debug_elf, DWARF_C_READ, NULL);
	}
	if (!read_symbols(b, b->elf, SHT_SYMTAB) && !read_symbols(b, b->debug_elf, SHT_SYMTAB))
		read_symbols(b, b->elf, SHT_DYNSYM);
	sort_symbols(b);
	return b;
}

static bool elf_address(const struct binary *b, uint64_t offset, uint64_t *address)
{
	size_t i;

	for (i = 0; i < b->nr_segments; i++) {
		const struct segment *s = &b->segments[i];

		if (offset >= s->offset && offset < s->end) {
			*address = offset - s->offset + s->address;
			return true;
		}
	}
	return false;
}

/* Functions can hold others, if seldom: the nearest symbols below are tried. */
static const char *find_symbol(const struct binary *b, uint64_t address)
{
	size_t low = 0, high = b->nr_symbols, i;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (b->symbols[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (i = low; i && low - i < 8; i--)
		if (address < b->symbols[i - 1].end)
			return b->symbols[i - 1].name;
	return NULL;
}

static bool find_unit(struct binary *b, uint64_t address, Dwarf_Die *unit)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;

	if (dwarf_addrdie(b->dwarf, address, unit))
		return true;
	/* Not every compiler writes the table of addresses that this goes by. */
	while (!dwarf_get_units(b->dwarf, cu, &cu, NULL, NULL, &die, NULL))
		if (dwarf_haspc(&die, address) > 0) {
			*unit = die;
			return true;
		}
	return false;
}

/* The line of the call that an inlined function stands for. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct place *place)
{
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	Dwarf_Word number;
	size_t n;

	place->file = NULL;
	place->line = 0;
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &number) &&
	    !dwarf_getsrcfiles(unit, &files, &n) && number < n)
		place->file = dwarf_filesrc(files, number, NULL, NULL);
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &number))
		place->line = number;
}

/*
 * The blocks and functions around an address, innermost first. dwarf_getscopes() leaves an
 * inlined function for the place of its definition; here it is followed to its caller.
 */
static int concrete_scopes(Dwarf_Die *unit, uint64_t address, Dwarf_Die **scopes)
{
	Dwarf_Die *lexical = NULL;
	int n = dwarf_getscopes(unit, address, &lexical);

	if (n > 0)
		n = dwarf_getscopes_die(&lexical[0], scopes);
	free(lexical);
	return n;
}

static size_t dwarf_places(struct binary *b, uint64_t address, struct place *places, size_t max)
{
	struct place at = {};
	Dwarf_Die unit, *scopes = NULL;
	Dwarf_Line *line;
	size_t n = 0;
	int nr, i;

	if (!b->dwarf || !find_unit(b, address, &unit))
		return 0;
	line = dwarf_getsrc_die(&unit, address);
	if (line) {
		int number = 0;

		at.file = dwarf_linesrc(line, NULL, NULL);
		dwarf_lineno(line, &number);
		at.line = number;
	}
	nr = concrete_scopes(&unit, address, &scopes);
	for (i = 0; i < nr && n < max; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		at.func = dwarf_diename(&scopes[i]);
		places[n++] = at;
		if (tag == DW_TAG_subprogram)
			break;
		call_site(&unit, &scopes[i], &at);
	}
	free(scopes);
	if (!n && at.file)
		places[n++] = at;
	return n;
}

/*
 * DWARF knows one name of a function, the symbols all of them: ioctl rather than
 * __ioctl. But not what the compiler hung on (foo.isra.0) or mangled.
 */
static bool better_name(const char *symbol, const char *func)
{
	if (!symbol || !func)
		return symbol;
	return strncmp(symbol, "_Z", 2) && !strchr(symbol, '.');
}

size_t binary_places(struct binary *b, uint64_t offset, struct place *places, size_t max)
{
	uint64_t address;
	const char *name;
	size_t n;

	if (!elf_address(b, offset, &address))
		return 0;
	n = dwarf_places(b, address, places, max);
	name = find_symbol(b, address);
	if (n) {
		if (better_name(name, places[n - 1].func))
			places[n - 1].func = name;
		return n;
	}
	if (!name || !max)
		return 0;
	places[0] = (struct place){ .func = name };
	return 1;
}

void binary_close(struct binary *b)
{
	if (!b)
		return;
	if (b->dwarf)
		dwarf_end(b->dwarf);
	if (b->debug_elf)
		elf_end(b->debug_elf);
	if (b->debug_fd >= 0)
		close(b->debug_fd);
	if (b->elf)
		elf_end(b->elf);
	free(b->segments);
	free(b->symbols);
	free(b);
}
