// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a module can be entered, from what the kernel has loaded: /proc/kallsyms tells where its
 * functions are, /sys/module where its sections are, and /proc/kcore what these hold. No file of
 * the module is needed, which may be packed, or gone.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "entries.h"

#define SECTION_MOST	(8UL << 20)	/* of the last section of a module, whose end is not known */

struct function {
	uint64_t address;
	const char *name;
	bool entry;
};

struct section {
	uint64_t address;
	char *name;
};

/* One module while it is looked at. */
struct module {
	const char *name;
	struct function *functions;
	size_t nr_functions, room_functions;
	struct section *sections;
	size_t nr_sections, room_sections;
	Elf64_Phdr *segments;
	size_t nr_segments;
	int kcore;
};

/* Of functions and of sections: the address comes first in both. */
static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_name(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void read_functions(struct module *m)
{
	char *text = read_file("/proc/kallsyms", NULL), *rest = text, *line;

	while (text && (line = strsep(&rest, "\n"))) {
		char type, name[512], module[128];
		unsigned long address;

		if (sscanf(line, "%lx %c %511s [%127[^]]", &address, &type, name, module) != 4 ||
		    !address || !strchr("tTwW", type) || strcmp(module, m->name) ||
		    !strncmp(name, "__pfx_", 6) || !strcmp(name, "init_module") ||
		    !strcmp(name, "cleanup_module"))
			continue;
		GROW(m->functions, m->nr_functions, m->room_functions);
		m->functions[m->nr_functions++] = (struct function){
			.address = address, .name = intern(name),
		};
	}
	free(text);
	if (m->nr_functions)
		qsort(m->functions, m->nr_functions, sizeof(*m->functions), by_address);
}

static void read_sections(struct module *m)
{
	char *path = xprintf("/sys/module/%s/sections", m->name);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *file = xprintf("%s/%s", path, entry->d_name);
		char *text = entry->d_type == DT_DIR ? NULL : read_file(file, NULL);
		uint64_t address = text ? strtoull(text, NULL, 16) : 0;

		if (address) {
			GROW(m->sections, m->nr_sections, m->room_sections);
			m->sections[m->nr_sections++] = (struct section){
				.address = address, .name = xprintf("%s", entry->d_name),
			};
		}
		free(text);
		free(file);
	}
	if (dir)
		closedir(dir);
	free(path);
	if (m->nr_sections)
		qsort(m->sections, m->nr_sections, sizeof(*m->sections), by_address);
}

static bool open_kcore(struct module *m)
{
	Elf64_Ehdr header;
	ssize_t size;

	m->kcore = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (m->kcore < 0 || pread(m->kcore, &header, sizeof(header), 0) != sizeof(header)) {
		warn("--target=module:%s: /proc/kcore: %s: what the module holds cannot be read%s",
		     m->name, strerror(errno),
		     errno == EPERM ? ": run as root, on a kernel that is not locked down" : "");
		return false;
	}
	m->nr_segments = header.e_phnum;
	size = header.e_phnum * sizeof(*m->segments);
	m->segments = xzalloc(size);
	if (pread(m->kcore, m->segments, size, header.e_phoff) == size)
		return true;
	warn("--target=module:%s: /proc/kcore: its headers cannot be read", m->name);
	return false;
}

/* As much as there is, up to @size. */
static size_t read_memory(const struct module *m, uint64_t address, void *buf, size_t size)
{
	size_t i;

	for (i = 0; i < m->nr_segments; i++) {
		const Elf64_Phdr *s = &m->segments[i];
		uint64_t offset = address - s->p_vaddr;
		ssize_t got;

		if (s->p_type != PT_LOAD || address < s->p_vaddr || offset >= s->p_memsz)
			continue;
		if (size > s->p_memsz - offset)
			size = s->p_memsz - offset;
		got = pread(m->kcore, buf, size, s->p_offset + offset);
		return got > 0 ? got : 0;
	}
	return 0;
}

/* An address was found: if one of the functions begins there it is an entry. */
static void take_address(struct module *m, uint64_t address)
{
	struct function key = { .address = address }, *found;

	if (address < m->functions[0].address ||
	    address > m->functions[m->nr_functions - 1].address)
		return;
	found = bsearch(&key, m->functions, m->nr_functions, sizeof(key), by_address);
	if (found)
		found->entry = true;
}

static void scan_pointers(struct module *m, const char *data, size_t size)
{
	uint64_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		take_address(m, word);
	}
}

/* Symbols that are exported: addresses relative to where they stand. */
static void scan_exports(struct module *m, uint64_t address, const char *data, size_t size)
{
	int32_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		take_address(m, address + i + word);
	}
}

/* Operands of instructions: an address of the kernel is its lower half with the sign extended. */
static void scan_code(struct module *m, const char *data, size_t size)
{
	int32_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= size; i++) {
		memcpy(&word, data + i, sizeof(word));
		if (word < 0)
			take_address(m, (int64_t)word);
	}
}

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

static void scan_section(struct module *m, size_t i)
{
	const struct section *s = &m->sections[i];
	size_t size = SECTION_MOST;
	char *data;

	if (i + 1 < m->nr_sections && m->sections[i + 1].address - s->address < size)
		size = m->sections[i + 1].address - s->address;
	data = xmalloc(size);
	size = read_memory(m, s->address, data, size);
	if (begins(s->name, ".text"))
		scan_code(m, data, size);
	else if (begins(s->name, "__ksymtab") && strcmp(s->name, "__ksymtab_strings"))
		scan_exports(m, s->address, data, size);
	else if (begins(s->name, ".data") || begins(s->name, ".rodata"))
		scan_pointers(m, data, size);
	free(data);
}

/* The names of those that are entries and the only ones of their name. */
static const char **take_names(struct module *m, size_t *nr)
{
	const char **names = xmalloc(m->nr_functions * sizeof(*names));
	size_t i;

	qsort(m->functions, m->nr_functions, sizeof(*m->functions), by_name);
	*nr = 0;
	for (i = 0; i < m->nr_functions; i++) {
		const struct function *f = &m->functions[i];

		if (f->entry && (!i || f[-1].name != f->name) &&
		    (i + 1 == m->nr_functions || f[1].name != f->name))
			names[(*nr)++] = f->name;
	}
	return names;
}

const char **module_entries(const char *module, size_t *nr)
{
	struct module m = { .name = module, .kcore = -1 };
	const char **names = NULL;
	size_t i;

	read_functions(&m);
	read_sections(&m);
	if (!m.nr_functions || !m.nr_sections) {
		warn("--target=module:%s: no such module is loaded, or /proc/kallsyms and"
		     " /sys/module hide where it is: run as root", module);
	} else if (open_kcore(&m)) {
		for (i = 0; i < m.nr_sections; i++)
			scan_section(&m, i);
		names = take_names(&m, nr);
	}
	if (m.kcore >= 0)
		close(m.kcore);
	for (i = 0; i < m.nr_sections; i++)
		free(m.sections[i].name);
	free(m.sections);
	free(m.functions);
	free(m.segments);
	return names;
}
