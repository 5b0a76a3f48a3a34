// SPDX-License-Identifier: GPL-2.0-only
/* Tables, JSON and CSV. */
#include <inttypes.h>

#include "ann.h"

/* Recalls at which contenders are compared. */
static const double compared[] = { 0.95, 0.99 };
#define COMPARED	(sizeof(compared) / sizeof(*compared))

double contender_qps_at(const struct contender *c, uint32_t width, bool wall, double recall)
{
	struct score_point p[ANN_EFS];
	uint32_t i;

	for (i = 0; i < c->points; i++) {
		p[i].recall = c->point[i].recall;
		p[i].qps = wall ? c->point[i].rate[width].wall : c->point[i].rate[width].cpu;
	}
	return score_qps_at(p, c->points, recall);
}

/* ---- tables ------------------------------------------------------------------------- */

static const char *plural(uint32_t threads)
{
	return threads == 1 ? "" : "s";
}

static void table_points(const struct result *r, FILE *f)
{
	const struct options *o = r->o;
	const struct contender *c;
	const struct point *p;
	uint32_t w;

	fprintf(f, "%-18s%6s%9s", "", "", "");
	for (w = 0; w < o->widths; w++)
		fprintf(f, "  %8u thread%-2s", o->threads[w], plural(o->threads[w]));
	fprintf(f, "\n%-18s%6s%9s", "queries/s", "ef", "recall");
	for (w = 0; w < o->widths; w++)
		fprintf(f, "%10s%9s", "CPU", "wall");
	fputc('\n', f);
	for (c = r->contender; c < r->contender + r->contenders; c++)
		for (p = c->point; p < c->point + c->points; p++) {
			fprintf(f, "%-18s", c->kind->name);
			if (c->kind->exact)
				fprintf(f, "%6s%9.4f", "-", p->recall);
			else
				fprintf(f, "%6u%9.4f", p->ef, p->recall);
			for (w = 0; w < o->widths; w++)
				fprintf(f, "%10.0f%9.0f", p->rate[w].cpu, p->rate[w].wall);
			fputc('\n', f);
		}
}

static void table_builds(const struct result *r, FILE *f)
{
	const struct contender *c;

	fprintf(f, "%-18s%10s%12s%14s\n", "", "rows/s", "bytes/row", "resident/row");
	for (c = r->contender; c < r->contender + r->contenders; c++)
		fprintf(f, "%-18s%10.0f%12.0f%14.0f\n", c->kind->name, c->build_rate, c->bytes,
			c->resident);
}

/* "-" stands for what a contender does not reach. */
static void ratio(FILE *f, int width, double x, double one)
{
	if (x > 0 && one > 0)
		fprintf(f, "%*.2f", width, x / one);
	else
		fprintf(f, "%*s", width, "-");
}

/* Beside the first of the numbers of threads: by processor time, and on the wall. */
static void scaling(const struct contender *c, uint32_t w, double recall, FILE *f)
{
	int i;

	for (i = 0; i < 2; i++)
		ratio(f, 7, contender_qps_at(c, w, i, recall), contender_qps_at(c, 0, i, recall));
}

static void table_ratios(const struct result *r, uint32_t w, FILE *f)
{
	uint32_t threads = r->o->threads[w], i;
	const struct contender *c;
	double qps;

	fprintf(f, "%u thread%-10s", threads, plural(threads));
	for (i = 0; i < COMPARED; i++)
		fprintf(f, "%8s%.2f   ratio%s", "at ", compared[i], w ? "  x CPU x wall" : "");
	fputc('\n', f);
	for (c = r->contender; c < r->contender + r->contenders; c++) {
		fprintf(f, "%-18s", c->kind->name);
		for (i = 0; i < COMPARED; i++) {
			qps = contender_qps_at(c, w, false, compared[i]);
			if (qps > 0)
				fprintf(f, "%12.0f", qps);
			else
				fprintf(f, "%12s", "-");
			ratio(f, 8, qps, contender_qps_at(r->contender, w, false, compared[i]));
			if (w)
				scaling(c, w, compared[i], f);
		}
		fputc('\n', f);
	}
}

