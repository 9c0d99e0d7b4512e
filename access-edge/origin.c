/*
 * The kind of peer at the other end of a connection, by the port it came to
 * and the certificate it showed. Everything the proxy decides starts here.
 */
#include "access-edge/origin.h"

enum origin_role origin_role_of(enum origin_door door, bool has_certificate)
{
	switch (door) {
	case ORIGIN_DOOR_CLIENT:
		return ORIGIN_CLIENT;
	case ORIGIN_DOOR_PARTNER:
		return ORIGIN_PARTNER;
	case ORIGIN_DOOR_SHARED:
		return has_certificate ? ORIGIN_PARTNER : ORIGIN_CLIENT;
	case ORIGIN_DOOR_INTERNAL:
	case ORIGIN_DOOR_COUNT:
		return ORIGIN_INTERNAL;
	}
	return ORIGIN_CLIENT;
}

enum origin_role origin_role_before(enum origin_door door)
{
	return origin_role_of(door, false);
}

const char *origin_role_name(enum origin_role role)
{
	switch (role) {
	case ORIGIN_CLIENT:
		return "client";
	case ORIGIN_PARTNER:
		return "partner";
	case ORIGIN_INTERNAL:
		return "internal";
	}
	return "";
}

const char *origin_side_name(enum origin_role role)
{
	return role == ORIGIN_INTERNAL ? "internal" : "external";
}
