/*
 * Parts of a certificate as text. Decides nothing.
 */
#include "common/net/tls_text.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/x509v3.h>

void tls_text_name(const X509_NAME *name, char *out, size_t cap)
{
	unsigned long form = XN_FLAG_RFC2253 &
		~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;

	out[0] = '\0';
	if (bio == NULL)
		return;
	if (X509_NAME_print_ex(bio, name, 0, form) >= 0)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0)
		snprintf(out, cap, "%.*s", (int)len, text);
	BIO_free(bio);
}

void tls_text_serial(const X509 *cert, char *out, size_t cap)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = bn != NULL ? BN_bn2hex(bn) : NULL;

	snprintf(out, cap, "%s", hex != NULL ? hex : "");
	OPENSSL_free(hex);
	BN_free(bn);
}
