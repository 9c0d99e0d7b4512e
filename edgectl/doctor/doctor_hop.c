/*
 * The doctor on the next hop: it can be reached from our inside address, and
 * the two believe each other's certificates. The handshake is the one that
 * access-edge makes, so that its cause of failure is told before a user
 * meets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/net/tls.h"
#include "edgectl/doctor/doctor.h"

#define REACH_MS 3000
/* With TLS 1.3 a server says no to our certificate after our last word. */
#define VERDICT_MS 300

/* A connected, blocking socket, or why there is none. */
static int reach(const struct addr *local, const struct addr *remote)
{
	const struct timeval limit = {.tv_sec = REACH_MS / 1000};
	struct sockaddr_storage sa;
	socklen_t len = sizeof(int);
	struct pollfd p = {.events = POLLOUT};
	int err = 0;

	p.fd = socket(remote->family == 6 ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p.fd < 0)
		return -errno;
	if (bind(p.fd, (struct sockaddr *)&sa, addr_to_sockaddr(local, &sa)) !=
		0)
		err = errno;
	else if (connect(p.fd, (struct sockaddr *)&sa,
			 addr_to_sockaddr(remote, &sa)) != 0 &&
		errno != EINPROGRESS)
		err = errno;
	else if (poll(&p, 1, REACH_MS) != 1)
		err = ETIMEDOUT;
	else if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err == 0 &&
		(fcntl(p.fd, F_SETFL, 0) < 0 ||
			setsockopt(p.fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
				sizeof(limit)) < 0 ||
			setsockopt(p.fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
				sizeof(limit)) < 0))
		err = errno;
	if (err == 0)
		return p.fd;
	close(p.fd);
	return -err;
}

static void judge_failure(struct doctor *d, const char *name, const SSL *ssl)
{
	const long verdict = SSL_get_verify_result(ssl);
	char text[160];

	if (verdict != X509_V_OK)
		doctor_add(d, DOCTOR_FAIL, "next hop",
			"name the authority that signed it under 'trust: "
			"internal' in edge.yaml",
			"we do not believe the certificate of %s: %s", name,
			X509_verify_cert_error_string(verdict));
	else
		doctor_add(d, DOCTOR_FAIL, "next hop",
			"let it listen with TLS there, and trust the "
			"authority of our internal certificate",
			"%s: TLS: %s", name,
			tls_error_text(text, sizeof(text)));
}

/* Has it taken our certificate? Silence is a yes: the first word is ours. */
static bool is_taken(SSL *ssl, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;
	int n;

	while (poll(&p, 1, VERDICT_MS) == 1) {
		n = SSL_read(ssl, &byte, 1);
		if (n > 0)
			return true;
		switch (SSL_get_error(ssl, n)) {
		case SSL_ERROR_WANT_READ:
			break;
		case SSL_ERROR_ZERO_RETURN: /* a farewell is no refusal */
			return true;
		default:
			return false;
		}
	}
	return true;
}

static void greet(struct doctor *d, int fd, const char *name, SSL *ssl)
{
	char copy[DNS_NAME_LEN]; /* the macro below wants no const */

	snprintf(copy, sizeof(copy), "%s", name);
	ERR_clear_error();
	if (SSL_set_fd(ssl, fd) != 1 ||
		SSL_set_tlsext_host_name(ssl, copy) != 1 ||
		SSL_connect(ssl) != 1)
		judge_failure(d, name, ssl);
	else if (!tls_ssl_has_name(ssl, name))
		doctor_add(d, DOCTOR_FAIL, "next hop",
			"give it a certificate with this name, or correct "
			"next_hop in the topology",
			"the certificate of %s lacks that name", name);
	else if (!is_taken(ssl, fd))
		judge_failure(d, name, ssl);
	else
		doctor_add(d, DOCTOR_OK, "next hop", NULL,
			"%s and we believe each other's certificates", name);
}

static void check_tls(struct doctor *d, int fd, const char *name)
{
	const struct conf_certificate *own = &d->conf->certs[CONF_USE_INTERNAL];
	struct tls_ctx *ctx = NULL;
	struct why why = {""};
	SSL *ssl = NULL;

	if (tls_ctx_new(&ctx,
		    &(struct tls_spec){
			    .role = TLS_ROLE_CLIENT,
			    .verify = TLS_VERIFY_REQUIRE,
			    .chain_path = own->chain,
			    .key_path = own->key,
			    .trust_path = d->conf->trust_internal,
		    },
		    &why) != 0)
		return; /* the room of certificates tells of files */
	ssl = SSL_new(tls_ctx_ssl(ctx));
	if (ssl != NULL)
		greet(d, fd, name, ssl);
	SSL_free(ssl);
	tls_ctx_unref(ctx);
}

static void check_at(struct doctor *d, const struct topology_hop *hop,
	const struct addr *local, const struct addr *remote)
{
	char text[ADDR_TEXT_LEN];
	int fd = reach(local, remote);

	addr_text(remote, text);
	if (fd < 0) {
		doctor_add(d, DOCTOR_WARN, "next hop",
			"start the SIP server, or open its firewall for our "
			"inside address",
			"%s (%s) can't be reached: %s", hop->fqdn, text,
			err_text(fd));
		return;
	}
	doctor_add(d, DOCTOR_OK, "next hop", NULL,
		"%s (%s) accepts connections from our inside", hop->fqdn,
		text);
	check_tls(d, fd, hop->fqdn);
	close(fd);
}

/* Only hops with an address in edge.yaml: the room of names tells of the
 * others. */
void doctor_hop(struct doctor *d, const struct topology_hop *hop,
	const struct topology_listener *inside)
{
	const struct addr local = addr_with_port(&inside->address, 0);

	for (size_t i = 0; i < d->conf->host_count; i++) {
		const struct conf_host *host = &d->conf->hosts[i];
		struct addr remote;

		if (strcmp(host->name, hop->fqdn) != 0 || host->addr_count == 0)
			continue;
		remote = addr_with_port(&host->addrs[0], hop->port);
		check_at(d, hop, &local, &remote);
	}
}
