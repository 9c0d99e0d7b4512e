/*
 * Names and texts of error codes. Both are static strings, so that they may
 * be used anywhere, also side by side in one call. Where a text comes from
 * the C library it is used as it is.
 */
#include "common/base/err.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/base/attr.h"

struct err_row {
	int err;
	const char *name;
	const char *text;
};

static const struct err_row OWN[] = {
	{EDGE_EMALFORMED, "EDGE_EMALFORMED", "malformed"},
	{EDGE_ETOOBIG, "EDGE_ETOOBIG", "too big"},
	{EDGE_ESHORT, "EDGE_ESHORT", "incomplete"},
	{EDGE_EFORGED, "EDGE_EFORGED", "integrity check failed"},
	{EDGE_EEXPIRED, "EDGE_EEXPIRED", "expired"},
	{EDGE_EREFUSED, "EDGE_EREFUSED", "refused by policy"},
	{EDGE_EUNKNOWN, "EDGE_EUNKNOWN", "unknown"},
	{EDGE_EBUSY, "EDGE_EBUSY", "a limit is reached"},
	{EDGE_ECONFIG, "EDGE_ECONFIG", "wrong configuration"},
	{EDGE_ETLS, "EDGE_ETLS", "TLS failure"},
	{EDGE_EDATABASE, "EDGE_EDATABASE", "database failure"},
	{EDGE_EPEER, "EDGE_EPEER", "the other side failed"},
};

/* What people meet most, in the form that fits inside a sentence. */
static const struct err_row COMMON[] = {
	{-EACCES, "EACCES", "permission denied"},
	{-EADDRINUSE, "EADDRINUSE", "address already in use"},
	{-EADDRNOTAVAIL, "EADDRNOTAVAIL", "no such address on this host"},
	{-EAGAIN, "EAGAIN", "not ready yet"},
	{-ECONNREFUSED, "ECONNREFUSED", "connection refused"},
	{-ECONNRESET, "ECONNRESET", "connection reset by the other side"},
	{-EEXIST, "EEXIST", "exists already"},
	{-EHOSTUNREACH, "EHOSTUNREACH", "no route to the host"},
	{-EINVAL, "EINVAL", "invalid argument"},
	{-EIO, "EIO", "input/output error"},
	{-EISDIR, "EISDIR", "is a directory"},
	{-EMFILE, "EMFILE", "too many open files"},
	{-ENETUNREACH, "ENETUNREACH", "network is unreachable"},
	{-ENOENT, "ENOENT", "no such file or directory"},
	{-ENOMEM, "ENOMEM", "out of memory"},
	{-ENOSPC, "ENOSPC", "no space left on the device"},
	{-ENOTDIR, "ENOTDIR", "not a directory"},
	{-EPERM, "EPERM", "operation not permitted"},
	{-EPIPE, "EPIPE", "the other side has closed"},
	{-EROFS, "EROFS", "file system is read-only"},
	{-ETIMEDOUT, "ETIMEDOUT", "timed out"},
};

static const struct err_row *find_row(int err)
{
	for (size_t i = 0; i < ARRAY_COUNT(OWN); i++) {
		if (OWN[i].err == err)
			return &OWN[i];
	}
	for (size_t i = 0; i < ARRAY_COUNT(COMMON); i++) {
		if (COMMON[i].err == err)
			return &COMMON[i];
	}
	return NULL;
}

const char *err_name(int err)
{
	const struct err_row *row = find_row(err);
	const char *name;

	if (row != NULL)
		return row->name;
	if (err == 0)
		return "OK";
	if (err > 0 || err == INT_MIN)
		return "EUNKNOWN";
	name = strerrorname_np(-err);
	return name != NULL ? name : "EUNKNOWN";
}

const char *err_text(int err)
{
	const struct err_row *row = find_row(err);
	const char *text;

	if (row != NULL)
		return row->text;
	if (err == 0)
		return "no error";
	if (err > 0 || err == INT_MIN)
		return "unknown error";
	text = strerrordesc_np(-err);
	return text != NULL ? text : "unknown error";
}
