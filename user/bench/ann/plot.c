// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plot of recall and speed as SVG. Speed goes up by factors; recall to the right by the share
 * that is missed, divided again and again, since the last percents are where a choice is made.
 * Every line bears its name; there is no background, and the colours can be read on white and on
 * black.
 */
#include <math.h>
#include <string.h>

#include "ann.h"

#define WIDTH	820
#define HEIGHT	520
#define LEFT	76
#define TOP	58
#define RIGHT	(WIDTH - 178)
#define BOTTOM	(HEIGHT - 62)
/* Between the names of two lines. */
#define GAP	18

#define TEXT_COLOUR	"#76797d"

/**
 * struct plot - the area of a plot
 * @r: what is plotted
 * @f: where to
 * @left: recall at the left edge; @right likewise
 * @low: queries a second at the bottom, a power of ten times 1, 2 or 5; @high at the top
 */
struct plot {
	const struct result *r;
	FILE *f;
	double left;
	double right;
	double low;
	double high;
};

/* Names of lines, to be kept apart. */
struct label {
	double x;
	double y;
	double at;
	const char *text;
	const char *colour;
};

static double missed(double recall)
{
	return -log10(1 - recall);
}

/* Everything found is beyond the edge of this scale: it is drawn on the edge. */
static double x_of(const struct plot *p, double recall)
{
	double r = fmin(fmax(recall, p->left), p->right);

	return LEFT + (RIGHT - LEFT) * (missed(r) - missed(p->left)) /
		      (missed(p->right) - missed(p->left));
}

static double y_of(const struct plot *p, double qps)
{
	return BOTTOM - (BOTTOM - TOP) * log(qps / p->low) / log(p->high / p->low);
}

/* The next of 1, 2, 5, 10, 20 ... below (@up 0) or above @x. */
static double round_to(double x, int up)
{
	static const double step[] = { 1, 2, 5, 10 };
	double ten = pow(10, floor(log10(x)));
	int i;

	if (up) {
		for (i = 0; step[i] * ten < x; i++)
			;
	} else {
		for (i = 3; step[i] * ten > x; i--)
			;
	}
	return step[i] * ten;
}

static void range(struct plot *p)
{
	double low = 1e300, high = 0, left = 1, qps;
	uint32_t c, i;

	for (c = 0; c < p->r->contenders; c++)
		for (i = 0; i < p->r->contender[c].points; i++) {
			qps = p->r->contender[c].point[i].rate[0].cpu;
			low = fmin(low, qps);
			high = fmax(high, qps);
			left = fmin(left, p->r->contender[c].point[i].recall);
		}
	p->low = round_to(low, 0);
	p->high = round_to(high * 1.05, 1);
	p->left = fmin(left, 0.9) - 0.02;
	p->left = p->left < 0 ? 0 : p->left;
	p->right = 0.9995;
}

static void line(const struct plot *p, double x1, double y1, double x2, double y2,
		 const char *how)
{
	fprintf(p->f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2,
		y2, how);
}

static void text(const struct plot *p, double x, double y, const char *anchor, const char *how,
		 const char *what)
{
	fprintf(p->f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>\n", x, y,
		anchor, how, what);
}

static void axis_recall(const struct plot *p)
{
	static const double ticks[] = { 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995,
					0.999 };
	char word[16];
	size_t i;

	for (i = 0; i < sizeof(ticks) / sizeof(*ticks); i++) {
		if (ticks[i] < p->left)
			continue;
		line(p, x_of(p, ticks[i]), TOP, x_of(p, ticks[i]), BOTTOM, "class=\"grid\"");
		snprintf(word, sizeof(word), "%g", ticks[i]);
		text(p, x_of(p, ticks[i]), BOTTOM + 20, "middle", "", word);
	}
	line(p, RIGHT, TOP, RIGHT, BOTTOM, "class=\"grid\"");
	text(p, RIGHT, BOTTOM + 20, "middle", "", "1");
	text(p, (LEFT + RIGHT) / 2, BOTTOM + 44, "middle", "",
	     "recall: share of the 10 nearest rows that was found");
}

