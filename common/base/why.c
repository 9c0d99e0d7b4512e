/*
 * Text of an error for people. Everything that goes in is made harmless:
 * one line of UTF-8, no control characters, cut visibly when it is too long.
 */
#include "common/base/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"

static void mark_cut(char text[static WHY_LEN])
{
	memcpy(text + WHY_LEN - 4, "...", 4);
}

static void EDGE_PRINTF(2, 0)
	print(char text[static WHY_LEN], const char *fmt, va_list ap)
{
	int n = vsnprintf(text, WHY_LEN, fmt, ap);

	if (n < 0)
		text[0] = '\0';
	if (n >= WHY_LEN)
		mark_cut(text);
	str_tidy(text);
}

int why_set(struct why *why, int err, const char *fmt, ...)
{
	/* Built aside: a value may point into the present text. */
	char text[WHY_LEN];
	va_list ap;

	if (why == NULL)
		return err;
	va_start(ap, fmt);
	print(text, fmt, ap);
	va_end(ap);
	memcpy(why->text, text, strlen(text) + 1);
	return err;
}

int why_prefix(struct why *why, int err, const char *fmt, ...)
{
	char text[WHY_LEN];
	size_t n;
	va_list ap;
	int rest;

	if (why == NULL)
		return err;
	va_start(ap, fmt);
	print(text, fmt, ap);
	va_end(ap);
	n = strlen(text);
	rest = snprintf(text + n, sizeof(text) - n, ": %s",
		why_text(why, err));
	if (rest < 0 || (size_t)rest >= sizeof(text) - n)
		mark_cut(text);
	str_tidy(text);
	memcpy(why->text, text, strlen(text) + 1);
	return err;
}

const char *why_text(const struct why *why, int err)
{
	if (why == NULL || why->text[0] == '\0')
		return err_text(err);
	return why->text;
}
