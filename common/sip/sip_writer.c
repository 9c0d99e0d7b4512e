/*
 * Text of a message that is made from nothing. Every value passes
 * sip_write_line, which refuses CR, LF and NUL (threat S2).
 */
#include "common/sip/sip_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/sip/sip_text.h"

#define TEXT_FIRST 1024

void sip_write(struct sip_writer *w, struct str s)
{
	size_t cap = w->cap == 0 ? TEXT_FIRST : w->cap;
	char *grown;

	if (w->err != 0 || s.n == 0)
		return;
	while (cap < w->len + s.n + 1)
		cap *= 2;
	if (cap != w->cap) {
		grown = realloc(w->text, cap);
		if (grown == NULL) {
			w->err = -ENOMEM;
			return;
		}
		w->text = grown;
		w->cap = cap;
	}
	memcpy(w->text + w->len, s.p, s.n);
	w->len += s.n;
	w->text[w->len] = '\0';
}

void sip_write_z(struct sip_writer *w, const char *text)
{
	sip_write(w, str_of(text));
}

void sip_write_number(struct sip_writer *w, size_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", n);
	sip_write_z(w, text);
}

void sip_write_line(struct sip_writer *w, const char *name,
	struct str value)
{
	if (!sip_is_token(str_of(name)) || !sip_is_one_line(value)) {
		if (w->err == 0)
			w->err = EDGE_EMALFORMED;
		return;
	}
	sip_write_z(w, name);
	sip_write_z(w, ": ");
	sip_write(w, value);
	sip_write_z(w, "\r\n");
}

void sip_write_line_z(struct sip_writer *w, const char *name,
	const char *value)
{
	if (value != NULL && value[0] != '\0')
		sip_write_line(w, name, str_of(value));
}

void sip_write_body(struct sip_writer *w, const char *type, struct str body)
{
	sip_write_line_z(w, "Content-Type", type);
	sip_write_z(w, "Content-Length: ");
	sip_write_number(w, body.n);
	sip_write_z(w, "\r\n\r\n");
	sip_write(w, body);
}

int sip_write_end(struct sip_writer *w, char **out, size_t *len)
{
	if (w->err != 0) {
		free(w->text);
		return w->err;
	}
	*out = w->text;
	*len = w->len;
	return 0;
}
