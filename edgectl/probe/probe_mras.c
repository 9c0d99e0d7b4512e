/* Credentials in XML: print the question, read the answer with expat. */
#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/probe/probe_mras.h"

#define NAMESPACE "http://schemas.microsoft.com/2006/09/sip/mrasp"
#define BODY_MAX  65536
#define DEPTH_MAX 16
#define TEXT_MAX  512

struct reader {
	XML_Parser parser;
	struct probe_mras *out;
	const char *location;
	unsigned depth;
	bool is_response;
	bool has_credentials; /* the first pair is complete */
	bool has_relay;
	char text[TEXT_MAX];
	size_t text_len;
	char relay_location[16];
	char relay_host[256];
	char relay_port[8];
};

static void put_escaped(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc(*text, to);
		}
	}
}

char *probe_mras_body(const struct probe_mras_request *r)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	fprintf(to, "<request requestID=\"%s\" version=\"2.0\" to=\"", r->id);
	put_escaped(to, r->to);
	fputs("\" from=\"", to);
	put_escaped(to, r->from);
	fprintf(to,
		"\" xmlns=\"" NAMESPACE "\"><credentialsRequest "
		"credentialsRequestID=\"%s\"><identity>",
		r->id);
	put_escaped(to, r->from);
	fprintf(to,
		"</identity><location>%s</location><duration>%u"
		"</duration></credentialsRequest></request>",
		r->location, r->minutes);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name,
	const XML_Char *system_id, const XML_Char *public_id, int internal)
{
	struct reader *r = arg;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *local_name(const XML_Char *name)
{
	const size_t len = strlen(NAMESPACE);

	if (strncmp(name, NAMESPACE "|", len + 1) != 0)
		return "";
	return name + len + 1;
}

static void XMLCALL on_start(void *arg, const XML_Char *name,
	const XML_Char **attrs)
{
	struct reader *r = arg;
	const char *local = local_name(name);

	if (++r->depth > DEPTH_MAX) {
		XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	r->text_len = 0;
	if (strcmp(local, "mediaRelay") == 0) {
		r->relay_location[0] = '\0';
		r->relay_host[0] = '\0';
		r->relay_port[0] = '\0';
	}
	if (r->depth != 1 || strcmp(local, "response") != 0)
		return;
	r->is_response = true;
	for (; attrs[0] != NULL; attrs += 2)
		if (strcmp(attrs[0], "reasonPhrase") == 0)
			snprintf(r->out->reason, sizeof(r->out->reason), "%s",
				attrs[1]);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
	struct reader *r = arg;

	if (r->text_len + (size_t)len >= sizeof(r->text)) {
		XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	memcpy(r->text + r->text_len, text, (size_t)len);
	r->text_len += (size_t)len;
}

static void take_relay(struct reader *r)
{
	uint32_t port;

	if (r->has_relay || strcmp(r->relay_location, r->location) != 0 ||
		str_to_u32(str_of(r->relay_port), &port) != 0 || port == 0 ||
		port > 65535 || r->relay_host[0] == '\0')
		return;
	memcpy(r->out->host, r->relay_host, sizeof(r->out->host));
	r->out->udp_port = (uint16_t)port;
	r->has_relay = true;
}

/* The element's own text goes where its name says. */
static void take_text(struct reader *r, const char *local)
{
	const struct {
		const char *name;
		char *to;
		size_t cap;
	} rows[] = {
		{"username", r->has_credentials ? NULL : r->out->user,
			sizeof(r->out->user)},
		{"password", r->has_credentials ? NULL : r->out->password,
			sizeof(r->out->password)},
		{"location", r->relay_location, sizeof(r->relay_location)},
		{"hostName", r->relay_host, sizeof(r->relay_host)},
		{"directIPAddress", r->relay_host, sizeof(r->relay_host)},
		{"udpPort", r->relay_port, sizeof(r->relay_port)},
	};
	const struct str text = str_trim((struct str){r->text, r->text_len});
	uint32_t minutes;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strcmp(local, rows[i].name) == 0 && rows[i].to != NULL &&
			str_copy(text, rows[i].to, rows[i].cap) != 0)
			rows[i].to[0] = '\0';
	if (strcmp(local, "duration") == 0 && !r->has_credentials &&
		str_to_u32(text, &minutes) == 0)
		r->out->minutes = minutes;
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	const char *local = local_name(name);

	r->depth--;
	take_text(r, local);
	r->text_len = 0;
	if (strcmp(local, "mediaRelay") == 0)
		take_relay(r);
	else if (strcmp(local, "credentials") == 0)
		r->has_credentials =
			r->out->user[0] != '\0' && r->out->password[0] != '\0';
}

static int judge(const struct reader *r, struct why *why)
{
	if (!r->is_response)
		return why_set(why, EDGE_EMALFORMED,
			"the answer is not a media relay response");
	if (strcmp(r->out->reason, "OK") != 0)
		return why_set(why, EDGE_EREFUSED,
			"the A/V authentication service says \"%s\"",
			r->out->reason);
	if (!r->has_credentials)
		return why_set(why, EDGE_EMALFORMED,
			"the answer holds no credential");
	if (!r->has_relay)
		return why_set(why, EDGE_EUNKNOWN,
			"the answer names no relay for \"%s\" over UDP",
			r->location);
	return 0;
}

int probe_mras_parse(struct probe_mras *out, struct str xml,
	const char *location, struct why *why)
{
	struct reader r = {.out = out, .location = location};
	enum XML_Status status;

	memset(out, 0, sizeof(*out));
	if (xml.n == 0 || xml.n > BODY_MAX)
		return why_set(why, EDGE_EMALFORMED,
			"the answer's body is empty or too long");
	r.parser = XML_ParserCreateNS(NULL, '|');
	if (r.parser == NULL)
		return -ENOMEM;
	XML_SetUserData(r.parser, &r);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	status = XML_Parse(r.parser, xml.p, (int)xml.n, XML_TRUE);
	XML_ParserFree(r.parser);
	if (status != XML_STATUS_OK)
		return why_set(why, EDGE_EMALFORMED,
			"the answer's body is not the XML it should be");
	return judge(&r, why);
}
