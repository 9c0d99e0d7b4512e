/*
 * REGISTER (RFC 3261 section 10.3, RFC 3327, what outbound needs of RFC
 * 5626). Nobody is asked for a password: the inside of a demo.
 */
#include "tests/mock/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/sip/sip_reply.h"
#include "common/sip/sip_text.h"

#define EXPIRES_S     600
#define EXPIRES_MAX_S 3600
#define CONTACTS_MAX  8
#define FIELDS_MAX    (CONTACTS_MAX + BINDING_PATHS_MAX + 2)

static void lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* "bob@127.0.4.1:40112", which tells a contact from another. */
static char *where_of(const struct sip_uri *uri)
{
	char *text = NULL;

	if (asprintf(&text, "%.*s@%.*s:%u", STR_ARG(uri->user),
		    STR_ARG(uri->host), sip_uri_port(uri)) < 0)
		return NULL;
	lower(text);
	return text;
}

static char *user_of(const struct sip_uri *uri)
{
	char *text = str_dup(uri->user);

	if (text != NULL)
		lower(text);
	return text;
}

static uint32_t expires_of(const struct sip_msg *m,
	const struct sip_addr *contact)
{
	uint32_t s = EXPIRES_S;
	struct str value;

	if (contact != NULL &&
		sip_param_find(contact->params, "expires", &value)) {
		if (str_to_u32(value, &s) < 0)
			s = EXPIRES_S;
	} else if (sip_msg_has_header(m, "Expires")) {
		if (str_to_u32(sip_msg_header(m, "Expires"), &s) < 0)
			s = EXPIRES_S;
	}
	return s < EXPIRES_MAX_S ? s : EXPIRES_MAX_S;
}

/* The device: its instance and reg-id (RFC 5626 section 6), else its
 * contact. */
static void read_device(struct binding *b, const struct sip_addr *contact)
{
	struct str instance;
	struct str reg_id = { NULL, 0 };

	if (!sip_param_find(contact->params, "+sip.instance", &instance)) {
		b->key = str_dup(contact->uri.text);
		b->params = strdup("");
		return;
	}
	if (!sip_param_find(contact->params, "reg-id", &reg_id)) {
		b->key = str_dup(instance);
		if (asprintf(&b->params, ";+sip.instance=%.*s",
			    STR_ARG(instance)) < 0)
			b->params = NULL;
		return;
	}
	if (asprintf(&b->key, "%.*s;%.*s", STR_ARG(instance),
		    STR_ARG(reg_id)) < 0)
		b->key = NULL;
	if (asprintf(&b->params, ";+sip.instance=%.*s;reg-id=%.*s",
		    STR_ARG(instance), STR_ARG(reg_id)) < 0)
		b->params = NULL;
}

static void read_paths(struct binding *b, struct sip_msg *m)
{
	struct str path;

	while (b->path_count < BINDING_PATHS_MAX &&
		sip_msg_value(m, SIP_HEADER_PATH, b->path_count, &path)) {
		b->paths[b->path_count] = str_dup(path);
		if (b->paths[b->path_count] == NULL)
			return;
		b->path_count++;
	}
}

static struct binding *binding_of(struct peer *from, struct sip_msg *m,
	const struct sip_addr *contact, uint32_t expires_s)
{
	struct binding *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	list_init(&b->node);
	b->user = user_of(&m->to.uri);
	b->contact = str_dup(contact->uri.text);
	b->where = where_of(&contact->uri);
	b->peer_id = from->id;
	b->expires = mono_after_ms(mono_now(), (int64_t)expires_s * 1000);
	read_device(b, contact);
	read_paths(b, m);
	if (b->user == NULL || b->contact == NULL || b->where == NULL ||
		b->key == NULL || b->params == NULL) {
		binding_free(b);
		return NULL;
	}
	return b;
}