void report_table(const struct result *r, FILE *f)
{
	const struct vecs *base = &r->data->base;
	uint32_t w, i;

	fprintf(f, "%" PRIu64 " rows of %u elements (%s), %" PRIu64 " queries; %s\n", base->rows,
		base->dim, r->data->what, r->data->queries.rows, r->machine);
	fprintf(f, "M %u, ef_construction %u, the %u nearest, medians of %u rounds\n\n", ANN_M,
		ANN_EF_CONSTRUCTION, ANN_K, r->o->rounds);
	table_points(r, f);
	fputc('\n', f);
	table_builds(r, f);
	for (w = 0; w < r->o->widths; w++) {
		fputc('\n', f);
		table_ratios(r, w, f);
	}
	if (!r->scanned)
		return;
	fprintf(f, "\n%-18s%10s%12s\n", "", "GB/s", "of the read");
	for (i = 0; i < ANN_SCANS; i++)
		fprintf(f, "%-18s%10.2f%11.0f%%\n", r->scan[i].name, r->scan[i].rate / 1e9,
			100 * r->scan[i].share);
}

/* ---- for programs --------------------------------------------------------------------- */

/* Names of files may hold anything. */
static void json_text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if ((unsigned char)*s < ' ')
			fprintf(f, "\\u%04x", *s);
		else
			fprintf(f, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
	}
	fputc('"', f);
}

static void json_point(const struct result *r, const struct point *p, FILE *f)
{
	uint32_t w;

	fprintf(f, "{\"ef\": %u, \"recall\": %.5f, \"rates\": [", p->ef, p->recall);
	for (w = 0; w < r->o->widths; w++)
		fprintf(f, "%s{\"threads\": %u, \"qps_cpu\": %.1f, \"qps_wall\": %.1f}",
			w ? ", " : "", r->o->threads[w], p->rate[w].cpu, p->rate[w].wall);
	fputs("]}", f);
}

static void json_contender(const struct result *r, const struct contender *c, FILE *f)
{
	uint32_t i;
	double qps;

	fprintf(f, "  {\"name\": \"%s\", \"build_per_s\": %.1f, \"bytes_per_row\": %.1f, "
		"\"resident_per_row\": %.1f,\n   \"points\": [", c->kind->name, c->build_rate,
		c->bytes, c->resident);
	for (i = 0; i < c->points; i++) {
		fputs(i ? ",\n    " : "\n    ", f);
		json_point(r, &c->point[i], f);
	}
	fputs("\n   ],\n   \"qps_cpu_at\": {", f);
	for (i = 0; i < COMPARED; i++) {
		qps = contender_qps_at(c, 0, false, compared[i]);
		fprintf(f, "%s\"%.2f\": ", i ? ", " : "", compared[i]);
		if (qps > 0)
			fprintf(f, "%.1f", qps);
		else
			fputs("null", f);
	}
	fputs("}}", f);
}

void report_json(const struct result *r, FILE *f)
{
	uint32_t i;

	fprintf(f, "{\"machine\": \"%s\", \"data\": ", r->machine);
	json_text(f, r->data->what);
	fprintf(f, ", \"rows\": %" PRIu64 ", \"dim\": %u, \"queries\": %" PRIu64 ",\n"
		" \"k\": %u, \"m\": %u, \"ef_construction\": %u, \"rounds\": %u,\n"
		" \"contenders\": [\n", r->data->base.rows, r->data->base.dim,
		r->data->queries.rows, ANN_K, ANN_M, ANN_EF_CONSTRUCTION, r->o->rounds);
	for (i = 0; i < r->contenders; i++) {
		json_contender(r, &r->contender[i], f);
		fputs(i + 1 < r->contenders ? ",\n" : "\n", f);
	}
	fputs(" ],\n \"scans\": [", f);
	for (i = 0; i < ANN_SCANS && r->scanned; i++)
		fprintf(f, "%s{\"name\": \"%s\", \"bytes\": %" PRIu64 ", \"bytes_per_s\": %.0f, "
			"\"share\": %.4f}", i ? ",\n  " : "\n  ", r->scan[i].name,
			r->scan[i].bytes,
			r->scan[i].rate, r->scan[i].share);
	fputs("\n ]}\n", f);
}

void report_csv(const struct result *r, FILE *f)
{
	const struct contender *c;
	const struct point *p;
	uint32_t w;

	fputs("contender,threads,ef,recall,qps_cpu,qps_wall,build_per_s,bytes_per_row,"
	      "resident_per_row\n", f);
	for (c = r->contender; c < r->contender + r->contenders; c++)
		for (p = c->point; p < c->point + c->points; p++)
			for (w = 0; w < r->o->widths; w++)
				fprintf(f, "%s,%u,%u,%.5f,%.1f,%.1f,%.1f,%.1f,%.1f\n",
					c->kind->name, r->o->threads[w], p->ef, p->recall,
					p->rate[w].cpu, p->rate[w].wall, c->build_rate, c->bytes,
					c->resident);
}
