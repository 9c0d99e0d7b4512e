/*
 * Text of a message that is made from nothing: grows on the heap, remembers
 * the first error.
 */
#ifndef SIP_WRITER_H
#define SIP_WRITER_H

#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/str.h"

struct sip_writer {
	char *text; /* owned */
	size_t len;
	size_t cap;
	int err; /* first error; later calls do nothing */
};

void sip_write(struct sip_writer *w, struct str s);
void sip_write_z(struct sip_writer *w, const char *text);
void sip_write_number(struct sip_writer *w, size_t n);
/* "Name: value" and a line end; refuses line ends in either. */
void sip_write_line(struct sip_writer *w, const char *name,
	struct str value);
/* The same, but nothing for an empty value. */
void sip_write_line_z(struct sip_writer *w, const char *name,
	const char *value);
/* Content-Type (NULL = none), Content-Length, empty line, body. */
void sip_write_body(struct sip_writer *w, const char *type,
	struct str body);
/* Hand over the text, or free it and return the error. */
EDGE_MUST int sip_write_end(struct sip_writer *w, char **out, size_t *len);

#endif
