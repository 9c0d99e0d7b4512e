/*
 * The tables that canonical rows carry, with the statements for a row of
 * each. For this room only.
 */
#ifndef BUNDLE_BUNDLE_TABLE_H
#define BUNDLE_BUNDLE_TABLE_H

#include <stddef.h>

struct bundle_table {
	const char *name;
	int columns;
	const char *select; /* all rows, before each its scope */
	const char *insert;
};

/* In the order of their names, bytewise. */
extern const struct bundle_table BUNDLE_TABLES[];
extern const size_t BUNDLE_TABLE_COUNT;

/* NULL = there is none of that name; NULL as a name is none. */
const struct bundle_table *bundle_table_find(const char *name);

#endif
