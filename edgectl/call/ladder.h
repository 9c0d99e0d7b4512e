/*
 * A call flow as people draw it: one column for each party, one arrow for
 * each message. Rows: {t_ms, from, to, what}.
 */
#ifndef EDGECTL_LADDER_H
#define EDGECTL_LADDER_H

#include <jansson.h>
#include <stdio.h>

void ladder_add(json_t *ladder, double t_ms, const char *from, const char *to,
	const char *what);
/* By time. */
void ladder_sort(json_t *ladder);
void ladder_print(FILE *to, const json_t *rows);

#endif
