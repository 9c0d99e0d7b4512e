/* How many random cases a property is tried with: the short form, or what
 * CASES says (make attack: a million). */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include <stdlib.h>

static inline unsigned cases(unsigned short_form)
{
	const char *text = getenv("CASES");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : short_form;
}

#endif
