/*
 * Reading addresses off the command line. Which names a machine's own files
 * know is test_plan.c's and webconf_plan.c's.
 */
#include "edgectl/address.h"

#include <netdb.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"

int address_option(struct addr *out, const struct cmd_call *call,
	const char *option, struct why *why)
{
	const char *text = cmd_get(call, option);

	if (text == NULL || addr_parse_z(text, 0, out) == 0)
		return 0;
	return why_set(why, EDGE_ECONFIG, "--%s %s: not an address such as "
		"192.0.2.10", option, text);
}

/* "host:port" or "host"; false when it is neither. */
static bool split(const char *text, char host[static ADDRESS_HOST_LEN],
	uint32_t *port)
{
	struct str name = str_of(text);
	const char *colon = strrchr(text, ':');

	if (colon != NULL) {
		name.n = (size_t)(colon - text);
		if (str_to_u32(str_of(colon + 1), port) < 0 || *port == 0 ||
			*port > UINT16_MAX)
			return false;
	}
	return !str_is_empty(name) &&
		str_copy(name, host, ADDRESS_HOST_LEN) == 0;
}

int address_read(struct addr *out, char host[static ADDRESS_HOST_LEN],
	const char *option, const char *text, uint16_t fallback,
	struct why *why)
{
	uint32_t port = fallback;

	host[0] = '\0';
	if (addr_parse(str_of(text), out) == 0) {
		if (out->port == 0)
			out->port = fallback;
		return 0;
	}
	if (!split(text, host, &port))
		return why_set(why, EDGE_ECONFIG, "--%s %s: not a name or an "
			"address such as 192.0.2.10:443", option, text);
	*out = (struct addr){.port = (uint16_t)port};
	return 0;
}

int address_by_system(struct addr *out, const char *host, uint16_t port,
	const char *advice, struct why *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int result = getaddrinfo(host, NULL, &hints, &list);
	int err = EDGE_EUNKNOWN;

	if (result == 0)
		err = addr_from_sockaddr(list->ai_addr, list->ai_addrlen, out);
	if (list != NULL)
		freeaddrinfo(list);
	if (err < 0)
		return why_set(why, err, "%s: %s; %s", host,
			result != 0 ? gai_strerror(result) : "no address",
			advice);
	out->port = port;
	return 0;
}
