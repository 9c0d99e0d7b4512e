/*
 * Which network device carries an address. Sockets are bound to it, so that
 * Linux's weak host model opens nothing to the other side (threat S19).
 */
#ifndef NET_DEVICE_H
#define NET_DEVICE_H

#include <stdbool.h>

#include "common/base/addr.h"
#include "common/base/attr.h"

#define NET_DEVICE_LEN 16

/* Name of the device that carries this address into out[16]; -ENODEV. */
EDGE_MUST int net_device_of(const struct addr *address, char *out);
/* Whether two addresses are on one device. */
bool net_same_device(const struct addr *a, const struct addr *b);
/* Bind fd to the device of this address and tell its name in out[16], which
 * may be NULL. Needs no privilege since Linux 5.7. */
EDGE_MUST int net_bind_device(int fd, const struct addr *address, char *out);
/* Why it failed, with what to do about it. */
const char *net_device_error(int err);

#endif
