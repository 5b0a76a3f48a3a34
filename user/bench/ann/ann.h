/* SPDX-License-Identifier: GPL-2.0-only */
/* The benchmark of searches for near vectors: what its parts share. */
#ifndef ANN_H
#define ANN_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "score.h"
#include "vecs.h"

/* Neighbours asked for, and counted. */
#define ANN_K			10u
#define ANN_M			16u
#define ANN_EF_CONSTRUCTION	200u
/* Points of a sweep, numbers of threads, rounds: at most. */
#define ANN_EFS			32u
#define ANN_WIDTHS		4u
#define ANN_ROUNDS		32u
#define ANN_CONTENDERS		10u
/* A sweep ends with the first point that finds so much. */
#define ANN_ENOUGH		0.999

#define EXIT_USAGE		2
#define EXIT_INTERRUPTED	130

/**
 * struct options - the command line
 * @dir: folder of base, query and truth, or NULL
 * @base: file, or NULL to make rows; likewise @query
 * @truth: file, or NULL to compute it
 * @rows: to make, or at most to read; 0: not told; likewise @queries
 * @dim: of rows that are made
 * @seed: of those
 * @ef: breadths of search, rising, none below ANN_K
 * @threads: numbers of threads to search by
 * @rounds: in which everything is measured once
 * @batch: queries of a call
 * @only: part of the names of what to measure, or NULL
 * @scan: MiB to scan for bandwidth; 0: do not
 * @csv: file, or NULL; likewise @svg
 * @json: print JSON and no table
 * @quiet: no progress
 */
struct options {
	const char *dir;
	const char *base;
	const char *query;
	const char *truth;
	uint64_t rows;
	uint64_t queries;
	uint32_t dim;
	uint64_t seed;
	uint32_t ef[ANN_EFS];
	uint32_t efs;
	uint32_t threads[ANN_WIDTHS];
	uint32_t widths;
	uint32_t rounds;
	uint32_t batch;
	const char *only;
	uint64_t scan;
	const char *csv;
	const char *svg;
	bool json;
	bool quiet;
};

/**
 * struct data - what is searched for what
 * @base: rows
 * @queries: as long as those
 * @truth: ids of the nearest rows of each query
 * @batch: queries of a call
 * @what: in words
 */
struct data {
	struct vecs base;
	struct vecs queries;
	struct vecs truth;
	uint32_t batch;
	char what[256];
};

/**
 * struct contender_kind - an index of some library
 * @name: in tables
 * @colour: of its line
 * @exact: there is one point, and nothing to sweep
 * @open: NULL fails
 * @add: append rows; 0 or -1, like @search
 * @search: the nearest ANN_K
 * @bytes: held, by the library's own account
 * @error: the reason of what failed last
 * @least_dim: takes part from so many elements on
 * @which: for these functions
 * @index: of VexFS: VEXFS_COLL_*
 */
struct contender_kind {
	const char *name;
	const char *colour;
	bool exact;
	void *(*open)(const struct contender_kind *kind, uint32_t dim, uint64_t rows);
	int (*add)(void *index, const float *rows, uint64_t count);
	void (*set_ef)(void *index, uint32_t ef);
	int (*search)(void *index, const float *queries, uint64_t nq, uint32_t ef, uint64_t *ids);
	uint64_t (*bytes)(void *index);
	void (*close)(void *index);
	const char *(*error)(void);
	uint32_t least_dim;
	uint32_t which;
	uint32_t index;
};

extern const struct contender_kind contender_kinds[ANN_CONTENDERS];

/**
 * struct rate - queries a second
 * @cpu: by the processor time of each thread, summed
 * @wall: by the clock on the wall
 */
struct rate {
	double cpu;
	double wall;
};

/**
 * struct point - one breadth of search
 * @ef: 0 of an exact index
 * @recall: share of the true neighbours that was found
 * @rate: median, by number of threads
 */
struct point {
	uint32_t ef;
	double recall;
	struct rate rate[ANN_WIDTHS];
};

/**
 * struct contender - one that is measured
 * @kind: which
 * @index: built, or NULL
 * @build_rate: rows a second of processor time
 * @bytes: for each row, by its own account
 * @resident: for each row, by which the program grew
 * @point: of the sweep
 * @points: how many
 */
struct contender {
	const struct contender_kind *kind;
	void *index;
	double build_rate;
	double bytes;
	double resident;
	struct point point[ANN_EFS];
	uint32_t points;
};

/**
 * struct scan - one way to read memory from end to end
 * @name: whose
 * @bytes: that it reads: a collection may hold rows in fewer than others
 * @rate: bytes a second, median
 * @share: of the plain read's, median of the rounds
 */
struct scan {
	const char *name;
	uint64_t bytes;
	double rate;
	double share;
};

/* The plain read first. */
#define ANN_SCANS	3u

/**
 * struct result - all that was measured
 * @o: how
 * @data: on what
 * @contender: who took part
 * @contenders: how many
 * @scan: ANN_SCANS, or nothing when @scanned is 0
 * @scanned: bytes of the rows
 * @machine: in words
 */
struct result {
	const struct options *o;
	const struct data *data;
	struct contender contender[ANN_CONTENDERS];
	uint32_t contenders;
	struct scan scan[ANN_SCANS];
	uint64_t scanned;
	char machine[128];
};

/* main.c */
extern volatile sig_atomic_t ann_stop;
void __attribute__((noreturn, format(printf, 1, 2))) ann_die(const char *how, ...);
/* Ends the program when it was interrupted. */
void ann_breathe(void);
/* A line on stderr, not too often; NULL takes it away. */
void __attribute__((format(printf, 2, 3))) ann_progress(const struct options *o, const char *how,
							...);
double ann_cpu_seconds(void);
void ann_machine(char *out, size_t len);

/* options.c */
void options_read(struct options *o, int argc, char **argv);

/* load.c */
void data_load(const struct options *o, struct data *d);
void data_free(struct data *d);

/* measure.c */
void contender_build(const struct options *o, struct contender *c, const struct vecs *rows,
		     uint64_t count);
void measure_all(struct result *r);

/* scan.c */
void scan_all(struct result *r);

/* report.c, plot.c */
double contender_qps_at(const struct contender *c, uint32_t width, bool wall, double recall);
void report_table(const struct result *r, FILE *f);
void report_json(const struct result *r, FILE *f);
void report_csv(const struct result *r, FILE *f);
void plot_svg(const struct result *r, FILE *f);

#endif /* ANN_H */
