/* Is every key of a file in its manual page? Run from the top folder. */
#ifndef TEST_RUN_MANUAL_H
#define TEST_RUN_MANUAL_H

#include <check.h>
#include <stdio.h>
#include <string.h>

/* In mdoc, as a name in bold: ".It Ic name". */
static inline void manual_has(const char *path, const char *name)
{
	FILE *from = fopen(path, "r");
	static char page[65536];
	char want[80];
	size_t len;

	ck_assert_ptr_nonnull(from);
	len = fread(page, 1, sizeof(page) - 1, from);
	page[len] = '\0';
	fclose(from);
	snprintf(want, sizeof(want), "\n.It Ic %s\n", name);
	ck_assert_msg(strstr(page, want) != NULL, "%s: no %s", path, name);
}

#endif