/* 0, or the status to answer. */
static unsigned take_contact(struct peer *from, struct sip_msg *m,
	const struct sip_addr *contact)
{
	struct inside *in = from->in;
	uint32_t expires_s = expires_of(m, contact);
	struct binding *b;
	unsigned status = 0;

	if (contact->is_star) {
		char *user = user_of(&m->to.uri);

		if (user != NULL && expires_s == 0)
			bindings_drop_key(&in->bindings, user, NULL);
		else
			status = 400;
		free(user);
		return status;
	}
	if (!sip_uri_is_sip(&contact->uri))
		return 400;
	b = binding_of(from, m, contact, expires_s);
	if (b == NULL)
		return 500;
	if (expires_s == 0) {
		bindings_drop_key(&in->bindings, b->user, b->key);
		binding_free(b);
		return 0;
	}
	return bindings_put(&in->bindings, b) < 0 ? 503 : 0;
}

/* What the 200 says: all contacts of the user, and the path. */
static void accept_register(struct peer *from, const struct sip_msg *m,
	const char *user)
{
	struct sip_field fields[FIELDS_MAX];
	char contacts[CONTACTS_MAX][1024];
	struct mono now = mono_now();
	struct sip_reply reply = { .status = 200, .fields = fields };
	size_t contact_count = 0;
	struct list *it;
	struct str path;
	char *text;
	size_t len;
	size_t i;

	list_for_each(it, &from->in->bindings.all) {
		struct binding *b = container_of(it, struct binding, node);
		int64_t left_ms = mono_since_ms(now, b->expires);

		if (contact_count == CONTACTS_MAX || left_ms <= 0 ||
			strcmp(b->user, user) != 0)
			continue;
		snprintf(contacts[contact_count], sizeof(contacts[0]),
			"<%s>%s;expires=%lld", b->contact, b->params,
			(long long)((left_ms + 999) / 1000));
		fields[reply.field_count++] = (struct sip_field){ "Contact",
			str_of(contacts[contact_count]) };
		contact_count++;
	}
	for (i = 0; i < BINDING_PATHS_MAX &&
		sip_msg_value(m, SIP_HEADER_PATH, i, &path); i++)
		fields[reply.field_count++] = (struct sip_field){ "Path",
			path };
	if (sip_msg_has_token(m, SIP_HEADER_SUPPORTED, "outbound") &&
		strstr(contact_count > 0 ? contacts[0] : "", ";reg-id=") !=
			NULL)
		fields[reply.field_count++] = (struct sip_field){ "Require",
			STR_LIT("outbound") };
	if (sip_reply_print(m, &reply, &text, &len) == 0)
		inside_send_text(from, text, len);
}

void inside_register(struct peer *from, struct sip_msg *m)
{
	struct sip_addr contact;
	unsigned status = 0;
	char *user;
	size_t i;
	int err;

	if (!sip_uri_is_sip(&m->to.uri) || str_is_empty(m->to.uri.user)) {
		inside_answer(from, m, 400, "Bad To");
		return;
	}
	if (!sip_host_eq(m->to.uri.host, str_of(from->in->domain))) {
		inside_answer(from, m, 404, NULL);
		return;
	}
	for (i = 0; i < CONTACTS_MAX && status == 0; i++) {
		err = sip_msg_addr(m, SIP_HEADER_CONTACT, i, &contact);
		if (err == EDGE_EUNKNOWN)
			break;
		status = err < 0 ? 400 : take_contact(from, m, &contact);
	}
	user = user_of(&m->to.uri);
	if (user != NULL && from->hop == NULL && i > 0 &&
		!sip_msg_has_header(m, "Path"))
		snprintf(from->name, sizeof(from->name), "%.64s@%.128s", user,
			from->in->domain);
	if (status == 0 && user == NULL)
		status = 500;
	if (status != 0)
		inside_answer(from, m, status, NULL);
	else
		accept_register(from, m, user);
	free(user);
}