/* With a comma after the thousands. */
static void grouped(char *out, size_t len, double x)
{
	if (x >= 1e6)
		snprintf(out, len, "%.0f,%03.0f,%03.0f", floor(x / 1e6),
			 floor(fmod(x, 1e6) / 1000), fmod(x, 1000));
	else if (x >= 1000)
		snprintf(out, len, "%.0f,%03.0f", floor(x / 1000), fmod(x, 1000));
	else
		snprintf(out, len, "%g", x);
}

static void axis_speed(const struct plot *p)
{
	double tick;
	char word[32];

	for (tick = p->low; tick <= p->high * 1.001; tick = round_to(tick * 1.5, 1)) {
		line(p, LEFT, y_of(p, tick), RIGHT, y_of(p, tick), "class=\"grid\"");
		grouped(word, sizeof(word), tick);
		text(p, LEFT - 10, y_of(p, tick) + 4, "end", "", word);
	}
	text(p, LEFT - 58, TOP - 14, "start", "", "queries a second");
}

static void curve(const struct plot *p, const struct contender *c)
{
	uint32_t i;

	fprintf(p->f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" "
		"stroke-linejoin=\"round\" points=\"", c->kind->colour,
		strncmp(c->kind->name, "VexFS", 5) ? "1.6" : "2.4");
	for (i = 0; i < c->points; i++)
		fprintf(p->f, "%s%.1f,%.1f", i ? " " : "", x_of(p, c->point[i].recall),
			y_of(p, c->point[i].rate[0].cpu));
	fputs("\"/>\n", p->f);
	for (i = 0; i < c->points; i++)
		fprintf(p->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			x_of(p, c->point[i].recall), y_of(p, c->point[i].rate[0].cpu),
			c->kind->colour);
}

/* Sorted from the top down, and each at least GAP below the one before. */
static void spread(struct label *l, uint32_t n)
{
	struct label x;
	uint32_t i, j;

	for (i = 1; i < n; i++) {
		x = l[i];
		for (j = i; j && l[j - 1].y > x.y; j--)
			l[j] = l[j - 1];
		l[j] = x;
	}
	for (i = 0; i < n; i++)
		l[i].at = i ? fmax(l[i].y, l[i - 1].at + GAP) : l[i].y;
	for (i = n; i--;)
		l[i].at = fmin(l[i].at, i + 1 < n ? l[i + 1].at - GAP : BOTTOM);
}

static void names(const struct plot *p)
{
	struct label l[ANN_CONTENDERS];
	const struct contender *c;
	char how[96];
	uint32_t i;

	for (i = 0; i < p->r->contenders; i++) {
		c = &p->r->contender[i];
		l[i].x = x_of(p, c->point[c->points - 1].recall);
		l[i].y = y_of(p, c->point[c->points - 1].rate[0].cpu);
		l[i].text = c->kind->name;
		l[i].colour = c->kind->colour;
	}
	spread(l, i);
	while (i--) {
		snprintf(how, sizeof(how), "stroke=\"%s\" stroke-width=\"0.8\" opacity=\"0.6\"",
			 l[i].colour);
		line(p, l[i].x + 5, l[i].y, RIGHT + 28, l[i].at, how);
		snprintf(how, sizeof(how), "fill=\"%s\" font-weight=\"bold\"", l[i].colour);
		text(p, RIGHT + 33, l[i].at + 4, "start", how, l[i].text);
	}
}

void plot_svg(const struct result *r, FILE *f)
{
	struct plot p = { .r = r, .f = f };
	char title[160], rows[32];
	uint32_t i;

	range(&p);
	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<!-- SPDX-License-Identifier: GPL-2.0-only -->\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" "
		"font-size=\"13\" fill=\"" TEXT_COLOUR "\">\n"
		"<style>.grid { stroke: " TEXT_COLOUR "; opacity: 0.25 }</style>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	grouped(rows, sizeof(rows), r->data->base.rows);
	snprintf(title, sizeof(title), "%s rows of %u elements, %u thread%s", rows,
		 r->data->base.dim, r->o->threads[0],
		 r->o->threads[0] == 1 ? "" : "s");
	text(&p, LEFT - 58, 22, "start", "font-size=\"16\" font-weight=\"bold\"", title);
	axis_recall(&p);
	axis_speed(&p);
	for (i = 0; i < r->contenders; i++)
		curve(&p, &r->contender[i]);
	names(&p);
	fputs("</svg>\n", f);
}
