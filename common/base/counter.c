/*
 * Counters: relaxed atomic additions on blocks that no two threads need to
 * share, and printing their sum in the OpenMetrics 1.0 text format.
 */
#include "common/base/counter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

int counters_init(struct counters *c, const struct counter_def *defs,
	size_t count)
{
	/* Whole cache lines: threads do not slow each other down. */
	size_t len = (count * sizeof(*c->values) + CACHE_LINE) / CACHE_LINE *
		CACHE_LINE;

	*c = (struct counters){.defs = defs, .count = count};
	c->values = aligned_alloc(CACHE_LINE, len);
	if (c->values == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		atomic_init(&c->values[i], 0);
	return 0;
}

void counters_fini(struct counters *c)
{
	free(c->values);
	*c = (struct counters){0};
}

void counter_add(struct counters *c, size_t id, uint64_t n)
{
	atomic_fetch_add_explicit(&c->values[id], n, memory_order_relaxed);
}

void counter_sub(struct counters *c, size_t id, uint64_t n)
{
	atomic_fetch_sub_explicit(&c->values[id], n, memory_order_relaxed);
}

void counter_set(struct counters *c, size_t id, uint64_t v)
{
	atomic_store_explicit(&c->values[id], v, memory_order_relaxed);
}

uint64_t counter_get(const struct counters *c, size_t id)
{
	return atomic_load_explicit(&c->values[id], memory_order_relaxed);
}

static uint64_t sum_of(const struct counters *const *blocks,
	size_t block_count, size_t id)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < block_count; i++)
		sum += counter_get(blocks[i], id);
	return sum;
}

/* OpenMetrics 1.0, "UNIT": only where the name ends in it. */
static bool ends_in_unit(const struct counter_def *def)
{
	size_t name_len = strlen(def->name);
	size_t unit_len = strlen(def->unit);

	return unit_len > 0 && name_len > unit_len &&
		def->name[name_len - unit_len - 1] == '_' &&
		strcmp(def->name + name_len - unit_len, def->unit) == 0;
}

static void print_name(FILE *f, const char *daemon,
	const struct counter_def *def)
{
	fputs("sallyport_", f);
	for (; *daemon != '\0'; daemon++)
		fputc(*daemon == '-' ? '_' : *daemon, f);
	fprintf(f, "_%s", def->name);
}

static void print_family(FILE *f, const char *daemon,
	const struct counter_def *def)
{
	fputs("# TYPE ", f);
	print_name(f, daemon, def);
	fputs(def->kind == COUNTER_TOTAL ? " counter\n" : " gauge\n", f);
	if (ends_in_unit(def)) {
		fputs("# UNIT ", f);
		print_name(f, daemon, def);
		fprintf(f, " %s\n", def->unit);
	}
	fputs("# HELP ", f);
	print_name(f, daemon, def);
	fprintf(f, " %s\n", def->help);
}

static void print_sample(FILE *f, const char *daemon,
	const struct counter_def *def, uint64_t value)
{
	print_name(f, daemon, def);
	if (def->kind == COUNTER_TOTAL)
		fputs("_total", f);
	if (def->labels != NULL)
		fprintf(f, "{%s}", def->labels);
	fprintf(f, " %" PRIu64 "\n", value);
}

/* A family is every row of one name; the format wants it in one piece. */
static bool is_first_of_family(const struct counter_def *defs, size_t id)
{
	for (size_t i = 0; i < id; i++) {
		if (strcmp(defs[i].name, defs[id].name) == 0)
			return false;
	}
	return true;
}

static void print_all(FILE *f, const struct counters *const *blocks,
	size_t block_count, const char *daemon)
{
	const struct counter_def *defs = blocks[0]->defs;
	size_t count = blocks[0]->count;

	for (size_t i = 0; i < count; i++) {
		if (!is_first_of_family(defs, i))
			continue;
		print_family(f, daemon, &defs[i]);
		for (size_t j = i; j < count; j++) {
			if (strcmp(defs[i].name, defs[j].name) == 0)
				print_sample(f, daemon, &defs[j],
					sum_of(blocks, block_count, j));
		}
	}
}

char *counters_openmetrics(const struct counters *const *blocks,
	size_t block_count, const char *daemon)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	bool bad;

	if (f == NULL)
		return NULL;
	if (block_count > 0)
		print_all(f, blocks, block_count, daemon);
	fputs("# EOF\n", f);
	bad = ferror(f) != 0;
	if (fclose(f) != 0 || bad) {
		free(text);
		return NULL;
	}
	return text;
}
