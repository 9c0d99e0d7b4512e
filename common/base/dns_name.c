/* The shape of host and domain names. Looking them up is net/resolve.c. */
#include "common/base/dns_name.h"

#include "common/base/err.h"

#define NAME_MAX_LEN  253
#define LABEL_MAX_LEN 63

/* ASCII only and without a locale: isalnum() would ask one. */
static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9');
}

static bool label_is_valid(struct str label)
{
	if (label.n == 0 || label.n > LABEL_MAX_LEN)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	}
	return label.p[0] != '-' && label.p[label.n - 1] != '-';
}

static bool is_number(struct str label)
{
	for (size_t i = 0; i < label.n; i++) {
		if (label.p[i] < '0' || label.p[i] > '9')
			return false;
	}
	return true;
}

bool dns_name_is_valid(struct str text)
{
	struct str rest = text;
	struct str label = {NULL, 0};

	if (text.n == 0 || text.n > NAME_MAX_LEN)
		return false;
	while (str_split(&rest, '.', &label)) {
		if (!label_is_valid(label))
			return false;
	}
	return !is_number(label);
}

struct str dns_name_without_dot(struct str name)
{
	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	return name;
}

int dns_name_take(struct str text, char *out, size_t cap)
{
	int err;

	if (!dns_name_is_valid(text))
		return EDGE_EMALFORMED;
	err = str_copy(text, out, cap);
	if (err < 0)
		return err;
	for (char *p = out; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return 0;
}
