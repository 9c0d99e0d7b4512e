/*
 * Revocation lists: whatever OpenSSL finds on a list is found here too, and
 * what is no list costs nothing but a refusal (threats S4, S10).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/net/crl_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_have_all(const struct crl_list *list, X509_CRL *crl)
{
	STACK_OF(X509_REVOKED) *rows = X509_CRL_get_REVOKED(crl);
	int count = sk_X509_REVOKED_num(rows);

	must(crl_list_count(list) == (size_t)(count > 0 ? count : 0));
	for (int i = 0; i < count; i++)
		must(crl_list_has(list, X509_REVOKED_get0_serialNumber(
			sk_X509_REVOKED_value(rows, i))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	struct crl_list *list = NULL;
	struct why why = {""};
	X509_CRL *crl;

	if (crl_list_read(&list, data, len, &why) != 0) {
		must(list == NULL && why.text[0] != '\0');
		return 0;
	}
	(void)crl_list_until(list);
	must(crl_list_made(list) != NULL);
	crl = d2i_X509_CRL(NULL, &p, (long)len);
	if (crl != NULL)
		must_have_all(list, crl);
	X509_CRL_free(crl);
	crl_list_unref(list);
	ERR_clear_error();
	return 0;
}
