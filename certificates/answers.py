"""The checker's exit codes that answer a certificate, as docs/certificate.md lists them."""

VERIFIED, REJECTED, DECLINED = 0, 1, 2
